"""CSV files: which bytes are a table, what its cells are, and where the faults are."""

from __future__ import annotations

import csv as csv_module
import io
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.data import csv_file, read_table
from paramprog.data.csv_file import read_csv
from paramprog.diagnostics import ProgramError, render
from paramprog.resources import programs_dir


def test_the_digits():
    """The shipped file, against NumPy's reader; the digest is that of the file."""
    path = programs_dir() / "data" / "digits.csv"
    table = read_table(path)
    expected = np.loadtxt(path, delimiter=",", skiprows=1)
    assert (table.rows, len(table.columns)) == expected.shape == (1797, 65)
    for k, name in enumerate(table.columns):
        assert np.array_equal(table.numbers(name), expected[:, k])
    label = table.numbers("label", "int")
    assert label.dtype == np.int64
    assert np.array_equal(label, expected[:, 64])
    assert table.digest == sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n-3.5,4e1\n",
        "a,b\n1,2\n-3.5,4e1",
        "a,b\r\n1,2\r\n-3.5,4e1\r\n",
        "a,b\r\n1,2\n-3.5,4e1",
        "\ufeffa,b\n1,2\n-3.5,4e1\n",
        '"a","b"\n"1","2"\n"-3.5","4e1"\n',
        '"a",b\r\n1,"2"\r\n-3.5,"4e1"\r\n\r\n\n',
        " a ,\tb\n 1 ,2 \n\t-3.5,+40.",
        "a,name,b\n1,O'Brien,2\n-3.5,,40\n",
        'a,"first, last",b\n1,"5"" pipe, two\nlines",2\n-3.5,"",40\n',
        ",a,b\n0,1,2\n1,-3.5,40\n",
        "a,b,\n1,2,\n-3.5,40,\n",
    ],
)
def test_what_is_a_table(csv, content):
    """Ends of lines, a byte order mark, quotes, blanks, other columns and columns without a name change nothing."""
    table = csv(content)
    assert table.rows == 2
    assert {"a", "b"} <= set(table.columns)
    assert "" not in table.columns
    assert table.numbers("a").tolist() == [1, -3.5]
    assert table.numbers("b").tolist() == [2, 40]


@pytest.mark.parametrize(
    "content, code, where, message",
    [
        ("", "data-empty", None, "`d.csv` is empty"),
        ("\n\r\n", "data-empty", None, "`d.csv` is empty"),
        ("a,b\n", "data-empty", (1, 1), "the file has a header and no row"),
        ("1,2\n3,4\n", "data-empty", (1, 1), "the file has no header: its first line names no columns"),
        (",\n3,4\n", "data-empty", (1, 1), "the file has no header: its first line names no columns"),
        ("a,b\n1,2\n3\n", "data-ragged", (3, 2), "this row has 1 cell, and the header names 2 columns"),
        ("a,b\n1,2\n3,4,5\n", "data-ragged", (3, 5), "this row has 3 cells, and the header names 2 columns"),
        (
            "a\n1\n3,4\n5,6\n7\n8,9\n",
            "data-ragged",
            (3, 3),
            "this row has 2 cells, and the header names 1 column (2 more rows differ too)",
        ),
        ("a,b\n1,2\n\n3,4\n", "data-ragged", (3, 1), "this line is empty"),
        ("a,b\r\n1,2\r\n  \r\n3,4\r\n", "data-ragged", (3, 1), "this line is empty"),
        ('a,b\n1,"x\ny"\n3\n', "data-ragged", (4, 2), "this row has 1 cell, and the header names 2 columns"),
        ('a,b\n1,5"\n', "data-quote", (2, 4), "this quote is in the middle of a cell"),
        ('a,b\n1, "5"\n', "data-quote", (2, 4), "this quote is in the middle of a cell"),
        ('a,b\n1,"5\n3,4\n', "data-quote", (2, 3), "this quote is never closed"),
        ('a,b\n1,"5" \n3,4\n', "data-quote", (2, 5), "the cell goes on after this quote"),
        ('a,b\n1,"5"\r6\n3,4\n', "data-quote", (2, 5), "the cell goes on after this quote"),
        ("a,b,a\n1,2,3\n", "data-column", (1, 5), "the header names `a` twice, as columns 1 and 3"),
        ('a,b," a"\n1,2,3\n', "data-column", (1, 5), "the header names `a` twice, as columns 1 and 3"),
        ("a,b\n1,é2\n".encode("latin-1"), "data-read", (2, 3), "the file is not encoded in UTF-8: "
         "there is a byte 0xe9"),
        ("a,b\n1,2\n".encode("utf-16"), "data-read", None, "`d.csv` is not encoded in UTF-8 but in UTF-16"),
        ("a,b\n1,2\0\n", "data-read", (2, 4), "the file is not a text: there is a byte 0"),
    ],
)  # fmt: skip
def test_what_is_none(csv, refused, content, code, where, message):
    """Each fault of the file as a whole has its code, its place and its words."""
    found = refused(csv, content)
    assert (found.code, found.message) == (code, message)
    assert (found.span and (found.span.line, found.span.column)) == where


