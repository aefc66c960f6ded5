"""Tables of outputs: what is written reads back as it was."""

from __future__ import annotations

import numpy as np
import pytest
from full_disk import CALLS, fails_at

from paramprog.cli.tables import check_suffix, csv_text, flat_columns, write_table
from paramprog.data import read_table
from paramprog.diagnostics import ProgramError

ARRAYS = {
    "y": np.array([0.1, -1e-300, 1 / 3]),
    "k": np.array([1, -2, 3]),
    "b": np.array([True, False, True]),
    "z": np.arange(12.0).reshape(3, 2, 2) / 7,
}


def test_csv_text():
    """A header; arrays row by row; bools and numbers that are not finite as words."""
    arrays = {
        "y": np.array([0.1, np.nan, -np.inf]),
        "b": np.array([True, False, True]),
        "z": np.ones((3, 1, 2)),
    }
    assert csv_text(arrays) == ("y,b,z_0,z_1\n0.1,true,1.0,1.0\nNaN,false,1.0,1.0\n-Infinity,true,1.0,1.0\n")
    assert csv_text({"y": np.array([0.1], np.float32)}) == "y\n0.1\n"


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
def test_round_trip(tmp_path, suffix):
    """Every bit comes back, from each kind of file."""
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"t.{suffix}"
    write_table(str(path), ARRAYS)
    table = read_table(path)
    arrays = ARRAYS if suffix == "npz" else flat_columns(ARRAYS)
    assert table.columns == tuple(arrays)
    for name, array in arrays.items():
        kind = {"f": "real", "i": "int", "b": "bool"}[array.dtype.kind]
        np.testing.assert_array_equal(table.numbers(name, kind), array)


def test_columns_of_one_name():
    """Refused, with a way out."""
    with pytest.raises(ProgramError, match="two columns would be called `z_0`"):
        flat_columns({"z": np.ones((2, 2)), "z_0": np.ones(2)})


def test_a_suffix_that_no_writer_has():
    """Refused, with those that there are."""
    with pytest.raises(ProgramError, match=r"ends in none of \.npz"):
        check_suffix("t.xlsx", [".npz"])


@pytest.mark.parametrize("turn", range(len(CALLS)))
def test_a_full_disk(tmp_path, monkeypatch, turn):
    """The old file stays, and no temporary file is left."""
    path = tmp_path / "t.csv"
    write_table(str(path), ARRAYS)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        fails_at(patch, turn, partial=True)
        with pytest.raises(ProgramError, match="No space left"):
            write_table(str(path), {"y": np.ones(9)})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize("path", ["missing/t.csv", "t\0.csv"])
def test_files_that_cannot_be_written(path):
    """A diagnostic with the name of the file."""
    with pytest.raises(ProgramError, match=r"error\[unwritable\]"):
        write_table(path, ARRAYS)
