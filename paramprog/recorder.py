"""The executed trace: every operation that a run really computed, in one flat graph without regions.

A branch is replaced by the operations of the side taken, a loop by those of all its turns; what runs per lane by the
operations on the lanes that were selected, between `compress` and `expand`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from paramprog.diagnostics import fail
from paramprog.graph import PART, Graph, Node, Region, Result, demand
from paramprog.graph.region import TRIPS, Key, Live, ValueFault
from paramprog.op import Op
from paramprog.transfer.branches import Branch
from paramprog.transfer.gather import GATHER
from paramprog.transfer.linear import COPY, SPREAD, SUM
from paramprog.transfer.loops import Loop
from paramprog.transfer.max import ANY
from paramprog.transfer.pair import ADD
from paramprog.transfer.put import PUT
from paramprog.transfer.rearrange import RESHAPE, STACK
from paramprog.transfer.regions import is_summed
from paramprog.transfer.select import COMPRESS, EXPAND, SLICE, Cut
from paramprog.transfer.step import NOT, OR


class Recorded(NamedTuple):
    """A node of the trace, and whether its first axis is that of the lanes being recorded."""

    node: Node
    wide: bool


@dataclass
class Lanes:
    """So many lanes are recorded at once; `wide` are the nodes of the program that have an axis for them."""

    recorder: Recorder
    size: int
    wide: set[Node] = field(default_factory=set)

    def widen(self, x: Any) -> Any:
        return self.recorder.emit(SPREAD, x, axes=(0,), sizes=(self.size,))


class Recorder:
    """Runs nodes of a program and appends each operation executed to one flat graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.values: dict[Node, Any] = {}

    # ---- operations ----------------------------------------------------------------------------------------------

    def leaf(self, node: Node, value: Any) -> Node:
        made = self.graph.leaf(node.type, node.name)
        made.span = node.span
        self.values[made] = value
        return made

    def emit(self, op: Op, *args: Any, **attrs: Any) -> Node:
        """Append the operation (and the spreads it needs) and compute it."""
        return self._computed(lambda: self.graph.emit(op, *args, **attrs))

    def _computed(self, append: Callable[[], Node]) -> Node:
        first = len(self.graph.nodes)
        made = append()
        for n in self.graph.nodes[first:]:
            if n in self.values:
                continue
            try:
                self.values[n] = n.op.value(*[self.values[a] for a in n.args], **n.attrs)
            except ValueFault as fault:
                raise fail(fault.code, fault.message, n.span) from None
        return made

    def array(self, value: Any) -> Node:
        return self._computed(lambda: self.graph.array(value))

    def inline(self, live: Live, env: dict[Node, Any], lanes: Lanes | None = None) -> None:
        """Run `live`; `env` maps nodes of the program to nodes of the trace, and regions to what their keys became."""
        for n, keys in live.items():
            if n in env:
                continue
            flags = [lanes is not None and a in lanes.wide for a in n.args]
            with self.graph.at(n.span):
                if isinstance(n.op, Region):
                    args = [
                        None if a not in env else Recorded(env[a], f)
                        for a, f in zip(n.args, flags, strict=True)
                    ]
                    env[n] = self._region(n, args, keys, lanes)
                    continue
                if n.op is PART:
                    found: Recorded = env[n.args[0]][n.attrs["of"]]
                    env[n], wide = found
                elif not any(flags):
                    env[n], wide = self.emit(n.op, *(env[a] for a in n.args), **n.attrs), False
                else:
                    env[n], wide = self._over(n, flags, [env[a] for a in n.args], lanes), True
                if wide and lanes is not None:
                    lanes.wide.add(n)
                env[n].name = env[n].name or n.name

    def _over(self, n: Node, flags: Sequence[bool], args: Sequence[Node], lanes: Lanes | None) -> Node:
        assert lanes is not None
        made: Node = self._computed(lambda: n.op.over_lanes(lanes, flags, *args, **n.attrs))
        return made

    def _region(
        self, node: Node, args: Sequence[Recorded | None], keys: Collection[Key], lanes: Lanes | None
    ) -> Mapping[Key, Recorded]:
        outside = len(self.graph.nodes)
        if isinstance(node.op, Loop):
            found = self._loop(node, args, keys, lanes)
        else:
            assert isinstance(node.op, Branch)
            found = self._branch(node, args, keys, lanes)
        return self._own(found, outside)

    def _own(self, parts: Mapping[Key, Recorded], outside: int) -> dict[Key, Recorded]:
        """Each part as a node of its own: an outer value, one value twice, or one also used inside becomes a point."""
        taken = {a for n in self.graph.nodes[outside:] for a in n.args}
        own: dict[Key, Recorded] = {}
        for k, (n, wide) in parts.items():
            own[k] = Recorded(self.emit(COPY, n) if n.id < outside or n in taken else n, wide)
            taken.add(n)
        return own

    # ---- branches ------------------------------------------------------------------------------------------------

    def _branch(
        self, node: Node, args: Sequence[Recorded | None], keys: Collection[Key], lanes: Lanes | None
    ) -> Mapping[Key, Recorded]:
        op = node.op
        assert isinstance(op, Branch)
        condition = args[0]
        assert condition is not None
        live = op.live(node, frozenset(keys))
        inner = node.args[0].shape
        ports = dict(zip(node.attrs["ports"], args[1:], strict=True))
        if not inner and not condition.wide:
            which = 0 if self.values[condition.node] else 1
            return self._one_side(node, which, ports, keys, live[which], lanes)
        head = condition.node if condition.wide or lanes is None else lanes.widen(condition.node)
        shared = node.attrs.get("shared", frozenset())
        entering: dict[Node, Recorded] = {}
        """What enters, and whether it has an entry for each lane of the branch."""
        for p, a in ports.items():
            if a is None:
                continue
            if lanes is None:
                entering[p] = Recorded(a.node, p not in shared)
            elif not a.wide and (p in shared or not inner):
                entering[p] = Recorded(a.node, False)
            elif p in shared:
                axes = tuple(range(1, 1 + len(inner)))
                entering[p] = Recorded(self.emit(SPREAD, a.node, axes=axes, sizes=inner), True)
            else:
                entering[p] = Recorded(a.node if a.wide else lanes.widen(a.node), True)
        summed = {k for k in keys if is_summed(node, k)} if lanes is None else set()
        found = self._sides(node, head, entering, keys, live, summed)
        for k in keys:
            if lanes is not None and is_summed(node, k):
                axes = tuple(range(1, 1 + len(inner)))
                total = found[k]
                found[k] = (
                    self.emit(ANY, total, axes=axes)
                    if total.kind == "bool"
                    else self.emit(SUM, total, axes=axes, sizes=inner)
                )
        return {k: Recorded(n, lanes is not None) for k, n in found.items()}

    def _one_side(
        self,
        node: Node,
        which: int,
        ports: Mapping[Node, Recorded | None],
        keys: Collection[Key],
        live: Live,
        lanes: Lanes | None,
    ) -> Mapping[Key, Recorded]:
        env: dict[Node, Any] = {}
        for p, a in ports.items():
            if p in live and a is not None:
                env[p] = a.node
                if a.wide and lanes is not None:
                    lanes.wide.add(p)
        self.inline(live, env, lanes)
        wide = lanes.wide if lanes is not None else ()
        return {
            k: Recorded(env[at], at in wide) for k, at in _targets(node, which, keys).items() if at in env
        }

    def _sides(
        self,
        node: Node,
        condition: Node,
        entering: Mapping[Node, Recorded],
        keys: Collection[Key],
        live: Sequence[Live],
        summed: Collection[Key],
    ) -> dict[Key, Node]:
        """Each side on its lanes; the results of both together."""
        value = self.values[condition]
        sides = [bool(np.any(value)), not np.all(value)] if np.size(value) else [True, False]
        parts: dict[Key, list[Node]] = {k: [] for k in keys}
        for which, nodes in enumerate(live):
            if not sides[which]:
                continue
            crossing = _Crossing(self, condition, which, both=all(sides), plain=_elementwise(nodes))
            inside = Lanes(self, crossing.count)
            env: dict[Node, Any] = {}
            for p, a in entering.items():
                if p in nodes:
                    env[p] = crossing.enter(a.node) if a.wide else a.node
                    if a.wide:
                        inside.wide.add(p)
            self.inline(nodes, env, None if crossing.plain else inside)
            for k, at in _targets(node, which, keys).items():
                if at not in env:
                    continue
                wide = crossing.plain or at in inside.wide
                if k not in summed:
                    parts[k].append(crossing.leave(env[at], wide))
                    continue
                n = env[at] if at in inside.wide else inside.widen(env[at])
                sizes = (crossing.count,)
                total = (
                    self.emit(ANY, n, axes=(0,))
                    if n.kind == "bool"
                    else self.emit(SUM, n, axes=(0,), sizes=sizes)
                )
                parts[k].append(total)
        return {k: _together(self, nodes) for k, nodes in parts.items() if nodes}

    # ---- loops ---------------------------------------------------------------------------------------------------

    def _loop(
        self, node: Node, args: Sequence[Recorded | None], keys: Collection[Key], lanes: Lanes | None
    ) -> Mapping[Key, Recorded]:
        """The turns one after the other; of many lanes those that go on, by `gather` and `put`."""
        assert isinstance(node.op, Loop)
        live = node.op.live(node, frozenset(keys))
        run = _Turns(self, node, live, args, lanes)
        run.all_turns([k for k in keys if isinstance(k, Node)])
        found: dict[Key, Recorded] = {}
        for k in keys:
            if isinstance(k, Result):
                found[k] = Recorded(run.carried[node.attrs["next"][k.number][0]], lanes is not None)
            elif k is TRIPS:
                count = self.array(run.trips) if lanes is not None else self.emit_number(int(run.trips))
                found[k] = Recorded(count, lanes is not None)
            else:
                assert isinstance(k, Node)
                found[k] = run.history(k)
        return found

    def emit_number(self, value: int) -> Node:
        return self._computed(lambda: self.graph.constant(value, "int"))

    def zeros(self, like: Node, shape: tuple[int, ...]) -> Node:
        return self._computed(
            lambda: self.graph.constant(False if like.kind == "bool" else 0, like.kind, shape)
        )


