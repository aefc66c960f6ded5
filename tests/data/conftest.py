"""Data files made for one test."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramprog.data import Table, read_table
from paramprog.diagnostics import Diagnostic, ProgramError


@pytest.fixture
def csv(tmp_path, monkeypatch):
    """(text or bytes) -> the table of `d.csv` in the current directory."""
    monkeypatch.chdir(tmp_path)

    def read(content: str | bytes) -> Table:
        Path("d.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(Path("d.csv"))

    return read


@pytest.fixture
def refused():
    """(function, arguments) -> the one diagnostic that it raises."""

    def run(function, *arguments) -> Diagnostic:
        with pytest.raises(ProgramError) as caught:
            function(*arguments)
        [found] = caught.value.diagnostics
        return found

    return run
