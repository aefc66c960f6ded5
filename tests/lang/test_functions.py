"""Functions: arguments, dims bound by the call, defaults, results, functions as arguments, recursion."""

from __future__ import annotations

import numpy as np
import pytest
from checking import code, findings, hint, returning, told, value

import paramprog

# ---- arguments ---------------------------------------------------------------------------------------------------


def test_arguments_may_be_given_by_name_after_the_positional_ones():
    text = "function g(a, b, c = 10) { return a - b * c }\n"
    assert value(text + returning("g(x, 1)")) == -8
    assert value(text + returning("g(b = x, a = 1, c = 1)")) == -1
    assert value(text + returning("g(x, c = 2, b = 3)")) == -4


@pytest.mark.parametrize(
    "call, found, at",
    [
        ("g(x)", "argument-count", "g(x)"),
        ("g(x, x, x)", "argument-count", "g(x, x, x)"),
        ("g(x, c = x)", "unknown-argument", "c"),
        ("g(x, a = x)", "unknown-argument", "a = x"),
        ("g(a = x, x)", "unknown-argument", "x"),
        ('g(x, "x")', "unknown-argument", '"x"'),
        ("g(x, b = x, b = x)", "unknown-argument", "b = x"),
    ],
)
def test_what_a_call_of_a_function_refuses(call, found, at):
    assert told(f"function g(a, b) {{ return a }}\n{returning(call)}") == [(found, at)]


@pytest.mark.parametrize(
    "type, argument, found",
    [
        ("real", "[1.0, 2.0]", "shape-mismatch"),
        ("real[2]", "x", "shape-mismatch"),
        ("real[2]", "[1, 2, 3]", "shape-mismatch"),
        ("real[2, 2]", "[1, 2]", "shape-mismatch"),
        ("int", "x", "type-mismatch"),
        ("int", "2.0", "type-mismatch"),
        ("bool", "1", "type-mismatch"),
        ("real", "x > 1", "type-mismatch"),
        ("int", "true", "type-mismatch"),
        ("rael", "x", "unknown-type"),
        ("real[1.5]", "[x]", "not-static"),
        ("real[0 - 1]", "[x]", "dim-value"),
        ("real[w + 1]", "[1.0]", "not-constant"),
        ("real[m]", "x", "shape-mismatch"),
        ("real[m, m]", "[x]", "shape-mismatch"),
        ("real", "[x]", "shape-mismatch"),
        ("function", "x", "type-mismatch"),
        ("function[2]", "sin", "unknown-type"),
        ("real[j + 1]", "[1.0]", "dim-unbound"),
    ],
)
def test_an_argument_has_the_declared_type(type, argument, found):
    text = f"param w = 1.0\nfunction g(a : {type}) {{ return 1.0 }}\n"
    assert code(text + returning(f"g({argument})")) == found


def test_an_int_becomes_real_where_real_is_declared():
    """Then it is no int any more; untyped it stays one, and is known at compile time."""
    assert value(f"function g(a : real) {{ return a // 2 }}\n{returning('g(3) / 1')}") == 1
    assert np.asarray(value(f"function g(a : real) {{ return a }}\n{returning('g(3)')}")).dtype == np.float64
    assert value(f"function g(a) {{ return [1, 2, 3][a] }}\n{returning('g(2)')}") == 3
    assert code(f"function g(a : real) {{ return [1, 2, 3][a] }}\n{returning('g(2)')}") == "type-mismatch"


# ---- dims of a call ----------------------------------------------------------------------------------------------


def test_dims_are_bound_by_the_call():
    """And are ints in the body; each call binds its own."""
    text = "function g(A : real[m, n], x : real[n]) -> real[m] { return A @ x * n / m }\n"
    arguments = "A = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], u = [1.0, 1.0, 1.0], v = [1.0, 1.0]"
    first, second = value(text + returning("g(A, u), g(transpose(A), v)", arguments))
    np.testing.assert_allclose(first, [9, 22.5])
    np.testing.assert_allclose(second, [10 / 3, 14 / 3, 6])


