"""Scaled inputs."""

from __future__ import annotations

import numpy as np
import pytest
from binding import refused
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from paramprog.fitting.scaling import Scaling

SMALL = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3))


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=6), elements=SMALL))
def test_standard(x):
    """Each entry has mean 0 and variance 1 over the rows, or is 0 in all of them."""
    scaled = Scaling.fit("standard", {"x": x}, ["x"]).apply({"x": x})["x"]
    constant = np.all(x == x[:1], axis=0)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), np.where(constant, 0, 1), atol=1e-6)


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=6), elements=SMALL))
def test_minmax(x):
    """Each entry reaches from 0 to 1, or is 0 in all rows."""
    scaled = Scaling.fit("minmax", {"x": x}, ["x"]).apply({"x": x})["x"]
    constant = np.all(x == x[:1], axis=0)
    assert np.all(scaled.min(axis=0) == 0)
    assert np.array_equal(scaled.max(axis=0), np.where(constant, 0.0, 1.0))


def test_by_hand():
    """Mean 2 and variance 8/3 of 0, 2, 4; minimum 0 and spread 4."""
    x = np.array([[0.0, 7.0], [2.0, 7.0], [4.0, 7.0]])
    standard, minmax = (Scaling.fit(method, {"x": x}, ["x"]) for method in ("standard", "minmax"))
    np.testing.assert_allclose(standard.shift["x"], [2, 7], rtol=1e-15)
    np.testing.assert_allclose(standard.factor["x"], [np.sqrt(8 / 3), 1], rtol=1e-15)
    assert (minmax.shift["x"].tolist(), minmax.factor["x"].tolist()) == ([0, 7], [4, 1])


@pytest.mark.parametrize("method", ["standard", "minmax"])
@pytest.mark.parametrize("value", [0.1, 1e300, -1e-320, 0.0])
def test_constants(method, value):
    """An entry that never changes is exactly 0, though its mean may be rounded."""
    x = np.full((49, 2), value)
    scaling = Scaling.fit(method, {"x": x}, ["x"])
    assert scaling.factor["x"].tolist() == [1, 1]
    assert not scaling.apply({"x": x})["x"].any()


def test_only_training_rows_and_named_inputs():
    """Other rows have no say, other inputs are left alone, and so are the arrays that are given."""
    x = np.array([1.0, 100.0, 3.0])
    y = np.array([1, 2, 3])
    scaling = Scaling.fit("minmax", {"x": x, "y": y}, ["x"], np.array([0, 2]))
    scaled = scaling.apply({"x": x, "y": y})
    assert scaled["x"].tolist() == [0, 49.5, 1]
    assert scaled["y"] is y
    assert x.tolist() == [1, 100, 3]


def test_single_rows():
    """One row is scaled as it is among others."""
    x = np.random.default_rng(0).normal(size=(5, 2, 3))
    scaling = Scaling.fit("standard", {"x": x}, ["x"])
    assert np.array_equal(scaling.apply({"x": x[3]})["x"], scaling.apply({"x": x})["x"][3])


@given(hnp.arrays(np.float64, (4, 2), elements=SMALL), st.sampled_from(["standard", "minmax"]))
def test_undo(x, method):
    """Scaling and undoing it gives the numbers back."""
    scaling = Scaling.fit(method, {"x": x}, ["x"])
    np.testing.assert_allclose(scaling.undo("x", scaling.apply({"x": x})["x"]), x, rtol=1e-12, atol=1e-8)


def test_large_numbers():
    """Sums would overflow; a spread that a float64 cannot hold is refused."""
    x = np.array([1.7e308, 1.6e308, 1.5e308])
    scaled = Scaling.fit("standard", {"x": x}, ["x"]).apply({"x": x})["x"]
    np.testing.assert_allclose(scaled, [np.sqrt(1.5), 0, -np.sqrt(1.5)], atol=1e-9)
    found = refused(Scaling.fit, "minmax", {"x": np.array([-1.7e308, 1.7e308])}, ["x"])
    assert (found.code, "`x` lie too far apart" in found.message) == ("data-nonfinite", True)


def test_arrays():
    """Stored under names of their own beside params, and found again bit by bit."""
    x = np.random.default_rng(0).normal(size=(5, 2))
    scaling = Scaling.fit("standard", {"x": x, "k/l": x[:, 0]}, ["x", "k/l"])
    arrays = scaling.to_arrays()
    assert list(arrays) == ["scale/x/shift", "scale/k/l/shift", "scale/x/factor", "scale/k/l/factor"]
    again = Scaling.from_arrays({"W": np.ones(2), **arrays})
    assert again.to_arrays().keys() == arrays.keys()
    for name, value in again.to_arrays().items():
        assert np.array_equal(value, arrays[name])
    assert Scaling.from_arrays({"W": np.ones(2)}).to_arrays() == {}


@pytest.mark.parametrize(
    "change",
    [
        {"scale/x/factor": None},
        {"scale/x/shift": None},
        {"scale/x/factor": np.ones(3)},
        {"scale/x/factor": np.zeros(2)},
        {"scale/x/factor": np.array([1.0, np.nan])},
        {"scale/x/shift": np.array([1.0, np.inf])},
        {"scale/x/shift": np.array(["1", "2"])},
        {"scale/x/other": np.ones(2)},
        {"scale/shift": np.ones(2)},
    ],
)
def test_arrays_that_are_no_scales(change):
    """Each is refused, naming it."""
    arrays = {"scale/x/shift": np.zeros(2), "scale/x/factor": np.ones(2)} | change
    found = refused(Scaling.from_arrays, {name: value for name, value in arrays.items() if value is not None})
    assert found.code == "values-file"
    assert "x" in found.message or "scale/shift" in found.message
