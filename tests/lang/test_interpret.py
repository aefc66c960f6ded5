"""The tree interpreter: the oracle that never sees the graph."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from checking import interpreted, returning, value

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.lang import interpret as module
from paramprog.lang.interpret import interpret
from paramprog.lang.interpret_values import convert


def test_it_does_not_see_the_graph():
    """Neither the builder nor the gradient; of the graph only the exception that operations raise."""
    imported = {
        (node.module or "", alias.name)
        for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    modules = {m for m, _ in imported}
    assert (
        not {"paramprog.lang.build", "paramprog.lang.lanes", "paramprog.gradient", "paramprog.evaluate"}
        & modules
    )
    assert {n for m, n in imported if m.startswith("paramprog.graph")} <= {"ValueFault"}


def test_the_running_example():
    """In closed form."""
    text = "param W0 = 0.5, W1 = -1.2, W2 = 0.8\nfunction R(P = 0.3, Q = 0.7) {\n"
    text += "B = tanh(W0 * P) * Q; return sin(W1 * B) * sigmoid(W2 * B) }"
    b = np.tanh(0.15) * 0.7
    expected = np.sin(-1.2 * b) / (1 + np.exp(-0.8 * b))
    assert interpreted(paramprog.loads(text)) == [pytest.approx(expected, rel=1e-15)]


def test_it_computes_in_float64_whatever_the_program_is_compiled_for():
    program = paramprog.loads(returning("x / 3", "x = 1.0"), dtype="float32")
    assert program().dtype == np.float32
    [found] = interpreted(program)
    assert found.dtype == np.float64
    assert found == 1 / 3


@pytest.mark.parametrize(
    "expression, kind",
    [
        ("x", "f"),
        ("1", "i"),
        ("x > 1", "b"),
        ("[1, 2]", "i"),
        ("[1, x]", "f"),
        ("if x > 1 then 1 else 2.0", "f"),
        ("7 // 2", "i"),
    ],
)
def test_results_have_their_kind(expression, kind):
    [found] = interpreted(paramprog.loads(returning(expression)))
    assert np.asarray(found).dtype.kind == kind


def test_faults_have_their_place():
    """Of an operation, an index, a call."""
    for expression, code, at in [
        ("1 + 7 // k", "division-by-zero", "//"),
        ("v[k + 2]", "index-range", "k + 2"),
        ("mod(3, k)", "division-by-zero", "mod(3, k)"),
        ("int(x / 0)", "number-range", "int(x / 0)"),
        ("gather(v, 2)", "index-range", "gather(v, 2)"),
    ]:
        program = paramprog.loads(returning(expression, "x = 2.0, k = 0, v = [1.0, 2.0]"))
        with pytest.raises(ProgramError) as caught:
            interpreted(program)
        [found] = caught.value.diagnostics
        assert (found.code, found.span.text if found.span else None) == (code, at)


def test_faults_in_an_arm_that_is_not_selected_do_not_exist():
    """For a scalar, lane by lane, in functions and bases called from there, and through several operations."""
    text = "base b(x, k) = if k > 0 then mod(9, int(k)) * x else -x\n"
    text += "function g(v, k) { a = 10 // k; c = v * a + 1; return if c > 0 then c else -c }\n"
    arguments = "x = 2.0, v = [1.0, 2.0, 3.0], k = [2, 0, 5], w = [1.0], i = 3"
    cases = {
        "if i < 1 then w[i] else 7": 7,
        "if k > 0 then g(v, k) else 0": [6, 0, 7],
        "b(v, k)": [1, -2, 12],
        "if k > 0 then (if 10 // k > 3 then 1 else 2) else 3": [1, 3, 2],
        "if k > 0 then 10 // k * v else if k == 0 then v else 1 // (k - k)": [5, 2, 6],
    }
    for expression, expected in cases.items():
        np.testing.assert_array_equal(value(text + returning(expression, arguments)), expected)


def test_shared_faults_count_only_for_lanes_that_all_conditions_select():
    """An index out of range in the arm of an arm; the graph is stricter here (see test_lanes.py)."""
    for expression, expected in [
        ("if v > 2 then (if v < 2 then v * w[i] else 2.0) else 0.0", [0, 0, 2]),
        ("if k > 0 then (if 10 // k > 9 then v * w[i] else 2.0) else 0.0", [2, 0, 2]),
    ]:
        program = paramprog.loads(
            returning(expression, "v = [1.0, 2.0, 3.0], k = [2, 0, 5], w = [1.0], i = 3")
        )
        np.testing.assert_array_equal(interpreted(program)[0], expected)


@pytest.mark.parametrize("expression", ["if k >= 0 then 10 // k else 0", "if v > 2 then v * w[i] else 0"])
def test_faults_in_a_lane_that_is_selected_are_raised(expression):
    program = paramprog.loads(returning(expression, "v = [1.0, 2.0, 3.0], k = [2, 0, 5], w = [1.0], i = 3"))
    with pytest.raises(ProgramError):
        interpreted(program)


def test_convert():
    """Ints and bools become real; a value of the kind stays."""
    assert convert(3, "real").dtype == np.float64
    assert convert(True, "bool") is np.True_
    np.testing.assert_array_equal(convert([1, 2], "real"), [1.0, 2.0])


def test_interpreting_changes_nothing():
    """The values given stay as they are."""
    program = paramprog.loads("param w = [1.0, 2.0]\nfunction f(x = [3.0, 4.0]) { y = x * w; return y }")
    point = program.point()
    checked = point.compiled.checked
    before = (point.inputs["x"].copy(), point.params["w"].copy())
    interpret(checked.entry, point.inputs, point.params)
    np.testing.assert_array_equal(point.inputs["x"], before[0])
    np.testing.assert_array_equal(point.params["w"], before[1])
