"""Selections of entries, and their transposes, which put entries back among zeros. All linear.

slice <-> embed        static ranges and indices
compress <-> expand    the lanes where a condition holds: what is not selected is a structural zero
Indices known at run time are in gather.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from paramprog.op import Attrs, Linear, Op, Sample, first_kind, logical, unchanged
from paramprog.transfer.dependence import moves
from paramprog.transfer.linear import linear
from paramprog.transfer.spelling import Exact, at_least, checked_axis, trailing
from paramprog.types import Dim, Kind, Shape, ShapeError, Type, dims_text

# ---- static ranges -----------------------------------------------------------------------------------------------


class Cut(NamedTuple):
    """`length` entries from `start` in steps of `step` along an axis of `size` entries; None drops the axis."""

    axis: int
    start: int
    length: int | None
    step: int
    size: int

    def where(self) -> slice[int, int | None, int] | int:
        if self.length is None:
            return self.start
        stop = self.start + self.length * self.step
        return slice(self.start, stop if stop >= 0 else None, self.step)


Cuts = tuple[Cut, ...]
"""At most one cut an axis, in the order of the axes of the longer array."""


def where(rank: int, cuts: Cuts) -> tuple[Any, ...]:
    """The cuts as an index of NumPy."""
    index: list[Any] = [slice(None)] * rank
    for cut in cuts:
        index[cut.axis] = cut.where()
    return tuple(index)


def lifted_cuts(attrs: Attrs, size: Dim) -> Attrs:
    """The cuts of arrays with one more axis in front."""
    return {"cuts": tuple(cut._replace(axis=cut.axis + 1) for cut in attrs["cuts"])}


def _slice_rule(shape: Shape, *, cuts: Cuts) -> Shape:
    by_axis = {cut.axis: cut for cut in cuts}
    for cut in cuts:
        if cut.axis >= len(shape) or shape[cut.axis] != cut.size:
            raise ShapeError(f"there is no axis {cut.axis} of size {cut.size} in {dims_text(shape)}")
        last = cut.start + (max(cut.length or 1, 1) - 1) * cut.step
        if cut.length != 0 and not (0 <= cut.start < cut.size and 0 <= last < cut.size):
            raise ShapeError(
                f"index {last if 0 <= cut.start < cut.size else cut.start} is out of range for {cut.size}"
            )
    sizes = [by_axis[a].length if a in by_axis else n for a, n in enumerate(shape)]
    return tuple(n for n in sizes if n is not None)


def _embed_rule(shape: Shape, *, cuts: Cuts) -> Shape:
    dropped = {cut.axis: cut.size for cut in cuts if cut.length is None}
    kept = {cut.axis: cut for cut in cuts if cut.length is not None}
    sizes: list[int] = []
    rest = list(shape)
    while rest or len(sizes) in dropped:
        axis = len(sizes)
        if axis in dropped:
            sizes.append(dropped[axis])
        else:
            n = rest.pop(0)
            if axis in kept and kept[axis].length != n:
                raise ShapeError(f"expects {kept[axis].length} entries along axis {axis}, found {n}")
            sizes.append(kept[axis].size if axis in kept else n)
    return tuple(sizes)


def _pad_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    before, after = trailing(options, "before", "after")
    at_least(0, before=before, after=after)
    axis, shape = options["axis"], types[0].shape
    n = shape[checked_axis(axis, len(shape))]
    return {"cuts": (Cut(axis, before, n, 1, before + n + after),)}


def _embed_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    start, size = trailing(options, "start", "size")
    axis, step, shape = options["axis"], options["step"], types[0].shape
    n = shape[checked_axis(axis, len(shape))]
    at_least(0, size=size)
    last = start + max(n - 1, 0) * step
    if step == 0 or (n and not (0 <= start < size and 0 <= last < size)):
        raise ShapeError(f"{n} entries from {start} in steps of {step} do not lie within 0:{size}")
    return {"cuts": (Cut(axis, start, n, step, size),)}


def _embed_at_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    i, size = trailing(options, "i", "size")
    if not 0 <= i < size:
        raise ShapeError(f"index {i} is out of range for {size} entries")
    return {"cuts": (Cut(checked_axis(options["axis"], len(types[0].shape) + 1), i, None, 1, size),)}


def _embed(y: Any, *, cuts: Cuts) -> Any:
    y = np.asarray(y)
    out = np.zeros(_embed_rule(y.shape, cuts=cuts), y.dtype)
    out[where(out.ndim, cuts)] = y
    return out


_CUTS = (
    Sample(((5,),), {"cuts": (Cut(0, 3, None, 1, 5),)}),
    Sample(((5, 3),), {"cuts": (Cut(0, 1, 2, 2, 5), Cut(1, 0, None, 1, 3))}),
)

SLICE: Op = linear(
    "slice",
    "static indices and ranges of x; `x[i, a:b]`",
    lambda x, *, cuts: x[where(np.ndim(x), cuts)],
    lambda lin: Linear(EMBED, attrs=lin.attrs),
    shape_rule=_slice_rule,
    depends=moves,
    lift=lifted_cuts,
    kinds=unchanged,
    samples=_CUTS,
    total=True,
)
EMBED: Op = linear(
    "embed",
    "y in its place among zeros: the transpose of a slice",
    _embed,
    lambda lin: Linear(SLICE, attrs=lin.attrs),
    shape_rule=_embed_rule,
    depends=moves,
    lift=lifted_cuts,
    kinds=unchanged,
    # several cuts are one call for each, in the order of the axes
    surfaces=(
        Exact(
            "pad",
            "x between zeros along an axis",
            options={"axis": 0},
            attrs=_pad_attrs,
            rest="before, after",
        ),
        Exact(
            "embed",
            "the entries of x from `start` on, in steps, along an axis of `size` zeros",
            options={"axis": 0, "step": 1},
            attrs=_embed_attrs,
            rest="start, size",
        ),
        Exact(
            "embed_at",
            "x as entry i along a new axis of `size` zeros",
            options={"axis": 0},
            attrs=_embed_at_attrs,
            rest="i, size",
        ),
    ),
    samples=tuple(Sample((_slice_rule(*s.shapes, **s.attrs),), s.attrs) for s in _CUTS),
    total=True,
)

# ---- lanes -------------------------------------------------------------------------------------------------------


def _compress_rule(x: Shape, c: Shape, *, lanes: Shape, count: int) -> Shape:
    if c != lanes or x[: len(c)] != c:
        raise ShapeError(f"a condition of shape {dims_text(c)} selects no lanes of {dims_text(x)}")
    return (count, *x[len(c) :])


def _expand_rule(y: Shape, c: Shape, *, lanes: Shape, count: int) -> Shape:
    if c != lanes or y[:1] != (count,):
        raise ShapeError(f"{dims_text(y)} does not hold {count} lanes")
    return (*c, *y[1:])


def _expand(y: Any, c: Any, **_: Any) -> Any:
    out = np.zeros((*c.shape, *y.shape[1:]), y.dtype)
    out[c] = y
    return out


def _lane_kinds(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """Any array, a condition."""
    logical(kinds[1])
    return first_kind(*kinds)


COMPRESS: Op = linear(
    "compress",
    "the lanes of x where c holds, in order",
    lambda x, c, *, lanes, count: x[c],
    lambda lin: Linear(EXPAND, 0, lin.frozen, lin.attrs),
    holes=(0,),
    shape_rule=_compress_rule,
    depends=moves,
    kinds=_lane_kinds,
    samples=(
        Sample(((3,), (3,)), {"lanes": (3,), "count": 2}, ((1, 0, 1),)),
        Sample(((2, 2, 3), (2, 2)), {"lanes": (2, 2), "count": 3}, ((1, 0, 1, 1),)),
    ),
    total=True,
)
EXPAND: Op = linear(
    "expand",
    "y on the lanes where c holds, zeros elsewhere",
    _expand,
    lambda lin: Linear(COMPRESS, 0, lin.frozen, lin.attrs),
    holes=(0,),
    shape_rule=_expand_rule,
    depends=moves,
    kinds=_lane_kinds,
    samples=(
        Sample(((2,), (3,)), {"lanes": (3,), "count": 2}, ((1, 0, 1),)),
        Sample(((3, 3), (2, 2)), {"lanes": (2, 2), "count": 3}, ((1, 0, 1, 1),)),
    ),
    total=True,
)
