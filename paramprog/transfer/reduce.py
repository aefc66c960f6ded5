"""Reductions: the Jacobian is a row of partials for each entry of the result.

J = (multiply by the partials, then sum over the axes), so J^T spreads the cotangent and multiplies. The partials are
elementwise expressions of the argument and of the result, spread back over the axes that were reduced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from paramprog.op import Chain, KindRule, Linear, Op, Sample, Surface, numbered_axes, register, to_real
from paramprog.transfer.linear import AXIS, SPREAD, SUM, reduction, sized_axis_attrs
from paramprog.transfer.map import EXP, GUARD, diagonal
from paramprog.transfer.pair import DIV0
from paramprog.transfer.rearrange import CONCAT, RESHAPE, TRANSPOSE
from paramprog.transfer.scaled import product
from paramprog.transfer.select import SLICE, Cut
from paramprog.transfer.step import STOP
from paramprog.types import Shape, ShapeError, dims_text

Axes = tuple[int, ...]

SAMPLES = (
    Sample(((4,),), {"axes": (0,), "sizes": (4,)}),
    Sample(((3, 2),), {"axes": (0,), "sizes": (3,)}),
    Sample(((2, 3),), {"axes": (0, 1), "sizes": (2, 3)}),
)


def count(sizes: Shape) -> int:
    """How many entries one result is made of."""
    return int(np.prod(sizes))


def never_empty(name: str) -> Callable[..., Shape]:
    """The shape rule of a reduction that has no value for an empty array."""

    def rule(shape: Shape, *, axes: Axes, sizes: Shape) -> Shape:
        if 0 in sizes:
            raise ShapeError(f"the {name} of an empty array {dims_text(shape)} does not exist")
        return reduction(shape, axes=axes, sizes=sizes).shape((shape,))

    return rule


def reduced(
    name: str,
    doc: str,
    value: Callable[..., Any],
    partials: Callable[..., Any] | None,
    *,
    empty: bool = False,
    kinds: KindRule = to_real,
    domain: tuple[tuple[float, float], ...] = ((-2.0, 2.0),),
    spelled: str | None = None,
    total: bool = False,
) -> Op:
    """Register a reduction over `axes`; `partials(y, x, axes, sizes)` has the shape of x, y being spread to it."""

    def jacobian(port: int, y: Any, x: Any, *, axes: Axes, sizes: Shape) -> Chain | None:
        if partials is None:
            return None
        back = SPREAD(y, axes=axes, sizes=sizes)
        return (*diagonal(partials(back, x, axes, sizes)), Linear(SUM, attrs={"axes": axes, "sizes": sizes}))

    def checked(x: Any, *, axes: Axes, sizes: Shape) -> Any:
        return value(x, axes)

    fields: dict[str, Any] = (
        {"signature": reduction} if empty else {"shape_rule": never_empty(spelled or name)}
    )
    return register(
        Op(
            name,
            doc,
            checked,
            kinds=kinds,
            jacobian=jacobian,
            lift=numbered_axes,
            surfaces=(Surface(spelled or name, doc, options=AXIS, attrs=sized_axis_attrs),),
            domain=domain,
            samples=SAMPLES,
            total=total,
            **fields,
        )
    )


def _mean_jacobian(port: int, y: Any, x: Any, *, axes: Axes, sizes: Shape) -> Chain:
    return (Linear(SUM, attrs={"axes": axes, "sizes": sizes}), *diagonal(1.0 / count(sizes)))


def _logsumexp(x: Any, axes: Axes) -> Any:
    top = np.max(x, axes, keepdims=True)
    top = np.where(np.isfinite(top), top, np.zeros((), x.dtype))
    return np.log(np.sum(np.exp(x - top), axes)) + np.squeeze(top, axes)


def _norm(x: Any, axes: Axes) -> Any:
    """Scaled by the largest entry, so squares neither overflow nor vanish."""
    top = np.max(np.abs(x), axes, keepdims=True, initial=0.0)
    scale = np.where((top > 0) & np.isfinite(top), top, np.ones((), x.dtype))
    return np.sqrt(np.sum(np.square(x / scale), axes)) * np.squeeze(scale, axes)


def _std(x: Any, axes: Axes) -> Any:
    """Scaled by a power of two, which rounds nothing, so squares neither overflow nor vanish."""
    _, power = np.frexp(np.max(np.abs(x), axes, keepdims=True))
    return np.ldexp(np.std(np.ldexp(x, -power), axes), np.squeeze(power, axes))


MEAN: Op = register(
    Op(
        "mean",
        "the mean of all entries, or along an axis",
        lambda x, *, axes, sizes: np.mean(x, axes),
        shape_rule=never_empty("mean"),
        jacobian=_mean_jacobian,
        lift=numbered_axes,
        surfaces=(
            Surface(
                "mean", "the mean of all entries, or along an axis", options=AXIS, attrs=sized_axis_attrs
            ),
        ),
        samples=SAMPLES,
        total=True,
    )
)


def _centred(x: Any, axes: Axes, sizes: Shape) -> Any:
    return x - SPREAD(MEAN(x, axes=axes, sizes=sizes), axes=axes, sizes=sizes)


VAR: Op = reduced(
    "var",
    "the variance, a mean of squares (divides by n)",
    np.var,
    lambda y, x, axes, sizes: (2.0 / count(sizes)) * _centred(x, axes, sizes),
    total=True,
)
STD: Op = reduced(
    "std",
    "the standard deviation (divides by n)",
    _std,
    # of x / y, whose sum does not overflow: |x| / y is no more than 1 / eps, or y is 0
    lambda y, x, axes, sizes: (1.0 / count(sizes)) * _centred(DIV0(x, y), axes, sizes),
)
NORM: Op = reduced(
    "norm",
    "the Euclidean norm of all entries, or along an axis",
    _norm,
    lambda y, x, axes, sizes: DIV0(x, y),
    empty=True,
)


def _shares(y: Any, x: Any, axes: Axes, sizes: Shape) -> Any:
    """exp(x - y), divided by its sum, which is 1 but for the rounding of y; of a constant y for the same reason."""
    e = EXP(x - STOP(y))
    return e / SPREAD(SUM(e, axes=axes, sizes=sizes), axes=axes, sizes=sizes)


LOGSUMEXP: Op = reduced(
    "logsumexp",
    "log of the sum of exp(x), shifted by the largest entry",
    _logsumexp,
    _shares,
    total=True,
)


# ---- products: the partial is the product of the others, never y / x ---------------------------------------------


def _others(x: Any, axes: Axes, sizes: Shape) -> Any:
    """For each entry the product of the others along `axes`, by pairs: O(n) products, O(log n) operations."""
    if count(sizes) < 2:
        return 1.0
    shape = tuple(x.shape)
    order = axes + tuple(a for a in range(len(shape)) if a not in axes)
    rest = tuple(shape[a] for a in order[len(axes) :])
    moved = TRANSPOSE(x, axes=order)
    flat = RESHAPE(moved, of=tuple(shape[a] for a in order), to=(count(sizes), *rest))
    out = RESHAPE(_others_in_front(flat), of=(count(sizes), *rest), to=tuple(shape[a] for a in order))
    return TRANSPOSE(out, axes=tuple(int(a) for a in np.argsort(order)))


def _others_in_front(x: Any) -> Any:
    n, *rest = x.shape
    half = n // 2
    left, right = (SLICE(x, cuts=(Cut(0, k, half, 2, n),)) for k in (0, 1))
    if n == 2:
        return CONCAT(right, left, axis=0)
    pairs = left * right
    if n % 2:
        pairs = CONCAT(pairs, SLICE(x, cuts=(Cut(0, n - 1, 1, 1, n),)), axis=0)
    outside = _others_in_front(pairs)
    if n % 2:
        last = SLICE(outside, cuts=(Cut(0, half, 1, 1, half + 1),))
        outside = SLICE(outside, cuts=(Cut(0, 0, half, 1, half + 1),))
    # entry 2k times what is outside its pair, next to entry 2k + 1: a new axis after the first, then flattened
    both = [RESHAPE(outside * side, of=(half, *rest), to=(half, 1, *rest)) for side in (right, left)]
    out = RESHAPE(CONCAT(*both, axis=1), of=(half, 2, *rest), to=(2 * half, *rest))
    return CONCAT(out, last, axis=0) if n % 2 else out


PROD: Op = reduced(
    "prod",
    "the product of all entries, or along an axis",
    product,
    lambda y, x, axes, sizes: GUARD(_others(x, axes, sizes), y),
    empty=True,
    total=True,
)
