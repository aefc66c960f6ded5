"""Columns of a data file bound to the arguments of a program.

An argument takes the columns it is bound to, as `column_names` reads them, else those of its own name. A scalar takes
one column; an array of shape s takes prod(s) columns, row by row, or one column whose cells have the shape s. An
argument with a default and without columns keeps its default in all rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.data.table import DTYPES, Table
from paramprog.diagnostics import Diagnostic, Report, Span, did_you_mean, fail
from paramprog.fitting.column_names import REST, by_name, parts, select
from paramprog.fitting.column_sizes import Found, Wanted, solve

__all__ = ["Bound", "Wanted", "bind"]


@dataclass(frozen=True, eq=False)
class Bound:
    """The rows of a file as values of arguments.

    `arrays`: argument -> [rows, *shape], float64, int64 or bool; `columns`: the columns that each is made of;
    `sizes`: the dims that the columns determine; `defaulted`: the arguments that keep their default.
    """

    table: Table
    arrays: dict[str, NDArray[Any]]
    columns: dict[str, list[str]]
    sizes: dict[str, int]
    defaulted: tuple[str, ...]

    @property
    def rows(self) -> int:
        return self.table.rows

    def line(self, row: int) -> int:
        """The line of a row in the file (see `Table.line`)."""
        return self.table.line(row)

    def place(self, row: int, argument: str, entry: int = 0) -> Span:
        """The cell of an entry of an argument, for a diagnostic; entries of arrays count row by row."""
        columns = self.columns[argument]
        return self.table.place(row, columns[entry] if entry < len(columns) else columns[0])


def bind(
    table: Table,
    wanted: Mapping[str, Wanted],
    bindings: Sequence[tuple[str, str]] = (),
    open_dims: Mapping[str, int | None] | None = None,
) -> Bound:
    """The columns of the table for the arguments in `wanted`; `open_dims` are dims that they may bind, with defaults.

    Raises ProgramError with one diagnostic for each argument that is at fault: unknown-input for a binding of no
    argument; data-column when there is no column for it; what `Table.numbers` raises; data-width when columns do
    not fit.
    """
    columns = _columns(table, wanted, _texts(wanted, bindings))
    arrays: dict[str, NDArray[Any]] = {}
    found: dict[str, Found] = {}
    report = Report()
    for name, names in columns.items():
        with report.isolating():
            arrays[name], found[name] = _numbers(table, name, names, wanted[name])
    report.raise_if_errors()
    shapes, sizes = solve(table, wanted, found, open_dims or {})
    arrays = {name: array.reshape(table.rows, *shapes[name]) for name, array in arrays.items()}
    return Bound(table, arrays, columns, sizes, tuple(name for name in wanted if name not in columns))


def _texts(wanted: Mapping[str, Wanted], bindings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The bindings by argument."""
    texts: dict[str, str] = {}
    for argument, text in bindings:
        if argument not in wanted:
            hint = did_you_mean(argument, wanted) or f"its arguments are {', '.join(wanted)}"
            raise fail(
                "unknown-input", f"columns are bound to `{argument}`, which is no argument", None, hint
            )
        if argument in texts:
            message = f"`{argument}` is bound twice, to `{texts[argument]}` and to `{text}`"
            hint = f"write --bind {argument}='{texts[argument]},{text}'"
            raise fail("data-column", message, None, hint)
        texts[argument] = text
    return texts


def _columns(table: Table, wanted: Mapping[str, Wanted], texts: Mapping[str, str]) -> dict[str, list[str]]:
    """The columns of each argument that has some, in the order of the arguments."""
    chosen: dict[str, list[str]] = {}
    report = Report()
    # `*` is what the others leave, so it comes last
    for name in sorted(wanted, key=lambda name: REST in parts(texts.get(name, ""))):
        with report.isolating():
            if name in texts:
                taken = {column for other in chosen.values() for column in other}
                chosen[name] = select(table, name, texts[name], taken)
            elif names := by_name(table, name, array=bool(wanted[name].dims)):
                chosen[name] = names
            elif not wanted[name].has_default:
                message = f"{table.called} has no column for the argument `{name}`, which has no default"
                report.add(Diagnostic("data-column", message, table.header(), table.choice(name)))
    report.raise_if_errors()
    if wanted and not chosen:
        message = (
            f"no argument of the program takes a column of {table.called}; all would keep their defaults"
        )
        raise fail("data-column", message, table.header(), table.choice(next(iter(wanted))))
    return {name: chosen[name] for name in wanted if name in chosen}


def _numbers(table: Table, name: str, columns: list[str], wanted: Wanted) -> tuple[NDArray[Any], Found]:
    """[rows, number of columns], or [rows, *shape] of one column whose cells are arrays."""
    first = table.numbers(columns[0], wanted.kind)
    if len(columns) == 1:
        return first, Found(columns, first.shape[1:])
    joined = np.empty((table.rows, len(columns)), DTYPES[wanted.kind])
    for k, column in enumerate(columns):
        values = table.numbers(column, wanted.kind) if k else first
        if values.ndim > 1:
            message = f"the cells of `{column}` have shape {list(values.shape[1:])}, so they cannot be joined to others"
            raise fail("data-width", message, table.header(), f"bind `{name}` to one such column")
        joined[:, k] = values
    return joined, Found(columns, ())
