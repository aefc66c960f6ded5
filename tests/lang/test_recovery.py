"""How the parser goes on after errors: many in one run, no echoes, and soon at an end."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsing import errors, in_function

from paramprog.diagnostics import MAX_DIAGNOSTICS, Diagnostic
from paramprog.resources import programs_dir


def lines_of(found: tuple[Diagnostic, ...]) -> list[int]:
    return [d.span.line for d in found if d.span]


def test_several_errors_in_one_run():
    """Every broken statement and declaration is told, also in nested blocks; whole ones are not."""
    text = """\
param a = 1, b 2
base f(x = 3
dim n = 4
function g(x) {
    y = x +
    if x > 0 {
        z = x x
        w = 3
    } else if x < {
        w = 3
    }
    for i in 0..n {
        v = (1
        u = 2
    }
    y = 1e999
    return x
}
const c
"""
    assert lines_of(errors(text)) == [1, 2, 5, 7, 9, 13, 16, 19]


def test_an_error_has_no_echoes():
    """A fault in brackets or a whole run of misplaced lines is one error."""
    assert lines_of(errors(in_function("y = (a\nz = b)"))) == [2]
    assert lines_of(errors("x = 1\ny = 2\nfor i in 0..3 {\n z = 1\n}\nz = 3")) == [1]
    assert lines_of(errors(in_function("for i on 0..3 {\n y = 1\n if x { }\n}\nz = 1"))) == [2]
    assert lines_of(errors(in_function("y = 3\n  + 4\n  + 5"))) == [3]


def test_a_missing_block_end_is_told_where_the_next_declaration_begins():
    """The function after it is checked as usual."""
    text = "function f(x) {\n if x {\n y = 1\n return y\n}\nfunction g(x) {\n y = +\n return y\n}\n"
    assert lines_of(errors(text)) == [6, 7]


def test_diagnostics_are_limited():
    """At most MAX_DIAGNOSTICS, however many errors there are."""
    assert len(errors("dim\n" * 1000)) == MAX_DIAGNOSTICS


# ---- every message ---------------------------------------------------------------------------------------

PROGRAMS = [path.read_text(encoding="utf-8") for path in sorted(programs_dir().glob("*.pp"))]


def assert_well_put(found: tuple[Diagnostic, ...]) -> None:
    """No name of a terminal or rule is shown, nor an empty phrase."""
    for diagnostic in found:
        message = re.sub("`[^`]*`", "", diagnostic.message)
        assert not re.search(r"[A-Z_]{3,}|\$|something else|None", message), diagnostic.message


@given(st.sampled_from(PROGRAMS), st.data())
def test_messages_after_random_damage(program, data):
    """Programs with a piece cut out or put in: words a reader knows, and few of them."""
    start = data.draw(st.integers(0, len(program)))
    length = data.draw(st.integers(0, 10))
    inserted = data.draw(
        st.sampled_from(["", "(", ")", "{", "}", "[", ",", "=", "if", "x", "+", "\n", "..", '"', "else"])
    )
    found = errors(program[:start] + inserted + program[start + length :])
    assert_well_put(found)
    assert len(found) <= 4


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1_000_000,
        "1\n" * 1_000_000,
        "function f(x) {\n" + "}{" * 1_000_000,
        "function f(x) {\n" + "y = ) + [ (\n" * 100_000,
        "x" * 10_000_000,
        "1" * 10_000_000,
        "\x00" * 1_000_000,
        "{" * 900 + "\ny = +" * 10_000,
        "\u00e9" * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_invalid_programs_end_soon(text):
    """Whatever the text, the errors come after a bounded effort."""
    found = errors(text)
    assert 1 <= len(found) <= MAX_DIAGNOSTICS
