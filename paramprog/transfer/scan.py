"""Running sums and products along an axis: the Jacobian is a triangle, and is applied in one pass.

`cumsum` is linear, and its transpose runs the other way. The partials of `cumprod` are products of the others, never
y / x: dy_k = x_k dy_(k-1) + (x_0 ... x_(k-1)) dx_k is a linear recurrence, whose transpose is the recurrence from the
last entry to the first, and whose derivative is one more recurrence. So all orders are exact where entries are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from paramprog.op import Chain, Linear, Op, Sample, Sets, arithmetic, numbered_axes, register
from paramprog.transfer.dependence import running
from paramprog.transfer.linear import linear
from paramprog.transfer.map import diagonal
from paramprog.transfer.scaled import products
from paramprog.transfer.select import EMBED, SLICE, Cut
from paramprog.transfer.spelling import Exact, axis_of, checked_axis
from paramprog.types import Shape, ShapeError, dims_text


def along_axis(shape: Shape, *others: Shape, axis: int, **_: Any) -> Shape:
    """The shape rule of what keeps the shape and runs along an axis."""
    for s in others:
        if s != shape:
            raise ShapeError(f"shapes {dims_text(shape)} and {dims_text(s)} differ")
    checked_axis(axis, len(shape))
    return shape


def _backwards(f: Callable[..., Any], x: Any, axis: int) -> Any:
    return np.flip(f(np.flip(x, axis), axis), axis)


def _so_far(lin: Linear, labels: Any, sets: Sets) -> Any:
    return running(labels, lin.attrs["axis"], sets, reverse=lin.attrs["reverse"])


CUMSUM: Op = linear(
    "cumsum",
    "the sums of the entries so far, along an axis",
    lambda x, *, axis, reverse: _backwards(np.cumsum, x, axis) if reverse else np.cumsum(x, axis),
    lambda lin: Linear(CUMSUM, attrs={**lin.attrs, "reverse": not lin.attrs["reverse"]}),
    shape_rule=along_axis,
    depends=_so_far,
    lift=numbered_axes,
    kinds=arithmetic,
    surfaces=(
        Exact(
            "cumsum",
            "the sums of the entries so far, from the last one if `reverse`",
            options={"axis": None, "reverse": False},
            attrs=axis_of("reverse"),
        ),
    ),
    samples=(
        Sample(((4,),), {"axis": 0, "reverse": False}),
        Sample(((2, 3),), {"axis": 1, "reverse": True}),
    ),
    total=True,
)


# ---- recurrences -------------------------------------------------------------------------------------------------


def _shifted(n: int, axis: int, *, back: bool = False) -> Chain:
    """Each entry moved to the next place (or back to the one before); a zero comes in."""
    kept = max(n - 1, 0)
    here, there = (min(1, n), 0) if back else (0, min(1, n))
    return (
        Linear(SLICE, attrs={"cuts": (Cut(axis, here, kept, 1, n),)}),
        Linear(EMBED, attrs={"cuts": (Cut(axis, there, kept, 1, n),)}),
    )


def _recurrence(a: Any, b: Any, *, axis: int, reverse: bool) -> Any:
    y = np.array(b)
    links, steps = np.moveaxis(a, axis, 0), np.moveaxis(y, axis, 0)
    n = len(steps)
    if reverse:
        for k in range(n - 2, -1, -1):
            steps[k] += links[k + 1] * steps[k + 1]
    else:
        for k in range(1, n):
            steps[k] += links[k] * steps[k - 1]
    return y


def _recurrence_jacobian(port: int, y: Any, a: Any, b: Any, *, axis: int, reverse: bool) -> Chain:
    attrs = {"axis": axis, "reverse": reverse}
    runs = Linear(RECURRENCE, 1, (a,), attrs)
    if port == 1:
        return (runs,)
    n = a.shape[axis]
    if reverse:  # the change of a_(k+1) enters at k, times y_(k+1)
        return (*diagonal(y), *_shifted(n, axis, back=True), runs)
    before = y
    for lin in _shifted(n, axis):
        before = lin(before)
    return (*diagonal(before), runs)


def _recurrence_transpose(lin: Linear) -> Linear:
    return lin._replace(attrs={**lin.attrs, "reverse": not lin.attrs["reverse"]})


RECURRENCE: Op = register(
    Op(
        "recurrence",
        "y_k = a_k y_(k-1) + b_k along an axis; in reverse y_k = a_(k+1) y_(k+1) + b_k",
        _recurrence,
        shape_rule=along_axis,
        depends=_so_far,
        lift=numbered_axes,
        kinds=arithmetic,
        jacobian=_recurrence_jacobian,
        transpose=_recurrence_transpose,
        surfaces=(
            Exact(
                "recurrence",
                "y_k = a_k y_(k-1) + b_k; in reverse y_k = a_(k+1) y_(k+1) + b_k: the derivative of cumprod",
                ("a", "b"),
                {"axis": None, "reverse": False},
                axis_of("reverse"),
            ),
        ),
        samples=(
            Sample(((4,), (4,)), {"axis": 0, "reverse": False}),
            Sample(((4,), (4,)), {"axis": 0, "reverse": True}),
            Sample(((2, 3), (2, 3)), {"axis": 1, "reverse": False}),
            Sample(((3, 2), (3, 2)), {"axis": 0, "reverse": True}),
        ),
        total=True,
    )
)


def _cumprod(x: Any, *, axis: int, exclusive: bool) -> Any:
    y = products(x, axis)
    if not exclusive:
        return y
    out = np.ones_like(y)
    np.moveaxis(out, axis, 0)[1:] = np.moveaxis(y, axis, 0)[:-1]
    return out


def _cumprod_jacobian(port: int, y: Any, x: Any, *, axis: int, exclusive: bool) -> Chain:
    """The products of the entries before, then the recurrence; one place later for the exclusive product."""
    before = y if exclusive else CUMPROD(x, axis=axis, exclusive=True)
    chain = (*diagonal(before), Linear(RECURRENCE, 1, (x,), {"axis": axis, "reverse": False}))
    return (*chain, *_shifted(x.shape[axis], axis)) if exclusive else chain


CUMPROD: Op = register(
    Op(
        "cumprod",
        "the products of the entries so far, along an axis",
        _cumprod,
        shape_rule=along_axis,
        lift=numbered_axes,
        kinds=arithmetic,
        jacobian=_cumprod_jacobian,
        surfaces=(
            Exact(
                "cumprod",
                "the products of the entries so far, without the entry itself if `exclusive`",
                options={"axis": None, "exclusive": False},
                attrs=axis_of("exclusive"),
            ),
        ),
        samples=(
            Sample(((4,),), {"axis": 0, "exclusive": False}),
            Sample(((2, 3),), {"axis": 1, "exclusive": False}),
            Sample(((3, 2),), {"axis": 0, "exclusive": True}),
        ),
        total=True,
    )
)
