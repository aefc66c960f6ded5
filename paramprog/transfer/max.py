"""Selections of a winner: the Jacobian is the indicator of who won, shared equally by those who tie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from paramprog.op import KindRule, Op, Sample, Surface, arithmetic, logical, numbered_axes, register, to_int
from paramprog.transfer.linear import AXIS, SPREAD, SUM, axis_attrs, reduction
from paramprog.transfer.map import GUARD, smooth
from paramprog.transfer.reduce import Axes, never_empty, reduced
from paramprog.transfer.step import GREATER, INSIDE, REAL, SHARE
from paramprog.types import Shape, ShapeError, Type

AB = ("a", "b")

MAXIMUM: Op = smooth(
    "maximum",
    "the larger one",
    np.maximum,
    lambda y, a, b: SHARE(a, b),
    lambda y, a, b: SHARE(b, a),
    arguments=AB,
    kinds=arithmetic,
    c="{0} >= {1} || {0} != {0} ? {0} : {1}",
    surfaces=(Surface("max", "the larger one", AB),),
    total=True,
)
MINIMUM: Op = smooth(
    "minimum",
    "the smaller one",
    np.minimum,
    lambda y, a, b: SHARE(b, a),
    lambda y, a, b: SHARE(a, b),
    arguments=AB,
    kinds=arithmetic,
    c="{0} <= {1} || {0} != {0} ? {0} : {1}",
    surfaces=(Surface("min", "the smaller one", AB),),
    total=True,
)
CLIP: Op = smooth(
    "clip",
    "x, but at least lo and at most hi",
    lambda x, lo, hi: np.minimum(np.maximum(x, lo), hi),
    lambda y, x, lo, hi: INSIDE(x, lo, hi),
    lambda y, x, lo, hi: INSIDE(lo, x, hi),
    lambda y, x, lo, hi: GUARD(REAL(GREATER(MAXIMUM(x, lo), hi)), y),
    arguments=("x", "lo", "hi"),
    kinds=arithmetic,
    c={"real": "pp_clip({0}, {1}, {2})", "int": "pp_clip_i64({0}, {1}, {2})"},
    domain=((-2.0, 2.0), (-1.0, -0.5), (0.5, 1.0)),
    total=True,
)


def _shared(won: Any, axes: Axes, sizes: Shape) -> Any:
    """Equal shares for the winners, whose entries of `won` are equal; the others hold 0."""
    return won / SPREAD(SUM(won, axes=axes, sizes=sizes), axes=axes, sizes=sizes)


MAX: Op = reduced(
    "max",
    "the largest entry, or along an axis",
    np.max,
    lambda y, x, axes, sizes: _shared(SHARE(x, y), axes, sizes),
    kinds=arithmetic,
    total=True,
)
MIN: Op = reduced(
    "min",
    "the smallest entry, or along an axis",
    np.min,
    lambda y, x, axes, sizes: _shared(SHARE(y, x), axes, sizes),
    kinds=arithmetic,
    total=True,
)


def _chooser(
    name: str,
    doc: str,
    value: Callable[..., Any],
    kinds: KindRule,
    shape: Mapping[str, Any],
    attrs: Callable[[tuple[Type, ...], Mapping[str, Any]], Mapping[str, Any]] = axis_attrs,
) -> Op:
    """Register a reduction to an index or a truth value: it has no derivative."""
    surface = Surface(name, doc, options=AXIS, attrs=attrs)
    samples = tuple(Sample((s,), {"axes": a}) for s, a in [((4,), (0,)), ((2, 3), (1,)), ((2, 3), (0, 1))])
    return register(
        Op(
            name,
            doc,
            value,
            kinds=kinds,
            lift=numbered_axes,
            surfaces=(surface,),
            samples=samples,
            total=True,
            **shape,
        )
    )


def _some_axis(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    """`axis = k`, or all axes. Raises ShapeError for a scalar."""
    if not types[0].shape:
        raise ShapeError("takes an array; this is a scalar")
    return axis_attrs(types, options)


def _not_empty_index(shape: Shape, *, axes: Axes) -> Shape:
    sizes = tuple(shape[a] for a in axes)
    return never_empty("index of the largest entry")(shape, axes=axes, sizes=sizes)


def _argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """The place along one axis; along several it counts their entries row by row."""

    def value(x: Any, *, axes: Axes) -> Any:
        if len(axes) > 1:
            x = np.moveaxis(x, axes, range(-len(axes), 0))
            x = x.reshape(*x.shape[: -len(axes)], -1)
        return function(x, axes[0] if len(axes) == 1 else -1)

    return value


ARGMAX: Op = _chooser(
    "argmax",
    "the index of the largest entry, the first of several; row by row if there are more axes",
    _argument(np.argmax),
    to_int,
    {"shape_rule": _not_empty_index},
    _some_axis,
)
ARGMIN: Op = _chooser(
    "argmin",
    "the index of the smallest entry, the first of several; row by row if there are more axes",
    _argument(np.argmin),
    to_int,
    {"shape_rule": _not_empty_index},
    _some_axis,
)
ANY: Op = _chooser(
    "any", "whether any entry holds", lambda x, *, axes: np.any(x, axes), logical, {"signature": reduction}
)
ALL: Op = _chooser(
    "all", "whether all entries hold", lambda x, *, axes: np.all(x, axes), logical, {"signature": reduction}
)
