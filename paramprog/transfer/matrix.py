"""Parts of matrices, all linear: the diagonal, the triangles, the trace.

They speak of the last two axes; axes before those are so many matrices. The transpose of a triangle is the same
triangle, of the diagonal of a matrix the diagonal matrix of a vector; the trace is the sum of the diagonal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paramprog.op import Chain, Linear, Op, Sample, Surface, arithmetic, register, trailing_axes, unchanged
from paramprog.transfer.dependence import moves
from paramprog.transfer.linear import SUM, itself, linear
from paramprog.types import Shape, ShapeError, Type, dims_text


def square(shape: Shape) -> int:
    """The size of square matrices. Raises ShapeError for anything else."""
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError(f"takes a square matrix, not {dims_text(shape)}")
    return shape[-1]


def _diag_rule(shape: Shape, *, of: int) -> Shape:
    if of == 2:
        return (*shape[:-2], square(shape))
    if not shape:
        raise ShapeError("takes a vector or a square matrix, not a scalar")
    return (*shape, shape[-1])


def _diag(x: Any, *, of: int) -> Any:
    if of == 2:
        return np.diagonal(x, 0, -2, -1)
    out = np.zeros((*x.shape, x.shape[-1]), x.dtype)
    entries = np.arange(x.shape[-1])
    out[..., entries, entries] = x
    return out


def _diag_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    shape = types[0].shape
    if len(shape) == 2:
        square(shape)
    elif len(shape) != 1:
        raise ShapeError(f"takes a vector or a square matrix, not {dims_text(shape)}")
    return {"of": len(shape)}


DIAG: Op = linear(
    "diag",
    "the diagonal of a square matrix; of a vector, the matrix with that diagonal",
    _diag,
    lambda lin: Linear(DIAG, attrs={"of": 3 - lin.attrs["of"]}),
    shape_rule=_diag_rule,
    depends=moves,
    lift=trailing_axes,
    kinds=unchanged,
    surfaces=(
        Surface(
            "diag",
            "the diagonal of a square matrix; of a vector, the matrix with that diagonal",
            attrs=_diag_attrs,
        ),
    ),
    samples=(Sample(((3,),), {"of": 1}), Sample(((3, 3),), {"of": 2}), Sample(((2, 3, 3),), {"of": 2})),
    total=True,
)


def _trace_jacobian(port: int, y: Any, x: Any) -> Chain:
    rank, n = len(x.shape), x.shape[-1]
    return Linear(DIAG, attrs={"of": 2}), Linear(SUM, attrs={"axes": (rank - 2,), "sizes": (n,)})


def _trace_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(types[0].shape) != 2:
        raise ShapeError(f"takes a square matrix, not {dims_text(types[0].shape)}")
    return {}


def _trace_rule(shape: Shape) -> Shape:
    square(shape)
    return shape[:-2]


TRACE: Op = register(
    Op(
        "trace",
        "the sum of the diagonal of a square matrix",
        lambda x: np.trace(x, 0, -2, -1),
        shape_rule=_trace_rule,
        lift=trailing_axes,
        kinds=arithmetic,
        jacobian=_trace_jacobian,
        surfaces=(Surface("trace", "the sum of the diagonal of a square matrix", attrs=_trace_attrs),),
        samples=(Sample(((3, 3),)), Sample(((2, 3, 3),))),
        total=True,
    )
)


def _triangle_rule(shape: Shape, *, upper: bool) -> Shape:
    if len(shape) < 2:
        raise ShapeError(f"takes a matrix, not {dims_text(shape)}")
    return shape


def _triangle(upper: bool) -> Any:
    def attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(types[0].shape) != 2:
            raise ShapeError(f"takes a matrix, not {dims_text(types[0].shape)}")
        return {"upper": upper}

    return attrs


TRIANGLE: Op = linear(
    "triangle",
    "the entries of a matrix on its diagonal and to one side, zeros elsewhere",
    lambda x, *, upper: np.triu(x) if upper else np.tril(x),
    itself,
    shape_rule=_triangle_rule,
    depends=moves,
    lift=trailing_axes,
    kinds=unchanged,
    surfaces=(
        Surface(
            "tril", "the lower triangle of a matrix, with its diagonal; zeros above", attrs=_triangle(False)
        ),
        Surface(
            "triu", "the upper triangle of a matrix, with its diagonal; zeros below", attrs=_triangle(True)
        ),
    ),
    samples=(Sample(((3, 3),), {"upper": False}), Sample(((2, 4),), {"upper": True})),
    total=True,
)
