"""The parallel schedule."""

from __future__ import annotations

from hypothesis import given
from strategies.graphs import Drawn, graphs

import paramprog
from paramprog.analyses.levels import backward_levels, forward_levels
from paramprog.graph import PART, demand
from paramprog.resources import programs_dir


def test_the_running_example() -> None:
    """C and D, then E and F, can be computed together, in both sweeps."""
    graph = paramprog.load(programs_dir() / "running_example.pp").graph.graph
    named = {n: n.name for n in graph.nodes if n.name is not None}
    forward = {named[n]: k for n, k in forward_levels(graph.nodes).items()}
    assert forward == {"P": 0, "Q": 0, "W0": 0, "W1": 0, "W2": 0} | {"A": 1, "B": 2} | {
        name: level for names, level in (("CD", 3), ("EF", 4), ("R", 5)) for name in names
    }
    backward = {named[n]: k for n, k in backward_levels(graph.nodes, graph.nodes[-1]).items()}
    assert backward == {"W0": 5, "W1": 3, "W2": 3} | {
        name: level for level, names in enumerate(("R", "EF", "CD", "B", "AQ", "P")) for name in names
    }


@given(graphs())
def test_every_level_needs_only_earlier_ones(drawn: Drawn) -> None:
    """And some argument (or use) is on the level just before."""
    nodes = list(demand(drawn.graph.nodes, [drawn.output]))
    forward = forward_levels(nodes)
    for n in nodes:
        steps = [forward[a] + (n.op is not PART) for a in n.args if a in forward]
        assert forward[n] == max(steps, default=0)
    backward = backward_levels(nodes, drawn.output)
    assert backward[drawn.output] == 0
    for n in backward:
        for a in n.args:
            if a in backward:
                assert backward[a] >= backward[n] + (n.op is not PART)


def test_what_has_no_derivative_is_not_in_the_backward_sweep() -> None:
    """Ints, comparisons, and what only they use."""
    text = "function f(x = 1.0, z = 2.0) { y = if z > 0 then x else 2 * x\n return y * floor(x) }"
    graph = paramprog.loads(text).graph.graph
    names = {n.name for n in backward_levels(graph.nodes, graph.nodes[-1])}
    assert "x" in names
    assert "z" not in names
