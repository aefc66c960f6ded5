"""Arrays of a Python program as a table."""

from __future__ import annotations

import numpy as np
import pytest

from paramprog.data import table_of
from paramprog.diagnostics import ProgramError


def code(arrays, column=None, kind="real"):
    with pytest.raises(ProgramError) as caught:
        table_of(arrays).numbers(column, kind)
    return caught.value.diagnostics[0].code


def test_columns():
    """Lists and arrays, with cells of any shape, of the kind that is asked for."""
    table = table_of({"x": [[1, 2], [3, 4]], "b": np.array([True, False])})
    assert (table.rows, table.columns) == (2, ("x", "b"))
    assert table.numbers("x").dtype == np.float64
    np.testing.assert_array_equal(table.numbers("x", "int"), [[1, 2], [3, 4]])
    assert table.numbers("b", "bool").tolist() == [True, False]


@pytest.mark.parametrize(
    "arrays, column, kind, expected",
    [
        ({}, None, "real", "data-empty"),
        ({"x": []}, None, "real", "data-empty"),
        ({"x": 1.0}, None, "real", "data-ragged"),
        ({"x": [1, 2], "y": [1]}, None, "real", "data-ragged"),
        ({"x": [1, 2]}, "y", "real", "data-column"),
        ({"x": ["a", "b"]}, "x", "real", "data-number"),
        ({"x": [None, 1.0]}, "x", "real", "data-number"),
        ({"x": [1.0, np.nan]}, "x", "real", "data-nonfinite"),
        ({"x": [1.0, 1.5]}, "x", "int", "data-number"),
        ({"x": None}, None, "real", "data-ragged"),
        ({"x": {1, 2}}, None, "real", "data-ragged"),
        ({"x": [[1, 2], [3]]}, None, "real", "data-ragged"),
        ({"x": [[1, 2], [[3], [4, 5]]]}, None, "real", "data-ragged"),
        ({"x": np.ma.masked_equal([1.0, 2.0], 2.0)}, None, "real", "data-cell-empty"),
        ({1: [1.0], "1": [2.0]}, None, "real", "data-column"),
        (np.ones((3, 2)), None, "real", "data-format"),
        ([("x", [1.0])], None, "real", "data-format"),
        (None, None, "real", "data-format"),
    ],
)
def test_faults(arrays, column, kind, expected):
    assert code(arrays, column, kind) == expected


def test_places():
    """The row that is at fault."""
    for column, shown in (
        ([[1, 2], [3, 4], [5]], "<arrays>:3:1"),
        (np.ma.masked_equal([[1.0, 2.0], [3.0, 4.0]], 3.0), "<arrays>:2:1"),
    ):
        with pytest.raises(ProgramError) as caught:
            table_of({"x": column})
        assert repr(caught.value.diagnostics[0].span) == shown


def test_a_masked_array_without_masked_entries():
    """Is an array."""
    assert table_of({"x": np.ma.masked_array([1.0, 2.0])}).numbers("x").tolist() == [1.0, 2.0]


def test_digest():
    """Of names, types, shapes and numbers."""
    one = {"x": np.arange(6.0), "y": np.ones(6)}
    others = [
        {"x": np.arange(6.0), "z": np.ones(6)},
        {"x": np.arange(6), "y": np.ones(6)},
        {"x": np.arange(6.0).reshape(6, 1), "y": np.ones(6)},
        {"x": np.arange(6.0)[::-1], "y": np.ones(6)},
    ]
    digests = {table_of(columns).digest for columns in (one, *others)}
    assert len(digests) == 5
    assert table_of(dict(one)).digest == table_of(one).digest
