"""Warnings where every path to the output passes a step."""

import paramprog


def warned(text):
    return [d.span.text for d in paramprog.loads(text).compiled().checked.report.diagnostics]


def test_steps_that_cut_every_path_are_told():
    """Rounding, a comparison as the only use; the caret is under the step."""
    assert warned("param w = 2.5\nfunction f() { y = floor(w) * 2; return y }") == ["floor(w)"]
    assert warned("param w = 2.5\nfunction f() { return if w > 1 then 2.0 else 3.0 }") == ["w > 1"]
    assert warned("function f(x = 2.5) { return round(sin(x)) }") == ["round(sin(x))"]


def test_nothing_is_said_where_a_derivative_passes():
    """One smooth path is enough; a parameter that is not used at all is another matter."""
    assert warned("param w = 2.5\nfunction f() { return floor(w) * w }") == []
    assert warned("param w = 2.5, v = 1.0\nfunction f() { return if w > 1 then w else 3.0 }") == []
    assert warned("function f(x = 2.5, k : int = 1) { return x * k }") == []
