"""Tables for the tests of bindings."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramprog.data import Table
from paramprog.data.csv_file import read_csv
from paramprog.diagnostics import Diagnostic, ProgramError
from paramprog.fitting.columns import Wanted


def table(*names: str, rows: int = 2) -> Table:
    """Column k of row r holds 100 r + k."""
    header = [f'"{name}"' for name in names]
    lines = [header, *([str(100 * r + k) for k in range(len(names))] for r in range(rows))]
    return from_text("\n".join(map(",".join, lines)))


def from_text(text: str) -> Table:
    """The table of a CSV file `d.csv`."""
    return read_csv(Path("d.csv"), text.encode(), "")


def wanted(type: str, *, default: bool = False) -> Wanted:
    """From text such as `int` or `real[n, 3, ?]`."""
    kind, _, dims = type.rstrip("]").partition("[")
    sizes = [d.strip() for d in dims.split(",")] if dims else []
    return Wanted(kind, tuple(None if d == "?" else int(d) if d.isdigit() else d for d in sizes), default)


def refused(function, *arguments, **options) -> Diagnostic:
    """The one diagnostic that is raised."""
    with pytest.raises(ProgramError) as caught:
        function(*arguments, **options)
    [found] = caught.value.diagnostics
    return found
