"""A command line that runs in this process, in a directory of its own."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from paramprog.cli import main
from paramprog.resources import programs_dir


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout, which has no numbers that JSON lacks."""

        def refuse(word):
            raise AssertionError(f"{word} is not JSON")

        found = json.loads(self.out, parse_constant=refuse)
        assert found["schema"] == 1
        return found


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch):
    """80 columns, no wishes about colours."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def cli(capfd, monkeypatch, tmp_path):
    """`cli("grad", "f.pp", stdin=b"...")` runs `paramprog grad f.pp` in `tmp_path`."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: object, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main([str(a) for a in argv])
        captured = capfd.readouterr()
        return Done(code, captured.out, captured.err)

    return run


@pytest.fixture
def shipped():
    """`shipped("logistic")` is the path of the program that ships under this name."""
    return lambda name: programs_dir() / f"{name}.pp"


@pytest.fixture
def write(tmp_path):
    """`write("f.pp", text)` makes a file in `tmp_path` and returns its name."""

    def write_file(name: str, text: str | bytes) -> str:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return write_file


@pytest.fixture
def program(write):
    """`program("function f(x) { return x }")` is the name of a file with this text."""
    return lambda text: write("program.pp", text)
