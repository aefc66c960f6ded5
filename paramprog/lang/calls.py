"""Calls: which function is meant, and the type of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramprog.diagnostics import ProgramError, did_you_mean, fail
from paramprog.lang.call_arguments import bind, builtin, expression_of
from paramprog.lang.derivatives import USAGE, derivative
from paramprog.lang.faults import counted, mismatch
from paramprog.lang.instance import BaseCall, FunctionRef, Info, Inlined, Mapped, Window
from paramprog.lang.names import SPECIAL
from paramprog.lang.syntax import (
    BaseDecl,
    Call,
    Expression,
    Formal,
    FunctionDecl,
    Identifier,
    Name,
    OperatorName,
)
from paramprog.lang.tapes import refuse_tape
from paramprog.lang.walk import Walk
from paramprog.op import SURFACES
from paramprog.types import ShapeError, Type, join_shapes

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing

REDUCTIONS = {"+": "sum", "*": "prod", "max": "max", "min": "min"}


def call(typing: Typing, e: Call) -> Walk[Info]:
    """The type of a call with one result. Raises ProgramError for a function with several."""
    found = _found(typing, e)
    if found.home is None and found.name not in SPECIAL:
        info: Info = yield builtin(typing, e, SURFACES[found.name], e.arguments)
        return typing.noted(e, info)
    infos: tuple[Info, ...] = yield results(typing, e)
    if len(infos) != 1:
        names = ", ".join("abcdefgh"[i] for i in range(min(len(infos), 8)))
        message = f"`{e.function.text}` has {counted(len(infos), 'result')}; one is needed here"
        raise fail(
            "result-count", message, e.span, f"take them apart first: `{names} = {e.function.text}(...)`"
        )
    return typing.noted(e, infos[0])


def results(typing: Typing, e: Call) -> Walk[tuple[Info, ...]]:
    """The types of all results of a call; the target is noted in the instance.

    Looked up in this order: arguments of type function, the file's functions and bases, its imports', the
    prelude's, the built-ins.
    """
    found = _found(typing, e)
    if found.home is not None:
        unit = found.home.unit
        if found.name in unit.functions:
            inlined: tuple[Info, ...] = yield _function(typing, e, found)
            return inlined
        info: Info = yield _base(typing, e, found)
    elif found.name in USAGE:
        several: tuple[Info, ...] = yield derivative(typing, e)
        return several
    elif found.name == "reduce":
        info = yield _reduce(typing, e)
    elif found.name == "map":
        info = yield _map(typing, e)
    elif found.name == "slice":
        info = yield _slice(typing, e)
    else:
        info = yield builtin(typing, e, SURFACES[found.name], e.arguments)
    return (info,)


def _found(typing: Typing, e: Call) -> FunctionRef:
    """The function that is called. Raises ProgramError if there is none of that name."""
    name = e.function.text
    found = typing.instance.functions.get(name) or typing.found.get(name)
    if found is None:
        found = typing.checker.find(name)
        if found is None:
            raise _undefined(typing, e, name)
        typing.found[name] = found
    return found


def _undefined(typing: Typing, e: Call, name: str) -> ProgramError:
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
    return [*typing.instance.functions, *typing.checker.function_names()]


# ---- map, reduce, slice ------------------------------------------------------------------------------------------


def _reduce(typing: Typing, e: Call) -> Walk[Info]:
    """`reduce(+ | * | max | min, x)`."""
    first = e.arguments[0].value if e.arguments else None
    name = first.text if isinstance(first, (OperatorName, Name)) else None
    values = [a for a in e.arguments[1:] if a.name is None]
    if name not in REDUCTIONS or len(values) != 1:
        message = "`reduce` takes one of + * max min, then one array"
        raise fail("unknown-argument", message, e.span, "usage: `reduce(+, x)`")
    candidates = [c for c in SURFACES[REDUCTIONS[name]] if len(c[1].values) == 1]
    info: Info = yield builtin(typing, e, candidates, e.arguments[1:])
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
        info = yield _map_function(typing, e, found)
        return info
    candidates = [(o, s) for o, s in SURFACES.get(name, ()) if o.elementwise and len(s.values) == 1]
    if not candidates:
        message = f"`map` takes an elementwise function of one argument; `{name}` is none"
        raise fail("type-mismatch", message, first.span, "a `base` function is elementwise")
    info = yield builtin(typing, e, candidates, e.arguments[1:])
    return info


def _map_function(typing: Typing, e: Call, found: FunctionRef) -> Walk[Info]:
    """A function of one scalar argument (others have defaults) is called for each entry."""
    operand = expression_of(e.arguments[1])
    array: Info = yield typing.expression(operand)
    refuse_tape(array, operand.span, "what a function is mapped over")
    entry = Info(Type(array.type.kind, ()))
    inner = Call(Identifier(found.name, e.function.span), e.arguments[1:], e.span)
    infos: tuple[Info, ...] = yield _function(typing, inner, found, entry)
    if len(infos) != 1:
        message = f"`map` takes a function with one result; `{found.name}` has {len(infos)}"
        raise fail("result-count", message, e.span)
    inlined = typing.instance.targets.pop(inner)
    assert isinstance(inlined, Inlined)
    typing.instance.targets[e] = Mapped(inlined, (operand,)) if array.type.shape else inlined
    return Info(Type(infos[0].type.kind, (*array.type.shape, *infos[0].type.shape)))


def _slice(typing: Typing, e: Call) -> Walk[Info]:
    """`slice(x, i, n, axis = 0)`: n entries from i on, which may be known at run time only."""
    x, start, count, axis = bind(e, ["x", "i", "n", "axis"], [None, None, None, 0])
    assert x is not None and start is not None and count is not None
    array: Info = yield typing.expression(x)
    refuse_tape(array, x.span, "what is sliced")
    first: Info = yield typing.expression(start)
    length: int = yield typing.static_int(count, "`n`")
    along: int = 0
    if axis is not None:
        along = yield typing.static_int(axis, "`axis`")
    shape = array.type.shape
    if not 0 <= along < len(shape):
        message = f"there is no axis {along} in an array of {counted(len(shape), 'axis', 'axes')}"
        raise fail("shape-mismatch", message, e.span)
    if first.type != Type("int", ()):
        hint = "convert it: `int(...)`" if first.type == Type("real", ()) else None
        raise fail("type-mismatch", f"an index is int; this is {first.type}", start.span, hint)
    last = shape[along] - length
    if not 0 <= length <= shape[along] or (first.static is not None and not 0 <= first.static <= last):
        at = "i" if first.static is None else str(first.static)
        message = f"the slice {at}:{at} + {length} does not lie within 0:{shape[along]}"
        raise fail("slice-range", message, e.span)
    typing.instance.targets[e] = Window((x, start), length, along, shape[along])
    return Info(Type(array.type.kind, (*shape[:along], length, *shape[along + 1 :])))


# ---- functions of the program ------------------------------------------------------------------------------------


def _base(typing: Typing, e: Call, found: FunctionRef, arguments: Call | None = None) -> Walk[Info]:
    base: BaseDecl = found.home.unit.bases[found.name]
    names = [a.text for a in base.arguments]
    operands = tuple(x for x in bind(arguments or e, names, [None] * len(names)) if x is not None)
    infos: list[Info] = []
    for operand in operands:
        info: Info = yield typing.expression(operand)
        infos.append(info)
        refuse_tape(info, operand.span, "an argument of a base function")
        if info.type.kind == "bool":
            raise fail("type-mismatch", f"a base function takes numbers; this is {info.type}", operand.span)
    checked = yield found.home.base(base)
    try:
        shape = join_shapes([i.type.shape for i in infos])
    except ShapeError as error:
        raise mismatch(error, e.span) from None
    typing.instance.targets[e] = BaseCall(base, checked.instance, operands)
    return Info(Type("real", shape))


def _function(
    typing: Typing, e: Call, found: FunctionRef, entry: Info | None = None
) -> Walk[tuple[Info, ...]]:
    """The results of a call; `entry` is what the first argument is, if not what its expression is."""
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
        elif entry is not None:
            arguments.append(entry)
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
        if found is not None and found.name not in SPECIAL:
            return found
    message = f"`{formal.name.text}` takes the name of a function"
    hint = did_you_mean(operand.text, _known(typing)) if isinstance(operand, Name) else None
    raise fail("type-mismatch", message, operand.span, hint)
