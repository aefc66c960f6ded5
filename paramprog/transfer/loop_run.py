"""Running loops: turn by turn, or for many lanes at once, each of which may make another number of turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from paramprog.graph import ArrayLanes, Node, Result, demand, execute_lanes
from paramprog.graph.region import TRIPS, Key, Keys, Live, run_steps, steps
from paramprog.transfer.source import dtype_of
from paramprog.types import Size

FIRST = 64
"""The rows of a history whose length is not known; then it doubles."""


def run_loop(node: Node, args: Sequence[Any], keys: Keys, live: Live) -> Mapping[Key, Any]:
    """The values of `keys`; `live` is what they need of the body."""
    (body,) = node.attrs["bodies"]
    test, reverse = node.attrs["test"], node.attrs["reverse"]
    outer = {p: a for p, a in zip(node.attrs["ports"], args[1:], strict=True) if p in live}
    kinds = {p: port.kind for p, port in body.ports.items() if p in live}
    next = [(c, n) for c, n in node.attrs["next"] if c in live]
    carried = {c: outer[c] for c, _ in next}
    free = {p: outer[p] for p, kind in kinds.items() if kind in ("free", "shared")}
    scans = [p for p, kind in kinds.items() if kind == "scan"]
    index = [p for p, kind in kinds.items() if kind == "index"]
    first = demand(body.nodes, [test]) if test is not None else {}
    before, during = steps(first), steps({n: k for n, k in live.items() if n not in first})
    limit, trips = max(int(args[0]), 0), 0
    history = {k: _History(k, limit if test is None else None) for k in keys if isinstance(k, Node)}
    while trips < limit:
        env = {**free, **carried}
        at = limit - 1 - trips if reverse else trips
        for p in index:
            env[p] = np.int64(at)
        for p in scans:
            env[p] = outer[p][at]
        if test is not None:
            run_steps(before, env)
            if not env[test]:
                break
        run_steps(during, env)
        for n, values in history.items():
            values.append(env[n])
        carried = {c: env[n] for c, n in next}
        trips += 1
    found: dict[Key, Any] = {n: xs.rows(reverse=reverse) for n, xs in history.items()}
    for k in keys:
        if isinstance(k, Result):
            found[k] = carried[node.attrs["next"][k.number][0]]
        elif k is TRIPS:
            found[k] = np.int64(trips)
    return found


class _History:
    """The rows of one node in an array of as many `turns`, or one that grows: a list of small arrays takes far more."""

    def __init__(self, node: Node, turns: int | None) -> None:
        self.node, self.turns, self.count = node, turns, 0
        self.array: Any = None
        self.values: list[Any] | None = None
        """The rows where they may differ in shape, as those of a `while` inside a `for`."""
        if any(isinstance(n, Size) for n in node.shape):
            self.values = []

    def append(self, value: Any) -> None:
        if self.values is not None:
            self.values.append(value)
            return
        if self.array is None:
            value = np.asarray(value)
            self.array = np.empty((FIRST if self.turns is None else self.turns, *value.shape), value.dtype)
        elif self.count == len(self.array):
            self.array = np.concatenate([self.array, np.empty_like(self.array)])
        self.array[self.count] = value
        self.count += 1

    def rows(self, *, reverse: bool) -> Any:
        """In the order of the turns' numbers."""
        if self.values is not None:
            return stacked(self.node, self.values[::-1] if reverse else self.values)
        if self.array is None:
            return stacked(self.node, [])
        found = self.array[: self.count]
        return found[::-1] if reverse else found


def stacked(node: Node, values: list[Any]) -> Any:
    """The history of a node; a list where its turns have different shapes, as those of a `while` inside a `for`."""
    if not values:
        return np.zeros((0, *node.shape), dtype_of(node.type, node.graph.real))
    shapes = {np.shape(x) if not isinstance(x, list) else None for x in values}
    return values if len(shapes) > 1 or None in shapes else np.stack(values)


# ---- many lanes --------------------------------------------------------------------------------------------------


class _Rows(NamedTuple):
    """What some lanes record in a turn: `values` has a first axis for them (or one row for all)."""

    lanes: Any
    at: Any
    values: Any


