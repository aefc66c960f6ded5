"""Rows for training and rows for validation, and the order of the rows in an epoch: functions of a seed only.

`shuffled` depends on the epoch and not on the epochs before, so a run can be resumed anywhere.
"""

from __future__ import annotations

from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.diagnostics import fail

SPLIT, SHUFFLE = 1, 2
"""Second part of the seeds, so that the two permutations have nothing to do with one another."""

Indices = NDArray[np.int64]


def split(
    rows: int, fraction: float, seed: int, labels: NDArray[Any] | None = None
) -> tuple[Indices, Indices]:
    """(rows for training, rows for validation), drawn at random, each in ascending order.

    The validation part has rows * fraction of them, rounded to the nearest, halves upwards; none for a fraction of 0.
    With `labels`, each label has the same fraction of its rows in it, up to rounding (by largest remainders, Hamilton's
    method).
    Raises ProgramError (data-split) when fraction is not in [0, 1) or a part that is wanted would be empty.
    """
    if not 0 <= fraction < 1:
        raise fail("data-split", f"the fraction of rows for validation is {fraction:g}; it must be in [0, 1)")
    count = floor(rows * fraction + 0.5)
    if (fraction > 0 and count == 0) or count >= rows:
        part = "training" if count else "validation"
        message = (
            f"of {rows} {'row' if rows == 1 else 'rows'}, {fraction:g} for validation leave none for {part}"
        )
        raise fail("data-split", message, None, "choose another --val; --val 0 trains on all rows")
    order = np.random.default_rng([seed, SPLIT]).permutation(rows)
    if labels is not None:
        order = _stratified(order, labels[order], count)
    return np.sort(order[count:]), np.sort(order[:count])


def shuffled(rows: int, seed: int, epoch: int) -> Indices:
    """The order in which an epoch sees the rows."""
    return np.random.default_rng([seed, SHUFFLE, epoch]).permutation(rows)


def _stratified(order: Indices, labels: NDArray[Any], count: int) -> Indices:
    """`order` with `count` rows moved to the front, of each label its share; `labels` are those of `order`."""
    _, group, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    exact = sizes * (count / len(order))
    shares = np.floor(exact).astype(np.int64)
    largest = np.argsort(shares - exact, kind="stable")
    shares[largest[: count - int(shares.sum())]] += 1
    by_label = np.argsort(group, kind="stable")
    rank = np.empty_like(order)
    rank[by_label] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = rank < shares[group]
    return np.concatenate([order[chosen], order[~chosen]])
