"""What the checker finds out, and the builder and the interpreter go by: one `Instance` per typing of a function.

A function has as many typings as it has kinds of calls (dims are bound per call), so types are not written into the
tree but kept beside it, per instance, by the identity of tree nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from paramprog.lang.syntax import (
    Arm,
    Assign,
    BaseDecl,
    Block,
    Comprehension,
    Conditional,
    Expression,
    Fold,
    For,
    Formal,
    FunctionDecl,
    Guarded,
    If,
    Index,
    Name,
    Target,
    While,
)
from paramprog.op import Attrs, Op
from paramprog.types import Type

if TYPE_CHECKING:
    from paramprog.lang.replay import Sample

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


@dataclass(frozen=True, eq=False, repr=False)
class Mapped:
    """`map(f, x)` over a function of the program: for each entry of x, the only operand, a call of `inlined`."""

    inlined: Inlined
    operands: tuple[Expression, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Window:
    """`slice(x, i, n)`: the operands x and i; n entries along an axis of `size`."""

    operands: tuple[Expression, ...]
    length: int
    axis: int
    size: int


Operator = Literal["grad", "jacobian", "hessian", "jvp", "vjp"]
Mode = Literal["forward", "reverse"]


@dataclass(frozen=True, eq=False, repr=False)
class Differentiation:
    """A derivative operator: of `output` by each of `wrt`, `along` their tangents (`jvp`) or a cotangent (`vjp`)."""

    operator: Operator
    output: Name
    wrt: tuple[Name, ...]
    along: tuple[Expression, ...] = ()
    mode: Mode | None = None

    @property
    def operands(self) -> tuple[Expression, ...]:
        return (self.output, *self.wrt, *self.along)


Callee = Primitive | BaseCall | Inlined | Mapped | Window | Differentiation


class FunctionRef(NamedTuple):
    """A function by the checker of the file that defines it (None for a built-in one) and its name."""

    home: Any
    name: str


class RunTime(NamedTuple):
    """An index known at run time only, and the axis that it has after the static cuts.

    A slice that begins there takes the entries that are so far from it: `offsets`.
    """

    axis: int
    start: Expression
    offsets: range | None = None


class IndexPlan(NamedTuple):
    """`x[...]`: first the static cuts, then the run-time indices."""

    cuts: tuple[Any, ...]
    run_time: tuple[RunTime, ...]


class Arms(NamedTuple):
    """A conditional after the decisions known at compile time; without arms it is `otherwise`."""

    arms: tuple[Arm, ...]
    otherwise: Expression


class Choice(NamedTuple):
    """An `if` statement after the decisions known at compile time; without arms it is `otherwise`.

    `merged` are the names that differ after it, with what they are then; those that come out of run-time arms. With
    `returns` every arm returns.
    """

    arms: tuple[Guarded, ...]
    otherwise: Block | None
    merged: Mapping[str, Info]
    returns: bool = False


class Turns(NamedTuple):
    """A loop: the names carried from turn to turn, with what they are before, between and after.

    An unrolled loop has for each turn, in the order in which they run, the index and a typing of the body. With
    `checkpoint` its derivative keeps at most so many states.
    """

    carried: Mapping[str, Info]
    unrolled: tuple[tuple[int, Instance], ...] | None = None
    checkpoint: int | None = None


class Entries(NamedTuple):
    """A comprehension: for each clause the first index and the number of indices; the type of one entry.

    `fold` reduces the array of all entries. An unrolled one has a typing of its body for each entry, row by row.
    """

    lowers: tuple[int, ...]
    sizes: tuple[int, ...]
    entry: Type
    fold: Primitive | None
    unrolled: tuple[Instance, ...] | None = None


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
    choices: dict[If, Choice] = field(default_factory=dict)
    loops: dict[For | While, Turns] = field(default_factory=dict)
    entries: dict[Comprehension | Fold, Entries] = field(default_factory=dict)
    replayed: dict[Assign, Sample] = field(default_factory=dict)
    """The assignments whose parts are not typed, because they are like a sample; `annotate` types them after all."""
    dims: dict[str, int] = field(default_factory=dict)
    arguments: dict[str, Info] = field(default_factory=dict)
    functions: dict[str, FunctionRef] = field(default_factory=dict)
    mentions: Name | None = None
    """A use of a param, here or in a function that is called; constants and base functions may have none."""
    differentiates: bool = False
    """Whether a derivative operator stands in its body."""
    results: tuple[Info, ...] = ()
    result_names: tuple[str, ...] = ()

    def formals(self) -> tuple[Formal, ...]:
        return self.function.arguments if self.function else ()

    def annotate(self, statement: Assign) -> None:
        """See to it that the parts of an assignment are typed."""
        if statement in self.replayed and statement.values[0] not in self.info:
            self.replayed[statement].annotate(self, statement)

    def part(self) -> Instance:
        """A typing of one turn or entry of what is unrolled: another one of the same function for the same call."""
        return Instance(
            self.function, self.home, dims=self.dims, arguments=self.arguments, functions=self.functions
        )
