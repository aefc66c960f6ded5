"""Numbers and arrays as literals, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isinf, isnan
from typing import Any

import numpy as np

from paramprog.emit.written import Level, Written
from paramprog.types import Kind

WIDTH = 88
"""A longer array is broken into lines."""


def literal(value: bool | int | float, kind: Kind) -> Written:
    """A number in the language; what has no literal is computed: 1.0 / 0.0 is infinite."""
    if kind == "bool":
        return Written("true" if value else "false")
    if kind == "int":
        if value == -(2**63):
            return Written(f"{-(2**63) + 1} - 1", Level.SUM)
        return Written(str(int(value)), Level.UNARY if value < 0 else Level.PRIMARY)
    number = float(value)
    if isnan(number):
        return Written("0.0 / 0.0", Level.PRODUCT)
    if isinf(number):
        return Written("1.0 / 0.0" if number == inf else "-1.0 / 0.0", Level.PRODUCT)
    text = repr(number)
    return Written(text, Level.UNARY if text.startswith("-") else Level.PRIMARY)


def array(value: Any, entry: Callable[[Any], str], brackets: str = "[]") -> str:
    """An array that is not empty as nested lists, a long one in lines that start below its first bracket."""
    value = np.asarray(value)
    flat = _nested(value, entry, brackets)
    if len(flat) <= WIDTH or value.ndim == 0:
        return flat
    if value.ndim > 1:
        rows = [array(row, entry, brackets).replace("\n", "\n ") for row in value]
        return brackets[0] + ",\n ".join(rows) + _closing(len(rows), brackets)
    items = [entry(x) for x in value.tolist()]
    a_line = 8 if max(map(len, items)) < 10 else 4
    lines = [", ".join(items[k : k + a_line]) for k in range(0, len(items), a_line)]
    return brackets[0] + ",\n ".join(lines) + _closing(len(items), brackets)


def _nested(value: Any, entry: Callable[[Any], str], brackets: str) -> str:
    if value.ndim == 0:
        return entry(value.item())
    rows = [_nested(row, entry, brackets) for row in value]
    return brackets[0] + ", ".join(rows) + _closing(len(rows), brackets)


def _closing(count: int, brackets: str) -> str:
    """A tuple of one needs a comma."""
    return f",{brackets[1]}" if count == 1 and brackets == "()" else brackets[1]


def below(head: str, text: str) -> str:
    """`head` and a text of several lines, which goes on below its start."""
    return head + text.replace("\n", "\n" + " " * len(head))
