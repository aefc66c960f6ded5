"""The errors of the vector functions against mpmath, whose arithmetic has nothing in common with theirs."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from compiled_math import Library, arguments, has_fma, needs_compiler, ulps
from mpmath import mp, mpf

from paramprog.compile.vmath import NAMES, NEAR, SCALAR

pytestmark = needs_compiler

TRUE = {
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: max(x, mpf(0)) + mp.log1p(mp.exp(-abs(x))),
    "logsigmoid": lambda x: min(x, mpf(0)) - mp.log1p(mp.exp(-abs(x))),
    "logaddexp": lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
    "xlogy": lambda x, y: x * mp.log(y),
    "sech2": lambda x: mp.sech(x) ** 2,
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "pow": mp.power,
    **{f"{name}_near": getattr(mp, name) for name in NEAR},
}
VECTOR = [name for name in NAMES if name not in SCALAR]
FORMS = [*VECTOR, *(f"{name}_near" for name in NEAR)]
BOUNDS = {"sech2": 3.0}
"""sech2 stands for two operations: those of `square(sech(x))`."""


@pytest.fixture(scope="module", params=["native", "uncontracted", "plain"])
def libraries(request, tmp_path_factory):
    """Both formats, with fused multiply-add where compilers may put it, only where it is written, and without it."""
    flags = {
        "native": ["-march=native", "-ffp-contract=fast"],
        "uncontracted": ["-march=native", "-ffp-contract=off"],
        "plain": [],
    }[request.param]
    if flags and not has_fma():
        pytest.skip("this processor has no fused multiply-add")
    folder = tmp_path_factory.mktemp(request.param)
    return {real: Library(folder / real, VECTOR, real, flags) for real in ("float64", "float32")}


def worst(library, name, xs):
    """The largest error over those points where the value is real; and the arguments there."""
    with mp.workprec(200):
        true, at = [], []
        for i, point in enumerate(zip(*(x.tolist() for x in xs), strict=True)):
            try:
                value = TRUE.get(name, getattr(mp, name, None))(*map(mpf, point))
            except (ZeroDivisionError, ValueError):
                continue
            if isinstance(value, mpf) and mp.isfinite(value):
                true.append(value)
                at.append(i)
        chosen = [x[at] for x in xs]
        got = library(name, *chosen)
        scale = None
        if name == "logaddexp":
            scale = [
                max(abs(mpf(a)), abs(mpf(b)), mpf(0.5))
                for a, b in zip(*(x.tolist() for x in chosen), strict=True)
            ]
        if name == "sech":
            true = [t if np.isfinite(np.cosh(x)) else mpf(0) for t, x in zip(true, chosen[0], strict=True)]
        errors = ulps(got, true, scale)
    k = int(np.argmax(errors))
    return errors[k], [float(x[k]).hex() for x in chosen], float(got[k])


@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("name", FORMS)
def test_error_is_at_most_two_units(libraries, name, real):
    """Over the whole domain, subnormal numbers and overflow included, the error is at most 2 ulp, that of sech2 3.

    That of logaddexp is in units of its larger argument, as it is small where exp(a) + exp(b) is near 1; sech is
    1 / cosh, so 0 where cosh overflows.
    """
    with np.errstate(over="ignore"):
        error, at, got = worst(libraries[real], name, arguments(name, real, 150))
    assert error <= BOUNDS.get(name, 2.0), (error, at, got)


@pytest.mark.slow
@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("name", FORMS)
def test_error_at_many_points(libraries, name, real):
    """The same at ten times as many points."""
    with np.errstate(over="ignore"):
        error, at, got = worst(libraries[real], name, arguments(name, real, 1500, seed=1))
    assert error <= BOUNDS.get(name, 2.0), (error, at, got)


@pytest.mark.parametrize("name", ["sin_near", "cos_near", "tan_near", "sin", "cos", "tan"])
def test_near_multiples_of_half_pi(libraries, name):
    """Where |x| is closest to a multiple of pi/2, so that most digits cancel, the error is the same."""
    limit = 2.0**40 if name.endswith("near") else 2.0**1020
    hard = np.array([x for x in closest_to_half_pi() if x <= limit])
    assert len(hard) > 30
    for real in ("float64", "float32"):
        x = np.unique(hard[hard < np.finfo(real).max].astype(real))
        if name.endswith("near") and real == "float32":
            x = x[x <= 2.0**20]
        error, at, got = worst(libraries[real], name, [x])
        assert error <= 2.0, (real, error, at, got)


@cache
def closest_to_half_pi():
    """Doubles n 2^e near a multiple of pi/2, for all e: n are numerators of convergents of pi/2 / 2^e."""
    found = []
    with mp.workprec(1200):
        for exponent in range(-53, 970):
            ratio, p = mp.pi / 2 / mpf(2) ** exponent, (0, 1)
            for _ in range(60):
                whole = int(mp.floor(ratio))
                p = (p[1], whole * p[1] + p[0])
                if p[1] >= 2**53:
                    break
                if p[1] > 2**48:
                    found.append(float(mpf(p[1]) * mpf(2) ** exponent))
                ratio = 1 / (ratio - whole)
    return tuple(found)
