"""What is said when rows and params do not go together: labels out of range, losses and gradients that are not finite.

Both name the rows by their place in the data file, and the point of the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.diagnostics import Diagnostic, ProgramError, Span
from paramprog.fitting.columns import Bound
from paramprog.fitting.layout import Vector
from paramprog.fitting.objective import CHUNK, Objective, Rows

LISTED = 5
"""So many rows are named in a message."""


@dataclass(frozen=True, eq=False)
class Places:
    """Which rows of the file the rows of a part (such as those for training) are, and where."""

    bound: Bound
    rows: NDArray[np.int64]

    def of(self, part: Sequence[int] | NDArray[np.int64]) -> str:
        """`digits.csv:17` for one row of the part, `digits.csv:17, 23 and 4 more` for several."""
        lines = [self.bound.line(int(self.rows[k])) for k in part[:LISTED]]
        more = f" and {len(part) - LISTED} more" if len(part) > LISTED else ""
        return f"{self.bound.table.path}:{', '.join(map(str, lines))}{more}"


def no_value(objective: Objective, theta: Vector, rows: Rows, places: Places) -> ProgramError | None:
    """The error for rows at which the program has no value, such as a label that does not exist; None if all have one.

    Its place is the cell of the int that is to blame, if one can be told by its value.
    """
    found = list(islice(_faults(objective, theta, rows), LISTED + 2))
    if not found:
        return None
    k, error = found[0]
    first = error.diagnostics[0]
    cell, what = _cell(first.message, rows, k, places)
    at = "" if first.span is None else f" (at {first.span!r} of the program)"
    others = [j for j, _ in found[1 : LISTED + 1]]
    more = f"; so it is at {places.of(others)}" if others else ""
    more += ", and so on" if len(found) > LISTED + 1 else ""
    return ProgramError([Diagnostic(first.code, f"{what}: {first.message}{at}{more}", cell, first.hint)])


def _faults(objective: Objective, theta: Vector, rows: Rows) -> Iterator[tuple[int, ProgramError]]:
    """The rows at fault; of many rows, only those among some faulty ones are evaluated one by one."""
    size = len(next(iter(rows.values())))
    for start in range(0, size, CHUNK):
        part = {name: a[start : start + CHUNK] for name, a in rows.items()}
        try:
            objective.measure(theta, part)
        except ProgramError:
            for k, error in objective.faults(theta, part):
                yield start + k, error


def _cell(message: str, rows: Rows, k: int, places: Places) -> tuple[Span | None, str]:
    """The cell of an int argument whose value stands in the message, and what is in it."""
    for name, values in rows.items():
        if values.dtype.kind == "i" and name in places.bound.columns:
            for entry, value in enumerate(np.ravel(values[k])):
                if f" {value} " in f" {message} ":
                    columns = places.bound.columns[name]
                    cell = places.bound.place(int(places.rows[k]), name, entry)
                    return cell, f"`{columns[entry if entry < len(columns) else 0]}` is {value}"
    return None, f"the row at {places.of([k])} has no loss"


def not_finite(
    objective: Objective, theta: Vector, batch: Rows, step: int, loss: float, at: str, places: Places
) -> Diagnostic:
    """The error for a step whose loss or gradient is not finite. `at` says which step; `places` are of this batch."""
    what = "the gradient is not finite" if np.isfinite(loss) else f"the loss is {_number(loss)}"
    bad = objective.not_finite(theta, batch, step)
    blame = objective.blame(theta, batch, step, bad[:1] or None)
    if blame is None:
        message = f"{at}: {what}, though that of each row is finite: their sum is too large"
        return Diagnostic("non-finite", message, None, HINT)
    where = f"{at}: {what}, for the row{'s' if len(bad) > 1 else ''} {places.of(bad or [blame.row])}"
    return replace(
        blame.diagnostic, message=f"{where}; {blame.diagnostic.message}", hint=HINT, severity="error"
    )


def not_finite_param(objective: Objective, theta: Vector, at: str) -> Diagnostic | None:
    """The error for the first param that has an entry that is not finite."""
    for name, values in objective.layout.views(theta).items():
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            index = tuple(map(int, bad[0]))
            entry = f"{name}[{', '.join(map(str, index))}]" if index else name
            message = f"{at}: the param `{entry}` is {_number(float(values[index]))}"
            return Diagnostic("non-finite", message, objective.params[name].span, SMALLER)
    return None


SMALLER = "a smaller --lr, or --clip, may prevent it"
HINT = f"{SMALLER}; --on-nonfinite skip leaves such steps out"


def _number(value: float) -> str:
    return "NaN" if value != value else str(value)


def unused(bound: Bound, arrays: Mapping[str, Any]) -> list[str]:
    """Notes on arguments that keep their default in all rows, which may not be what was meant."""
    return [
        f"{name} keeps its default in all rows; --bind {name}=COLUMNS gives it columns"
        for name in bound.defaulted
        if name in arrays
    ]
