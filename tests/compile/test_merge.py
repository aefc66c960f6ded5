"""Texts for several numbers of samples as one: what is found, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from paramprog.compile.builder import literal
from paramprog.compile.merge import NotMerged, affine, expression, line, merged

SIZES = (4099, 6151, 20011)


def text(make, real="float64"):
    return merged([make(n) for n in SIZES], SIZES, real)


def test_whole_numbers_become_functions_of_the_number_of_samples():
    """Ends of loops, strides and literals; what is the same stays, digits in names too."""
    found = text(
        lambda n: f"for (i0 = 0; i0 < {n}; i0++) v12[i0 * {8 * n} + {3 * n + 5}] = INT64_C({n}) < {10 * n}u;"
    )
    assert found == (
        "for (i0 = 0; i0 < samples; i0++) v12[i0 * (samples * 8) + (samples * 3 + 5)] = samples < (samples * 10);"
    )


@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize(
    "value", [lambda n: n, lambda n: 1 / n, lambda n: 0.1 / n, lambda n: 0.1 * (1 / n), lambda n: 2.5 * n]
)
def test_real_numbers_become_what_a_mean_makes_of_them(value, real):
    """The expression has the bits of the literal, for the numbers it was found from and for others."""
    found = text(lambda n: f"x * {literal(value(n), 'real', real)}", real)
    assert "samples" in found
    inner = found.removeprefix("x * (T)").replace("(double)", "")
    for n in (*SIZES, 1, 3, 64, 1797):
        made = eval(_in_python(inner), {"samples": n})
        assert np.asarray(made, real) == np.asarray(value(n), real)


def _in_python(c):
    """Hexadecimal literals as decimal ones."""
    words = c.replace("(", " ( ").replace(")", " ) ").split()
    return " ".join(repr(float.fromhex(w)) if "0x" in w else w for w in words)


@pytest.mark.parametrize(
    "make, why",
    [
        (lambda n: f"k{'1' if n > 5000 else ''}a();", "operations"),
        (lambda n: f"x < {n * n}", "proportional"),
        (lambda n: f"x < {-(-n // 1024)}", "proportional"),
        (lambda n: f"x * {(n**0.5).hex()}", "a way"),
        (lambda n: f"T v1[{n}] PP_ALIGNED;", "stack"),
        (lambda n: f"x {n}.5" if n > 5000 else "x 1 2", "operations"),
    ],
)
def test_what_is_refused(make, why):
    """Other operations, other functions of the number of samples, arrays on the stack."""
    with pytest.raises(NotMerged, match=why):
        text(make)


def test_lines():
    """Through all points or none."""
    assert line([7 * n + 3 for n in SIZES], SIZES) == (7, 3)
    assert affine([5, 5, 5], SIZES) == "5"
    assert expression([str(n - 1) for n in SIZES], SIZES, "float64") == "(samples + -1)"
    with pytest.raises(NotMerged):
        line([1, 2, 3], SIZES)
