"""Checking a program: its declarations, and the typing of the entry function with all it calls.

Each function is typed once for each kind of call (types, compile-time ints, function arguments), so recursion on a
compile-time int ends when its condition is decided. A faulty statement is reported and the rest is still checked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from paramprog.diagnostics import Diagnostic, ProgramError, Report, Span, did_you_mean, fail
from paramprog.lang.arguments import open_dims
from paramprog.lang.calls import is_function
from paramprog.lang.declarations import Declarations, argument_names, as_declared
from paramprog.lang.faults import Poisoned
from paramprog.lang.imports import Files, prelude_unit
from paramprog.lang.inits import Draw
from paramprog.lang.instance import FunctionRef, Info, Instance
from paramprog.lang.linker import Linker
from paramprog.lang.signatures import bind_arguments, check_results
from paramprog.lang.statements import check_block, check_returns
from paramprog.lang.syntax import FunctionDecl, Module
from paramprog.lang.tapes import refuse_tape
from paramprog.lang.typing import REAL, Typing
from paramprog.lang.unit import ParamItem, Unit, collect
from paramprog.lang.walk import Walk, walk
from paramprog.types import Type

MAX_CALL_DEPTH = 1000
"""Calls that are inlined into one another (DESIGN section 7)."""


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
    Linker(Checker, Files(module), report, given_dims).link(checker)
    with report.isolating():
        first = entry_function(checker.unit, function)
        checker.hidden, checker.open_dims = argument_names(first), open_dims(checker.unit, first)
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
class Checker(Declarations):
    """One file of a program: its declarations, and the typings of its functions."""

    _instances: dict[Any, Instance] = field(default_factory=dict)
    _depth: int = 0

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
                    _, self.values[name.text] = as_declared(type, info, value, formal.default.span)
            elif formal.default is not None:
                info, self.values[name.text] = yield self.default(function, formal.default, sizes)
                arguments.append(Info(info.type))
            else:
                arguments.append(REAL)
        spans = [f.span for f in function.arguments]
        instance: Instance = yield self.instance(function, arguments, spans, function.name.span)
        for result, info in zip(instance.result_names, instance.results, strict=True):
            refuse_tape(
                info, function.body.statements[-1].span, f"the result `{result}` of the entry function"
            )
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
        if key in self.broken:
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
                self.broken.add(key)
                raise ProgramError([_called_from(d, where) for d in error.diagnostics]) from None
            except BaseException:
                self.broken.add(key)
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
