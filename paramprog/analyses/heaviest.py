"""The heaviest paths of a program, without walking them all, and how many there are.

A path X ~> output contributes J_1^T ... J_n^T 1 to the gradient at X; its weight is the Euclidean norm of that, for
scalars the absolute value of the product. The analysis is the gradient's own sum over paths in another semiring
(`k_best`), so one backward pass finds the best paths from every point.

Between scalars the weight of a path is the product of the |J| of its edges, and the answer is exact. Between arrays
that product is replaced by one of upper bounds of the norms of the J (`norms`): some more paths than asked for are
taken by their bounds, and ordered by the weights that multiplying along them gives. Every path that was left out weighs
at most the smallest bound taken, so those taken that weigh as much are `proved` to be the heaviest of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Any

import numpy as np

from paramprog.analyses.norms import log_norm, log_size
from paramprog.dataflow.flow import Edge
from paramprog.dataflow.semiring import COUNT, REACH, Joined, PathSum, Route, Routes, k_best, route, steps
from paramprog.dataflow.solve import solve
from paramprog.evaluate import Trace
from paramprog.graph import Node
from paramprog.op import Chain
from paramprog.transfer.regions import Fact, plain, pull_fact

MORE = 4
"""So many times more paths than asked for are weighed, where edges only have bounds."""

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
    nodes = [n for n in nodes if count[n]]
    scalar = not any(n.shape for n in nodes)
    k = top if scalar else MORE * top
    found = _best(nodes, starts, output, jacobians, k)
    weigh = _Contributions(trace, output, jacobians)
    paths = [weigh.path(x, r) for x, r in found]
    if not scalar:  # else their bounds are their weights, also where floats end
        paths.sort(key=lambda p: -log_size(p.weight))  # stable
    rest = _power(found[-1][1].weight) if len(found) < sum(counts.values()) else 0.0
    sure = [scalar or isnan(p.weight) or p.weight >= rest * (1 - ROUNDING) for p in paths[:top]]
    proved = [*sure, False].index(False)
    return Heaviest(counts, paths[:top], proved, rest, scalar)


def _best(
    nodes: Sequence[Node], starts: Sequence[Node], output: Node, jacobians: Jacobians, k: int
) -> list[tuple[Node, Route]]:
    """The k paths with the largest bounds."""
    ring = k_best(k)

    def weight(edge: Edge) -> Routes:
        chain = jacobians[edge]
        return ring.zero if chain is None else route(log_norm(chain, edge.producer.shape), edge)

    facts = solve(nodes, PathSum(ring, [output], weight), backward=True)
    found = [(x, r) for x in starts for r in facts.get(x, ())]
    return sorted(found, key=lambda pair: -pair[1].weight)[:k]


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


class _Contributions:
    """J_1^T ... J_n^T 1 for paths that share their ends: each shared product is made once."""

    def __init__(self, trace: Trace, output: Node, jacobians: Jacobians) -> None:
        self.jacobians = jacobians
        self.one: Fact = np.ones_like(trace.values[output])
        self.output = output
        self.made: dict[int, Fact] = {}

    def path(self, start: Node, route: Route) -> Path:
        edges: list[Edge] = steps(route.trail)[::-1]
        fact = self._along(route.trail)
        value = np.zeros(start.shape) if fact is None else plain(fact)
        with np.errstate(all="ignore"):
            weight = float(np.linalg.norm(np.ravel(np.asarray(value, np.float64))))
        nodes, ports = [start, *(e.consumer for e in edges)], [e.port for e in edges]
        return Path(nodes, ports, value, weight, route.weight)

    def _along(self, trail: Any) -> Fact:
        waiting: list[tuple[Any, Edge]] = []
        fact = self.one
        while trail is not None:
            if id(trail) in self.made:
                fact = self.made[id(trail)]
                break
            rest, edge = (trail.first, trail.second) if isinstance(trail, Joined) else (None, trail)
            waiting.append((trail, edge))
            trail = rest
        with np.errstate(all="ignore"):
            for known, edge in reversed(waiting):
                chain = self.jacobians[edge]
                assert chain is not None
                fact = None if fact is None else pull_fact(chain, fact)
                self.made[id(known)] = fact
        return fact


def _power(log: float) -> float:
    return inf if log >= 1024 else float(2.0**log)
