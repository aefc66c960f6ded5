"""Simplified = built, on random graphs, their adjoints and the adjoints of these."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from simplifying import simplified_exactly
from strategies.graphs import Drawn, graphs
from strategies.hard_graphs import HardGraph, hard_graphs

from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.simplify import simplify
from paramprog.transfer.linear import SUM


@settings(deadline=None, max_examples=150)
@given(graphs())
def test_values_and_gradients(drawn: Drawn) -> None:
    gradient = [a for a in adjoint(drawn.output, drawn.leaves) if a is not None]
    simplified_exactly([drawn.output, *gradient], drawn.inputs)


@settings(deadline=None, max_examples=60)
@given(graphs(steps=6))
def test_second_derivatives(drawn: Drawn) -> None:
    for g in adjoint(drawn.output, drawn.leaves):
        if g is not None:
            number = g.graph.emit(SUM, g, axes=tuple(range(len(g.shape))), sizes=g.shape)
            second = [a for a in adjoint(number, drawn.leaves) if a is not None]
            simplified_exactly([drawn.output, g, *second], drawn.inputs)


@settings(deadline=None, max_examples=60)
@given(graphs(steps=6))
def test_a_simplified_graph_can_be_differentiated(drawn: Drawn) -> None:
    """Simplification and differentiation commute in value."""
    first = simplify([drawn.output])
    leaves = [x for x in drawn.leaves if x in first.of]
    before = adjoint(drawn.output, leaves)
    after = adjoint(first.outputs[0], [first.of[x] for x in leaves])
    for a, b in zip(before, after, strict=True):
        expected = 0.0 if a is None else evaluate([a], drawn.inputs)[0]
        found = 0.0 if b is None else evaluate([b], first.inputs(drawn.inputs))[0]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=400)
@given(hard_graphs())
def test_hard_values(drawn: HardGraph) -> None:
    """Zeros of both signs, infinities, NaN and the numbers that rules are about."""
    simplified_exactly(drawn.outputs, drawn.inputs)
