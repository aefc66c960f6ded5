"""Every node knows the exact text that it was made from."""

from __future__ import annotations

import pytest
from parsing import body, expression, module

from paramprog.lang import syntax as s


def test_spans_with_parentheses():
    """A node in parentheses has its own span; what contains it includes the parentheses."""
    tree = expression("  ( (a + b) ) * c ")
    assert isinstance(tree, s.Chain)
    assert tree.span.text == "( (a + b) ) * c"
    assert isinstance(tree.first, s.Chain)
    assert tree.first.span.text == "a + b"
    assert tree.links[0].operator_span.text == "*"
    call = expression("f((a), k = (b))")
    assert isinstance(call, s.Call)
    assert [argument.span.text for argument in call.arguments] == ["(a)", "k = (b)"]
    assert [argument.value.span.text for argument in call.arguments] == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "-(a)",
        "not (a)",
        "(a)**(b)",
        "(a) < (b)",
        "if (a) then b else (c)",
        "(x)[0]",
        "x[(0):(1)]",
        "[(a), (b)]",
        "[(a) for i in (0)..(n)]",
        "sum((a) for i in 0..n)",
        "f( )",
        "0.5",
        "true",
    ],
)
def test_spans_of_expressions_are_exact(text):
    """The span of an expression is its text, without what stands around it."""
    assert expression(f"  {text}  # comment").span.text == text
    [assignment] = body(f"  y = {text}  # comment")
    assert assignment.span.text == f"y = {text}"


@pytest.mark.parametrize(
    "text",
    [
        "a, b[0] = x, (y)",
        "for i in reversed(0..n) checkpoint (3) { x = 1 }",
        "while (c) { }",
        "if c { } else if d { } else { x = 1 }",
        "if c { } else if d { x = 1 }",
        "return (a), (b)",
    ],
)
def test_spans_of_statements_are_exact(text):
    """The span of a statement begins with its first token and ends with its last."""
    [statement] = body(f"  {text}  # comment")
    assert statement.span.text == text


@pytest.mark.parametrize(
    "text",
    [
        "dim n = (4), m",
        "dim n = (4)",
        "param W : real[n] ~ normal(0, 1), b = (1.0)",
        "param a, b : real[(n)]",
        "noise z",
        "const k : int = (3)",
        "base f(a, b) = (a)",
        "base f(a, b) = a derivative (b, a)",
        'import "a.pp"',
        "function f(x : real = (1)) -> real[n] { return x }",
    ],
)
def test_spans_of_declarations_are_exact(text):
    """The span of a declaration begins with its keyword and ends with its last token."""
    [declaration] = module(f"\n {text}  # comment\n").declarations
    assert declaration.span.text == text


def test_spans_inside_declarations():
    """Items, types and initial values have exact spans too."""
    [declaration] = module("param W, V : real[(n)] ~ normal(0, 1), b = (1.0)").declarations
    assert isinstance(declaration, s.ParamDecl)
    assert [item.span.text for item in declaration.items] == [
        "W",
        "V : real[(n)] ~ normal(0, 1)",
        "b = (1.0)",
    ]
    item = declaration.items[1]
    assert item.type is not None
    assert item.type.span.text == "real[(n)]"
    assert item.init is not None
    assert item.init.span.text == "normal(0, 1)"
