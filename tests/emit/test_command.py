"""`paramprog grad FILE --emit pp|python`."""

from __future__ import annotations

import pytest

import paramprog
from paramprog.cli import main
from paramprog.resources import programs_dir

FILE = str(programs_dir() / "running_example.pp")


@pytest.mark.parametrize("language", ["pp", "python"])
def test_the_program_of_the_gradient_is_printed(language, capsys):
    assert main(["grad", FILE, "--emit", language]) == 0
    out, err = capsys.readouterr()
    assert out == paramprog.load(FILE).gradient_program(language=language)
    assert err == ""


def test_options_say_what_is_differentiated_and_where(capsys):
    assert main(["grad", FILE, "--emit", "pp", "--wrt", "B,Q", "--at", "P=0.5"]) == 0
    out, _ = capsys.readouterr()
    assert "P = 0.5" in out
    assert "return R, dB, dQ" in out


def test_an_unknown_language_is_a_mistake_of_usage(capsys):
    assert main(["grad", FILE, "--emit", "cobol"]) == 2
    assert "cobol" in capsys.readouterr().err
