"""The printer writes canonical text that means the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from parsing import expression, module
from strategies import trees

from paramprog.lang import syntax as s
from paramprog.lang.pretty import pretty


@given(trees.expressions)
def test_an_expression_survives_printing(tree):
    """parse(pretty(e)) is e, spans apart."""
    assert trees.same_tree(expression(pretty(tree)), tree)


@given(trees.modules)
def test_a_file_survives_printing(tree):
    """parse(pretty(m)) is m, spans apart; and printing again changes nothing."""
    text = pretty(tree)
    again = module(text)
    assert trees.same_tree(again, tree)
    assert pretty(again) == text


@pytest.mark.parametrize(
    "text",
    [
        "a + b - c",
        "(a + b) + c",
        "a - (b - c)",
        "a + b * c",
        "(a + b) * c",
        "a / (b * c)",
        "-x**2",
        "(-x)**2",
        "2**-x",
        "a**b**c",
        "(a**b)**c",
        "--x",
        "-(a + b)",
        "not a and b",
        "not (a and b)",
        "a or b and c",
        "(a or b) and c",
        "not a < b",
        "(not a) == b",
        "(a < b) == c",
        "if c then a else b",
        "if c then a else if d then e else f",
        "if c then a else (if d then e else f)",
        "(if c then a else b) + 1",
        "if if a then b else c then d else e",
        "(x + 1)[0]",
        "x[0][1:2, :, ::3, a:]",
        "f(x)[1:]",
        "[a, [b, c]]",
        "[i + j for i in 0..n, j in i + 1..m]",
        "sum(x[i] for i in 0..n)",
        "reduce(+, x, axis = 0)",
        'contract("ij,j->i", W, x)',
        "f()",
    ],
)
def test_canonical_expressions_have_the_fewest_parentheses(text):
    """These texts are canonical: printing their trees gives them back."""
    assert pretty(expression(text)) == text


@pytest.mark.parametrize(
    "written, canonical",
    [
        ("((a))+(b*c)", "a + b * c"),
        ("1e3 * .5 + 2.", "1000.0 * 0.5 + 2.0"),
        ("1e300 + 1e-300 + 0.1 + 7", "1e+300 + 1e-300 + 0.1 + 7"),
        ("f(a,b,)", "f(a, b)"),
    ],
)
def test_expressions_are_made_canonical(written, canonical):
    """Spaces and parentheses are normalised; reals have a point or an exponent, ints have neither."""
    assert pretty(expression(written)) == canonical


def test_a_file_in_canonical_form():
    """Blocks are indented by four spaces, functions stand between empty lines."""
    text = """\
import "layers.pp"
dim n = 4, m
param W : real[n, m] ~ normal(0, 0.1), b = 1.0, c
noise z : real[n]
const k : int = 3
base f(a, b) = a * b derivative (b, a)

function g(x : real[n], h : function, k : int = 0) -> real[n], real {
    for i in reversed(0..n) checkpoint 8 {
        x[i, 0:2] = 1.0
    }
    while x > 0 { }
    if a {
        y, z = x, x
    } else if b {
        y = h(x)
    } else {
        y = -x
    }
    return y, z
}

function last() {
    return 1
}
"""
    assert pretty(module(text)) == text


def test_values_that_no_literal_has():
    """Negative numbers of made trees bind like a minus; infinities and NaN are refused."""
    minus_two = s.Number(-2.0, trees.NOWHERE)
    square = s.Power(minus_two, s.Integer(2, trees.NOWHERE), trees.NOWHERE)
    assert pretty(square) == "(-2.0)**2"
    with pytest.raises(ValueError, match="no literal"):
        pretty(s.Number(float("inf"), trees.NOWHERE))


def test_deep_trees_print_without_recursion():
    """A tree ten thousand deep, which no text may have, prints nevertheless."""
    tree = s.Name("x", trees.NOWHERE)
    for _ in range(10_000):
        tree = s.Not(tree, trees.NOWHERE)
    assert pretty(tree) == "not " * 10_000 + "x"
