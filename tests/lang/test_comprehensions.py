"""Comprehensions, folds, `map` over functions and run-time slices: batched, lazy in each entry."""

from __future__ import annotations

import numpy as np
import pytest
from checking import computed, derivatives, messages, returning, told, value

import paramprog
from paramprog.transfer.branches import Branch

ARGUMENTS = "x = 1.5, v = [2.0, -1.0, 0.5], A = [[1.0, 2.0, 3.0], [-4.0, 5.0, 6.0]], k = [2, 0, 1], i0 = 1"
DECLARATIONS = """dim n = 3, m = 2
const q = 2
param W = [[0.5, 1.0, -1.0], [0.2, 0.3, 0.4]]
function power(x, e) { y = 1.0
 for t in 0..e { y = y * x }
 return y }
function sqrt_newton(a) { s = a
 while abs(s * s - a) > 0.0000001 { s = (s + a / s) / 2 }
 return s }
function pick(a, b) { if a > b { return a * a } else { return b } }
function pair(a) { return [a, a * a] }
"""
NAMES = {
    "x": 1.5,
    "v": np.array([2.0, -1.0, 0.5]),
    "A": np.array([[1.0, 2.0, 3.0], [-4.0, 5.0, 6.0]]),
    "k": np.array([2, 0, 1]),
    "W": np.array([[0.5, 1.0, -1.0], [0.2, 0.3, 0.4]]),
    "i0": 1,
    "q": 2,
    "n": 3,
    "m": 2,
    "power": lambda x, e: x**e,
    "sqrt_newton": np.sqrt,
    "pick": lambda a, b: a * a if a > b else b,
    "pair": lambda a: [a, a * a],
    "np": np,
}
R = range