def run_loop_lanes(
    node: Node, args: Sequence[Any], flags: Sequence[bool], keys: Keys, lanes: ArrayLanes, live: Live
) -> Mapping[Key, Any]:
    """`run_loop` in each lane; arguments with a flag have an axis of lanes in front, and so have all that is found.

    In each turn those lanes run that go on. Histories are as long as that of the longest lane, with zeros where a lane
    has ended; nothing reads these.
    """
    (body,) = node.attrs["bodies"]
    test, reverse = node.attrs["test"], node.attrs["reverse"]
    outer, kinds = {}, {}
    for p, a, flag in zip(node.attrs["ports"], args[1:], flags[1:], strict=True):
        if p in live:
            kind = body.ports[p].kind
            kinds[p] = kind
            wide = flag or kind == "carry"
            outer[p] = (a if flag or not wide else np.array(lanes.widen(a)), wide)
    index = [p for p, port in body.ports.items() if port.kind == "index" and p in live]
    next = [(c, n) for c, n in node.attrs["next"] if c in live]
    carried = {c: np.array(outer[c][0]) for c, _ in next}
    first = demand(body.nodes, [test]) if test is not None else {}
    limits = np.maximum(np.broadcast_to(args[0], (lanes.size,)), 0)
    trips = np.zeros(lanes.size, np.int64)
    going = limits > 0
    histories: dict[Node, list[_Rows]] = {k: [] for k in keys if isinstance(k, Node)}
    while going.any():
        chosen = np.flatnonzero(going)
        at = limits[chosen] - 1 - trips[chosen] if reverse else trips[chosen]
        env, inside = _turn(outer, kinds, index, carried, chosen, at)
        if test is not None:
            execute_lanes(first, env, ArrayLanes(len(chosen)), inside)
            held = env[test] if test in inside else np.full(len(chosen), env[test])
            if not held.all():
                going[chosen[~held]] = False
                chosen, at = chosen[held], at[held]
                if not len(chosen):
                    break
                env, inside = _turn(outer, kinds, index, carried, chosen, at)
        execute_lanes(live, env, ArrayLanes(len(chosen)), inside)
        for n, rows in histories.items():
            rows.append(_Rows(chosen, at, env[n] if n in inside else np.asarray(env[n])[None]))
        for c, new in {c: env[n] for c, n in next}.items():
            carried[c][chosen] = new
        trips[chosen] += 1
        going &= trips < limits
    longest = int(trips.max(initial=0))
    found: dict[Key, Any] = {n: _padded(n, rows, lanes.size, longest) for n, rows in histories.items()}
    for k in keys:
        if isinstance(k, Result):
            found[k] = carried[node.attrs["next"][k.number][0]]
        elif k is TRIPS:
            found[k] = trips
    return found


def _turn(
    outer: Mapping[Node, tuple[Any, bool]],
    kinds: Mapping[Node, str],
    index: Sequence[Node],
    carried: Mapping[Node, Any],
    chosen: Any,
    at: Any,
) -> tuple[dict[Node, Any], set[Node]]:
    """What enters a turn in the `chosen` lanes, which are at the turns `at`; and what of it has lanes."""
    env: dict[Node, Any] = dict.fromkeys(index, at)
    wide = set(index)
    for p, (value, has_lanes) in outer.items():
        kind = kinds[p]
        if kind == "carry":
            env[p] = carried[p][chosen]
        elif kind == "scan":
            env[p] = value[chosen, at] if has_lanes else value[at]
        else:
            env[p] = value[chosen] if has_lanes else value
        if has_lanes or kind == "scan":
            wide.add(p)
    return env, wide


def _padded(node: Node, rows: Sequence[_Rows], lanes: int, longest: int) -> Any:
    """[lanes, longest, ...]: the history of each lane, row by row where it was."""
    if not rows:
        return np.zeros((lanes, 0, *node.shape), dtype_of(node.type, node.graph.real))
    # the rows of an inner history are as long as its turns, which may differ from turn to turn
    shape = tuple(max(sizes) for sizes in zip(*(r.values.shape[1:] for r in rows), strict=True))
    out = np.zeros((lanes, longest, *shape), rows[0].values.dtype)
    for r in rows:
        out[(r.lanes, r.at, *(slice(0, n) for n in r.values.shape[1:]))] = r.values
    return out
