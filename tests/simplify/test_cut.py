"""Minimum cuts: of all cuts, the cheapest, and of these the last one."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from paramprog.simplify.cut import minimum_cut

Arcs = list[tuple[int, int]]


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[int], Arcs, set[int], set[int]]:
    """Costs by number, arcs to larger numbers, where ways begin, where they end."""
    n = draw(st.integers(1, 8))
    costs = draw(st.lists(st.integers(1, 5), min_size=n, max_size=n))
    pairs = list(combinations(range(n), 2))
    arcs = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    numbers = st.sets(st.integers(0, n - 1))
    return costs, arcs, draw(numbers), draw(numbers)


def reached(arcs: Arcs, first: set[int], without: set[int]) -> set[int]:
    found = first - without
    for a, b in sorted(arcs):
        if a in found and b not in without:
            found.add(b)
    return found


@given(networks())
def test_no_cut_is_cheaper_and_none_as_cheap_is_nearer_to_the_end(
    network: tuple[list[int], Arcs, set[int], set[int]],
):
    """Against all sets of nodes; what lies before the cut found contains what lies before any other cheapest one."""
    costs, arcs, first, last = network
    nodes = range(len(costs))
    subsets = [set(c) for k in range(len(costs) + 1) for c in combinations(nodes, k)]
    cuts = [s for s in subsets if not reached(arcs, first, s) & last]
    cheapest = min(sum(costs[n] for n in s) for s in cuts)
    found = set(minimum_cut(dict(enumerate(costs)), arcs, first, last))
    assert found in cuts
    assert sum(costs[n] for n in found) == cheapest
    for s in cuts:
        if sum(costs[n] for n in s) == cheapest:
            assert reached(arcs, first, s) <= reached(arcs, first, found)


def test_a_long_chain():
    """The cheapest of a thousand nodes, and of two equally cheap ones the last."""
    costs = dict.fromkeys(range(1000), 3) | {400: 2, 700: 2}
    assert minimum_cut(costs, [(n, n + 1) for n in range(999)], [0], [999]) == [700]
