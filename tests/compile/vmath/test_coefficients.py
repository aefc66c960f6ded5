"""The table of coefficients: good to the digits of its format, and what its script writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from make_coefficients import FITS, polynomial, two_over_pi
from mpmath import mp, mpf

from paramprog.compile.vmath.coefficients import COEFFICIENTS, TWO_OVER_PI


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_polynomials_are_precise(name):
    """At points between those of the fit, the share in the relative error is below a quarter of an ulp."""
    fit = FITS[name]
    for real, coefficients in COEFFICIENTS[name].items():
        low, high = (fit.narrow or fit.interval) if real == "float32" else fit.interval
        for k in range(51):
            t = low + (high - low) * mpf(k) / 50
            error = fit.weight(t) * (fit.function(t) - polynomial(coefficients, t))
            loose = 2**36 if name == "inverse_cube_root" else 1  # refined by an iteration of third order
            assert abs(error) <= loose * mpf(2) ** (-25 if real == "float32" else -54), (real, t)


def test_digits_of_two_over_pi():
    """The table is 2 / pi, as integers of 32 bits."""
    assert list(TWO_OVER_PI) == two_over_pi(len(TWO_OVER_PI))
    with mp.workprec(1400):
        value = sum(mpf(word) / mpf(2) ** (32 * (k - 1)) for k, word in enumerate(TWO_OVER_PI))
        assert abs(value - 2 / mp.pi) < mpf(2) ** -1270


@pytest.mark.slow
def test_table_is_what_the_script_writes():
    """No coefficient was changed by hand."""
    script = Path(__file__).parents[2] / "make_coefficients.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
