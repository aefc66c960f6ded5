"""Training and validation rows, and the order of rows."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from binding import refused
from hypothesis import given
from hypothesis import strategies as st

from paramprog.fitting.split import shuffled, split

SPLIT = [1, 3, 9]
SHUFFLED = [2, 3, 5, 1, 0, 4]


@given(st.integers(2, 60), st.floats(0, 0.99), st.integers(0, 9), st.booleans())
def test_a_partition(rows, fraction, seed, stratified):
    """Both parts together are all rows, each is in order, and the second has its share, rounded."""
    count = int(np.floor(rows * fraction + 0.5))
    labels = np.arange(rows) % 3 if stratified else None
    if count == rows or (fraction and not count):
        assert refused(split, rows, fraction, seed, labels).code == "data-split"
        return
    train, validation = split(rows, fraction, seed, labels)
    assert len(validation) == count
    assert sorted([*train, *validation]) == list(range(rows))
    assert np.array_equal(train, np.sort(train))
    assert np.array_equal(validation, np.sort(validation))


@given(st.lists(st.integers(0, 4), min_size=5, max_size=80), st.floats(0.2, 0.8), st.integers(0, 3))
def test_labels_have_their_share(labels, fraction, seed):
    """Each label has its exact share of the validation rows, rounded up or down."""
    labels = np.array(labels)
    _, validation = split(len(labels), fraction, seed, labels)
    share = len(validation) / len(labels)
    for label in np.unique(labels):
        found = np.count_nonzero(labels[validation] == label)
        exact = share * np.count_nonzero(labels == label)
        assert np.floor(exact - 1e-9) <= found <= np.ceil(exact + 1e-9)


def test_seeds():
    """Another seed gives another split, the same seed the same; the split is not that of the first epoch."""
    first, again, other = (split(100, 0.2, seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(np.sort(shuffled(100, 0, 0)[:20]), first)
    labels = np.arange(100) % 2
    assert not np.array_equal(split(100, 0.2, 0, labels)[1], split(100, 0.2, 1, labels)[1])


def test_a_split_is_the_same_in_every_process():
    """It depends on the seed and on nothing else: the numbers were written down once."""
    assert split(10, 0.3, 0)[1].tolist() == SPLIT
    code = "from paramprog.fitting.split import *; print(split(10, 0.3, 0)[1].tolist(), shuffled(6, 0, 3).tolist())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == f"{SPLIT} {SHUFFLED}\n"


def test_no_validation():
    """A fraction of 0 trains on everything."""
    train, validation = split(3, 0, 0)
    assert (train.tolist(), validation.tolist()) == ([0, 1, 2], [])
    assert validation.dtype == train.dtype == np.int64


@pytest.mark.parametrize(
    "rows, fraction, words",
    [
        (4, 0.1, "of 4 rows, 0.1 for validation leave none for validation"),
        (1, 0.5, "of 1 row, 0.5 for validation leave none for training"),
        (2, 0.9, "leave none for training"),
        (9, 1.0, "must be in [0, 1)"),
        (9, -0.1, "must be in [0, 1)"),
        (9, float("nan"), "must be in [0, 1)"),
    ],
)
def test_splits_that_fail(rows, fraction, words):
    """A part that would be empty, a fraction that is none."""
    found = refused(split, rows, fraction, 0)
    assert found.code == "data-split"
    assert words in found.message


@given(st.integers(0, 50), st.integers(0, 5), st.integers(0, 5))
def test_epochs(rows, seed, epoch):
    """Each order is a permutation, and a function of the seed and the epoch."""
    order = shuffled(rows, seed, epoch)
    assert sorted(order) == list(range(rows))
    assert np.array_equal(order, shuffled(rows, seed, epoch))
    if rows > 10:
        assert not np.array_equal(order, shuffled(rows, seed, epoch + 1))
