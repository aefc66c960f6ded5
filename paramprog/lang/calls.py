"""Calls: which function is meant, which argument is which, and the type of the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from paramprog.diagnostics import ProgramError, did_you_mean, fail
from paramprog.lang.faults import LATER, counted, mismatch, not_built
from paramprog.lang.instance import BaseCall, FunctionRef, Info, Inlined, Primitive
from paramprog.lang.syntax import (
    Argument,
    BaseDecl,
    Call,
    Expression,
    Formal,
    FunctionDecl,
    Identifier,
    Name,
    OperatorName,
    Text,
)
from paramprog.lang.walk import Walk
from paramprog.op import SURFACES, Op, Surface
from paramprog.types import ShapeError, Type, join_shapes

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing

REDUCTIONS = {"+": "sum", "*": "prod", "max": "max", "min": "min"}


def call(typing: Typing, e: Call) -> Walk[Info]:
    """The type of a call with one result. Raises ProgramError for a function with several."""
    infos: tuple[Info, ...] = yield results(typing, e)
    if len(infos) != 1:
        names = ", ".join("abcdefgh"[i] for i in range(min(len(infos), 8)))
        message = f"`{e.function.text}` has {counted(len(infos), 'result')}; one is needed here"
        raise fail(
            "result-count", message, e.span, f"take them apart first: `{names} = {e.function.text}(...)`"
        )
    return infos[0]


def results(typing: Typing, e: Call) -> Walk[tuple[Info, ...]]:
    """The types of all results of a call; the target is noted in the instance.

    Looked up in this order: arguments of type function, the file's functions and bases, its imports', the
    prelude's, the built-ins.
    """
    name = e.function.text
    found = typing.instance.functions.get(name) or typing.checker.find(name)
    if found is None:
        raise _undefined(typing, e, name)
    if found.home is not None:
        unit = found.home.unit
        if found.name in unit.functions:
            inlined: tuple[Info, ...] = yield _function(typing, e, found)
            return inlined
        info: Info = yield _base(typing, e, found)
    elif found.name == "reduce":
        info = yield _reduce(typing, e)
    elif found.name == "map":
        info = yield _map(typing, e)
    else:
        info = yield _builtin(typing, e, SURFACES[found.name], e.arguments)
    return (info,)


def _undefined(typing: Typing, e: Call, name: str) -> ProgramError:
    if name in LATER:
        return ProgramError([not_built(f"the function `{name}`", e.function.span)])
    if name in typing.locals or name in typing.checker.value_names():
        return fail(
            "undefined-function",
            f"`{name}` is a value, not a function",
            e.function.span,
            f"to multiply, write `{name} * (...)`; to take an entry, `{name}[...]`",
        )
    hint = did_you_mean(name, _known(typing))
    return fail("undefined-function", f"there is no function named `{name}`", e.function.span, hint)


def _known(typing: Typing) -> list[str]:
    """The names of all functions that can be called."""
    return [*typing.instance.functions, *typing.checker.function_names(), *LATER]


# ---- arguments ---------------------------------------------------------------------------------------------------


def _expression(argument: Argument) -> Expression:
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
        bound[at] = _expression(argument)
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


def _builtin(
    typing: Typing, e: Call, candidates: Sequence[tuple[Op, Surface]], arguments: Sequence[Argument]
) -> Walk[Info]:
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
    operands = tuple(_expression(a) for a in positional[:split])
    infos: list[Info] = []
    for operand in operands:
        info: Info = yield typing.expression(operand)
        infos.append(info)
    if surface.rest is not None:
        rest: list[int] = []
        for argument in positional[split:]:
            n: int = yield typing.static_int(_expression(argument), "this argument")
            rest.append(n)
        options["rest"] = tuple(rest)
    for name, argument in named.items():
        if name not in surface.options:
            hint = did_you_mean(name, surface.options) or f"usage: `{surface.usage}`"
            message = f"`{e.function.text}` has no argument named `{name}`"
            if name in surface.values:
                message = f"`{name}` is given twice"
            raise fail("unknown-argument", message, argument.span, hint)
        options[name] = yield typing.option(_expression(argument), name, surface.options[name])
    try:
        attrs = surface.attrs(tuple(i.type for i in infos), options)
    except ShapeError as error:
        raise mismatch(error, e.span) from None
    typing.instance.targets[e] = Primitive(op, attrs, operands)
    return typing.apply(op, infos, attrs, e.span)


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
    value: int = yield typing.static_int(_expression(argument), f"`{surface.leading}`")
    return value


def _reduce(typing: Typing, e: Call) -> Walk[Info]:
    """`reduce(+ | * | max | min, x)`."""
    first = e.arguments[0].value if e.arguments else None
    name = first.text if isinstance(first, (OperatorName, Name)) else None
    values = [a for a in e.arguments[1:] if a.name is None]
    if name not in REDUCTIONS or len(values) != 1:
        message = "`reduce` takes one of + * max min, then one array"
        raise fail("unknown-argument", message, e.span, "usage: `reduce(+, x)`")
    candidates = [c for c in SURFACES[REDUCTIONS[name]] if len(c[1].values) == 1]
    info: Info = yield _builtin(typing, e, candidates, e.arguments[1:])
    return info


def _map(typing: Typing, e: Call) -> Walk[Info]:
    """`map(f, x)`: a function of one scalar, on every entry."""
    first = e.arguments[0].value if e.arguments else None
    if not isinstance(first, Name) or len(e.arguments) != 2:
        message = "`map` takes the name of a function, then one array"
        raise fail("unknown-argument", message, e.span, "usage: `map(tanh, x)`")
    found = typing.instance.functions.get(first.text) or typing.checker.find(first.text)
    if found is None:
        raise _undefined(typing, Call(Identifier(first.text, first.span), (), e.span), first.text)
    name, inner = found.name, Call(e.function, e.arguments[1:], e.span)
    if found.home is not None and name in found.home.unit.bases:
        info: Info = yield _base(typing, e, found, inner)
        return info
    if found.home is not None:
        raise ProgramError([not_built(f"`map` over the function `{name}`", e.span)])
    candidates = [(o, s) for o, s in SURFACES.get(name, ()) if o.elementwise and len(s.values) == 1]
    if not candidates:
        message = f"`map` takes an elementwise function of one argument; `{name}` is none"
        raise fail("type-mismatch", message, first.span, "a `base` function is elementwise")
    info = yield _builtin(typing, e, candidates, e.arguments[1:])
    return info


# ---- functions of the program ------------------------------------------------------------------------------------


def _base(typing: Typing, e: Call, found: FunctionRef, arguments: Call | None = None) -> Walk[Info]:
    base: BaseDecl = found.home.unit.bases[found.name]
    names = [a.text for a in base.arguments]
    operands = tuple(x for x in bind(arguments or e, names, [None] * len(names)) if x is not None)
    infos: list[Info] = []
    for operand in operands:
        info: Info = yield typing.expression(operand)
        infos.append(info)
        if info.type.kind == "bool":
            raise fail("type-mismatch", f"a base function takes numbers; this is {info.type}", operand.span)
    checked = yield found.home.base(base)
    try:
        shape = join_shapes([i.type.shape for i in infos])
    except ShapeError as error:
        raise mismatch(error, e.span) from None
    typing.instance.targets[e] = BaseCall(base, checked.instance, operands)
    return Info(Type("real", shape))


def _function(typing: Typing, e: Call, found: FunctionRef) -> Walk[tuple[Info, ...]]:
    function: FunctionDecl = found.home.unit.functions[found.name]
    formals = function.arguments
    bound = bind(e, [f.name.text for f in formals], [f.default for f in formals])
    arguments: list[Info | FunctionRef | None] = []
    for formal, operand in zip(formals, bound, strict=True):
        if is_function(formal):
            given = operand if operand is not None else formal.default
            assert given is not None
            arguments.append(_function_name(typing, found, formal, given, local=operand is not None))
        elif operand is None:
            arguments.append(None)
        else:
            info: Info = yield typing.expression(operand)
            arguments.append(info)
    spans = [b.span if b is not None else e.span for b in bound]
    instance = yield found.home.instance(function, arguments, spans, e.span)
    if instance.mentions is not None:
        if typing.constant:
            param, through = instance.mentions.text, e.function.text
            message = f"{typing.constant} may not mention the param `{param}`, as `{through}` does"
            raise fail("not-constant", message, e.span)
        typing.instance.mentions = typing.instance.mentions or instance.mentions
    typing.instance.targets[e] = Inlined(instance, tuple(bound))
    infos: tuple[Info, ...] = instance.results
    return infos


def is_function(formal: Formal) -> bool:
    """Whether an argument takes the name of a function."""
    return formal.type is not None and formal.type.kind.text in ("function", "Function")


def _function_name(
    typing: Typing, callee: FunctionRef, formal: Formal, operand: Expression, *, local: bool
) -> FunctionRef:
    """The function that is meant; a default (not `local`) means what it means in the file of the callee."""
    if formal.type is not None and formal.type.dims:
        raise fail("unknown-type", "the type `function` has no sizes", formal.type.span)
    if isinstance(operand, Name):
        own = typing.instance.functions.get(operand.text) if local else None
        found: FunctionRef | None = own or (typing.checker if local else callee.home).find(operand.text)
        if found is not None and found.name not in ("map", "reduce"):
            return found
        if operand.text in LATER:
            raise ProgramError([not_built(f"the function `{operand.text}`", operand.span)])
    message = f"`{formal.name.text}` takes the name of a function"
    hint = did_you_mean(operand.text, _known(typing)) if isinstance(operand, Name) else None
    raise fail("type-mismatch", message, operand.span, hint)
