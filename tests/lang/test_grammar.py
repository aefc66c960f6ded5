"""The grammar, and random texts: the parser agrees with Lark's own and never fails otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark
from lark.exceptions import UnexpectedInput
from parsing import errors

from paramprog.diagnostics import Diagnostic, render
from paramprog.lang.automaton import UnusedTerminals
from paramprog.lang.newlines import Newlines
from paramprog.resources import grammar_text


class Filter(UnusedTerminals):
    """The newline filter as Lark wants it."""

    def process(self, stream):
        return Newlines().process(stream)


def lark_parser(**options):
    starts = ["module", "lone_expression"]
    return Lark(grammar_text(), parser="lalr", lexer="basic", start=starts, **options)


def test_the_grammar_has_no_conflicts():
    """Lark's strict mode refuses conflicts between rules, and between terminals."""
    pytest.importorskip("interegular")
    lark_parser(strict=True, postlex=Filter())


WORDS = """
function param dim const base derivative noise import if then else for in while return and or not true
reversed checkpoint x f real 1 2. .5 0..n "s" + - * / // @ ** == < ( ) [ ] { } , : = -> ~ .. ; ^ && := é
f(x) x=1 return(x)
"""
LAYOUT = ["\n", "\n", "{\n", "\n}", "# c\n", "\r\n"]
SOUP = st.lists(st.sampled_from(WORDS.split() + LAYOUT), max_size=40).map(" ".join)

LARK = lark_parser(postlex=Filter())


@given(SOUP)
def test_any_tokens_parse_or_give_a_diagnostic(text):
    """Whatever the text: a tree or a ProgramError that renders, and exactly when Lark's own parser agrees."""
    check_outcome(text)


@given(SOUP)
def test_any_tokens_in_a_function_parse_or_give_a_diagnostic(text):
    """The same inside a function, which is how statements are reached."""
    check_outcome(f"function f(x) {{\n y = {text}\n return x\n}}\n")


@given(st.text())
def test_any_text_parses_or_gives_a_diagnostic(text):
    """The same for any characters."""
    assert all(render(d) for d in errors(text))


def check_outcome(text: str) -> None:
    found = errors(text)
    for diagnostic in found:
        assert render(diagnostic)
        assert diagnostic.span is not None
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
    # The soft words are no matter of the grammar.
    assert fits_lark(text) == all(map(is_about_soft_word, found))


def fits_lark(text: str) -> bool:
    try:
        LARK.parse(text, start="module")
    except UnexpectedInput:
        return False
    return True


def is_about_soft_word(diagnostic: Diagnostic) -> bool:
    return diagnostic.message.startswith(("expected `reversed`", "expected `checkpoint`"))


def spaced_terminals() -> dict[str, st.SearchStrategy[str]]:
    """Texts for the terminals, in spaces, so that neighbours do not run together."""
    explicit = {
        "NAME": st.sampled_from(["x", "W1", "reversed", "checkpoint"]),
        "NUMBER": st.sampled_from(["1.5", "2.", ".5", "1e3"]),
        "INT": st.sampled_from(["0", "7"]),
        "STRING": st.just('"s"'),
        "FUNCTION": st.sampled_from(["function", "Function"]),
        "COMPARE": st.sampled_from(["==", "<"]),
        "_NL": st.sampled_from(["\n", "; \n", "# c\n"]),
    }
    for terminal in LARK.terminals:
        if terminal.name not in explicit and terminal.pattern.type == "str":
            explicit[terminal.name] = st.just(terminal.pattern.value)
    explicit.update(dict.fromkeys(LARK.ignore_tokens, st.just("")))
    return {name: texts.map(" {} ".format) for name, texts in explicit.items()}


@given(from_lark(LARK, start="module", explicit=spaced_terminals()))
def test_every_sentence_of_the_grammar_parses(text):
    """What the grammar generates parses, except that the two soft words must be the right ones."""
    assert all(map(is_about_soft_word, errors(text)))