def test_dims_of_a_call_hide_those_of_the_file():
    """In types, in the body and in defaults."""
    text = "dim n = 4\nfunction g(x : real[n], k : int = n, c = 2.0 * n) { return sum(x) * n + k + c }\n"
    assert value(text + returning("g([1.0, 2.0, 3.0])")) == 6 * 3 + 3 + 6


def test_other_dim_expressions_are_checked_once_all_are_bound():
    """Whatever the order of the arguments."""
    text = "function g(y : real[2 * m, k + 1], x : real[m], z : real[k]) -> real[m] { return x }\n"
    arguments = "Y : real[4, 2] = 1, x : real[2] = 1, z : real[1] = 1"
    assert value(text + returning("sum(g(Y, x, z))", arguments)) == 2
    assert told(text + returning("g(Y, Y[0], z)", arguments)) == []
    assert told(text + returning("g(Y, z, x)", arguments)) == [("shape-mismatch", "Y")]
    assert hint(text + returning("g(Y, z, x)", arguments)) == "here m = 1, k = 2"


def test_a_dim_bound_twice_agrees():
    text = "function g(x : real[n], y : real[n]) { return x @ y }\n"
    assert told(text + returning("g(u, v)", "u = [1.0], v = [1.0, 2.0]")) == [("shape-mismatch", "v")]


def test_a_const_is_no_dim_name():
    """It is a size that is checked."""
    text = "const n = 2\nfunction g(x : real[n]) { return sum(x) * n }\n"
    assert value(text + returning("g([1.0, 2.0])")) == 6
    assert told(text + returning("g([1.0, 2.0, 3.0])")) == [("shape-mismatch", "[1.0, 2.0, 3.0]")]


@pytest.mark.parametrize(
    "results, returned, found",
    [
        ("real[m]", "x", None),
        ("real[m], int", "x, m", None),
        ("real", "m", None),
        ("real[m + 1]", "x", "shape-mismatch"),
        ("real", "x", "shape-mismatch"),
        ("int", "1.5", "type-mismatch"),
        ("bool", "1", "type-mismatch"),
        ("real, real", "1.5", "result-count"),
        ("real[m]", "x, x", "result-count"),
        ("reel", "1.5", "unknown-type"),
        ("function", "1.5", "unknown-type"),
    ],
)
def test_results_have_the_declared_types(results, returned, found):
    """An int becomes real there."""
    text = f"function g(x : real[m]) -> {results} {{ return {returned} }}\n"
    text += "function f(v = [1.0, 2.0]) { a = g(v); return 1.0 }"
    if "," in results and found is None:
        text = text.replace("a = g(v)", "a, b = g(v)")
    assert [d.code for d in findings(text)] == ([found] if found else [])


def test_a_declared_real_result_is_no_int():
    assert np.asarray(value("function f(k = 3) -> real { return k }")).dtype == np.float64


# ---- results -----------------------------------------------------------------------------------------------------


def test_several_results():
    """Taken apart by one assignment; all right sides come first."""
    text = "function g(x, y) { return x - y, x + y, 3 }\n"
    assert (
        value(f"{text}function f(x = 1.0) {{ a, b, c = g(x, 2.0); a2, b2 = b, a; return a2 * 10 + b2 + c }}")
        == 32
    )
    assert told(f"{text}function f(x) {{ a, b = g(x, x); return a }}") == [("assign-count", "a, b = g(x, x)")]
    assert told(f"{text}function f(x) {{ a = g(x, x); return a }}") == [("result-count", "g(x, x)")]
    assert told(f"{text}function f(x) {{ return g(x, x) + 1 }}") == [("result-count", "g(x, x)")]
    assert told(f"{text}function f(x) {{ a, b = g(x, x), x; return a }}") == [("result-count", "g(x, x)")]
    assert (
        hint(f"{text}function f(x) {{ return g(x, x) + 1 }}") == "take them apart first: `a, b, c = g(...)`"
    )


