"""Arrays that turns read or write row by row: their gradients are rows too, and nothing is as large as the array."""

from __future__ import annotations

import inspect
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import paramprog
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.graph import Node, demand
from paramprog.simplify import simplify
from paramprog.transfer.loops import LOOP
from paramprog.types import Size

PROGRAM = """
    dim n = {n}
    param w = 0.7, u : real[n] ~ uniform(0, 1)
    function f(z : real[n] = 0.3) {{
        hs = z * 0.5
        h = 0.1
        for t in {turns} {{
            h = tanh(w * h + u[t] * z[t]{more})
            hs[t] = {value}
        }}
        return sum(hs * hs) + h
    }}"""
TURNS = ["0..n", "reversed(0..n)", "2..n", "0..n - 2", "1..n - 1", "3..3"]


def program(turns: str = "0..n", value: str = "h", more: str = "", n: int = 6) -> str:
    return inspect.cleandoc(PROGRAM.format(turns=turns, value=value, more=more, n=n))


def made(text: str, *, records: bool) -> tuple[list[Node], list[np.ndarray]]:
    """The value and its gradients in all params and inputs, simplified; and what they are."""
    loaded = paramprog.loads(text)
    built = loaded.compiled().built
    output = next(iter(built.outputs.values()))
    found = adjoint(output, [*built.params.values(), *built.inputs.values()])
    simple = simplify([output, *(n for n in found if n is not None)], records=records)
    return list(simple.outputs), evaluate(simple.outputs, simple.inputs(loaded.point().leaves))


def largest(outputs: list[Node]) -> list[int]:
    """For each loop the entries of the largest value in a turn, but for what is the same in all of them."""
    live = demand(outputs[0].graph.nodes, outputs)
    found = []
    for n, keys in live.items():
        if n.op is LOOP:
            (body,) = n.attrs["bodies"]
            roots = [*(v for _, v in n.attrs["next"]), *(k for k in keys if isinstance(k, Node))]
            varying = [
                m
                for m in demand(body.nodes, roots)
                if m not in body.ports or body.ports[m].kind in ("carry", "scan")
            ]
            found.append(max(prod(0 if isinstance(k, Size) else k for k in m.shape) for m in varying))
    return found


@pytest.mark.parametrize("turns", TURNS)
def test_the_adjoint_works_on_rows(turns: str):
    """Of arrays that are read at the number of the turn, and of those that are written there."""
    outputs, _ = made(program(turns), records=False)
    assert largest(outputs)[1:] == [1]


@pytest.mark.parametrize("turns", TURNS)
def test_an_array_that_turns_write_is_a_history(turns: str):
    """In what is to be compiled; not a bit changes."""
    outputs, found = made(program(turns), records=True)
    assert largest(outputs) == [1, 1]
    for a, b in zip(found, made(program(turns), records=False)[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "value, more",
    [("h", " + hs[t]"), ("h + hs[0]", ""), ("h", " + hs[n - 1 - t]"), ("hs[t] * h", "")],
    ids=["read before", "another row", "any row", "multiplied"],
)
def test_what_is_read_too_is_carried(value: str, more: str):
    outputs, _ = made(program(value=value, more=more), records=True)
    assert largest(outputs)[0] == 6
    assert paramprog.loads(program(value=value, more=more, n=4)).verify().ok


def test_rows_of_rows():
    """hs[t] is itself written in an inner loop."""
    text = """
        param w : real[3] = [0.3, -0.2, 0.7]
        function f(z : real[4, 3] = 0.5) {
            hs = zeros(4, 3)
            for t in 0..4 {
                row = zeros(3)
                for k in 0..3 { row[k] = sin(w[k] * z[t, k]) * (t + 1) }
                hs[t] = row
            }
            return sum(hs * z)
        }"""
    assert paramprog.loads(inspect.cleandoc(text)).verify().ok
    _, found = made(inspect.cleandoc(text), records=True)
    for a, b in zip(found, made(inspect.cleandoc(text), records=False)[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_overwritten_has_no_part_in_infinities():
    """The adjoint of a row that is overwritten is no path at all: log at 0 there leaves no NaN."""
    text = """
        param w = 0.5
        function f(z : real[4] = [0.0, 0.0, 2.0, 3.0]) {
            hs = log(z)
            for t in 0..2 { hs[t] = w * t }
            return sum(hs)
        }"""
    gradients = paramprog.loads(inspect.cleandoc(text)).grad(wrt=["z", "w"]).gradients
    np.testing.assert_array_equal(gradients["z"], [0, 0, 1 / 2, 1 / 3])
    assert gradients["w"] == 1


VALUES = ["h", "h * h", "w", "0.5", "h + z[t]", "z[t] * u[t]"]


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(TURNS),
    st.sampled_from(VALUES),
    st.sampled_from(["", " + z[0]", " + u[mod(t + 1, n)]"]),
    st.sampled_from(["", " checkpoint 2"]),
)
def test_random_loops(turns: str, value: str, more: str, kept: str):
    """Gradients agree with the sum over paths and with differences."""
    assert paramprog.loads(program(turns + kept, value, more, n=4)).verify().ok
