"""Exact row vectors and matrices: ints with one power of two, structural zeros left out.

A zero that is stored, or that stands for an entry of a whole row, times infinity is NaN, as for floats; a
structural zero is multiplied by nothing. Entries without a finite value are `lost`, and what they are
multiplied by and added to is lost with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from paramprog.verify.dyadic import scaled
from paramprog.verify.factors import Diagonal, Factor, Matrix


class Row:
    """Entry k is values[k] * 2**power; entries that are not there are zeros, structural ones if `partial`."""

    __slots__ = ("lost", "partial", "power", "values")

    def __init__(
        self, values: dict[int, int], power: int, partial: bool = False, lost: frozenset[int] = frozenset()
    ) -> None:
        self.values, self.power, self.partial, self.lost = values, power, partial, lost

    @classmethod
    def of(cls, array: Any) -> Row:
        """The entries of an array of finite numbers."""
        wholes, power = scaled(np.ravel(array))
        return cls(dict(enumerate(wholes)), power)

    @property
    def bits(self) -> int:
        """The length of the longest entry."""
        return max(map(int.bit_length, self.values.values()), default=0)

    def only(self, entries: Collection[int]) -> Row:
        """The same row, some entries only."""
        kept = {k: x for k, x in self.values.items() if k in entries}
        return Row(kept, self.power, self.partial, self.lost.intersection(entries))


Places = Mapping[int, Sequence[tuple[int, int]]]
"""For each row its entries: column and whole number."""


class Entries:
    """A matrix, entry by entry; `selects` says that columns without an entry are structural zeros.

    `bad` holds, for each row, the columns of the entries that are not finite. `plain` says that each entry is
    a number that the map is frozen at, or a few of them multiplied: pulling and pushing hardly round.
    `rounded` says that the entries are floats where exact numbers would have been too slow to find.
    """

    plain = True
    rounded = False

    def __init__(
        self, places: Places, power: int, *, selects: bool, bad: Mapping[int, Sequence[int]] | None = None
    ) -> None:
        self.places, self.power, self.selects, self.bad = places, power, selects, bad or {}
        self.nonzeros = sum(map(len, places.values()))

    @classmethod
    def of(cls, factor: Factor) -> Entries:
        """The entries of a factor, whose floats are taken as they are."""
        if isinstance(factor, Diagonal):
            rows = np.arange(factor.d.size) if factor.lanes is None else np.flatnonzero(factor.lanes)
            return cls.at(rows, rows, factor.d[rows], selects=factor.lanes is not None)
        assert isinstance(factor, Matrix)
        return cls.at(factor.rows, factor.columns, factor.values, selects=factor.selects)

    @classmethod
    def at(cls, rows: Any, columns: Any, values: Any, *, selects: bool) -> Entries:
        """The entries `values` at (rows, columns)."""
        finite = np.isfinite(values)
        wholes, power = scaled(np.where(finite, values, 0.0))
        places: dict[int, list[tuple[int, int]]] = {}
        bad: dict[int, list[int]] = {}
        for r, c, x, known in zip(rows.tolist(), columns.tolist(), wholes, finite.tolist(), strict=True):
            if known:
                places.setdefault(r, []).append((c, x))
            else:
                bad.setdefault(r, []).append(c)
        return cls(places, power, selects=selects, bad=bad)

    @cached_property
    def sizes(self) -> Entries:
        """The absolute values."""
        places = {r: [(c, abs(x)) for c, x in entries] for r, entries in self.places.items()}
        return Entries(places, self.power, selects=self.selects, bad=self.bad)

    @cached_property
    def transposed(self) -> Entries:
        places: dict[int, list[tuple[int, int]]] = {}
        for r, entries in self.places.items():
            for c, x in entries:
                places.setdefault(c, []).append((r, x))
        bad: dict[int, list[int]] = {}
        for r, columns in self.bad.items():
            for c in columns:
                bad.setdefault(c, []).append(r)
        return Entries(places, self.power, selects=False, bad=bad)

    def columns(self, wanted: Collection[int]) -> tuple[Entries, set[int]]:
        """The entries in some columns, and the rows that have any."""
        places = {
            r: found
            for r, entries in self.places.items()
            if (found := [(c, x) for c, x in entries if c in wanted])
        }
        bad = {r: kept for r, cs in self.bad.items() if (kept := [c for c in cs if c in wanted])}
        return Entries(places, self.power, selects=self.selects, bad=bad), {*places, *bad}

    def work(self, row: Row) -> int:
        """How many products `times(row, self)` is."""
        if len(row.values) >= len(self.places):
            return self.nonzeros
        return sum(len(self.places.get(r, ())) for r in row.values)


def times(row: Row, matrix: Entries) -> Row:
    """The row vector row * matrix."""
    out: dict[int, int] = {}
    places, get = matrix.places, out.get
    for r, g in row.values.items():
        for c, x in places.get(r, ()):
            out[c] = get(c, 0) + g * x
    partial, lost = row.partial, row.lost
    if matrix.selects:
        if not partial:
            for entries in places.values():
                for c, _ in entries:
                    out.setdefault(c, 0)
        partial = True
    if lost or matrix.bad:
        gone = {c for r in lost for c, _ in places.get(r, ())}
        for r, columns in matrix.bad.items():
            if not row.partial or r in row.values or r in lost:
                gone.update(columns)
        lost = frozenset(gone)
        out = {c: x for c, x in out.items() if c not in gone}
    return Row(out, row.power + matrix.power, partial, lost)


def through(row: Row, chain: Iterable[Entries]) -> Row:
    """The row vector row * J for one edge."""
    for matrix in chain:
        row = times(row, matrix)
    return row


def plus(a: Row, b: Row) -> Row:
    """The meet: the sum of what two edges bring."""
    if a.power > b.power:
        a, b = b, a
    shift = b.power - a.power
    values = dict(a.values)
    for k, x in b.values.items():
        values[k] = values.get(k, 0) + (x << shift)
    lost = a.lost | b.lost
    for k in lost:
        values.pop(k, None)
    return Row(values, a.power, a.partial and b.partial, lost)


class Total:
    """A sum of many rows. Those of one power are added as they are, so none is copied."""

    def __init__(self) -> None:
        self.sums: dict[int, dict[int, int]] = {}
        self.lost: set[int] = set()
        self.terms = 0

    def add(self, row: Row) -> None:
        self.terms += 1
        into = self.sums.setdefault(row.power, {})
        for k, x in row.values.items():
            into[k] = into.get(k, 0) + x
        self.lost |= row.lost

    def row(self) -> Row:
        power = min(self.sums, default=0)
        values: dict[int, int] = {}
        for own, terms in self.sums.items():
            for k, x in terms.items():
                values[k] = values.get(k, 0) + (x << own - power)
        kept = {k: x for k, x in values.items() if k not in self.lost}
        return Row(kept, power, False, frozenset(self.lost))


def unequal(a: Row, b: Row, entries: Iterable[int]) -> list[int]:
    """Which of `entries` are not the same number in both; what is lost in both is the same."""
    power = min(a.power, b.power)
    left, right = a.power - power, b.power - power
    return [
        k
        for k in entries
        if (k in a.lost) != (k in b.lost) or a.values.get(k, 0) << left != b.values.get(k, 0) << right
    ]
