"""Special values: where NumPy and SciPy give NaN, an infinity, a zero or an exact number, the C functions do."""

from __future__ import annotations

import numpy as np
import pytest
from compiled_math import Library, has_fma, needs_compiler

import paramprog.transfer  # fills OPS
from paramprog.compile.vmath import BINARY, NAMES, NEAR
from paramprog.op import OPS

assert paramprog.transfer
pytestmark = needs_compiler

REALS = ("float64", "float32")
VALUES = {name: op.value for name, op in OPS.items()} | {"sech2": lambda x: np.square(OPS["sech"].value(x))}
POLES = ("lgamma", "digamma")


@pytest.fixture(scope="module", params=["native", "plain"])
def libraries(request, tmp_path_factory):
    """Both formats, with all that this processor can do and for any processor."""
    flags = ["-march=native"] if request.param == "native" else []
    if flags and not has_fma():
        pytest.skip("this processor has no fused multiply-add")
    folder = tmp_path_factory.mktemp(request.param)
    return {real: Library(folder / real, NAMES, real, flags) for real in REALS}


def special(real):
    """Zeros, infinities, NaN, whole numbers and halves, the ends of both ranges, thresholds of over- and underflow."""
    info = np.finfo(real)
    positive = [
        0,
        0.5,
        1,
        1.5,
        2,
        3,
        4,
        7,
        100,
        710,
        745.2,
        746,
        88.8,
        104,
        1e6,
        2.0**53,
        2.0**53 + 2,
        2.0**24,
    ]
    positive += [float(info.smallest_subnormal), float(info.smallest_subnormal) * 5, float(info.tiny)]
    positive += [
        float(info.eps),
        1 - float(info.epsneg),
        1 + float(info.eps),
        float(info.max),
        float(info.max) / 2,
    ]
    positive += [np.inf, np.nan]
    values = np.array([*positive, *np.negative(positive)], real)
    return np.concatenate([values, np.nextafter(values, values.dtype.type(1))])


def agree(got, wanted, *terms):
    """The same NaN, the same infinities, zeros of the same sign; other numbers within 4 units in the last place.

    Units are those of the largest of `wanted` and `terms`, which may cancel.
    """
    same = (got == wanted) & (np.signbit(got) == np.signbit(wanted)) | (np.isnan(got) & np.isnan(wanted))
    finite = np.isfinite(got) & np.isfinite(wanted)
    with np.errstate(all="ignore"):
        size = np.max(np.abs([wanted, *terms]), axis=0)
        near = np.abs(got - wanted) <= 4 * np.spacing(size)
    numbers = (got != 0) | (size <= 4 * np.finfo(wanted.dtype).smallest_subnormal)
    return same | finite & near & numbers & (wanted != 0)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in BINARY and name not in ("polygamma", *POLES)]
)
def test_of_one_argument(libraries, name, real):
    """The value of the primitive's record, for each special argument; `sin_near` where it holds."""
    x = special(real)
    with np.errstate(all="ignore"):
        wanted = np.asarray(VALUES[name](x))
    assert wanted.dtype == real
    got = libraries[real](name, x)
    wrong = ~agree(got, wanted)
    assert not np.any(wrong), list(zip(x[wrong], got[wrong], wanted[wrong], strict=True))
    if name in NEAR:
        near = ~(np.abs(x) > (2.0**40 if real == "float64" else 2.0**20))
        assert np.array_equal(libraries[real](f"{name}_near", x[near]), got[near], equal_nan=True)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("name", BINARY)
def test_of_two_arguments(libraries, name, real):
    """The same for each pair of special arguments."""
    x, y = (a.ravel() for a in np.meshgrid(special(real), special(real)))
    with np.errstate(all="ignore"):
        wanted = np.asarray(OPS[name].value(x, y))
    assert wanted.dtype == real
    got = libraries[real](name, x, y)
    wrong = ~agree(got, wanted, *((x, y) if name == "logaddexp" else ()))
    assert not np.any(wrong), list(zip(x[wrong], y[wrong], got[wrong], wanted[wrong], strict=True))[:20]


def test_signalling_pattern_and_payloads_of_nan_stay_nan(libraries):
    """A NaN of any bits and either sign gives NaN, from every function of one argument."""
    bits = np.array(
        [0x7FF0000000000001, 0xFFF0000000000001, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF], np.uint64
    )
    for name in NAMES:
        if name not in (*BINARY, "polygamma"):
            assert np.all(np.isnan(libraries["float64"](name, bits.view(np.float64)))), name
