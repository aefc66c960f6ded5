"""Sums of as many terms as there are paths, and how long they take."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

SAMPLE = 1000
"""So many paths are walked to predict how long all would take."""

SAMPLE_SECONDS = 1.0


class PairedSum:
    """A sum of many rows, added in pairs: the error grows with the logarithm of their number."""

    def __init__(self, zero: Any) -> None:
        self.parts, self.terms = [zero], 0

    def add(self, row: Any) -> None:
        self.terms += 1
        bits = self.terms
        while not bits & 1:
            row = row + self.parts.pop()
            bits >>= 1
        self.parts.append(row)

    def total(self) -> Any:
        return sum(reversed(self.parts))


def times(seconds: float, paths: int) -> float:
    """The product, infinite where floats end: counts of paths do not."""
    try:
        return seconds * paths
    except OverflowError:
        return float("inf")


def seconds_each(walk: Callable[[int], tuple[Any, int]]) -> float:
    """How long a path takes, measured on some of them."""
    began, limit = perf_counter(), 10
    _, walked = walk(limit)
    while limit < SAMPLE and perf_counter() - began < SAMPLE_SECONDS / 10:
        limit, began = limit * 10, perf_counter()
        _, walked = walk(limit)
    return (perf_counter() - began) / max(walked, 1)
