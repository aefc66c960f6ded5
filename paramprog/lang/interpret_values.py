"""Values of the interpreter: NumPy arrays and scalars, or what has none (`Holes`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from paramprog.diagnostics import ProgramError, fail
from paramprog.lang.duals import Dual, each
from paramprog.lang.instance import RunTime
from paramprog.lang.lazy import Holes, nothing
from paramprog.transfer.source import DTYPES
from paramprog.transfer.stack import Tape
from paramprog.types import Kind, Shape, Type

KINDS: Mapping[type, Kind] = {Dual: "real", np.float64: "real", np.int64: "int", np.bool_: "bool"}

MAX_REMEMBERED = 128
"""Calls are remembered if none of their arguments has more entries."""


def convert(value: Any, kind: Kind) -> Any:
    """A value as `kind`; reals are float64 here."""
    if isinstance(value, Tape):
        return value if kind_of(value) == kind else value.mapped(lambda x: convert(x, kind))
    if isinstance(value, Holes):
        return value if value.value is None else replace(value, value=convert(value.value, kind))
    if kind == "real" and type(value) in (np.float64, Dual):
        return value
    return np.asarray(value).astype(np.float64 if kind == "real" else DTYPES[kind])[()]


def kind_of(value: Any) -> Kind:
    """What an array or a tape holds."""
    found = KINDS.get(type(value))
    if found is not None:
        return found
    if isinstance(value, Tape):
        return kind_of(value.below)
    code = np.asarray(value).dtype.kind
    return "bool" if code == "b" else "int" if code == "i" else "real"


def plain(value: Any) -> Any:
    """The array of a value with holes."""
    return value.value if isinstance(value, Holes) else value


def key_of(value: Any) -> tuple[str, tuple[int, ...], bytes] | None:
    """What equal values have in common; None for one that is not worth remembering."""
    if isinstance(value, Holes | Dual | Tape) or np.size(value) > MAX_REMEMBERED:
        return None
    return value.dtype.str, value.shape, value.tobytes()


def spread(value: Any, shape: tuple[int, ...]) -> Any:
    """A scalar as an array; an array has the shape already."""
    return value if isinstance(value, Holes) else each(lambda v: np.broadcast_to(v, shape)[()], value)


def assembled(values: Sequence[Any], sizes: Shape, entry: Type) -> Any:
    """One array `[*sizes, *shape]` of all entries, in row-major order."""
    whole = (*sizes, *entry.shape)
    kind = np.float64 if entry.kind == "real" else DTYPES[entry.kind]
    bad = np.zeros((len(values), *entry.shape), np.bool_)
    fault: ProgramError | None = None
    present: list[Any] = []
    for k, value in enumerate(values):
        if isinstance(value, Holes):
            bad[k], fault = value.bad, value.fault
            value = value.value
        present.append(np.zeros(entry.shape, kind) if value is None else convert(value, entry.kind))

    def stacked(*entries: Any) -> Any:
        out: Any = np.zeros(bad.shape, kind)
        for k, found in enumerate(entries):
            out[k] = found
        return out.reshape(whole)

    array = each(stacked, *present)
    if fault is None:
        return array
    return nothing(fault) if bad.all() else Holes(array, bad.reshape(whole), fault)


def entries(item: RunTime, i: Any, size: int) -> Any:
    """What NumPy indexes an axis of `size` with. Raises ProgramError where there is no such entry."""
    offsets = item.offsets if item.offsets is not None else range(1)
    for place in (int(i) + k for k in offsets):
        if not 0 <= place < size:
            message = f"index {place} is out of range for {size} entries"
            raise fail("index-range", message, item.start.span)
    return i if item.offsets is None else slice(int(i), int(i) + offsets.stop, offsets.step)
