"""Loops that keep few states: the pull runs the turns again instead of recording them.

Every turn is pulled in reverse order, and between two kept states the turns are run again. With s states, the first
one among them, and at most r runs of each turn C(s + r, s) turns can be pulled, by splitting them binomially; so the
states needed grow with the logarithm of the turns.

Source: A. Griewank and A. Walther, Algorithm 799: Revolve, ACM Transactions on Mathematical Software 26 (2000).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import comb
from typing import Any

import numpy as np

from paramprog.graph import ArrayLanes, Graph, Node, Result, demand, execute_lanes
from paramprog.graph.region import Key, Keys, Live, run_steps, steps
from paramprog.transfer.loop_run import stacked
from paramprog.transfer.source import dtype_of

Carried = dict[Node, Any]
"""The values of the carries before a turn."""


def split(turns: int, states: int) -> int:
    """How many of `turns` turns to run from a kept state to the next one, with room for `states` > 0 more."""
    runs = 1
    while comb(states + 1 + runs, runs) < turns:
        runs += 1
    # what lies behind the new state is done with one state less, what lies before it with one run less; of the best
    # splits the shortest
    before = comb(states + 1 + runs - 2, runs - 2) if runs > 1 else 1
    return max(1, before, turns - comb(states + runs, runs))


def forward_turns(turns: int, states: int) -> int:
    """How many turns are run in all before their pulls, those of the first sweep among them.

    r turns - C(s + r, s + 1), with s states, the first among them, and the least r for which C(s + r, s) >= turns.
    """
    if turns <= 1:
        return 0
    if states < 1:
        return turns * (turns - 1) // 2
    states = min(states, turns)
    runs = 1
    while comb(states + 1 + runs, runs) < turns:
        runs += 1
    return runs * turns - comb(states + 1 + runs, runs - 1)


class Shelf:
    """Kept states, the last one on top. In rows of arrays where all are alike: small objects take far more."""

    def __init__(self, start: Any, most: int) -> None:
        self.start, self.most = start, most
        self.rows: dict[Node, Any] | None = None
        self.others: list[Any] = []

    def put(self, place: int, state: Any) -> None:
        """Keep it at this place, from 1 on."""
        first = self.rows is None and place == 1
        if first and isinstance(state, dict) and all(map(_plain, state.values())):
            self.rows = {c: np.empty((self.most, *np.shape(x)), x.dtype) for c, x in state.items()}
        if self.rows is None:
            self.others[place - 1 :] = [state]
            return
        for c, x in state.items():
            self.rows[c][place - 1] = x

    def get(self, place: int) -> Any:
        """A copy: a row is written again while what was computed of it is in use."""
        if place == 0:
            return self.start
        if self.rows is None:
            return self.others[place - 1]
        return {c: np.array(rows[place - 1])[()] for c, rows in self.rows.items()}


def _plain(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic)


def reversed_turns(
    start: Any, turns: int, states: int, advance: Callable[[Any, int], Any], pull: Callable[[Any, int], None]
) -> None:
    """Call `pull(state before turn t, t)` for t = turns - 1, ..., 0; `advance(state, t)` is the state after turn t.

    At most `states` states are kept beside `start`. Not recursive: loops are long.
    """
    shelf = Shelf(start, min(states, turns))
    kept = [0]
    """The turns before which the states on the shelf are."""
    end = turns
    while end > 0:
        at, state = kept[-1], shelf.get(len(kept) - 1)
        room = states - (len(kept) - 1)
        if end - at == 1:
            pull(state, at)
            end = at
            if at > 0:
                kept.pop()
            continue
        to = at + (split(end - at, room) if room > 0 else end - at - 1)
        for t in range(at, to):
            state = advance(state, t)
        if room > 0:
            shelf.put(len(kept), state)
            kept.append(to)
        else:  # no room: the last turn is pulled, the ones before are run again from the state kept
            pull(state, to)
            end = to


class Replayed:
    """One run of a replaying loop: the primal body turn by turn, the adjoint body on the values of that turn."""

    def __init__(self, node: Node, args: Sequence[Any]) -> None:
        self.node = node
        primal: Node = node.attrs["primal"]
        count = 1 + len(node.attrs["ports"])
        self.limit = max(int(args[0]), 0)
        self.outer = dict(zip(node.attrs["ports"], args[1:count], strict=True))
        self.primal_outer = dict(zip(primal.attrs["ports"], args[count:], strict=True))
        (self.body,), (self.old,) = node.attrs["bodies"], primal.attrs["bodies"]
        self.rows: Mapping[Node, Node] = node.attrs["replayed"]
        """Leaves of the adjoint body, and the primal body nodes whose values in the turn they hold."""
        self.next: dict[Node, Node] = dict(node.attrs["next"])
        self.primal_next: dict[Node, Node] = dict(primal.attrs["next"])
        self.backwards: bool = primal.attrs["reverse"]

    def run(self, keys: Keys) -> Mapping[Key, Any]:
        self.histories: dict[Node, dict[int, Any]] = {k: {} for k in keys if isinstance(k, Node)}
        self._prepare(*live_in_replay(self.node, keys))
        self.carried = {c: self._whole(self.outer[c], c) for c in self.next}
        start = {c: self._whole(self.primal_outer[c], c) for c in self.primal_next}
        reversed_turns(start, self.limit, self.node.attrs["states"], self._advance, self._pull)
        found: dict[Key, Any] = {
            n: self._stacked(n, [rows[t] for t in sorted(rows)]) for n, rows in self.histories.items()
        }
        for k in keys:
            if isinstance(k, Result):
                found[k] = self.carried[self.node.attrs["next"][k.number][0]]
        return found

    def _number(self, turn: int) -> int:
        """The index of the turn that is run as the `turn`-th."""
        return self.limit - 1 - turn if self.backwards else turn

    def _entering(
        self, body: Graph, outer: Mapping[Node, Any], carried: Carried, turn: int
    ) -> dict[Node, Any]:
        at = self._number(turn)
        env: dict[Node, Any] = {}
        for p, port in body.ports.items():
            if port.kind == "index":
                env[p] = np.int64(at)
            elif port.kind == "carry":
                env[p] = carried[p]
            elif p in outer and p not in self.rows:
                env[p] = self._of_turn(outer[p], p, at) if port.kind == "scan" else outer[p]
        return env

    def _advance(self, state: Carried, turn: int) -> Carried:
        env = self._entering(self.old, self.primal_outer, state, turn)
        self._forward(env)
        return {c: env[n] for c, n in self.primal_next.items()}

    def _pull(self, state: Carried, turn: int) -> None:
        values = self._entering(self.old, self.primal_outer, state, turn)
        self._turn(values)
        env = self._entering(self.body, self.outer, self.carried, turn)
        env |= {leaf: values[m] for leaf, m in self.rows.items() if m in values}
        self._adjoint(env)
        for n, rows in self.histories.items():
            rows[self._number(turn)] = env[n]
        self.carried = {c: env[n] for c, n in self.next.items()}

    # ---- of one lane ---------------------------------------------------------------------------------------------

    def _prepare(self, forward: Live, turn: Live, adjoint: Live) -> None:
        self._forward = partial(run_steps, steps(forward))
        self._turn = partial(run_steps, steps(turn))
        self._adjoint = partial(run_steps, steps(adjoint))

    def _whole(self, value: Any, port: Node) -> Any:
        return value

    def _of_turn(self, value: Any, port: Node, at: int) -> Any:
        return value[at]

    def _stacked(self, node: Node, rows: list[Any]) -> Any:
        return stacked(node, rows)


def live_in_replay(node: Node, keys: Keys) -> tuple[Live, Live, Live]:
    """What a turn run forward needs of the primal body, what a pull needs of it, and what of the adjoint body."""
    primal: Node = node.attrs["primal"]
    (body,), (old,) = node.attrs["bodies"], primal.attrs["bodies"]
    ends = [n for _, n in node.attrs["next"]]
    adjoint = demand(body.nodes, [*ends, *(k for k in keys if isinstance(k, Node))])
    wanted = [m for leaf, m in node.attrs["replayed"].items() if leaf in adjoint]
    forward = demand(old.nodes, [n for _, n in primal.attrs["next"]])
    return forward, demand(old.nodes, wanted), adjoint


class ReplayedLanes(Replayed):
    """The same for many lanes that make equally many turns; `flags` say which arguments have an axis of lanes."""

    def __init__(self, node: Node, args: Sequence[Any], flags: Sequence[bool], lanes: ArrayLanes) -> None:
        super().__init__(node, args)
        self.lanes = lanes
        primal: Node = node.attrs["primal"]
        ports = (*node.attrs["ports"], *primal.attrs["ports"])
        self.flagged = {p for p, flag in zip(ports, flags[1:], strict=True) if flag}
        self.wide = self.flagged | self.next.keys() | self.primal_next.keys()

    def _prepare(self, forward: Live, turn: Live, adjoint: Live) -> None:
        self._forward, self._turn, self._adjoint = (
            partial(self._all, live) for live in (forward, turn, adjoint)
        )

    def _all(self, live: Live, env: dict[Node, Any]) -> None:
        """Compute the live nodes; what is handed on to another body or turn has lanes."""
        wide = {p for p in env if p in self.wide or p in self.rows}
        execute_lanes(live, env, self.lanes, wide)
        handed = [*self.next.values(), *self.primal_next.values(), *self.rows.values(), *self.histories]
        for n in handed:
            if n in env and n not in wide:
                env[n] = self.lanes.widen(env[n])
                wide.add(n)

    def _whole(self, value: Any, port: Node) -> Any:
        return value if port in self.flagged else self.lanes.widen(value)

    def _of_turn(self, value: Any, port: Node, at: int) -> Any:
        return value[:, at] if port in self.wide else value[at]

    def _stacked(self, node: Node, rows: list[Any]) -> Any:
        if not rows:
            return np.zeros((self.lanes.size, 0, *node.shape), dtype_of(node.type, node.graph.real))
        return np.stack(rows, axis=1)


def replay_lanes(
    node: Node, args: Sequence[Any], flags: Sequence[bool], keys: Keys, lanes: ArrayLanes
) -> Mapping[Key, Any]:
    """A replaying loop in each lane: together those that make equally many turns."""
    limits = np.broadcast_to(args[0], (lanes.size,))
    found: dict[Key, Any] = {}
    longest = max(int(limits.max(initial=0)), 0)
    for limit in np.unique(limits):
        chosen = np.flatnonzero(limits == limit)
        some = [a[chosen] if flag and a is not None else a for a, flag in zip(args, flags, strict=True)]
        run = ReplayedLanes(node, [limit, *some[1:]], flags, ArrayLanes(len(chosen))).run(keys)
        for key, value in run.items():
            if isinstance(key, Node):
                rest = [(0, 0)] * (value.ndim - 2)
                value = np.pad(value, [(0, 0), (0, longest - value.shape[1]), *rest])
            if key not in found:
                found[key] = np.zeros((lanes.size, *value.shape[1:]), value.dtype)
            found[key][chosen] = value
    return found
