"""Results as text."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

THRESHOLD = 200
"""Arrays with more entries are summarised."""

INDENT = "  "


class Row(NamedTuple):
    """`name = value  (remark)`."""

    name: str
    value: Any
    remark: str = ""


def values_text(rows: Sequence[Row]) -> str:
    """The rows with their `=` aligned; an array of several lines starts on a line of its own, indented."""
    width = max((len(row.name) for row in rows), default=0)
    return "".join(_row(row, width) for row in rows)


def _row(row: Row, width: int) -> str:
    columns = shutil.get_terminal_size().columns
    text = value_text(row.value, columns - len(INDENT))
    head = f"{row.name:<{width}} ="
    remark = f"  ({row.remark})" if row.remark else ""
    if "\n" in text or (text.startswith("[") and len(f"{head} {text}") > columns):
        return f"{head}{remark}\n{indented(text)}"
    return f"{head} {text}{remark}\n"


def indented(text: str) -> str:
    """Every line a little to the right."""
    return "".join(f"{INDENT}{line}\n" for line in text.splitlines())


def value_text(value: Any, width: int = 78) -> str:
    """A scalar with all its digits, an array as NumPy prints it."""
    import numpy as np

    words = {"bool": lambda b: "true" if b else "false"}
    with np.printoptions(
        precision=8,
        threshold=THRESHOLD,
        edgeitems=2,
        linewidth=max(20, width),
        suppress=False,
        nanstr="NaN",
        infstr="inf",
        sign="-",
        floatmode="maxprec",
        formatter=words,  # type: ignore[arg-type]
    ):
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array + 0.0  # -0 is shown as 0
        if array.ndim:
            return np.array2string(array)
    scalar = array[()]
    if array.dtype.kind == "b":
        return words["bool"](scalar)
    return "NaN" if scalar != scalar else str(scalar)


def types_text(kinds: Mapping[str, Mapping[str, Any]]) -> str:
    """`kind  name : type` for names by kind, aligned."""
    rows = [(kind, name, str(type)) for kind, of in kinds.items() for name, type in of.items()]
    first, second = (max((len(row[k]) for row in rows), default=0) for k in (0, 1))
    return "".join(f"{kind:<{first}}  {name:<{second}} : {type}\n" for kind, name, type in rows)