class _Crossing:
    """How values enter and leave one side of a branch per lane: as they are, or through the lanes where it holds.

    `plain` bodies are elementwise throughout: they run on whole arrays where all lanes take one side.
    """

    def __init__(self, run: Recorder, condition: Node, which: int, *, both: bool, plain: bool) -> None:
        self.run, self.both = run, both
        value = run.values[condition]
        self.shape = tuple(np.shape(value))
        self.plain = plain
        self.chosen = condition
        if both and which:
            self.chosen = run.emit(NOT, condition)
        self.count = int(np.count_nonzero(run.values[self.chosen])) if both else int(np.size(value))
        self.attrs = {"lanes": self.shape, "count": self.count}

    def enter(self, n: Node) -> Node:
        rank = len(self.shape)
        if n.shape[:rank] != self.shape:
            n = self.run.emit(SPREAD, n, axes=tuple(range(rank)), sizes=self.shape)
        if self.both:
            return self.run.emit(COMPRESS, n, self.chosen, **self.attrs)
        if self.plain or rank == 1:
            return n
        return self.run.emit(RESHAPE, n, of=n.shape, to=(self.count, *n.shape[rank:]))

    def leave(self, n: Node, wide: bool) -> Node:
        rank = len(self.shape)
        if not self.both and self.plain:
            if n.shape[:rank] == self.shape:
                return n
            return self.run.emit(SPREAD, n, axes=tuple(range(rank)), sizes=self.shape)
        lanes = n if wide and n.shape[:1] == (self.count,) else self._spread(n)
        if self.both:
            return self.run.emit(EXPAND, lanes, self.chosen, **self.attrs)
        return (
            lanes
            if rank == 1
            else self.run.emit(RESHAPE, lanes, of=lanes.shape, to=(*self.shape, *lanes.shape[1:]))
        )

    def _spread(self, n: Node) -> Node:
        return self.run.emit(SPREAD, n, axes=(0,), sizes=(self.count,))


