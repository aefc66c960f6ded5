"""Printed gradients of conditionals on arrays whose lanes see whole arrays, or add something up."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from emitting import again, agree, by_python, check

import paramprog
from paramprog.emit.lanes import entry_by_entry
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.simplify import simplify

PROGRAMS = {
    "a number that all lanes share": """
        function f(x = -0.4, y : real[2] = [-0.9, 1.4]) {
            a = if y > 0 then 1 else [sin(x) / x for c in 0..2]
            return sum(a * y)
        }""",
    "a number beside the index": """
        function f(w = 0.3, u : real[3] = [1, 2, 3], v : real[3] = [-1, 4, 1.0], z : real[3] = [1, 2, 3]) {
            return sum(if u >= v then z else [tanh(w) * i for i in 0..3])
        }""",
    "entries of an array that all lanes share": """
        function f(w : real[3] = [1, 2, 3], y : real[2] = [-0.9, 1.4], k : int[2] = [2, 0]) {
            a = if y > 0 then [w[k[i]] * sin(w[k[i]]) for i in 0..2] else y
            return sum(a * y)
        }""",
    "rows and sums": """
        function f(w : real[3] = [1, 2, 3], y : real[2] = [-0.9, 1.4], A : real[2, 3] = [[1, 2, 3], [4, 5, 6]]) {
            a = if y > 0 then [sum(w * A[i]) + sin(dot(w, w)) for i in 0..2] else y
            return sum(a * y)
        }""",
    "on both sides": """
        function f(w : real[3] = [1, 2, 3], y : real[2] = [-0.9, 1.4], x = 2.0) {
            a = if y > 0 then [sum(log(w * x)) for i in 0..2] else [sqrt(x) * w[i] for i in 0..2]
            b = if y > -5 then x else [sqrt(x) * w[i] for i in 0..2]
            return sum(a * y * b)
        }""",
    "in a loop, and in entries": """
        function f(w : real[3] = [1, 2, 3], y : real[2] = [-0.9, 1.4], x = 2.0) {
            s = y
            for t in 0..3 {
                s = tanh(if s > 0 then [sum(log(w * x)) for i in 0..2] else [sqrt(x) * w[i] for i in 0..2])
            }
            z = [sum(if y > w[j] then [w[i] / w[j] for i in 0..2] else [sqrt(x) * w[i] for i in 0..2]) for j in 0..3]
            return sum(s) + sum(z)
        }""",
    "two indices": """
        function f(w = 0.3, u : real[2, 3] = [[1, 2, 3], [4, 5, 6]], v : real[3] = [-1, 4, 1], z : real[2] = [1, 2]) {
            a = if u > 2 then [log(v[j] + w * 20) * z[i] for i in 0..2, j in 0..3]
                else [w / (i + 1) for i in 0..2, j in 0..3]
            return sum(a * u)
        }""",
    "a loop in a lane": """
        function root(a, n : int) {
            y = a
            for k in 0..n { y = 0.5 * (y + a / y) }
            return y
        }
        function f(x = 2.0, y : real[3] = [-0.9, 1.4, 2]) {
            return sum(if y > 0 then [root(y[i] + x, 4) * x for i in 0..3] else x)
        }""",
    "lanes in lanes": """
        function f(x = 2.0, w : real[2] = [1, 2], y : real[2] = [-0.9, 1.4]) {
            a = if y > 0 then (if w > x - 0.5 then [log(w[i]) * dot(w, w) for i in 0..2] else x) else y * x
            return sum(a)
        }""",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_both_languages_compute_value_and_gradients(text):
    """Also of the printed program, printed again."""
    program = paramprog.loads(inspect.cleandoc(text))
    wrt = [k for k, v in program.point().inputs.items() if np.asarray(v).dtype.kind == "f"]
    expected = program.grad(wrt=wrt)
    printed = again(check(program, wrt), wrt)
    found = paramprog.loads(printed).run().outputs.values()
    for a, b in zip(found, [expected.value, *expected.gradients.values()], strict=True):
        assert agree(a, b)


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_the_rewritten_graph_is_sound_and_has_the_same_values(text):
    """In place: the same nodes hold the same values; every invariant of graphs holds."""
    program = paramprog.loads(inspect.cleandoc(text))
    built, point = program.compiled().built, program.point()
    inputs = {**built.inputs, **built.params}
    (end,) = built.outputs.values()
    found = [n for n in adjoint(end, list(inputs.values())) if n is not None]
    made = simplify([end, *found])
    values = made.inputs({inputs[k]: v for k, v in {**point.inputs, **point.params}.items()})
    before = evaluate(made.outputs, values)
    entry_by_entry(made.graph)
    made.graph.check()
    for a, b in zip(evaluate(made.outputs, values), before, strict=True):
        assert agree(a, b)


def test_what_is_elementwise_stays_an_expression_on_arrays():
    text = "function f(x : real[3] = [1, 2, 3], w = 2.0) { y = if x > w then log(x) * w else x; return sum(y * y) }"
    printed = check(paramprog.loads(text))
    assert "y = if x > w then log(x) * w else x" in printed
    assert " in 0..3" not in printed


def test_only_what_is_selected_is_evaluated():
    """In Python too: the index of the other lanes is out of range."""
    text = """
    param w : real[2] = [3, 4]
    function f(k : int[3] = [1, 7, 0], x = 2.0) {
        y = if k < 2 then [w[k[i]] * x for i in 0..3] else x
        return sum(y * y)
    }"""
    program = paramprog.loads(inspect.cleandoc(text))
    check(program)
    assert agree(by_python(program)[0], 8.0**2 + 2.0**2 + 6.0**2)
