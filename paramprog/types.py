"""Types of values: a kind and a shape; index signatures, from which shapes, batching and loop nests derive.

An index signature writes one word per argument and one for the result, a letter per axis: a matrix-vector product is
`ij,j->i`. Equal letters mean equal sizes. A letter in no result is summed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, NamedTuple

Kind = Literal["real", "int", "bool"]
Real = Literal["float64", "float32"]
"""How reals are represented in one run of a program."""


class UnknownSize(TypeError):
    """Something is computed of a size known at run time only."""


class Size(int):
    """A size known at run time only, such as the number of turns of a `while`: equal to itself alone.

    It has no value to compute with: arithmetic raises UnknownSize. As a number it is 0, so that an array that is never
    read may be made in its place.
    """

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    __hash__ = object.__hash__

    def _unknown(self, other: object) -> Any:
        raise UnknownSize("a size known at run time only has no value")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __rfloordiv__ = _unknown

    def __repr__(self) -> str:
        return "?"

    __str__ = __repr__


LENGTH = Size()
"""The length of every tape."""

Dim = int
"""One size, or a `Size`."""

Shape = tuple[Dim, ...]


class Probe(int):
    """A number of samples that stands for any: the same is made for several of them, and compared (compile/merge.py).

    It is a number to compute with. What may have to be decided otherwise for other numbers is decided as for a `Size`.
    """


def is_open(n: Dim) -> bool:
    """Whether what is decided from the size has to hold for others too."""
    return isinstance(n, Size | Probe)


class ShapeError(ValueError):
    """The arguments do not fit the primitive; the message speaks of shapes, the caller knows the place."""


class KindError(ShapeError):
    """The kinds of the arguments do not fit: a bool where a number belongs, a real where an index belongs."""


class Type(NamedTuple):
    """`real[2, 3]`: what a point of a program holds."""

    kind: Kind
    shape: Shape

    def __str__(self) -> str:
        if is_tape(self):
            return f"a tape of {self._replace(shape=self.shape[1:])}"
        return f"{self.kind}{dims_text(self.shape)}" if self.shape else self.kind


def is_tape(type: Type) -> bool:
    """Whether it is the type of tapes (transfer/tape.py)."""
    return bool(type.shape) and type.shape[0] is LENGTH


def is_told_by_a_run(type: Type) -> bool:
    """Whether only a run tells how many entries it has; a tape without values stands for one of any length."""
    return not is_tape(type) and any(isinstance(n, Size) for n in type.shape)


def dims_text(shape: Shape) -> str:
    """`[2, 3]`, and `scalar` for no axes."""
    if shape and shape[0] is LENGTH:
        return "a tape"
    return f"[{', '.join(map(str, shape))}]" if shape else "scalar"


MAX_ELEMENTS = 2**28
"""Entries of one tensor (DESIGN section 7)."""


def elements(shape: Shape) -> int:
    """The number of entries of an array; of those that share a run-time size."""
    return prod(n for n in shape if not isinstance(n, Size))


def item_size(kind: Kind, real: Real) -> int:
    """The bytes of an entry."""
    return 1 if kind == "bool" else 8 if kind == "int" or real == "float64" else 4


def join_kinds(kinds: Sequence[Kind]) -> Kind:
    """The kind that holds all of `kinds`: an int joins real; bool joins only itself.

    Raises KindError when bool meets a number.
    """
    distinct = set(kinds)
    if "bool" in distinct and len(distinct) > 1:
        raise KindError("a bool is not a number")
    return "bool" if "bool" in distinct else "real" if "real" in distinct else "int"


def join_shapes(shapes: Sequence[Shape]) -> Shape:
    """The shape of an elementwise result: equal shapes, or scalars with anything.

    Raises ShapeError when two arrays differ.
    """
    arrays = list(dict.fromkeys(s for s in shapes if s))
    if len(arrays) > 1:
        raise ShapeError(f"shapes {dims_text(arrays[0])} and {dims_text(arrays[1])} differ")
    return arrays[0] if arrays else ()


@dataclass(frozen=True, slots=True)
class Signature:
    """Index words of the arguments and the result; `sizes` gives the letters that no argument has."""

    arguments: tuple[str, ...]
    result: str
    sizes: Mapping[str, Dim]

    @classmethod
    def of(cls, text: str, sizes: Mapping[str, Dim] | None = None) -> Signature:
        """From text such as `ij,j->i`."""
        words, result = text.split("->")
        return cls(tuple(words.split(",")) if words or "," in words else ("",), result, sizes or {})

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        """The result's shape for arguments of these shapes.

        Raises ShapeError when ranks or sizes do not fit.
        """
        bound: dict[str, Dim] = dict(self.sizes)
        if len(shapes) != len(self.arguments):
            raise ShapeError(f"takes {len(self.arguments)} arguments, not {len(shapes)}")
        for word, shape in zip(self.arguments, shapes, strict=True):
            if len(word) != len(shape):
                raise ShapeError(f"expects {len(word)} axes, found shape {dims_text(shape)}")
            for letter, dim in zip(word, shape, strict=True):
                if bound.setdefault(letter, dim) != dim:
                    raise ShapeError(f"sizes {bound[letter]} and {dim} differ")
        return tuple(bound[letter] for letter in self.result)