class _Turns:
    """The turns of a loop, without lanes or with them."""

    def __init__(
        self, run: Recorder, node: Node, live: Live, args: Sequence[Recorded | None], lanes: Lanes | None
    ) -> None:
        self.run, self.node, self.live, self.lanes = run, node, live, lanes
        (self.body,) = node.attrs["bodies"]
        self.next = [(c, n) for c, n in node.attrs["next"] if c in live]
        self.outer: dict[Node, Recorded] = {}
        for p, a in zip(node.attrs["ports"], args[1:], strict=True):
            if p in live and a is not None:
                wide = lanes is not None and not a.wide and self.body.ports[p].kind == "carry"
                self.outer[p] = Recorded(lanes.widen(a.node), True) if lanes is not None and wide else a
        self.carried = {c: self.outer[c].node for c, _ in self.next}
        assert args[0] is not None
        size = 1 if lanes is None else lanes.size
        self.limits = np.maximum(np.broadcast_to(run.values[args[0].node], (size,)), 0)
        self.trips: Any = np.zeros(size, np.int64)
        self.recorded: dict[Node, list[Recorded]] = {}

    def all_turns(self, histories: Sequence[Node]) -> None:
        test, reverse = self.node.attrs["test"], self.node.attrs["reverse"]
        first = demand(self.body.nodes, [test]) if test is not None else {}
        self.recorded = {n: [] for n in histories}
        going = self.limits > 0
        while going.any():
            chosen = np.flatnonzero(going)
            at = self.limits[chosen] - 1 - self.trips[chosen] if reverse else self.trips[chosen]
            env, inside = self._entering(chosen, at)
            if test is not None:
                self.run.inline(first, env, inside)
                held = np.broadcast_to(self.run.values[env[test]], (len(chosen),))
                if not held.all():
                    going[chosen[~held]] = False
                    chosen, at = chosen[held], at[held]
                    if not len(chosen):
                        break
                    env, inside = self._entering(chosen, at)
            self.run.inline(self.live, env, inside)
            for n, rows in self.recorded.items():
                rows.append(self._row(env[n], inside is not None and n in inside.wide, chosen))
            self._carry(env, inside, chosen)
            self.trips[chosen] += 1
            going &= self.trips < self.limits

    def _entering(self, chosen: Any, at: Any) -> tuple[dict[Node, Any], Lanes | None]:
        env: dict[Node, Any] = {}
        inside = None if self.lanes is None else Lanes(self.run, len(chosen))
        for p, port in self.body.ports.items():
            if p not in self.live:
                continue
            if port.kind == "index":
                if inside is None:
                    env[p] = self.run.emit_number(int(at[0]))
                else:
                    env[p] = self.run.array(np.asarray(at))
                    inside.wide.add(p)
                continue
            node, wide = (self.carried[p], self.lanes is not None) if port.kind == "carry" else self.outer[p]
            if wide and inside is not None:
                node = self._selected(node, chosen)
                inside.wide.add(p)
            if port.kind == "scan":
                node = self._of_turn(node, wide, at)
                if inside is not None and not wide and np.ptp(at):
                    inside.wide.add(p)
            env[p] = node
        return env, inside

    def _selected(self, node: Node, chosen: Any) -> Node:
        assert self.lanes is not None
        if len(chosen) == self.lanes.size:
            return node
        return self.run.emit(GATHER, node, self.run.array(chosen), axis=0, size=self.lanes.size)

    def _of_turn(self, node: Node, wide: bool, at: Any) -> Node:
        axis = int(wide)
        size = node.shape[axis]
        if not np.ptp(at):
            return self.run.emit(SLICE, node, cuts=(Cut(axis, int(at[0]), None, 1, size),))
        index = self.run.array(np.asarray(at))
        if not wide:
            return self.run.emit(GATHER, node, index, axis=0, size=size)
        lanes = Lanes(self.run, len(at))
        return self.run._computed(
            lambda: GATHER.over_lanes(lanes, (True, True), node, index, axis=0, size=size)
        )

    def _row(self, node: Node, wide: bool, chosen: Any) -> Recorded:
        if self.lanes is None:
            return Recorded(node, False)
        node = node if wide else Lanes(self.run, len(chosen)).widen(node)
        if len(chosen) < self.lanes.size:
            blank = self.run.zeros(node, (self.lanes.size, *node.shape[1:]))
            node = self.run.emit(PUT, blank, self.run.array(chosen), node, axis=0, size=self.lanes.size)
        return Recorded(node, True)

    def _carry(self, env: Mapping[Node, Any], inside: Lanes | None, chosen: Any) -> None:
        new: dict[Node, Node] = {}
        for c, n in self.next:
            node = env[n]
            if inside is not None and self.lanes is not None:
                node = node if n in inside.wide else inside.widen(node)
                if len(chosen) < self.lanes.size:
                    places = self.run.array(chosen)
                    node = self.run.emit(PUT, self.carried[c], places, node, axis=0, size=self.lanes.size)
            new[c] = node
        self.carried |= new

    def history(self, n: Node) -> Recorded:
        """Stacked in the order of the turns' numbers; lanes that ended hold zeros, which nothing reads."""
        rows = [row.node for row in self.recorded[n]]
        wide = self.lanes is not None
        if self.node.attrs["reverse"]:
            if len(set(self.trips.tolist())) > 1:
                raise ValueError(
                    "the history of lanes that count down from different numbers is not recorded"
                )
            rows.reverse()
        if not rows:
            shape = (*((self.lanes.size,) if self.lanes is not None else ()), 0, *n.shape)
            return Recorded(self.run.zeros(n, shape), wide)
        return Recorded(self.run.emit(STACK, *rows, axis=int(wide)), wide)


def _targets(node: Node, which: int, keys: Collection[Key]) -> dict[Key, Node]:
    """The node of one side that each key is about."""
    results = node.attrs["results"][which]
    found: dict[Any, Any] = {k: results[k.number] if isinstance(k, Result) else k for k in keys}
    return found


def _elementwise(live: Live) -> bool:
    """Whether a body computes numbers entry by entry, so that it may as well run on whole arrays."""
    return all(not n.shape and (not n.args or n.op.elementwise) for n in live)


def _together(run: Recorder, nodes: Sequence[Node]) -> Node:
    """The lanes of both sides together: each holds zeros (or false) where the other has its lanes."""
    return nodes[0] if len(nodes) == 1 else run.emit(OR if nodes[0].kind == "bool" else ADD, *nodes)
