"""Columns bound to arguments."""

from __future__ import annotations

import numpy as np
import pytest
from binding import from_text, refused, table, wanted

from paramprog.data import read_table
from paramprog.diagnostics import ProgramError
from paramprog.fitting.columns import bind
from paramprog.resources import programs_dir


def test_the_digits():
    """Pixels by a glob, the label by its name; the arrays are those of the file."""
    path = programs_dir() / "data" / "digits.csv"
    expected = np.loadtxt(path, delimiter=",", skiprows=1)
    arguments = {"x": wanted("real[d]", default=True), "label": wanted("int", default=True)}
    bound = bind(read_table(path), arguments, [("x", "pixel_*")], {"d": 32})
    assert bound.rows == 1797
    assert (bound.sizes, bound.defaulted) == ({"d": 64}, ())
    assert np.array_equal(bound.arrays["x"], expected[:, :64])
    assert np.array_equal(bound.arrays["label"], expected[:, 64])
    assert bound.arrays["label"].dtype == np.int64
    assert bound.columns["x"] == [f"pixel_{k}" for k in range(64)]
    assert (bound.line(0), bound.line(1796)) == (2, 1798)
    assert (bound.place(3, "label").line, bound.place(3, "label").text) == (5, "3")
    assert bound.place(0, "x", 3).text == "13"


def test_matrices():
    """Columns fill a matrix row by row."""
    bound = bind(table(*(f"A_{k}" for k in range(6)), rows=3), {"A": wanted("int[2, n]")})
    assert bound.arrays["A"].shape == (3, 2, 3)
    assert bound.arrays["A"][2].tolist() == [[200, 201, 202], [203, 204, 205]]


def test_arrays_as_cells(tmp_path):
    """An array of an npz file is bound whole, and cannot be one of several columns."""
    x = np.arange(24.0).reshape(4, 2, 3)
    np.savez(tmp_path / "d.npz", images=x, b=np.array([True, False, True, True]), y=np.arange(4))
    file = read_table(tmp_path / "d.npz")
    bound = bind(file, {"x": wanted("real[h, w]"), "b": wanted("bool")}, [("x", "images")])
    assert np.array_equal(bound.arrays["x"], x)
    assert bound.sizes == {"h": 2, "w": 3}
    assert bound.arrays["b"].dtype == np.bool_
    assert bound.line(1) == 2
    assert bound.place(1, "x", 5).text == "images"
    found = refused(bind, file, {"x": wanted("real[n]")}, [("x", "y,images")])
    assert (found.code, "`images` have shape [2, 3]" in found.message) == ("data-width", True)


def test_the_rest():
    """A lone star is what the others take neither by a binding nor by their names, in whatever order they stand."""
    arguments = {"x": wanted("real[n]"), "y": wanted("real"), "k": wanted("int")}
    bound = bind(table("a", "y", "b", "c"), arguments, [("x", "*"), ("k", "c")])
    assert bound.columns == {"x": ["a", "b"], "y": ["y"], "k": ["c"]}
    assert list(bound.arrays) == ["x", "y", "k"]


def test_one_column_for_two():
    """An argument and a target may be the same columns, as in an autoencoder."""
    bound = bind(
        table("a", "b"), {"x": wanted("real[n]"), "t": wanted("real[n]")}, [("x", "a,b"), ("t", "a..b")]
    )
    assert np.array_equal(bound.arrays["x"], bound.arrays["t"])


def test_defaults():
    """Without a column an argument keeps its default, and this is said; one argument at least takes a column."""
    arguments = {"x": wanted("real"), "rate": wanted("real", default=True)}
    assert bind(table("x"), arguments).defaulted == ("rate",)
    assert bind(table("x", "rate"), arguments).defaulted == ()
    found = refused(bind, table("a"), {"rate": wanted("real", default=True)})
    assert (found.code, "no argument of the program takes a column" in found.message) == ("data-column", True)


def test_arguments_without_columns():
    """Each is named; the hint lists the columns, or names a similar one."""
    with pytest.raises(ProgramError) as caught:
        bind(table("a", "lable"), {"x": wanted("real[2]"), "label": wanted("int")})
    first, second = caught.value.diagnostics
    assert first.code == second.code == "data-column"
    assert first.message == "the file has no column for the argument `x`, which has no default"
    assert first.hint == "its columns are a, lable; --bind x=COLUMNS chooses"
    assert second.hint == "did you mean `lable`? --bind label=COLUMN chooses a column"


def test_several_faults():
    """One fault of each argument is shown."""
    with pytest.raises(ProgramError) as caught:
        bind(
            from_text("a,b,c\n1,2,3\nx,,0.5\n"),
            {"a": wanted("real"), "b": wanted("real"), "c": wanted("int")},
        )
    assert [d.code for d in caught.value.diagnostics] == ["data-number", "data-cell-empty", "data-number"]
    assert [d.span.column for d in caught.value.diagnostics] == [1, 3, 4]


@pytest.mark.parametrize(
    "bindings, code, message",
    [
        ([("z", "a")], "unknown-input", "columns are bound to `z`, which is no argument"),
        ([("x", "a"), ("x", "b")], "data-column", "`x` is bound twice, to `a` and to `b`"),
        ([("x", "c")], "data-column", "the file has no column `c`, to which `x` is bound"),
        ([("x", "a,b")], "data-width", "`x` is real, and 2 columns are bound to it"),
    ],
)
def test_bindings_that_fail(bindings, code, message):
    """Unknown arguments, arguments bound twice, columns that are missing or too many."""
    found = refused(bind, table("a", "b"), {"x": wanted("real")}, bindings)
    assert (found.code, found.message) == (code, message)
