"""Loops that keep few states: the pull runs the turns again instead of recording them.

Every turn is pulled in reverse order, and between two kept states the turns are run again. With s states, the first
one among them, and at most r runs of each turn C(s + r, s) turns can be pulled, by splitting them binomially; so the
states needed grow with the logarithm of the turns.

Source: A. Griewank and A. Walther, Algorithm 799: Revolve, ACM Transactions on Mathematical Software 26 (2000).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import comb
from typing import Any

import numpy as np

from paramprog.graph import Graph, Node, Result, demand
from paramprog.graph.region import Key, Keys, run_steps, steps
from paramprog.transfer.loop_run import stacked

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
    """How many turns are run in all before their pulls, those of the first sweep among them."""
    if turns <= 1 or states < 1:
        return turns * (turns - 1) // 2
    first = split(turns, states)
    return first + forward_turns(turns - first, states - 1) + forward_turns(first, states)


def reversed_turns(
    start: Any, turns: int, states: int, advance: Callable[[Any, int], Any], pull: Callable[[Any, int], None]
) -> None:
    """Call `pull(state before turn t, t)` for t = turns - 1, ..., 0; `advance(state, t)` is the state after turn t.

    At most `states` states are kept beside `start`. Not recursive: loops are long.
    """
    kept: list[tuple[int, Any]] = [(0, start)]
    end = turns
    while end > 0:
        at, state = kept[-1]
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
            kept.append((to, state))
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
        roots = [*self.next.values(), *self.histories]
        adjoint = demand(self.body.nodes, roots)
        wanted = [m for leaf, m in self.rows.items() if leaf in adjoint]
        self.adjoint_steps = steps(adjoint)
        self.forward_steps = steps(demand(self.old.nodes, list(self.primal_next.values())))
        self.turn_steps = steps(demand(self.old.nodes, wanted))
        self.carried = {c: self.outer[c] for c in self.next}
        start = {c: self.primal_outer[c] for c in self.primal_next}
        reversed_turns(start, self.limit, self.node.attrs["states"], self._advance, self._pull)
        found: dict[Key, Any] = {
            n: stacked(n, [rows[t] for t in sorted(rows)]) for n, rows in self.histories.items()
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
                env[p] = outer[p][at] if port.kind == "scan" else outer[p]
        return env

    def _advance(self, state: Carried, turn: int) -> Carried:
        env = self._entering(self.old, self.primal_outer, state, turn)
        run_steps(self.forward_steps, env)
        return {c: env[n] for c, n in self.primal_next.items()}

    def _pull(self, state: Carried, turn: int) -> None:
        values = self._entering(self.old, self.primal_outer, state, turn)
        run_steps(self.turn_steps, values)
        env = self._entering(self.body, self.outer, self.carried, turn)
        env |= {leaf: values[m] for leaf, m in self.rows.items() if m in values}
        run_steps(self.adjoint_steps, env)
        for n, rows in self.histories.items():
            rows[self._number(turn)] = env[n]
        self.carried = {c: env[n] for c, n in self.next.items()}
