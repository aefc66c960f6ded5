"""What is found about a boundary near a point: where it is, and what jumps there. See crossings.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from paramprog.diagnostics import Span

Verdict = Literal["jump", "unbounded", "kink", "smooth", "not reached"]
"""What there is at a boundary: a jump of the value; a value or gradient without limit; a jump of the gradient; nothing
of this; or that Newton's method does not get there, because another boundary is in the way or there is none.
"""


@dataclass(frozen=True)
class Crossing:
    """A boundary: `margin` is c at the point, `distance` |c| / |dc/dz|; the jumps are None where it was not reached.

    `entry` is the entry (flat) of an array that is nearest, None for a scalar.
    """

    span: Span | None
    what: str
    entry: int | None
    margin: float
    distance: float
    verdict: Verdict
    value_jump: float | None = None
    gradient_jump: float | None = None


@dataclass(frozen=True)
class Crossings:
    """The nearest boundaries of `count` operations that have some, in order of distance."""

    count: int
    found: Sequence[Crossing]


def to_json(found: Crossings) -> dict[str, Any]:
    """`{count, nearest: [{file, line, col, what, entry, margin, distance, verdict, value_jump, gradient_jump}]}`."""
    nearest = [
        {
            "file": None if c.span is None else c.span.source.name,
            "line": None if c.span is None else c.span.line,
            "col": None if c.span is None else c.span.column,
            "what": c.what,
            "entry": c.entry,
            "margin": c.margin,
            "distance": c.distance,
            "verdict": c.verdict,
            "value_jump": c.value_jump,
            "gradient_jump": c.gradient_jump,
        }
        for c in found.found
    ]
    return {"count": found.count, "nearest": nearest}
