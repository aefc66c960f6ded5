"""Calls of built-in functions and bases: their arguments, `reduce`, `map`, and what is not there yet."""

from __future__ import annotations

import numpy as np
import pytest
from checking import findings, hint, returning, told, value

import paramprog

V = "v = [1.0, -2.0, 3.0], w = [0.5, 0.5, 4.0], A = [[1.0, 2.0], [3.0, 4.0]], x = 2.0, i = 1"

FUNCTIONS = """
    neg exp log log1p expm1 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid logsigmoid relu
    leaky_relu softplus sqrt cbrt abs sign square recip erf lgamma digamma polygamma floor ceil round clip int stop map
    max min atan2 hypot pow mod logaddexp xlogy any all
    sum prod mean var std norm logsumexp median argmax argmin reduce cumsum cumprod sort argsort
    dot outer cross trace diag transpose reshape concat stack pad roll gather scatter_add put spread contract tril triu
    conv zeros ones full eye slice compress expand
    cholesky solve solve_triangular logdet inverse
    softmax log_softmax cross_entropy mse dense elman_cell lstm_cell gru_cell layer_norm attention rk4
    grad jacobian hessian jvp vjp tape push pop
"""
"""Every function that the language defines."""


@pytest.mark.parametrize("name", FUNCTIONS.split())
def test_each_function_of_the_language_is_there(name):
    """None is called unknown."""
    assert "undefined-function" not in {d.code for d in findings(returning(f"{name}(x)"))}


def test_a_program_may_define_a_function_of_the_language():
    """A function added to the language never breaks a program."""
    assert value(f"function softmax(x) {{ return x }}\n{returning('softmax(x)')}") == 2
    assert value(f"function tanh(x) {{ return 2 * x }}\n{returning('tanh(x)')}") == 4
    assert value(f"base max(a, b) = a + b\n{returning('max(x, 1)')}") == 3


# ---- arguments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("sum(A, axis = 0)", [4, 6]),
        ("sum(A, axis = 2 - 1)", [3, 7]),
        ("max(A)", 4),
        ("max(v, w)", [1, 0.5, 4]),
        ("max(v, 0)", [1, 0, 3]),
        ("min(A, axis = 1)", [1, 3]),
        ("clip(v, 0, 2)", [1, 0, 2]),
        ("clip(v, lo = 0, hi = 2)", [1, 0, 2]),
        ("clip(v, hi = 2, lo = 0)", [1, 0, 2]),
        ("atan2(b = 1, a = 0)", 0),
        ("leaky_relu(v, slope = 0.5)", [1, -1, 3]),
        ("leaky_relu(v, slope = 2 * c)", [1, -1, 3]),
        ("transpose(A)", [[1, 3], [2, 4]]),
        ("transpose(A, 0, 1)", [[1, 2], [3, 4]]),
        ("reshape(A, 4)", [1, 2, 3, 4]),
        ("reshape(v, 3, 1)", [[1], [-2], [3]]),
        ("concat(v, w)", [1, -2, 3, 0.5, 0.5, 4]),
        ("concat(A, A, axis = 1)", [[1, 2, 1, 2], [3, 4, 3, 4]]),
        ("stack(v, w, axis = 1)", [[1, 0.5], [-2, 0.5], [3, 4]]),
        ("gather(v, i)", -2),
        ("gather(A, [1, 0], axis = 1)", [[2, 1], [4, 3]]),
        ("spread(x, 2)", [2, 2]),
        ("zeros(2, 1) + eye(2)[0:2, 0:1]", [[1], [0]]),
        ('contract("ij,j->i", A, [1, 1])', [3, 7]),
        ("reduce(+, A)", 10),
        ("reduce(*, v)", -6),
        ("reduce(max, A, axis = 0)", [3, 4]),
        ("reduce(min, v)", -2),
        ("map(square, v)", [1, 4, 9]),
        ("map(half, v)", [0.5, -1, 1.5]),
        ("polygamma(0, 1.0) - digamma(1.0)", 0),
    ],
)
def test_a_built_in_function_takes_its_arguments(expression, expected):
    """Points in order or by name, options by name and known at compile time."""
    text = f"const c = 0.25\nbase half(x) = x / 2\n{returning(expression, V)}"
    np.testing.assert_allclose(value(text), expected, atol=1e-15)


