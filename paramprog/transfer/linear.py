"""Linear primitives: the Jacobian is the primitive itself, and its transpose is another one of this file.

    negate <-> negate    multiply by c <-> multiply by c    mask <-> mask
    sum over axes <-> spread over axes     spread over axes
Rearrangements of entries (rearrange.py), selections of entries (select.py) and products of two arrays (contract.py)
are linear too and have files of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from paramprog.op import (
    Chain,
    Linear,
    Op,
    Sample,
    Surface,
    arithmetic,
    logical,
    new_linear,
    numbered_axes,
    register,
    unchanged,
)
from paramprog.transfer.dependence import by_words, moves
from paramprog.transfer.spelling import Exact, checked_axis, checked_sizes, trailing
from paramprog.types import Kind, Shape, ShapeError, Signature, Type, dims_text

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def linear(
    name: str,
    doc: str,
    value: Callable[..., Any],
    transpose: Callable[[Linear], Linear],
    holes: Collection[int] | None = None,
    **fields: Any,
) -> Op:
    """Register a primitive linear in each of `holes` (all arguments unless given)."""

    def jacobian(port: int, y: Any, *xs: Any, **attrs: Any) -> Chain | None:
        return (
            (new_linear((op, port, xs[:port] + xs[port + 1 :], attrs)),)
            if holes is None or port in holes
            else None
        )

    op = register(Op(name, doc, value, jacobian=jacobian, transpose=transpose, **fields))
    return op


def itself(lin: Linear) -> Linear:
    return lin


# ---- elementwise -------------------------------------------------------------------------------------------------

NEG: Op = linear(
    "neg",
    "-x",
    np.negative,
    itself,
    elementwise=True,
    kinds=arithmetic,
    surfaces=(Surface("neg", "-x"),),
    total=True,
    c={"real": "-{0}", "int": "pp_neg_i64({0})"},
)
MUL: Op = linear(
    "mul",
    "a * b",
    np.multiply,
    itself,
    elementwise=True,
    kinds=arithmetic,
    total=True,
    c={"real": "{0} * {1}", "int": "pp_mul_i64({0}, {1})"},
)
COPY: Op = register(
    Op(
        "copy",
        "x itself, as a point of its own",
        lambda x: x,
        elementwise=True,
        kinds=unchanged,
        jacobian=lambda port, y, x: (),
        total=True,
        c="{0}",
    )
)


def _mask_kinds(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    """A condition, and anything."""
    logical(kinds[0])
    return kinds, kinds[1]


MASK: Op = linear(
    "mask",
    "x where c holds, else a zero whatever x is there",
    lambda c, x: np.where(c, x, np.zeros((), np.asarray(x).dtype)),
    itself,
    holes=(1,),
    elementwise=True,
    depends=moves,
    kinds=_mask_kinds,
    surfaces=(Surface("mask", "x where c holds, else 0", ("c", "x")),),
    total=True,
    c="{0} ? {1} : 0",
)


# ---- sums over axes, and their transpose -------------------------------------------------------------------------


def kept(rank: int, axes: tuple[int, ...]) -> str:
    """The letters of the axes that are not in `axes`."""
    return "".join(LETTERS[i] for i in range(rank) if i not in axes)


def reduction(shape: Shape, *, axes: tuple[int, ...], sizes: Shape | None = None) -> Signature:
    """`abc->ac` for axes (1,), whose sizes are checked where the primitive knows them."""
    rank = len(shape)
    for axis in axes:
        checked_axis(axis, rank)
    bound = {} if sizes is None else {LETTERS[a]: n for a, n in zip(axes, sizes, strict=True)}
    return Signature((LETTERS[:rank],), kept(rank, axes), bound)


def _spreading(shape: Shape, *, axes: tuple[int, ...], sizes: Shape) -> Signature:
    rank = len(shape) + len(axes)
    return Signature(
        (kept(rank, axes),), LETTERS[:rank], {LETTERS[a]: n for a, n in zip(axes, sizes, strict=True)}
    )


def axis_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    """`axis = k`, or all axes."""
    (x, *_), axis = types, options["axis"]
    return {"axes": tuple(range(len(x.shape))) if axis is None else (checked_axis(axis, len(x.shape)),)}


def sized_axis_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    """`axes` with their `sizes`, which the transpose needs."""
    axes = axis_attrs(types, options)["axes"]
    return {"axes": axes, "sizes": tuple(types[0].shape[a] for a in axes)}


def _spread_value(x: Any, *, axes: tuple[int, ...], sizes: Shape) -> Any:
    x = np.expand_dims(x, axes)
    shape = list(x.shape)
    for a, n in zip(axes, sizes, strict=True):
        shape[a] = n
    return np.broadcast_to(x, shape)


def _spread_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    sizes = checked_sizes(trailing(options, "n"))
    return {"axes": (checked_axis(options["axis"], len(types[0].shape) + 1),), "sizes": sizes}


def _full_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    if types[0].shape:
        raise ShapeError(f"fills an array with one scalar; this is {dims_text(types[0].shape)}: see `spread`")
    sizes = checked_sizes(tuple(options["rest"]))
    return {"axes": tuple(range(len(sizes))), "sizes": sizes}


AXIS = {"axis": None}

SUM: Op = linear(
    "sum",
    "the sum of all entries, or along an axis",
    lambda x, *, axes, sizes: np.sum(x, axes),
    lambda lin: Linear(SPREAD, attrs=lin.attrs),
    signature=reduction,
    depends=by_words,
    lift=numbered_axes,
    kinds=arithmetic,
    surfaces=(
        Surface("sum", "the sum of all entries, or along an axis", options=AXIS, attrs=sized_axis_attrs),
    ),
    samples=(
        Sample(((4,),), {"axes": (0,), "sizes": (4,)}),
        Sample(((2, 3),), {"axes": (1,), "sizes": (3,)}),
        Sample(((2, 3, 2),), {"axes": (0, 2), "sizes": (2, 2)}),
    ),
    total=True,
)
SPREAD: Op = linear(
    "spread",
    "n copies of x along a new axis",
    _spread_value,
    lambda lin: Linear(SUM, attrs=lin.attrs),
    signature=_spreading,
    depends=by_words,
    lift=numbered_axes,
    kinds=unchanged,
    surfaces=(
        Exact("spread", "n copies of x along a new axis", rest="n", options={"axis": 0}, attrs=_spread_attrs),
        Surface("full", "an array with a scalar in every entry", ("value",), rest="m", attrs=_full_attrs),
    ),
    samples=(
        Sample(((),), {"axes": (0, 1), "sizes": (2, 3)}),
        Sample(((3,),), {"axes": (1,), "sizes": (2,)}),
    ),
    total=True,
)
