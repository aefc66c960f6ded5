"""Colours: no row has two columns of one, and there are few."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.analyses.colouring import colour, turned


def compressed(matrix: Any) -> tuple[Any, Any, int]:
    rows, columns = np.nonzero(matrix)
    return columns, np.searchsorted(rows, np.arange(len(matrix) + 1)), matrix.shape[1]


def conflicts(matrix: Any) -> Any:
    """Which columns share a row."""
    counts = matrix.T.astype(int) @ matrix
    return (counts > 0) & ~np.eye(matrix.shape[1], dtype=np.bool_)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.floats(0, 1))
def test_colours_are_proper(seed: int, m: int, n: int, density: float):
    """Columns with a common row differ, each colour is needed by what came before, and empty columns have none."""
    matrix = np.random.default_rng(seed).uniform(size=(m, n)) < density
    found = colour(*compressed(matrix))
    near = conflicts(matrix)
    assert not np.any(near & (found.of[:, None] == found.of[None, :]))
    assert ((found.of == -1) == ~matrix.any(0)).all()
    assert set(found.of[found.of >= 0]) == set(range(found.count))
    assert matrix.sum(1).max() <= found.count <= max(near.sum(1).max() + 1, 1)
    for c in range(n):  # greedy: smaller colours are taken by neighbours
        assert set(range(found.of[c])) <= set(found.of[near[c]])


@pytest.mark.parametrize(
    "matrix, count",
    [
        (np.eye(9), 1),
        (np.eye(9) + np.eye(9, k=1) + np.eye(9, k=-1), 3),
        (np.ones((2, 5)), 5),
        (np.kron(np.eye(4), np.ones((3, 2))), 2),
        (np.zeros((3, 4)), 0),
    ],
)
def test_as_few_as_there_can_be(matrix: Any, count: int):
    """For diagonal, banded, full and block-diagonal matrices the greedy order finds the least number."""
    assert colour(*compressed(matrix > 0)).count == count


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(1, 8))
def test_turned(seed: int, m: int, n: int):
    """The transposed matrix."""
    matrix = np.random.default_rng(seed).uniform(size=(m, n)) < 0.4
    columns, starts, _ = compressed(matrix)
    found = turned(columns, starts, n)
    wanted = compressed(matrix.T)
    np.testing.assert_array_equal(found[0], wanted[0])
    np.testing.assert_array_equal(found[1], wanted[1])
