"""The heaviest paths of a program, without walking them all, and how many there are.

A path X ~> output contributes J_1^T ... J_n^T 1 to the gradient at X; its weight is the Euclidean norm of that, for
scalars the absolute value of the product. The analysis is the gradient's own sum over paths in another semiring
(`k_best`), so one backward pass finds the best paths from every point.

Between scalars the weight of a path is the product of the |J| of its edges, and the answer is exact. Between arrays
that product is replaced by one of upper bounds of the norms of the J (`norms`): more paths than asked for are taken by
their bounds, and ordered by the weights that multiplying along them gives. Every path that was left out weighs at most
the smallest bound taken, so those taken that weigh as much are `proved` to be the heaviest of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Any, NamedTuple

import numpy as np

from paramprog.analyses.norms import log_norm, log_size
from paramprog.dataflow.flow import Edge
from paramprog.dataflow.semiring import COUNT, REACH, Joined, PathSum, Route, Routes, k_best, route, steps
from paramprog.dataflow.solve import solve
from paramprog.evaluate import Trace
from paramprog.graph import Node
from paramprog.op import Chain
from paramprog.transfer.facts import Fact, plain, pull_fact
from paramprog.types import elements

MORE = 4
"""So many times more paths than asked for are weighed, where edges only have bounds; and again more if need be."""

ROOM = 10**6
"""No more are tried when so many numbers may have been kept, for paths and what their ends contribute."""

PER_NODE = 10
"""A path through a node takes the room of so many numbers."""

ROUNDING = 1e-9
"""Relative; between the product of logarithms and that of numbers."""


@dataclass(frozen=True)
class Path:
    """`nodes` of the trace from X to the output, what the path adds to the gradient at X, and the size of that.

    `ports` are the arguments by which it enters the nodes after the first. `log_bound` is the logarithm (base 2) of
    what bounds the weight; between scalars, of the weight itself.
    """

    nodes: Sequence[Node]
    ports: Sequence[int]
    contribution: Any
    weight: float
    log_bound: float


@dataclass(frozen=True)
class Heaviest:
    """`counts`, exact, of the paths from each start, and the heaviest of all those paths, the heaviest first.

    The first `proved` of `paths` are the heaviest there are; `rest` bounds the weight of each path not weighed. With
    `scalar`, everything between the starts and the output is scalar, so weights are products of numbers.
    """

    counts: Mapping[Node, int]
    paths: Sequence[Path]
    proved: int
    rest: float
    scalar: bool


def heaviest(trace: Trace, starts: Sequence[Node], output: Node, top: int) -> Heaviest:
    """The `top` heaviest paths from any of `starts` to the real scalar `output`.

    Edges whose Jacobian is a structural zero are on no path. Of equally heavy paths, the one comes first that turns
    off earlier in the program.
    """
    starts = list(dict.fromkeys(starts))
    jacobians = Jacobians(trace)
    down = solve(trace.nodes, PathSum(REACH, starts, lambda e: jacobians[e] is not None))
    nodes = [n for n in trace.nodes if down[n]]
    count = solve(nodes, PathSum(COUNT, [output], lambda e: int(jacobians[e] is not None)), backward=True)
    counts = {x: count[x] for x in starts}
    search = _Search(trace, [n for n in nodes if count[n]], starts, output, jacobians)
    k = top if search.scalar else MORE * top
    while True:
        found = search.best(k, top, sum(counts.values()))
        if found.proved == len(found.paths) or k * search.room > ROOM:
            return Heaviest(counts, *found, search.scalar)
        k *= MORE


class _Found(NamedTuple):
    """As in `Heaviest`."""

    paths: Sequence[Path]
    proved: int
    rest: float


class _Search:
    """The paths between `starts` and `output` through `nodes`."""

    def __init__(
        self,
        trace: Trace,
        nodes: Sequence[Node],
        starts: Sequence[Node],
        output: Node,
        jacobians: Jacobians,
    ) -> None:
        self.nodes, self.starts, self.output, self.jacobians = nodes, starts, output, jacobians
        self.one: Fact = np.ones_like(trace.values[output])
        self.scalar = not any(n.shape for n in nodes)
        inner = set(nodes).difference(starts)
        self.room = sum(PER_NODE + elements(n.shape) for n in inner)
        self.bounds: dict[Edge, float] = {}

    def best(self, k: int, top: int, count: int) -> _Found:
        """The `top` heaviest of the `k` paths with the largest bounds, out of `count`."""
        facts = solve(self.nodes, PathSum(k_best(k), [self.output], self._bound), backward=True)
        found = [(x, r) for x in self.starts for r in facts.get(x, ())]
        found = sorted(found, key=lambda pair: -pair[1].weight)[:k]  # stable
        rest = _power(found[-1][1].weight) if len(found) < count else 0.0
        made: dict[int, Fact] = {}
        if not self.scalar:  # else the bounds are the weights, also where floats end
            logs = [log_size(_norm(self._contribution(x, r, made))) for x, r in found]
            found = [found[i] for i in sorted(range(len(found)), key=lambda i: -logs[i])]
        paths = [self._path(x, r, made) for x, r in found[:top]]
        sure = [self.scalar or isnan(p.weight) or p.weight >= rest * (1 - ROUNDING) for p in paths]
        return _Found(paths, [*sure, False].index(False), rest)

    def _bound(self, edge: Edge) -> Routes:
        chain = self.jacobians[edge]
        if chain is None:
            return ()
        if edge not in self.bounds:
            self.bounds[edge] = log_norm(chain, edge.producer.shape)
        return route(self.bounds[edge], edge)

    def _path(self, start: Node, route: Route, made: dict[int, Fact]) -> Path:
        edges: list[Edge] = steps(route.trail)[::-1]
        value = self._contribution(start, route, made)
        nodes, ports = [start, *(e.consumer for e in edges)], [e.port for e in edges]
        return Path(nodes, ports, value, _norm(value), route.weight)

    def _contribution(self, start: Node, route: Route, made: dict[int, Fact]) -> Any:
        """J_1^T ... J_n^T 1; paths share their ends, and `made` has what each shared end contributes."""
        waiting: list[tuple[Any, Edge]] = []
        fact, trail = self.one, route.trail
        while trail is not None:
            if id(trail) in made:
                fact = made[id(trail)]
                break
            rest, edge = (trail.first, trail.second) if isinstance(trail, Joined) else (None, trail)
            waiting.append((trail, edge))
            trail = rest
        with np.errstate(all="ignore"):
            for ended, edge in reversed(waiting):
                chain = self.jacobians[edge]
                assert chain is not None
                fact = pull_fact(chain, fact)
                if (
                    ended is not route.trail
                ):  # the start may be a large weight, and is the end of no other path
                    made[id(ended)] = fact
        return plain(fact)


class Jacobians(dict[Edge, "Chain | None"]):
    """The local Jacobians of a trace, each computed when first asked for."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.arrays = trace.values

    def __missing__(self, edge: Edge) -> Chain | None:
        node: Node = edge.consumer
        arrays = self.arrays
        with np.errstate(all="ignore"):
            found = node.op.local(edge.port, arrays[node], *(arrays[a] for a in node.args), **node.attrs)
        self[edge] = found
        return found


def _norm(value: Any) -> float:
    with np.errstate(all="ignore"):
        return float(np.linalg.norm(np.ravel(np.asarray(value, np.float64))))


def _power(log: float) -> float:
    return inf if log >= 1024 else float(2.0**log)
