"""Makes the values of tensor.py; what needs no memory and no operation is found here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from math import prod
from typing import Any

import numpy as np

from paramprog.compile.ranges import Ranges
from paramprog.compile.tensor import (
    Alias,
    Assembled,
    Contract,
    How,
    Index,
    Iota,
    Map,
    Number,
    Place,
    Put,
    Reduce,
    Routine,
    Table,
    Take,
    Value,
    View,
    identity,
)
from paramprog.graph import Node
from paramprog.types import Kind, Real, Shape, Size

SUFFIX = {"int": "i64", "bool": "u8"}
"""The ends of the names of C functions, by the kind of the entries that they are for."""


REASONS: Mapping[str, str] = {
    "record": "`{op}` has no C form: its record has no text in C",
    "region": "a region `{op}` has no C form: it is of a kind of its own",
    "tapes": "`{op}` of whole tapes has no C form",
    "constant": "a constant array has {entries:,} entries, more than {most:,}, and is no range",
    "outer": "what goes in or comes out has a size known at run time only",
    "leaf": "no value is given for {leaf}",
    "size": "`{op}` of an array whose size is known at run time only",
    "sizes": "`{op}` of all entries of an array with two sizes known at run time only",
    "lanes": "the sum over lanes of arrays whose size is known at run time only",
}
"""All that is not compiled, and why; programs of the language have none of it but large constants."""


class NotLowered(Exception):
    """The C back end cannot compute this, for one of `REASONS`."""

    def __init__(self, reason: str, **about: object) -> None:
        super().__init__(REASONS[reason].format(**about))


class Builder:
    """`site` is the operation that values made now belong to."""

    def __init__(self, real: Real) -> None:
        self.real: Real = real
        self.site: Node | None = None
        self.ranges = Ranges(real)
        self._ids = count()

    def new(self) -> int:
        return next(self._ids)

    def suffix(self, kind: Kind) -> str:
        return SUFFIX.get(kind) or ("f64" if self.real == "float64" else "f32")

    # ---- pulled --------------------------------------------------------------------------------------------------

    def number(self, value: Any, kind: Kind, shape: Shape = ()) -> Number:
        return Number(self.new(), kind, shape, self.site, value)

    def like(self, x: Value, value: Any) -> Number:
        """The number in the kind and shape of x."""
        return self.number(value, x.kind, x.shape)

    def iota(self, shape: Shape, axis: int) -> Iota:
        return Iota(self.new(), "int", shape, self.site, axis)

    def map(self, kind: Kind, text: str, *args: Value, fault: str | None = None) -> Value:
        """An expression of entries; all arguments have one shape."""
        return Map(self.new(), kind, args[0].shape, self.site, text, args, fault)

    def copy(self, x: Value) -> Value:
        """x once more, as a value of its own."""
        return self.map(x.kind, "{0}", x)

    def view(self, x: Value, shape: Shape, places: Index) -> Value:
        if isinstance(x, Number):
            return self.number(x.value, x.kind, shape)
        if isinstance(x, View):
            return self.view(x.of, shape, tuple(p.at(places) for p in x.places))
        if shape == x.shape and places == identity(len(shape)):
            return x
        return View(self.new(), x.kind, shape, self.site, x, places)

    def spread(self, x: Value, axes: Sequence[int], sizes: Shape) -> Value:
        rank = len(x.shape) + len(axes)
        kept = [k for k in range(rank) if k not in axes]
        sizes_of = dict(zip(axes, sizes, strict=True)) | dict(zip(kept, x.shape, strict=True))
        return self.view(x, tuple(sizes_of[k] for k in range(rank)), tuple(Place(k) for k in kept))

    def permute(self, x: Value, axes: Sequence[int]) -> Value:
        """Axis k of the result is axis axes[k] of x."""
        inverse = sorted(range(len(axes)), key=lambda k: axes[k])
        return self.view(x, tuple(x.shape[a] for a in axes), tuple(Place(k) for k in inverse))

    def reshape(self, x: Value, to: Shape) -> Value:
        if x.shape == to:
            return x
        if isinstance(x, Number):
            return self.number(x.value, x.kind, to)
        if [n for n in x.shape if n != 1] == [n for n in to if n != 1]:
            left = [k for k, n in enumerate(to) if n != 1]
            places = tuple(Place(-1) if n == 1 else Place(left.pop(0)) for n in x.shape)
            return self.view(x, to, places)
        if any(isinstance(n, Size) for n in (*x.shape, *to)):
            raise NotLowered("size", op="reshape")
        return Alias(self.new(), x.kind, to, self.site, x.of if isinstance(x, Alias) else x)

    def take(self, x: Value, index: Value, axis: int) -> Value:
        shape = (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
        return Take(
            self.new(), x.kind, shape, self.site, x, index, axis, self.ranges.within(index, x.shape[axis])
        )

    # ---- stored --------------------------------------------------------------------------------------------------

    def table(self, array: Any, kind: Kind) -> Value:
        if array.size > MAX_TABLE:
            raise NotLowered("constant", entries=array.size, most=MAX_TABLE)
        return Table(self.new(), kind, array.shape, self.site, array)

    def reduce(self, how: How, x: Value, axes: Sequence[int]) -> Value:
        if not axes:
            return x
        shape = tuple(n for k, n in enumerate(x.shape) if k not in axes)
        kind: Kind = x.kind
        if how in ("argmax", "argmin"):  # along the innermost loop, which counts
            rank, kind = len(x.shape), "int"
            x = self.permute(x, [*(k for k in range(rank) if k not in axes), *axes])
            if len(axes) > 1:
                x = self.reshape(x, (*shape, prod(x.shape[len(shape) :])))
            axes = (len(shape),)
        return Reduce(self.new(), kind, shape, self.site, how, x, tuple(axes))

    def sum(self, x: Value, axes: Sequence[int]) -> Value:
        return self.reduce("+", x, axes)

    def contract(self, a: Value, b: Value, words: tuple[str, str, str]) -> Value:
        sizes = dict(zip(words[0], a.shape, strict=True)) | dict(zip(words[1], b.shape, strict=True))
        shape = tuple(sizes[c] for c in words[2])
        return Contract(self.new(), a.kind, shape, self.site, a, b, words)

    def assembled(
        self, kind: Kind, shape: Shape, parts: Sequence[tuple[Value, Index]], fill: Value | None = None
    ) -> Value:
        """`fill` everywhere, and over it the parts, which do not overlap."""
        below = []
        if fill is not None:
            below = [Put(self.new(), kind, fill.shape, self.site, fill, identity(len(shape)))]
        puts = [
            Put(self.new(), kind, x.shape, self.site, x, places, below)
            for x, places in parts
            if 0 not in x.shape
        ]
        return Assembled(self.new(), kind, shape, self.site, [*below, *puts])

    # ---- calls ---------------------------------------------------------------------------------------------------

    def routine(
        self,
        name: str,
        kind: Kind,
        shape: Shape,
        args: Sequence[Value],
        numbers: Sequence[int],
        *,
        of: Kind | None = None,
        fault: bool = False,
        scratch: int = 0,
    ) -> Value:
        """The C function for entries of kind `of`, by default that of the result."""
        shapes = [x.shape for x in args] + [shape]
        if any(isinstance(n, Size) for s in shapes for n in s):
            raise NotLowered("size", op=name)
        function = f"pp_{name}_{self.suffix(of or kind)}"
        return Routine(
            self.new(), kind, shape, self.site, function, tuple(args), tuple(numbers), fault, scratch
        )


MAX_TABLE = 1 << 20
"""Entries of a constant array; they are written into the C text."""


def around(shape: Shape, axis: int) -> tuple[int, int, int]:
    """(entries before the axis, along it, behind it)."""
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])


def literal(value: Any, kind: Kind, real: Real) -> str:
    """A number in C, exactly."""
    if kind == "bool":
        return "1" if value else "0"
    if kind == "int":
        return f"INT64_C({int(value)})" if int(value) != -(2**63) else "INT64_MIN"
    x = float(np.asarray(value, real))
    if np.isnan(x):
        return "(T)NAN"
    if np.isinf(x):
        return "(T)INFINITY" if x > 0 else "(T)-INFINITY"
    text = repr(x) if real == "float64" and abs(x) < 1e15 and x == int(x) else x.hex()
    return f"(T){text}" if not text.startswith("-") else f"((T){text})"
