"""Random programs with loops, branches and comprehensions: the graph computes what the tree says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from checking import interpreted
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies.programs import programs

import paramprog

WRT = ["w", "u", "W", "x", "v", "y", "A"]


def check(text: str) -> None:
    program = paramprog.loads(text)
    value, [expected] = program(), interpreted(program)
    graph = program.compiled().built.graph
    graph.check()
    assert np.shape(value) == np.shape(expected) == ()
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-9)
    program.grad(wrt=WRT)
    graph.check()


@settings(max_examples=150)
@given(programs(depth=1, regions=True))
def test_graph_and_interpreter_agree(text):
    """On the value; and the gradient graph is well formed."""
    check(text)


def check_states(text: str, states: int) -> None:
    kept = re.sub(r"(?m)^( *for \w+ in [^{\n]*) \{$", rf"\1 checkpoint {states} {{", text)
    expected, found = (paramprog.loads(t).grad(wrt=WRT) for t in (text, kept))
    for name in WRT:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-9)


@settings(max_examples=100)
@given(programs(depth=1, regions=True), st.integers(1, 3))
def test_few_states_give_the_same_gradients(text, states):
    """With `checkpoint` at every loop, wherever it stands."""
    check_states(text, states)


@pytest.mark.slow
@settings(max_examples=2000)
@given(programs(regions=True))
def test_many_larger_programs(text):
    """As above."""
    check(text)


@pytest.mark.slow
@settings(max_examples=1000)
@given(programs(regions=True), st.integers(1, 3))
def test_few_states_of_many_larger_programs(text, states):
    """As above."""
    check_states(text, states)
