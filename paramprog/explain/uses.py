"""What each use of a point adds to its gradient, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paramprog.analyses.uses import Use
from paramprog.explain import labels


def place(use: Use) -> str:
    """`12:9 W0 * P`: line, column, and the source there."""
    if use.span is None:
        return use.node.op.name
    return f"{use.span.line}:{use.span.column} {labels.excerpt(use.span)}"


def remark(use: Use) -> str:
    """What tells it from the same place in another call or turn: the turns, the point, the way, what is given to it."""
    turns = ", ".join(f"turn {t.number}" + (f" of line {t.span.line}" if t.span else "") for t in use.turns)
    into = f"into {use.into}" if use.into is not None else ""
    lines = [str(span.line) for span in use.through]
    via = f"by line{'s' * (len(lines) > 1)} {', '.join(lines)}" if lines else ""
    given = (
        "" if use.given is None else f"given {use.given.line}:{use.given.column} {labels.excerpt(use.given)}"
    )
    return "; ".join(part for part in (turns, into, via, given) if part)


def to_json(by_use: Mapping[str, Sequence[Use]]) -> dict[str, list[dict[str, Any]]]:
    """`{name: [{line, col, value, source, into, through, turns, given}]}`.

    `through` and `turns` are lists of `{line, col}`, of turns with `turn`; `given` is one or null.
    """
    return {
        name: [
            {
                **labels.line_and_column(use.span),
                "value": use.value,
                "source": None if use.span is None else use.span.text,
                "into": use.into,
                "through": [labels.line_and_column(span) for span in use.through],
                "turns": [{**labels.line_and_column(t.span), "turn": t.number} for t in use.turns],
                "given": None if use.given is None else labels.line_and_column(use.given),
            }
            for use in uses
        ]
        for name, uses in by_use.items()
    }
