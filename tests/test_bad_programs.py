"""programs/bad holds a program for every error code, and what is said about it, word for word.

`pytest tests/test_bad_programs.py --update-golden` writes the texts anew.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import paramprog
from paramprog.diagnostics import Diagnostic, ProgramError, render
from paramprog.resources import programs_dir

BAD = programs_dir() / "bad"
PROGRAMS = sorted(BAD.glob("*.pp"))
ERRORS = Path(__file__).parents[1] / "docs" / "errors.md"
PACKAGE = Path(paramprog.__file__).parent

SEVERAL = {"three-errors": ["unknown-init", "undefined-name", "undefined-name"]}
"""Programs named otherwise than their error, and the codes of what is said, in order."""

NOT_FROM_A_FILE = {
    # what the values, names and sizes given with a program can have wrong (tests/lang/test_arguments.py)
    "dim-conflict", "input-shape", "input-value", "unknown-input", "values-file",
    # what was asked of a program (tests/test_program.py, tests/test_compiled.py, tests/compile)
    "bad-threads", "no-c-backend", "not-real", "path-limit", "unknown-output", "unknown-point",
    # files, memory, and what the command line writes (tests/cli, tests/lang/test_read.py)
    "binary-output", "graph-picture", "graphviz-missing", "not-printable", "out-of-memory", "unreadable-file",
    "unwritable", "would-overwrite",
    # data files (tests/data), and columns bound to arguments (tests/train)
    "data-cell-empty", "data-column", "data-empty", "data-format", "data-nonfinite", "data-number", "data-quote",
    "data-ragged", "data-read", "data-split", "data-width",
    # training: settings, folders of runs, checkpoints (tests/train, tests/test_training*.py)
    "checkpoint-damaged", "checkpoint-foreign", "checkpoint-write", "loss-fit", "matplotlib-missing", "no-params",
    "resume-differs", "run-config", "run-exists", "run-locked", "run-log", "run-missing", "settings",
    # many samples, and optimising (tests/test_many.py, tests/cli/test_data.py, tests/test_optimising.py)
    "batch-axis", "batch-mode", "batch-size", "no-data", "optimise-bounds", "optimise-start", "optimise-unbounded",
    "optimise-wrt",
    # an operation that has no rule for many samples: none of those built in
    "no-lanes",
    # what loops may hold for gradients (tests/analyses/test_budget.py)
    "memory-mode", "memory-too-small", "memory-turns",
    # a file of 16 MiB (tests/lang/test_read.py), a graph of a million nodes (tests/lang/test_build.py)
    "graph-limit", "source-limit",
}  # fmt: skip
"""Codes that no text alone causes, or none that should be shipped."""


def findings(path: str) -> list[Diagnostic]:
    """Everything that is said about a program when it is run, and differentiated, at its defaults."""
    try:
        program = paramprog.load(path)
        result = program.run()
        gradient = program.grad()
    except ProgramError as error:
        return list(error.diagnostics)
    return [*program.check(), *(gradient.warnings or result.warnings)]


def codes_in_the_source() -> set[str]:
    """The first argument of every call that makes a diagnostic."""
    made: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                if node.func.id in ("fail", "Diagnostic", "ValueFault") and isinstance(first, ast.Constant):
                    made.add(first.value)
    return made


def entries() -> list[str]:
    return re.findall(r"^## (\S+)$", ERRORS.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_a_bad_program_is_told_so(program, monkeypatch, request):
    """All findings have the code that the file is named after, and the text is the golden one."""
    monkeypatch.chdir(BAD.parents[1])
    found = findings(f"programs/bad/{program.name}")
    codes = [d.code for d in found]
    if program.stem in SEVERAL:
        assert codes == SEVERAL[program.stem]
    else:
        assert set(codes) == {program.stem}
    text = "\n".join(render(d) for d in found) + "\n"
    golden = program.with_suffix(".txt")
    if request.config.getoption("--update-golden"):
        golden.write_text(text, encoding="utf-8", newline="\n")
    assert text == golden.read_text(encoding="utf-8")


def test_every_golden_text_has_a_program():
    """No text is left over."""
    assert {path.stem for path in BAD.glob("*.txt")} == {path.stem for path in PROGRAMS}


def test_every_code_that_a_text_can_cause_has_a_program():
    """What is excepted is nowhere else, and exists."""
    shown = {path.stem for path in PROGRAMS} - SEVERAL.keys()
    assert shown | NOT_FROM_A_FILE >= codes_in_the_source()
    assert not shown & NOT_FROM_A_FILE


def test_every_code_is_explained():
    """docs/errors.md has an entry for each code in the source, for nothing else, in alphabetical order."""
    assert entries() == sorted(entries())
    assert set(entries()) == codes_in_the_source()
