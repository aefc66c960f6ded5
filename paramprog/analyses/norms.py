"""How much a local Jacobian can enlarge a vector: upper bounds of its 2-norm."""

from __future__ import annotations

from math import ceil, inf, log2, prod, sqrt
from typing import Any

import numpy as np

from paramprog.op import Chain, Linear
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.gather import GATHER, SCATTER_ADD
from paramprog.transfer.linear import MASK, MUL, NEG, SPREAD, SUM
from paramprog.transfer.rearrange import RESHAPE, TRANSPOSE
from paramprog.transfer.select import COMPRESS, EMBED, EXPAND, SLICE
from paramprog.types import Shape

PRODUCTS = frozenset(
    (
        MUL,
        NEG,
        MASK,
        SUM,
        SPREAD,
        CONTRACT,
        RESHAPE,
        TRANSPOSE,
        SLICE,
        EMBED,
        GATHER,
        SCATTER_ADD,
        COMPRESS,
        EXPAND,
    )
)
"""The entries of such a map are products of its frozen reals, up to sign: with their sizes instead, it is |J|."""

GRID = 2.0**-36
"""Sums of multiples of it, up to 2^17, are exact: the same factors in another order make equal weights."""

BASIS = 10**7
"""Another primitive is pushed over a basis if that touches at most so many numbers."""


def log_norm(chain: Chain, shape: Shape) -> float:
    """The logarithm (base 2) of an upper bound of the 2-norm of a Jacobian whose argument has `shape`.

    For scalars it is |J| itself. Else the bound is sqrt(|J|_1 |J|_inf), the largest column sum times the largest row
    sum: exact for diagonals, selections and sums; inf where the matrix is unknown and too large to be formed.
    """
    with np.errstate(all="ignore"):
        if all(lin.op in PRODUCTS for lin in chain):
            return log_size(_bound(chain, shape))
        total = 0.0
        for lin in chain:
            known = lin.op in PRODUCTS
            bound = log_size(_bound((lin,), shape) if known else _frobenius(lin, shape))
            total = -inf if -inf in (total, bound) else total + bound
            shape = _result(lin, shape)
        return total


def _bound(chain: Chain, shape: Shape) -> float:
    sizes = [lin._replace(frozen=tuple(map(_size, lin.frozen))) for lin in chain]
    row_sums: Any = np.ones(shape)
    for lin in sizes:
        row_sums = np.abs(lin(row_sums))
    if not shape and not np.ndim(row_sums):
        return float(row_sums)
    column_sums: Any = np.ones(np.shape(row_sums))
    for lin in reversed(sizes):
        column_sums = np.abs(lin.T(column_sums))
    largest = [float(np.max(sums, initial=0.0)) for sums in (row_sums, column_sums)]
    return 0.0 if 0.0 in largest else sqrt(largest[0]) * sqrt(largest[1])


def _size(frozen: Any) -> Any:
    return np.abs(frozen) if np.asarray(frozen).dtype.kind == "f" else frozen


def _result(lin: Linear, shape: Shape) -> Shape:
    if lin.op.elementwise:
        return shape
    shapes = [tuple(np.shape(f)) for f in lin.frozen]
    return lin.op.shape(*shapes[: lin.hole], shape, *shapes[lin.hole :], **lin.attrs)


def _frobenius(lin: Linear, shape: Shape) -> float:
    """Of a map of which nothing is known, column by column."""
    if lin.op.elementwise:  # diagonal
        return float(np.max(np.abs(lin(np.ones(shape))), initial=0.0))
    n = prod(shape)
    if n * (n + prod(_result(lin, shape))) > BASIS:
        return inf
    total, unit = 0.0, np.zeros(n)
    for k in range(n):
        unit[k] = 1.0
        total += float(np.sum(np.square(lin(unit.reshape(shape)))))
        unit[k] = 0.0
    return sqrt(total)


def log_size(size: float) -> float:
    """The logarithm (base 2), rounded up to a multiple of GRID; NaN counts as infinite, to be looked at first."""
    return -inf if size == 0.0 else ceil(log2(size) / GRID) * GRID if size < inf else inf
