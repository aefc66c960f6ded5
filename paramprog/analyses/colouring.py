"""Colours for the columns of a sparse matrix, such that no row has two columns of one colour.

Columns of one colour can be found together: the product of the matrix with the sum of their unit vectors has each of
their entries in a row of its own. It is a colouring of the intersection graph, whose neighbours are two columns that
share a row.

Source: A. Curtis, M. Powell and J. Reid, On the estimation of sparse Jacobian matrices, IMA J. Appl. Math., 1974; A.
Gebremedhin, F. Manne and A. Pothen, What color is your Jacobian? SIAM Review, 2005.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paramprog.analyses.interned import Ints


@dataclass(frozen=True, eq=False)
class Colouring:
    """The colour of each column, from 0; -1 for a column without entries. `count` is how many there are."""

    of: Ints
    count: int


def colour(columns: Ints, starts: Ints, size: int) -> Colouring:
    """Greedy, in O(entries): columns with the most conflicts first, each gets the first colour that is free.

    Row i has the columns `columns[starts[i] : starts[i + 1]]`, of `size`. A conflict counts once for each row that the
    two share. What rows have used is kept as bits, one integer for a row.
    """
    lengths = np.diff(starts)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    conflicts = np.bincount(columns, (lengths - 1)[rows], size)
    by_column = np.argsort(columns, kind="stable")
    rows_of = np.split(rows[by_column], np.cumsum(np.bincount(columns, minlength=size))[:-1])
    used = [0] * len(lengths)
    found = np.full(size, -1, np.int64)
    for c in np.argsort(-conflicts, kind="stable").tolist():
        own = rows_of[c].tolist()
        taken = 0
        for r in own:
            taken |= used[r]
        if own:
            free = ~taken & (taken + 1)
            found[c] = free.bit_length() - 1
            for r in own:
                used[r] |= free
    return Colouring(found, int(found.max(initial=-1)) + 1)


def turned(columns: Ints, starts: Ints, size: int) -> tuple[Ints, Ints]:
    """The same matrix, column by column: of each the rows, and where each starts."""
    rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    order = np.argsort(columns, kind="stable")
    return rows[order], np.concatenate(([0], np.cumsum(np.bincount(columns, minlength=size))))
