"""Types of values: a kind and a shape; index signatures, from which shapes, batching and loop nests derive.

An index signature writes one word per argument and one for the result, a letter per axis: a matrix-vector product is
`ij,j->i`. Equal letters mean equal sizes. A letter in no result is summed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, NamedTuple

Kind = Literal["real", "int", "bool"]
Real = Literal["float64", "float32"]
"""How reals are represented in one run of a program."""


Dim = int
"""One size. Sizes known at run time only will join here as symbols bound to the node that defines them."""

Shape = tuple[Dim, ...]


class ShapeError(ValueError):
    """The arguments do not fit the primitive; the message speaks of shapes, the caller knows the place."""


class KindError(ShapeError):
    """The kinds of the arguments do not fit: a bool where a number belongs, a real where an index belongs."""


class Type(NamedTuple):
    """`real[2, 3]`: what a point of a program holds."""

    kind: Kind
    shape: Shape

    def __str__(self) -> str:
        return f"{self.kind}{dims_text(self.shape)}" if self.shape else self.kind


def dims_text(shape: Shape) -> str:
    """`[2, 3]`, and `scalar` for no axes."""
    return f"[{', '.join(map(str, shape))}]" if shape else "scalar"


MAX_ELEMENTS = 2**28
"""Entries of one tensor (DESIGN section 7)."""


def elements(shape: Shape) -> int:
    """The number of entries of an array."""
    return prod(shape)


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
