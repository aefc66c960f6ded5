"""What the derivatives of regions share: the running analysis, and the values of a body brought from its history.

The same analysis solves the bodies: it comes in as `Host`, so the regions import neither the gradient nor the solver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from paramprog.graph import Graph, Node, PortKind, Result, part
from paramprog.graph.region import Key
from paramprog.transfer.facts import Fact


class Host(Protocol):
    """What a region's derivative needs of the running analysis."""

    graph: Graph
    backward: bool
    values: Mapping[Node, Any]
    contracts: bool
    """Whether sums over turns whose number is known at run time only may become contractions of histories."""
    states: Mapping[Node, int] | None

    def inside(
        self, body: Graph, values: Mapping[Node, Any], seeds: dict[Node, Fact], nodes: Sequence[Node]
    ) -> dict[Node, Fact]: ...


class Brought(dict[Node, Any]):
    """Values of the nodes of a body of `region`, for its derivative's body: brought from the history when asked for."""

    def __init__(self, region: Node, values: Mapping[Node, Any], body: Graph) -> None:
        super().__init__()
        self.region, self.values_outside, self.body = region, values, body
        # a body is shared by the copies of its region, so what a port gets is read off this node's arguments
        self.args = dict(zip(region.attrs["ports"], region.args[1:], strict=True))

    def __missing__(self, node: Node) -> Node:
        if not node.args and node not in self.args:
            value = self.body.append(node.op, (), node.attrs, node.results)
        elif node in self.args:
            value = self.body.own(self.values_outside[self.args[node]], kind_of(self.region, node))
        else:
            value = self.body.own(self.values_outside[part(self.region, node)])
        self[node] = value
        return value


def kind_of(region: Node, port: Node) -> PortKind:
    """How the argument of a port enters."""
    return "shared" if port in region.attrs.get("shared", ()) else "free"


def is_summed(region: Node, key: Key) -> bool:
    """Whether a result is the sum over all lanes that selected it (of bools: whether any holds)."""
    return isinstance(key, Result) and key.number in region.attrs.get("summed", ())
