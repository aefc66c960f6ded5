"""Sets behind labels: unions are those of Python's sets, and every set is kept once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.analyses import interned
from paramprog.analyses.interned import Interned
from paramprog.diagnostics import ProgramError

COLUMNS = 6
groupings = st.lists(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4)), max_size=12), min_size=1, max_size=6
)


def members(sets: Interned, label: int) -> frozenset[int]:
    return frozenset(sets.listed(np.array([label]))[0].tolist())


def grouped(sets: Interned, pairs: list[tuple[int, int]]) -> Any:
    labels, groups = (
        (np.array(x, np.int64) for x in zip(*pairs, strict=True)) if pairs else (np.zeros(0, int),) * 2
    )
    return sets.grouped(labels, groups, 5)


@given(groupings, st.booleans(), st.sampled_from([1, 3, 10**6]))
def test_unions_are_those_of_sets(rounds: list[list[tuple[int, int]]], collide: bool, at_once: int):
    """Whatever is united again, in parts too, and where all hashes are the same; else equal sets share a label."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interned, "AT_ONCE", at_once)
        check(rounds, collide)


def check(rounds: list[list[tuple[int, int]]], collide: bool) -> None:
    sets = Interned(COLUMNS)
    if collide:
        sets._weights[:] = 0
    for drawn in rounds:
        pairs = [(label % len(sets), group) for label, group in drawn]
        wanted: list[set[int]] = [set() for _ in range(5)]
        for label, group in pairs:
            wanted[group] |= members(sets, label)
        found = grouped(sets, pairs)
        assert [members(sets, label) for label in found] == wanted
    if not collide:
        everything = [members(sets, label) for label in range(len(sets))]
        assert len(set(everything)) == len(everything)


def test_the_first_labels():
    """0 is empty, 1 + j is {j}."""
    sets = Interned(3)
    assert [members(sets, label) for label in range(4)] == [set(), {0}, {1}, {2}]


def test_no_columns():
    """Of nothing there are no unions but the empty one."""
    assert Interned(0).grouped(np.zeros(3, int), np.arange(3), 3).tolist() == [0, 0, 0]


def test_sets_that_become_too_large_are_a_fault(monkeypatch: pytest.MonkeyPatch):
    """The limit is on what all unions hold together."""
    monkeypatch.setattr(interned, "MAX_MEMBERS", 100)
    sets = Interned(50)
    total = sets.grouped(np.arange(1, 51), np.zeros(50, int), 1)
    with pytest.raises(ProgramError, match=r"element-limit.*more than 100 entries"):
        sets.grouped(np.concatenate((total, np.arange(1, 61) % 51)), np.zeros(61, int), 1)
