"""lgamma, digamma and polygamma against mpmath, and SciPy's at poles and infinities."""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest
import scipy.special
from compiled_math import Library, needs_compiler, ulps
from mpmath import mp, mpf

pytestmark = needs_compiler

REALS = ("float64", "float32")
NAMES = ("lgamma", "digamma", "polygamma")


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """Both formats."""
    folder = tmp_path_factory.mktemp("gamma")
    return {real: Library(folder / real, NAMES, real, []) for real in REALS}


def positive(real, seed=0):
    """Arguments from 1e-30 to 1e30, most of them ordinary."""
    rng = np.random.default_rng(seed)
    x = [rng.uniform(0, 3, 300), rng.uniform(3, 40, 200), 10.0 ** rng.uniform(-30, 30, 200), np.arange(1, 20)]
    return np.concatenate(x).astype(real)


@pytest.mark.parametrize("real", REALS)
def test_digamma(libraries, real):
    """digamma of positive numbers is within 4 ulp, its root included."""
    root = np.asarray(1.4616321449683623, real)
    x = np.concatenate(
        [positive(real), root + np.linspace(-1e-3, 1e-3, 101).astype(real), np.nextafter(root, [0, 2])]
    )
    with mp.workprec(200):
        errors = ulps(libraries[real]("digamma", x), [mp.digamma(mpf(v)) for v in x.tolist()])
    assert np.max(errors) <= 4, x[np.argmax(errors)]


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("k", [1, 2, 3, 7, 20])
def test_polygamma(libraries, k, real):
    """polygamma of positive numbers is within 1e-14 (1e-6 for float32), where it and polygamma / k! are normal."""
    x = positive(real)
    with mp.workprec(200):
        true = np.array([float(mp.psi(k, mpf(v))) for v in x.tolist()])
    got = libraries[real]("polygamma", k, x)
    info = np.finfo(real)
    normal = (np.abs(true) < float(info.max)) & (np.abs(true) > float(info.tiny) * factorial(k))
    tolerance = 1e-14 if real == "float64" else 1e-6
    assert np.sum(normal) > 300
    np.testing.assert_allclose(got[normal], true[normal], rtol=tolerance)


@pytest.mark.parametrize("real", REALS)
def test_lgamma(libraries, real):
    """lgamma of either sign is within 1e-14 of the larger of 1 and itself (1e-6 for float32)."""
    x = np.concatenate([positive(real), -positive(real, 1)[:400]])
    x = x[x != np.floor(x)]
    with mp.workprec(200):
        true = [mp.log(abs(mp.gamma(mpf(v)))) if v < 0 else mp.loggamma(mpf(v)) for v in x.tolist()]
    true = np.array([float(t) for t in true])
    tolerance = 1e-14 if real == "float64" else 1e-6
    np.testing.assert_allclose(libraries[real]("lgamma", x), true, rtol=tolerance, atol=tolerance)


def test_reflected(libraries):
    """For negative x, digamma and polygamma lose no more than the reflection cancels."""
    x = -np.random.default_rng(2).uniform(0, 30, 300)
    with mp.workprec(200):
        for k in range(4):
            got = libraries["float64"](*(["polygamma", k] if k else ["digamma"]), x)
            true = [mp.psi(k, mpf(v)) for v in x.tolist()]
            size = [abs(t) + abs(mp.psi(k, 1 - mpf(v))) + 4 for t, v in zip(true, x.tolist(), strict=True)]
            assert np.max(ulps(got, true, size)) <= 64, k


@pytest.mark.parametrize("real", REALS)
def test_poles_and_infinities(libraries, real):
    """At 0, negative integers, infinities, NaN and subnormal numbers: what SciPy gives."""
    tiny = np.finfo(real).smallest_subnormal
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1, -2, -7, -1e6, 1, 2, tiny, -tiny, 1e30], real)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(libraries[real]("digamma", x), scipy.special.digamma(x), rtol=1e-6)
        usual = np.abs(x) != tiny  # SciPy's lgamma is infinite at subnormal numbers, instead of -log|x|
        got = libraries[real]("lgamma", x[usual])
        np.testing.assert_allclose(got, scipy.special.gammaln(x[usual]), rtol=1e-6)
        for k in (1, 2, 3):
            wanted = scipy.special.polygamma(k, x).astype(real)
            np.testing.assert_allclose(libraries[real]("polygamma", k, x), wanted, rtol=1e-6, err_msg=str(k))


def test_far_negative_arguments_take_no_time(libraries):
    """polygamma near -1e15 is summed by reflection, not term by term."""
    x = np.array([-1e15 + 0.5, -123456.75])
    with mp.workprec(200):
        true = [float((mp.pi / mp.sinpi(mpf(v))) ** 2 - mp.psi(1, 1 - mpf(v))) for v in x.tolist()]
    np.testing.assert_allclose(libraries["float64"]("polygamma", 1, x), true, rtol=1e-12)
