"""Many samples at once: from the graph of one sample, the graph of all lanes.

Batching is a forward dataflow analysis. The fact at a node is a node that holds its values, and whether these have an
axis of lanes in front; what no batched input reaches stands for itself, so W @ x becomes one matrix product, and the
gradient of W one contraction. The transfer functions are the rules of the primitives (`Op.over_lanes`).

A branch whose condition is the same for all lanes stays a branch between batched bodies. One whose condition has lanes
becomes a branch per lane: its bodies go on speaking of one lane, and what all lanes share enters as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from paramprog.dataflow.flow import Analysis, Edge
from paramprog.dataflow.solve import solve
from paramprog.diagnostics import fail
from paramprog.graph import PART, Graph, Node, Region, Result, cone, part
from paramprog.graph.region import Key, make_region
from paramprog.op import NoLanes
from paramprog.transfer.linear import SPREAD, SUM
from paramprog.transfer.max import ANY
from paramprog.transfer.regions import Branch, is_summed
from paramprog.transfer.source import FULL
from paramprog.transfer.step import REAL
from paramprog.types import Dim, Type


class NodeLanes(NamedTuple):
    """Lanes of nodes of a graph; see `op.Lanes`."""

    graph: Graph
    size: Dim

    def widen(self, x: Node) -> Node:
        """x in every lane; a number stays one that rules can see."""
        if x.op is FULL:
            return self.graph.constant(x.attrs["value"], x.kind, (self.size, *x.shape))
        if x.op is REAL and x.args[0].op is FULL:
            return self.graph.emit(REAL, self.widen(x.args[0]))
        return self.graph.emit(SPREAD, x, axes=(0,), sizes=(self.size,))


class Wide(NamedTuple):
    """The fact at a node: what holds its values, and whether it has an axis of lanes in front."""

    node: Node
    lanes: bool


Parts = Callable[[Key], Wide]
"""The fact at a region: from a key to the fact of that part."""


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
    return [_widened(lanes, facts[y]) for y in outputs]


def _widened(lanes: NodeLanes, fact: Wide) -> Node:
    return fact.node if fact.lanes else lanes.widen(fact.node)


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
            return Wide(node if self.stay else self._copied(node, args), False)
        if isinstance(node.op, Branch):
            return _branch(self.lanes, node, facts)
        try:
            return Wide(node.op.over_lanes(self.lanes, flags, *args, **node.attrs), True)
        except NoLanes as problem:
            raise fail("no-lanes", str(problem), node.span) from None

    def _copied(self, node: Node, args: Sequence[Node]) -> Node:
        if node.op is PART:
            return part(args[0], node.attrs["of"])
        if isinstance(node.op, Region):
            return node.op.copy(node, args, self.graph)
        return self.graph.append(node.op, tuple(args), node.attrs, node.results)


# ---- branches ----------------------------------------------------------------------------------------------------


def _branch(lanes: NodeLanes, node: Node, facts: Sequence[Wide]) -> Parts:
    condition, *ports = facts
    if node.args[0].shape or condition.lanes:
        return _per_lane(lanes, node, condition, ports)
    return _one_side(lanes, node, condition.node, ports)


def _one_side(lanes: NodeLanes, node: Node, condition: Node, ports: Sequence[Wide]) -> Parts:
    """All lanes take the same side: a branch between batched bodies."""
    old = node.attrs["bodies"]
    bodies = tuple(Graph(lanes.graph) for _ in old)
    inside: list[Mapping[Node, Any]] = []
    for body, before in zip(bodies, old, strict=True):
        entering: dict[Node, Wide | Parts] = {
            p: Wide(body.own(f.node), f.lanes)
            for p, f in zip(node.attrs["ports"], ports, strict=True)
            if p.graph is before
        }
        inner = NodeLanes(body, lanes.size)
        inside.append(solve(before.nodes, Batching(inner, entering, stay=False)))
    results: tuple[list[Node], list[Node]] = ([], [])
    for which, (body, found) in enumerate(zip(bodies, inside, strict=True)):
        inner = NodeLanes(body, lanes.size)
        results[which].extend(body.own(_widened(inner, found[n])) for n in node.attrs["results"][which])
    types = [n.type for n in results[0]]
    made = make_region(
        _region(node), lanes.graph, condition, bodies, types, results=tuple(map(tuple, results))
    )

    def of(key: Key) -> Wide:
        if isinstance(key, Result):
            return Wide(part(made, key), True)
        fact = inside[old.index(key.graph)][key]
        return Wide(part(made, fact.node), fact.lanes)

    return of


def _per_lane(lanes: NodeLanes, node: Node, condition: Wide, ports: Sequence[Wide]) -> Parts:
    """Each lane takes its own side. The bodies are those of one lane, and the new axis is one more of their lanes."""
    inner = node.args[0].shape
    before = node.attrs.get("shared", frozenset())
    shared: set[Node] = set()
    args: list[Node] = []
    for p, f in zip(node.attrs["ports"], ports, strict=True):
        if not f.lanes and (p in before or not inner):
            shared.add(p)
            args.append(f.node)
        elif p in before:  # the same in all lanes of the branch, but not in all of the new ones
            axes = tuple(range(1, 1 + len(inner)))
            args.append(lanes.graph.emit(SPREAD, f.node, axes=axes, sizes=inner))
        else:
            args.append(_widened(lanes, f))
    attrs = {k: v for k, v in node.attrs.items() if k not in ("shared", "summed")}
    if shared:
        attrs["shared"] = frozenset(shared)
    each = (lanes.size, *inner)
    types = tuple(Type(n.kind, (*each, *n.shape)) for n in node.attrs["results"][0])
    made = lanes.graph.append(_region(node), (_widened(lanes, condition), *args), attrs, types)

    def of(key: Key) -> Wide:
        taken = part(made, key)
        if is_summed(node, key):
            axes = tuple(range(1, 1 + len(inner)))
            if taken.kind == "bool":
                taken = lanes.graph.emit(ANY, taken, axes=axes)
            else:
                taken = lanes.graph.emit(SUM, taken, axes=axes, sizes=inner)
        return Wide(taken, True)

    return of


def _region(node: Node) -> Region:
    assert isinstance(node.op, Region)
    return node.op
