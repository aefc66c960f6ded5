"""Boundaries near a point of a program that may run for long or never end: measured in the part that is affordable.

Value and gradient come from recorded runs alone, by the rules of the operations executed, so whatever the program does,
no more is executed than was allowed: if the whole is too long, the first turns of each loop, as if it ended there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from paramprog.diagnostics import ProgramError
from paramprog.evaluate import Trace, trace
from paramprog.gradient import plain_or_none, pulled
from paramprog.graph import Node, demand
from paramprog.graph.region import Live
from paramprog.recorder import Allowance
from paramprog.transfer.branches import Branch
from paramprog.transfer.loops import Loop
from paramprog.verify.crossing import Crossing
from paramprog.verify.crossings import Ground, crossings

ONCE = 2_000
"""So many operations one run may execute, at the point; beside it twice as many."""

ALTOGETHER = 25_000
"""So many may all runs that look at one part."""

TURNS = (64, 8)
"""After so many turns loops are left where the whole is too long. Late boundaries can be too close to each other."""


class Part(NamedTuple):
    """What was found in the part of a program that was run."""

    found: Sequence[Crossing]
    turns: int | None = None
    """After how many turns loops were left; None where the whole was run."""
    value: float = 0.0
    """The norm of the output at the point."""


def nearest_in_parts(
    output: Node,
    wrt: Mapping[str, Node],
    leaves: Mapping[Node, Any],
    wanted: Callable[[Node], bool],
    count: int,
    each: int,
) -> Iterator[Part]:
    """The nearest boundaries as `report.nearest` finds them, in the whole or in some of the first turns.

    Nothing where not even these are short enough. Raises ProgramError where the program has no value at the point.
    """
    whole_only = _takes_histories(demand(output.graph.nodes, [output]))
    for turns in (None,) if whole_only else (None, *TURNS):
        allowed = Allowance(ONCE, turns)
        try:
            made = trace([output], leaves, wrt.values(), allowed)
        except ProgramError:
            if allowed.operations >= 0:
                raise
            continue
        size = float(np.linalg.norm(np.ravel(made.values[made.of[output]])))
        found = crossings(_ground(output, wrt, leaves, turns), count, 0, wanted, each).found
        yield Part(found, turns, size)
        if not allowed.cut:
            break


def _ground(output: Node, wrt: Mapping[str, Node], leaves: Mapping[Node, Any], turns: int | None) -> Ground:
    """The output, weighed with a random covector if it is an array, if loops are left after so many turns."""
    covector = np.ones(())
    if output.shape:
        covector = np.random.default_rng(0).standard_normal(output.shape)
    left = Allowance(ALTOGETHER)

    def run(values: Mapping[str, Any]) -> tuple[Trace, dict[str, Node]]:
        most = min(2 * ONCE, left.operations)
        allowed = Allowance(most, turns)
        at = {**leaves, **{wrt[name]: v for name, v in values.items()}}
        try:
            made = trace([output], at, wrt.values(), allowed)
        finally:
            left.operations -= most - allowed.operations
        return made, {name: made.of[x] for name, x in wrt.items()}

    def value(values: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
        made, starts = run(values)
        y = made.of[output]
        facts = pulled(made.nodes, made.values, y, covector.astype(output.graph.real))
        found = {}
        for name, x in starts.items():
            v = plain_or_none(facts.get(x))
            found[name] = np.zeros(x.shape) if v is None else v
        return float(np.vdot(covector, made.values[y])), found

    return Ground({name: leaves[x] for name, x in wrt.items()}, run, value, output.graph.real)


def _takes_histories(live: Live) -> bool:
    """Whether what turns computed is used after the loop, as derivatives inside a program do: then no turn may lack."""
    waiting = [live]
    while waiting:
        for n, keys in waiting.pop().items():
            if isinstance(n.op, Loop):
                if any(isinstance(k, Node) for k in keys):
                    return True
                waiting.append(n.op.live(n, keys))
            elif isinstance(n.op, Branch):
                waiting += n.op.live(n, keys)
    return False
