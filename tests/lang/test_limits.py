"""Limits of the parser, the time it takes, and what it leaves behind."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
from effort import calls
from parsing import body, errors, expression, module

from paramprog.diagnostics import ProgramError
from paramprog.lang import syntax as s
from paramprog.lang.automaton import MAX_NESTING
from paramprog.lang.read import MAX_SOURCE

NESTINGS = {
    "parentheses": ("(", "x", ")"),
    "minus": ("-", "x", ""),
    "not": ("not ", "x", ""),
    "power": ("x**", "x", ""),
    "calls": ("f(", "x", ")"),
    "lists": ("[", "x", "]"),
    "indices": ("x[", "0", "]"),
    "folds": ("sum(", "x", " for i in 0..n)"),
    "conditions": ("if ", "x", " then a else b"),
    "arms": ("if x then ", "x", " else b"),
}


@pytest.mark.parametrize("kind", NESTINGS)
def test_nesting_is_limited(kind):
    """Exactly MAX_NESTING levels are allowed, and the message names the limit."""
    opening, inner, closing = NESTINGS[kind]
    expression(opening * MAX_NESTING + inner + closing * MAX_NESTING)
    deeper = MAX_NESTING + 1
    with pytest.raises(ProgramError, match=str(MAX_NESTING)) as caught:
        expression(opening * deeper + inner + closing * deeper)
    assert [d.code for d in caught.value.diagnostics] == ["nesting-limit"]


def test_nesting_of_blocks_is_limited():
    """Blocks count like brackets; the body of the function is the first level."""
    inner = MAX_NESTING - 1
    body("if c { " * inner + "x = 1" + " }" * inner)
    [error] = errors("function f() {" + "if c { " * MAX_NESTING + "x = 1" + " }" * MAX_NESTING + "}")
    assert error.code == "nesting-limit"


def test_the_limit_hides_no_other_error():
    """What was found before is told as well."""
    found = errors(f"dim\ndim n = {'(' * 2000}")
    assert [d.code for d in found] == ["syntax", "nesting-limit"]


def test_length_is_not_nesting():
    """Long chains are flat: of operators, signs, else-if, indices, statements."""
    assert isinstance(expression(" + ".join(["-a"] * 5000)), s.Chain)
    assert isinstance(expression(" * ".join(["(-a)**2"] * 5000)), s.Chain)
    assert isinstance(expression("not a or " * 5000 + "b"), s.Chain)
    tree = expression("if a then b else " * 10_000 + "c")
    assert isinstance(tree, s.Conditional)
    assert len(tree.arms) == 10_000
    [statement] = body("if a { }" + " else if a { x = 1 }" * 10_000)
    assert isinstance(statement, s.If)
    assert len(statement.arms) == 10_001


def test_a_chain_of_100000_terms_parses_in_linear_time():
    """Twice the terms are about twice the work."""
    tree = expression("+".join(["x"] * 100_000))
    assert isinstance(tree, s.Chain)
    assert len(tree.links) == 99_999
    short, long = (calls(lambda n=n: expression("+".join(["x"] * n))) for n in (1000, 2000))
    assert long < 2.5 * short


def test_many_statements_parse_in_linear_time():
    """Twice the statements are about twice the work."""

    def text(n):
        return "".join(f"x{i} = sin(x{i - 1}) * W + x{i - 2}\n" for i in range(n))

    assert len(body(text(10_000))) == 10_000
    short, long = (calls(lambda n=n: body(text(n))) for n in (500, 1000))
    assert long < 2.5 * short


def test_the_source_is_limited():
    """A text above 16 MiB is refused before anything else is done with it."""
    [error] = errors("#" * (MAX_SOURCE + 1))
    assert error.code == "source-limit"


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(enabled):
    """Parsing switches garbage collection off, also when it fails, and back to what it was."""
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        module("dim n")
        errors("dim")
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_threads_may_parse_at_the_same_time():
    """The grammar is shared, its state is not."""
    texts = [f"function f{i}() {{ {'x = 1; ' * (i % 7)} return (x) + {i} }}" for i in range(40)]
    with ThreadPoolExecutor(4) as pool:
        modules = list(pool.map(module, texts))
    for text, tree in zip(texts, modules, strict=True):
        assert tree.declarations[0].span.text == text
