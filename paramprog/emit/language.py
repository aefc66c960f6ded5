"""What a language has to say, and what the two languages say in the same words.

A `Language` is made anew for each program printed: it collects the constant arrays and functions that were mentioned.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from paramprog.emit.code import Code
from paramprog.emit.names import Names
from paramprog.emit.operators import OPERATORS, pattern, words
from paramprog.emit.written import Written, call, entry, indexed, matrix, product, total
from paramprog.graph import Node
from paramprog.op import Op
from paramprog.transfer.base import BaseOp
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.select import Cuts
from paramprog.types import Kind, Real, Shape, Size, Type, is_tape


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
        self.lists: set[str] = set()
        """The names of lists of arrays of several sizes."""

    # ---- leaves --------------------------------------------------------------------------------------------------

    @abstractmethod
    def number(self, value: bool | int | float, kind: Kind) -> Written:
        """A number, as it has to stand where nothing else says of which kind it is."""

    @abstractmethod
    def filled(self, value: bool | int | float, type: Type) -> Written:
        """An array with one number in every entry."""

    def zeros(self, type: Type) -> Written:
        """Zero (or false) in every entry."""
        zero = False if type.kind == "bool" else 0
        return self.filled(zero, type) if type.shape else self.number(zero, type.kind)

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
        if name == "add" and is_tape(node.type):
            return self.tapes(*args)
        if name in OPERATORS:
            return OPERATORS[name](*args)
        if name == "slice":
            return self.sliced(args[0], node.attrs["cuts"])
        if name == "gather" and not node.args[1].shape:
            return entry(args[0], node.attrs["axis"], args[1].text, of_lists=self.lists)
        if node.op is CONTRACT:
            return self.contraction(node, *args)
        return self.called(node, args)

    def tapes(self, a: Written, b: Written) -> Written:
        """The sum of two tapes."""
        return total(a, b)

    def converts(self, op: Op) -> bool:
        """Whether an operation takes ints for reals as they are."""
        return True

    def decides(self, node: Node) -> bool:
        """Whether the language decides before the program runs what this node does, if its last operand is known."""
        return False

    def at_run_time(self, constant: Node) -> Written:
        """A number as an expression that is not known before the program runs, once it has a name."""
        return self.number(constant.attrs["value"], constant.kind)

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
        match pattern(one, other, result):
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

    def updated(self, name: str, places: Sequence[str], value: Written) -> str:
        """The statement that replaces entries of a local array."""
        return f"{name}[{', '.join(places)}] = {value.text}"

    def assigned(self, name: str, value: Written, *, fresh: bool = False) -> str:
        """The statement that gives a name to a value, to a copy if it is going to be updated."""
        return f"{name} = {value.text}"

    # ---- loops and comprehensions --------------------------------------------------------------------------------

    has_lists = False
    """Whether rows can be kept whose number is not known before the program runs."""

    @abstractmethod
    def rendered(self, codes: Sequence[Code]) -> list[str]:
        """Code as lines."""

    @abstractmethod
    def range(self, limit: Written, *, exact: bool) -> str:
        """0, 1, ..., limit - 1; `exact` if they are calculated with."""

    def on_tape(self, shape: Shape) -> bool:
        """Whether an array of this shape lies on a tape."""
        return not self.has_lists and is_ragged(shape)

    def turns(self, index: str, limit: Written, *, reverse: bool = False, exact: bool = False) -> str:
        """The head of a loop over a range."""
        range = self.range(limit, exact=exact)
        return f"for {index} in {f'reversed({range})' if reverse else range}"

    def going(self, condition: Written) -> str:
        """The head of a loop that goes on while a condition holds."""
        return f"while {condition.text}"

    def first(self, value: bool | int | float, kind: Kind, *, exact: bool) -> Written:
        """A number that a loop starts with; `exact` if it is calculated with."""
        return self.number(value, kind)

    @abstractmethod
    def entries(self, entry: Written, indices: Sequence[tuple[str, str]], type: Type) -> Written:
        """An array of this type of the entries for all indices in their ranges, none of which is empty."""

    @abstractmethod
    def added(self, entry: Written, indices: Sequence[tuple[str, str]]) -> Written:
        """Their sum."""

    @abstractmethod
    def any_of(self, x: Written, over: int, rank: int) -> Written:
        """Whether any entry holds of an array of bools, over its first axes; `rank` axes are left."""

    @abstractmethod
    def either(self, a: Written, b: Written) -> Written:
        """a or b, entry by entry."""

    @abstractmethod
    def started(self, type: Type, rank: int = 1) -> Written:
        """What takes in rows, of an array whose sizes are not all known: what `rank` indices take of it."""

    @abstractmethod
    def appended(self, array: str, value: Written) -> str:
        """The statement that adds a row, where their number is not known."""

    def finished(self, array: str, type: Type, *, reverse: bool) -> list[str]:
        """The statements that make an array of this type of what took in its rows."""
        return []

    @abstractmethod
    def function(self, function: Function) -> list[str]:
        """The lines of a function."""


def is_ragged(shape: Shape) -> bool:
    """Whether there is a size that is known at run time only."""
    return any(isinstance(n, Size) for n in shape)


def is_identity(array: Any) -> bool:
    """Whether an array is an identity matrix of some size."""
    return array.ndim == 2 and len(array) > 1 and np.array_equal(array, np.eye(len(array)))
