"""Files by their suffix, and files that cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from paramprog.data import content, read_table


def test_suffixes(tmp_path):
    """Upper or lower case; a path may be a text."""
    (tmp_path / "d.CSV").write_text("x\n1\n")
    np.savez(tmp_path / "d.npz", x=[1])
    for name in ("d.CSV", "d.npz"):
        assert read_table(str(tmp_path / name)).numbers("x").tolist() == [1]


@pytest.mark.parametrize(
    "name, code, message",
    [
        ("none.csv", "data-read", "there is no file `none.csv`"),
        ("none.xlsx", "data-read", "there is no file `none.xlsx`"),
        ("folder.csv", "data-read", "`folder.csv` is a directory"),
        ("d.tsv", "data-format",
         "`d.tsv` is not a data file that can be read: its name ends in none of .csv, .npz, .parquet"),
        ("d", "data-format",
         "`d` is not a data file that can be read: its name ends in none of .csv, .npz, .parquet"),
        ("a\0b.csv", "data-read", "`a\0b.csv` is no name of a file"),
    ],
)  # fmt: skip
def test_files_that_are_none(tmp_path, monkeypatch, refused, name, code, message):
    """The message names the file and the cause."""
    monkeypatch.chdir(tmp_path)
    Path("folder.csv").mkdir()
    for other in ("d.tsv", "d"):
        Path(other).write_text("x\n1\n")
    found = refused(read_table, name)
    assert (found.code, found.message) == (code, message)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permissions(tmp_path, refused):
    """A file that may not be read."""
    path = tmp_path / "d.csv"
    path.write_text("x\n1\n")
    path.chmod(0)
    assert "Permission denied" in refused(read_table, path).message


def test_the_limit_of_bytes(tmp_path, monkeypatch, refused):
    """No more is read than the limit and one byte."""
    path = tmp_path / "d.csv"
    path.write_text("x\n1\n2\n")
    monkeypatch.setattr(content, "MAX_BYTES", 6)
    assert read_table(path).rows == 2
    monkeypatch.setattr(content, "MAX_BYTES", 5)
    assert "the limit for a data file" in refused(read_table, path).message
