"""Derivative operators: `grad(y, x)`, `jacobian`, `hessian`, `jvp(y, x, t)`, `vjp(y, x, g)`, and their types.

Their first arguments are names, and mean the current points of these names: a derivative is taken of what has been
computed, not of a function. Where the points stand to one another is known when they are built (build_derivatives.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from paramprog.diagnostics import ProgramError, did_you_mean, fail
from paramprog.lang.call_arguments import expression_of
from paramprog.lang.faults import check_size, counted, shape_text
from paramprog.lang.instance import Differentiation, Info, Mode, Operator
from paramprog.lang.signatures import as_type
from paramprog.lang.syntax import Argument, Call, Expression, Name
from paramprog.lang.tapes import refuse_tape
from paramprog.lang.walk import Walk
from paramprog.types import Shape, Type

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing

USAGE = {
    "grad": "grad(y, x, ...)",
    "jacobian": "jacobian(y, x, ...)",
    "hessian": "hessian(y, x, ...)",
    "jvp": "jvp(y, x, ..., t, ...)",
    "vjp": "vjp(y, x, ..., g)",
}
"""The operators; `...` stands for more names, each with its tangent in `jvp`."""

MODES = ("forward", "reverse")


def derivative(typing: Typing, e: Call) -> Walk[tuple[Info, ...]]:
    """The types of the results, one for each name (a square of them for `hessian`, one for `jvp`).

    Raises ProgramError unless `y` is a real point computed in this function, scalar where there is to be a gradient,
    and each `x` a real point or param.
    """
    operator = cast(Operator, e.function.text)
    mode, values = _mode(e)
    output, wrt, along = _parts(e, operator, values)
    info: Info = yield typing.expression(output)
    refuse_tape(info, output.span, f"`{output.text}`, which is differentiated here,")
    _check_output(typing, e, output, info)
    shapes: list[Shape] = []
    for x in wrt:
        found: Info = yield typing.expression(x)
        refuse_tape(found, x.span, f"`{x.text}`, which is differentiated by here,")
        _check_variable(typing, x, found)
        shapes.append(found.type.shape)
    wanted = shapes if operator == "jvp" else [info.type.shape]
    for t, shape in zip(along, wanted, strict=bool(along)):
        direction: Info = yield typing.expression(t)
        what = "the tangent" if operator == "jvp" else "the cotangent"
        as_type(direction, Type("real", shape), t.span, what, f"usage: `{USAGE[operator]}`")
    typing.instance.targets[e] = Differentiation(operator, output, wrt, along, mode)
    typing.instance.differentiates = True
    infos = [Info(Type("real", shape)) for shape in _results(operator, info.type.shape, shapes)]
    for result in infos:
        check_size(result.type, e.span)
    return tuple(infos)


def _results(operator: Operator, y: Shape, xs: Sequence[Shape]) -> list[Shape]:
    if operator == "jvp":
        return [y]
    if operator == "jacobian":
        return [(*y, *x) for x in xs]
    if operator == "hessian":
        return [(*a, *b) for a in xs for b in xs]
    return list(xs)


def _mode(e: Call) -> tuple[Mode | None, list[Expression]]:
    """`mode = forward | reverse`, None where it is not given, and the arguments without a name."""
    mode: Mode | None = None
    values: list[Expression] = []
    for argument in e.arguments:
        if argument.name is None:
            if mode is not None:
                message = "an argument without a name cannot follow one with a name"
                raise fail("unknown-argument", message, argument.span)
            values.append(expression_of(argument))
        elif argument.name.text != "mode":
            message = f"`{e.function.text}` has no argument named `{argument.name.text}`"
            hint = did_you_mean(argument.name.text, ["mode"]) or f"usage: `{USAGE[e.function.text]}`"
            raise fail("unknown-argument", message, argument.name.span, hint)
        elif mode is not None:
            raise fail("unknown-argument", "`mode` is given twice", argument.span)
        else:
            mode = _mode_of(argument)
    return mode, values


def _mode_of(argument: Argument) -> Mode:
    value = argument.value
    if not isinstance(value, Name) or value.text not in MODES:
        hint = did_you_mean(value.text, MODES) if isinstance(value, Name) else None
        raise fail("unknown-argument", "`mode` is `forward` or `reverse`", argument.span, hint)
    return cast(Mode, value.text)


def _parts(
    e: Call, operator: Operator, values: Sequence[Expression]
) -> tuple[Name, tuple[Name, ...], tuple[Expression, ...]]:
    """The output, the names that it is differentiated by, and tangents or a cotangent."""
    count = len(values)
    least, fits = {"jvp": (3, count % 2 == 1), "vjp": (3, True)}.get(operator, (2, True))
    if count < least or not fits:
        message = f"`{operator}` does not take {counted(count, 'argument')}"
        hint = f"usage: `{USAGE[operator]}`"
        if operator == "jvp":
            hint += ", as many tangents as names"
        raise fail("argument-count", message, e.span, hint)
    names = {"jvp": 1 + count // 2, "vjp": count - 1}.get(operator, count)
    output, *wrt = (_name(operator, value) for value in values[:names])
    return output, tuple(wrt), tuple(values[names:])


def _name(operator: Operator, value: Expression) -> Name:
    if isinstance(value, Name):
        return value
    message = f"`{operator}` takes the names of points here, not an expression"
    raise fail("derivative-name", message, value.span, "give it a name first: `y = ...`")


def _check_output(typing: Typing, e: Call, y: Name, info: Info) -> None:
    """Raises ProgramError unless `y` is a real point that this function computes, a scalar for `grad`, `hessian`."""
    instance, operator = typing.instance, e.function.text
    made = y.text in typing.locals and y.text not in instance.dims
    if not made or y.text in instance.arguments or y.text not in typing.places:
        what = "an argument" if y.text in instance.arguments else "not a point of this function"
        message = f"`{y.text}` is {what}: only what the function itself has computed can be differentiated"
        hint = f"call a function that computes it, and name the result: `y = f({y.text})`"
        raise fail("derivative-scope", message, y.span, hint)
    if info.type.kind != "real":
        raise _not_real(y, info)
    if info.type.shape and operator in ("grad", "hessian"):
        message = f"`{operator}` differentiates a scalar; `{y.text}` {shape_text(info.type.shape)}"
        hint = f"take `sum({y.text})`, or all derivatives" + (
            f": `jacobian({y.text}, ...)`" if operator == "grad" else " of its gradient"
        )
        raise fail("shape-mismatch", message, y.span, hint)


def _check_variable(typing: Typing, x: Name, info: Info) -> None:
    """Raises ProgramError unless `x` is a real point, an argument or a param."""
    if info.type.kind != "real":
        raise _not_real(x, info)
    if x.text not in typing.locals and not typing.checker.is_param(x.text):
        message = f"`{x.text}` is a constant: nothing depends on how it varies"
        raise fail("derivative-name", message, x.span, f"copy it first: `x = {x.text}`, and compute with `x`")


def _not_real(name: Name, info: Info) -> ProgramError:
    message = f"derivatives are those of reals by reals; `{name.text}` is {info.type}"
    hint = "write it as a real: `1.0 * ...`" if info.type.kind == "int" else None
    return fail("type-mismatch", message, name.span, hint)
