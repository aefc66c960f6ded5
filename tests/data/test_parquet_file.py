"""Parquet files, if pyarrow is there."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from paramprog.data import parquet_file, read_table
from paramprog.diagnostics import render


@pytest.fixture
def parquet(tmp_path, monkeypatch):
    """Columns by name -> the table of `d.parquet` in the current directory."""
    arrow = pytest.importorskip("pyarrow")
    writer = pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)

    def read(types=None, **columns):
        made = {name: arrow.array(c, (types or {}).get(name)) for name, c in columns.items()}
        writer.write_table(arrow.table(made), "d.parquet", row_group_size=2)
        return read_table("d.parquet")

    return read


def test_columns(parquet):
    """Numbers and bools over several row groups; a dot in a name is no path."""
    table = parquet(
        **{"a.b": [1, 2, 3], "y": [0.5, 1.5, -2.0], "b": [True, False, True], "t": ["x", "y", "z"]}
    )
    assert (table.rows, table.columns) == (3, ("a.b", "y", "b", "t"))
    assert table.numbers("a.b", "int").tolist() == [1, 2, 3]
    assert table.numbers("a.b").dtype == np.float64
    assert table.numbers("y").tolist() == [0.5, 1.5, -2.0]
    assert table.numbers("b", "bool").tolist() == [True, False, True]


def test_lists(parquet):
    """Lists of one length are arrays, however deep; fixed in the type or not."""
    import pyarrow

    x = np.arange(24.0).reshape(4, 3, 2)
    fixed = pyarrow.list_(pyarrow.list_(pyarrow.float32(), 2), 3)
    table = parquet({"f": fixed}, x=x.tolist(), f=x.tolist())
    assert np.array_equal(table.numbers("x"), x)
    assert np.array_equal(table.numbers("f"), x)


@pytest.mark.parametrize(
    "column, kind, code, row, words",
    [
        ([1.0, 2.0, None, None], "real", "data-cell-empty", 3, "column `x` is empty here (1 more cell"),
        ([[1, 2], [3, None]], "real", "data-cell-empty", 2, "column `x` is empty here"),
        ([1.0, np.nan], "real", "data-nonfinite", 2, "`x` holds nan"),
        ([1.0, 2.5], "int", "data-number", 2, "`x` holds 2.5, which is not a whole number"),
        ([[1, 2], [3, 4], [5]], "real", "data-ragged", 3, "`x` holds 1 values here, and 2 in the first row"),
        (
            [[[1], [2]], [[3], [4, 5]]],
            "real",
            "data-ragged",
            2,
            "`x` holds 2 values here, and 1 in the first row",
        ),
    ],
)
def test_bad_cells(parquet, refused, column, kind, code, row, words):
    """The place is the row, counted from 1."""
    found = refused(parquet(x=column).numbers, "x", kind)
    assert found.code == code
    assert words in found.message
    assert f"d.parquet:{row}:" in render(found)


def test_what_is_no_number(parquet, refused):
    """Text, dates and missing columns."""
    import datetime

    table = parquet(t=["a"], d=[datetime.date(2000, 1, 1)], n=[None], b=[True])
    assert (
        refused(table.numbers, "t").message
        == "`t` of `d.parquet` is of type string, which is not a type of numbers"
    )
    assert refused(table.numbers, "d").code == "data-number"
    assert refused(table.numbers, "n").code == "data-cell-empty"
    assert refused(table.numbers, "b").code == "data-number"
    assert refused(table.numbers, "z").code == "data-column"


def test_tables_without_rows_or_columns(parquet, refused):
    """Are refused."""
    assert refused(lambda: parquet(x=[])).code == "data-empty"
    assert refused(parquet).code == "data-empty"


def test_two_columns_of_one_name(parquet, refused):
    """Are refused, as it is not clear which is meant."""
    import pyarrow
    from pyarrow import parquet as writer

    writer.write_table(pyarrow.Table.from_arrays([pyarrow.array([1])] * 2, ["x", "x"]), "d.parquet")
    assert refused(read_table, "d.parquet").message == "`d.parquet` has 2 columns `x`"


def test_damage(parquet, refused, tmp_path):
    """What is no Parquet file, or the half of one, is refused; so are bytes changed in the data that it checks."""
    parquet(x=[1.0, 2.0])
    path = tmp_path / "d.parquet"
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[: len(whole) // 2], b"x,y\n1,2\n", whole[:-8] + bytes(8)):
        path.write_bytes(content)
        assert refused(read_table, path).code == "data-read"
    path.write_bytes(bytes(len(whole) // 3) + whole[len(whole) // 3 :])
    assert refused(lambda: read_table(path).numbers("x")).code == "data-read"


def test_limits(parquet, refused, monkeypatch):
    """Entries are counted over all columns, and again when lists are opened; bytes as the file declares them."""
    monkeypatch.setattr(parquet_file, "MAX_ENTRIES", 5)
    assert "2^28" in refused(lambda: parquet(x=[1, 2, 3], y=[1, 2, 3])).message
    assert "2^28" in refused(parquet(x=[[1, 2], [3, 4], [5, 6]]).numbers, "x").message
    monkeypatch.setattr(parquet_file, "MAX_BYTES", 10)
    assert refused(lambda: parquet(x=[1.0, 2.0])).code == "data-read"


def test_without_pyarrow(tmp_path, monkeypatch, refused):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "d.parquet"
    path.write_bytes(b"PAR1")
    found = refused(read_table, path)
    assert found.code == "data-format"
    assert "pip install 'paramprog[parquet]'" in found.hint
