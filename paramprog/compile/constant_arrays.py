"""Constant arrays: small ones are written into the C text, large ones are computed from the index where they can be.

Large ones come from ranges (`for i in 0..2000000`), identity matrices, and what is the same along an axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from paramprog.compile.builder import Builder, literal
from paramprog.compile.tensor import Value
from paramprog.types import Kind, Shape

LARGE = 4096
"""Entries from which on the C text had better not hold them."""


def constant(b: Builder, array: Any, kind: Kind) -> Value:
    """The array. Raises NotLowered where it is too large, and no function of the index that is looked for."""
    if array.size <= LARGE:
        return b.table(array, kind)
    kept, core = _less_repeated(array)
    repeated = [k for k in range(array.ndim) if k not in kept]
    if not kept:
        return b.number(core.item(), kind, array.shape)
    found = _steps(b, core, kind)
    if found is None:
        found = _diagonal(b, core, kind)
    if found is None:
        found = b.table(core, kind)
    return b.spread(found, repeated, tuple(array.shape[k] for k in repeated))


def _less_repeated(array: Any) -> tuple[list[int], Any]:
    """The axes along which its entries differ, and the array without the others."""
    kept: list[int] = []
    core = array
    for k in range(array.ndim):
        first = core.take([0], len(kept))
        if np.array_equal(np.broadcast_to(first, core.shape), core, equal_nan=core.dtype.kind == "f"):
            core = first.squeeze(len(kept))
        else:
            kept.append(k)
    return kept, core


def _steps(b: Builder, array: Any, kind: Kind) -> Value | None:
    """An array that begins somewhere and grows by the same step along each axis, to the bit."""
    if kind == "bool" or not array.ndim:
        return None
    dtype = np.dtype(b.real) if kind == "real" else np.dtype(np.int64)
    own = array.astype(dtype)
    origin = (0,) * array.ndim
    start = own[origin]
    made = np.full(array.shape, start, dtype)
    text = literal(start, kind, b.real)
    for k in range(array.ndim):
        step = own[(*origin[:k], 1, *origin[k + 1 :])] - start
        shape = tuple(array.shape[k] if j == k else 1 for j in range(array.ndim))
        with np.errstate(all="ignore"):
            made = made + step * np.arange(array.shape[k]).astype(dtype).reshape(shape)
        factor = literal(step, kind, b.real)
        if kind == "int":
            text = f"pp_add_i64({text}, pp_mul_i64({factor}, {{{k}}}))"
        else:
            text = f"({text} + {factor} * (T){{{k}}})"
    if not np.array_equal(made, own):
        return None
    return b.map(kind, text, *(b.iota(array.shape, k) for k in range(array.ndim)))


def _diagonal(b: Builder, array: Any, kind: Kind) -> Value | None:
    """A matrix with one number on its diagonal and another one everywhere else."""
    shape: Shape = array.shape
    if len(shape) != 2:
        return None
    on, off = array[0, 0], array[0, 1]
    diagonal = np.arange(shape[0])[:, None] == np.arange(shape[1])
    if not np.array_equal(np.where(diagonal, on, off), array):
        return None
    text = f"{{0}} == {{1}} ? {literal(on, kind, b.real)} : {literal(off, kind, b.real)}"
    return b.map(kind, text, b.iota(shape, 0), b.iota(shape, 1))
