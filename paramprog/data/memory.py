"""Arrays of a Python program as a table: what `paramprog.train` is given instead of the name of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.data.arrays import as_numbers, entry
from paramprog.data.table import Kind, Table
from paramprog.diagnostics import Span, fail

NAME = Path("<arrays>")
"""What the table is called in messages."""


def table_of(arrays: Mapping[str, Any]) -> Table:
    """The table with these columns, `[rows]` or `[rows, *shape]` each; its digest is that of the arrays.

    Raises ProgramError: data-empty without columns or rows, data-ragged when their numbers of rows differ.
    """
    columns = {str(name): np.asarray(array) for name, array in arrays.items()}
    if not columns:
        raise fail("data-empty", "the data has no columns", None, 'give arrays by name: {"x": [...], ...}')
    first, *_ = columns
    for name, array in columns.items():
        if array.ndim == 0:
            raise fail("data-ragged", f"`{name}` is a single number and not an array of rows")
        if len(array) != len(columns[first]):
            message = f"`{name}` has {len(array)} rows, and `{first}` has {len(columns[first])}"
            raise fail("data-ragged", message)
    if len(columns[first]) == 0:
        raise fail("data-empty", "the data has no rows")
    return MemoryTable(NAME, _digest(columns), len(columns[first]), tuple(columns), columns)


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
