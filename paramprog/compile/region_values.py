"""Loops and branches as values of tensor.py: what enters their bodies, and what leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from paramprog.compile.tensor import Input, Part, Region, Value


class Entering(NamedTuple):
    """A value of outside, as a body sees it."""

    inside: Input
    outside: Value


class Carry(NamedTuple):
    """`next` is the value in the next turn; `result` the part with the last one, if anyone wants it."""

    inside: Input
    start: Value
    next: Value
    result: Part | None


class History(NamedTuple):
    """The values of `inside` in all turns (or lanes), one row each."""

    inside: Value
    rows: Part


@dataclass(eq=False, repr=False)
class Loop(Region):
    """A body once for each turn, while fewer than `limit` have been made and `test` holds.

    `static` is the number of turns where that is known.
    """

    limit: Value
    carries: list[Carry] = field(default_factory=list)
    scans: list[Entering] = field(default_factory=list)
    free: list[Entering] = field(default_factory=list)
    index: list[Input] = field(default_factory=list)
    histories: list[History] = field(default_factory=list)
    test: Value | None = None
    reverse: bool = False
    static: int | None = None
    trips: Part | None = None
    hands_on: bool = False
    """Whether handles of what is made in a turn are carried or recorded."""

    @property
    def args(self) -> Sequence[Value]:
        outer = [c.start for c in self.carries]
        return [self.limit, *outer, *(e.outside for e in (*self.scans, *self.free))]


@dataclass(eq=False, repr=False)
class Replay(Region):
    """A loop that runs backwards over the turns of another one, of which it keeps at most `states` states.

    The other one's turn makes of `kept` the next ones. A turn of this loop sees these too, as they were before the
    turn, and makes `carries` and `histories`. `reverse` is whether the other one counts down. `scans`, `free` and
    `index` enter both bodies.
    """

    limit: Value
    states: int
    kept: list[Carry] = field(default_factory=list)
    carries: list[Carry] = field(default_factory=list)
    scans: list[Entering] = field(default_factory=list)
    free: list[Entering] = field(default_factory=list)
    index: list[Input] = field(default_factory=list)
    histories: list[History] = field(default_factory=list)
    reverse: bool = False
    static: int | None = None
    hands_on: bool = False

    @property
    def args(self) -> Sequence[Value]:
        outer = [c.start for c in (*self.kept, *self.carries)]
        return [self.limit, *outer, *(e.outside for e in (*self.scans, *self.free))]


class Side(NamedTuple):
    """One body of a branch, and what it gives for each part of the branch (None: zeros)."""

    free: list[Entering]
    shared: list[Entering]
    ends: list[Value | None]


@dataclass(eq=False, repr=False)
class Branch(Region):
    """One of two bodies; with a condition of some shape, one for each of its lanes.

    `parts[k]` is, of what the side taken gives, the k-th; if it is in `summed`, the sum over the lanes.
    """

    condition: Value
    sides: list[Side] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    summed: frozenset[int] = frozenset()

    @property
    def args(self) -> Sequence[Value]:
        return [self.condition, *(e.outside for s in self.sides for e in (*s.free, *s.shared))]
