"""Cells of text as numbers.

A number is an optional sign, digits with an optional point, and an optional exponent; blanks around it are ignored.
An int is a number without a fraction (`3`, `3.0`, `3e2`); a bool is `true` or `false` in lower, upper or title case,
or 1 or 0. There are two ways through, and they agree on what a number is: `convert` is fast and gives up on a column
with a bad cell, `fault` says of one cell what is wrong with it.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from math import isinf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.data.table import DTYPES, NOTHING_DROPPED, Kind
from paramprog.diagnostics import Diagnostic

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
NON_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
COMMA_FOR_POINT = re.compile(r"[+-]?[0-9]+,[0-9]+")
ABSENT = {"na", "n/a", "#n/a", "null", "none", "-", "?", "missing"}
BOOLS = {"true": True, "True": True, "TRUE": True, "1": True} | {
    "false": False, "False": False, "FALSE": False, "0": False
}  # fmt: skip
BLANKS = " \t"

LONGEST = 64
"""Longer cells are converted one by one, so that a single one does not widen the whole column."""

CHUNK = 2**16
"""So many rows are converted at once, which bounds the memory on the way."""

LARGEST_SHOWN = 40
"""Characters of a cell that a message shows."""

EXACT = 2.0**53
"""Below it a float64 holds every whole number exactly."""

_IN_INTS = np.zeros(256, np.bool_)
_IN_INTS[list(b"\0+-0123456789" + BLANKS.encode())] = True
_IN_REALS = _IN_INTS.copy()
_IN_REALS[list(b".eE")] = True


def convert(
    raw: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], kind: Kind
) -> NDArray[Any] | None:
    """The cells raw[start:end] as an array, or None when one of them is at fault."""
    if kind != "bool":
        values = np.empty(len(starts), np.float64)
        allowed = _IN_REALS if kind == "real" else _IN_INTS
        parts = (slice(k, k + CHUNK) for k in range(0, len(starts), CHUNK))
        done = all(_floats(raw, starts[part], ends[part], allowed, values[part]) for part in parts)
        if kind == "real":
            return values if done else None
        if done and np.all(np.abs(values) < EXACT):
            return values.astype(DTYPES["int"])
    read = BOOLS.get if kind == "bool" else _integer
    found = [
        read(raw[s:e].decode().strip(BLANKS)) for s, e in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    return None if None in found else np.array(found, DTYPES[kind])


def _floats(
    raw: bytes,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> bool:
    """Fill `out`, or return False; `allowed` are the bytes that the cells may have."""
    widest = int((ends - starts).max())
    if widest > LONGEST:
        for k, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            text = raw[start:end].decode().strip(BLANKS)
            if not NUMBER.fullmatch(text) or not all(allowed[ord(c)] for c in text):
                return False
            out[k] = float(text)
        return bool(np.isfinite(out).all())
    if widest == 0:
        return False
    offsets = starts[:, None] + np.arange(widest)
    outside = offsets >= ends[:, None]
    offsets[outside] = 0
    characters = np.frombuffer(raw, np.uint8)[offsets]
    characters[outside] = 0
    if not allowed[characters].all():  # float() would also take nan, infinity and 1_000
        return False
    try:
        with np.errstate(over="ignore"):
            out[:] = characters.view(f"S{widest}")[:, 0].astype(np.float64)
    except ValueError:
        return False
    return bool(np.isfinite(out).all())


def _integer(text: str) -> int | None:
    """The int64 that a number of any spelling denotes exactly, if it denotes one."""
    if not NUMBER.fullmatch(text) or abs(float(text)) > 2.0**63:  # keeps int() below from writing out 1e300
        return None
    try:
        exact = Decimal(text)
    except InvalidOperation:  # an exponent beyond those of Decimal
        return None
    if exact != exact.to_integral_value():
        return None
    value = int(exact)
    return value if -(2**63) <= value < 2**63 else None


def fault(text: str, kind: Kind, column: str) -> Diagnostic | None:
    """What is wrong with a cell, if anything; without its place."""
    text = text.strip(BLANKS)
    holds = f'column `{column}` holds "{_short(text)}"'
    if not text:
        return Diagnostic("data-cell-empty", f"column `{column}` is empty here", None, NOTHING_DROPPED)
    if NON_FINITE.fullmatch(text):
        return Diagnostic("data-nonfinite", f"{holds}, and numbers must be finite", None, NOTHING_DROPPED)
    if kind == "bool":
        message = f"{holds}, which is neither true nor false"
        return (
            None if text in BOOLS else Diagnostic("data-number", message, None, "write true, false, 1 or 0")
        )
    if not NUMBER.fullmatch(text):
        return Diagnostic("data-number", f"{holds}, which is not a number", None, _advice(text))
    if isinf(float(text)):
        return Diagnostic("data-nonfinite", f"{holds}, which is too large for a float64", None, None)
    if kind == "int" and _integer(text) is None:
        large = abs(float(text)) >= 2.0**63
        what = "is too large for an int64" if large else "is not a whole number"
        return Diagnostic("data-number", f"{holds}, which {what}", None, None)
    return None


def _advice(text: str) -> str | None:
    if text.lower() in ABSENT:
        return NOTHING_DROPPED
    if COMMA_FOR_POINT.fullmatch(text):
        return "numbers are written with a point and without commas, as in 1234.5"
    if text in BOOLS:
        return "an argument of type bool takes true and false; a number is 1 or 0"
    return None


def _short(text: str) -> str:
    return text if len(text) <= LARGEST_SHOWN else f"{text[: LARGEST_SHOWN - 3]}..."