@pytest.mark.parametrize(
    "content, kind, code, where, message",
    [
        ("a,b\n1,2\n3,abc\n", "real", "data-number", (3, 3), 'column `b` holds "abc", which is not a number'),
        ("a,b\n1,2\n3,\n", "real", "data-cell-empty", (3, 3), "column `b` is empty here"),
        ("a,b\n1,2\n3, \r\n", "real", "data-cell-empty", (3, 3), "column `b` is empty here"),
        ('a,b\n1,2\n3,""\n', "real", "data-cell-empty", (3, 3), "column `b` is empty here"),
        ("b\n1\n\n3\n", "real", "data-cell-empty", (3, 1), "column `b` is empty here"),
        ("a,b\n1,-NaN\n", "real", "data-nonfinite", (2, 3), 'column `b` holds "-NaN", and numbers must be finite'),
        ("a,b\n1,2\n1,Inf\n", "int", "data-nonfinite", (3, 3), 'column `b` holds "Inf", and numbers must be finite'),
        ("a,b\n1,1e999\n", "real", "data-nonfinite", (2, 3),
         'column `b` holds "1e999", which is too large for a float64'),
        ("a,b\n1,1_000\n", "real", "data-number", (2, 3), 'column `b` holds "1_000", which is not a number'),
        ("a,b\n1,0.5\n", "int", "data-number", (2, 3), 'column `b` holds "0.5", which is not a whole number'),
        ("a,b\n1,1e19\n", "int", "data-number", (2, 3), 'column `b` holds "1e19", which is too large for an int64'),
        ("a,b\n1,2\n", "bool", "data-number", (2, 3), 'column `b` holds "2", which is neither true nor false'),
        ("b,a\nx,1\ny,1\nz,1\n", "real", "data-number", (2, 1),
         'column `b` holds "x", which is not a number (2 more cells of this column cannot be used either)'),
        ("b,a\n1,1\nx,1\n,1\n", "real", "data-number", (3, 1),
         'column `b` holds "x", which is not a number (1 more cell of this column cannot be used either)'),
        ('a,b\n"1\n2",1\n3,x\n', "real", "data-number", (4, 3), 'column `b` holds "x", which is not a number'),
        ("a,é,b\nä,ü,\U0001f600\n", "real", "data-number", (2, 5),
         'column `b` holds "\U0001f600", which is not a number'),
    ],
)  # fmt: skip
def test_bad_cells(csv, refused, content, kind, code, where, message):
    """The first one is named by line, column of the text and name; how many more there are is said."""
    found = refused(csv(content).numbers, "b", kind)
    assert (found.code, found.message) == (code, message)
    assert (found.span.line, found.span.column) == where


@pytest.mark.parametrize(
    "content, hint",
    [
        ('b\n"1,5"\n', "with a point"),
        ("b\nN/A\n", "none is left out silently"),
        ("b\ntrue\n", "type bool"),
        ("a;b\n1;2\n", "separated by semicolons"),
        ("a\tb\n1\t2\n", "separated by tabs"),
    ],
)
def test_hints_at_cells(csv, refused, content, hint):
    """What is often meant is guessed."""
    table = csv(content)
    assert hint in refused(table.numbers, table.columns[0]).hint


def test_hints_at_files(csv, refused):
    """Other separators, decimal commas and old ends of lines are recognised."""
    assert "semicolons" in refused(csv, "a;b\n1,5;2\n").hint
    assert "semicolons" in refused(csv("a;b\n1;2\n").numbers, "b").hint
    assert "old Macs" in refused(csv, "a,b\r1,2\r").hint
    assert "quotes around" in refused(csv, "a,b\n1,2,3\n").hint


