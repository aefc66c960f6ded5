"""Gradients of what loops read slices of: summed slice by slice, and embedded after the loop."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import paramprog
from paramprog.gradient import adjoint
from paramprog.graph import Node, demand
from paramprog.simplify import simplify
from paramprog.transfer.loops import LOOP

HEAD = "param W : real[2, 3, 4] ~ uniform(-1, 1), v : real[4] ~ uniform(-1, 1)\n"
LAYER = """function layer(w : real[3, 4], x : real[4]) { return tanh(w[0] * x + w[2]) * w[1, 3] }
"""


def program(turn: str, turns: str = "for t in 0..5") -> str:
    return (
        f"{HEAD}{LAYER}function f(z : real[4] = 0.3) {{\nx = z\n{turns} {{\nx = {turn}\n}}\nreturn sum(x)\n}}"
    )


def carried(text: str, param: str = "W") -> list[tuple[int, ...]]:
    """The shapes of what the adjoint loop of a program carries for the gradient of one param."""
    built = paramprog.loads(text).compiled().built
    output = next(iter(built.outputs.values()))
    found = adjoint(output, [built.params[param]])
    assert isinstance(found[0], Node)
    (made,) = simplify([found[0]]).outputs
    loops = [n for n in demand(made.graph.nodes, [made]) if n.op is LOOP]
    return sorted(t.shape for t in loops[-1].results)


def test_slices_are_carried_and_not_what_they_are_cut_from():
    """Slices of slices too, as arguments of functions are: [4] twice and a number, beside the carry itself."""
    assert carried(program("layer(W[1], x)")) == [(), (4,), (4,), (4,)]


def test_equal_slices_are_one():
    assert carried(program("layer(W[1], layer(W[1], x))")) == [(), (4,), (4,), (4,)]


def test_what_is_read_as_a_whole_too_is_carried_as_a_whole():
    assert carried(program("tanh(W[0, 0] * x) * sum(W)")) == [(2, 3, 4), (4,)]


def test_an_entry_that_a_turn_chooses_is_one_of_a_slice():
    """Of W[i, 0, 0] the slice is W[:, 0, 0], of which the turn adds to one entry."""
    assert carried(program("tanh(W[0, 0] * x) * W[mod(t, 2), 0, 0]")) == [(2,), (4,), (4,)]


def test_windows_that_overlap_are_not_carried_one_by_one():
    """Or what is carried would be larger than the param."""
    turn = "x * sum(v[0:3] * v[1:4]) * sum(v[0:2])"
    assert carried(program(turn), "v") == [(4,), (4,)]


@pytest.mark.parametrize(
    "turns", ["for t in 0..0", "for t in 0..1", "for t in reversed(1..4)", "for t in 0..5 checkpoint 2"]
)
def test_loops_of_all_kinds(turns: str):
    """Gradients agree with sums over paths and with differences."""
    found = paramprog.loads(program("layer(W[1], layer(W[0], x)) + W[0, 1]", turns)).verify()
    assert found.ok


def test_a_loop_in_a_loop():
    text = program("x * v[1]\nfor k in 0..2 {\nx = tanh(W[0, 1] * x + W[1, 2] * v[0])\n}")
    assert paramprog.loads(text).verify().ok


def test_second_derivatives():
    """Of what is embedded after the loop: forward over reverse against reverse over reverse."""
    text = inspect.cleandoc("""
        param w : real[3] = [0.3, -0.2, 0.7]
        function f(z = 0.5) {
            x = z
            for t in 0..3 { x = sin(w[0] * x) + w[2] * w[1] }
            return x
        }""")
    forward, reverse = (
        paramprog.loads(text).hessian(wrt=["w"], mode=m).hessians["w"]["w"] for m in ("forward", "reverse")
    )
    np.testing.assert_allclose(forward, reverse, rtol=1e-13)
    np.testing.assert_allclose(forward, forward.T, rtol=1e-13)


PARTS = ["W[0, 1]", "W[1, 0]", "W[0, 1]", "layer(W[1], x)", "W[1, 2, 0:4]", "v", "x * W[0, 2, 3]", "v[1] * x"]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=4),
    st.sampled_from(["for t in 0..3", "for t in reversed(0..3)"]),
)
def test_random_turns(parts: list[str], turns: str):
    assert paramprog.loads(program(f"tanh({' + '.join(parts)} + 0.5 * x)", turns)).verify().ok
