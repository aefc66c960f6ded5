"""Faster ways to the values of some primitives, for plans: with fewer checks, passes and temporary arrays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import isfinite, isnan
from typing import Any

import numpy as np

from paramprog.graph import Node
from paramprog.transfer.gather import check_index
from paramprog.transfer.linear import SUM
from paramprog.transfer.max import ALL, ANY, MAX, MIN
from paramprog.transfer.reduce import LOGSUMEXP
from paramprog.types import Shape

REDUCERS: Mapping[Any, Any] = {
    SUM: np.add.reduce,
    MAX: np.maximum.reduce,
    MIN: np.minimum.reduce,
    ANY: np.logical_or.reduce,
    ALL: np.logical_and.reduce,
}

INT64, UINT64 = np.dtype(np.int64), np.dtype(np.uint64)


def places(i: Any, offsets: Any, size: int) -> Any:
    """`places` for indices of the lanes in the first axis; `offsets` are the beginnings of the lanes.

    Raises ValueFault for an index out of range.
    """
    if i.size and i.dtype is INT64:
        # as a number without sign a negative index is a large one: one pass finds both
        if np.maximum.reduce(i.view(UINT64), None) >= size:
            check_index(i, size)
    else:
        check_index(i, size)
    return i + offsets


def offsets(shape: Shape, size: int) -> Any:
    """The beginnings of the lanes, to be added to indices of this shape."""
    return (size * np.arange(shape[0], dtype=np.int64)).reshape(-1, *(1,) * (len(shape) - 1))


def over_rows(n: Node) -> bool:
    """Whether `logsumexp_of_rows` gives its value."""
    return n.op is LOGSUMEXP and n.attrs["axes"] == (1,) and len(n.args[0].shape) == 2


def logsumexp_of_rows(x: Any, e: Any) -> tuple[Any, Any]:
    """(y, s): `logsumexp` over axis 1 of a matrix, and the sums of e, which is made exp(x - c) with some c in each row.

    So e / s are the shares, exp(x - y) / sum(exp(x - y)).
    """
    top = np.maximum.reduce(x, 1)
    if isfinite(top.dot(top)):  # nor does anything overflow below
        np.exp(np.subtract(x, top[:, None], out=e), out=e)
        s = row_sums(e)
        return np.log(s) + top, s
    y = LOGSUMEXP.value(x, axes=(1,), sizes=x.shape[1:])
    np.exp(np.subtract(x, y[:, None], out=e), out=e)
    return y, row_sums(e)


NARROW = 64
"""Rows of so few entries are added faster as a product with ones, and in a single chunk."""


def row_sums(x: Any) -> Any:
    """The sums along axis 1 of a contiguous matrix."""
    return np.add.reduce(x, 1) if x.shape[1] > NARROW else x.dot(_ones(x.shape[1], x.dtype))


@lru_cache(maxsize=256)
def _ones(count: int, dtype: Any) -> Any:
    return np.ones(count, dtype)


def step(x: Any, out: Any) -> None:
    """1 where x > 0, else 0; NaN of NaN. `out` may be x."""
    if isnan(np.minimum.reduce(x, None)):
        np.heaviside(x, 0.0, out=out)
    else:
        np.greater(x, 0.0, out=out)


CANCELS = 1 / 16
"""Below it 1 - h^2 has lost more than four bits."""


def square_of_sech(x: Any, h: Any, out: Any) -> None:
    """sech(x)^2, given h = tanh(x): 1 - h^2, and 1 / cosh(x)^2 where this would cancel; `out` may be h, and not x."""
    np.subtract(1.0, np.multiply(h, h, out=out), out=out)
    if np.minimum.reduce(out, None) >= CANCELS:
        return
    far = ~(out >= CANCELS)  # NaN too
    if 4 * np.count_nonzero(far) < far.size:
        out[far] = np.square(np.reciprocal(np.cosh(x[far])))
    else:
        np.square(np.reciprocal(np.cosh(x, out=out), out=out), out=out)
