"""Between which numbers ints lie, as far as operations tell: an index that cannot be out of range is not checked.

`n * mod(i, n) + mod(j, n)` lies in [0, n n). What an operation without a value leaves behind counts as well, for a
kernel runs to its end before anybody looks for faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from paramprog.compile.tensor import Alias, Assembled, Iota, Number, Put, Table, Take, Value, View
from paramprog.graph import Node
from paramprog.transfer.linear import MUL, NEG
from paramprog.transfer.max import CLIP
from paramprog.transfer.pair import ADD, MOD, SUB
from paramprog.transfer.step import INT
from paramprog.types import Dim, Real, Size


class Range(NamedTuple):
    """Both ends belong to it."""

    low: int
    high: int


ALL = Range(-(2**63), 2**63 - 1)
REALS = {"float64": Range(-(2**63), 2**63 - 2**10), "float32": Range(-(2**63), 2**63 - 2**39)}
"""What a real that fits an int can be."""

FEW = 4
"""Values that a value is a view, or made, of, one after the other, before nothing is said of it."""


class Ranges:
    """The ranges of int values of a program, noted while they are made."""

    def __init__(self, real: Real) -> None:
        self.real = real
        self.found: dict[Value, Range] = {}
        self.rows: dict[Value, Range] = {}
        self.remainders: dict[tuple[Value, int], Value] = {}
        """mod(x, n), for a number n > 0."""
        self.sized = False
        """Whether sizes stand for others, so that no index is known to be within an array."""

    def of(self, v: Value, steps: int = FEW) -> Range:
        if isinstance(v, Number):
            return Range(int(v.value), int(v.value))
        if isinstance(v, Iota):
            n = v.shape[v.axis]
            return ALL if isinstance(n, Size) else Range(0, max(n - 1, 0))
        if isinstance(v, Table) and v.array.size:
            return Range(int(np.min(v.array)), int(np.max(v.array)))
        if steps and isinstance(v, View | Alias | Put):
            return self.of(v.of, steps - 1)
        if steps and isinstance(v, Take):  # 0 of an array without entries
            low, high = self.of(v.of, steps - 1)
            return Range(min(low, 0), max(high, 0))
        if steps and isinstance(v, Assembled) and v.parts:
            ranges = [self.of(p, steps - 1) for p in v.parts]
            return Range(min(r.low for r in ranges), max(r.high for r in ranges))
        return self.found.get(v, ALL)

    def within(self, index: Value, size: Dim) -> bool:
        """Whether every entry is at least 0 and less than `size`."""
        low, high = self.of(index)
        return not isinstance(size, Size) and not self.sized and low >= 0 and high < size

    def sums(self, x: Value, y: Value) -> bool:
        """Whether x + y never wraps around."""
        a, b = self.of(x), self.of(y)
        return a.low + b.low >= ALL.low and a.high + b.high <= ALL.high

    def record(self, rows: Value, row: Value) -> None:
        """`rows` has what `row` was in each turn of a loop; if there is a fault, not all are written."""
        if row.kind == "int":
            self.rows[rows] = self.of(row)

    def enter(self, leaf: Value, rows: Value) -> None:
        """`leaf` is one of `rows`, and all of them have been written."""
        if rows in self.rows:
            self.found[leaf] = self.rows[rows]

    def note(self, n: Node, v: Value, args: Sequence[Value]) -> None:
        """v has been made for the node, of these values."""
        if n.kind != "int":
            return
        found = self._found(n, args)
        if ALL.low <= found.low and found.high <= ALL.high:  # or it wraps around
            self.found.setdefault(v, found)
        if n.op is MOD and isinstance(args[1], Number) and args[1].value > 0:
            self.remainders.setdefault((args[0], int(args[1].value)), v)

    def _found(self, n: Node, args: Sequence[Value]) -> Range:
        if n.op is INT and args[0].kind == "real":
            return REALS[self.real]
        if n.op not in (ADD, SUB, MUL, NEG, MOD, CLIP):
            return ALL
        a, *others = map(self.of, args)
        if n.op is NEG:
            return Range(-a.high, -a.low)
        b = others[0]
        if n.op is MOD:
            return Range(0, b.high - 1) if b.low > 0 else ALL
        if n.op is CLIP:
            low, high = b.low, others[1].high
            return Range(min(low, others[1].low), high)
        if n.op is SUB:
            b = Range(-b.high, -b.low)
        if n.op is MUL:
            ends = [x * y for x in a for y in b]
            return Range(min(ends), max(ends))
        return Range(a.low + b.low, a.high + b.high)
