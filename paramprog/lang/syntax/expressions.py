"""Expressions, and what all parts of the tree are made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar, dataclass_transform

from paramprog.diagnostics import Span

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
