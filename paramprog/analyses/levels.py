"""The parallel schedule: which points can be computed at the same time, forwards and in the backward sweep."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from paramprog.dataflow.flow import Analysis, Edge
from paramprog.dataflow.semiring import REACH, PathSum
from paramprog.dataflow.solve import solve
from paramprog.graph import PART, Node, Region


class Level(Analysis[Node, int]):
    """The number of edges on the longest path to a node; a region and the parts taken out of it are one step."""

    def flow(self, edge: Edge, fact: int) -> int:
        return fact if edge.consumer.op is PART else fact + 1

    def meet(self, node: Node, facts: Sequence[int]) -> int:
        return max(facts, default=0)


def forward_levels(nodes: Collection[Node]) -> dict[Node, int]:
    """By the longest path from the leaves: a level needs only what earlier levels computed."""
    return solve(nodes, Level())


def backward_levels(nodes: Collection[Node], output: Node) -> dict[Node, int]:
    """The levels of the gradient analysis: by the longest path to the output, for nodes with a derivative.

    Static: an edge counts when the operation has a Jacobian at all.
    """
    reached = solve(nodes, PathSum(REACH, [output], _carries), backward=True)
    active = [n for n in nodes if reached[n] and n.kind == "real"]
    return solve(active, Level(), backward=True)


def _carries(edge: Edge) -> bool:
    op = edge.consumer.op
    known = op.jacobian is not None or op is PART or (isinstance(op, Region) and edge.port > 0)
    return known and edge.producer.kind == "real" and edge.consumer.kind == "real"
