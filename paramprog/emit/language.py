"""What a language has to say, and what the two languages say in the same words.

A `Language` is made anew for each program printed: it collects the constant arrays and functions that were mentioned.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from paramprog.emit.names import Names
from paramprog.emit.written import (
    Written,
    call,
    comparison,
    difference,
    indexed,
    matrix,
    negation,
    power,
    product,
    quotient,
    total,
)
from paramprog.graph import Node
from paramprog.op import Op
from paramprog.transfer.base import BaseOp
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.select import Cuts
from paramprog.types import Kind, Real, Shape, Type

Operator = Callable[..., Written]

OPERATORS: Mapping[str, Operator] = {
    "neg": negation,
    "add": lambda a, b=None: total(a, b) if b is not None else product(Written("2"), a),
    "sub": difference,
    "mul": product,
    "div": quotient,
    "intdiv": lambda a, b: matrix("//", a, b),
    "pow": power,
    "square": lambda x: power(x, Written("2")),
    "recip": lambda x: quotient(Written("1"), x),
    "equal": lambda a, b: comparison("==", a, b),
    "not_equal": lambda a, b: comparison("!=", a, b),
    "less": lambda a, b: comparison("<", a, b),
    "less_equal": lambda a, b: comparison("<=", a, b),
    "greater": lambda a, b: comparison(">", a, b),
    "greater_equal": lambda a, b: comparison(">=", a, b),
}
"""What both languages write as operators, of operands that are elementwise."""


@dataclass(frozen=True)
class Argument:
    """An argument of a function that is printed."""

    name: str
    type: Type | None = None
    default: Any = None


@dataclass(frozen=True)
class Function:
    """A function that is printed: its arguments, the lines of its body, and what it returns."""

    name: str
    arguments: Sequence[Argument]
    lines: Sequence[str]
    results: Sequence[str]
    doc: str = ""


class ConstantArray(NamedTuple):
    """An array that is declared by name."""

    name: str
    array: Any


class Language(ABC):
    """One language, and what has been mentioned in the program being printed."""

    def __init__(self, names: Names, functions: Names, real: Real) -> None:
        self.real = real
        self.names, self.functions = names, functions
        """The names of the entry function's scope, and those of functions."""
        self.global_names = Names(names.reserved)
        """What no other scope may hide."""
        self.leaves: dict[str, str] = {}
        """What inputs and params are called."""
        self.constants: dict[Any, ConstantArray] = {}
        self.bases: dict[BaseOp, str] = {}

    # ---- leaves --------------------------------------------------------------------------------------------------

    @abstractmethod
    def number(self, value: bool | int | float, kind: Kind) -> Written:
        """A number, as it has to stand where nothing else says of which kind it is."""

    @abstractmethod
    def filled(self, value: bool | int | float, type: Type) -> Written:
        """An array with one number in every entry."""

    @abstractmethod
    def identity(self, n: int) -> Written:
        """The identity matrix."""

    def constant(self, node: Node) -> Written:
        """A constant array, which is declared."""
        array = node.attrs["value"].array
        if node.kind == "real" and is_identity(array):
            return self.identity(len(array))
        key = (node.type, array.tobytes(), array.dtype.str)
        if key not in self.constants:
            word = node.span.text if node.span is not None else ""
            named = word.isidentifier() and word.isascii()
            name = self.names.take(word) if named else self.names.number("c")
            self.global_names.taken.add(name)
            self.constants[key] = ConstantArray(name, array)
        return Written(self.constants[key].name)

    # ---- operations ----------------------------------------------------------------------------------------------

    def operation(self, node: Node, args: Sequence[Written]) -> Written:
        """A node on arguments as they are written."""
        name = node.op.name
        if isinstance(node.op, BaseOp):
            return call(self.base(node.op), *args)
        if name in OPERATORS:
            return OPERATORS[name](*args)
        if name == "slice":
            return self.sliced(args[0], node.attrs["cuts"])
        if name == "gather" and not node.args[1].shape:
            return indexed(args[0], [":"] * node.attrs["axis"] + [args[1].text])
        if node.op is CONTRACT:
            return self.contraction(node, *args)
        return self.called(node, args)

    def converts(self, op: Op) -> bool:
        """Whether an operation takes ints for reals as they are."""
        return True

    @abstractmethod
    def called(self, node: Node, args: Sequence[Written]) -> Written:
        """An operation that is no operator."""

    @abstractmethod
    def conditional(self, condition: Written, first: Written, second: Written, lanes: Shape) -> Written:
        """One of two values by a condition, which has the shape `lanes`."""

    def number_for(self, value: bool | int | float, type: Type, lanes: Shape) -> Written:
        """A number as one arm of a conditional of this type."""
        return self.number(value, type.kind)

    def applied(self, name: str, args: Sequence[Written]) -> Written:
        """A call of a function that is printed."""
        return call(name, *args)

    def base(self, op: BaseOp) -> str:
        """The name of a base function, which is declared."""
        if op not in self.bases:
            self.bases[op] = self.functions.take(op.name, f"{op.name}_")
        return self.bases[op]

    # ---- contractions --------------------------------------------------------------------------------------------

    def contraction(self, node: Node, a: Written, b: Written) -> Written:
        """As a product of vectors or matrices, if it is one, else by its index words."""
        (first, second), result = words(node.attrs["spec"])
        for x, y, one, other in ((a, b, first, second), (b, a, second, first)):
            found = self._product(x, y, one, other, result)
            if found is not None:
                return found
        return self.by_words(node, a, b)

    def _product(self, a: Written, b: Written, one: str, other: str, result: str) -> Written | None:
        flipped = self.transposed
        match _pattern(one, other, result):
            case "i,i->" if one:
                return self.inner(a, b)
            case "ij,j->i" | "i,ij->j" | "ij,jk->ik":
                return matrix("@", a, b)
            case "ij,kj->ik":
                return matrix("@", a, flipped(b))
            case "ij,ik->jk":
                return matrix("@", flipped(a), b)
            case "ij,ki->jk":
                return matrix("@", flipped(a), flipped(b))
            case "i,j->ij":
                return self.outer(a, b)
        if one == result and (other in ("", result)):
            return product(b, a) if other == "" else product(a, b)
        return None

    @abstractmethod
    def inner(self, a: Written, b: Written) -> Written:
        """The inner product of two vectors."""

    @abstractmethod
    def outer(self, a: Written, b: Written) -> Written:
        """The outer product of two vectors."""

    @abstractmethod
    def transposed(self, x: Written) -> Written:
        """A matrix transposed."""

    @abstractmethod
    def by_words(self, node: Node, a: Written, b: Written) -> Written:
        """Any contraction."""

    # ---- indices and statements ----------------------------------------------------------------------------------

    def sliced(self, x: Written, cuts: Cuts) -> Written:
        """Static indices and ranges of an array."""
        return indexed(x, self.places(cuts)) if cuts else x

    def places(self, cuts: Cuts) -> list[str]:
        """Static indices and ranges; trailing axes are left out."""
        items: list[str] = []
        for cut in cuts:
            items += [":"] * (cut.axis - len(items))
            if cut.length is None:
                items.append(str(cut.start))
                continue
            stop = min(cut.start + cut.length * cut.step, cut.size)
            items.append(f"{cut.start}:{stop}" + (f":{cut.step}" if cut.step != 1 else ""))
        return items or [":"]

    def updated(self, name: str, cuts: Cuts, value: Written) -> str:
        """The statement that replaces entries of a local array."""
        return f"{name}[{', '.join(self.places(cuts))}] = {value.text}"

    def assigned(self, name: str, value: Written, *, fresh: bool = False) -> str:
        """The statement that gives a name to a value, to a copy if it is going to be updated."""
        return f"{name} = {value.text}"

    @abstractmethod
    def function(self, function: Function) -> list[str]:
        """The lines of a function."""


def is_identity(array: Any) -> bool:
    """Whether an array is an identity matrix of some size."""
    return array.ndim == 2 and len(array) > 1 and np.array_equal(array, np.eye(len(array)))


def words(spec: str) -> tuple[tuple[str, str], str]:
    """The words of a contraction."""
    operands, result = spec.split("->")
    first, second = operands.split(",")
    return (first, second), result


def _pattern(one: str, other: str, result: str) -> str:
    """The specification with letters in the order in which they occur."""
    order = dict.fromkeys(one + other + result)
    letters = dict(zip(order, "ijklmnopqrstuvwxyzabcdefgh", strict=False))
    return f"{''.join(map(letters.__getitem__, one))},{''.join(map(letters.__getitem__, other))}->" + "".join(
        map(letters.__getitem__, result)
    )
