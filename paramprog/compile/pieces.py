"""Elementwise values of rolled and joined arrays, piece by piece, so that what is rolled or joined need not be stored.

`roll(p, 1) + roll(p, -1)` is a loop over the entries that have both neighbours beside them in memory, and one for each
end. Without it the rolled arrays would be written first, for a loop with `mod` in its indices is not vectorised.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from typing import NamedTuple

from paramprog.compile.builder import Builder
from paramprog.compile.nests import DEAR, LIMIT, cost_of
from paramprog.compile.tensor import Assembled, Index, Map, Place, Value
from paramprog.types import Dim, Shape, is_open


class Box(NamedTuple):
    """Entries that lie beside each other: from `start` on, so many as `shape` says."""

    start: tuple[int, ...]
    shape: Shape


class Pieces:
    """Finds, while the values of a body are made, those that are better made piece by piece."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.holding: set[Value] = set()
        """Operations on rolled or joined arrays, or on such operations."""

    def note(self, v: Value) -> None:
        """v has been made, by an elementwise operation."""
        if isinstance(v, Map) and any(isinstance(a, Assembled) or a in self.holding for a in v.of):
            self.holding.add(v)

    def of(self, v: Value) -> Value:
        """v, assembled of its pieces where it is elementwise in several rolled or joined arrays."""
        if v not in self.holding or 0 in v.shape:
            return v
        tree = self._tree(v)
        joined = [a for a in tree if isinstance(a, Assembled)]
        if len(joined) < 2 or not all(map(_is_simple, joined)):
            return v
        cuts = [_cuts(joined, k) for k in range(len(v.shape))]
        boxes = [
            Box(tuple(a for a, _ in sides), tuple(n for _, n in sides))
            for sides in product(*(_sides(at, n) for at, n in zip(cuts, v.shape, strict=True)))
        ]
        maps = [m for m in tree if isinstance(m, Map)]
        if len(boxes) * len(maps) > LIMIT or any(m.fault or cost_of(m.text) >= DEAR for m in maps):
            return v
        b = self.builder
        parts = [(_inside(b, box, tree), _shifted(box.start)) for box in boxes]
        return b.assembled(v.kind, v.shape, parts)

    def _tree(self, root: Value) -> list[Value]:
        """The operations from rolled and joined arrays on to `root`, and these arrays: each before what reads it."""
        found: set[Value] = set()
        todo = [root]
        while todo:
            v = todo.pop()
            if v not in found and (isinstance(v, Assembled) or v in self.holding):
                found.add(v)
                todo += v.of if isinstance(v, Map) else ()
        return sorted(found, key=lambda v: v.id)


def _shifted(start: Sequence[int]) -> Index:
    return tuple(Place(k, 1, a) for k, a in enumerate(start))


def _is_simple(v: Assembled) -> bool:
    """Whether each part is an array as it is, at some offset, and none lies over another."""
    rank = len(v.shape)
    return all(
        not p.after
        and len(p.shape) == rank
        and all(at.axis == k and at.coef == 1 for k, at in enumerate(p.places))
        and not any(is_open(n) and n != whole for n, whole in zip(p.shape, v.shape, strict=True))
        for p in v.parts
    )


def _cuts(joined: Sequence[Assembled], axis: int) -> list[int]:
    """Where parts begin or end along an axis; none where all of them are as long as it is."""
    length = joined[0].shape[axis]
    if all(p.shape[axis] == length for v in joined for p in v.parts):
        return []
    ends = {e for v in joined for p in v.parts for e in _ends(p.places[axis].offset, p.shape[axis])}
    return sorted(ends)


def _ends(start: int, length: Dim) -> tuple[int, int]:
    return start, start + int(length)


def _sides(cuts: Sequence[int], length: Dim) -> list[tuple[int, Dim]]:
    """Where the pieces along an axis begin, and how long they are."""
    return [(a, z - a) for a, z in pairwise(cuts)] if cuts else [(0, length)]


def _inside(b: Builder, box: Box, tree: Sequence[Value]) -> Value:
    """The last operation of the tree, in a box."""
    here: dict[Value, Value] = {}

    def cut(v: Value) -> Value:
        if v not in here:
            here[v] = b.view(v, box.shape, _shifted(box.start))
        return here[v]

    for v in tree:
        if isinstance(v, Assembled):
            here[v] = _part(b, box, v)
        elif isinstance(v, Map):
            here[v] = b.map(v.kind, v.text, *map(cut, v.of))
            here[v].site = v.site
    return here[tree[-1]]


def _part(b: Builder, box: Box, v: Assembled) -> Value:
    """The entries of a joined array in a box, from the part where they lie."""
    for p in v.parts:
        starts = [a - at.offset for a, at in zip(box.start, p.places, strict=True)]
        if all(a >= 0 and (a == 0 or a < n) for a, n in zip(starts, p.shape, strict=True)):
            return b.view(p.of, box.shape, _shifted(starts))
    raise AssertionError("the parts cover the array")
