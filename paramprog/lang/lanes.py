"""`if c then a else b` with an array condition: what is computed per lane, and what the lanes share.

An arm is first built as it reads, on whole arrays. Its lanewise part is what leads to the result through elementwise
operations of the condition's shape alone, and through entries taken of a vector; only that is evaluated lane by lane.
The rest (a matrix product, a sum) has no lanes: where it could fail it runs if any lane is selected, else it moves in
front of the branch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from paramprog.graph import PART, Graph, Node, cone, copied, replay
from paramprog.op import OPS
from paramprog.transfer.branches import Branch, branch
from paramprog.transfer.gather import GATHER
from paramprog.transfer.source import FULL, LEAF


class Guard(NamedTuple):
    """The lanes for which shared parts are computed, if any; `branches` are the nodes that want these parts."""

    lanes: Node
    branches: list[Node]


@dataclass(eq=False)
class Guards:
    """What guards shared parts, each the node `any(lanes)`; the lanes that conditionals around have narrowed down."""

    found: dict[Node, Guard] = field(default_factory=dict)
    made: dict[Node, Node] = field(default_factory=dict)
    """For lanes the guard."""
    narrowed: dict[Node, Node] = field(default_factory=dict)
    """For lanes in an arm those of them that the conditional selects."""
    others: dict[tuple[Graph, Node], Node] = field(default_factory=dict)
    """The lanes where a condition does not hold, in this graph."""


def conditional_lanes(
    outer: Graph, condition: Node, arms: tuple[Graph, Graph], results: tuple[Node, Node], guards: Guards
) -> Node:
    """The result of a branch per lane, for arms built on whole arrays in bodies of `outer`."""
    lanes = condition.shape
    bodies: list[Graph] = []
    ends: list[Node] = []
    wanted: dict[Node, None] = {}
    for which, (arm, result) in enumerate(zip(arms, results, strict=True)):
        side = _Side(outer, condition, which, arm, guards)
        body = Graph(outer, lane_rank=len(lanes))
        lanewise = side.lanewise(result)
        by_lane = [a for n in lanewise for a in _arguments(n)[0] if a not in lanewise] or [result] * (
            not lanewise
        )
        whole = [a for n in lanewise for a in _arguments(n)[1]]
        shared = side.shared(list(dict.fromkeys([*by_lane, *whole])))
        env = {inside: _in_a_lane(outer, body, shared[inside], lanes) for inside in dict.fromkeys(by_lane)}
        _replay(lanewise, env, {inside: body.own(shared[inside], "shared") for inside in whole}, body)
        bodies.append(body)
        ends.append(env[result])
        wanted |= side.wanted
    (found,) = branch(outer, condition, (bodies[0], bodies[1]), ((ends[0],), (ends[1],)))
    for guard in wanted:
        guards.found[guard].branches.append(found.args[0])
    return found


def _in_a_lane(outer: Graph, body: Graph, value: Node, lanes: tuple[int, ...]) -> Node:
    if value.op is FULL:  # one number for all lanes is one number in a lane
        return body.constant(value.attrs["value"], value.kind)
    return body.own(value if value.shape == lanes else outer.spread(value, lanes))


def _is_mapped(n: Node) -> bool:
    """Whether a node is a comprehension: a body for every lane."""
    return isinstance(n.op, Branch) and len(n.attrs["bodies"]) == 1


def _is_lookup(n: Node) -> bool:
    """Whether a node takes an entry of one vector for each of its own."""
    return n.op is GATHER and len(n.args[0].shape) == 1


def _arguments(n: Node) -> tuple[list[Node], list[Node]]:
    """The arguments of which a lane sees its entry, and those that it sees whole."""
    if _is_lookup(n):
        return [n.args[1]], [n.args[0]]
    if not isinstance(n.op, Branch):
        return list(n.args), []
    shared = n.attrs.get("shared", ())
    ports = list(zip(n.attrs["ports"], n.args[1:], strict=True))
    by_lane = [a for p, a in ports if p not in shared]
    return by_lane if _is_mapped(n) else [n.args[0], *by_lane], [a for p, a in ports if p in shared]


def _replay(lanewise: Iterable[Node], env: dict[Node, Node], whole: dict[Node, Node], body: Graph) -> None:
    """Copy what each lane computes into `body`, in place in `env`; a comprehension is what it computes for the lane."""
    entries: dict[Node, dict[Node, Node]] = {}
    for n in lanewise:
        if not isinstance(n.op, Branch):
            if n.op is PART and n.args[0] in entries:
                (results,) = n.args[0].attrs["results"]
                env[n] = entries[n.args[0]][results[n.attrs["of"].number]]
                continue
            if _is_lookup(n):
                with body.at(n.span):
                    env[n] = body.emit(n.op, whole[n.args[0]], env[n.args[1]], **n.attrs)
                continue
            replay([n], env, body)
            continue
        shared = n.attrs.get("shared", ())
        ports = zip(n.attrs["ports"], n.args[1:], strict=True)
        given = {p: (whole if p in shared else env)[a] for p, a in ports}
        if _is_mapped(n):
            (inner,), (results,) = n.attrs["bodies"], n.attrs["results"]
            entries[n] = replay(cone(inner.nodes, results), given, body)
        else:
            env[n] = n.op.copy(n, [env[n.args[0]], *given.values()], body)


def _is_lanewise(n: Node, lanes: tuple[int, ...]) -> bool:
    if n.op is PART:
        return _is_lanewise(n.args[0], lanes)
    if isinstance(n.op, Branch):
        return n.args[0].shape == lanes
    return (n.op.elementwise or _is_lookup(n)) and n.shape == lanes


class _Side:
    """One side of a conditional, built on whole arrays in `arm`."""

    def __init__(self, outer: Graph, condition: Node, which: int, arm: Graph, guards: Guards) -> None:
        self.outer, self.condition, self.which, self.arm = outer, condition, which, arm
        self.guards = guards
        self.narrowed = {n: guards.found[n] for n in arm.nodes if n in guards.found}
        """The guards in the arm whose branches are lanewise: only lanes of this side matter to them."""
        self.wanted: dict[Node, None] = {}
        """The guards of what this side shares."""

    def lanewise(self, result: Node) -> dict[Node, None]:
        """The nodes that lead to `result` only, lane by lane, in order."""
        while True:
            live = set(self._cone([result]))
            found = self._lanewise(result)
            wide = [
                n
                for n, guard in self.narrowed.items()
                if any(b in live and b not in found for b in guard.branches)
            ]
            if not wide:
                return found
            for n in wide:
                del self.narrowed[n]

    def _lanewise(self, result: Node) -> dict[Node, None]:
        lanes = self.condition.shape
        found: dict[Node, None] = {}
        uses: dict[Node, list[Node]] = {}
        whole: set[Node] = set()
        live = self._cone([result])
        for n in live:
            whole.update(_arguments(n)[1])
            for a in n.args if n not in self.narrowed else ():
                uses.setdefault(a, []).append(n)
        for n in reversed(live):
            if (
                _is_lanewise(n, lanes)
                and n not in whole
                and (n is result or uses.get(n))
                and all(u in found for u in uses.get(n, []))
            ):
                found[n] = None
        return dict.fromkeys(reversed(found))

    def _cone(self, roots: Sequence[Node]) -> list[Node]:
        """What `roots` are made of, not looking behind guards that are made anew."""
        needed = set(roots)
        for n in reversed(self.arm.nodes):
            if n in needed and n not in self.narrowed:
                needed.update(n.args)
        return [n for n in self.arm.nodes if n in needed]

    def shared(self, wanted: Sequence[Node]) -> dict[Node, Node]:
        """For each of `wanted` in the arm the node of the graph around that holds it."""
        outer, live = self.outer, self._cone(wanted)
        env: dict[Node, Node] = {}
        for n in live:
            port = self.arm.ports.get(n)
            if port is not None and port.outer is not None:
                env[n] = port.outer
            elif n in self.narrowed:
                env[n] = self._guard(self._narrow(self.narrowed[n].lanes))
        computed = [n for n in live if n not in env and n.op is not LEAF]
        if all(n.op.total or not n.args or n.op is PART for n in computed):
            copied(computed, env, outer)
            return {n: env[n] for n in wanted}
        any_lane = self._guard(self._selected())
        taken, absent = Graph(outer), Graph(outer)
        inner = {leaf: taken.own(value) for leaf, value in env.items()}
        copied(computed, inner, taken)
        results = tuple(inner[n] for n in wanted)
        nothing = tuple(absent.zeros(n) for n in results)
        return dict(zip(wanted, branch(outer, any_lane, (taken, absent), (results, nothing)), strict=True))

    def _guard(self, lanes: Node) -> Node:
        """Whether any of these lanes is selected."""
        known = self.guards.made
        if lanes not in known:
            known[lanes] = self.outer.emit(OPS["any"], lanes, axes=tuple(range(len(lanes.shape))))
            self.guards.found[known[lanes]] = Guard(lanes, [])
        self.wanted[known[lanes]] = None
        return known[lanes]

    def _selected(self) -> Node:
        """The lanes of this side."""
        holds = self.outer.own(self.condition)
        if self.which == 0:
            return holds
        known, key = self.guards.others, (self.outer, holds)
        if key not in known:
            known[key] = self.outer.emit(OPS["not"], holds)
        return known[key]

    def _narrow(self, lanes: Node) -> Node:
        """Where this side is selected and `lanes`, a node of the arm, holds; nothing is asked of the other lanes."""
        if lanes in self.guards.narrowed:
            return self.guards.narrowed[lanes]
        other = Graph(self.outer)
        arms, results = [self.arm, other], [lanes, other.constant(False, "bool", lanes.shape)]
        if self.which:
            arms, results = arms[::-1], results[::-1]
        made = conditional_lanes(
            self.outer, self.condition, (arms[0], arms[1]), (results[0], results[1]), self.guards
        )
        self.guards.narrowed[lanes] = made
        return made