@pytest.mark.parametrize(
    "expression, found, at",
    [
        ("sin()", "argument-count", "sin()"),
        ("sin(x, x)", "argument-count", "sin(x, x)"),
        ("max()", "argument-count", "max()"),
        ("max(x, x, x)", "argument-count", "max(x, x, x)"),
        ("concat()", "argument-count", "concat()"),
        ("clip(x, 0)", "argument-count", "clip(x, 0)"),
        ("half()", "argument-count", "half()"),
        ("half(x, x)", "argument-count", "half(x, x)"),
        ("sum(v, axes = 0)", "unknown-argument", "axes = 0"),
        ("sum(v, axis = 0, axis = 0)", "unknown-argument", "axis = 0"),
        ("sum(axis = 0, v)", "unknown-argument", "v"),
        ("sin(x, x = 1)", "unknown-argument", "x = 1"),
        ("half(y = x)", "unknown-argument", "y"),
        ("half(x, x = x)", "unknown-argument", "x = x"),
        ("half(x = x, x)", "unknown-argument", "x"),
        ('sin("x")', "unknown-argument", '"x"'),
        ("sin(+)", "unknown-argument", "+"),
        ("contract(A, v, v)", "unknown-argument", "A"),
        ("reduce(-, v)", "syntax", ","),
        ("reduce(sin, v)", "unknown-argument", "reduce(sin, v)"),
        ("reduce(+)", "unknown-argument", "reduce(+)"),
        ("reduce(max, v, w)", "unknown-argument", "reduce(max, v, w)"),
        ("map(v, sin)", "undefined-function", "v"),
        ("map(sin)", "unknown-argument", "map(sin)"),
        ("map(sum, v)", "type-mismatch", "sum"),
        ("map(atan2, v)", "type-mismatch", "atan2"),
        ("map(sni, v)", "undefined-function", "sni"),
        ("sum(v, axis = x)", "not-static", "x"),
        ("sum(v, axis = i)", "not-static", "i"),
        ("sum(v, axis = 0.0)", "not-static", "0.0"),
        ("sum(v, axis = true)", "not-static", "true"),
        ("leaky_relu(v, slope = x)", "not-static", "x"),
        ("leaky_relu(v, slope = true)", "type-mismatch", "true"),
        ("leaky_relu(v, slope = [1.0])", "type-mismatch", "[1.0]"),
        ("reshape(v, x)", "not-static", "x"),
        ("reshape(v, 2)", "shape-mismatch", "reshape(v, 2)"),
        ("sum(v, axis = 1)", "shape-mismatch", "sum(v, axis = 1)"),
        ("sum(v, axis = -1)", "shape-mismatch", "sum(v, axis = -1)"),
        ("transpose(A, 0, 0)", "shape-mismatch", "transpose(A, 0, 0)"),
        ("max(zeros(0))", "shape-mismatch", "max(zeros(0))"),
        ("argmax(A, axis = 2)", "shape-mismatch", "argmax(A, axis = 2)"),
        ("argmax(x)", "shape-mismatch", "argmax(x)"),
        ("argmin(zeros(0, 2))", "shape-mismatch", "argmin(zeros(0, 2))"),
        ("concat(v, A)", "shape-mismatch", "concat(v, A)"),
        ('contract("ij,j->k", A, v)', "shape-mismatch", 'contract("ij,j->k", A, v)'),
        ("gather(v, x)", "type-mismatch", "gather(v, x)"),
        ("gather(v, 3)", "index-range", "gather(v, 3)"),
        ("half(x > 1)", "type-mismatch", "x > 1"),
        ("pair(v, [1.0, 2.0])", "shape-mismatch", "pair(v, [1.0, 2.0])"),
        ("zeros(2 - 3)", "shape-mismatch", "zeros(2 - 3)"),
    ],
)
def test_what_a_call_refuses(expression, found, at):
    """With the caret under the argument where one is to blame."""
    bases = "base half(x) = x / 2\nbase pair(a, b) = a * b\n"
    assert told(bases + returning(expression, V)) == [(found, at)]


def test_a_wrong_count_shows_the_usage():
    assert hint(returning("clip(x, 0)")) == "usage: `clip(x, lo, hi)`"
    assert hint(f"function g(a, b) {{ return a }}\n{returning('g(x)')}") == "usage: `g(a, b)`"
    [found] = findings(f"function g(a, b) {{ return a }}\n{returning('g(x)')}")
    assert found.message == "`g` takes 2 arguments, found 1: `b` missing"


def test_a_misspelt_name_gets_a_suggestion():
    """A name of the language, the file, or of what is to come."""
    assert hint(returning("tahn(x)")) == "did you mean `tanh`?"
    assert hint(returning("sofmax(x)")) == "did you mean `softmax`?"
    assert hint(f"base loss(x) = x\n{returning('los(x)')}") == "did you mean `loss`?"
    assert hint(returning("sum(x, axs = 0)")) == "did you mean `axis`?"
    assert hint("param weight = 1.0\nfunction f(x) { return wieght * x }") == "did you mean `weight`?"


