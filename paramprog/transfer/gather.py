"""Selections of entries by indices known at run time. Linear.

gather <-> scatter_add; with an index of its own in each lane, `places` turns them into indices of one long array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from paramprog.graph.region import ValueFault
from paramprog.op import OPS, Attrs, Lanes, Linear, Op, Sample, Sets, Surface, first_kind, register
from paramprog.transfer.dependence import moves
from paramprog.transfer.linear import linear
from paramprog.transfer.spelling import Exact, at_least, checked_axis, trailing
from paramprog.types import Dim, Kind, KindError, Shape, ShapeError, Type, dims_text


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


def _scatter_depends(lin: Linear, labels: Any, sets: Sets) -> Any:
    (i,), axis = lin.frozen, lin.attrs["axis"]
    shape = _scatter_rule(np.shape(i), labels.shape, **lin.attrs)
    places = np.take(np.arange(prod(shape)).reshape(shape), i, axis)
    return sets.grouped(np.ravel(labels), np.ravel(places), prod(shape)).reshape(shape)


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


# ---- many lanes: one array in which the entries of all lanes lie one after the other ------------------------------


def _places(i: Any, *, size: int, outer: int = 0) -> Any:
    """The lanes are the axis `outer`; axes before it are so many arrays."""
    check_index(i, size)
    shape = [1] * np.ndim(i)
    shape[outer] = i.shape[outer]
    return i + size * np.arange(i.shape[outer], dtype=np.int64).reshape(shape)


def _places_lift(attrs: Attrs, size: Dim) -> Attrs:
    return {**attrs, "outer": attrs.get("outer", 0) + 1}


def _places_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    (size,) = trailing(options, "n")
    at_least(0, n=size)
    if not types[0].shape:
        raise ShapeError("takes an array of indices, whose first axis counts the lanes")
    return {"size": size}


def _int_kinds(kind: Kind) -> tuple[tuple[Kind, ...], Kind]:
    if kind != "int":
        raise KindError(f"an index is int, not {kind}")
    return (kind,), kind


PLACES: Op = register(
    Op(
        "places",
        "the indices i of each lane, into the entries of all lanes one after the other, `size` for each",
        _places,
        shape_rule=lambda i, *, size, outer=0: i,
        lift=_places_lift,
        kinds=_int_kinds,
        surfaces=(
            Exact(
                "places",
                "the indices i of each lane (the first axis), into all lanes one after the other, n entries in each",
                ("i",),
                attrs=_places_attrs,
                rest="n",
            ),
        ),
        samples=(
            Sample(((2, 3),), {"size": 3}, ((0, 2, 2, 1, 0, 1),)),
            Sample(((2,),), {"size": 2}, ((1, 0),)),
        ),
    )
)


def moved(x: Any, axis: int, to: int, count: int = 1) -> Any:
    """x with `count` axes from `axis` on moved so that they start at `to`."""
    order = [a for a in range(len(x.shape)) if not axis <= a < axis + count]
    order[to:to] = range(axis, axis + count)
    return x if order == sorted(order) else OPS["transpose"](x, axes=tuple(order))


def flattened(x: Any, size: int) -> Any:
    """[lanes, size, ...] as [lanes * size, ...]."""
    shape = tuple(x.shape)
    return OPS["reshape"](x, of=shape, to=(shape[0] * size, *shape[2:]))


def unflattened(x: Any, lanes: int, size: int) -> Any:
    """[lanes * size, ...] as [lanes, size, ...]."""
    shape = tuple(x.shape)
    return OPS["reshape"](x, of=shape, to=(lanes, size, *shape[1:]))


def _gather_batch(lanes: Lanes, flags: Sequence[bool], x: Any, i: Any, *, axis: int, size: int) -> Any:
    if not flags[1]:
        return GATHER(x, i, axis=axis + 1, size=size)
    if not flags[0]:
        return moved(GATHER(x, i, axis=axis, size=size), axis, 0)
    rank = len(i.shape) - 1
    rows = flattened(moved(x, axis + 1, 1), size)
    taken = GATHER(rows, PLACES(i, size=size), axis=0, size=rows.shape[0])  # [lanes, *i, *before, *after]
    return moved(taken, 1, 1 + axis, rank)


def _scatter_batch(lanes: Lanes, flags: Sequence[bool], i: Any, v: Any, *, axis: int, size: int) -> Any:
    if not flags[0]:
        return SCATTER_ADD(i, v, axis=axis + 1, size=size)
    rank = len(i.shape) - 1
    rows = moved(v if flags[1] else lanes.widen(v), axis + 1, 1, rank)  # [lanes, *i, *before, *after]
    added = SCATTER_ADD(PLACES(i, size=size), rows, axis=0, size=lanes.size * size)
    return moved(unflattened(added, lanes.size, size), 1, axis + 1)


GATHER: Op = linear(
    "gather",
    "the entries of x at the indices i along an axis",
    _gather,
    lambda lin: Linear(SCATTER_ADD, 1, lin.frozen, lin.attrs),
    holes=(0,),
    shape_rule=_gather_rule,
    depends=moves,
    batch=_gather_batch,
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
    depends=_scatter_depends,
    batch=_scatter_batch,
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
