"""`put(x, i, v)`: entries replaced at indices known at run time. Linear in x and in v.

J in x keeps the entries that no index names; J in v puts among zeros what the last index for each place brings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from paramprog.op import Attrs, Chain, Lanes, Linear, Op, Sample, Surface, register
from paramprog.transfer.gather import (
    PLACES,
    SCATTER_ADD,
    check_index,
    flattened,
    moved,
    unflattened,
)
from paramprog.transfer.linear import MASK, SPREAD
from paramprog.transfer.spelling import Exact, at_least, checked_axis, trailing
from paramprog.types import Dim, Kind, KindError, Shape, ShapeError, Type, dims_text, join_kinds


def _index_to_bool(kind: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """An index in, bool out."""
    if kind != "int":
        raise KindError(f"an index is int, not {kind}")
    return (kind,), "bool"


def _latest(i: Any, *, lanes: int = 0) -> Any:
    """With `lanes`, among the indices that share the first so many axes."""
    if lanes and np.size(i):
        rows = np.reshape(i, (int(np.prod(i.shape[:lanes])), -1))
        i = (rows + (np.max(i) - np.min(i) + 1) * np.arange(len(rows))[:, None]).reshape(i.shape)
    flat = np.ravel(i)[::-1]
    found = np.zeros(flat.size, np.bool_)
    found[np.unique(flat, return_index=True)[1]] = True
    return found[::-1].reshape(np.shape(i))


def _spared(i: Any, *, size: int) -> Any:
    check_index(i, size)
    found = np.ones(size, np.bool_)
    found[i] = False
    return found


def _spared_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    (size,) = trailing(options, "n")
    at_least(0, n=size)
    return {"size": size}


def _latest_lift(attrs: Attrs, size: Dim) -> Attrs:
    return {"lanes": attrs.get("lanes", 0) + 1}


def _spared_batch(lanes: Lanes, flags: Sequence[bool], i: Any, *, size: int) -> Any:
    return unflattened(SPARED(PLACES(i, size=size), size=lanes.size * size), lanes.size, size)


LATEST: Op = register(
    Op(
        "latest",
        "which of the indices i no later one repeats",
        _latest,
        shape_rule=lambda i, *, lanes=0: i,
        lift=_latest_lift,
        kinds=_index_to_bool,
        surfaces=(Surface("latest", "which of the indices i no later one repeats", ("i",)),),
        samples=(Sample(((4,),), {}, ((2, 0, 2, 1),)), Sample(((),), {}, ((2,),))),
        total=True,
    )
)
SPARED: Op = register(
    Op(
        "spared",
        "which of n places no index of i names",
        _spared,
        shape_rule=lambda i, *, size: (size,),
        batch=_spared_batch,
        kinds=_index_to_bool,
        surfaces=(
            Exact("spared", "which of n places no index of i names", ("i",), attrs=_spared_attrs, rest="n"),
        ),
        samples=(Sample(((3,),), {"size": 4}, ((2, 0, 2),)), Sample(((),), {"size": 3}, ((2,),))),
    )
)


def _put(x: Any, i: Any, v: Any, *, axis: int, size: int) -> Any:
    check_index(i, size)
    out = np.array(x)
    rank = np.ndim(i)
    places = np.moveaxis(out, axis, 0)
    if rank == 0:
        places[i] = v
        return out
    values = np.moveaxis(v, range(axis, axis + rank), range(rank)).reshape(i.size, *places.shape[1:])
    latest = np.ravel(_latest(i))
    places[np.ravel(i)[latest]] = values[latest]
    return out


def _put_rule(x: Shape, i: Shape, v: Shape, *, axis: int, size: int) -> Shape:
    if len(x) <= axis or x[axis] != size:
        raise ShapeError(f"there is no axis {axis} of size {size} in {dims_text(x)}")
    wanted = (*x[:axis], *i, *x[axis + 1 :])
    if v != wanted:
        raise ShapeError(f"the entries put there have shape {dims_text(wanted)}, not {dims_text(v)}")
    return x


def _put_kinds(x: Kind, i: Kind, v: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """Arrays of one kind, int indices."""
    if i != "int":
        raise KindError(f"an index is int, not {i}")
    joined = join_kinds((x, v))
    return (joined, i, joined), joined


def _put_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    axis = checked_axis(options["axis"], len(types[0].shape))
    return {"axis": axis, "size": types[0].shape[axis]}


def along_others(condition: Any, rank: int, axis: int, shape: Shape) -> Any:
    """`condition`, which has the `rank` axes from `axis` on, repeated over the others of `shape`."""
    others = tuple(a for a in range(len(shape)) if not axis <= a < axis + rank)
    return SPREAD(condition, axes=others, sizes=tuple(shape[a] for a in others)) if others else condition


def _mask(condition: Any, rank: int, axis: int, shape: Shape) -> Linear:
    """The entries where `condition` holds, which has the `rank` axes from `axis` on."""
    return Linear(MASK, 1, (along_others(condition, rank, axis, shape),))


def _put_batch(lanes: Lanes, flags: Sequence[bool], x: Any, i: Any, v: Any, *, axis: int, size: int) -> Any:
    x, v = (a if f else lanes.widen(a) for a, f in ((x, flags[0]), (v, flags[2])))
    if not flags[1]:
        return PUT(x, i, v, axis=axis + 1, size=size)
    rows = flattened(moved(x, axis + 1, 1), size)
    entries = moved(v, axis + 1, 1, len(i.shape) - 1)  # [lanes, *i, *before, *after]
    made = PUT(rows, PLACES(i, size=size), entries, axis=0, size=lanes.size * size)
    return moved(unflattened(made, lanes.size, size), 1, axis + 1)


def _put_jacobian(port: int, y: Any, x: Any, i: Any, v: Any, *, axis: int, size: int) -> Chain | None:
    if port == 0:
        return (_mask(SPARED(i, size=size), 1, axis, tuple(x.shape)),)
    if port == 1:
        return None
    placed = Linear(SCATTER_ADD, 1, (i,), {"axis": axis, "size": size})
    rank = len(i.shape)
    return (_mask(LATEST(i), rank, axis, tuple(v.shape)), placed) if rank else (placed,)


PUT: Op = register(
    Op(
        "put",
        "x with the entries at the indices i replaced by v; of indices that are equal the last counts",
        _put,
        shape_rule=_put_rule,
        batch=_put_batch,
        kinds=_put_kinds,
        jacobian=_put_jacobian,
        surfaces=(
            Surface(
                "put",
                "x with the entries at the indices i replaced by v; of equal indices the last counts",
                ("x", "i", "v"),
                {"axis": 0},
                _put_attrs,
            ),
        ),
        samples=(
            Sample(((5,), (), ()), {"axis": 0, "size": 5}, ((3,),)),
            Sample(((5,), (4,), (4,)), {"axis": 0, "size": 5}, ((2, 0, 2, 1),)),
            Sample(((2, 3), (), (2,)), {"axis": 1, "size": 3}, ((1,),)),
            Sample(((2, 4), (2, 2), (2, 2, 2)), {"axis": 1, "size": 4}, ((3, 0, 0, 1),)),
        ),
    )
)
