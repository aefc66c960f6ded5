"""Many samples at once: from the graph of one sample, the graph of all lanes.

Batching is a forward dataflow analysis. The fact at a node is a node that holds its values, and whether these have an
axis of lanes in front; what no batched input reaches stands for itself, so W @ x becomes one matrix product, and the
gradient of W one contraction. The transfer functions are the rules of the primitives (`Op.over_lanes`).

Regions are in batch_regions.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paramprog.batch_regions import NodeLanes, Parts, Wide, batched_region
from paramprog.dataflow.flow import Analysis, Edge
from paramprog.dataflow.solve import solve
from paramprog.diagnostics import fail
from paramprog.graph import PART, Graph, Node, Region, cone, copied_node
from paramprog.op import NoLanes
from paramprog.types import Dim


def batch(outputs: Sequence[Node], inputs: Mapping[Node, Node], size: Dim) -> list[Node]:
    """The outputs over all lanes, each `[size, *shape]`, appended to the graph.

    `inputs` maps leaves to the leaves (or other nodes) that hold their values in all lanes; every other leaf is shared.

    Raises ProgramError, with the place, for a primitive without a rule.
    """
    graph = outputs[0].graph
    lanes = NodeLanes(graph, size)
    given: dict[Node, Wide | Parts] = {x: Wide(xs, True) for x, xs in inputs.items()}
    nodes = cone(graph.nodes[: max(y.id for y in outputs) + 1], outputs)
    facts: dict[Node, Any] = solve(nodes, Batching(lanes, given, stay=True))
    return [lanes.widened(facts[y]) for y in outputs]


class Batching(Analysis[Node, "Wide | Parts"]):
    """The analysis in one graph, or in the body of a region: then nothing stays as it is, but is copied."""

    def __init__(self, lanes: NodeLanes, given: Mapping[Node, Wide | Parts], *, stay: bool) -> None:
        self.lanes, self.graph, self.given, self.stay = lanes, lanes.graph, given, stay

    def flow(self, edge: Edge, fact: Any) -> Any:
        return (edge.port, fact)

    def meet(self, node: Node, facts: Sequence[Any]) -> Wide | Parts:
        if node in self.given:
            return self.given[node]
        by_port = dict(facts)
        arrived = [by_port[port] for port in range(len(node.args))]
        with self.graph.at(node.span):
            made = self._made(node, arrived)
        if isinstance(made, Wide) and made.node.name is None:
            made.node.name = node.name
        return made

    def _made(self, node: Node, facts: list[Any]) -> Wide | Parts:
        if node.op is PART and not isinstance(facts[0], Wide):
            found: Wide = facts[0](node.attrs["of"])
            return found
        flags = [f.lanes for f in facts]
        args = [f.node for f in facts]
        if not any(flags):
            return Wide(node if self.stay else copied_node(node, args, self.graph), False)
        if isinstance(node.op, Region):
            return batched_region(self.lanes, node, facts, _inside)
        try:
            return Wide(node.op.over_lanes(self.lanes, flags, *args, **node.attrs), True)
        except NoLanes as problem:
            raise fail("no-lanes", str(problem), node.span) from None


def _inside(body: Graph, lanes: NodeLanes, given: Mapping[Node, Any]) -> Mapping[Node, Any]:
    return solve(body.nodes, Batching(lanes, given, stay=False))
