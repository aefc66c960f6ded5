"""Sums over paths in any semiring: one analysis whose facts are weights of path sets.

fact(n) = sum over the paths from the start to n of the product of the weights of their edges. With (+, *) on ints it
counts paths, with (or, and) it is activity, with (max, *) the heaviest path; + distributes over * in each, so the
solution of the equations is the meet over all paths.

Source: M. Mohri, Semiring frameworks and algorithms for shortest-distance problems, 2002.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Generic, NamedTuple, TypeVar

from paramprog.dataflow.flow import Analysis, Edge, N

W = TypeVar("W")


class Semiring(NamedTuple, Generic[W]):
    """(zero, one, add, mul): `add` joins path sets, `mul` extends paths by an edge; zero annihilates."""

    zero: W
    one: W
    add: Callable[[W, W], W]
    mul: Callable[[W, W], W]


COUNT: Semiring[int] = Semiring(0, 1, int.__add__, int.__mul__)
"""How many paths; exact, however many."""

REACH: Semiring[bool] = Semiring(False, True, bool.__or__, bool.__and__)
"""Whether there is a path."""


class PathSum(Analysis[N, W]):
    """The sum over all paths from any of `starts`, the edges weighted by `weight`."""

    def __init__(self, ring: Semiring[W], starts: Collection[N], weight: Callable[[Edge], W]) -> None:
        self.ring, self.starts, self.weight = ring, frozenset(starts), weight

    def flow(self, edge: Edge, fact: W) -> W:
        return self.ring.mul(fact, self.weight(edge))

    def meet(self, node: N, facts: Sequence[W]) -> W:
        total = self.ring.one if node in self.starts else self.ring.zero
        for fact in facts:
            total = self.ring.add(total, fact)
        return total
