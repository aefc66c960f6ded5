"""Checking a file: dims, consts, params, base functions, and the typing of the entry function with all it calls.

Each function is typed once for each kind of call (types, compile-time ints, function arguments), so recursion on a
compile-time int ends when its condition is decided. A faulty statement is reported and the rest is still checked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from paramprog.diagnostics import Diagnostic, ProgramError, Report, Span, did_you_mean, fail
from paramprog.lang.arguments import open_dims
from paramprog.lang.calls import bind, is_function
from paramprog.lang.faults import Poisoned, check_size, counted
from paramprog.lang.imports import Files, prelude_unit
from paramprog.lang.inits import DRAWS, Draw, default_draw, problem
from paramprog.lang.instance import FunctionRef, Info, Inlined, Instance
from paramprog.lang.interpret import constant_value, convert
from paramprog.lang.signatures import bind_arguments, check_results, kind_of
from paramprog.lang.statements import check_block, check_returns
from paramprog.lang.syntax import (
    BaseDecl,
    Call,
    Expression,
    FunctionDecl,
    Identifier,
    ImportDecl,
    Init,
    Module,
    Name,
    TypeExpr,
)
from paramprog.lang.typing import REAL, Typing, info_of_static
from paramprog.lang.unit import ParamItem, Unit, collect
from paramprog.lang.walk import Walk, walk
from paramprog.op import SURFACES
from paramprog.types import Type, dims_text

MAX_CALL_DEPTH = 1000
"""Calls that are inlined into one another (DESIGN section 7)."""


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
class Checked:
    """A program without errors: what the builder, the interpreter and the command line go by."""

    unit: Unit
    entry: Instance
    params: Mapping[str, Type]
    """All params and noise, of the file and of its imports."""
    items: Mapping[str, ParamItem]
    """How they were declared."""
    values: Mapping[str, Any]
    """The values of params and the defaults of the entry function's arguments, where they have one."""
    inits: Mapping[str, Draw]
    """How params without a value are drawn."""
    report: Report


def check(
    module: Module,
    function: str | None = None,
    dims: Mapping[str, int] | None = None,
    given: Collection[str] = (),
) -> Checked:
    """The typed program, entered at `function` (the last one unless named), with the given values of dims.

    The defaults of arguments and the values of params in `given` are not looked at: data that binds sizes need not fit
    them.

    Raises ProgramError with every independent error found.
    """
    report = Report()
    given_dims = dict(dims or {})
    own_dims = {k: n for k, n in given_dims.items() if "." not in k}
    checker = Checker(collect(module, report), report, own_dims)
    checker.given = frozenset(given)
    Linker(Files(module), report, given_dims).link(checker)
    with report.isolating():
        first = entry_function(checker.unit, function)
        checker.hidden, checker.open_dims = _argument_names(first), open_dims(checker.unit, first)
    for one in checker.family():
        for decl in one.unit.functions.values():
            check_returns(decl, report)
        one.declarations()
    checker.check_clashes()
    entry: Instance | None = None
    if checker.unit.functions and (function is None or function in checker.unit.functions):
        with report.isolating(), suppress(Poisoned):
            entry = walk(checker.entry(entry_function(checker.unit, function)))
    report.raise_if_errors()
    assert entry is not None
    files = checker.family()
    return Checked(
        checker.unit,
        entry,
        {k: v for one in files for k, v in one.params.items()},
        {k: v for one in files for k, v in one.unit.params.items()},
        {k: v for one in files for k, v in one.values.items()},
        {k: v for one in files for k, v in one.inits.items()},
        report,
    )


