"""What nodes, places and numbers are called in explanations."""

from __future__ import annotations

from math import floor, isfinite, log10
from typing import Any

import numpy as np

from paramprog.diagnostics import Span, printable
from paramprog.graph import Node
from paramprog.transfer.stack import Tape

MAX_ENTRIES = 4
"""An array with more entries is shown by its norm."""

MAX_EXCERPT = 40


def point(node: Node) -> str:
    """The name of a point; for an operation without one, `mul:12`: what it does and the line."""
    if node.name is not None:
        return node.name
    return node.op.name if node.span is None else f"{node.op.name}:{node.span.line}"


def excerpt(span: Span, width: int = MAX_EXCERPT) -> str:
    """The source at a place as one printable line, shortened."""
    return shortened(printable(" ".join(span.text.split())), width)


def shortened(text: str, width: int) -> str:
    """At most `width` characters."""
    return text if len(text) <= width else f"{text[: width - 3]}..."


def number(x: Any) -> str:
    """Six significant digits."""
    return "NaN" if x != x else f"{float(x) + 0.0:.6g}"


def power_of_two(log: float) -> str:
    """2**log, six significant digits, also where floats end."""
    if not isfinite(log) or abs(log) < 1000:
        return number(2.0**log)
    exponent = floor(log * log10(2))
    return f"{10 ** (log * log10(2) - exponent):.6g}e{exponent:+d}"


def value(array: Any) -> str:
    """A scalar, a small array entry by entry, a large one as its shape and norm; of a tape how much lies on it."""
    if isinstance(array, Tape):
        return tape(array)
    array = np.asarray(array)
    if array.dtype.kind == "b" and not array.ndim:
        return "true" if array else "false"
    if array.size > MAX_ENTRIES:
        shape = ", ".join(map(str, array.shape))
        if array.dtype.kind != "f":
            return f"[{shape}]"
        with np.errstate(all="ignore"):
            return f"[{shape}] |{number(np.linalg.norm(np.ravel(array)))}|"
    return _entries(array)


def tape(stack: Tape) -> str:
    """How many values lie on it; they are those of earlier points."""
    return f"tape of {len(stack)}"


def _entries(array: Any) -> str:
    if array.ndim:
        return f"[{' '.join(_entries(row) for row in array)}]"
    if array.dtype.kind == "b":
        return "true" if array else "false"
    return str(int(array)) if array.dtype.kind == "i" else f"{float(array) + 0.0:.4g}".replace("nan", "NaN")


def line_and_column(span: Span | None) -> dict[str, int | None]:
    """A place, as in JSON documents."""
    return {"line": None, "col": None} if span is None else {"line": span.line, "col": span.column}
