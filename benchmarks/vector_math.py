"""Vector math of compiled programs: ns per element and largest error, beside the C library and NumPy.

    python benchmarks/vector_math.py [--points 1000] [--rounds 31]

Loops over 4,096 elements in the first-level cache, compiled with the flags of the C back end; the C library's
functions are called from loops compiled in the same way. All take turns; shown are medians over the rounds and their
ratios. The error is the largest against mpmath over points of the whole domain (tests/compiled_math.py), in units in
the last place.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "compile" / "vmath")]

from compiled_math import C, Library, arguments, loops
from test_accuracy import worst

import paramprog.transfer  # fills OPS
from paramprog.compile.toolchain import toolchain
from paramprog.compile.vmath import BINARY, NAMES, NEAR, SCALAR
from paramprog.op import OPS
from paramprog.types import Real

assert paramprog.transfer
SIZE = 4096
NOT_IN_LIBM = ("sigmoid", "softplus", "logsigmoid", "logaddexp", "xlogy", "sech", "sech2", *SCALAR)
ABOVE_ZERO = ("log", "sqrt", "log1p", "pow", "xlogy")


def libm_loops(real: Real) -> str:
    """C text: `libm_NAME`, a loop for each function that the C library has."""
    t, _ = C[real]
    f = "" if real == "float64" else "f"
    text = []
    for name in NAMES:
        if name not in NOT_IN_LIBM:
            second, given = (f", const {t} *y", "x[i], y[i]") if name in BINARY else ("", "x[i]")
            text.append(
                f"void libm_{name}(long n, const {t} *x{second}, {t} *out) "
                f"{{ for (long i = 0; i < n; i++) out[i] = {name}{f}({given}); }}"
            )
    return "\n".join(text)


def ordinary(name: str, real: Real) -> list[np.ndarray]:
    """Arguments as programs have them."""
    rng = np.random.default_rng(0)
    low, high = (0.1, 9.0) if name in ABOVE_ZERO else (1.0, 9.0) if name == "acosh" else (-3.0, 3.0)
    low, high = (-0.99, 0.99) if name in ("asin", "acos", "atanh") else (low, high)
    return [rng.uniform(low, high, SIZE).astype(real) for _ in range(1 + (name in BINARY))]


def timed(calls: list[Callable[[], object]], rounds: int) -> list[float]:
    """The median time of each call in ns per element; the calls take turns."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, kept in zip(calls, times, strict=True):
            call()
            start = time.perf_counter_ns()
            for _ in range(8):
                call()
            kept.append((time.perf_counter_ns() - start) / (8 * SIZE))
    return [statistics.median(kept) for kept in times]


def rows(real: Real, folder: Path, points: int, rounds: int) -> list[str]:
    """The rows of the table."""
    names = [name for name in NAMES if name not in SCALAR]
    file, built = folder / f"{real}.c", folder / f"{real}.so"
    file.write_text(loops(names, real) + libm_loops(real))
    chosen = toolchain()
    subprocess.run([*chosen.command, *chosen.flags, file, "-o", built, "-lm"], check=True)
    library = ctypes.CDLL(os.fspath(built))
    exact = Library(
        folder / f"{real}_exact", names, real, [f for f in chosen.flags if f.startswith(("-m", "-ff"))]
    )
    table = []
    for name in names:
        xs = ordinary(name, real)
        out = np.empty_like(xs[0])
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (*xs, out)]
        ours = getattr(library, f"loop_{name}_near" if name in NEAR else f"loop_{name}")
        value = OPS[name].value if name in OPS else lambda x: np.square(OPS["sech"].value(x))
        calls = [lambda f=ours, p=pointers: f(ctypes.c_long(SIZE), *p), lambda f=value, x=xs: f(*x)]
        if name not in NOT_IN_LIBM:
            theirs = getattr(library, f"libm_{name}")
            calls.append(lambda f=theirs, p=pointers: f(ctypes.c_long(SIZE), *p))
        mine, numpy, *libm = timed(calls, rounds)
        error = worst(exact, name, arguments(name, real, points))[0]
        beside = f"{libm[0]:.2f} | {mine / libm[0]:.2f}" if libm else "- | -"
        table.append(f"| {name} | {error:.2f} | {mine:.2f} | {beside} | {numpy:.2f} | {mine / numpy:.2f} |")
    return table


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--points", type=int, default=1000, help="points of each kind at which the error is taken"
    )
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    if toolchain() is None:
        sys.exit("vector_math.py: no C compiler; install one, or pip install 'paramprog[cc]'")
    print(f"{platform.machine()}, {toolchain().version}, {' '.join(toolchain().flags)}\n")
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        for real in ("float64", "float32"):
            print(f"| {real} | error, ulp | ns | libm, ns | ratio | NumPy, ns | ratio |")
            print("| --- | --: | --: | --: | --: | --: | --: |")
            print("\n".join(rows(real, Path(folder), options.points, options.rounds)), "\n")


if __name__ == "__main__":
    main()
