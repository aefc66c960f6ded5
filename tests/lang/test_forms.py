"""Statements of known forms are parsed without the automaton, into the same trees."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.diagnostics import ProgramError, Source, Span
from paramprog.lang import parse as parsing
from paramprog.lang.forms import forms
from paramprog.lang.parse import parse

LINES = [
    "x1 = a*b + sin(c)",
    "other = some*word + cos(angle)",
    "y = 3 * x",
    "y = .5 * x",
    "y = 2e3 * x1",
    "w = if x > 0 then y else z",
    "m = true and not false",
    "e = -x**2 + (x + y) * 2 - ((z))",
    "a, b = g(x, y, axis = 1)",
    "A[i, 2:n] = x",
    "k = x # + comment = 3",
    "r = x; s = y",
    "v = sum(x * 2 for i in 0..3)",
    "v = [x, 1 ,y]",
    "if x > 0 {",
    "} else {",
    "}",
    "for i in 0..n { s = s + A[i] }",
    "u = f(x,",
    "   y)",
    "  else z",
    "x = function",
    "x = = y",
    "h = 1e400",
    "return x1",
    "",
]


def seen(x: Any) -> Any:
    """All that a tree holds, with the places, as something that can be compared."""
    if isinstance(x, Span):
        return x.start, x.end
    if isinstance(x, tuple):
        return tuple(map(seen, x))
    if is_dataclass(x) and not isinstance(x, Source):
        return type(x), tuple(seen(getattr(x, f.name)) for f in fields(x) if f.name != "source")
    return x


def outcome(text: str) -> Any:
    """The tree, or the diagnostics with their places."""
    try:
        return seen(parse(Source("test", text)))
    except ProgramError as error:
        return [(d.code, d.message, d.span and seen(d.span), d.hint) for d in error.diagnostics]


@given(lines=st.lists(st.sampled_from(LINES), max_size=25), end=st.sampled_from(["\n", "\r\n"]))
def test_with_and_without_forms_the_same_is_found(lines: list[str], end: str) -> None:
    """Trees, places and diagnostics do not depend on which forms are known."""
    text = end.join(["function f(x) {", *lines, "}", ""])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "MANY_LINES", len(text))
        expected = outcome(text)
        patch.setattr(parsing, "MANY_LINES", 0)
        assert outcome(text) == expected
        assert outcome(text) == expected  # with all forms known


def test_a_form_is_known_from_the_third_statement_on() -> None:
    """The second statement of a form is remembered, with its words left open."""
    lines = [f"  p{i} = q{i} ** {i} - cosh(r{i})" for i in range(parsing.MANY_LINES)]
    outcome("\n".join(["function f(x) {", *lines, "return x", "}"]))
    found = forms().find("  new = names ** 7 - tan(here)")
    assert found is not None
    assert list(found[1]) == ["new", "names", "7", "tan", "here"]
    assert forms().find("  new = names ** 7.5 - tan(here)") is None


def test_what_is_too_long_for_a_name_is_told_in_a_known_form_too() -> None:
    """The methods that make the tree are the same, and so are their findings."""
    lines = [f"a{i} = b{i} + c{i}" for i in range(parsing.MANY_LINES)]
    lines[-2] = f"a = {'b' * 256} + c"
    (found,) = outcome("\n".join(["function f(x) {", *lines, "return x", "}"]))
    assert found[0] == "name-too-long"
