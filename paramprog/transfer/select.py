"""Selections of entries, and their transposes, which put entries back among zeros. All linear.

slice <-> embed    static ranges and indices      gather <-> scatter_add    indices known at run time
compress <-> expand    the lanes where a condition holds: what is not selected is a structural zero
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from paramprog.graph.region import ValueFault
from paramprog.op import Linear, Op, Sample, Surface, first_kind, logical, unchanged
from paramprog.transfer.linear import linear
from paramprog.transfer.spelling import Exact, at_least, checked_axis, trailing
from paramprog.types import Kind, KindError, Shape, ShapeError, Type, dims_text

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

# ---- run-time indices --------------------------------------------------------------------------------------------


def check_index(i: Any, size: int) -> None:
    bad = (i < 0) | (i >= size)
    if np.any(bad):
        first = int(np.asarray(i)[bad].flat[0]) if np.ndim(i) else int(i)
        raise ValueFault("index-range", f"index {first} is out of range for {size} entries")


def _gather(x: Any, i: Any, *, axis: int, size: int) -> Any:
    check_index(i, size)
    return np.take(x, i, axis)


def _gather_rule(x: Shape, i: Shape, *, axis: int, size: int) -> Shape:
    if len(x) <= axis or x[axis] != size:
        raise ShapeError(f"there is no axis {axis} of size {size} in {dims_text(x)}")
    return (*x[:axis], *i, *x[axis + 1 :])


def _scatter_add(i: Any, v: Any, *, axis: int, size: int) -> Any:
    check_index(i, size)
    out = np.zeros((*v.shape[:axis], size, *v.shape[axis + np.ndim(i) :]), v.dtype)
    np.add.at(out, (slice(None),) * axis + (i,), v)
    return out


def _scatter_rule(i: Shape, v: Shape, *, axis: int, size: int) -> Shape:
    if v[axis : axis + len(i)] != i:
        raise ShapeError(f"{dims_text(v)} does not hold one entry for each of {dims_text(i)}")
    return (*v[:axis], size, *v[axis + len(i) :])


def gather_kinds(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """Any array, int indices."""
    if kinds[1] != "int":
        raise KindError(f"an index is int, not {kinds[1]}")
    return first_kind(*kinds)


def _gather_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    axis = checked_axis(options["axis"], len(types[0].shape))
    return {"axis": axis, "size": types[0].shape[axis]}


def _scatter_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    (size,) = trailing(options, "n")
    at_least(0, n=size)
    rank = len(types[1].shape) - len(types[0].shape) + 1
    return {"axis": checked_axis(options["axis"], max(rank, 1)), "size": size}


GATHER: Op = linear(
    "gather",
    "the entries of x at the indices i along an axis",
    _gather,
    lambda lin: Linear(SCATTER_ADD, 1, lin.frozen, lin.attrs),
    holes=(0,),
    shape_rule=_gather_rule,
    kinds=gather_kinds,
    surfaces=(
        Surface("gather", "the entries of x at the indices i", ("x", "i"), {"axis": 0}, _gather_attrs),
    ),
    samples=(
        Sample(((5,), ()), {"axis": 0, "size": 5}, ((3,),)),
        Sample(((2, 3), (4,)), {"axis": 1, "size": 3}, ((2, 0, 0, 1),)),
    ),
)


def _scatter_kinds(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    gather_kinds(*kinds[::-1])
    return kinds, kinds[1]


SCATTER_ADD: Op = linear(
    "scatter_add",
    "an array of zeros with v added at the indices i",
    _scatter_add,
    lambda lin: Linear(GATHER, 0, lin.frozen, lin.attrs),
    holes=(1,),
    shape_rule=_scatter_rule,
    kinds=_scatter_kinds,
    surfaces=(
        Exact(
            "scatter_add",
            "n zeros along an axis with v added at the indices i",
            ("i", "v"),
            {"axis": 0},
            _scatter_attrs,
            rest="n",
        ),
    ),
    samples=(
        Sample(((4,), (4,)), {"axis": 0, "size": 3}, ((0, 2, 2, 1),)),
        Sample(((4,), (2, 4)), {"axis": 1, "size": 3}, ((2, 0, 0, 1),)),
    ),
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
    kinds=_lane_kinds,
    samples=(
        Sample(((2,), (3,)), {"lanes": (3,), "count": 2}, ((1, 0, 1),)),
        Sample(((3, 3), (2, 2)), {"lanes": (2, 2), "count": 3}, ((1, 0, 1, 1),)),
    ),
    total=True,
)
