"""Arguments and results of functions against their declared types; dims bound by the call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from paramprog.diagnostics import Span, did_you_mean, fail
from paramprog.lang.faults import counted
from paramprog.lang.instance import FunctionRef, Info
from paramprog.lang.syntax import Formal, FunctionDecl, Name, TypeExpr
from paramprog.lang.unit import Unit
from paramprog.lang.walk import Walk
from paramprog.types import Kind, Type, dims_text

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing

KINDS: dict[str, Kind] = {"real": "real", "int": "int", "bool": "bool"}


def kind_of(e: TypeExpr) -> Kind:
    """The kind that a type names. Raises ProgramError for an unknown one."""
    if e.kind.text not in KINDS:
        hint = did_you_mean(e.kind.text, KINDS)
        raise fail(
            "unknown-type",
            f"`{e.kind.text}` is not a type",
            e.kind.span,
            hint or "types are real, int and bool",
        )
    return KINDS[e.kind.text]


def bind_arguments(
    typing: Typing,
    function: FunctionDecl,
    arguments: Sequence[Info | FunctionRef | None],
    spans: Sequence[Span],
) -> Walk[None]:
    """Bring the arguments into scope, as the declared types where there are any.

    Bare dim names in argument types are bound by the arguments and hide top-level dims; every other dim expression is
    checked once all are bound.
    """
    instance, checker = typing.instance, typing.checker
    seen: dict[str, Formal] = {}
    for formal, given, span in zip(function.arguments, arguments, spans, strict=True):
        name = formal.name
        if name.text in seen:
            raise fail("duplicate-name", f"`{name.text}` is already an argument", name.span)
        seen[name.text] = formal
        if isinstance(given, Info) and formal.type is not None:
            _bind_dims(checker.unit, instance.dims, formal, given, span)
    for formal, given, span in zip(function.arguments, arguments, spans, strict=True):
        if isinstance(given, FunctionRef):
            instance.functions[formal.name.text] = given
            continue
        if given is None:
            assert formal.default is not None
            given, _ = yield checker.default(function, formal.default, instance)
            span = formal.default.span
        if formal.type is not None:
            wanted: Type = yield checker.type_of(formal.type, instance.dims)
            given = as_type(given, wanted, span, f"`{formal.name.text}`", dims_note(instance.dims))
        instance.arguments[formal.name.text] = given
    typing.locals |= {name: Info(Type("int", ()), n) for name, n in instance.dims.items()}
    typing.locals |= instance.arguments


def _bind_dims(unit: Unit, dims: dict[str, int], formal: Formal, given: Info, span: Span) -> None:
    """Bind the names that stand alone as a size; a const is not a name of a dim.

    Raises ProgramError when the argument has another number of axes.
    """
    assert formal.type is not None
    shape, wanted = given.type.shape, formal.type.dims
    if len(shape) != len(wanted):
        found = f"has shape {dims_text(shape)}" if shape else "is a scalar"
        axes = f"{counted(len(wanted), 'axis', 'axes')}, `{formal.type.span.text}`" if wanted else "a scalar"
        raise fail("shape-mismatch", f"`{formal.name.text}` needs {axes}; this {found}", span)
    for dim, size in zip(wanted, shape, strict=True):
        if isinstance(dim, Name) and dim.text not in unit.consts:
            dims.setdefault(dim.text, size)


def dims_note(dims: dict[str, int]) -> str | None:
    """What the sizes of a call are, for a hint."""
    return "here " + ", ".join(f"{k} = {v}" for k, v in dims.items()) if dims else None


def as_type(info: Info, wanted: Type, span: Span, what: str, hint: str | None = None) -> Info:
    """`info` as `wanted`: equal shapes, and an int may become real. Raises ProgramError when it does not fit."""
    if info.type.shape != wanted.shape:
        found = f"has shape {dims_text(info.type.shape)}" if info.type.shape else "is a scalar"
        wants = f"shape {dims_text(wanted.shape)}" if wanted.shape else "a scalar"
        raise fail("shape-mismatch", f"{what} needs {wants}, this {found}", span, hint)
    if info.type.kind == wanted.kind:
        return info
    if info.type.kind == "int" and wanted.kind == "real":
        return Info(wanted)
    fix = "convert it: `int(...)`" if (info.type.kind, wanted.kind) == ("real", "int") else None
    raise fail("type-mismatch", f"{what} is {wanted}, this is {info.type}", span, fix)


def check_results(typing: Typing, function: FunctionDecl) -> Walk[None]:
    """The results against `-> types`."""
    if function.results is None:
        return
    infos = typing.instance.results
    span = function.body.statements[-1].span
    if len(infos) != len(function.results):
        message = f"`{function.name.text}` declares {counted(len(function.results), 'result')} and returns {len(infos)}"
        raise fail("result-count", message, span)
    found: list[Info] = []
    for i, (info, e) in enumerate(zip(infos, function.results, strict=True)):
        wanted: Type = yield typing.checker.type_of(e, typing.instance.dims)
        what = "the result" if len(infos) == 1 else f"result {i + 1}"
        found.append(as_type(info, wanted, span, what, dims_note(typing.instance.dims)))
    typing.instance.results = tuple(found)
