"""The declarations of one file by name: two namespaces, values and functions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from paramprog.diagnostics import Diagnostic, Report
from paramprog.lang.syntax import (
    BaseDecl,
    ConstDecl,
    ConstItem,
    Declarator,
    DimDecl,
    DimItem,
    Expression,
    FunctionDecl,
    Identifier,
    ImportDecl,
    Init,
    Module,
    ParamDecl,
    TypeExpr,
)


@dataclass(frozen=True, eq=False, repr=False)
class ParamItem:
    """A declared param. `like` is the later name of the same declaration that it takes its type and init from."""

    name: Identifier
    type: TypeExpr | None
    value: Expression | None
    init: Init | None
    like: Identifier | None = None
    noise: bool = False
    """Drawn for each run, and not a param that is fitted."""


@dataclass(eq=False, repr=False)
class Unit:
    """What a file declares. `functions` keeps the order of the file: the last one is the entry function."""

    module: Module
    dims: dict[str, DimItem] = field(default_factory=dict)
    params: dict[str, ParamItem] = field(default_factory=dict)
    consts: dict[str, ConstItem] = field(default_factory=dict)
    bases: dict[str, BaseDecl] = field(default_factory=dict)
    functions: dict[str, FunctionDecl] = field(default_factory=dict)
    imports: list[ImportDecl] = field(default_factory=list)

    def values(self) -> list[str]:
        """All names of the value namespace."""
        return [*self.params, *self.consts, *self.dims]


def collect(module: Module, report: Report) -> Unit:
    """The declarations of a file; a name declared twice in one namespace is reported."""
    unit = Unit(module)
    values: dict[str, Identifier] = {}
    callables: dict[str, Identifier] = {}

    def new(name: Identifier, names: dict[str, Identifier]) -> bool:
        if name.text in names:
            line = names[name.text].span.line
            report.add(
                Diagnostic("duplicate-name", f"`{name.text}` is already declared in line {line}", name.span)
            )
            return False
        names[name.text] = name
        return True

    for decl in module.declarations:
        if isinstance(decl, DimDecl):
            unit.dims |= {d.name.text: d for d in decl.items if new(d.name, values)}
        elif isinstance(decl, ParamDecl):
            items = _completed(decl.items)
            unit.params |= {p.name.text: replace(p, noise=decl.noise) for p in items if new(p.name, values)}
        elif isinstance(decl, ConstDecl):
            unit.consts |= {c.name.text: c for c in decl.items if new(c.name, values)}
        elif isinstance(decl, BaseDecl):
            if new(decl.name, callables):
                unit.bases[decl.name.text] = decl
        elif isinstance(decl, FunctionDecl):
            new(decl.name, callables)
            unit.functions.setdefault(decl.name.text, decl)
        elif isinstance(decl, ImportDecl):
            unit.imports.append(decl)
    return unit


def _completed(items: tuple[Declarator, ...]) -> list[ParamItem]:
    """A name without type, value and init takes the type and init of the next name that has one."""
    done: list[ParamItem] = []
    last: Declarator | None = None
    for item in reversed(items):
        if item.type is not None or item.value is not None or item.init is not None:
            last = item
            done.append(ParamItem(item.name, item.type, item.value, item.init))
        elif last is None:
            done.append(ParamItem(item.name, None, None, None))
        else:
            done.append(ParamItem(item.name, last.type, None, last.init, last.name))
    return done[::-1]
