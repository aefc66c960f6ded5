"""The arguments of a call: which is which, and the call of a built-in function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from paramprog.diagnostics import ProgramError, did_you_mean, fail
from paramprog.lang.faults import mismatch
from paramprog.lang.instance import Info, Primitive
from paramprog.lang.syntax import Argument, Call, Expression, OperatorName, Text
from paramprog.lang.walk import Walk
from paramprog.op import Op, Surface
from paramprog.types import ShapeError

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing


def expression_of(argument: Argument) -> Expression:
    """The argument as an expression. Raises ProgramError for a string or an operator, which stand nowhere else."""
    if isinstance(argument.value, (Text, OperatorName)):
        what = "a string" if isinstance(argument.value, Text) else f"`{argument.value.text}`"
        raise fail("unknown-argument", f"{what} cannot be an argument here", argument.span)
    return argument.value


def bind(e: Call, names: Sequence[str], defaults: Sequence[Any]) -> list[Expression | None]:
    """The argument for each name, None where the default is taken; positional first, then by name.

    Raises ProgramError when one is missing, unknown, given twice or too many.
    """
    bound: list[Expression | None] = [None] * len(names)
    for position, argument in enumerate(e.arguments):
        if argument.name is None:
            if position and e.arguments[position - 1].name is not None:
                raise fail(
                    "unknown-argument",
                    "an argument without a name cannot follow one with a name",
                    argument.span,
                )
            at = position
        elif argument.name.text in names:
            at = list(names).index(argument.name.text)
        else:
            hint = did_you_mean(argument.name.text, names)
            message = f"`{e.function.text}` has no argument named `{argument.name.text}`"
            raise fail("unknown-argument", message, argument.name.span, hint)
        if at >= len(names):
            raise wrong_count(e, f"{len(names)}", f"{e.function.text}({', '.join(names)})")
        if bound[at] is not None:
            raise fail("unknown-argument", f"`{names[at]}` is given twice", argument.span)
        bound[at] = expression_of(argument)
    missing = [n for n, b, d in zip(names, bound, defaults, strict=True) if b is None and d is None]
    if missing:
        raise wrong_count(e, f"{len(names)}", f"{e.function.text}({', '.join(names)})", missing)
    return bound


def wrong_count(e: Call, wanted: str, usage: str, missing: Sequence[str] = ()) -> ProgramError:
    """The diagnostic for a call with too many or too few arguments."""
    count = len(e.arguments)
    message = f"`{e.function.text}` takes {wanted} argument{'' if wanted == '1' else 's'}, found {count}"
    if missing:
        message += f": {', '.join(f'`{m}`' for m in missing)} missing"
    return fail("argument-count", message, e.span, f"usage: `{usage}`")


# ---- built-in functions ------------------------------------------------------------------------------------------


def builtin(
    typing: Typing, e: Call, candidates: Sequence[tuple[Op, Surface]], arguments: Sequence[Argument]
) -> Walk[Info]:
    if len(candidates) == 1 and candidates[0][1].plain and _all_positional(candidates[0][1], arguments):
        op = candidates[0][0]
        operands = tuple([expression_of(a) for a in arguments])
        infos: list[Info] = []
        for operand in operands:
            info: Info = typing.leaf(operand) or (yield typing.inner(operand))
            infos.append(info)
        typing.instance.targets[e] = Primitive(op, {}, operands)
        return typing.apply(op, infos, {}, e.span)
    named = _named(e, arguments)
    positional = list(arguments[: len(arguments) - len(named)])
    op, surface = next(
        ((o, s) for o, s in candidates if len(s.values) == len(positional)),
        min(candidates, key=lambda c: len(c[1].values)),
    )
    while len(positional) < len(surface.values) and surface.values[len(positional)] in named:
        positional.append(named.pop(surface.values[len(positional)]))
    options: dict[str, Any] = dict(surface.options)
    if surface.leading is not None:
        if not positional:
            raise wrong_count(e, "more", surface.usage)
        options[surface.leading] = yield _leading(typing, surface, positional.pop(0))
    count = len(surface.values)
    fits = len(positional) >= count if surface.variadic or surface.rest else len(positional) == count
    if not fits:
        wanted = f"at least {count}" if surface.variadic else str(count)
        raise wrong_count(e, wanted, surface.usage)
    split = len(positional) if surface.variadic else count
    operands = tuple(expression_of(a) for a in positional[:split])
    infos = []
    for operand in operands:
        info = yield typing.expression(operand)
        infos.append(info)
    if surface.rest is not None:
        rest: list[int] = []
        for argument in positional[split:]:
            n: int = yield typing.static_int(expression_of(argument), "this argument")
            rest.append(n)
        options["rest"] = tuple(rest)
    for name, argument in named.items():
        if name not in surface.options:
            hint = did_you_mean(name, surface.options) or f"usage: `{surface.usage}`"
            message = f"`{e.function.text}` has no argument named `{name}`"
            if name in surface.values:
                message = f"`{name}` is given twice"
            raise fail("unknown-argument", message, argument.span, hint)
        options[name] = yield typing.option(expression_of(argument), name, surface.options[name])
    try:
        attrs = surface.attrs(tuple(i.type for i in infos), options)
    except ShapeError as error:
        raise mismatch(error, e.span) from None
    typing.instance.targets[e] = Primitive(op, attrs, operands)
    return typing.apply(op, infos, attrs, e.span)


def _all_positional(surface: Surface, arguments: Sequence[Argument]) -> bool:
    """Whether the arguments are as many as the values, and none is given by name."""
    for argument in arguments:
        if argument.name is not None:
            return False
    return len(arguments) == len(surface.values)


def _named(e: Call, arguments: Sequence[Argument]) -> dict[str, Argument]:
    """The arguments that are given by name. Raises ProgramError unless they come last, each once."""
    named: dict[str, Argument] = {}
    for argument in arguments:
        if argument.name is None:
            if named:
                message = "an argument without a name cannot follow one with a name"
                raise fail("unknown-argument", message, argument.span)
        elif argument.name.text in named:
            raise fail("unknown-argument", f"`{argument.name.text}` is given twice", argument.span)
        else:
            named[argument.name.text] = argument
    return named


def _leading(typing: Typing, surface: Surface, argument: Argument) -> Walk[Any]:
    if surface.leading == "spec":
        if not isinstance(argument.value, Text):
            raise fail(
                "unknown-argument", f"`{surface.name}` needs a string first", argument.span, surface.usage
            )
        return argument.value.value
    value: int = yield typing.static_int(expression_of(argument), f"`{surface.leading}`")
    return value
