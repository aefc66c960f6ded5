"""Values as the C back end sees them: arrays of few kinds, made from the nodes of a graph (translate.py).

pulled    computed where an entry is read: `Number`, `Map`, `View`, `Take`, `Iota`
stored    an array in memory: `Input`, `Table`, `Reduce`, `Contract`, `Assembled`, `Alias` and what calls make
calls     steps of their own: `Routine`, `Loop`, `Branch`, and contractions large enough for a matrix product
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from paramprog.graph import Node
from paramprog.types import Dim, Kind, Shape

How = Literal["+", "*", "max", "min", "or", "and", "argmax", "argmin"]
"""How entries become one."""


class Place(NamedTuple):
    """The entry coef * i + offset of an axis, i being an index: that of an axis, or the counter of a loop.

    `axis` is -1 where there is no index: always the entry `offset`.
    """

    axis: int
    coef: int = 1
    offset: int = 0

    def at(self, index: Sequence[Place]) -> Place:
        """The place in terms of that in which `index` is."""
        if self.axis < 0:
            return self
        inner = index[self.axis]
        return Place(inner.axis, self.coef * inner.coef, self.coef * inner.offset + self.offset)


Index = tuple[Place, ...]


def identity(rank: int) -> Index:
    return tuple(Place(k) for k in range(rank))


@dataclass(eq=False, repr=False)
class Value:
    """`id` increases in topological order, within one body and from a body to what is made after it."""

    id: int
    kind: Kind
    shape: Shape
    site: Node | None
    """The operation of the program that it belongs to: faults and comments speak of it."""

    @property
    def args(self) -> Sequence[Value]:
        return ()

    def __repr__(self) -> str:
        return f"{type(self).__name__.lower()}{self.id}{list(self.shape)}"


# ---- pulled ------------------------------------------------------------------------------------------------------


@dataclass(eq=False, repr=False)
class Number(Value):
    """The same number in every entry."""

    value: Any


@dataclass(eq=False, repr=False)
class Iota(Value):
    """The index along an axis, as an int."""

    axis: int


@dataclass(eq=False, repr=False)
class Map(Value):
    """A C expression of entries at the same index; `{0}` stands for that of the first argument.

    `fault` is an expression that holds where there is no value.
    """

    text: str
    of: Sequence[Value]
    fault: str | None = None

    @property
    def args(self) -> Sequence[Value]:
        return self.of


@dataclass(eq=False, repr=False)
class View(Value):
    """Entries of `of` at other places: `places[k]` says, in terms of the index here, which entry of its axis k."""

    of: Value
    places: Index

    @property
    def args(self) -> Sequence[Value]:
        return (self.of,)


@dataclass(eq=False, repr=False)
class Take(Value):
    """Entries of `of` along an axis at indices known at run time, whose axes stand in the place of that axis.

    `within` if no index can be out of range.
    """

    of: Value
    index: Value
    axis: int
    within: bool = False

    @property
    def args(self) -> Sequence[Value]:
        return (self.of, self.index)


# ---- stored ------------------------------------------------------------------------------------------------------


@dataclass(eq=False, repr=False)
class Input(Value):
    """Memory that somebody else has filled."""


@dataclass(eq=False, repr=False)
class Table(Value):
    """A constant array."""

    array: Any


@dataclass(eq=False, repr=False)
class Alias(Value):
    """The memory of `of` with another shape."""

    of: Value

    @property
    def args(self) -> Sequence[Value]:
        return (self.of,)


@dataclass(eq=False, repr=False)
class Reduce(Value):
    """The entries of `of` along `axes` as one."""

    how: How
    of: Value
    axes: tuple[int, ...]

    @property
    def args(self) -> Sequence[Value]:
        return (self.of,)


@dataclass(eq=False, repr=False)
class Contract(Value):
    """The sum over products of entries by index words; each letter stands in two of the three words at least."""

    a: Value
    b: Value
    words: tuple[str, str, str]

    @property
    def args(self) -> Sequence[Value]:
        return (self.a, self.b)

    @property
    def sizes(self) -> dict[str, int]:
        sizes = dict(zip(self.words[0], self.a.shape, strict=True))
        return sizes | dict(zip(self.words[1], self.b.shape, strict=True))


@dataclass(eq=False, repr=False)
class Put(Value):
    """One part of an assembled array: `of`, whose entries go to `places`, in terms of its index."""

    of: Value
    places: Index
    after: Sequence[Put] = ()
    """Parts that it overwrites."""

    @property
    def args(self) -> Sequence[Value]:
        return (self.of, *self.after)


@dataclass(eq=False, repr=False)
class Assembled(Value):
    """An array whose entries are written part by part."""

    parts: Sequence[Put]

    @property
    def args(self) -> Sequence[Value]:
        return self.parts


# ---- calls -------------------------------------------------------------------------------------------------------


@dataclass(eq=False, repr=False)
class Routine(Value):
    """What a C function makes of whole arrays: `function(numbers..., arrays..., result)`.

    With `fault` it returns whether it could not; `scratch` is how many entries of memory it wants behind the result.
    With `heap` it makes or reads blocks (boxes.py), and gets the heap before the numbers.
    """

    function: str
    of: Sequence[Value]
    numbers: Sequence[Dim]
    fault: bool = False
    scratch: int = 0
    heap: bool = False

    @property
    def args(self) -> Sequence[Value]:
        return self.of


@dataclass(eq=False, repr=False)
class Opened(Value):
    """The rows of the block that a handle stands for, where they lie; this says how many there are."""

    of: Value

    @property
    def args(self) -> Sequence[Value]:
        return (self.of,)


@dataclass(eq=False, repr=False)
class Padded(Value):
    """The rows of the blocks of several handles, [rows, *handles, *row]: as many as the longest has, then zeros."""

    of: Value

    @property
    def args(self) -> Sequence[Value]:
        return (self.of,)


@dataclass(eq=False, repr=False)
class Part(Value):
    """One result of a region, in memory of its own."""

    region: Region

    @property
    def args(self) -> Sequence[Value]:
        return (self.region,)


@dataclass(eq=False, repr=False)
class Region(Value):
    """A loop or a branch; its results are its parts."""


def needed(outputs: Sequence[Value]) -> list[Value]:
    """All that `outputs` are made of, in order; not what is in bodies."""
    seen: set[Value] = set()
    todo = list(outputs)
    while todo:
        v = todo.pop()
        if v not in seen:
            seen.add(v)
            todo += v.args
    return sorted(seen, key=lambda v: v.id)
