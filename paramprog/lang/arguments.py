"""Values given from outside for inputs and params: their types checked, and the dims that their shapes bind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paramprog.diagnostics import Span, did_you_mean, fail
from paramprog.lang.syntax import FunctionDecl, Name, TypeExpr
from paramprog.lang.unit import Unit
from paramprog.transfer.source import DTYPES, dtype_of
from paramprog.types import Real, Type, dims_text

MAX_INT = 2**63 - 1


def open_dims(unit: Unit, entry: FunctionDecl) -> set[str]:
    """The dims that can be given from outside: those declared, and names that stand alone as a size."""
    types = [f.type for f in entry.arguments] + [p.type for p in unit.params.values()]
    names = {d.text for t in types if t is not None for d in t.dims if isinstance(d, Name)}
    return (names - unit.consts.keys()) | unit.dims.keys()


def bind_dims(unit: Unit, entry: str, dims: Mapping[str, int], given: Mapping[str, Any]) -> dict[str, int]:
    """The dims given by name, and those that the shapes of `given` inputs and params bind.

    A dim given by name wins; all shapes must agree. Raises ProgramError when they do not, or when a dim is unknown.
    """
    declared: dict[str, tuple[TypeExpr | None, Span]] = {
        f.name.text: (f.type, f.name.span) for f in unit.functions[entry].arguments
    }
    declared |= {p.name.text: (p.type, p.name.span) for p in unit.params.values()}
    known = open_dims(unit, unit.functions[entry])
    for name in dims:
        if name not in known and not (unit.imports and "." in name):  # those of other files are checked there
            hint = did_you_mean(name, known)
            raise fail("undefined-name", f"there is no dim `{name}`", None, hint)
    bound: dict[str, int] = dict(dims)
    by: dict[str, str] = dict.fromkeys(dims, "--dim")
    for name, value in given.items():
        type, span = declared.get(name, (None, None))
        shape = _shape(value)
        if type is None or shape is None or len(type.dims) != len(shape):
            continue
        for dim, size in zip(type.dims, shape, strict=True):
            if not isinstance(dim, Name) or dim.text in unit.consts:
                continue
            if bound.setdefault(dim.text, size) != size:
                other = by[dim.text]
                message = (
                    f"`{name}` has {dim.text} = {size}, but {other} gives {dim.text} = {bound[dim.text]}"
                )
                raise fail("dim-conflict", message, span)
            by.setdefault(dim.text, f"`{name}`")
    return bound


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of a value, None for a ragged one, which `as_value` will refuse."""
    try:
        shape: tuple[int, ...] = np.shape(value)
    except ValueError:
        return None
    return shape


def as_value(value: Any, type: Type, real: Real, name: str, span: Span | None) -> Any:
    """A given value as an array of the declared type; a number fills no shape, and only whole numbers become int.

    Raises ProgramError naming the input when it does not fit.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise fail("input-value", f"the value of `{name}` is not a rectangular array", span) from None
    if array.dtype.kind not in "biuf":
        raise fail("input-value", f"the value of `{name}` is not made of numbers", span)
    if array.shape != type.shape:
        found = f"has shape {dims_text(array.shape)}" if array.shape else "is a scalar"
        raise fail("input-shape", f"`{name}` is {type}; the given value {found}", span)
    if type.kind == "bool" and array.dtype.kind != "b":
        raise fail("input-value", f"`{name}` is bool; give true or false", span)
    if type.kind != "bool" and array.dtype.kind == "b":
        raise fail("input-value", f"`{name}` is {type.kind}; the given value is bool", span)
    if type.kind == "int":
        # of reals: 2^63 - 1 is none, and the next one is too large
        fits = array <= MAX_INT if array.dtype.kind in "iu" else np.abs(array) < 2.0**63
        if not np.all(fits | np.isnan(array)):
            raise fail("input-value", f"`{name}` is int; the given value is beyond 64 bits", span)
        if not np.all(fits) or not np.array_equal(array.astype(DTYPES["int"]), array):
            raise fail("input-value", f"`{name}` is int; the given value is not whole", span)
    with np.errstate(over="ignore"):  # too large for a float32 is infinite, and told where it matters
        return np.array(array, dtype_of(type, real))
