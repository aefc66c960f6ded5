"""The matrix products of generated code, on the vectors of this processor, on narrower ones, and without any."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiling import SANITIZERS, STRICT, needs_compiler, sanitizers

from paramprog.compile.functions import functions
from paramprog.compile.gemm import DEPTH
from paramprog.compile.source import head
from paramprog.compile.toolchain import cpu, toolchain
from paramprog.types import Real

REALS: list[Real] = ["float32", "float64"]
SUFFIX = {"float32": "f32", "float64": "f64"}

LAYOUTS = list(product((0, 1), (0, 1)))
ROWS = (1, 2, 3, 5, 8, 15, 70)
COLUMNS = (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 20, 24, 33, 48, 50, 65, 130)
SUMMED = (1, 7, DEPTH - 1, DEPTH, DEPTH + 1, 2 * DEPTH + 3)

MACHINES = {"native": ("-march=native",), "avx2": ("-mavx2", "-mfma"), "baseline": ()}
"""Flags of compilers for what vectors there are."""


def text(real: Real, *, gnu: bool = True) -> str:
    """A library with `product`; without extensions of GNU it has loops instead of tiles."""
    s = SUFFIX[real]
    made = head(real, grows=False, tables=False, heap=False, replays=False)
    made += functions([("gemm", s), ("gemm_rows", s)], real)
    made += f"""