@dataclass(eq=False, repr=False)
class Linker:
    """Connects the checkers of the files of a program, each read and checked once."""

    files: Files
    report: Report
    given: Mapping[str, int]
    _checkers: dict[Module, Checker] = field(default_factory=dict)

    def link(self, main: Checker) -> None:
        """Fill in `imports` of the file and of all that it imports; reports missing files and cycles."""
        self._checkers[main.unit.module] = main
        trail: list[tuple[Checker, list[ImportDecl]]] = [(main, list(main.unit.imports))]
        while trail:
            importer, waiting = trail[-1]
            if not waiting:
                trail.pop()
                continue
            decl = waiting.pop(0)
            with self.report.isolating():
                module = self.files.module(decl, importer.unit.module)
                if any(module is one.unit.module for one, _ in trail):
                    raise fail("import-cycle", f"`{decl.path.value}` imports this file again", decl.span)
                if module not in self._checkers:
                    self._checkers[module] = self._checker(module, decl)
                    trail.append((self._checkers[module], list(self._checkers[module].unit.imports)))
                importer.imports.append(self._checkers[module])
        files = {one.prefix for one in self._checkers.values()}
        for name in self.given:
            if "." in name and name[: name.rfind(".") + 1] not in files:
                self.report.add(Diagnostic("undefined-name", f"there is no dim `{name}`"))

    def _checker(self, module: Module, decl: ImportDecl) -> Checker:
        """Its dims are its own: `--dim file.n=8`."""
        stem = PurePosixPath(decl.path.value).stem + "."
        dims = {k.removeprefix(stem): n for k, n in self.given.items() if k[: k.rfind(".") + 1] == stem}
        checker = Checker(collect(module, self.report), self.report, dims, prefix=stem)
        for name in dims.keys() - checker.unit.dims.keys():
            hint = did_you_mean(name, checker.unit.dims)
            self.report.add(
                Diagnostic("undefined-name", f"`{decl.path.value}` has no dim `{name}`", decl.span, hint)
            )
        return checker


def _argument_names(function: FunctionDecl) -> frozenset[str]:
    return frozenset(f.name.text for f in function.arguments)


def entry_function(unit: Unit, name: str | None) -> FunctionDecl:
    """The function of this name, else the last one of the file. Raises ProgramError when there is none."""
    if name is not None and name not in unit.functions:
        raise fail(
            "no-entry",
            f"there is no function `{name}` in this file",
            None,
            did_you_mean(name, unit.functions),
        )
    if not unit.functions:
        source = unit.module.source
        raise fail(
            "no-entry",
            "this file defines no function",
            Span(source, 0, 0),
            "write `function f(x) { return x }`",
        )
    return unit.functions[name or next(reversed(unit.functions))]


