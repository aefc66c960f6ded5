"""Declarations, and the file that they stand in."""

from __future__ import annotations

from paramprog.diagnostics import Source, Span
from paramprog.lang.syntax.expressions import Argument, Expression, Identifier, Text, part
from paramprog.lang.syntax.statements import Block


@part
class TypeExpr:
    """`real`, `int[n]`, `function`: `kind` is as written, to be checked; `dims` are expressions."""

    kind: Identifier
    dims: tuple[Expression, ...]
    span: Span


@part
class DimItem:
    name: Identifier
    value: Expression | None


@part
class Init:
    """`~ normal(0, 0.1)`."""

    name: Identifier
    arguments: tuple[Argument, ...]
    span: Span


@part
class Declarator:
    """One item of `param` or `noise`: `NAME [: type] [= value | ~ init]`."""

    name: Identifier
    type: TypeExpr | None
    value: Expression | None
    init: Init | None
    span: Span


@part
class ConstItem:
    name: Identifier
    type: TypeExpr | None
    value: Expression


@part
class DimDecl:
    items: tuple[DimItem, ...]
    span: Span


@part
class ParamDecl:
    """`param ...`, or `noise ...` when `noise` is true."""

    noise: bool
    items: tuple[Declarator, ...]
    span: Span


@part
class ConstDecl:
    items: tuple[ConstItem, ...]
    span: Span


@part
class BaseDecl:
    """`base f(a, b) = body [derivative (da, db)]`."""

    name: Identifier
    arguments: tuple[Identifier, ...]
    body: Expression
    partials: tuple[Expression, ...] | None
    span: Span


@part
class ImportDecl:
    path: Text
    span: Span


@part
class Formal:
    """One declared argument of a function."""

    name: Identifier
    type: TypeExpr | None
    default: Expression | None
    span: Span


@part
class FunctionDecl:
    name: Identifier
    arguments: tuple[Formal, ...]
    results: tuple[TypeExpr, ...] | None
    body: Block
    span: Span


Declaration = DimDecl | ParamDecl | ConstDecl | BaseDecl | ImportDecl | FunctionDecl


@part
class Module:
    """One file."""

    source: Source
    declarations: tuple[Declaration, ...]
