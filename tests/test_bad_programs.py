"""programs/bad holds a program for every error code, and what is said about it, word for word.

`pytest tests/test_bad_programs.py --update-golden` writes the texts anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paramprog.diagnostics import Diagnostic, ProgramError, render
from paramprog.lang.parse import parse
from paramprog.lang.read import read_source
from paramprog.resources import programs_dir

BAD = programs_dir() / "bad"
PROGRAMS = sorted(BAD.glob("*.pp"))
ERRORS = Path(__file__).parents[1] / "docs" / "errors.md"


def findings(path: str) -> tuple[Diagnostic, ...]:
    """Everything that is said about a program."""
    try:
        parse(read_source(path))
    except ProgramError as error:
        return error.diagnostics
    return ()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_a_bad_program_is_told_so(program, monkeypatch, request):
    """All errors have the code that the file is named after, and the text is the golden one."""
    monkeypatch.chdir(BAD.parents[1])
    found = findings(f"programs/bad/{program.name}")
    assert {d.code for d in found if d.severity == "error"} == {program.stem}
    text = "\n".join(render(d) for d in found) + "\n"
    golden = program.with_suffix(".txt")
    if request.config.getoption("--update-golden"):
        golden.write_text(text, encoding="utf-8", newline="\n")
    assert text == golden.read_text(encoding="utf-8")


def test_every_golden_text_has_a_program():
    """No text is left over."""
    assert {path.stem for path in BAD.glob("*.txt")} == {path.stem for path in PROGRAMS}


def test_every_code_is_explained():
    """docs/errors.md has an entry for each code, in alphabetical order."""
    entries = re.findall(r"^## (\S+)$", ERRORS.read_text(encoding="utf-8"), re.MULTILINE)
    assert entries == sorted(entries)
    assert {path.stem for path in PROGRAMS} <= set(entries)
