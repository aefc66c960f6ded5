"""Dims, consts, params and base functions: their types and values, found when they are first needed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from paramprog.diagnostics import Span, did_you_mean, fail
from paramprog.lang.call_arguments import bind
from paramprog.lang.faults import Poisoned, check_size, counted
from paramprog.lang.inits import DRAWS, Draw, default_draw, problem
from paramprog.lang.instance import Info, Inlined, Instance
from paramprog.lang.interpret import constant_value
from paramprog.lang.interpret_values import convert
from paramprog.lang.names import Names
from paramprog.lang.signatures import kind_of
from paramprog.lang.syntax import (
    BaseDecl,
    Call,
    Expression,
    FunctionDecl,
    Identifier,
    Init,
    Name,
    TypeExpr,
)
from paramprog.lang.tapes import refuse_tape
from paramprog.lang.typing import REAL, Typing, info_of_static
from paramprog.lang.unit import ParamItem
from paramprog.lang.walk import Walk, walk
from paramprog.types import Type, dims_text


@dataclass(frozen=True, eq=False, repr=False)
class Const:
    """A constant of the program: what it is, and its value."""

    info: Info
    value: Any


@dataclass(frozen=True, eq=False, repr=False)
class CheckedBase:
    """A base function whose body (and partials, if given by hand) have been typed."""

    decl: BaseDecl
    instance: Instance


@dataclass(eq=False, repr=False)
class Declarations(Names):
    """The declarations of one file; each is typed once, in whatever order they need one another."""

    dims: dict[str, int] = field(default_factory=dict)
    consts: dict[str, Const] = field(default_factory=dict)
    params: dict[str, Type] = field(default_factory=dict)
    bases: dict[str, CheckedBase] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    inits: dict[str, Draw] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    """The arguments and params whose values come from outside."""
    hidden: frozenset[str] = frozenset()
    """The arguments of the entry function: a constant that mentions one is told so."""
    open_dims: set[str] = field(default_factory=set)
    """The dims that can be given from outside."""
    _open: dict[Any, Identifier] = field(default_factory=dict)
    broken: set[Any] = field(default_factory=set)

    def declarations(self) -> None:
        """Check dims, consts, params and base functions, also those that nothing uses."""
        tasks: list[Walk[Any]] = []
        tasks += [self.dim(d.name) for d in self.unit.dims.values() if d.value is not None]
        tasks += [self.const(c.name) for c in self.unit.consts.values()]
        tasks += [self.param(p.name) for p in self.unit.params.values()]
        tasks += [self.base(b) for b in self.unit.bases.values()]
        for task in tasks:
            with self.report.isolating(), suppress(Poisoned):
                walk(task)

    def value(self, e: Name, constant: str | None) -> Walk[Info | None]:
        """The type of a name of the file: a param, a const, a dim, or pi; None if there is none of that name."""
        name, owner = e.text, self.owner(e.text)
        if owner is None:
            return REAL if name == "pi" else None
        if name in owner.unit.params:
            if constant:
                raise fail("not-constant", f"{constant} may not mention the param `{name}`", e.span)
            type: Type = yield owner.param(Identifier(name, e.span))
            return Info(type)
        if name in owner.unit.consts:
            const: Const = yield owner.const(Identifier(name, e.span))
            return const.info
        n: int = yield owner.dim(Identifier(name, e.span))
        return info_of_static(n)

    def _once(self, key: Any, name: Identifier, task: Walk[Any]) -> Walk[Any]:
        """Run the task of a declaration; one that needs itself is an error, one that failed is not tried again."""
        if key in self.broken:
            raise Poisoned
        if key in self._open:
            raise fail("circular-definition", f"`{name.text}` is defined by itself", name.span)
        self._open[key] = name
        try:
            return (yield task)
        except BaseException:
            self.broken.add(key)
            raise
        finally:
            del self._open[key]

    def dim(self, name: Identifier) -> Walk[int]:
        """The value of a dim: given, else its default. Raises ProgramError when it has none."""
        if name.text not in self.dims:
            self.dims[name.text] = yield self._once(("dim", name.text), name, self._dim(name))
        return self.dims[name.text]

    def _dim(self, name: Identifier) -> Walk[int]:
        value: int | None = self.given_dims.get(name.text)
        if value is None:
            value = yield self._dim_default(name)
        if value < 0:
            message = f"the dim `{name.text}` is {value}; sizes are not negative"
            raise fail("dim-value", message, self.unit.dims[name.text].name.span)
        return value

    def _dim_default(self, name: Identifier) -> Walk[int]:
        item = self.unit.dims[name.text]
        if item.value is None:
            raise fail(
                "dim-unbound",
                f"the dim `{name.text}` has no value",
                name.span,
                f"give one: `--dim {self.prefix}{name.text}=8`",
            )
        typing = Typing(self, Instance(None), constant="a dim")
        n: int = yield typing.static_int(item.value, "a dim")
        return n

    def const(self, name: Identifier) -> Walk[Const]:
        """A const with its value."""
        if name.text not in self.consts:
            self.consts[name.text] = yield self._once(("const", name.text), name, self._const(name.text))
        return self.consts[name.text]

    def _const(self, name: str) -> Walk[Const]:
        item = self.unit.consts[name]
        info, value = yield self.constant(item.value, "a const")
        if item.type is not None:
            wanted: Type = yield self.type_of(item.type)
            info, value = as_declared(wanted, info, value, item.value.span)
        if info.type.kind != "real" and not info.type.shape:
            info = info_of_static(value.item())
        return Const(info, value)

    def constant(self, e: Expression, what: str) -> Walk[tuple[Info, Any]]:
        """The type and the value of an expression that mentions neither params nor inputs."""
        instance = Instance(None)
        info: Info = yield Typing(self, instance, constant=what).expression(e)
        refuse_tape(info, e.span, what)
        value = yield constant_value(instance, e)
        return info, value

    def default(self, function: FunctionDecl, e: Expression, instance: Instance) -> Walk[tuple[Info, Any]]:
        """The type and the value of the default of an argument, which may mention the sizes that the call binds."""
        typing = Typing(self, instance, constant="a default")
        typing.locals |= {name: info_of_static(n) for name, n in instance.dims.items()}
        typing.hidden = argument_names(function)
        info: Info = yield typing.expression(e)
        refuse_tape(info, e.span, "a default")
        value = yield constant_value(instance, e)
        return info, value

    def param(self, name: Identifier) -> Walk[Type]:
        """The type of a param: declared, else the shape of its value, else a scalar."""
        if name.text not in self.params:
            self.params[name.text] = yield self._once(("param", name.text), name, self._param(name.text))
        return self.params[name.text]

    def _param(self, name: str) -> Walk[Type]:
        item: ParamItem = self.unit.params[name]
        declared: Type | None = None
        if item.type is not None:
            declared = yield self.type_of(item.type)
            if declared.kind != "real":
                raise fail(
                    "param-kind", f"a param is real; `{name}` is declared {declared.kind}", item.type.span
                )
        if item.value is None or (declared is not None and name in self.given):
            if declared is None and item.like is not None:
                declared = yield self.param(item.like)
            type = declared or Type("real", ())
            if item.init is not None:
                self.inits[name] = yield self._init(item.init)
            else:
                self.inits[name] = default_draw(type)
            return type
        info, self.values[name] = yield self.constant(item.value, "a param's value")
        if info.type.kind == "bool":
            raise fail("param-kind", f"a param is real; this value is {info.type}", item.value.span)
        if declared is None:
            return Type("real", info.type.shape)
        if info.type.shape not in ((), declared.shape):
            message = f"`{name}` is declared {declared}, but its value has shape {dims_text(info.type.shape)}"
            raise fail("shape-mismatch", message, item.value.span)
        return declared

    def _init(self, init: Init) -> Walk[Draw]:
        if init.name.text not in DRAWS:
            hint = did_you_mean(init.name.text, DRAWS) or f"inits are {', '.join(DRAWS)}"
            raise fail("unknown-init", f"there is no init named `{init.name.text}`", init.name.span, hint)
        names = DRAWS[init.name.text].arguments
        bound = bind(Call(init.name, init.arguments, init.span), names, [None] * len(names))
        values: list[float] = []
        for e in bound:
            assert e is not None
            info, value = yield self.constant(e, "an init")
            if info.type.shape or info.type.kind == "bool":
                raise fail("type-mismatch", f"an init takes numbers; this is {info.type}", e.span)
            values.append(float(value))
        draw = Draw(init.name.text, tuple(values))
        if (wrong := problem(draw)) is not None:
            raise fail("init-value", f"`{draw}` cannot be drawn: {wrong}", init.span)
        return draw

    def type_of(self, e: TypeExpr, dims: Mapping[str, int] | None = None) -> Walk[Type]:
        """A declared type with its sizes; `dims` are those bound by a call."""
        kind = kind_of(e)
        typing = Typing(self, Instance(None), constant="a type")
        typing.locals |= {name: info_of_static(n) for name, n in (dims or {}).items()}
        shape: list[int] = []
        for dim in e.dims:
            n: int = yield typing.static_int(dim, "a size")
            if n < 0:
                raise fail("dim-value", f"a size is negative: {n}", dim.span)
            shape.append(n)
        type = Type(kind, tuple(shape))
        check_size(type, e.span)
        return type

    # ---- base functions ------------------------------------------------------------------------------------------

    def base(self, decl: BaseDecl) -> Walk[CheckedBase]:
        """A base function, typed on real scalars."""
        name = decl.name
        if name.text not in self.bases:
            self.bases[name.text] = yield self._once(("base", name.text), name, self._base(decl))
        return self.bases[name.text]

    def _base(self, decl: BaseDecl) -> Walk[CheckedBase]:
        typing = Typing(self, Instance(None), constant=f"the base function `{decl.name.text}`")
        seen: set[str] = set()
        for a in decl.arguments:
            if a.text in seen:
                raise fail("duplicate-name", f"`{a.text}` is already an argument", a.span)
            seen.add(a.text)
            typing.locals[a.text] = REAL
        if decl.partials is not None and len(decl.partials) != len(decl.arguments):
            wanted, found = counted(len(decl.arguments), "argument"), counted(len(decl.partials), "partial")
            message = f"`{decl.name.text}` has {wanted}, but {found} given"
            raise fail("argument-count", message, decl.partials[0].span.to(decl.partials[-1].span))
        for e in (decl.body, *(decl.partials or ())):
            info: Info = yield typing.expression(e)
            if info.type.kind == "bool":
                raise fail("base-not-scalar", f"a base function is real; this is {info.type}", e.span)
        _all_scalar(typing.instance)
        return CheckedBase(decl, typing.instance)


def argument_names(function: FunctionDecl) -> frozenset[str]:
    """The names of the arguments of a function."""
    return frozenset(f.name.text for f in function.arguments)


def _all_scalar(instance: Instance) -> None:
    """A base function applies to arrays entry by entry, so nothing in it may be an array, or take turns."""
    pending, seen = [instance], {instance}
    while pending:
        current = pending.pop()
        decided = [s for s, plan in current.choices.items() if plan.arms]
        for statement in (*current.loops, *current.entries, *decided):
            message = "a base function is an expression: it has no loops, comprehensions or run-time `if` statements"
            raise fail("base-not-scalar", message, statement.span, "write a `function` instead")
        for e, info in current.info.items():
            if info.type.shape:
                message = f"a base function computes with scalars only; this is {info.type}"
                raise fail("base-not-scalar", message, e.span, "write a `function` instead")
        for target in current.targets.values():
            if isinstance(target, Inlined) and target.instance not in seen:
                seen.add(target.instance)
                pending.append(target.instance)


def as_declared(wanted: Type, info: Info, value: Any, span: Span) -> tuple[Info, Any]:
    """A constant converted to its declared type. Raises ProgramError when it does not fit."""
    if wanted == info.type:
        return info, value
    fits = wanted.kind == info.type.kind or (wanted.kind, info.type.kind) == ("real", "int")
    if fits and info.type.shape in ((), wanted.shape):
        return Info(wanted), np.broadcast_to(convert(value, wanted.kind), wanted.shape)[()]
    code = "shape-mismatch" if fits else "type-mismatch"
    raise fail(code, f"this is {info.type}, declared is {wanted}", span)
