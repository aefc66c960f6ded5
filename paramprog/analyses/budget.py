"""How many states each loop keeps, so that what the pulls hold fits a budget of bytes and few turns are run again.

A loop records all it needs where that fits. Else the loops that hold most run turns again, outer ones first, and the
states that fit are shared out by doubling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paramprog.analyses.tape import Tape, loops, turn_counts
from paramprog.diagnostics import Span, fail
from paramprog.graph import Node
from paramprog.transfer.loop_replay import forward_turns
from paramprog.types import Size

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}

Build = Callable[[Mapping[Node, int]], Sequence[Node]]
"""Given the states that loops keep, the nodes that are evaluated; loops that are not named record all."""


@dataclass(frozen=True)
class Replayed:
    """A loop that keeps `states` states beside the first, and runs `runs` turns again for the pulls of `turns`."""

    span: Span | None
    turns: int
    states: int
    runs: int


@dataclass(frozen=True)
class Fitted:
    """A budget in bytes, what the pulls are predicted to hold, and the loops that run turns again for it.

    `recorded` is what they would hold if no loop did.
    """

    budget: int
    predicted: int
    recorded: int
    loops: Sequence[Replayed]


def parse_bytes(text: str | int) -> int:
    """`64MB`, `1.5 GiB`, or a number of bytes. Raises ValueError when it is none of these."""
    if isinstance(text, int) and not isinstance(text, bool) and text > 0:
        return text
    match = (
        re.fullmatch(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*([A-Za-z]*)\s*", text)
        if isinstance(text, str)
        else None
    )
    unit = UNITS.get((match[2] or "B").upper()) if match else None
    size = int(float(match[1]) * unit) if match and unit else 0
    if size < 1:
        raise ValueError(f"{text!r} is not an amount of memory such as 64MB or 1.5GiB")
    return size


def bytes_text(size: int) -> str:
    """`640 B`, `1.24 MB`."""
    for unit in ("TB", "GB", "MB", "kB"):
        if size >= UNITS[unit.upper()]:
            return f"{size / UNITS[unit.upper()]:.4g} {unit}"
    return f"{size} B"


def note(fitted: Fitted) -> str:
    """One line about it, for people."""
    held = f"loops hold {bytes_text(fitted.predicted)} of {bytes_text(fitted.budget)} for the gradient"
    if not fitted.loops:
        return held
    told = [
        f"the loop at line {n.span.line if n.span else '?'} keeps {n.states:,} states for {n.turns:,} turns "
        f"and runs {n.runs:,} turns again"
        for n in fitted.loops
    ]
    return f"{held} ({bytes_text(fitted.recorded)} if all were recorded): {'; '.join(told)}"


def to_json(fitted: Fitted) -> dict[str, Any]:
    """`{budget, predicted, recorded, loops: [{line, col, turns, states, runs}]}`, sizes in bytes."""
    loops = [
        {
            "line": n.span.line if n.span else None,
            "col": n.span.column if n.span else None,
            "turns": n.turns,
            "states": n.states,
            "runs": n.runs,
        }
        for n in fitted.loops
    ]
    sizes = {"budget": fitted.budget, "predicted": fitted.predicted, "recorded": fitted.recorded}
    return {**sizes, "loops": loops}


def fit(
    output: Node, build: Build, leaves: Mapping[Node, Any] | None, budget: int
) -> tuple[dict[Node, int], Fitted]:
    """The states that loops keep so that the evaluation of what `build` makes holds at most `budget` bytes for pulls.

    Numbers of turns that only a run tells are those at `leaves`.

    Raises ProgramError when no choice fits, with the least budget that would do, and when there are no `leaves` but
    numbers of turns that only a run tells.
    """
    turns = {} if leaves is None else turn_counts(output, leaves)
    candidates = dict.fromkeys(loop for loop, _ in loops(output.graph, [output]))
    for n in candidates if leaves is None else ():
        if isinstance(n.attrs["trips"], Size):
            message = "how many turns this loop makes only a run tells, so what it holds cannot be planned"
            hint = "leave out `memory`, or give the loop bounds that are known at compile time"
            raise fail("memory-turns", message, n.span, hint)
    states: dict[Node, int] = {}
    nodes = build(states)
    tape = Tape(nodes, turns, states)
    recorded = least = tape.bytes
    refused: set[Node] = set()
    while tape.bytes > budget:
        held = {n: size for n, size in tape.by_loop.items() if n in candidates}
        left = [n for n in held if n not in states and n not in refused]
        if not left:
            raise _too_small(budget, least, next(iter([*states, *held, output])).span)
        chosen = max(left, key=held.__getitem__)
        more = {**states, chosen: 1}
        tried = build(more)
        after = Tape(tried, turns, more)
        if after.bytes >= tape.bytes:
            refused.add(chosen)
            continue
        states, nodes, tape, least = more, tried, after, min(least, after.bytes)
    _share_out(states, nodes, turns, budget)
    tape = Tape(nodes, turns, states)
    found = []
    for n, kept in states.items():
        count = tape.turns_of(n)
        found.append(Replayed(n.span, count, min(kept, count), forward_turns(count, kept)))
    return states, Fitted(budget, tape.bytes, recorded, found)


def _share_out(states: dict[Node, int], nodes: Sequence[Node], turns: Mapping[Any, int], budget: int) -> None:
    """Raise the numbers of states as far as they fit, in place: by doubling in turns, then one loop after the other."""
    most = {n: max(Tape(nodes, turns, states).turns_of(n) - 1, 1) for n in states}

    def raised(n: Node, to: int) -> bool:
        to = min(to, most[n])
        if to <= states[n] or Tape(nodes, turns, {**states, n: to}).bytes > budget:
            return False
        states[n] = to
        return True

    growing = list(states)
    while growing:
        growing = [n for n in growing if raised(n, 2 * states[n])]
    for n in states:
        step = 1 << most[n].bit_length()
        while step:
            raised(n, states[n] + step)
            step //= 2


def _too_small(budget: int, least: int, span: Span | None) -> Exception:
    message = f"the loops hold {bytes_text(least)} at least for the gradient, more than {bytes_text(budget)}"
    return fail("memory-too-small", message, span, f"allow {least} bytes or more")