@dataclass(eq=False, repr=False)
class Checker:
    """The state of checking one file. `given_dims` come from --dim or from the shapes of data."""

    unit: Unit
    report: Report
    given_dims: dict[str, int]
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
    imports: list[Checker] = field(default_factory=list)
    """The checkers of the files it imports, in order."""
    prefix: str = ""
    """What stands before the names of its dims outside: `file.` for an imported file."""
    _prelude: Checker | None = None
    _instances: dict[Any, Instance] = field(default_factory=dict)
    _open: dict[Any, Identifier] = field(default_factory=dict)
    _broken: set[Any] = field(default_factory=set)
    _depth: int = 0

    # ---- declarations --------------------------------------------------------------------------------------------

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

    # ---- names of this file and of others ------------------------------------------------------------------------

    def owner(self, name: str) -> Checker | None:
        """The file that a value comes from: this one, else the first import with a param or const of that name."""
        if name in self.unit.params or name in self.unit.consts or name in self.unit.dims:
            return self
        return next((c for c in self.imports if name in c.unit.params or name in c.unit.consts), None)

    def is_param(self, name: str) -> bool:
        """Whether a name of this file means a param."""
        owner = self.owner(name)
        return owner is not None and name in owner.unit.params

    def find(self, name: str) -> FunctionRef | None:
        """The function of that name: of this file, its imports, the prelude, the built-ins, in that order."""
        for one in (self, *self.imports):
            if name in one.unit.functions or name in one.unit.bases:
                return FunctionRef(one, name)
        # no function of the prelude has the name of a built-in one, so the prelude is read only when it is needed
        if (name in SURFACES and name.isidentifier()) or name in ("map", "reduce"):
            return FunctionRef(None, name)
        return FunctionRef(self.prelude(), name) if name in prelude_unit().functions else None

    def prelude(self) -> Checker:
        """The checker of the prelude, one for each file that uses it."""
        if self._prelude is None:
            self._prelude = Checker(prelude_unit(), self.report, {})
        return self._prelude

    def function_names(self) -> list[str]:
        """All functions that can be called from this file."""
        own = [n for one in (self, *self.imports) for n in (*one.unit.functions, *one.unit.bases)]
        built_in = [s for s in SURFACES if s.isidentifier()]
        return [*own, *prelude_unit().functions, *built_in, "map", "reduce"]

    def value_names(self) -> list[str]:
        """All values that can be mentioned in this file."""
        return [*self.unit.values(), *(n for c in self.imports for n in (*c.unit.params, *c.unit.consts))]

    def family(self) -> list[Checker]:
        """This file and all that it imports, also through others, each once."""
        found: dict[Checker, None] = {}
        pending = [self]
        while pending:
            one = pending.pop()
            if one not in found:
                found[one] = None
                pending += one.imports
        return list(found)

    def check_clashes(self) -> None:
        """Params are given and saved by name, so no two files of a program may declare the same one."""
        seen: dict[str, Identifier] = {}
        for one in self.family():
            for item in one.unit.params.values():
                other = seen.setdefault(item.name.text, item.name)
                if other is not item.name:
                    message = f"the param `{item.name.text}` is declared in {other.span.source.name} as well"
                    self.report.add(Diagnostic("duplicate-name", message, item.name.span))

    def _once(self, key: Any, name: Identifier, task: Walk[Any]) -> Walk[Any]:
        """Run the task of a declaration; one that needs itself is an error, one that failed is not tried again."""
        if key in self._broken:
            raise Poisoned
        if key in self._open:
            raise fail("circular-definition", f"`{name.text}` is defined by itself", name.span)
        self._open[key] = name
        try:
            return (yield task)
        except BaseException:
            self._broken.add(key)
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
            info, value = _as_declared(wanted, info, value, item.value.span)
        if info.type.kind != "real" and not info.type.shape:
            info = info_of_static(value.item())
        return Const(info, value)

    def constant(self, e: Expression, what: str) -> Walk[tuple[Info, Any]]:
        """The type and the value of an expression that mentions neither params nor inputs."""
        instance = Instance(None)
        info: Info = yield Typing(self, instance, constant=what).expression(e)
        value = yield constant_value(instance, e)
        return info, value

    def default(self, function: FunctionDecl, e: Expression, instance: Instance) -> Walk[tuple[Info, Any]]:
        """The type and the value of the default of an argument, which may mention the sizes that the call binds."""
        typing = Typing(self, instance, constant="a default")
        typing.locals |= {name: info_of_static(n) for name, n in instance.dims.items()}
        typing.hidden = _argument_names(function)
        info: Info = yield typing.expression(e)
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

    # ---- functions -----------------------------------------------------------------------------------------------

    def entry(self, function: FunctionDecl) -> Walk[Instance]:
        """The instance that the program runs: arguments have their declared types, defaults' types, or real."""
        arguments: list[Info | FunctionRef | None] = []
        sizes = Instance(None, dims=self.given_dims)
        for formal in function.arguments:
            name = formal.name
            if any(name.text in one.unit.params for one in self.family()):
                message = f"the entry function has an argument with the name of the param `{name.text}`"
                raise fail("duplicate-name", message, name.span)
            if formal.type is not None:
                if is_function(formal):
                    raise fail(
                        "entry-argument",
                        "an argument of the entry function cannot be a function",
                        formal.type.span,
                    )
                type: Type = yield self.type_of(formal.type, self.given_dims)
                arguments.append(Info(type))
                if formal.default is not None and name.text not in self.given:
                    info, value = yield self.default(function, formal.default, sizes)
                    _, self.values[name.text] = _as_declared(type, info, value, formal.default.span)
            elif formal.default is not None:
                info, self.values[name.text] = yield self.default(function, formal.default, sizes)
                arguments.append(Info(info.type))
            else:
                arguments.append(REAL)
        spans = [f.span for f in function.arguments]
        instance: Instance = yield self.instance(function, arguments, spans, function.name.span)
        return instance

    def instance(
        self,
        function: FunctionDecl,
        arguments: Sequence[Info | FunctionRef | None],
        spans: Sequence[Span],
        where: Span,
    ) -> Walk[Instance]:
        """The typing of `function` for these arguments (a name for one of type function, None for a default)."""
        key = (function, tuple(arguments))
        if key in self._broken:
            raise Poisoned
        if key not in self._instances:
            if key in self._open:
                message = f"`{function.name.text}` calls itself with the same types and sizes, so it would never end"
                raise fail(
                    "endless-recursion",
                    message,
                    where,
                    "let a compile-time int or size decrease to a condition",
                )
            if self._depth >= MAX_CALL_DEPTH:
                message = f"calls are inlined more than {MAX_CALL_DEPTH} deep here"
                raise fail("nesting-limit", message, where, "does the recursion end?")
            self._open[key] = function.name
            self._depth += 1
            before = len(self.report.diagnostics)
            try:
                self._instances[key] = yield self._typed(function, arguments, spans, where)
            except ProgramError as error:
                self._broken.add(key)
                raise ProgramError([_called_from(d, where) for d in error.diagnostics]) from None
            except BaseException:
                self._broken.add(key)
                self.report.diagnostics[before:] = [
                    _called_from(d, where) for d in self.report.diagnostics[before:]
                ]
                raise
            finally:
                self._depth -= 1
                del self._open[key]
        return self._instances[key]

    def _typed(
        self,
        function: FunctionDecl,
        arguments: Sequence[Info | FunctionRef | None],
        spans: Sequence[Span],
        where: Span,
    ) -> Walk[Instance]:
        instance = Instance(function)
        typing = Typing(self, instance)
        yield bind_arguments(typing, function, arguments, spans)
        yield check_block(typing, function.body, function)
        if typing.faulty:
            raise Poisoned
        yield check_results(typing, function)
        return instance


