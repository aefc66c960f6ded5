"""The solver and semirings, on graphs that know nothing of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.dataflow.flow import Analysis, Edge
from paramprog.dataflow.semiring import COUNT, REACH, PathSum, Semiring
from paramprog.dataflow.solve import solve


@dataclass(frozen=True, eq=False)
class Vertex:
    name: Any
    args: tuple[Vertex, ...] = ()


def chain_of(*uses: Sequence[int]) -> list[Vertex]:
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


def one(edge: Edge) -> int:
    return 1


# ---- path sums ---------------------------------------------------------------------------------------------


def test_the_ladder():
    """200 rungs of two edges each have 2**200 paths, exactly."""
    nodes = chain_of([], *([k, k] for k in range(200)))
    count = solve(nodes, PathSum(COUNT, [nodes[0]], one))
    assert count[nodes[-1]] == 2**200
    back = solve(nodes, PathSum(COUNT, [nodes[-1]], one), backward=True)
    assert back[nodes[0]] == 2**200


@given(dags, st.data())
def test_path_counts_are_those_of_enumeration(uses: Any, data: Any):
    """In both directions, with several edges between two nodes."""
    nodes = chain_of(*uses)
    start = data.draw(st.sampled_from(nodes))
    counts = solve(nodes, PathSum(COUNT, [start], one))
    reached = solve(nodes, PathSum(REACH, [start], lambda e: True))
    for end in nodes:
        found = paths(start, end)
        assert counts[end] == len(found)
        assert reached[end] == bool(found)
        back = solve(nodes, PathSum(COUNT, [end], one), backward=True)
        assert back[start] == len(found)


@given(dags, st.integers(-3, 3), st.integers(-3, 3))
def test_one_pass_is_the_meet_over_all_paths(uses: Any, a: int, b: int):
    """With + and *, and weights that depend on the port: distributivity, on ints and so exactly."""
    nodes = chain_of(*uses)

    def weight(edge: Edge) -> int:
        return a + b * edge.port + edge.producer.name

    facts = solve(nodes, PathSum(COUNT, [nodes[0]], weight))
    for end in nodes:
        expected = 0
        for path in paths(nodes[0], end):
            product = 1
            for edge in path:
                product *= weight(edge)
            expected += product
        assert facts[end] == expected


@given(dags)
def test_the_heaviest_path(uses: Any):
    """(max, +) is a semiring too."""
    nodes = chain_of(*uses)
    ring: Semiring[float] = Semiring(float("-inf"), 0.0, max, lambda x, y: x + y)
    facts = solve(nodes, PathSum(ring, [nodes[0]], lambda e: e.port - 1.5))
    for end in nodes:
        weights = [sum(e.port - 1.5 for e in path) for path in paths(nodes[0], end)]
        assert facts[end] == max(weights, default=float("-inf"))


def test_several_starts():
    """Paths from any of them; a start that is reached from another counts both."""
    nodes = chain_of([], [0], [1], [])
    facts = solve(nodes, PathSum(COUNT, [nodes[0], nodes[1]], one))
    assert [facts[n] for n in nodes] == [1, 2, 2, 0]


def test_a_zero_weight_cuts():
    """Zero annihilates: no path goes through such an edge."""
    nodes = chain_of([], [0], [0, 1])
    facts = solve(nodes, PathSum(REACH, [nodes[0]], lambda e: e.producer.name != 0 or e.consumer.name != 2))
    assert facts[nodes[2]]
    facts = solve(nodes, PathSum(REACH, [nodes[0]], lambda e: e.producer.name != 0))
    assert not facts[nodes[2]]


# ---- the solver --------------------------------------------------------------------------------------------


class Recorder(Analysis[Any, Any]):
    """Remembers every call; the fact of a node is its name."""

    def __init__(self) -> None:
        self.flows: list[Edge] = []
        self.meets: list[tuple[Any, list[Any]]] = []

    def flow(self, edge: Edge, fact: Any) -> Any:
        self.flows.append(edge)
        return (edge.port, fact)

    def meet(self, node: Any, facts: Sequence[Any]) -> Any:
        self.meets.append((node.name, list(facts)))
        return node.name


@pytest.mark.parametrize("backward", [False, True])
def test_every_edge_once_every_node_once(backward: bool):
    """Linear cost, also with many edges into one node; the meet sees all facts at once."""
    nodes = chain_of([], [], [0, 1, 0], [2, 2])
    seen = Recorder()
    solve(nodes, seen, backward=backward)
    assert len(seen.flows) == len(set(seen.flows)) == 5
    assert [name for name, _ in seen.meets] == ([3, 2, 1, 0] if backward else [0, 1, 2, 3])
    facts = dict(seen.meets)
    if backward:
        assert facts[2] == [(0, 3), (1, 3)]
        assert facts[0] == [(0, 2), (2, 2)]
        assert facts[3] == []
    else:
        assert facts[2] == [(0, 0), (1, 1), (2, 0)]
        assert facts[3] == [(0, 2), (1, 2)]


def test_edges_from_other_nodes_do_not_count():
    """A restricted set of nodes is a graph of its own."""
    nodes = chain_of([], [0], [0, 1], [2])
    some = [nodes[0], nodes[2], nodes[3]]
    counts = solve(some, PathSum(COUNT, [nodes[0]], one))
    assert counts == {nodes[0]: 1, nodes[2]: 1, nodes[3]: 1}
    back = solve(some[:2], PathSum(COUNT, [nodes[2]], one), backward=True)
    assert back == {nodes[0]: 1, nodes[2]: 1}


def test_nodes_may_be_appended_while_it_runs():
    """The set of nodes is fixed before the first fact: an analysis may emit."""
    nodes = chain_of([], [0], [1])

    class Growing(Analysis[Any, int]):
        def meet(self, node: Any, facts: Sequence[int]) -> int:
            nodes.append(Vertex("new", (node,)))
            return sum(facts) + 1

    facts = solve(nodes, Growing())
    assert [facts[n] for n in nodes[:3]] == [1, 2, 3]
    assert len(facts) == 3
    assert len(nodes) == 6


def test_nothing_to_do():
    """No nodes, no facts."""
    assert solve([], Recorder()) == {}


def test_long_programs_do_not_nest():
    """No recursion: a chain of 50,000 nodes."""
    nodes = chain_of([], *([k] for k in range(50_000)))
    assert solve(nodes, PathSum(COUNT, [nodes[0]], one))[nodes[-1]] == 1


def test_an_analysis_defines_its_meet():
    """The framework has no default for it."""
    with pytest.raises(TypeError, match="does not define a meet"):
        solve(chain_of([]), Analysis())
