"""Gradients cut to size."""

from __future__ import annotations

from math import inf, isnan, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from paramprog.fitting.clipping import BLOCK, clip_by_norm, clip_by_value, norm

gradients = arrays(np.float64, st.integers(0, 40), elements=st.floats(-1e6, 1e6))


def test_norm():
    """3-4-5, nothing, and vectors longer than a block."""
    assert norm(np.array([3.0, -4.0])) == 5
    assert norm(np.zeros(3)) == 0
    assert norm(np.empty(0)) == 0
    assert norm(np.full(4 * BLOCK + 12, 0.5)) == sqrt(BLOCK + 3)


@pytest.mark.parametrize("dtype, sizes", [("float32", [1e-44, 1e30]), ("float64", [5e-324, 1e-300, 1e300])])
def test_norm_of_extreme_vectors(dtype, sizes):
    """Squares that overflow or vanish do not spoil the norm."""
    for size in np.array(sizes, dtype):
        assert norm(np.array([3 * size, 4 * size], dtype)) == pytest.approx(5 * float(size), rel=1e-7, abs=0)


def test_norm_of_many_small_float32():
    """They are added up in float64: each is below half a unit of the sum in float32."""
    g = np.full(2**16, 1e-3, "float32")
    g[0] = 100.0
    assert norm(g) == pytest.approx(sqrt(1e4 + (2**16 - 1) * float(g[1]) ** 2), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clip_by_norm(dtype):
    """A longer vector is shortened to the limit and keeps its direction; the norm before is returned."""
    g = np.array([3.0, -4.0], dtype)
    assert clip_by_norm(g, 1.0) == 5
    np.testing.assert_allclose(g, [0.6, -0.8], rtol=1e-6)
    assert g.dtype == dtype


@given(gradients, st.floats(1e-3, 1e7))
def test_clip_by_norm_of_any(g, limit):
    """Never longer than the limit; left alone to the last bit if it was not."""
    before = g.copy()
    length = clip_by_norm(g, limit)
    assert length == pytest.approx(float(np.linalg.norm(before)), rel=1e-12)
    if length <= limit:
        assert g.tobytes() == before.tobytes()
    else:
        assert norm(g) == pytest.approx(limit, rel=1e-12)
        np.testing.assert_allclose(g * length, before * limit, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("bad", [inf, -inf, nan])
def test_not_finite(bad):
    """The norm says so, and the gradient is left for a diagnosis."""
    g = np.array([3.0, bad, 4.0])
    found = clip_by_norm(g, 1.0)
    assert isnan(found) if isnan(bad) else found == inf
    np.testing.assert_array_equal(g, [3.0, bad, 4.0])


@given(gradients, st.floats(1e-3, 1e7))
def test_clip_by_value(g, limit):
    """Each entry by itself; NaN stays."""
    g = np.append(g, nan)
    expected = [min(max(x, -limit), limit) for x in g[:-1].tolist()]
    clip_by_value(g, limit)
    assert g[:-1].tolist() == expected
    assert isnan(g[-1])
