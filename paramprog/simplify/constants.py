"""Constant folding: an operation on numbers is the number that evaluation would compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from paramprog.diagnostics import ProgramError
from paramprog.graph import Node
from paramprog.graph.region import ValueFault
from paramprog.op import Attrs, Op
from paramprog.transfer.gather import GATHER
from paramprog.transfer.linear import COPY, SPREAD
from paramprog.transfer.rearrange import CONCAT, RESHAPE, STACK, TRANSPOSE
from paramprog.transfer.select import EMBED, SLICE
from paramprog.transfer.source import ARRAY, FULL, dtype_of
from paramprog.types import Real, Type, elements

MAX_FOLDED = 4096
"""Folding must not make a program larger: no more entries than these are read or stored."""

MOVES_EQUAL_ENTRIES = frozenset({COPY, SPREAD, RESHAPE, TRANSPOSE, SLICE})
"""Entries of the argument in other places: of equal entries the value does not matter."""

MOVES_ENTRIES = MOVES_EQUAL_ENTRIES | {CONCAT, STACK, EMBED, GATHER}


def are_constant(args: Sequence[Node]) -> bool:
    """Whether the operation has arguments, and all of them are numbers or constant arrays."""
    return bool(args) and all(a.op is FULL or a.op is ARRAY for a in args)


def folded(op: Op, args: Sequence[Node], attrs: Attrs, type: Type, real: Real, *, sums: bool) -> Any:
    """The value of `op` on constants, as an array or as one entry of many equal ones; None if it is not to be folded.

    An operation that faults is left for evaluation to report. Without `sums` nothing is folded whose value depends on
    the order of additions, and so on how the arguments lie in memory.
    """
    equal = all(a.op is FULL for a in args)
    if equal and op in MOVES_EQUAL_ENTRIES:
        return args[0].attrs["value"]
    if equal and op.elementwise:
        shapes: list[tuple[int, ...]] = [() for _ in args]
    elif sum(elements(a.shape) for a in args) + elements(type.shape) > MAX_FOLDED:
        return None
    elif op.elementwise or op in MOVES_ENTRIES or sums:
        shapes = [a.shape for a in args]
    else:
        return None
    values = [
        a.op.value(**{**a.attrs, "type": a.type._replace(shape=s)} if a.op is FULL else a.attrs)
        for a, s in zip(args, shapes, strict=True)
    ]
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(op.value(*values, **attrs))
    except (ValueFault, ProgramError, OverflowError):
        return None
    if found.dtype != dtype_of(type, real):
        return None
    return found[()] if not found.shape else _one(found)


def _one(array: Any) -> Any:
    """The entry of an array that has the same bits everywhere, else the array."""
    flat = np.ascontiguousarray(array).reshape(-1)
    if not flat.size:
        return array
    bits = flat.view(np.dtype(f"u{flat.dtype.itemsize}"))
    return flat[0] if np.all(bits == bits[0]) else array
