"""What the checker finds out, and the builder and the interpreter go by: one `Instance` per typing of a function.

A function has as many typings as it has kinds of calls (dims are bound per call), so types are not written into the
tree but kept beside it, per instance, by the identity of tree nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from paramprog.lang.syntax import (
    Arm,
    BaseDecl,
    Block,
    Conditional,
    Expression,
    Formal,
    FunctionDecl,
    If,
    Index,
    Name,
    Target,
)
from paramprog.op import Attrs, Op
from paramprog.types import Type

Static = int | bool


class Info(NamedTuple):
    """The type of an expression, and its value if that is an int or bool known at compile time."""

    type: Type
    static: Static | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Primitive:
    """A built-in function or an operator: `op` with `attrs` on the values of `operands`."""

    op: Op
    attrs: Attrs
    operands: tuple[Expression, ...]


@dataclass(frozen=True, eq=False, repr=False)
class BaseCall:
    """A call of a base function: one node. `instance` types its body."""

    base: BaseDecl
    instance: Instance
    operands: tuple[Expression, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Inlined:
    """A call of a function: the instance, and for each formal the argument, None for its default."""

    instance: Instance
    operands: tuple[Expression | None, ...]


Callee = Primitive | BaseCall | Inlined


class FunctionRef(NamedTuple):
    """A function by the checker of the file that defines it (None for a built-in one) and its name."""

    home: Any
    name: str


class IndexPlan(NamedTuple):
    """`x[...]`: first the static cuts, then the run-time indices, each with the axis it has after the cuts."""

    cuts: tuple[Any, ...]
    run_time: tuple[tuple[int, Expression], ...]


class Arms(NamedTuple):
    """A conditional after the decisions known at compile time; without arms it is `otherwise`."""

    arms: tuple[Arm, ...]
    otherwise: Expression


@dataclass(eq=False, repr=False)
class Instance:
    """One typing of a function (or of a constant expression, `function` being None).

    `info` is keyed by expressions and by the links of chains (the type up to that link), `targets` by calls, operators
    and links.
    """

    function: FunctionDecl | None
    home: Any = None
    """The checker of the file it is written in: its names mean what they mean there."""
    info: dict[Any, Info] = field(default_factory=dict)
    targets: dict[Any, Callee] = field(default_factory=dict)
    indices: dict[Index | Target, IndexPlan] = field(default_factory=dict)
    arms: dict[Conditional, Arms] = field(default_factory=dict)
    chosen: dict[If, Block | None] = field(default_factory=dict)
    dims: dict[str, int] = field(default_factory=dict)
    arguments: dict[str, Info] = field(default_factory=dict)
    functions: dict[str, FunctionRef] = field(default_factory=dict)
    mentions: Name | None = None
    """A use of a param, here or in a function that is called; constants and base functions may have none."""
    results: tuple[Info, ...] = ()
    result_names: tuple[str, ...] = ()

    def formals(self) -> tuple[Formal, ...]:
        return self.function.arguments if self.function else ()
