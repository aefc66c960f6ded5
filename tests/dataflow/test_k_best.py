"""The k heaviest paths by the one solver, on graphs that know nothing of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from paramprog.dataflow.flow import Edge
from paramprog.dataflow.semiring import PathSum, Routes, k_best, route, steps
from paramprog.dataflow.solve import solve


@dataclass(frozen=True, eq=False)
class Vertex:
    number: int
    args: tuple[Vertex, ...] = ()


def graph_of(*uses: Sequence[int]) -> list[Vertex]:
    """Vertices whose arguments are earlier ones by number."""
    nodes: list[Vertex] = []
    for k, arguments in enumerate(uses):
        nodes.append(Vertex(k, tuple(nodes[a] for a in arguments)))
    return nodes


def paths(start: Vertex, end: Vertex) -> list[list[Edge]]:
    """All paths, by walking them backwards."""
    if start is end:
        return [[]]
    return [[*path, Edge(a, end, port)] for port, a in enumerate(end.args) for path in paths(start, a)]


dags = st.integers(1, 8).flatmap(
    lambda n: st.tuples(
        *(st.lists(st.integers(0, k - 1), max_size=3) if k else st.just([]) for k in range(n))
    )
)
weights = st.lists(st.sampled_from([-inf, -3.0, -1.0, 0.0, 1.0, 2.0, inf]), min_size=24, max_size=24)


def weight_of(given_weights: Sequence[float]) -> Any:
    """A logarithm for each edge, as a weight of `k_best`."""
    return lambda e: route(given_weights[(3 * e.consumer.number + e.port) % 24], e)


@given(dags, weights, st.integers(1, 5))
def test_they_are_those_of_enumeration(uses: Any, logs: list[float], k: int) -> None:
    """In both directions; every path listed is one, no path is listed twice, and the weights are the largest."""
    nodes = graph_of(*uses)
    weight = weight_of(logs)

    def total(path: Sequence[Edge]) -> float:
        found = [weight(e)[0].weight for e in path]
        return -inf if -inf in found else sum(found)

    start = nodes[0]
    forward = solve(nodes, PathSum(k_best(k), [start], weight))
    for end in nodes:
        every = paths(start, end)
        best = sorted((total(p) for p in every), reverse=True)[:k]
        backward = solve(nodes, PathSum(k_best(k), [end], weight), backward=True)
        for routes, order in ((forward[end], 1), (backward[start], -1)):
            found = [tuple(steps(r.trail)[::order]) for r in routes]
            assert [r.weight for r in routes] == best
            assert len(set(found)) == len(found) == min(k, len(every))
            assert set(found) <= {tuple(p) for p in every}
            assert [total(p) for p in found] == best


def test_ties_are_in_order_of_the_program() -> None:
    """Of equally heavy paths the one that turns off earlier comes first; by ports, if nothing else tells them apart."""
    nodes = graph_of([], [0], [0], [1, 2], [3, 3])
    facts = solve(
        nodes,
        PathSum(k_best(9), [nodes[-1]], lambda e: route(0.5, (e.consumer.number, e.port))),
        backward=True,
    )
    assert [steps(r.trail)[::-1] for r in facts[nodes[0]]] == [
        [(1, 0), (3, 0), (4, 0)],
        [(1, 0), (3, 0), (4, 1)],
        [(2, 0), (3, 1), (4, 0)],
        [(2, 0), (3, 1), (4, 1)],
    ]


elements = st.lists(st.integers(-4, 4), max_size=4).map(
    lambda ws: tuple(sorted((route(float(w), None)[0] for w in ws), key=lambda r: -r.weight))
)


@given(elements, elements, elements, st.integers(1, 3))
def test_it_is_a_semiring(a: Routes, b: Routes, c: Routes, k: int) -> None:
    """mul distributes over add, both are associative, the zero annihilates: by weights, among the k best."""
    ring = k_best(k)
    add, mul = ring.add, ring.mul
    a, b, c = (x[:k] for x in (a, b, c))

    def logs(routes: Routes) -> list[float]:
        return [r.weight for r in routes]

    assert logs(mul(add(a, b), c)) == logs(add(mul(a, c), mul(b, c)))
    assert logs(add(add(a, b), c)) == logs(add(a, add(b, c)))
    assert logs(mul(mul(a, b), c)) == logs(mul(a, mul(b, c)))
    assert add(a, ring.zero) == a == add(ring.zero, a)
    assert mul(a, ring.one) == a == mul(ring.one, a)
    assert mul(a, ring.zero) == ring.zero == mul(ring.zero, a)


def test_trails_of_long_paths_are_shared() -> None:
    """A chain of 100,000 edges costs no quadratic copies, and no recursion."""
    nodes = graph_of([], *([k] for k in range(100_000)))
    facts = solve(nodes, PathSum(k_best(3), [nodes[0]], lambda e: route(1.0, e)))
    [found] = facts[nodes[-1]]
    assert found.weight == 100_000.0
    assert [e.consumer for e in steps(found.trail)] == nodes[1:]
