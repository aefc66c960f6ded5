"""Exported C stands alone: strict C99, without warnings, clean under sanitizers, and right."""

from __future__ import annotations

import re

import numpy as np
import pytest
from compiling import needs_compiler, prints, sanitizers

import paramprog
from paramprog.cli import main
from paramprog.compile.export_c import comment
from paramprog.resources import programs_dir

pytestmark = needs_compiler

PROGRAMS = [
    "running_example",
    "digits_mlp",
    "lstm",
    "newton",
    "fluid",
    "bundle_adjustment",
    "gaussian_process",
]
"""Among them loops, branches, lanes, indices, products and systems."""


def compiled(text: str, folder, *flags: str) -> list[list[float]]:
    """The numbers that its main prints, line by line."""
    found = prints(text, folder, *flags)
    assert found is not None
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradient(name: str, tmp_path):
    """Compiled by itself and run, it prints the value and the gradients of `grad`; sanitizers are silent."""
    program = paramprog.load(programs_dir() / f"{name}.pp")
    result = program.grad()
    value, *gradients = compiled(program.export(), tmp_path, *sanitizers())
    np.testing.assert_allclose(value, [result.value], rtol=1e-12)
    present = [g for k, g in result.gradients.items() if k not in result.structural_zero]
    for found, expected in zip(gradients, present, strict=True):
        scale = np.max(np.abs(expected), initial=0.0)
        np.testing.assert_allclose(found, np.ravel(expected), rtol=1e-10, atol=1e-12 * scale)


def test_float32(tmp_path):
    """Reals are floats then."""
    program = paramprog.load(programs_dir() / "digits_mlp.pp", dtype="float32")
    value, *_ = compiled(program.export(), tmp_path, *sanitizers())
    np.testing.assert_allclose(value, [program()], rtol=1e-5)


def test_comments_name_lines():
    """Each function says which lines of the program it computes."""
    text = paramprog.load(programs_dir() / "running_example.pp").export()
    assert re.search(r"/\* line \d+: .*tanh", text)


def test_no_text_of_a_program_reaches_the_code(tmp_path):
    """Text that would end a comment, or a line of it, is taken out; names of the program stand in comments only."""
    hostile = "/*/ int main(void) { system(); } ??/"
    assert comment(hostile) == "/ * / int main(void) { system(); } ? ?/"
    assert comment("a\\\n b\u202e") == "a? ? b?"
    assert comment('y = "a" * (b / c)') == 'y = "a" * (b / c)'
    program = paramprog.loads(
        "param exit_abort : real = 2.0\nfunction f(x : real = 0.5) { return tanh(exit_abort * x) # */ #error\n}"
    )
    text = program.export()
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    assert "exit_abort" not in code and "#error" not in code
    compiled(text, tmp_path, *sanitizers())


def test_the_commands(tmp_path, capsys):
    """`export --to c` and `grad --emit c` print the same; `--to python` prints a function; `--out` writes a file."""
    path = str(programs_dir() / "running_example.pp")
    assert main(["export", path, "--to", "c"]) == 0
    exported = capsys.readouterr().out
    assert main(["grad", path, "--emit", "c"]) == 0
    assert capsys.readouterr().out == exported and "int64_t pp_gradient(" in exported
    assert main(["export", path, "--to", "python"]) == 0
    assert "def " in capsys.readouterr().out
    assert main(["export", path, "--to", "c", "--out", str(tmp_path / "r.c")]) == 0
    assert (tmp_path / "r.c").read_text() == exported
