"""Positions, and diagnostics as the terminal shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.diagnostics import (
    EXCERPT_WIDTH,
    MAX_DIAGNOSTICS,
    Diagnostic,
    ProgramError,
    Report,
    Source,
    Span,
    TooManyDiagnostics,
    did_you_mean,
    fail,
    in_source_order,
    printable,
    render,
)


@given(st.text(alphabet="ab\n\r", max_size=30))
def test_positions_count_lines_and_columns_from_one(text):
    """`position` agrees with counting newlines; `line` gives the text of the line without its end."""
    source = Source("test", text)
    for offset in range(len(text) + 1):
        before = text[:offset]
        line, column = source.position(offset)
        assert line == before.count("\n") + 1
        assert column == offset - (before.rfind("\n") + 1) + 1
        assert source.line(line) == text.split("\n")[line - 1].rstrip("\r")


def test_spans():
    """A span knows its text and position, and reaches to the end of another one."""
    source = Source("test", "one\ntwo three")
    two, three = Span(source, 4, 7), Span(source, 8, 13)
    assert (two.text, two.line, two.column) == ("two", 2, 1)
    assert two.to(three).text == "two three"
    assert repr(three) == "test:2:5"


def test_rendering():
    """Place, severity, code and message; the line; a caret under the exact text; the hint."""
    source = Source("dir/file.pp", "first\nx = tanh(y)\n")
    diagnostic = Diagnostic("some-code", "no `y` here", Span(source, 15, 16), "write `z`")
    assert render(diagnostic) == (
        "dir/file.pp:2:10: error[some-code]: no `y` here\n"
        "  2 | x = tanh(y)\n"
        "    |          ^\n"
        "  hint: write `z`"
    )
    assert render(Diagnostic("c", "m", severity="warning")) == "warning[c]: m"


def test_rendering_in_colour():
    """Colour is added only when asked for."""
    diagnostic = Diagnostic("c", "m", Span(Source("f", "x"), 0, 1))
    assert "\x1b" not in render(diagnostic)
    assert "\x1b[1;31merror[c]" in render(diagnostic, colour=True)


def test_the_caret_stands_under_wide_characters():
    """Wide characters take two columns, combining ones none, tabs and escapes what they are shown as."""
    text = "\t\u4f60e\u0301\x07X"
    excerpt = render(Diagnostic("c", "m", Span(Source("f", text), 5, 6))).splitlines()
    assert excerpt[1] == "  1 |  \u4f60e\u0301\\x07X"
    assert excerpt[2] == "    | " + " " * 8 + "^"


def test_the_caret_at_the_end_of_a_line_and_over_several():
    """A span without width gets one caret; one that goes on over the line end is cut there."""
    source = Source("f", "abc\ndef")
    assert render(Diagnostic("c", "m", Span(source, 3, 3))).splitlines()[2] == "    |    ^"
    assert render(Diagnostic("c", "m", Span(source, 1, 6))).splitlines()[2] == "    |  ^^"


@given(st.integers(0, 999), st.integers(1, 50))
def test_long_lines_are_shown_around_the_caret(start, width):
    """The excerpt of a long line is short and its caret stands under the span's first character."""
    text = "".join(chr(ord("a") + i % 26) for i in range(1000))
    end = min(start + width, 1000)
    _, excerpt, carets = render(Diagnostic("c", "m", Span(Source("f", text), start, end))).splitlines()
    assert len(excerpt) <= EXCERPT_WIDTH + 20
    column = carets.index("^")
    assert excerpt[column : column + carets.count("^")] == text[start : start + carets.count("^")]


@given(st.text())
def test_nothing_of_a_program_controls_the_terminal(text):
    """Control, format and direction characters and surrogates are shown as escapes."""
    shown = render(Diagnostic("c", text, Span(Source(text, text), 0, len(text)), text))
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown.replace("\n", ""))
    assert "\u202e" not in shown
    assert "\x1b" not in shown


def test_printable():
    """Ordinary text stays as it is."""
    assert printable("x = \u03b1\t\x1b[2J\u202e\ud800") == "x = \u03b1 \\x1b[2J\\u202e\\ud800"


def test_a_report_collects_and_raises_in_the_order_of_the_text():
    """Findings are kept once, sorted by position; warnings alone raise nothing."""
    source = Source("f", "abc")
    report = Report()
    report.add(Diagnostic("w", "a warning", severity="warning"))
    report.raise_if_errors()
    late, early = Diagnostic("late", "m", Span(source, 2, 3)), Diagnostic("early", "m", Span(source, 0, 1))
    for diagnostic in (late, early, late):
        report.add(diagnostic)
    with pytest.raises(ProgramError) as caught:
        report.raise_if_errors()
    assert [d.code for d in caught.value.diagnostics] == ["early", "late", "w"]
    assert in_source_order([late, early]) == [early, late]


def test_a_report_isolates_statements():
    """`isolating` turns an exception into findings; other exceptions pass."""
    report = Report()
    with report.isolating():
        raise fail("c", "m")
    assert [d.code for d in report.errors] == ["c"]
    with pytest.raises(KeyError), report.isolating():
        raise KeyError


def test_a_report_stops_at_the_limit():
    """After MAX_DIAGNOSTICS findings the analysis ends, also inside `isolating`."""
    report = Report()
    for i in range(MAX_DIAGNOSTICS):
        report.add(Diagnostic("c", str(i)))
    with pytest.raises(TooManyDiagnostics), report.isolating():
        report.add(Diagnostic("c", "one too many"))
    assert len(report.diagnostics) == MAX_DIAGNOSTICS


def test_did_you_mean():
    """Only close names are offered."""
    assert did_you_mean("sigmiod", ["sin", "sigmoid"]) == "did you mean `sigmoid`?"
    assert did_you_mean("x", ["sigmoid"]) is None
