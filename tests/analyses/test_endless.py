"""Loops that never end once they have begun."""

from __future__ import annotations

import pytest

import paramprog
from paramprog.resources import programs_dir

LOOPS = {
    # a param, a function of it, an int of the loop around, a name that is only read
    "while w > 0 { h = h + 1 }": ["w > 0"],
    "while positive(w) { h = h + 1 }": ["a > 0"],
    "for i in 0..3 { while i < 2 { h = h + 1 } }": ["i < 2"],
    "if w > 0 { while g > 2 { h = h * g } }": ["g > 2"],
    # changed by each turn, by some, through another name; never begun
    "while h > 0 { h = h - w }": [],
    "while h > 0 { if w > 3 { h = h - 1 } }": [],
    "while w > 0 and h < 3 { h = h + 1 }": [],
    "while h > 0 { h, g = g, h - 1 }": [],
    "while false { h = h + 1 }": [],
}


@pytest.mark.parametrize("loop", LOOPS)
def test_conditions_that_no_turn_changes(loop: str) -> None:
    """Warned of where they stand by every command, and of nothing else there."""
    text = f"""param w = -1.0
function positive(a) {{ return a > 0 }}
function f() {{
    h, g = 2 * w, w
    {loop}
    return h + g
}}"""
    program = paramprog.loads(text)
    warnings = [d for d in program.compiled({}).checked.report.diagnostics if d.code == "endless-loop"]
    assert [d.span.text for d in warnings if d.span] == LOOPS[loop]
    checked = [d for d in program.check() if d.span is not None and d.span.text in LOOPS[loop]]
    assert [(d.code, d.severity) for d in checked] == [("endless-loop", "warning")] * len(LOOPS[loop])


def test_derivatives_have_no_such_loops() -> None:
    """Their turns are counted: no shipped program with operators is warned of."""
    for name in ("particle", "newton_minimum", "newton", "saddle"):
        found = paramprog.load(programs_dir() / f"{name}.pp").compiled({}).checked.report.diagnostics
        assert [d.code for d in found if d.code == "endless-loop"] == []
