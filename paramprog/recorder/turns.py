"""Loops in the trace: all turns, one after the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from paramprog.diagnostics import Span
from paramprog.graph import Node, Result, demand
from paramprog.graph.region import TRIPS, Key, Keys, Live
from paramprog.recorder.lanes import Lanes, Recorded
from paramprog.transfer.gather import GATHER
from paramprog.transfer.loops import REPLAY, Loop
from paramprog.transfer.put import PUT
from paramprog.transfer.rearrange import STACK
from paramprog.transfer.select import EMBED, SLICE, Cut
from paramprog.types import Shape

if TYPE_CHECKING:
    from paramprog.recorder.recorder import Recorder


class Turn(NamedTuple):
    """One turn of a loop: where the loop stands, and how many turns it has made before."""

    span: Span | None
    number: int


def loop(
    run: Recorder, node: Node, args: Sequence[Recorded | None], keys: Collection[Key], lanes: Lanes | None
) -> dict[Key, Recorded]:
    """The turns one after the other; of many lanes those that go on, by `gather` and `put`."""
    assert isinstance(node.op, Loop)
    if node.op is REPLAY:
        args = _recorded(run, node, args, frozenset(keys), lanes)
    live = node.op.live(node, frozenset(keys))
    turns = _Turns(run, node, live, args, lanes)
    turns.all_turns([k for k in keys if isinstance(k, Node)])
    found: dict[Key, Recorded] = {}
    for k in keys:
        if isinstance(k, Result):
            found[k] = Recorded(turns.carried[node.attrs["next"][k.number][0]], lanes is not None)
        elif k is TRIPS:
            count = run.array(turns.trips) if lanes is not None else run.number(int(turns.trips[0]))
            found[k] = Recorded(count, lanes is not None)
        else:
            assert isinstance(k, Node)
            found[k] = turns.history(k)
    return found


def _recorded(
    run: Recorder, node: Node, args: Sequence[Recorded | None], keys: Keys, lanes: Lanes | None
) -> list[Recorded | None]:
    """The arguments that a loop which runs turns again would have if it had recorded them."""
    assert isinstance(node.op, Loop)
    count, live = 1 + len(node.attrs["ports"]), node.op.live(node, keys)
    rows = {p: m for p, m in node.attrs["replayed"].items() if p in live}
    histories = loop(run, node.attrs["primal"], [args[0], *args[count:]], set(rows.values()), lanes)
    ports = zip(node.attrs["ports"], args[1:count], strict=True)
    return [args[0], *(histories[rows[p]] if p in rows else a for p, a in ports)]


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
        around = self.run.turn
        allowance = self.run.allowance
        while going.any():
            if allowance and not allowance.another_turn(int(self.trips.max()), self.node.span):
                break
            self.run.turn = (*around, Turn(self.node.span, int(self.trips.max())))
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
        self.run.turn = around

    def _entering(self, chosen: Any, at: Any) -> tuple[dict[Node, Any], Lanes | None]:
        env: dict[Node, Any] = {}
        inside = None if self.lanes is None else Lanes(self.run, len(chosen))
        for p, port in self.body.ports.items():
            if p not in self.live:
                continue
            if port.kind == "index":
                if inside is None:
                    env[p] = self.run.number(int(at[0]))
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
        return self.run.computed(
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
        longest = tuple(max(sizes) for sizes in zip(*(row.shape for row in rows), strict=True))
        return Recorded(
            self.run.emit(STACK, *(self._padded(row, longest) for row in rows), axis=int(wide)), wide
        )

    def _padded(self, row: Node, sizes: Shape) -> Node:
        """With zeros, which nothing reads, where another turn had a longer history of an inner loop."""
        lengths = enumerate(zip(row.shape, sizes, strict=True))
        cuts = tuple(Cut(k, 0, length, 1, size) for k, (length, size) in lengths if length != size)
        return self.run.emit(EMBED, row, cuts=cuts) if cuts else row
