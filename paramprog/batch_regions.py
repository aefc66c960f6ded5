"""Batching regions: branches and loops, whose conditions, limits and tests may or may not differ from lane to lane.

What all lanes decide alike stays as it is, between batched bodies. A branch whose condition has lanes becomes a branch
per lane: its bodies go on speaking of one lane, and what all lanes share enters as it is. A loop whose lanes make
different numbers of turns becomes `while any lane goes on { if it goes on { body } }`, so the branch does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from paramprog.graph import Graph, Node, Region, Result, copied, part
from paramprog.graph.region import TRIPS, Key, make_region
from paramprog.transfer.branches import Branch, branch
from paramprog.transfer.linear import SPREAD, SUM
from paramprog.transfer.loops import REPLAY, Loop, loop
from paramprog.transfer.max import ANY, MAX
from paramprog.transfer.rearrange import TRANSPOSE
from paramprog.transfer.regions import is_summed
from paramprog.transfer.source import FULL
from paramprog.transfer.step import AND, GREATER, REAL
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

    def widened(self, fact: Wide) -> Node:
        return fact.node if fact.lanes else self.widen(fact.node)


class Wide(NamedTuple):
    """The fact at a node: what holds its values, and whether it has an axis of lanes in front."""

    node: Node
    lanes: bool


Parts = Callable[[Key], Wide]
"""The fact at a region: from a key to the fact of that part."""

Facts = Mapping[Node, Any]


class Inside(Protocol):
    """The batching analysis in a body: facts of its nodes, given those of its ports."""

    def __call__(self, body: Graph, lanes: NodeLanes, given: Facts) -> Facts: ...


def batched_region(lanes: NodeLanes, node: Node, facts: Sequence[Wide], inside: Inside) -> Parts:
    """The facts of the parts of a region, some of whose arguments have lanes."""
    if node.op is REPLAY:
        node = node.attrs["plain"]
        return _Looping(lanes, node, facts[: len(node.args)], inside).parts()
    if isinstance(node.op, Loop):
        return _Looping(lanes, node, facts, inside).parts()
    assert isinstance(node.op, Branch)
    condition, *ports = facts
    if node.args[0].shape or condition.lanes:
        return _per_lane(lanes, node, condition, ports)
    return _one_side(lanes, node, condition.node, ports, inside)


# ---- branches ----------------------------------------------------------------------------------------------------


def _one_side(lanes: NodeLanes, node: Node, condition: Node, ports: Sequence[Wide], inside: Inside) -> Parts:
    """All lanes take the same side: a branch between batched bodies."""
    old = node.attrs["bodies"]
    bodies = [NodeLanes(Graph(lanes.graph), lanes.size) for _ in old]
    found: list[Facts] = []
    for body, before in zip(bodies, old, strict=True):
        entering = {
            p: Wide(body.graph.own(f.node), f.lanes)
            for p, f in zip(node.attrs["ports"], ports, strict=True)
            if p.graph is before
        }
        found.append(inside(before, body, entering))
    results = tuple(
        tuple(body.graph.own(body.widened(facts[n])) for n in node.attrs["results"][which])
        for which, (body, facts) in enumerate(zip(bodies, found, strict=True))
    )
    types = [n.type for n in results[0]]
    graphs = [body.graph for body in bodies]
    assert isinstance(node.op, Region)
    made = make_region(node.op, lanes.graph, condition, graphs, types, results=results)

    def of(key: Key) -> Wide:
        if isinstance(key, Result):
            return Wide(part(made, key), True)
        assert isinstance(key, Node)
        fact = found[old.index(key.graph)][key]
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
            args.append(lanes.widened(f))
    attrs = {k: v for k, v in node.attrs.items() if k not in ("shared", "summed")}
    if shared:
        attrs["shared"] = frozenset(shared)
    each = (lanes.size, *inner)
    types = tuple(Type(n.kind, (*each, *n.shape)) for n in node.attrs["results"][0])
    made = lanes.graph.append(node.op, (lanes.widened(condition), *args), attrs, types)

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


# ---- loops -------------------------------------------------------------------------------------------------------


def swapped(x: Node) -> Node:
    """[turns, lanes, ...] <-> [lanes, turns, ...]; twice is nothing."""
    axes = (1, 0, *range(2, len(x.shape)))
    if x.op is TRANSPOSE and x.attrs["axes"] == axes:
        return x.args[0]
    return x.graph.emit(TRANSPOSE, x, axes=axes)


class _Looping:
    """A loop over lanes; which carries have lanes is the least fixed point."""

    def __init__(self, lanes: NodeLanes, node: Node, facts: Sequence[Wide], inside: Inside) -> None:
        self.lanes, self.node = lanes, node
        self.limit = facts[0]
        self.ports: dict[Node, Wide] = dict(zip(node.attrs["ports"], facts[1:], strict=True))
        (self.old,) = node.attrs["bodies"]
        self.next: dict[Node, Node] = dict(node.attrs["next"])
        self.test: Node | None = node.attrs["test"]
        self.wide = {c for c in self.next if self.ports[c].lanes}
        self.differ = self.limit.lanes
        while True:
            self.body = NodeLanes(Graph(lanes.graph), lanes.size)
            self.entering = {p: self._entering(p) for p in self.old.ports}
            self.facts = inside(self.old, self.body, self.entering)
            self.differ = self.differ or (self.test is not None and self.facts[self.test].lanes)
            grown = {c for c, n in self.next.items() if self.differ or self.facts[n].lanes} - self.wide
            if not grown:
                return
            self.wide |= grown

    def _entering(self, p: Node) -> Wide:
        body, kind = self.body.graph, self.old.ports[p].kind
        if kind == "index":
            return Wide(body.port("index", None), False)
        fact = self.ports[p]
        if kind == "carry":
            if p in self.wide:
                return Wide(body.port("carry", self.lanes.widened(fact)), True)
            return Wide(body.port("carry", fact.node), False)
        if kind == "scan":
            return Wide(body.port("scan", swapped(fact.node) if fact.lanes else fact.node), fact.lanes)
        return Wide(body.own(fact.node), fact.lanes)

    def parts(self) -> Parts:
        return self._differing() if self.differ else self._together()

    def _together(self) -> Parts:
        """All lanes make the same turns."""
        body, node = self.body, self.node
        pairs = []
        for c, n in self.next.items():
            value = body.widened(self.facts[n]) if c in self.wide else self.facts[n].node
            pairs.append((self.entering[c].node, value))
        test = None if self.test is None else body.graph.own(self.facts[self.test].node)
        made = loop(
            self.lanes.graph,
            self.limit.node,
            body.graph,
            pairs,
            test,
            reverse=node.attrs["reverse"],
            trips=node.attrs["trips"],
            checkpoint=node.attrs.get("checkpoint"),
        )
        carries = list(self.next)

        def of(key: Key) -> Wide:
            if isinstance(key, Result):
                return Wide(part(made, key), carries[key.number] in self.wide)
            if not isinstance(key, Node):
                return Wide(part(made, key), False)
            fact = self.facts[key]
            history = part(made, fact.node)
            return Wide(swapped(history) if fact.lanes else history, fact.lanes)

        return of

    def _differing(self) -> Parts:
        """In each turn the lanes that go on run the body, the others keep what they carry."""
        lanes, body, node = self.lanes, self.body, self.node
        index = body.graph.port("index", None)
        limit = body.graph.own(self.limit.node)
        goes_on = GREATER(limit if self.limit.lanes else body.widen(limit), body.widen(index))
        if self.test is not None:
            goes_on = AND(goes_on, body.widened(self.facts[self.test]))
        turns = body.graph.port("carry", lanes.graph.constant(0, "int", (lanes.size,)))
        arm, rest = Graph(body.graph, lane_rank=1), Graph(body.graph, lane_rank=1)
        env = {p: arm.own(f.node, "free" if f.lanes else "shared") for p, f in self.entering.items()}
        copied([n for n in self.old.nodes if n not in env], env, arm)
        done = (*(arm.own(env[n]) for n in self.next.values()), arm.own(turns, "free") + 1)
        kept = (*(rest.own(self.entering[c].node, "free") for c in self.next), rest.own(turns, "free"))
        new = branch(body.graph, goes_on, (arm, rest), (done, kept))
        ports = [*(self.entering[c].node for c in self.next), turns]
        any_lane = None if self.test is None else ANY(goes_on, axes=(0,))
        most = self.limit.node
        if self.limit.lanes:
            most = MAX(most, axes=(0,), sizes=(lanes.size,))
        made = loop(
            lanes.graph,
            most,
            body.graph,
            list(zip(ports, new, strict=True)),
            any_lane,
            reverse=node.attrs["reverse"],
            trips=node.attrs["trips"],
            checkpoint=node.attrs.get("checkpoint"),
        )
        region = new[0].args[0]

        def of(key: Key) -> Wide:
            if key is TRIPS:
                return Wide(part(made, Result(len(self.next))), True)
            if isinstance(key, Result):
                return Wide(part(made, key), True)
            assert isinstance(key, Node)
            return Wide(swapped(part(made, part(region, env[key]))), True)

        return of
