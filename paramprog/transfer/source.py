"""Primitives without arguments: leaves of the graph and constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paramprog.graph.constant import Constant
from paramprog.op import Op, Surface, register
from paramprog.transfer.spelling import Exact, checked_sizes, trailing
from paramprog.transfer.stack import Tape
from paramprog.types import MAX_ELEMENTS, Real, ShapeError, Type, is_tape

DTYPES = {"int": np.int64, "bool": np.bool_}


def dtype_of(type: Type, real: Real) -> np.dtype[Any]:
    """How the entries of a value are stored."""
    return np.dtype(real if type.kind == "real" else DTYPES[type.kind])


def _no_value(*, type: Type) -> Any:
    raise ValueError(f"a leaf of type {type} was given no value")


def _full(*, value: Any, type: Type, real: Real = "float64") -> Any:
    if is_tape(type):  # one without values that has this number below
        return Tape(_full(value=value, type=type._replace(shape=type.shape[1:]), real=real))
    made = np.full(type.shape, value, dtype_of(type, real))
    return made if type.shape else made[()]


def _array(*, value: Constant, type: Type, real: Real = "float64") -> Any:
    return value.array.astype(dtype_of(type, real))


class _Source(Op):
    """No arguments: the type is an attribute."""

    def result(self, *types: Type, **attrs: Any) -> Type:
        found: Type = attrs["type"]
        return found


def _sizes(value: float) -> Any:
    def attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"value": value, "type": Type("real", checked_sizes(tuple(options["rest"])))}

    return attrs


def _eye(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    (n,) = checked_sizes(trailing(options, "n"))
    if n * n > MAX_ELEMENTS:
        raise ShapeError(f"the {n} x {n} identity matrix has more than {MAX_ELEMENTS:,} entries")
    return {"value": Constant(np.eye(n)), "type": Type("real", (n, n))}


def _no_shape(**attrs: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = attrs["type"].shape
    return shape


LEAF: Op = register(
    _Source("leaf", "a value from outside: an input or a parameter", _no_value, shape_rule=_no_shape)
)

FULL: Op = register(
    _Source(
        "full",
        "the same number in every entry",
        _full,
        shape_rule=_no_shape,
        precise=True,
        surfaces=(
            Surface("zeros", "an array of zeros", values=(), rest="m", attrs=_sizes(0.0)),
            Surface("ones", "an array of ones", values=(), rest="m", attrs=_sizes(1.0)),
        ),
    )
)

ARRAY: Op = register(
    _Source(
        "array",
        "a constant array",
        _array,
        shape_rule=_no_shape,
        precise=True,
        surfaces=(Exact("eye", "the identity matrix", values=(), rest="n", attrs=_eye),),
    )
)
