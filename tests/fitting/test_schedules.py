"""Learning rates by the index of the step."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.fitting.schedules import SCHEDULES, Schedule


def rates(schedule, steps, base=1.0):
    return [schedule.rate(base, k) for k in range(steps)]


def test_constant():
    """The base rate, forever."""
    assert rates(Schedule("constant", total=3), 5, 0.3) == [0.3] * 5


def test_step():
    """Every k steps the rate is multiplied by the factor."""
    assert rates(Schedule("step", total=6, every=2, factor=0.5), 6, 8.0) == [8, 8, 4, 4, 2, 2]


def test_cosine():
    """From the base down half a wave of the cosine; at the end, and after it, the floor."""
    found = rates(Schedule("cosine", total=4, floor=0.2), 7, 10.0)
    half = 2**0.5 / 2
    expected = [10, 2 + 4 * (1 + half), 6, 2 + 4 * (1 - half), 2, 2, 2]
    assert found == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("shape", SCHEDULES)
def test_warm_up(shape):
    """The rate grows in equal steps to the base rate, where the clock of the shape starts."""
    plain = Schedule(shape, total=6, every=2)
    warmed = Schedule(shape, total=10, every=2, warmup=4)
    assert rates(warmed, 4) == [0.25, 0.5, 0.75, 1.0]
    assert rates(warmed, 10)[4:] == rates(plain, 6)


@given(
    st.sampled_from(SCHEDULES),
    st.integers(1, 50),
    st.integers(0, 60),
    st.integers(1, 9),
    st.floats(0.01, 1),
    st.floats(0, 1),
)
def test_bounds(shape, total, warmup, every, factor, floor):
    """No rate is negative or above the base, whatever the counts, also past the end and where warm-up takes it all."""
    schedule = Schedule(shape, total, warmup, every, factor, floor)
    found = rates(schedule, total + warmup + 5, 2.0)
    assert all(0 <= rate <= 2 for rate in found)
    after = found[warmup:]
    assert after == sorted(after, reverse=True)


@pytest.mark.parametrize(
    "given_, said",
    [
        ({"shape": "cosin"}, "there is no schedule `cosin`; did you mean `cosine`?"),
        ({"shape": "x"}, "there are constant, step, cosine"),
        ({"total": 0}, "counts steps"),
        ({"every": 0}, "counts steps"),
        ({"warmup": -1}, "counts steps"),
        ({"factor": 0.0}, "factor"),
        ({"factor": float("nan")}, "factor"),
        ({"floor": 1.5}, "floor"),
    ],
)
def test_faults(given_, said):
    """Unknown shapes get a hint, numbers out of range are refused."""
    with pytest.raises(ValueError, match=re.escape(said)):
        Schedule(**given_)