void product(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, const T *b, T *c) {{
    pp_gemm_{s}(ta, tb, m, n, k, a, b, c);
    if (n == 10) pp_gemm_rows_{s}(ta, tb, m, 10, k, a, b, c);
}}
"""
    return made if gnu else made.replace("defined(__GNUC__)", "0")


def run_here(machine: str) -> bool:
    """Whether this processor runs what is compiled for the machine."""
    if machine == "native":
        return True
    return "x86_64" in cpu() and (machine == "baseline" or {"avx2", "fma"} <= set(cpu().split()))


def products(real: Real, machine: str, tmp: Path, gnu: bool = True) -> Any:
    """A function of (ta, tb, a, b), compiled with all warnings as errors."""
    tool = toolchain()
    assert tool is not None
    (tmp / "gemm.c").write_text(text(real, gnu=gnu))
    strict = [f for f in STRICT if f not in ("-lm", "-O1")]
    words = [
        *tool.command,
        "-O2",
        "-Wextra",
        *strict,
        *MACHINES[machine],
        "-fPIC",
        "-shared",
        str(tmp / "gemm.c"),
    ]
    done = subprocess.run([*words, "-o", str(tmp / "gemm.so"), "-lm"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    call = ctypes.CDLL(str(tmp / "gemm.so")).product
    call.argtypes = [ctypes.c_int] * 2 + [ctypes.c_int64] * 3 + [ctypes.c_void_p] * 3
    call.restype = None

    def multiply(ta: int, tb: int, a: Any, b: Any) -> Any:
        m, k = a.shape
        n = b.shape[1]
        a, b = (np.ascontiguousarray(x.T if t else x) for x, t in ((a, ta), (b, tb)))
        room = np.full(m * n + 16, 7, real)
        call(ta, tb, m, n, k, a.ctypes.data, b.ctypes.data, room[8:].ctypes.data)
        assert (room[:8] == 7).all() and (room[m * n + 8 :] == 7).all(), "written beyond the result"
        return room[8 : m * n + 8].reshape(m, n)

    return multiply


@needs_compiler
@pytest.mark.parametrize("gnu", [True, False], ids=["tiles", "loops"])
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("real", REALS)
def test_products(real, machine, gnu, tmp_path):
    """In every layout, of sizes on both sides of those of tiles and passes: within rounding, nothing else written."""
    if not run_here(machine):
        pytest.skip("another processor")
    multiply = products(real, machine, tmp_path, gnu)
    rng = np.random.default_rng(0)
    for m, n, k in product(ROWS, COLUMNS, SUMMED):
        a, b = rng.normal(size=(m, k)).astype(real), rng.normal(size=(k, n)).astype(real)
        exact = a.astype(np.longdouble) @ b.astype(np.longdouble)
        room = np.abs(a).astype(float) @ np.abs(b).astype(float) * np.finfo(real).eps * 20
        for ta, tb in LAYOUTS if k < 300 and n < 30 else [(0, 0), (1, 1)]:
            assert (abs(multiply(ta, tb, a, b) - exact) <= room).all(), (m, n, k, ta, tb)


@needs_compiler
@pytest.mark.parametrize("real", REALS)
def test_entries_do_not_depend_on_vectors(real, tmp_path):
    """Where additions are fused, tiles of any width and plain loops give the same bits, in every layout."""
    if not run_here("avx2"):
        pytest.skip("another processor")
    ways = []
    for machine, gnu in (("native", True), ("avx2", True), ("native", False)):
        folder = tmp_path / f"{machine}{gnu}"
        folder.mkdir()
        ways.append(products(real, machine, folder, gnu))
    rng = np.random.default_rng(1)
    for m, n, k in product((1, 9, 30), (1, 3, 10, 12, 37), (5, 2 * DEPTH + 3)):
        a, b = rng.normal(size=(m, k)).astype(real), rng.normal(size=(k, n)).astype(real)
        found = {way(ta, tb, a, b).tobytes() for way in ways for ta, tb in LAYOUTS}
        assert len(found) == 1, (m, n, k)


@needs_compiler
@pytest.mark.parametrize("real", REALS)
def test_nothing_is_skipped(real, tmp_path):
    """Zero times infinity is NaN, and NaN stays, in the entries that they belong to and in no others."""
    multiply = products(real, "native", tmp_path)
    rng = np.random.default_rng(2)
    for n, (ta, tb) in product((1, 3, 10, 20, 50), LAYOUTS):
        a, b = rng.normal(size=(13, 30)).astype(real), rng.normal(size=(30, n)).astype(real)
        a[:, 4], a[3, 5], a[7, 6], a[8, 29] = 0, np.nan, np.inf, -np.inf
        b[4, n // 2], b[6, 0] = np.inf, 0
        with np.errstate(invalid="ignore"):
            expected = (a[:, :, None] * b).sum(1)
        found = multiply(ta, tb, a, b)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        np.testing.assert_array_equal(found[np.isinf(expected)], expected[np.isinf(expected)])


@needs_compiler
@pytest.mark.parametrize("real", REALS)
def test_a_sum_of_nothing_is_zero(real, tmp_path):
    """With nothing to sum over the product is zero, and with no rows or columns nothing is written."""
    multiply = products(real, "native", tmp_path)
    for m, n, k in ((0, 5, 3), (5, 0, 3), (20, 50, 0), (5, 3, 0), (1, 1, 0), (0, 0, 0)):
        for ta, tb in LAYOUTS:
            assert not multiply(ta, tb, np.ones((m, k), real), np.ones((k, n), real)).any()


MAIN = """
int main(void) {
    for (int64_t m = 1; m < 20; m += 3)
        for (int64_t n = 1; n < 60; n++)
            for (int64_t k = 1; k < 400; k += 133)
                for (int layout = 0; layout < 4; layout++) {
                    T *a = malloc(sizeof(T) * (size_t)(m * k)), *b = malloc(sizeof(T) * (size_t)(k * n));
                    T *c = malloc(sizeof(T) * (size_t)(m * n));
                    for (int64_t i = 0; i < m * k; i++) a[i] = 1;
                    for (int64_t i = 0; i < k * n; i++) b[i] = 1;
                    product(layout & 1, layout >> 1, m, n, k, a, b, c);
                    for (int64_t i = 0; i < m * n; i++)
                        if (c[i] != (T)k) return 1;
                    free(a); free(b); free(c);
                }
    return 0;
}
"""


@needs_compiler
@pytest.mark.skipif(sys.platform == "win32", reason="no sanitizers")
@pytest.mark.parametrize("machine", ["native", "baseline"])
@pytest.mark.parametrize("real", REALS)
def test_sanitizers_find_nothing(real, machine, tmp_path):
    """Nothing is read or written outside of arrays of exactly the size, and no vector where it may not be."""
    if not sanitizers():
        pytest.skip("no sanitizers here")
    tool = toolchain()
    assert tool is not None
    (tmp_path / "gemm.c").write_text(text(real) + MAIN)
    words = [*tool.command, *STRICT[:-1], *SANITIZERS, *MACHINES[machine], str(tmp_path / "gemm.c")]
    done = subprocess.run([*words, "-o", str(tmp_path / "gemm"), "-lm"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([str(tmp_path / "gemm")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
