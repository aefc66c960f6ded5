"""Order statistics: the Jacobian is a selection that the order of the entries makes. Ties keep their order.

The order does not change in a neighbourhood of a point without ties, so J of `sort` is the permutation, found at run
time; the gradient of a median goes to the entries in the middle.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from paramprog.op import (
    Attrs,
    Chain,
    Linear,
    Op,
    Sample,
    Surface,
    arithmetic,
    numbered_axes,
    register,
    to_int,
    to_real,
)
from paramprog.transfer.gather import GATHER
from paramprog.transfer.linear import AXIS, sized_axis_attrs
from paramprog.transfer.rearrange import RESHAPE
from paramprog.transfer.reduce import SAMPLES, Axes, never_empty, reduced
from paramprog.transfer.scan import along_axis
from paramprog.transfer.spelling import Exact, axis_of
from paramprog.types import Dim, Shape

_SAMPLES = (Sample(((4,),), {"axis": 0}), Sample(((2, 3),), {"axis": 1}), Sample(((3, 2),), {"axis": 0}))


def _argsort(x: Any, *, axis: int, flat: bool, lanes: int = 0) -> Any:
    order = np.argsort(x, axis, kind="stable").astype(np.int64, copy=False)
    if not flat:
        return order
    inner = x.shape[lanes:]
    places = np.broadcast_to(np.arange(prod(inner)).reshape(inner), x.shape)
    return np.take_along_axis(places, order, axis)


def _sort_jacobian(port: int, y: Any, x: Any, *, axis: int) -> Chain:
    shape = tuple(x.shape)
    attrs = {"axis": 0, "size": prod(shape)}
    if len(shape) == 1:
        return (Linear(GATHER, 0, (ARGSORT(x, axis=0, flat=False),), attrs),)
    flat = Linear(RESHAPE, attrs={"of": shape, "to": (prod(shape),)})
    return (flat, Linear(GATHER, 0, (ARGSORT(x, axis=axis, flat=True),), attrs))


def _argsort_lift(attrs: Attrs, size: Dim) -> Attrs:
    found = dict(numbered_axes(attrs, size))
    if attrs["flat"]:  # places in the array of one lane
        found["lanes"] = attrs.get("lanes", 0) + 1
    return found


ARGSORT: Op = register(
    Op(
        "argsort",
        "where the entries of sort(x) come from",
        _argsort,
        shape_rule=along_axis,
        lift=_argsort_lift,
        kinds=to_int,
        surfaces=(
            Exact(
                "argsort",
                "where the entries of sort(x) come from: places along the axis, or in all of x if `flat`",
                options={"axis": None, "flat": False},
                attrs=axis_of("flat"),
            ),
        ),
        samples=tuple(
            Sample(s.shapes, {**s.attrs, "flat": flat}) for s in _SAMPLES for flat in (False, True)
        ),
        total=True,
    )
)
SORT: Op = register(
    Op(
        "sort",
        "the entries from the smallest to the largest, along an axis",
        lambda x, *, axis: np.sort(x, axis, kind="stable"),
        shape_rule=along_axis,
        lift=numbered_axes,
        kinds=arithmetic,
        jacobian=_sort_jacobian,
        surfaces=(
            Surface(
                "sort",
                "the entries from the smallest to the largest, along an axis",
                options=AXIS,
                attrs=axis_of(),
            ),
        ),
        samples=_SAMPLES,
        total=True,
    )
)


# ---- the median --------------------------------------------------------------------------------------------------


def _rows(x: Any, axes: Axes) -> Any:
    """The entries of each result as the last axis."""
    moved = np.moveaxis(x, axes, range(-len(axes), 0)) if axes else x
    return moved.reshape(*moved.shape[: moved.ndim - len(axes)], -1)


def _median(x: Any, axes: Axes) -> Any:
    rows = np.sort(_rows(x, axes), -1)  # NaN is last
    n = rows.shape[-1]
    low, high = rows[..., (n - 1) // 2], rows[..., n // 2]
    middle = np.where(low == high, low, low * 0.5 + high * 0.5)  # of halves: a sum could overflow
    return np.where(np.isnan(rows[..., -1]), rows[..., -1], middle)


def _middle(x: Any, *, axes: Axes, sizes: Shape) -> Any:
    rows = _rows(x, axes)
    n = rows.shape[-1]
    order = np.argsort(rows, -1, kind="stable")
    weights = np.zeros_like(rows)
    middle = order[..., (n - 1) // 2 : n // 2 + 1]
    np.put_along_axis(weights, middle, np.asarray(1.0 / middle.shape[-1], x.dtype), -1)
    weights[np.isnan(rows).any(-1)] = np.nan
    if not axes:
        return weights.reshape(x.shape)
    moved = np.moveaxis(x, axes, range(-len(axes), 0)).shape
    return np.moveaxis(weights.reshape(moved), range(-len(axes), 0), axes)


def _middle_rule(shape: Shape, *, axes: Axes, sizes: Shape) -> Shape:
    never_empty("median")(shape, axes=axes, sizes=sizes)
    return shape


MEDIAN: Op = reduced(
    "median",
    "the middle entry in order, the mean of the two in the middle of an even number",
    _median,
    lambda y, x, axes, sizes: MIDDLE(x, axes=axes, sizes=sizes),
    total=True,
)
MIDDLE: Op = register(
    Op(
        "middle",
        "what each entry counts in the median: 1 in the middle, 1/2 each for two, else 0",
        _middle,
        shape_rule=_middle_rule,
        lift=numbered_axes,
        kinds=to_real,
        surfaces=(
            Surface(
                "middle",
                "what each entry counts in the median: 1 in the middle, 1/2 each for two, else 0",
                options=AXIS,
                attrs=sized_axis_attrs,
            ),
        ),
        samples=SAMPLES,
        total=True,
    )
)