def test_a_value_is_no_function_and_a_function_is_no_value():
    """Each with a hint about what was probably meant."""
    assert told(returning("x(1)")) == [("undefined-function", "x")]
    assert "multiply" in (hint(returning("x(1)")) or "")
    assert told(returning("sin")) == [("function-as-value", "sin")]
    assert told(returning("1 + f")) == [("function-as-value", "f")]
    assert "declare it: `param W0`" in (hint(returning("W0 * x")) or "")


# ---- bases -------------------------------------------------------------------------------------------------------


def test_a_base_function_applies_elementwise():
    """Equal shapes, a scalar joins any; ints become real; also where it ignores its argument."""
    bases = "base mul(a, b) = a * b\nbase two(x) = 2\n"
    text = bases + returning(
        "mul(v, x), mul(x, v), mul(v, v), mul(i, i), two(v), mul(b = v, a = 2), two(A)", V
    )
    v = np.array([1.0, -2.0, 3.0])
    expected = (2 * v, 2 * v, v * v, 1.0, [2.0, 2.0, 2.0], 2 * v, np.full((2, 2), 2.0))
    for found, wanted in zip(value(text), expected, strict=True):
        assert np.asarray(found).dtype == np.float64
        np.testing.assert_array_equal(found, wanted)


def test_a_base_function_may_call_bases_and_functions():
    text = (
        "const c = 3\nbase a(x) = if x > 0 then log(x) else 0\nfunction g(x) { y = a(x) * c; return y + 1 }\n"
    )
    np.testing.assert_allclose(
        value(f"{text}base b(x) = g(x) / 2\n{returning('b(v)', V)}"), [0.5, 0.5, 1.5 * np.log(3) + 0.5]
    )


def test_partials_given_by_hand_are_used():
    """As they are: `verify` is what finds a wrong one."""
    text = "base cube(x) = x ** 3 derivative (3 * x ** 2)\nbase wrong(x) = x ** 3 derivative (x)\n"
    assert paramprog.loads(text + returning("cube(x)")).grad()["x"] == 12
    assert paramprog.loads(text + returning("wrong(x)")).grad()["x"] == 2
    assert paramprog.loads(text + returning("cube(x)")).verify().ok
    assert not paramprog.loads(text + returning("wrong(x)")).verify().ok


@pytest.mark.parametrize(
    "base, found, at",
    [
        ("b(x) = sum([x, x])", "base-not-scalar", "[x, x]"),
        ("b(x) = zeros(2)[0] + x", "base-not-scalar", "zeros(2)"),
        ("b(x) = g([x, 1])", "base-not-scalar", "[x, 1]"),
        ("b(x) = h(x)", "base-not-scalar", "[x, x]"),
        ("b(x) = x > 0", "base-not-scalar", "x > 0"),
        ("b(x) = x derivative (x > 0)", "base-not-scalar", "x > 0"),
        ("b(x) = x derivative (1, 1)", "argument-count", "1, 1"),
        ("b(x, y) = x derivative (1)", "argument-count", "1"),
        ("b(x) = w * x", "not-constant", "w"),
        ("b(x) = k(x)", "not-constant", "k(x)"),
        ("b(x) = x derivative (w)", "not-constant", "w"),
        ("b(x) = y", "undefined-name", "y"),
        ("b(x) = b(x)", "circular-definition", "b"),
        ("b(x) = x derivative (z)", "undefined-name", "z"),
        ("b(x) = x + true", "type-mismatch", "x + true"),
    ],
)
def test_what_is_no_base_function(base, found, at):
    """Scalars only; no params, not even through a function; found also where nothing calls it."""
    text = "param w = 1.0\nfunction g(v) { return v[0] }\nfunction h(x) { y = [x, x]; return y[0] }\n"
    text += "function k(x) { return w * x }\n"
    assert told(f"{text}base {base}\n{returning('x', 'x = 2.0')}") == [(found, at)]


def test_a_base_function_may_call_another_with_a_constant_first():
    """The other arguments say how many lanes there are."""
    text = "base larger(a, b) = max(a, b)\nbase positive(x) = larger(0.0, x) + larger(1, 0.5)\n"
    np.testing.assert_array_equal(value(text + returning("positive(v)", V)), [2, 1, 4])
    np.testing.assert_array_equal(
        paramprog.loads(text + returning("sum(positive(v))", V)).grad(wrt=["v"])["v"], [1, 0, 1]
    )


def test_a_negative_order_is_refused():
    """polygamma has derivatives of digamma from order 0 on; the message has the place of the call."""
    with pytest.raises(paramprog.ProgramError) as error:
        paramprog.loads("function f(x = 1.5) { return polygamma(-1, x) }")
    (found,) = error.value.diagnostics
    assert found.code == "shape-mismatch" and "`k` is at least 0, not -1" in found.message
    assert found.span is not None and found.span.start == 29
