"""The heaviest paths against enumeration."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies.graphs import Drawn, graphs

import paramprog.transfer  # noqa: F401  fills OPS
from paramprog.analyses.heaviest import heaviest
from paramprog.evaluate import Trace, trace
from paramprog.gradient import plain_or_none, pulled
from paramprog.graph import Graph, Node
from paramprog.op import OPS, pull
from paramprog.types import Type
from paramprog.verify.paths import count_paths


def enumerated(run: Trace, start: Node, end: Node, limit: int = 400) -> list[Any]:
    """What each path contributes, by walking all of them; [] when there are more than `limit`."""
    if count_paths(run, start, end) > limit:
        return []
    found: list[Any] = []
    stack: list[tuple[Node, Any]] = [(end, np.ones(end.shape))]
    while stack:
        n, g = stack.pop()
        if n is start:
            found.append(g)
        for port, a in enumerate(n.args):
            chain = n.op.local(port, run.values[n], *(run.values[b] for b in n.args), **n.attrs)
            if chain is not None:
                stack.append((a, pull(chain, g)))
    return found


def scalar_graph(draw: Any, steps: int) -> tuple[Trace, list[Node]]:
    """Scalars only, with products and sharing."""
    graph = Graph()
    x = graph.leaf(Type("real", ()), "x")
    pool: list[Any] = [x]
    for _ in range(steps):
        a, b = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
        pool.append(draw(st.sampled_from([a * b, a + b, OPS["sin"](a), a * 0.5, a - b])))
    total = pool[-1] + pool[len(pool) // 2]
    return trace([total], {x: np.float64(draw(st.sampled_from([-1.5, 0.0, 0.3, 2.0])))}, keep=pool), [
        x,
        *pool[:2],
    ]


@given(st.data(), st.integers(1, 8))
def test_between_scalars_they_are_exact(data: Any, top: int) -> None:
    """The k largest |product|, of all paths from several starts."""
    run, starts = scalar_graph(data.draw, data.draw(st.integers(1, 9)))
    output = run.nodes[-1]
    starts = list(dict.fromkeys(run.of[x] for x in starts))
    found = heaviest(run, starts, output, top)
    assert {x: count_paths(run, x, output) for x in starts} == found.counts
    every = [enumerated(run, x, output) for x in starts]
    if any(not e and n for e, n in zip(every, found.counts.values(), strict=True)):
        return
    expected = sorted((abs(float(c)) for contributions in every for c in contributions), reverse=True)
    assert found.scalar
    np.testing.assert_allclose([p.weight for p in found.paths], expected[:top], rtol=1e-9, atol=0)
    assert found.proved == len(found.paths)
    for p in found.paths:
        assert p.nodes[0] in starts
        assert p.nodes[-1] is output
        assert all(b.args[port] is a for a, b, port in zip(p.nodes, p.nodes[1:], p.ports, strict=False))


@settings(max_examples=100)
@given(graphs(), st.integers(1, 4))
def test_what_is_proved_is_true(drawn: Drawn, top: int) -> None:
    """Counts are those of the verifier; the proved ones are the heaviest; no path left out exceeds `rest`."""
    run = trace([drawn.output], drawn.inputs, keep=drawn.leaves)
    output = run.of[drawn.output]
    starts = [run.of[x] for x in drawn.leaves]
    found = heaviest(run, starts, output, top)
    assert found.counts == {x: count_paths(run, x, output) for x in starts}
    every = [enumerated(run, x, output) for x in starts]
    if any(not e and n for e, n in zip(every, found.counts.values(), strict=True)):
        return
    weights = sorted((float(np.linalg.norm(np.ravel(c))) for e in every for c in e), reverse=True)
    listed = [p.weight for p in found.paths]
    assert len(listed) == min(top, len(weights))
    np.testing.assert_allclose(listed[: found.proved], weights[: found.proved], rtol=1e-9, atol=1e-300)
    assert all(p.weight <= 2.0**p.log_bound * (1 + 1e-9) for p in found.paths)
    assert found.proved == len(listed)  # so few paths are all weighed if need be


@given(graphs())
def test_all_of_them_add_up_to_the_gradient(drawn: Drawn) -> None:
    """Where there are few enough to list, their contributions are the terms of the sum over paths."""
    run = trace([drawn.output], drawn.inputs, keep=drawn.leaves)
    x, output = run.of[drawn.leaves[0]], run.of[drawn.output]
    found = heaviest(run, [x], output, 500)
    if found.counts[x] > 500:
        return
    v = plain_or_none(pulled(run.nodes, run.values, output, np.ones(()))[x])
    size = sum(np.abs(p.contribution) for p in found.paths)
    total = sum(p.contribution for p in found.paths)
    assert np.all(np.abs(total - (0.0 if v is None else v)) <= 1e-12 * size + 1e-300)


def test_a_ladder() -> None:
    """200 rungs, 2^200 paths, none of them walked; the heaviest being the one straight through."""
    graph = Graph()
    x = graph.leaf(Type("real", ()), "x")
    y: Any = x
    for _ in range(200):
        y = y * 0.5 + y
    run = trace([y], {x: np.float64(1.0)})
    found = heaviest(run, [x], y, 10)
    assert found.counts[x] == 2**200
    assert [p.weight for p in found.paths] == [1.0] + [0.5] * 9
    assert len(found.paths[0].nodes) == 201
    # ties in the order of the program: the rungs where the first few turn off
    turns = [next(k for k, n in enumerate(p.nodes) if n.op.name == "mul") for p in found.paths[1:]]
    assert turns == list(range(1, 10))


def test_products_beyond_floats() -> None:
    """1e-4000 is still in order, and not a tie with zero."""
    graph = Graph()
    x = graph.leaf(Type("real", ()), "x")
    y: Any = x
    for k in range(20):
        y = y * 1e-200 + y * (1e-200 if k else 2e-200)
    run = trace([y], {x: np.float64(1.0)})
    found = heaviest(run, [x], y, 3)
    assert [p.weight for p in found.paths] == [0.0] * 3
    assert found.paths[0].log_bound == pytest.approx(np.log2(2) + 20 * np.log2(1e-200))
    assert [p.ports[1] for p in found.paths] == [1, 1, 1]


def test_zero_and_infinite_jacobians() -> None:
    """A product with a zero weighs nothing and is still counted; an infinite one comes first."""
    graph = Graph()
    x = graph.leaf(Type("real", ()), "x")
    y = x * x + OPS["sqrt"](x) + x
    run = trace([y], {x: np.float64(0.0)})
    found = heaviest(run, [x], y, 9)
    assert found.counts[x] == 4
    assert [p.weight for p in found.paths] == [inf, 1.0, 0.0, 0.0]


def test_structural_zeros_are_on_no_path() -> None:
    """x is used by floor and by a comparison, which have no derivative."""
    graph = Graph()
    x = graph.leaf(Type("real", ()), "x")
    y = OPS["floor"](x) * 2.0 + x
    run = trace([y], {x: np.float64(1.5)})
    found = heaviest(run, [x], y, 9)
    assert found.counts == {x: 1}
    assert [p.weight for p in found.paths] == [1.0]


def test_the_output_itself() -> None:
    """One path, without an edge."""
    graph = Graph()
    x = graph.leaf(Type("real", ()), "x")
    y = x * 2.0
    run = trace([y], {x: np.float64(1.5)})
    found = heaviest(run, [y], y, 3)
    assert found.counts == {y: 1}
    assert [(p.weight, list(p.nodes)) for p in found.paths] == [(1.0, [y])]