@pytest.mark.parametrize(
    "expression, python",
    [
        ("[v[i] * i for i in 0..n]", "[v[i] * i for i in R(n)]"),
        ("[v[i] * x for i in 1..n]", "[v[i] * x for i in R(1, n)]"),
        ("[i * j for i in 0..m, j in 1..n + 1]", "[[i * j for j in R(1, n + 1)] for i in R(m)]"),
        ("[[i * j for i in 0..m] for j in 1..n + 1]", "[[i * j for i in R(m)] for j in R(1, n + 1)]"),
        ("[A[i] for i in 0..m]", "A"),
        ("[A[:, j] * v[j] for j in 0..n]", "[A[:, j] * v[j] for j in R(n)]"),
        ("[A[i, j] + W[i, j] for i in 0..m, j in 0..n]", "A + W"),
        ("[v[k[i]] for i in 0..n]", "v[k]"),
        ("[v[n - 1 - i] for i in 0..n]", "v[::-1]"),
        ("[x for i in 0..m, j in 0..q]", "np.full((2, 2), x)"),
        ("[1 for i in 0..m]", "[1, 1]"),
        ("[i > 0 for i in 0..m]", "[False, True]"),
        ("[v for i in 0..m]", "[v, v]"),
        ("[[i, j] for i in 0..1, j in 0..2]", "[[[0, 0], [0, 1]]]"),
        ("[if v[i] > 0 then log(v[i]) else 0.0 for i in 0..n]", "[np.log(v[i]) if v[i] > 0 else 0 for i in R(n)]"),
        ("[if i > 0 then v[i - 1] else 0 for i in 0..n]", "[v[i - 1] if i > 0 else 0 for i in R(n)]"),
        ("[if k[i] > 0 then 7 // k[i] else 9 for i in 0..n]", "[7 // k[i] if k[i] > 0 else 9 for i in R(n)]"),
        (
            "[if i == j then 1 else if i < j then A[i, j] else v[i] for i in 0..m, j in 0..n]",
            "[[1 if i == j else A[i, j] if i < j else v[i] for j in R(n)] for i in R(m)]",
        ),
        ("sum(v[i] * i for i in 0..n)", "sum(v[i] * i for i in R(n))"),
        ("sum(A[i] for i in 0..m)", "A.sum(0)"),
        ("sum(i for i in 0..n)", "3"),
        ("sum(i for i in 5..3)", "0"),
        ("sum(v for i in 2..2)", "np.zeros(3)"),
        ("prod(v[i] for i in 3..3)", "1.0"),
        ("prod(v[i] + j for i in 0..n, j in 0..m)", "np.prod([v[i] + j for i in R(n) for j in R(m)])"),
        ("max(A[i] for i in 0..m)", "A.max(0)"),
        ("min(A[i, j] * x for i in 0..m, j in 0..n)", "-6.0"),
        ("mean(A[:, j] for j in 0..n)", "A.mean(1)"),
        ("mean(i for i in 0..n)", "1.0"),
        ("max(i for i in 2..7)", "6"),
        ("sum(max(A[i, j] for i in 0..m) for j in 0..n)", "12.0"),
        ("sum(power(v[i], i + 1) for i in 0..n)", "sum(v[i] ** (i + 1) for i in R(n))"),
        ("[sqrt_newton(v[i] * v[i] + 1) for i in 0..n]", "np.sqrt(v * v + 1)"),
        ("[pick(v[i], x - 1) for i in 0..n]", "[pick(v[i], x - 1) for i in R(n)]"),
        ("[pair(v[i]) for i in 0..n]", "[pair(a) for a in v]"),
        ("map(pair, v)", "[pair(a) for a in v]"),
        ("map(sqrt_newton, A * A)", "np.abs(A)"),
        ("map(sqrt_newton, x)", "np.sqrt(x)"),
        ("map(pair, 2)", "[2, 4]"),
        ("map(pair, k)", "[[2, 4], [0, 0], [1, 1]]"),
        ("map(tanh, v)", "np.tanh(v)"),
        ("[W[i] @ v for i in 0..m]", "W @ v"),
        (
            "[sum(if v > A[i, 0] then v * A[i] else 0.5) for i in 0..m]",
            "[sum(np.where(v > a[0], v * a, 0.5)) for a in A]",
        ),
        ("[i0 + i for i in 0..n]", "[1, 2, 3]"),
        ("[sum(v[i] for i in 0..n) + i for i in 0..m]", "[1.5, 2.5]"),
        ("[[slice(v, i, 2) for i in 0..m][j] for j in 0..m]", "[v[0:2], v[1:3]]"),
        ("slice(v, i0, 2)", "v[1:3]"),
        ("v[i0 : i0 + 2]", "v[1:3]"),
        ("v[i0 - 1 : 2 * i0 + 2 - i0 : 2]", "v[::2]"),
        ("v[i0 + k[1] : k[1] - -i0]", "v[1:1]"),
        ("A[i0, i0 : i0 + 2]", "A[1, 1:3]"),
        ("A[0 : 2, i0 : i0 + 2]", "A[:, 1:3]"),
        ("A[i0 - 1 : i0 + 1, i0]", "A[:, 1]"),
        ("[v[i : i + 2] @ v[1 - i : 3 - i] for i in 0..m]", "[v[i : i + 2] @ v[1 - i : 3 - i] for i in R(m)]"),
        ("slice(v, 0, 3)", "v"),
        ("slice(A, i0, 2, axis = 1)", "A[:, 1:3]"),
        ("slice(A, i0, 1)", "A[1:]"),
        ("slice(v, i0, 0)", "np.zeros(0)"),
        ("slice(k, n = 2, i = i0)", "k[1:3]"),
        (
            "if v > 0 then [log(v[i]) * v[0] for i in 0..n] else zeros(n)",
            "np.where(v > 0, np.log(np.abs(v)) * v[0], 0)",
        ),
        ("if v > 0 then v * [sqrt(v[i]) for i in 0..n] else zeros(n)", "np.where(v > 0, np.abs(v) ** 1.5, 0)"),
        ("if k < 2 then [v[k[i] + 1] for i in 0..n] else zeros(n)", "[0, v[1], v[2]]"),
        ("if v > 0 then map(sqrt_newton, v) else v", "[np.sqrt(2), -1, np.sqrt(0.5)]"),
        ("if v > 0 then (if x > 1 then [log(v[i]) for i in 0..n] else v) else v", "[np.log(2), -1, np.log(0.5)]"),
        ("if x > 2 then [v[i + 7] for i in 0..n] else v", "v"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_values_and_derivatives(expression, python):
    """The values are those of Python; the derivatives of a weighted sum those of differences."""
    text = DECLARATIONS + returning(expression, ARGUMENTS)
    expected = np.asarray(eval(python, {**NAMES, "R": R}))
    found = value(text)
    assert np.shape(found) == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-7 if "newton" in expression else 1e-14)
    if found.dtype.kind == "f" and found.size:
        body = f"y = {expression}\nreturn sum(y * y * (1.3 + y))"
        derivatives(f"{DECLARATIONS}function f({ARGUMENTS}) {{ {body} }}", tolerance=1e-6)


def test_int_and_real_entries():
    """A fold keeps ints where the function does; an entry that may be real is real."""
    assert computed("sum(i for i in 0..3)").dtype == np.int64
    assert computed("max(i for i in 0..3)").dtype == np.int64
    assert computed("[if i > 1 then i else 0.5 for i in 0..3]").tolist() == [0.5, 0.5, 2.0]


def test_an_entry_that_is_not_selected_does_not_exist():
    """No 0 * infinity from the entries that a condition leaves out."""
    program = paramprog.loads(
        returning(
            "sum(if v[i] > 0 then sqrt(v[i]) * log(v[i]) else 0.0 for i in 0..3)", "v = [1.0, 0.0, -2.0]"
        )
    )
    assert program.grad()["v"].tolist() == [1.0, 0.0, 0.0]


def test_a_fault_in_an_entry_is_told():
    [(found, at, message, _)] = messages(returning("sum(v[i + 1] for i in 0..3)", "v = [1.0, 2.0, 3.0]"))
    assert (found, at, message) == ("index-range", "v[i + 1]", "index 3 is out of range for 3 entries")


def test_indices_hide_other_names():
    """An argument, a param, a local name; inside only."""
    assert computed("sum(x for x in 0..4) + x", "x = 2.0") == 8
    text = "param i = 5.0\nfunction f(x = 2.0) { j = 3.0; return sum(i * j for i in 0..3, j in 0..2) + i * j + x }"
    assert value(text) == 3 + 15 + 2


def test_the_graph_does_not_grow_with_the_range():
    """One region with one body, whatever the bounds; calls in it are its own, and so are its points."""
    for n in (3, 1000):
        text = "function g(t) { y = exp(t); return y }\nfunction f(x = 0.001) {\n"
        text += f"s = sum(g(x * i) for i in 0..{n})\nreturn s * g(x) }}"
        graph = paramprog.loads(text).compiled().built.graph
        assert sum(isinstance(n.op, Branch) for n in graph.nodes) == 1
        assert len(graph) < 16
        assert sum(n.op.name == "exp" for n in graph.nodes) == 1


def test_comprehensions_of_constants():
    """In consts, sizes and conditions that are decided at compile time."""
    text = "const t = [i * i for i in 0..4], total = sum(i for i in 0..4)\ndim n = sum(i for i in 0..3)\n"
    assert value(text + returning("t * x", "x = 2.0")).tolist() == [0, 2, 8, 18]
    assert value(text + returning("sum(ones(n)) * x + total", "x = 2.0")) == 12
    assert value(text + returning("if sum(i for i in 0..3) == 3 then x else nonsense", "x = 2.0")) == 2


RECURSIVE = """
function fact(n : int) { return if n == 0 then 1 else n * fact(n - 1) }
function minor(A : real[n, n], j : int) { return concat(A[1:, :j], A[1:, j + 1:], axis = 1) }
function det(A : real[n, n]) {
    if n == 1 { return A[0, 0] } else {
        return sum((if mod(j, 2) == 0 then 1.0 else -1.0) * A[0, j] * det(minor(A, j)) for j in 0..n)
    }
}
function catalan(n : int) { return if n == 0 then 1 else sum(catalan(j) * catalan(n - 1 - j) for j in 0..n) }
function trees(n : int) { return 1 + sum(trees(j) for j in 0..n) }
"""


def test_comprehensions_around_recursive_calls_are_unrolled():
    """The indices are known at compile time; equal calls are one."""
    rng = np.random.default_rng(0)
    A = np.round(rng.normal(size=(5, 5)), 2)
    text = RECURSIVE + returning("det(A)", f"A = {A.tolist()}")
    assert value(text) == pytest.approx(np.linalg.det(A))
    np.testing.assert_allclose(
        paramprog.loads(text).grad()["A"], np.linalg.det(A) * np.linalg.inv(A).T, rtol=1e-10
    )
    products = [n for n in paramprog.loads(text).compiled().built.graph.nodes if n.op.name == "sum"]
    assert len(products) == 2**5 - 1 - 5
    assert value(RECURSIVE + returning("sum(x ** i / fact(i) for i in 0..5)")) == pytest.approx(7.0)
    table = value(RECURSIVE + returning("[fact(i + j) * x for i in 0..3, j in 0..2]", "x = 1.0"))
    assert table.tolist() == [[1, 1], [1, 2], [2, 6]]
    assert value(RECURSIVE + returning("catalan(6) * x", "x = 1.0")) == 132
    assert value(RECURSIVE + returning("trees(4) * x", "x = 1.0")) == 16
    assert value(RECURSIVE + returning("[fact(i) * x for i in 0..0]", "x = 1.0")).shape == (0,)


def test_a_recursion_that_needs_no_index_stays_rolled():
    graph = paramprog.loads(RECURSIVE + returning("sum(x * fact(3) for i in 0..1000)")).compiled().built.graph
    assert len(graph) < 12


STATIC = "must be an int known at compile time; this"


@pytest.mark.parametrize(
    "expression, expected",
    [
        (
            "sum(i * j for i in 0..3, j in 0..i)",
            (
                "not-static",
                "i",
                "the range of `j` depends on the index `i`",
                "take the whole range and leave entries out: `if ... then ... else 0.0`",
            ),
        ),
        (
            "[x for i in 0..k]",
            ("not-static", "k", f"a bound of a comprehension {STATIC} changes at run time", None),
        ),
        ("[x for i in 0..2.5]", ("not-static", "2.5", f"a bound of a comprehension {STATIC} is real", None)),
        (
            "max(x for i in 0..0)",
            (
                "shape-mismatch",
                "i in 0..0",
                "the max of no entries does not exist",
                "only `sum` and `prod` take an empty range",
            ),
        ),
        (
            "norm(x for i in 0..2)",
            (
                "undefined-function",
                "norm",
                "`norm` does not take `... for ...`; only sum, prod, max, min and mean do",
                "make an array first: `norm([... for ...])`",
            ),
        ),
        (
            "nothing(x for i in 0..2)",
            (
                "undefined-function",
                "nothing",
                "`nothing` does not take `... for ...`; only sum, prod, max, min and mean do",
                None,
            ),
        ),
        ("[x for i in 0..2, i in 0..2]", ("duplicate-name", "i", "`i` is already an index here", None)),
        (
            "sum(x > i for i in 0..2)",
            ("type-mismatch", "sum(x > i for i in 0..2)", "a bool is not a number", None),
        ),
        (
            "[x for i in 0..100000, j in 0..100000]",
            (
                "element-limit",
                "[x for i in 0..100000, j in 0..100000]",
                "real[100000, 100000] has 10,000,000,000 entries; the limit is 2^28 = 268,435,456",
                None,
            ),
        ),
        (
            "sum(x for i in 0..100000, j in 0..100000)",
            (
                "element-limit",
                "sum(x for i in 0..100000, j in 0..100000)",
                "real[100000, 100000] has 10,000,000,000 entries; the limit is 2^28 = 268,435,456",
                None,
            ),
        ),
        (
            "[v[0:i] for i in 0..2]",
            ("not-static", "i", f"the stop of a slice {STATIC} changes at run time", None),
        ),
        (
            "slice(v, 1.0, 2)",
            ("type-mismatch", "1.0", "an index is int; this is real", "convert it: `int(...)`"),
        ),
        (
            "slice(v, k, 4)",
            ("slice-range", "slice(v, k, 4)", "the slice i:i + 4 does not lie within 0:3", None),
        ),
        (
            "slice(v, 2, 2)",
            ("slice-range", "slice(v, 2, 2)", "the slice 2:2 + 2 does not lie within 0:3", None),
        ),
        ("slice(v, k, 2)", ("index-range", "slice(v, k, 2)", "index 3 is out of range for 3 entries", None)),
        ("slice(v, 0, k)", ("not-static", "k", f"`n` {STATIC} changes at run time", None)),
        (
            "slice(v, 0, 1, axis = 1)",
            ("shape-mismatch", "slice(v, 0, 1, axis = 1)", "there is no axis 1 in an array of 1 axis", None),
        ),
        (
            "slice(x, 0, 1)",
            ("shape-mismatch", "slice(x, 0, 1)", "there is no axis 0 in an array of 0 axes", None),
        ),
        (
            "map(two, v)",
            (
                "argument-count",
                "map(two, v)",
                "`two` takes 2 arguments, found 1: `b` missing",
                "usage: `two(a, b)`",
            ),
        ),
        (
            "map(both, v)",
            ("result-count", "map(both, v)", "`map` takes a function with one result; `both` has 2", None),
        ),
        ("map(row, v)", ("shape-mismatch", "v", "`a` needs 1 axis, `real[3]`; this is a scalar", None)),
        (
            "b(x)",
            (
                "base-not-scalar",
                "sum(x * i for i in 0..3)",
                "a base function is an expression: it has no loops, comprehensions or run-time `if` statements",
                "write a `function` instead",
            ),
        ),
    ],
)
def test_what_is_wrong_is_said(expression, expected):
    text = "function two(a, b) { return a }\nfunction both(a) { return a, a }\nfunction row(a : real[3]) { return a }\n"
    text += "base b(x) = sum(x * i for i in 0..3)\n" if expression == "b(x)" else ""
    assert messages(text + returning(expression, "x = 1.0, k = 2, v = [1.0, 2.0, 3.0]")) == [expected]


def test_functions_of_the_program_are_not_folds():
    """`sum(x)` may be the program's own; `sum(e for ...)` then is none."""
    text = "function sum(x) { return x }\n" + returning("sum(x for i in 0..2)")
    assert told(text) == [("undefined-function", "sum")]
