"""The syntax tree: one frozen class per construct of the language, each with its span.

The tree says what was written, nothing about types: `check` annotates it per instance of a function, because one
function has as many typings as it has kinds of calls. Nodes compare by identity and serve as keys of those
annotations. Chains of operators of one precedence, of `else if` (expressions and statements) are flat, so the depth of
the tree is the nesting of the text and never its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar, dataclass_transform

from paramprog.diagnostics import Source, Span

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=False)
def part(construct: type[T]) -> type[T]:
    """A class of the tree. Nobody changes a tree, and mypy sees to it: at run time that would double parsing."""
    return dataclass(eq=False, slots=True)(construct)


@part
class Identifier:
    """A name as it stands in the text."""

    text: str
    span: Span


# ---- expressions -------------------------------------------------------------------------------------------------


@part
class Number:
    """A real literal: it has a point or an exponent."""

    value: float
    span: Span


@part
class Integer:
    value: int
    span: Span


@part
class Boolean:
    value: bool
    span: Span


@part
class Name:
    """A use of a value."""

    text: str
    span: Span


ChainOperator = Literal["+", "-", "*", "/", "//", "@", "or", "and"]


@part
class Link:
    operator: ChainOperator
    operator_span: Span
    operand: Expression


@part
class Chain:
    """`first op operand op operand ...`, all of one precedence, associating to the left; `links` is not empty."""

    first: Expression
    links: tuple[Link, ...]
    span: Span


@part
class Compare:
    operator: Literal["==", "!=", "<=", ">=", "<", ">"]
    left: Expression
    right: Expression
    span: Span


@part
class Negate:
    operand: Expression
    span: Span


@part
class Not:
    operand: Expression
    span: Span


@part
class Power:
    base: Expression
    exponent: Expression
    span: Span


@part
class Arm:
    """`if condition then value`."""

    condition: Expression
    value: Expression


@part
class Conditional:
    """`if c then a else if d then b else e`: the arms in order, then the value when none holds."""

    arms: tuple[Arm, ...]
    otherwise: Expression
    span: Span


@part
class Text:
    """A string; only as the specification of a contraction."""

    value: str
    span: Span


@part
class OperatorName:
    """`+` or `*` as an argument: `reduce(+, x)`."""

    text: Literal["+", "*"]
    span: Span


@part
class Argument:
    """One argument of a call, positional (`name` is None) or given by name."""

    name: Identifier | None
    value: Expression | Text | OperatorName
    span: Span


@part
class Call:
    function: Identifier
    arguments: tuple[Argument, ...]
    span: Span


@part
class Slice:
    """`start : stop : step` inside an index; an absent part is None."""

    start: Expression | None
    stop: Expression | None
    step: Expression | None
    span: Span


@part
class Index:
    """`base[items]`."""

    base: Expression
    items: tuple[Expression | Slice, ...]
    span: Span


@part
class ListLiteral:
    """`[a, b, ...]`: stacks in front; `items` is not empty."""

    items: tuple[Expression, ...]
    span: Span


@part
class Clause:
    """`name in lower .. upper`."""

    name: Identifier
    lower: Expression
    upper: Expression
    span: Span


@part
class Comprehension:
    """`[body for clauses]`."""

    body: Expression
    clauses: tuple[Clause, ...]
    span: Span


@part
class Fold:
    """`function(body for clauses)`, as in `sum(e for i in 0..n)`."""

    function: Identifier
    body: Expression
    clauses: tuple[Clause, ...]
    span: Span


Expression = (
    Number
    | Integer
    | Boolean
    | Name
    | Chain
    | Compare
    | Negate
    | Not
    | Power
    | Conditional
    | Call
    | Index
    | ListLiteral
    | Comprehension
    | Fold
)


# ---- statements --------------------------------------------------------------------------------------------------


@part
class Target:
    """The left side of an assignment: a name, or an update of some entries of an array."""

    name: Identifier
    indices: tuple[Expression | Slice, ...] | None
    span: Span


@part
class Assign:
    targets: tuple[Target, ...]
    values: tuple[Expression, ...]
    span: Span


@part
class Block:
    statements: tuple[Statement, ...]
    span: Span


@part
class For:
    """`for name in lower .. upper`; `checkpoint` is the number of states kept, or None."""

    name: Identifier
    lower: Expression
    upper: Expression
    backwards: bool
    checkpoint: Expression | None
    body: Block
    span: Span


@part
class While:
    condition: Expression
    body: Block
    span: Span


@part
class Guarded:
    """`condition { body }` of an `if` statement."""

    condition: Expression
    body: Block


@part
class If:
    """`if c { } else if d { } else { }`: the guarded blocks in order, then the block when none holds."""

    arms: tuple[Guarded, ...]
    otherwise: Block | None
    span: Span


@part
class Return:
    values: tuple[Expression, ...]
    span: Span


Statement = Assign | For | While | If | Return


# ---- declarations ------------------------------------------------------------------------------------------------


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
