"""Sums over paths in any semiring: one analysis whose facts are weights of path sets.

fact(n) = sum over the paths from the start to n of the product of the weights of their edges. With (+, *) on ints it
counts paths, with (or, and) it is activity, with (max, *) the heaviest path; * distributes over + in each, so the
solution of the equations is the meet over all paths.

Source: M. Mohri, Semiring frameworks and algorithms for shortest-distance problems, 2002 (section 6.1 for the k best).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import inf
from typing import Any, Generic, NamedTuple, TypeVar

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


class Route(NamedTuple):
    """A path with its weight, a logarithm: extending a path adds. `trail` is for `steps`, None for no edge."""

    weight: float
    trail: Any = None


class Joined(NamedTuple):
    """The trail `first`, then the trail `second`; a trail is shared by all paths that extend it."""

    first: Any
    second: Any


Routes = tuple[Route, ...]
"""Paths, the heaviest first."""


def steps(trail: Any) -> list[Any]:
    """The labels along a trail, in the order in which `mul` joined them."""
    found: list[Any] = []
    waiting = [] if trail is None else [trail]
    while waiting:
        trail = waiting.pop()
        if isinstance(trail, Joined):
            waiting += [trail.second, trail.first]
        else:
            found.append(trail)
    return found


def route(weight: float, label: Any) -> Routes:
    """One edge as a weight of `k_best`: `label` stands for it in trails."""
    return (Route(weight, label),)


def k_best(k: int) -> Semiring[Routes]:
    """The k heaviest paths of a path set, the heaviest first; of equal ones, those of the earlier operand of `add`.

    Weights are logarithms (of any base), from -inf for a product that is zero; -inf + inf is -inf.
    """

    def add(a: Routes, b: Routes) -> Routes:
        if not a or not b:
            return a or b
        return tuple(sorted((*a, *b), key=_heaviest_first)[:k])

    def mul(a: Routes, b: Routes) -> Routes:
        found = [Route(_plus(x.weight, y.weight), _joined(x.trail, y.trail)) for x in a for y in b]
        if len(a) > 1 and len(b) > 1:
            found.sort(key=_heaviest_first)
        return tuple(found[:k])

    return Semiring((), (Route(0.0),), add, mul)


def _heaviest_first(route: Route) -> float:
    return -route.weight


def _plus(a: float, b: float) -> float:
    return -inf if a == -inf or b == -inf else a + b


def _joined(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else Joined(a, b)


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
