"""Sets of columns, each kept once: an array of labels says for many entries which set is theirs.

Entries of the same set share it, whatever operations they came through, so the sets of a program take about as much
room as the nonzeros of its Jacobian.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from paramprog.diagnostics import fail

Ints = npt.NDArray[np.int64]

MAX_MEMBERS = 10**8
"""Of all sets together."""

AT_ONCE = 4 * 10**6
"""Members that are sorted at once."""


class Interned:
    """Sets of the columns 0 .. `columns` - 1: label 0 is empty, 1 + j is {j}, larger labels are unions.

    `members` counts what all unions ever made hold: the work that was done.
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.members = 0
        rng = np.random.default_rng(0)
        self._weights = rng.integers(0, 2**63, columns, dtype=np.uint64)
        self._starts = np.concatenate(([0, 0], np.arange(1, columns + 1)))
        self._flat = np.arange(columns, dtype=np.int32)
        self._known: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._starts) - 1

    def sizes(self, labels: Ints) -> Ints:
        """How many columns each set has."""
        return self._starts[labels + 1] - self._starts[labels]

    def listed(self, labels: Ints) -> tuple[Ints, Ints]:
        """The columns of the sets one after the other, in order within each, and how many each has."""
        sizes = self.sizes(labels)
        return self._flat[_ranges(self._starts[labels], sizes)].astype(np.int64), sizes

    # ---- unions ----------------------------------------------------------------------------------------------

    def grouped(self, labels: Any, groups: Any, count: int) -> Any:
        """The labels of `count` unions. Raises ProgramError when the sets become too large."""
        found = np.zeros(count, np.int64)
        kept = np.flatnonzero(labels)
        keys = _sorted(groups[kept] * len(self) + labels[kept])
        groups, labels = np.divmod(keys, len(self))
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        counts = np.diff(starts, append=len(groups))
        single = counts == 1
        found[groups[starts[single]]] = labels[starts[single]]
        if not single.all():
            starts, counts = starts[~single], counts[~single]
            which, first = _distinct(labels, starts, counts)
            chosen = labels[_ranges(starts[first], counts[first])]
            found[groups[starts]] = self._united(chosen, counts[first])[which]
        return found

    def _united(self, labels: Ints, counts: Ints) -> Ints:
        """The label of the union of each `counts` labels in turn; some at a time, which bounds the memory."""
        ends = np.cumsum(counts)
        members = np.cumsum(self.sizes(labels))[ends - 1]
        self.members += int(members[-1])
        if self.members > MAX_MEMBERS:
            raise fail("element-limit", f"the sparsity pattern takes more than {MAX_MEMBERS:,} entries")
        cuts = np.flatnonzero(np.diff(members // AT_ONCE)) + 1
        parts = zip(np.split(counts, cuts), np.split(labels, ends[cuts - 1]), strict=True)
        return np.concatenate([self._united_now(own, own_counts) for own_counts, own in parts])

    def _united_now(self, labels: Ints, counts: Ints) -> Ints:
        columns, sizes = self.listed(labels)
        owner = np.repeat(np.repeat(np.arange(len(counts)), counts), sizes)
        owner, columns = np.divmod(_sorted(owner * self.columns + columns), self.columns)
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        # a union that is no larger than its largest member is this member
        offsets = np.cumsum(counts) - counts
        totals = np.diff(starts, append=len(owner))
        found = np.zeros(len(counts), np.int64)
        largest = np.maximum.reduceat(sizes, offsets)
        position = np.repeat(np.arange(len(counts)), counts)
        at = np.flatnonzero(sizes == largest[position])[::-1]
        found[position[at]] = labels[at]
        new = np.flatnonzero(totals > largest)
        if new.size:
            flat = columns[_ranges(starts[new], totals[new])]
            found[new] = self._interned(flat, totals[new])
        return found

    def _interned(self, flat: Ints, sizes: Ints) -> Ints:
        """The labels of sets given by their columns; those not known yet are kept."""
        starts = np.cumsum(sizes) - sizes
        hashes = np.add.reduceat(self._weights[flat], starts)
        found, first = [], len(self)
        fresh: list[int] = []
        for k, h in enumerate(hashes.tolist()):
            label = self._known.setdefault(h, first + len(fresh))
            if label == first + len(fresh):
                fresh.append(k)
            found.append(label)
        self._append(flat, starts, sizes, np.array(fresh, np.int64))
        labels = np.array(found, np.int64)
        wrong = self._unlike(labels, flat, starts, sizes)
        if wrong.size:  # another set has the same hash
            labels[wrong] = len(self) + np.arange(wrong.size)
            self._append(flat, starts, sizes, wrong)
        return labels

    def _append(self, flat: Ints, starts: Ints, sizes: Ints, which: Ints) -> None:
        self._starts = np.concatenate((self._starts, self._starts[-1] + np.cumsum(sizes[which])))
        own = flat[_ranges(starts[which], sizes[which])].astype(np.int32)
        self._flat = np.concatenate((self._flat, own))

    def _unlike(self, labels: Ints, flat: Ints, starts: Ints, sizes: Ints) -> Ints:
        """Where a label stands for other columns than it was found for."""
        unlike = self.sizes(labels) != sizes
        same = np.flatnonzero(~unlike)
        kept, counts = self.listed(labels[same])
        differs = kept != flat[_ranges(starts[same], sizes[same])]
        unlike[same[np.repeat(np.arange(len(same)), counts)[differs]]] = True
        return np.flatnonzero(unlike)


def _sorted(keys: Ints) -> Ints:
    """The keys that differ, in order: `np.unique`, which hashes them first, takes several times as long."""
    keys.sort()
    return keys[np.flatnonzero(np.diff(keys, prepend=-1))]


def _ranges(starts: Ints, sizes: Ints) -> Ints:
    """The numbers of the ranges `start .. start + size`, one after the other."""
    ends = np.cumsum(sizes)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + sizes, sizes)


def _distinct(labels: Ints, starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """(number of each run of labels among those that differ, the first run of each number); all runs have 2 or more."""
    if not (counts == counts[0]).all():
        return np.arange(len(starts)), np.arange(len(starts))
    rows = labels[starts[:, None] + np.arange(counts[0])]
    if counts[0] == 2 and int(labels.max()) < 2**31:
        keys = rows[:, 0] << 32 | rows[:, 1]
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    else:
        _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return which.ravel(), first
