"""The arena: each array gets a place that it shares with those that live at other times.

Time is the number of a step, those inside loops and branches counted too. What a loop uses of outside lives as long as
the whole loop; what its body makes lives within one turn.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence

from paramprog.compile.kernel import Buf, Step, bodies, outside
from paramprog.types import Real, item_size

LINE = 64
"""Arrays begin at multiples of so many bytes."""


class Lifetimes:
    """From the first to the last step in which the memory of each name is used, whatever its shape there."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.first: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self._time = 0
        self._walk(steps)

    def _walk(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self._time += 1
            used = outside(step)
            self._use(used)
            inner = bodies(step)
            if not inner:
                continue
            for body in inner:
                self._walk(body)
            self._time += 1
            self._use(used)

    def _use(self, bufs: Sequence[Buf]) -> None:
        for b in bufs:
            self.first.setdefault(b.name, self._time)
            self.last[b.name] = self._time


def arena(memory: Sequence[Buf], steps: Sequence[Step], real: Real) -> tuple[Mapping[Buf, int], int]:
    """(the place of each buffer in bytes, bytes in all), first fit, the largest first; scalars never share."""
    lives = Lifetimes(steps)
    places: dict[Buf, int] = {}
    scalars = 0
    arrays = []
    for b in memory:
        if b.grows:
            continue
        if b.size <= 1:
            places[b] = scalars
            scalars += 8
        else:
            arrays.append(b)
    start = -(-scalars // LINE) * LINE
    end = start
    taken: list[tuple[int, int, int, int]] = []
    for b in sorted(arrays, key=lambda b: -b.size * item_size(b.kind, real)):
        size = -(-b.size * item_size(b.kind, real) // LINE) * LINE
        low, high = lives.first.get(b.name, 0), lives.last.get(b.name, 0)
        at = start
        for begin, stop, first, last in taken:  # in the order of their places
            if first <= high and low <= last and begin < at + size and at < stop:
                at = stop
        places[b] = at
        insort(taken, (at, at + size, low, high))
        end = max(end, at + size)
    return places, end
