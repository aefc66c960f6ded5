"""Exact arithmetic of floats: equal to fractions, through NumPy too, and rounded once."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.verify.dyadic import Dyadic, exact_array, exactly, rounded, scaled, ulps

floats = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, -1.5e-323, 2.2e-308, 1.7976931348623157e308, -1e308, 1.0]),
)


def fraction(x: Any) -> Fraction:
    return Fraction(*exactly(x).as_integer_ratio())


def nearest(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


@given(floats, floats, floats)
def test_sums_and_products_are_those_of_fractions(a: float, b: float, c: float) -> None:
    """With floats on either side, subnormals and huge exponents among them."""
    x, y = exactly(a), exactly(b)
    assert fraction(x * y + c) == Fraction(a) * Fraction(b) + Fraction(c)
    assert fraction(c - x * b) == Fraction(c) - Fraction(a) * Fraction(b)
    assert fraction(-x) == -Fraction(a)
    assert fraction(abs(x)) == abs(Fraction(a))
    assert (x == b) == (a == b)
    assert bool(x) == bool(a)
    assert float(x * y + c) == nearest(Fraction(a) * Fraction(b) + Fraction(c))


@given(st.lists(floats, max_size=6))
def test_scaled_arrays_are_the_same_numbers(values: list[float]) -> None:
    """One power of two for all; the largest possible."""
    wholes, power = scaled(np.array(values))
    assert [Fraction(w) * Fraction(2) ** power for w in wholes] == [Fraction(v) for v in values]
    assert not any(values) or any(w & 1 for w in wholes)
    assert scaled(np.array([0.0, 1.0, 0.0])) == ([0, 1, 0], 0)


@given(st.integers(-(10**400), 10**400), st.integers(-3000, 3000))
def test_rounding_is_to_the_nearest_float(whole: int, power: int) -> None:
    """Ties to even, subnormals rounded once, infinity beyond the largest."""
    assert rounded(whole, power) == nearest(Fraction(whole) * Fraction(2) ** power)


def test_numpy_computes_exactly_with_arrays_of_them() -> None:
    """Products of matrices, sums, selections: the functions that linear primitives are made of."""
    rng = np.random.default_rng(0)
    W, x = rng.standard_normal((3, 4)), rng.standard_normal(4)
    exact = [sum(Fraction(a) * Fraction(b) for a, b in zip(row, x, strict=True)) for row in W]
    assert [fraction(y) for y in np.matmul(W, exact_array(x))] == exact
    assert [fraction(y) for y in np.sum(np.multiply(W, exact_array(x)), 1)] == exact
    assert fraction(np.sum(exact_array(W))) == sum(map(Fraction, W.ravel().tolist()))
    assert np.float64(0.1) * Dyadic(1) == 0.1
    assert np.float32(0.1) * Dyadic(1) == float(np.float32(0.1))
    assert np.where([True, False], exact_array([0.5, 0.25]), np.zeros((), object)).tolist() == [0.5, 0]
    nested = np.zeros(2, object)
    nested[1] = np.asarray(Dyadic(3, -2))
    assert [fraction(x) for x in nested] == [0, Fraction(3, 4)]


def test_infinities_and_nan_are_as_for_floats() -> None:
    """0 * infinity is NaN, and a sum with an infinity is one."""
    assert math.isnan(Dyadic(0) * math.inf)
    assert Dyadic(-3) * math.inf == -math.inf
    assert math.inf + Dyadic(-3) == math.inf
    assert math.isnan(Dyadic(1) - math.nan)
    assert Dyadic(1) != math.inf - math.inf
    with pytest.raises(TypeError):
        hash(Dyadic(1))


def test_ulps_are_distances_of_neighbouring_floats() -> None:
    """Around the exact number; infinite where it is 0 or the float is none."""
    for x in (1.0, 0.1, -3e100, 1e-310, 5e-324):
        d = exactly(x)
        assert ulps(x, d.whole, d.power) == 0.0
        assert ulps(math.nextafter(x, math.inf), d.whole, d.power) == 1.0
        assert ulps(x + 3 * math.ulp(x), d.whole, d.power) == 3.0
    assert ulps(1.0, (1 << 60) + (1 << 7), -60) == 0.5
    assert ulps(float(np.float32(0.1)), *_parts(0.1), "float32") == pytest.approx(0.2, abs=0.05)
    assert ulps(1e-300, 0, 0) == math.inf
    assert ulps(0.0, 0, 0) == 0.0
    assert ulps(math.nan, 1, 0) == math.inf
    assert ulps(math.inf, 1, 1024) == 0.0
    assert ulps(-math.inf, 1, 1024) == math.inf
    assert ulps(2.0**-52, 0, 0, top=1) == 1.0


def _parts(x: float) -> tuple[int, int]:
    d = exactly(x)
    return d.whole, d.power