def test_a_fault_as_it_is_shown(csv, refused):
    """File, line and column, the line, and a mark under the cell."""
    found = refused(csv("x,label\n0.5,3\n0.25,three\n").numbers, "label", "int")
    assert render(found) == (
        'd.csv:3:6: error[data-number]: column `label` holds "three", which is not a number\n'
        "  3 | 0.25,three\n"
        "    |      ^^^^^"
    )


def test_a_column_that_is_missing(csv, refused):
    """The hint names a similar one, else some of them."""
    found = refused(csv("price,label\n1,2\n").numbers, "lable")
    assert (found.code, found.hint) == ("data-column", "did you mean `label`?")
    found = refused(csv(",".join(f"c{k}" for k in range(40)) + "\n" + ",".join("1" * 40) + "\n").numbers, "z")
    assert found.hint == "its columns are c0, c1, c2, c3, ..., c39 (40 in all)"


def test_lines_count_those_inside_cells(csv):
    """`line` is the line in which a row begins, `place` the cell in it."""
    table = csv('"a\nb",c\n1,2\n"x\r\ny",3\n4,5\n')
    assert [table.line(row) for row in range(table.rows)] == [3, 4, 6]
    assert [table.place(row, "c").line for row in range(table.rows)] == [3, 5, 6]
    assert table.place(2, "c").text == "5"


def test_the_limit_of_cells(csv, refused, monkeypatch):
    """Cells are counted before anything is made of them."""
    monkeypatch.setattr(csv_file, "MAX_ENTRIES", 6)
    assert csv("a,b\n1,2\n3,4\n").rows == 2
    assert "2^28" in refused(csv, "a,b\n1,2\n3,4\n5,6\n").message


CELLS = st.text(alphabet='ab1 ,"\n\ré😀;', max_size=5)


@given(
    st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=5)),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)  # fmt: skip
def test_cells_are_those_that_were_written(rows, end, mark):
    """What Python's csv module writes, all of it in quotes, is found again, cell by cell and line by line."""
    names = [f"c{k}" for k in range(len(rows[0]))]
    out = io.StringIO()
    csv_module.writer(out, lineterminator=end, quoting=csv_module.QUOTE_ALL).writerows([names, *rows])
    raw = out.getvalue().encode("utf-8-sig" if mark else "utf-8")
    table = read_csv(Path("d.csv"), raw, "")
    assert table.columns == tuple(names)
    assert table.rows == len(rows)
    line = 2
    for r, row in enumerate(rows):
        assert table.line(r) == line
        for name, cell in zip(names, row, strict=True):
            starts, ends = table._cells(name, slice(r, r + 1))
            assert table.text.content(int(starts[0]), int(ends[0])) == cell
        line += 1 + "".join(row).count("\n")


@given(
    st.lists(
        st.lists(st.sampled_from(["1", "-2.5", "", "x", "nan"]), min_size=2, max_size=2),
        min_size=1,
        max_size=6,
    )
)
def test_the_fault_is_the_first_bad_cell(rows):
    """Its line, and the number of further ones, against a search by hand."""
    table = read_csv(Path("d.csv"), "\n".join(["a,b", *map(",".join, rows), ""]).encode(), "")
    for k, name in enumerate(table.columns):
        bad = [r for r, row in enumerate(rows) if row[k] not in ("1", "-2.5")]
        if not bad:
            assert table.numbers(name).tolist() == [float(row[k]) for row in rows]
            continue
        with pytest.raises(ProgramError) as caught:
            table.numbers(name)
        [found] = caught.value.diagnostics
        assert found.span.line == bad[0] + 2 == table.line(bad[0])
        assert found.span.text == rows[bad[0]][k]
        assert ("more cell" in found.message) == (len(bad) > 1)


@given(st.one_of(st.binary(max_size=40), st.text(alphabet='a1,"\n\r ;\0é', max_size=40).map(str.encode)))
def test_any_bytes(raw):
    """Are a table, or are refused by a diagnostic that can be shown."""
    try:
        table = read_csv(Path("d.csv"), raw, "")
        for name in table.columns:
            assert table.numbers(name).shape == (table.rows,)
    except ProgramError as error:
        [found] = error.diagnostics
        assert found.code.startswith("data-")
        assert "d.csv" in render(found)