def test_outputs_are_named_by_the_returned_name():
    """Else `out0`, `out1`; no output is lost when a name is returned twice, or is called so."""

    def names(values):
        return list(
            paramprog.loads(f"function f(x = 1.0, out1 = 2.0) {{ y = x; return {values} }}").run().outputs
        )

    assert names("y") == ["y"]
    assert names("x + y") == ["out0"]
    assert names("y, x + 1, x") == ["y", "out1", "x"]
    assert names("y, y") == ["y", "out1"]
    assert len(names("out1, x * 2")) == 2
    assert len(names("x * 2, x * 3, out1, out1")) == 4


# ---- functions as arguments --------------------------------------------------------------------------------------


def test_an_argument_of_type_function_takes_the_name_of_a_function():
    """One of the file, a base, a built-in, or again such an argument; `Function` is the same word."""
    text = "function twice(g : function, x) { return g(g(x)) }\nfunction sq(x) { return x * x }\nbase inc(x) = x + 1\n"
    text += "function deep(h : Function, x) { return twice(h, x) }\n"
    expression = "twice(sq, x) + twice(inc, x) + twice(abs, x) + deep(sq, x) + twice(x = x, g = inc)"
    assert value(text + returning(expression)) == 16 + 4 + 2 + 16 + 4


def test_a_function_argument_hides_functions_of_its_name():
    text = "function tanh(x) { return 0 * x }\n"
    text += "function g(tanh : function, sin : function, x) { return tanh(x) + sin(x) }\n"
    assert value(text + returning("g(abs, square, x)")) == 6
    assert value(text + returning("g(tanh, tanh, x)")) == 0


def test_a_function_argument_may_have_a_default():
    """It means what it means where the function is defined."""
    text = "function g(x, h : function = square) { return h(x) }\n"
    text += "function k(square : function, x) { return g(x) + square(x) }\n"
    assert value(text + returning("g(x) + g(x, abs) + g(x, h = sqrt) ** 2")) == pytest.approx(8)
    assert value(text + returning("k(abs, x)")) == 6


@pytest.mark.parametrize(
    "body, call, found, at",
    [
        ("h(x)", "g(x, x)", "type-mismatch", "x"),
        ("h(x)", "g(2.0, x)", "type-mismatch", "2.0"),
        ("h(x)", "g(sni, x)", "type-mismatch", "sni"),
        ("h", "g(sin, x)", "function-as-value", "h"),
        ("h(x, x)", "g(sin, x)", "argument-count", "h(x, x)"),
        ("h + 1", "g(sin, x)", "function-as-value", "h"),
    ],
)
def test_what_a_function_argument_refuses(body, call, found, at):
    assert told(f"function g(h : function, x) {{ return {body} }}\n{returning(call)}") == [(found, at)]


def test_an_untyped_argument_takes_no_function():
    assert told(f"function g(h, x) {{ return h(x) }}\n{returning('g(sin, x)')}")[0] == (
        "function-as-value",
        "sin",
    )


# ---- defaults ----------------------------------------------------------------------------------------------------


def test_defaults_are_constants():
    """Of consts and dims; not of params, nor of other arguments."""
    text = "dim n = 3\nconst c = [1.0, 2.0]\nparam w = 1.0\n"
    taken = "function g(x, v = c * n, t : bool = n > 2) { return if t then x * sum(v) else 0 }\n"
    assert value(text + taken + returning("g(x)")) == 18
    assert told(f"{text}function g(x, y = x) {{ return x }}\n{returning('g(x)', 'z = 1.0, x = 1.0')}") == [
        ("not-constant", "x")
    ]
    assert told(f"{text}function g(x, y = w) {{ return x }}\n{returning('g(x)')}") == [("not-constant", "w")]
    assert told(f"{text}function g(x, y : int = 1.5) {{ return x }}\n{returning('g(x)')}") == [
        ("type-mismatch", "1.5")
    ]


def test_a_default_that_is_not_taken_is_not_looked_at():
    assert value(f"function g(x, y = nonsense) {{ return x }}\n{returning('g(x, 1)')}") == 2
