"""Random programs with derivative operators: graph and dual numbers agree, and so do all mixes of modes."""

from __future__ import annotations

import numpy as np
import pytest
from checking import interpreted
from hypothesis import given, settings
from strategies.programs import programs

import paramprog

WRT = ["w", "u", "W", "x", "v", "y", "A"]


def check(text: str) -> None:
    """The value by the graph, by nested dual numbers, and with each mode turned into the other one."""
    program = paramprog.loads(text)
    value, [expected] = program(), interpreted(program)
    program.compiled().built.graph.check()
    np.testing.assert_allclose(value, expected, rtol=1e-8, atol=1e-8)
    turned = text.replace("mode = forward", "mode = F").replace("mode = reverse", "mode = forward")
    np.testing.assert_allclose(
        paramprog.loads(turned.replace("mode = F", "mode = reverse"))(), value, rtol=1e-8, atol=1e-8
    )


@settings(max_examples=60)
@given(programs(depth=1, derivatives=True))
def test_graph_and_duals_agree(text):
    """On the value; so does the program with the other mode everywhere."""
    check(text)


@settings(max_examples=40)
@given(programs(depth=1, regions=True, derivatives=True))
def test_in_loops_and_arms(text):
    """As above."""
    check(text)


@settings(max_examples=30)
@given(programs(depth=1, regions=True, derivatives=True))
def test_gradients_of_programs_with_derivatives(text):
    """Both modes agree, on the size of what is added, and the gradient graph is well formed."""
    program = paramprog.loads(text)
    reverse, forward = program.grad(wrt=WRT), program.grad(wrt=WRT, mode="forward")
    program.compiled().built.graph.check()
    for name in WRT:
        scale = 1 + np.max(np.abs(reverse[name]), initial=0.0)
        np.testing.assert_allclose(forward[name], reverse[name], rtol=1e-7, atol=1e-8 * scale)


@pytest.mark.slow
@settings(max_examples=1000)
@given(programs(regions=True, derivatives=True))
def test_many_larger_programs(text):
    """As above."""
    check(text)
