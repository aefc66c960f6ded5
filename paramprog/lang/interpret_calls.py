"""Calls, run by the interpreter; a function called again with equal values is not run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from paramprog.diagnostics import Span
from paramprog.lang.duals import Dual, Tag, is_dual, like, primal
from paramprog.lang.instance import BaseCall, Differentiation, Inlined, Mapped, Primitive, Window
from paramprog.lang.interpret_derivatives import derivatives
from paramprog.lang.interpret_lanes import UNWANTED, is_wanted
from paramprog.lang.interpret_values import assembled, convert, key_of, plain, spread
from paramprog.lang.lazy import Holes, first_fault, nothing
from paramprog.lang.syntax import Call, Expression
from paramprog.lang.walk import Walk
from paramprog.op import OPS

if TYPE_CHECKING:
    from paramprog.lang.interpret import Frame

MAX_CALLS = 100_000
"""When more calls have been remembered, all are forgotten: a loop makes new ones in every turn."""


def one_call(frame: Frame, e: Call) -> Walk[Any]:
    """A call with one result."""
    found: list[Any] = yield call(frame, e)
    return found[0]


def call(frame: Frame, e: Call) -> Walk[list[Any]]:
    """The results of a call."""
    target = frame.instance.targets[e]
    if isinstance(target, Inlined):
        results: list[Any] = yield _inlined(frame, target)
        return results
    if isinstance(target, Differentiation):
        results = yield derivatives(frame, e, target)
        return results
    values: list[Any] = []
    for operand in target.operands:
        value = yield frame.expression(operand)
        values.append(value)
    if isinstance(target, Primitive):
        return [frame.apply(target.op, values, e.span, target.attrs)]
    if isinstance(target, Window):
        return [_window(frame, target, values, e.span)]
    if isinstance(target, Mapped):
        value = yield _mapped(frame, target, values[0])
        return [value]
    value = yield _base(frame, target, values)
    return [value]


def _base(frame: Frame, target: BaseCall, values: list[Any]) -> Walk[Any]:
    if (missing := first_fault([v for v in values if plain(v) is None])) is not None:
        return nothing(missing)
    tags = [v.graph for v in values if isinstance(v, Dual)]
    if tags and target.base.partials is not None:
        value = yield _given(frame, target, values, max(tags, key=lambda t: t.depth))
        return value
    shape = np.broadcast_shapes(*(np.shape(plain(v)) for v in values))
    value = yield _applied(frame, target, target.base.body, values, shape)
    return value


def _applied(
    frame: Frame, target: BaseCall, e: Expression, values: list[Any], shape: tuple[int, ...]
) -> Walk[Any]:
    """An expression over the arguments of a base function, which all get this shape."""
    names = [a.text for a in target.base.arguments]
    scope = {n: spread(convert(v, "real"), shape) for n, v in zip(names, values, strict=True)}
    value = yield frame.call(target.instance, scope, {}, shape).expression(e)
    return spread(convert(value, "real"), shape)


def _given(frame: Frame, target: BaseCall, values: list[Any], tag: Tag) -> Walk[Any]:
    """A base function on duals by the partials that were given for it."""
    primals = [primal(v, tag) for v in values]
    result = yield _base(frame, target, primals)
    total: Any = None
    for v, partial in zip(values, target.base.partials or (), strict=True):
        if is_dual(v, tag):
            slope = yield _applied(frame, target, partial, primals, np.shape(result))
            term = OPS["mul"](slope, like(v.tangent, result))
            total = term if total is None else OPS["add"](total, term)
    return Dual(tag, result, total)


def _inlined(frame: Frame, target: Inlined, first: Any = None) -> Walk[list[Any]]:
    """A function of the program; `first` is the value of the first argument, if it is known already."""
    inner = target.instance
    made = frame.call(inner, {k: np.int64(n) for k, n in inner.dims.items()}, frame.params, frame.lanes)
    for k, (formal, operand) in enumerate(zip(inner.formals(), target.operands, strict=True)):
        name = formal.name.text
        if name in inner.functions:
            continue
        if k == 0 and first is not None:
            value = first
        elif operand is not None:
            value = yield frame.expression(operand)
        else:
            assert formal.default is not None
            value = yield made.expression(formal.default)
        made.scope[name] = convert(value, inner.arguments[name].type.kind)
    key = (inner, frame.lanes, frame.lazy, *map(key_of, made.scope.values()))
    if None in key:
        results: list[Any] = yield made.results()
        return results
    if key not in frame.calls:
        results = yield made.results()
        if len(frame.calls) >= MAX_CALLS:
            frame.calls.clear()
        frame.calls[key] = results
    return frame.calls[key]


def _mapped(frame: Frame, target: Mapped, array: Any) -> Walk[Any]:
    """The function, called for one entry after the other."""
    if isinstance(array, Holes) and array.value is None:
        return array
    info = target.inlined.instance.results[0]
    values: list[Any] = []
    shape: tuple[int, ...] = np.shape(plain(array))
    for at in np.ndindex(shape):
        if not is_wanted(frame, shape, at):
            values.append(nothing(UNWANTED))
            continue
        entry = plain(array)[at]
        if isinstance(array, Holes) and array.bad[at]:
            entry = nothing(array.fault)
        results: list[Any] = yield _inlined(frame, target.inlined, entry)
        values.append(results[0])
    return assembled(values, shape, info.type)


def _window(frame: Frame, target: Window, values: list[Any], span: Span) -> Any:
    """n entries from i on."""
    x, i = values
    places = frame.apply(OPS["add"], [i, np.arange(target.length)], span, {})
    attrs = {"axis": target.axis, "size": target.size}
    return frame.apply(OPS["gather"], [x, places], span, attrs)
