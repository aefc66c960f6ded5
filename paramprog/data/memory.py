"""Arrays of a Python program as a table: what `paramprog.train` is given instead of the name of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.data.arrays import as_numbers, entry
from paramprog.data.table import NOTHING_DROPPED, Kind, Table
from paramprog.diagnostics import ProgramError, Span, fail

NAME = Path("<arrays>")
"""What the table is called in messages."""


BY_NAME = 'give arrays by name: {"x": [...], ...}'


def table_of(data: Any) -> Table:
    """The table with these columns, `[rows]` or `[rows, *shape]` each; its digest is that of the arrays.

    `data` are arrays by name: a mapping, or what has `items()` as a data frame does.

    Raises ProgramError: data-format for anything else, data-empty without columns or rows, data-ragged when rows
    differ in shape or columns in their number of rows, data-column for a name that stands twice, data-cell-empty for
    an entry that is masked.
    """
    columns = _columns(data)
    if not columns:
        raise fail("data-empty", "the data has no columns", None, BY_NAME)
    first, *_ = columns
    for name, array in columns.items():
        if len(array) != len(columns[first]):
            message = f"`{name}` has {len(array)} rows, and `{first}` has {len(columns[first])}"
            raise fail("data-ragged", message)
    if len(columns[first]) == 0:
        raise fail("data-empty", "the data has no rows")
    return MemoryTable(NAME, _digest(columns), len(columns[first]), tuple(columns), columns)


def _columns(data: Any) -> dict[str, NDArray[Any]]:
    items = getattr(data, "items", None)
    if not callable(items):
        message = f"the data are {_kind(data)}, without names of columns"
        raise fail("data-format", message, None, f"{BY_NAME}, or the name of a file")
    found: dict[str, NDArray[Any]] = {}
    for key, values in items():
        name = str(key)
        if name in found:
            raise fail("data-column", f"two columns of the data are called `{name}`")
        found[name] = _array(name, values)
    return found


def _array(name: str, values: Any) -> NDArray[Any]:
    """The values of a column as an array with a first axis."""
    if isinstance(values, np.ma.MaskedArray):
        masked = np.argwhere(np.ma.getmaskarray(values))
        if len(masked) and values.ndim:
            row, *index = map(int, masked[0])
            place = entry(NAME, row, name, tuple(index))
            raise fail("data-cell-empty", f"`{name}` is masked here", place, NOTHING_DROPPED)
    try:
        array = np.asarray(values)
    except (ValueError, TypeError):  # rows of different shapes, or objects that refuse
        raise _not_rectangular(name, values) from None
    if array.ndim == 0:
        what = "a single number" if array.dtype.kind in "biufc" else _kind(values)
        raise fail("data-ragged", f"`{name}` is {what} and not an array of rows")
    return array


def _not_rectangular(name: str, values: Any) -> ProgramError:
    """The error for rows of different shapes; it names the first that differs, if one can be told."""
    message = f"`{name}` is not a rectangular array: its rows differ in shape"
    first: tuple[int, ...] | None = None
    for row, value in enumerate(values if isinstance(values, Sequence) else ()):
        try:
            shape = np.shape(value)
        except ValueError:
            return fail("data-ragged", f"{message}, and so does what is in this one", entry(NAME, row, name))
        if first is None:
            first = shape
        elif shape != first:
            shapes = f"that of this one is {list(shape)}, that of the first one {list(first)}"
            return fail("data-ragged", f"{message}; {shapes}", entry(NAME, row, name))
    return fail("data-ragged", message)


def _kind(value: Any) -> str:
    """What a value is instead of arrays."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {list(value.shape)}"
    return "None" if value is None else f"of type {type(value).__name__}"


@dataclass(frozen=True, eq=False)
class MemoryTable(Table):
    arrays: dict[str, NDArray[Any]]

    def numbers(self, column: str, kind: Kind = "real") -> NDArray[Any]:
        if column not in self.arrays:
            raise self.missing(column)
        return as_numbers(self.path, column, self.arrays[column], kind)

    def place(self, row: int, column: str) -> Span:
        return entry(self.path, row, column)


def _digest(columns: Mapping[str, NDArray[Any]]) -> str:
    found = sha256()
    for name, array in columns.items():
        found.update(f"{name!r} {array.dtype.str} {array.shape}\n".encode())
        found.update(str(array.tolist()).encode() if array.dtype.hasobject else array.tobytes())
    return found.hexdigest()
