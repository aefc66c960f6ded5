"""Products of large and small numbers against rational arithmetic, and their gradients."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import paramprog
from paramprog.transfer.scaled import product, products

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, 1e308, 1e-308, 1e200, -1e-200]
)


def rounded(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return np.inf if exact > 0 else -np.inf


def near(found: float, exact: Fraction) -> bool:
    """Equal up to some roundings, and one more among subnormal numbers."""
    return bool(found == rounded(exact) or np.isclose(found, rounded(exact), rtol=1e-14, atol=1e-323))


@given(st.lists(NUMBERS, min_size=1, max_size=9))
def test_products_are_those_of_rational_numbers(numbers):
    """Whatever the order of large and small factors, with overflow and underflow of the whole only."""
    x = np.array(numbers)
    exact = [Fraction(1)]
    for n in numbers:
        exact.append(exact[-1] * Fraction(n))
    with np.errstate(all="ignore"):
        assert near(float(product(x, (0,))), exact[-1])
        found = products(x, 0)
    assert all(near(float(y), e) for y, e in zip(found, exact[1:], strict=True))


def test_axes():
    """Of an array along some of its axes, whole rows of which need scaling."""
    x = np.array([[[1e200, 2.0], [1e200, 3.0]], [[1e-200, 4.0], [-1e-200, 5.0]]])
    np.testing.assert_allclose(product(x, (0, 1)), [-1.0, 120.0], rtol=1e-15)
    np.testing.assert_allclose(product(x, (0,)), [[1, 8], [-1, 15]], rtol=1e-15)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(products(x, 1)[1], [[1e-200, 4], [0, 20]], rtol=1e-15)
    assert product(np.ones((0, 2)), (0,)).tolist() == [1, 1]
    assert product(np.float32([1e30, 1e30, 1e-30]), (0,)).dtype == np.float32
    np.testing.assert_allclose(product(np.float32([1e30, 1e30, 1e-30]), (0,)), 1e30, rtol=1e-6)


@pytest.mark.parametrize(
    "x, y, dy",
    [
        ([1e308, 1e308, 0.0], 0, [0, 0, np.inf]),
        ([1e200, 1e200, 1e-200], 1e200, [1, 1, np.inf]),
        ([1e200, 1e-200, 3.0], 3, [3e-200, 3e200, 1]),
        ([np.inf, 0.0, 2.0], np.nan, [np.nan, np.nan, np.nan]),
        ([np.nan, 0.0, 2.0], np.nan, [np.nan, np.nan, np.nan]),
        ([np.inf, 3.0, 2.0], np.inf, [6, np.inf, np.inf]),
    ],
)
def test_prod_and_its_gradient(x, y, dy):
    """The product of the others, which may be infinite where the product is not; beside a NaN nothing is a number."""
    found = paramprog.loads("function f(x : real[3]) { return prod(x) }").grad(x=x)
    np.testing.assert_allclose(found.value, y, rtol=1e-15)
    np.testing.assert_allclose(found["x"], dy, rtol=1e-15)


@pytest.mark.parametrize("last, value", [(0.0, 0.0), (1e-200, 1e200), (-1e-300, -1e100)])
def test_cumprod_does_not_overflow_on_the_way(last, value):
    """The last product of 1e200, 1e200 and a small number; its derivative in that is infinite."""
    program = paramprog.loads("function f(x : real[3]) { return cumprod(x)[2] }")
    found = program.grad(x=[1e200, 1e200, last])
    np.testing.assert_allclose(found.value, value, rtol=1e-15)
    np.testing.assert_allclose(found["x"], [1e200 * last, 1e200 * last, np.inf], rtol=1e-15)
