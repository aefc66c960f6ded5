"""What the derivatives of loops record: not the rows of an input, which are there already."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import paramprog
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.graph import Node, demand
from paramprog.simplify import simplify

PROGRAM = """
    dim T = {T}, d = 3, n = 2
    param W : real[d, d] ~ glorot(), U : real[d, n] ~ glorot(), V : real[d, n] ~ glorot(), b : real[d] ~ uniform(0, 1)
    function f(xs : real[T, n], ys : real[T + 1, d]) {{
        h = zeros(d)
        for t in {range} {{ h = tanh(W @ h + U @ xs[t] + b * ys[t + {lower}]) }}
        return sum(h)
    }}"""

RANGES = ["0..T", "reversed(0..T)", "1..T", "2..T - 1"]


def adjoints(range, T=6, lower=0, *, simplified=True):
    text = inspect.cleandoc(PROGRAM.format(T=T, range=range, lower=lower))
    built = paramprog.loads(text).compiled().built
    found = adjoint(built.outputs["out0"], [built.params[k] for k in ("W", "U", "b")])
    assert all(n is not None for n in found)
    return simplify(found).outputs if simplified else found


def histories(nodes):
    """The nodes of the body of the first loop whose histories are wanted."""
    live = demand(nodes[0].graph.nodes, nodes)
    keys = next(keys for n, keys in live.items() if n.op.name == "loop")
    return [k.op.name for k in keys if isinstance(k, Node)]


@pytest.mark.parametrize("range", RANGES)
@pytest.mark.parametrize("lower", [0, 1])
@pytest.mark.parametrize("simplified", [False, True])
def test_rows_of_an_input_are_not_recorded(range, lower, simplified):
    """Nor are parts of it, in reverse, or from another row on."""
    assert "gather" not in histories(adjoints(range, lower=lower, simplified=simplified))


def test_rows_in_another_order_are_recorded():
    text = PROGRAM.replace("U @ xs[t]", "U @ xs[T - 1 - t]").format(T=6, range="0..T", lower=0)
    built = paramprog.loads(inspect.cleandoc(text)).compiled().built
    found = adjoint(built.outputs["out0"], [built.params["U"]])
    assert "gather" in histories(simplify(found).outputs)


@pytest.mark.parametrize("range", RANGES)
def test_sums_of_products_with_rows_are_one_contraction(range):
    """Of W @ h by the outer product's size; of U @ x, smaller than that, and of b * y, as all is kept anyway."""
    for d in adjoints(range):
        assert d.op.name == "contract"


@pytest.mark.parametrize("range", RANGES)
def test_the_graph_does_not_grow_with_the_turns(range):
    assert len(adjoints(range, 6)[0].graph) == len(adjoints(range, 600)[0].graph)


def test_what_would_have_to_be_kept_for_it_is_summed_in_the_loop():
    """Without a large product nothing keeps the cotangents: b's gradient is carried."""
    text = "param b : real[3] = 0.5\nfunction f(ys : real[4, 3]) {\nh = zeros(3)\n"
    text += "for t in 0..4 { h = tanh(h + b * ys[t]) }\nreturn sum(h)\n}"
    built = paramprog.loads(text).compiled().built
    (d,) = adjoint(built.outputs["out0"], [built.params["b"]])
    assert simplify([d]).outputs[0].op.name == "part"


@pytest.mark.parametrize("range", RANGES)
@pytest.mark.parametrize("lower", [0, 1])
def test_gradients_are_those_of_differences(range, lower):
    """At seeded inputs, by both oracles of `verify`."""
    program = paramprog.loads(inspect.cleandoc(PROGRAM.format(T=4, range=range, lower=lower)))
    rng = np.random.default_rng(0)
    inputs = {"xs": rng.normal(size=(4, 2)), "ys": rng.normal(size=(5, 3))}
    assert program.verify(inputs=inputs, max_paths=0).ok


def test_a_nested_loop_reads_the_rows_of_the_input_too():
    text = """
    param U : real[4, 3] ~ glorot()
    function f(xs : real[3, 3] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]) {
        h = zeros(4)
        for i in 0..2 { for t in 0..3 { h = tanh(0.1 * (U @ xs[t]) + h * i) } }
        return sum(h)
    }"""
    program = paramprog.loads(inspect.cleandoc(text))
    built = program.compiled().built
    assert "gather" not in histories(adjoint(built.outputs["out0"], [built.params["U"]]))
    assert program.verify().ok
    assert np.shape(evaluate([built.outputs["out0"]], {**program.point().leaves})[0]) == ()


STEADY = """
    dim T = 6, d = 3
    param W : real[d, d] ~ glorot(), a : real = 3
    function f(x : real[d]) {
        h = x
        for t in 0..T { h = tanh(W @ W @ h / a + 2 * exp(a) * a) }
        return sum(h)
    }"""


def test_what_is_the_same_in_all_turns_is_not_recorded():
    """Constants and what is computed of what enters a loop: once around it, if it cannot fault there."""
    built = paramprog.loads(inspect.cleandoc(STEADY)).compiled().built
    found = adjoint(built.outputs["out0"], [built.params[k] for k in ("W", "a")])
    recorded = histories(found)
    assert not {"contract", "expand", "full", "convert"} & set(recorded)


def test_nothing_is_computed_for_a_loop_without_turns():
    """An operation that has no value is not one of what is computed around the loop."""
    text = """
        param a : real = 0
        function f(x : real, n : int = 0) {
            h = x
            for t in 0..n { h = h * log(a) * (1 // int(a)) }
            return h
        }"""
    found = paramprog.loads(inspect.cleandoc(text)).grad(x=2.0)
    assert found.value == 2.0
    assert found.gradients["a"] == 0.0
