"""The long random run, shortened: what it draws is determined by the seed, and it finds nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz import run

import paramprog


def test_a_few_programs_agree() -> None:
    """Every comparison of ten programs."""
    found = run.block(7, range(10))
    assert not found.faults
    assert found.counts["programs"] + found.counts["too long"] == 10
    assert found.counts["recursion = path sum (exact): agree"] > 0


def test_faults_are_counted_with_the_program() -> None:
    """What disagrees is kept with its number and text."""
    found = run.Block(number=3, text="function f(x) { return x }")
    found.judge("a = b", False, "1 against 2")
    found.judge("a = b", None)
    assert found.faults == [(3, "a = b: 1 against 2", "function f(x) { return x }")]
    assert found.counts == {"a = b: FAILED": 1, "a = b: undecided": 1}


def test_where_terms_cancel_their_order_decides() -> None:
    """The sum of two terms near 1e16 that cancel, and of one near 1, is 1 or 0; a wrong gradient is wrong there too."""
    program = paramprog.loads(
        "function f(x = 0.5, c = 1e16) { a = c * x\n b = c * x\n return (a + sin(x)) - b }"
    )
    point, g = program.point(), program.grad(wrt=["x"])["x"]
    assert run.near_by_paths(point, "x", g, g)
    assert run.near_by_paths(point, "x", g + 1.0, g) is None
    assert run.near_by_paths(point, "x", g + 1e9, g) is False
    assert run.near_by_paths(point, "c", 1e-3, 0.0) is False


@pytest.mark.slow
def test_runs_go_on_where_they_were(tmp_path: Path) -> None:
    """Stopped after one program and resumed, a run counts what an uninterrupted one counts; texts do not vary."""
    whole, parts = tmp_path / "whole.json", tmp_path / "parts.json"
    for state, count in ((whole, 3), (parts, 1), (parts, 3)):
        command = [
            sys.executable,
            run.__file__,
            "--programs",
            str(count),
            "--seed",
            "1",
            "--state",
            str(state),
        ]
        subprocess.run(command, check=True, capture_output=True)
    assert json.loads(whole.read_text()) == json.loads(parts.read_text())


@pytest.mark.slow
def test_many_programs_agree() -> None:
    """Two hundred programs."""
    assert not run.block(8, range(200)).faults
