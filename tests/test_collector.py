"""The garbage collector is off for a while, and afterwards as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from paramprog.collector import collector_off


class Part:
    """An object that the collector looks at."""


@pytest.fixture(autouse=True)
def collector_on() -> Iterator[None]:
    """Each test begins and ends with the collector on, and nothing frozen."""
    gc.enable()
    yield
    gc.unfreeze()
    gc.enable()


def test_it_is_off_inside_and_on_afterwards() -> None:
    """Also when an error is raised inside, and with one inside another."""
    with collector_off():
        with collector_off():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), collector_off():
        _ = 1 / 0
    assert gc.isenabled()


def test_who_has_turned_it_off_finds_it_off() -> None:
    """The setting is the caller's."""
    gc.disable()
    with collector_off():
        pass
    assert not gc.isenabled()


def test_what_was_made_is_old_without_having_been_walked() -> None:
    """No collection takes place, and the next one of the young does not see the new objects; a full one does."""
    before = [g["collections"] for g in gc.get_stats()]
    with collector_off():
        made = [Part() for _ in range(10_000)]
        made[0].itself = made[0]  # type: ignore[attr-defined]
    assert [g["collections"] for g in gc.get_stats()] == before
    assert any(x is made for x in gc.get_objects(generation=2))
    del made
    assert gc.collect() >= 1


def test_what_the_caller_has_frozen_stays_frozen() -> None:
    """`gc.freeze` is for processes that fork; it is theirs to undo."""
    gc.freeze()
    before = gc.get_freeze_count()
    with collector_off():
        kept = [Part() for _ in range(100)]
    assert gc.get_freeze_count() >= before - 100
    assert len(kept) == 100
