"""Equal constant selections of one point are equal arguments: the second call is the first one."""

from __future__ import annotations

import numpy as np
import pytest
from checking import told, value

import paramprog
from paramprog.program import Program
from paramprog.resources import programs_dir

A = "A = [[1.0, 2.0, 3.0], [4.0, 5.0, 7.0], [6.0, 8.0, 9.0]], v = [1.0, 2.0, 3.0, 4.0], i = 1"


def calls(expression: str, before: str = "") -> int:
    """How many times `g`, which computes one `sin`, is inlined in this expression."""
    text = "function g(x) { return sum(sin(x)) }\nconst c = [0, 1]\n"
    text += f"function f({A}) {{ {before}; return {expression} }}"
    program = paramprog.loads(text)
    value(text)
    return [n.op.name for n in program.compiled().built.graph.nodes].count("sin")


@pytest.mark.parametrize(
    "first, second",
    [
        ("A", "A"),
        ("v[1:3]", "v[1:3]"),
        ("v[1:3]", "v[1:4][0:2]"),
        ("v[::2]", "v[0:3:2]"),
        ("v[2]", "v[1:][1]"),
        ("A[0]", "A[0, :]"),
        ("A[1:, 1:]", "A[:, 1:][1:]"),
        ("A[0]", "transpose(A)[:, 0]"),
        ("A", "transpose(transpose(A))"),
        ("A[0]", "reshape(A, 9)[0:3]"),
        ("v", "concat(v[0:1], v[1:])"),
        ("concat(A[1:3, 0:1], A[1:3, 2:3], axis = 1)", "concat(A[:, 0:1], A[:, 2:3], axis = 1)[1:3]"),
        ("v[0:2]", "[v[0], v[1]]"),
        ("v[0:2]", "gather(v, [0, 1])"),
        ("v[0:2]", "gather(v, c)"),
        ("v", "v[:]"),
        ("v[1:1]", "v[3:3]"),
        ("v[1:1]", "A[0, 0:0]"),
    ],
)
def test_equal_selections_are_one_call(first, second):
    """However they were made: by slices of slices, transpositions, concatenations, stacks of entries."""
    assert calls(f"g({first}) + g({second})") == 1


@pytest.mark.parametrize(
    "first, second",
    [
        ("v[1:3]", "v[0:2]"),
        ("v[0:2]", "[v[1], v[0]]"),
        ("A", "transpose(A)"),
        ("A[0]", "A[:, 0]"),
        ("v[0:3]", "A[0]"),
        ("v[0:1]", "v[0]"),
        ("reshape(v, 2, 2)", "v"),
        ("v", "v + 0"),
        ("v", "1 * v"),
        ("A[i]", "A[1]"),
        ("v[0:2]", "concat(v[0:1], A[0, 1:2])"),
        ("roll(v, 4)", "v"),
    ],
)
def test_different_selections_are_different_calls(first, second):
    """Other entries, another order, shape or root; and what is computed is no selection, nor is a run-time index."""
    assert calls(f"g({first}) + g({second})") == 2


def test_selections_of_points_with_names():
    """A copy is the same selection, also of a whole point."""
    assert calls("g(a) + g(b) + g(v[1:3])", "a = v[1:3]; b = a") == 1
    assert calls("g(a) + g(v)", "a = v") == 1


def test_an_update_is_no_selection():
    """It puts something else there."""
    assert calls("g(a) + g(v)", "a = v; a[0] = v[0]") == 2


def test_equal_arguments_of_different_functions_are_different_calls():
    text = "function g(x) { return sin(x) }\nfunction h(x) { return sin(x) }\n"
    text += "function f(x = 1.0) { return g(x) + h(x) }"
    names = [n.op.name for n in paramprog.loads(text).compiled().built.graph.nodes]
    assert names.count("sin") == 2


def test_other_arguments_count_too():
    """Of two points, and ints known at compile time."""
    text = "function g(x, y, k) { return k * sum(sin(x)) * sum(y) }\n"
    text += f"function f({A}) {{ return g(v[0:2], v, 1) + g(v[:2], v, 1) + g(v[0:2], v[1:], 1) + g(v[0:2], v, 2) }}"
    names = [n.op.name for n in paramprog.loads(text).compiled().built.graph.nodes]
    assert names.count("sin") == 3


@pytest.mark.parametrize("index", ["9", "[0, 9]", "-1"])
def test_indices_out_of_range(index):
    """A selection without a value is told when it is needed, with its place."""
    text = "function g(x) {{ return sum(sin(x)) }}\nfunction f({A}) {{ return {call} }}"
    call = f"g(gather(v, {index}))"
    assert told(text.format(A=A, call=call)) == [("index-range", f"gather(v, {index})")]
    assert value(text.format(A=A, call=f"if x > 0 then {call} else 1.0").replace("i = 1", "x = 0.0")) == 1


def test_large_arrays_are_not_looked_through():
    """They are the same point or not; the value is right either way."""
    text = "function g(x) { return sum(sin(x)) }\n"
    text += "function f(x : real[70000]) { return g(x[1:][0:9]) + g(x[1:10]) }"
    program = paramprog.loads(text)
    assert [n.op.name for n in program.compiled().built.graph.nodes].count("sin") == 2
    x = np.linspace(0, 1, 70000)
    assert program(x=x) == pytest.approx(2 * np.sum(np.sin(x[1:10])))


# ---- the determinant by minors -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def determinant() -> Program:
    return paramprog.load(programs_dir() / "determinant.pp")


def test_the_determinant_has_a_path_for_each_product(determinant):
    """8! = 40,320 paths from `unit`, in a graph of fewer than 20,000 nodes."""
    assert len(determinant.compiled().built.graph.nodes) < 20_000
    found = determinant.paths(wrt=["unit"], top=1)
    assert dict(found.counts) == {"unit": 40_320}


def test_the_gradient_of_the_determinant_is_the_matrix_of_cofactors(determinant):
    """det(A) A^-T; and the derivative by `unit` is the determinant."""
    matrix = determinant.point().inputs["A"]
    found = determinant.grad(wrt=["unit", "A"])
    assert found.value == pytest.approx(np.linalg.det(matrix), rel=1e-12)
    assert found["unit"] == pytest.approx(np.linalg.det(matrix), rel=1e-12)
    expected = np.linalg.det(matrix) * np.linalg.inv(matrix).T
    np.testing.assert_allclose(found["A"], expected, rtol=1e-10, atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7])
def test_the_determinant_of_other_sizes(determinant, n):
    """n! paths in O(n 2^n) nodes."""
    text = determinant.source.text.partition("function main")[0]
    rng = np.random.default_rng(n)
    matrix = rng.standard_normal((n, n))
    program = paramprog.loads(f"{text}\nfunction main(A : real[{n}, {n}]) {{ return det(A) }}")
    assert program(A=matrix) == pytest.approx(np.linalg.det(matrix), rel=1e-10)
    found = program.paths({"A": matrix}, wrt=["unit"], top=1)
    assert list(found.counts.values()) == [np.prod(np.arange(1, n + 1))]
    assert len(program.compiled().built.graph.nodes) < 12 * n * 2**n
