"""Typed arrays as numbers: what npz and Parquet files hold. A row of the file is an entry of the first axis.

There is no line to show of such files. A fault is shown as `points.npz:17:8: ...` with the text `x[2] = nan`: row 17,
counted from 1, the entry [2] of `x` in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.data.table import DTYPES, NOTHING_DROPPED, Kind, Row, further
from paramprog.diagnostics import Span, fail


def as_numbers(path: Path, column: str, values: NDArray[Any], kind: Kind) -> NDArray[Any]:
    """`values` [rows, ...] as a contiguous array of the kind. Raises ProgramError as `Table.numbers` does."""
    code = values.dtype.kind
    if code not in "biuf":
        raise not_numbers(path, column, str(values.dtype))
    if kind == "bool":
        bad = (values != 0) & (values != 1)
    elif code == "b":
        hint = "convert it, by `array.astype(float)`, or declare the argument bool"
        raise fail("data-number", f"`{column}` of `{path}` is bool, and numbers are needed", None, hint)
    else:
        _check_finite(path, column, values)
        bad = _not_int(values) if kind == "int" else np.zeros(0, np.bool_)
    if bad.any():
        at = int(np.argmax(bad))
        value = values.flat[at]
        large = "too large for an int64" if abs(float(value)) >= 2.0**63 else "not a whole number"
        message = (
            f"`{column}` holds {value}, which is {'neither true nor false' if kind == 'bool' else large}"
        )
        raise fail("data-number", message + _further(bad), _place(path, column, values, at))
    return np.ascontiguousarray(values, DTYPES[kind])


def not_numbers(path: Path, column: str, type: str) -> Exception:
    """The error for a column of text, dates or objects."""
    return fail("data-number", f"`{column}` of `{path}` is of type {type}, which is not a type of numbers")


def entry(path: Path, row: int, column: str, index: tuple[int, ...] = (), value: object = None) -> Span:
    """An entry as a place; with its value, if there is one to show."""
    name = f"{column}[{', '.join(map(str, index))}]" if index else column
    if value is None:
        return Span(Row(str(path), name, row + 1), 0, len(name))
    text = f"{name} = {value}"
    return Span(Row(str(path), text, row + 1), len(name) + 3, len(text))


def _check_finite(path: Path, column: str, values: NDArray[Any]) -> None:
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(values.astype(np.float64, copy=False))
    if bad.any():
        at = int(np.argmax(bad))
        message = f"`{column}` holds {values.flat[at]}, and numbers must be finite" + _further(bad)
        raise fail("data-nonfinite", message, _place(path, column, values, at), NOTHING_DROPPED)


def _not_int(values: NDArray[Any]) -> NDArray[np.bool_]:
    bad: NDArray[np.bool_] = np.zeros(0, np.bool_)
    if values.dtype.kind == "f":
        reals = values.astype(np.float64, copy=False)
        bad = (reals != np.floor(reals)) | (reals < -(2.0**63)) | (reals >= 2.0**63)
    elif values.dtype.kind == "u" and values.dtype.itemsize == 8:
        bad = values >= np.uint64(2**63)
    return bad


def _place(path: Path, column: str, values: NDArray[Any], at: int) -> Span:
    row, *index = (int(i) for i in np.unravel_index(at, values.shape))
    return entry(path, row, column, tuple(index), values.flat[at])


def _further(bad: NDArray[np.bool_]) -> str:
    return further(int(np.count_nonzero(bad)) - 1)
