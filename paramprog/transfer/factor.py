"""Factors of a matrix: the Cholesky factor L of S = (A + A^T) / 2, L L^T = S.

The argument is made symmetric first, so `cholesky` is a function of all its entries, and its gradient is symmetric.
With half(M), the lower triangle of M and half of its diagonal,

    dL = L half(L^-1 dS L^-T),     v_A = symmetric(L^-T half(L^T v_L) L^-1)

by triangular systems; no inverse is formed. Each is made of primitives, so all orders follow.

Source: I. Murray, Differentiation of the Cholesky decomposition, arXiv:1602.07527, 2016.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from paramprog.graph.region import ValueFault
from paramprog.op import Chain, Linear, Op, Sample, Sets, Surface, register, to_real, trailing_axes
from paramprog.transfer.dependence import either
from paramprog.transfer.linear import itself, linear
from paramprog.transfer.systems import DOMINANT, SOLVE_TRIANGULAR, matrix_attrs, square_rule, swapped, times
from paramprog.types import dims_text


def _mirrored(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _symmetric(x: Any) -> Any:
    half = x * np.asarray(0.5, x.dtype)  # of halves: a sum could overflow
    return half + _mirrored(half)


def _half(x: Any) -> Any:
    n = x.shape[-1]
    weights = np.tril(np.ones((n, n), x.dtype))
    np.fill_diagonal(weights, 0.5)
    return np.where(weights > 0, x * weights, np.zeros((), x.dtype))


def _symmetric_depends(lin: Linear, labels: Any, sets: Sets) -> Any:
    return either(labels, _mirrored(labels), sets)


def _half_depends(lin: Linear, labels: Any, sets: Sets) -> Any:
    return np.tril(labels)


SYMMETRIC: Op = linear(
    "symmetric",
    "(x + x^T) / 2 of a square matrix",
    _symmetric,
    itself,
    shape_rule=square_rule,
    lift=trailing_axes,
    depends=_symmetric_depends,
    surfaces=(
        Surface("symmetric", "(x + x^T) / 2 of a square matrix: cholesky reads this", attrs=matrix_attrs),
    ),
    samples=(Sample(((3, 3),)), Sample(((2, 2, 2),))),
    total=True,
)
HALF: Op = linear(
    "half_tril",
    "the lower triangle of a square matrix with half of its diagonal, zeros above",
    _half,
    itself,
    shape_rule=square_rule,
    lift=trailing_axes,
    depends=_half_depends,
    surfaces=(
        Surface(
            "half_tril",
            "the lower triangle of a square matrix with half of its diagonal: the derivative of cholesky",
            attrs=matrix_attrs,
        ),
    ),
    samples=(Sample(((3, 3),)), Sample(((2, 2, 2),))),
    total=True,
)


def _cholesky(A: Any) -> Any:
    S = _symmetric(A)
    known = np.isfinite(S).all((-2, -1), keepdims=True)
    identity = np.eye(S.shape[-1], dtype=S.dtype)
    try:
        L = np.linalg.cholesky(np.where(known, S, identity))
    except np.linalg.LinAlgError:
        raise _not_definite(np.where(known, S, identity)) from None
    return np.where(known | (np.tril(np.ones_like(identity)) == 0), L, np.asarray(np.nan, L.dtype))


def _not_definite(S: Any) -> ValueFault:
    """Names the smallest leading block without a factor, of the first matrix without one."""
    matrix = next(S[lane] for lane in np.ndindex(S.shape[:-2]) if not _is_definite(S[lane]))
    low, high = 0, len(matrix)  # the block of size `low` has a factor, that of size `high` has none
    while high - low > 1:
        middle = (low + high) // 2
        if _is_definite(matrix[:middle, :middle]):
            low = middle
        else:
            high = middle
    block = (
        f"its entry [0, 0] is {matrix[0, 0]:.6g}"
        if high == 1
        else f"its leading {high} x {high} block is not"
    )
    text = f"the matrix {dims_text(matrix.shape)} is not positive definite: {block}"
    return ValueFault("not-positive-definite", text)


def _is_definite(matrix: Any) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _cholesky_jacobian(port: int, L: Any, A: Any) -> Chain:
    """The matrix between is symmetric, so it is not turned back after the system from the right."""
    attrs = {"upper": False, "transposed": False, "vector": False}
    system = Linear(SOLVE_TRIANGULAR, 1, (L,), attrs)
    whole = times(L, "ij,jk->ik", hole=1)
    return Linear(SYMMETRIC), system, swapped(len(L.shape)), system, Linear(HALF), whole


CHOLESKY: Op = register(
    Op(
        "cholesky",
        "the lower triangular L with L L^T = A, of a positive definite A; reads (A + A^T) / 2",
        _cholesky,
        shape_rule=square_rule,
        kinds=to_real,
        jacobian=_cholesky_jacobian,
        lift=trailing_axes,
        surfaces=(
            Surface(
                "cholesky",
                "the lower triangular L with L L^T = A, of a positive definite A; reads (A + A^T) / 2",
                ("A",),
                attrs=matrix_attrs,
            ),
        ),
        samples=(Sample(((3, 3),)), Sample(((2, 2, 2),)), Sample(((1, 1),))),
        domain=((-1.0, 1.0),),
        dominant=DOMINANT,
    )
)
