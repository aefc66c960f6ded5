"""`Table`: rows and named columns of a data file, and where in the file each of them is.

A table is read completely or not at all: no row is ever left out. A column is converted when it is asked for, so
columns that nobody needs may hold text. All faults are ProgramErrors with the place of the first bad cell.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from paramprog.diagnostics import ProgramError, Source, Span, did_you_mean, fail

Kind = Literal["real", "int", "bool"]

DTYPES: dict[Kind, type[np.generic]] = {"real": np.float64, "int": np.int64, "bool": np.bool_}

NOTHING_DROPPED = "correct the file, or take the rows out of it; none is left out silently"

LISTED = 8
"""So many columns of a file are listed in a message."""


@dataclass(frozen=True, eq=False)
class Row(Source):
    """One row of a file as a text of its own: a diagnostic in a large file needs no other line of it."""

    number: int

    def position(self, offset: int) -> tuple[int, int]:
        return self.number, offset + 1

    def line(self, number: int) -> str:
        return self.text


@dataclass(frozen=True, eq=False)
class Table(ABC):
    """The contract of all readers. `digest` is the sha256 of the file, in hexadecimal."""

    path: Path
    digest: str
    rows: int
    columns: tuple[str, ...]

    @abstractmethod
    def numbers(self, column: str, kind: Kind = "real") -> NDArray[Any]:
        """One column as float64, int64 or bool: [rows], or [rows, *shape] where a cell is an array; always finite.

        Raises ProgramError: data-column when there is no such column; data-cell-empty, data-number, data-nonfinite or
        data-ragged at the first bad cell, with the number of further ones; data-read when the file is damaged.
        """

    @abstractmethod
    def place(self, row: int, column: str) -> Span:
        """The cell in the file, for a diagnostic; rows count from 0, as in arrays."""

    def line(self, row: int) -> int:
        """The number of a row in the file: its line in a CSV file, else the number of the row, counted from 1."""
        return row + 1

    def header(self) -> Span | None:
        """Where the columns are named, if that is a place."""
        return None

    @property
    def called(self) -> str:
        """The file in a message at `header()`, which may name it already."""
        return "the file" if self.header() else f"`{self.path}`"

    def unusual(self) -> str | None:
        """A hint at why the columns may not be those that were expected."""
        return None

    def missing(self, column: str, needed: str = "") -> ProgramError:
        """The error for a column that does not exist; `needed` says what for."""
        hint = self.unusual() or did_you_mean(column, self.columns) or self.choice()
        return fail("data-column", f"{self.called} has no column `{column}`{needed}", self.header(), hint)

    def choice(self, argument: str | None = None) -> str:
        """A hint that lists the columns, to choose from for an argument."""
        if unusual := self.unusual():
            return unusual
        if argument and (close := did_you_mean(argument, self.columns)):
            return f"{close} --bind {argument}=COLUMN chooses a column"
        choose = f"; --bind {argument}=COLUMNS chooses" if argument else ""
        return f"its columns are {listed(self.columns)}{choose}"


def listed(names: tuple[str, ...] | list[str]) -> str:
    """`a, b, c`; of many the first, the last and how many there are."""
    if len(names) <= LISTED:
        return ", ".join(names)
    return f"{', '.join(names[: LISTED // 2])}, ..., {names[-1]} ({len(names)} in all)"


def further(count: int) -> str:
    """What a message adds about the other bad cells of the column."""
    if count == 0:
        return ""
    return f" ({count} more {'cell' if count == 1 else 'cells'} of this column cannot be used either)"
