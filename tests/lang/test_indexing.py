"""`x[...]`: static indices, slices with steps, indices known at run time."""

from __future__ import annotations

import numpy as np
import pytest
from checking import code, computed, hint, returning, told

import paramprog

V = "v = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]"
A = "A = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], i = 1, j = 2"
VECTOR, MATRIX = np.arange(1.0, 8.0), np.arange(1.0, 7.0).reshape(2, 3)


@pytest.mark.parametrize(
    "item", ["0", "6", "1:3", "1:6:2", "::3", "1::3", ":", ":0", "7:", "2:2", ":4", "0:7:100", "2:3:5"]
)
def test_a_vector_is_indexed_as_in_numpy(item):
    """Zero-based, half-open, with steps; an empty slice is legal."""
    np.testing.assert_array_equal(computed(f"v[{item}]", V), eval(f"VECTOR[{item}]"))


@pytest.mark.parametrize(
    "item",
    [
        "1",
        "1, 2",
        "1][2",
        ":, 1",
        "0:1",
        ":, 0:3:2",
        "0:2, 1",
        "1:2, 1:2",
        "i",
        "i, j",
        "i][j",
        "1, j",
        "i, 2",
        ":, j",
    ]
    + ["i, :", "i, 1:3", "0:1, j", "i, ::2", "::2, j", "0:1][0, j", "0:0, j"],
)
def test_a_matrix_is_indexed_as_in_numpy(item):
    """`A[i]` is `A[i, :]`; any mix of static and run-time indices and slices."""
    expected = eval(f"MATRIX[{item}]", {"MATRIX": MATRIX, "i": 1, "j": 2})
    np.testing.assert_array_equal(computed(f"A[{item}]", A), expected)


def test_indices_are_int_expressions():
    """Of dims, consts, arguments that are known at compile time, or of what is known at run time only."""
    text = "dim n = 3\nconst k = [0, 2], c = int(1.5)\nfunction g(v, m : int) { return v[m] + v[n - 1] + v[k[1]] }\n"
    text += f"function f({V}, i : int = 2) {{ return g(v, 1) + v[c] + v[2 * i - 1] + v[argmax(v)] }}"
    assert paramprog.loads(text)() == 2 + 3 + 3 + 2 + 4 + 7


def test_indexing_keeps_the_kind():
    assert np.asarray(computed("n[i]", "n = [1, 2], i = 1")).dtype == np.int64
    assert computed("b[i], b[0]", "b = [true, false], i = 1") == (False, True)


def test_an_index_of_higher_rank():
    text = "[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]"
    T = np.arange(1.0, 9.0).reshape(2, 2, 2)
    for item in ("i, :, j", ":, i, j", "i, j", ":, 0:1, j", "0, i, 0:1", "i", "i, i, i", "i, j, 0"):
        expected = eval(f"T[{item}]", {"T": T, "i": 1, "j": 0})
        np.testing.assert_array_equal(computed(f"T[{item}]", f"T = {text}, i = 1, j = 0"), expected)


@pytest.mark.parametrize(
    "item, found, at",
    [
        ("7", "index-range", "7"),
        ("100", "index-range", "100"),
        ("-1", "negative-index", "-1"),
        ("0 - 1", "negative-index", "0 - 1"),
        ("-2:", "negative-index", "-2:"),
        (":-1", "negative-index", ":-1"),
        ("0:8", "slice-range", "0:8"),
        ("3:2", "slice-range", "3:2"),
        ("::0", "slice-range", "::0"),
        ("::-1", "slice-range", "::-1"),
        ("0:k", "not-static", "k"),
        ("1.5", "type-mismatch", "1.5"),
        ("true", "type-mismatch", "true"),
        ("v", "type-mismatch", "v"),
        ("[0, 1]", "type-mismatch", "[0, 1]"),
        ("0, 1", "index-count", "v[0, 1]"),
        ("0][0", "index-count", "v[0][0]"),
        ("1:2.5", "not-static", "2.5"),
    ],
)
def test_what_is_no_index(item, found, at):
    """Negative indices do not count from the end; out of range is an error, also for slices."""
    assert told(returning(f"v[{item}]", f"{V}, k = 2")) == [(found, at)]


@pytest.mark.parametrize("i", [3, -1, 2**40])
def test_an_index_out_of_range_at_run_time(i):
    program = paramprog.loads(returning("v[i]", "v = [1.0, 2.0, 3.0], i : int"))
    with pytest.raises(paramprog.ProgramError) as caught:
        program(i=i)
    assert [d.code for d in caught.value.diagnostics] == ["index-range"]


def test_hints_for_indices():
    """A real index, one that was divided, several at once, one from the end."""
    assert hint(returning("v[2.0]", V)) == "convert it: `int(...)`"
    assert hint(returning("v[6 / 3]", V)) == "write `//` for a whole number"
    assert hint(returning("v[[0, 1]]", V)) == "several entries at once: `gather(x, i)`"
    assert hint(returning("v[-1]", V)) == "the last entry has index 6"


def test_a_scalar_has_no_entries():
    assert code(returning("x[0]")) == "index-count"
