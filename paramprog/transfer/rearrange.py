"""Rearrangements of entries: reshape, transpose, roll, concat, stack. Linear; each is its own kind of transpose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paramprog.op import Attrs, Chain, Linear, Op, Sample, Surface, numbered_axes, register, unchanged
from paramprog.transfer.dependence import by_words, moves
from paramprog.transfer.linear import LETTERS, linear
from paramprog.transfer.select import SLICE, Cut
from paramprog.transfer.spelling import Exact, checked_axis, checked_sizes, trailing
from paramprog.types import Dim, Shape, ShapeError, Signature, Type, dims_text


def _reshape_rule(shape: Shape, *, of: Shape, to: Shape) -> Shape:
    if shape != of or int(np.prod(of)) != int(np.prod(to)):
        raise ShapeError(f"{dims_text(shape)} has not as many entries as {dims_text(to)}")
    return to


def _permutation(shape: Shape, *, axes: tuple[int, ...]) -> Signature:
    if sorted(axes) != list(range(len(shape))):
        raise ShapeError(f"{', '.join(map(str, axes))} is not an order of {len(shape)} axes")
    return Signature((LETTERS[: len(shape)],), "".join(LETTERS[a] for a in axes), {})


def _reshape_lift(attrs: Attrs, size: Dim) -> Attrs:
    return {"of": (size, *attrs["of"]), "to": (size, *attrs["to"])}


def _transpose_lift(attrs: Attrs, size: Dim) -> Attrs:
    return {"axes": (0, *(a + 1 for a in attrs["axes"]))}


def _transpose_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"axes": tuple(options["rest"]) or tuple(range(len(types[0].shape)))[::-1]}


RESHAPE: Op = linear(
    "reshape",
    "the same entries in another shape",
    lambda x, *, of, to: np.reshape(x, to),
    lambda lin: Linear(RESHAPE, attrs={"of": lin.attrs["to"], "to": lin.attrs["of"]}),
    shape_rule=_reshape_rule,
    depends=moves,
    lift=_reshape_lift,
    kinds=unchanged,
    surfaces=(
        Surface(
            "reshape",
            "the same entries in another shape",
            rest="m",
            attrs=lambda types, options: {
                "of": types[0].shape,
                "to": checked_sizes(tuple(options["rest"])),
            },
        ),
    ),
    samples=(Sample(((2, 3),), {"of": (2, 3), "to": (3, 2)}), Sample(((4,),), {"of": (4,), "to": (2, 1, 2)})),
    total=True,
)
TRANSPOSE: Op = linear(
    "transpose",
    "the axes in another order, reversed unless given",
    lambda x, *, axes: np.transpose(x, axes),
    lambda lin: Linear(TRANSPOSE, attrs={"axes": tuple(int(i) for i in np.argsort(lin.attrs["axes"]))}),
    signature=_permutation,
    depends=by_words,
    lift=_transpose_lift,
    kinds=unchanged,
    surfaces=(
        Surface(
            "transpose",
            "the axes in another order, reversed unless given",
            rest="axis",
            attrs=_transpose_attrs,
        ),
    ),
    samples=(Sample(((2, 3),), {"axes": (1, 0)}), Sample(((2, 3, 4),), {"axes": (2, 0, 1)})),
    total=True,
)


def _roll_rule(shape: Shape, *, by: int, axis: int) -> Shape:
    checked_axis(axis, len(shape))
    return shape


def _roll_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    (k,) = trailing(options, "k")
    return {"by": k, "axis": options["axis"]}


ROLL: Op = linear(
    "roll",
    "the entries moved on by k places along an axis; those that leave at the end come in at the start",
    lambda x, *, by, axis: np.roll(x, by, axis),
    lambda lin: Linear(ROLL, attrs={"by": -lin.attrs["by"], "axis": lin.attrs["axis"]}),
    shape_rule=_roll_rule,
    depends=moves,
    lift=numbered_axes,
    kinds=unchanged,
    surfaces=(
        Exact(
            "roll",
            "the entries moved on by k places along an axis, those at the end to the start",
            options={"axis": 0},
            attrs=_roll_attrs,
            rest="k",
        ),
    ),
    samples=(Sample(((4,),), {"by": 1, "axis": 0}), Sample(((2, 3),), {"by": -5, "axis": 1})),
    total=True,
)


# ---- joining arrays: each argument is embedded in zeros ----------------------------------------------------------


def _concat_rule(*shapes: Shape, axis: int) -> Shape:
    first = shapes[0]
    checked_axis(axis, len(first))
    for s in shapes[1:]:
        if len(s) != len(first) or s[:axis] + s[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise ShapeError(f"shapes {dims_text(first)} and {dims_text(s)} differ beside axis {axis}")
    return (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])


def _stack_rule(*shapes: Shape, axis: int) -> Shape:
    for s in shapes[1:]:
        if s != shapes[0]:
            raise ShapeError(f"shapes {dims_text(shapes[0])} and {dims_text(s)} differ")
    checked_axis(axis, len(shapes[0]) + 1)
    return (*shapes[0][:axis], len(shapes), *shapes[0][axis:])


def _placed(cut: Cut) -> Chain:
    """The map that puts an argument into its place among zeros: the transpose of a slice."""
    return (Linear(SLICE, attrs={"cuts": (cut,)}).T,)


def _concat_jacobian(port: int, y: Any, *xs: Any, axis: int) -> Chain:
    sizes = [x.shape[axis] for x in xs]
    return _placed(Cut(axis, sum(sizes[:port]), sizes[port], 1, sum(sizes)))


def _stack_jacobian(port: int, y: Any, *xs: Any, axis: int) -> Chain:
    return _placed(Cut(axis, port, None, 1, len(xs)))


def _joining_axis(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"axis": options["axis"]}


CONCAT: Op = register(
    Op(
        "concat",
        "arrays one after the other along an axis",
        lambda *xs, axis: np.concatenate(xs, axis),
        shape_rule=_concat_rule,
        lift=numbered_axes,
        kinds=unchanged,
        jacobian=_concat_jacobian,
        surfaces=(
            Surface(
                "concat",
                "arrays one after the other along an axis",
                ("a", "b"),
                {"axis": 0},
                _joining_axis,
                variadic=True,
            ),
        ),
        samples=(Sample(((2, 3), (1, 3)), {"axis": 0}), Sample(((2, 1), (2, 2), (2, 1)), {"axis": 1})),
        total=True,
    )
)
STACK: Op = register(
    Op(
        "stack",
        "arrays of one shape along a new axis; `[a, b]`",
        lambda *xs, axis: np.stack(xs, axis),
        shape_rule=_stack_rule,
        lift=numbered_axes,
        kinds=unchanged,
        jacobian=_stack_jacobian,
        surfaces=(
            Surface(
                "stack",
                "arrays of one shape along a new axis",
                ("a", "b"),
                {"axis": 0},
                _joining_axis,
                variadic=True,
            ),
        ),
        samples=(Sample(((), (), ()), {"axis": 0}), Sample(((2, 3), (2, 3)), {"axis": 1})),
        total=True,
    )
)