def _called_from(d: Diagnostic, where: Span) -> Diagnostic:
    """A fault in a function of another file says where it is called: the innermost call outside the prelude."""
    if d.span is None or d.span.source is where.source or "called from " in (d.hint or ""):
        return d
    if where.source is prelude_unit().module.source:
        return d
    return replace(d, hint="; ".join([*([d.hint] if d.hint else []), f"called from {where!r}"]))


def _all_scalar(instance: Instance) -> None:
    """A base function applies to arrays entry by entry, so nothing in it may be an array itself."""
    pending, seen = [instance], {instance}
    while pending:
        current = pending.pop()
        for e, info in current.info.items():
            if info.type.shape:
                message = f"a base function computes with scalars only; this is {info.type}"
                raise fail("base-not-scalar", message, e.span, "write a `function` instead")
        for target in current.targets.values():
            if isinstance(target, Inlined) and target.instance not in seen:
                seen.add(target.instance)
                pending.append(target.instance)


def _as_declared(wanted: Type, info: Info, value: Any, span: Span) -> tuple[Info, Any]:
    """A constant converted to its declared type. Raises ProgramError when it does not fit."""
    if wanted == info.type:
        return info, value
    fits = wanted.kind == info.type.kind or (wanted.kind, info.type.kind) == ("real", "int")
    if fits and info.type.shape in ((), wanted.shape):
        return Info(wanted), np.broadcast_to(convert(value, wanted.kind), wanted.shape)[()]
    code = "shape-mismatch" if fits else "type-mismatch"
    raise fail(code, f"this is {info.type}, declared is {wanted}", span)
