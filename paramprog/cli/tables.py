"""Outputs for the rows of a file as a table: CSV, npz or Parquet, by the suffix of the file to write.

In CSV and Parquet an output is one column of its name, an array `z` of k entries the columns z_0, ..., z_(k-1), row by
row; an npz file holds the arrays [rows, *shape]. Floats are written with as many digits as tell them apart, so what is
read back is bit for bit what was computed; NaN and infinities are NaN, Infinity and -Infinity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from paramprog.diagnostics import fail
from paramprog.fitting.archive import pack
from paramprog.fitting.atomic import write_atomically

WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "True": "true", "False": "false"}

Arrays = Mapping[str, Any]


def check_suffix(path: str, suffixes: Iterable[str]) -> None:
    """Raise ProgramError for a file that cannot be written, before anything is computed."""
    if Path(path).suffix.lower() not in suffixes:
        message = f"`{path}` cannot be written: its name ends in none of {', '.join(suffixes)}"
        raise fail("data-format", message)


def write_table(path: str, arrays: Arrays) -> None:
    """Write `arrays` [rows, *shape] as a whole or not at all. Raises ProgramError."""
    write_file(path, WRITERS[Path(path).suffix.lower()](arrays))


def write_file(path: str, data: bytes | memoryview) -> None:
    """Write a file as a whole or not at all. Raises ProgramError."""
    try:
        write_atomically(Path(path), data)
    except OSError as error:
        raise fail("unwritable", f"`{path}` cannot be written: {error.strerror or error}") from None
    except ValueError:  # a NUL in the name
        raise fail("unwritable", f"`{path}` is no name of a file") from None


def csv_text(arrays: Arrays) -> str:
    """The header and the rows; names need no quotes."""
    columns = flat_columns(arrays)
    cells = [_words(column) for column in columns.values()]
    lines = [",".join(columns), *(",".join(row) for row in zip(*cells, strict=True))]
    return "".join(f"{line}\n" for line in lines)


def flat_columns(arrays: Arrays) -> dict[str, Any]:
    """One array [rows] for each column. Raises ProgramError when two would have one name."""
    found: dict[str, Any] = {}
    for name, array in arrays.items():
        width = prod(array.shape[1:])
        flat = array.reshape(len(array), width)
        names = [f"{name}_{k}" for k in range(width)] if array.ndim > 1 else [name]
        for k, column in enumerate(names):
            if column in found:
                message = f"two columns would be called `{column}`"
                raise fail("data-column", message, None, "write .npz, or choose one output with `--output`")
            found[column] = flat[:, k]
    return found


def _words(column: Any) -> list[str]:
    """The entries as text; those of a float32 with the digits that it takes."""
    values = column if column.dtype == np.float32 else column.tolist()
    return [WORDS.get(text, text) for text in map(str, values)]


def _parquet(arrays: Arrays) -> bytes:
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        message = "writing Parquet needs pyarrow, which is not installed"
        raise fail("data-format", message, None, "pip install 'paramprog[parquet]', or write CSV") from None
    buffer = BytesIO()
    parquet.write_table(
        arrow.table({k: np.ascontiguousarray(v) for k, v in flat_columns(arrays).items()}), buffer
    )
    return buffer.getvalue()


WRITERS: dict[str, Callable[[Arrays], bytes | memoryview]] = {
    ".csv": lambda arrays: csv_text(arrays).encode(),
    ".npz": pack,
    ".parquet": _parquet,
}
