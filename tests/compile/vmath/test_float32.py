"""float32 over all bit patterns at a stride, against NumPy's and SciPy's functions in float64."""

from __future__ import annotations

import numpy as np
import pytest
from compiled_math import Library, has_fma, needs_compiler

import paramprog.transfer  # fills OPS
from paramprog.compile.vmath import BINARY, NAMES, SCALAR
from paramprog.op import OPS

assert paramprog.transfer
pytestmark = needs_compiler
VALUES = {name: op.value for name, op in OPS.items()} | {"sech2": lambda x: np.square(OPS["sech"].value(x))}
UNARY = [name for name in NAMES if name not in (*BINARY, *SCALAR)]
NORMAL = np.finfo(np.float32).tiny


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """As this processor runs them best."""
    return Library(tmp_path_factory.mktemp("f32"), UNARY, "float32", ["-march=native"] if has_fma() else [])


def largest_error(library, name, stride):
    """In units of the last place, over every `stride`-th bit pattern; where the function is finite in float32."""
    worst, at = 0.0, None
    for start in range(0, 2**32, stride << 20):
        bits = np.arange(start, min(start + (stride << 20), 2**32), stride, dtype=np.uint64).astype(np.uint32)
        x = bits.view(np.float32)
        with np.errstate(all="ignore"):
            true = np.asarray(VALUES[name](x.astype(np.float64)))
            rounded = true.astype(np.float32)
            got = library(name, x)
            if name == "sech":
                rounded = np.where(np.isinf(np.cosh(x)), np.float32(0), rounded)
                true = np.where(rounded == 0, 0, true)
            assert np.array_equal(np.isnan(got), np.isnan(true))
            unit = np.exp2(np.floor(np.log2(np.maximum(np.abs(true), NORMAL))) - 23)
            error = np.abs(got.astype(np.float64) - true) / unit
        error[(got == rounded) | np.isnan(true)] = 0
        error[np.isnan(error)] = np.inf
        k = int(np.argmax(error))
        if error[k] > worst:
            worst, at = float(error[k]), float(x[k])
    return worst, at


@pytest.mark.parametrize("name", UNARY)
def test_some_bit_patterns(library, name):
    """At 65,000 patterns over the whole range the error is at most 2 ulp, that of sech2 3."""
    error, at = largest_error(library, name, 65_537)
    assert error <= 2 + (name == "sech2"), at


@pytest.mark.slow
@pytest.mark.parametrize("name", UNARY)
def test_many_bit_patterns(library, name):
    """At 33 million patterns over the whole range the error is at most 2 ulp, that of sech2 3."""
    error, at = largest_error(library, name, 127)
    assert error <= 2 + (name == "sech2"), at
