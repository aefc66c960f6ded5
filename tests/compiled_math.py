"""The vector functions compiled into a shared library, and arguments for them.

`compiler()` is a C compiler's command or None; `Library` calls `pp_NAME_f64`
over arrays, each function in a loop of its own.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp, mpf

from paramprog.compile.vmath import BINARY, FLAGS, NEAR, source
from paramprog.types import Real

C = {"float64": ("double", "f64"), "float32": ("float", "f32")}
WARNINGS = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror")
needs_compiler = pytest.mark.skipif(not shutil.which(os.environ.get("CC", "cc")), reason="no C compiler: cc")


def compiler() -> str:
    """The system's C compiler."""
    return os.environ.get("CC", "cc")


def is_gcc() -> bool:
    """Whether it is gcc, whose reports on vectorisation we can read."""
    if not shutil.which(compiler()):
        return False
    version = subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=False).stdout
    return "Free Software Foundation" in version


def has_fma() -> bool:
    """Whether this processor multiplies and adds in one step."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and re.search(r"\bfma\b", flags.read_text()) is not None


def loops(names: Collection[str], real: Real) -> str:
    """C text: the functions, and `loop_NAME` for each, over arrays."""
    t, s = C[real]
    text = [source(names, real)]
    for name in names:
        for form in (name, f"{name}_near") if name in NEAR else (name,):
            if name == "polygamma":
                declared, given = f"int k, const {t} *restrict x", "k, x[i]"
            elif name in BINARY:
                declared, given = f"const {t} *restrict x, const {t} *restrict y", "x[i], y[i]"
            else:
                declared, given = f"const {t} *restrict x", "x[i]"
            text.append(
                f"void loop_{form}(long n, {declared}, {t} *restrict out);\n"
                f"void loop_{form}(long n, {declared}, {t} *restrict out) "
                f"{{ for (long i = 0; i < n; i++) out[i] = pp_{form}_{s}({given}); }}\n"
            )
    return "\n".join(text)


class Library:
    """Functions of one format, compiled with `flags`."""

    def __init__(self, folder: Path, names: Collection[str], real: Real, flags: Sequence[str]) -> None:
        self.type = np.dtype(real).type
        folder.mkdir(parents=True, exist_ok=True)
        text, built = folder / "math.c", folder / "math.so"
        text.write_text(loops(names, real))
        command = [compiler(), *WARNINGS, "-O3", *FLAGS, *flags, "-shared", "-fPIC", text, "-o", built, "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and not done.stderr, done.stderr
        self._library = ctypes.CDLL(os.fspath(built))

    def __call__(self, name: str, *args: object) -> np.ndarray:
        arrays = np.broadcast_arrays(*(np.asarray(a, self.type) for a in args if not isinstance(a, int)))
        arrays = [np.ascontiguousarray(a) for a in arrays]
        out = np.empty_like(arrays[0])
        whole = [ctypes.c_int(a) for a in args if isinstance(a, int)]
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (*arrays, out)]
        getattr(self._library, f"loop_{name}")(ctypes.c_long(out.size), *whole, *pointers)
        return out


def ulps(got: np.ndarray, true: Sequence[mpf], scale: Sequence[mpf] | None = None) -> np.ndarray:
    """|got - true| in units of the last place of `true` (or of `scale`), as subnormal numbers have it.

    Infinite if one of the two overflows and the other does not come near.
    """
    info = np.finfo(got.dtype)
    top = mpf(float(info.max)) * (1 + mpf(2) ** -(info.nmant + 2))
    errors = []
    for g, t, s in zip(got.tolist(), true, scale or true, strict=True):
        exponent = max(mp.frexp(s)[1] - 1, info.minexp) if s else info.minexp
        if not np.isfinite(g) or abs(t) > top:
            errors.append(0.0 if g == mp.sign(t) * mp.inf and abs(t) > top else np.inf)
        else:
            errors.append(float(abs(mpf(g) - t) / mpf(2) ** (exponent - info.nmant)))
    return np.array(errors)


def _spread(rng: np.random.Generator, low: float, high: float, count: int) -> np.ndarray:
    """Numbers of either sign, even in the exponent."""
    return np.exp2(rng.uniform(low, high, count)) * rng.choice([-1.0, 1.0], count)


def arguments(name: str, real: Real, count: int, seed: int = 0) -> list[np.ndarray]:
    """Arguments over the whole domain, more of them where it is hard: near 0, 1, roots, bounds, multiples of pi/2."""
    rng, wide = np.random.default_rng(seed), real == "float64"
    low, high, digits, e = (-1074, 1023.99, 52, 745.0) if wide else (-149, 127.99, 23, 103.9)
    flat = lambda a, b: rng.uniform(a, b, count)
    all_over = lambda: _spread(rng, low, high, count)
    positive = lambda: np.abs(all_over())
    small = lambda: _spread(rng, low, 0, count)
    near_one = lambda: 1 + _spread(rng, -digits - 1, -1, count)
    multiples = lambda: np.round(flat(-1, 1) * 10.0 ** flat(0, 6)) * np.pi / 2
    angles = lambda: [
        flat(-7, 7),
        flat(-1e5, 1e5),
        small(),
        multiples(),
        _spread(rng, 0, 40 if wide else 20, count),
    ]
    curves = lambda: [flat(-3, 3), flat(-e, e), small(), flat(-e / 40, e / 40)]
    halves = lambda: [flat(-1, 1), small(), 1 - np.abs(_spread(rng, -digits, -1, count))]
    unary = {
        "log": lambda: [positive(), flat(0.5, 2), near_one()],
        "sqrt": lambda: [positive()],
        "log1p": lambda: [small(), positive(), flat(-1, 2), -1 + np.abs(_spread(rng, -digits, -1, count))],
        "atan": lambda: [flat(-4, 4), all_over(), flat(0.3, 0.6)],
        "asinh": lambda: [*curves(), all_over()],
        "acosh": lambda: [1 + np.abs(_spread(rng, -digits, 4, count)), np.abs(_spread(rng, 0, high, count))],
        "erf": lambda: [flat(-1, 1), flat(-6, 6), small(), flat(0.9, 1.3)],
        "cbrt": lambda: [all_over(), flat(0, 8)],
        **dict.fromkeys(("asin", "acos", "atanh"), halves),
        **dict.fromkeys([f for n in NEAR for f in (n, f"{n}_near")], angles),
    }
    if name == "pow":
        x = [positive(), flat(0.5, 2), np.exp2(flat(-3, 3)), flat(-100, 100), near_one()]
        power = flat(-1, 1) * (1000 if wide else 120)
        y = [flat(-2, 2), power, power / 3, np.round(flat(-30, 30)), all_over()]
    elif name in ("hypot", "atan2"):
        x = [all_over(), flat(-3, 3), _spread(rng, -3, 3, count)]
        y = [all_over(), flat(-3, 3), _spread(rng, -3, 3, count)]
    elif name in BINARY:
        x = [flat(-50, 50), flat(-3, 3)]
        y = [np.abs(flat(-50, 50)), positive()] if name == "xlogy" else [flat(-50, 50), flat(-3, 3)]
    else:
        with np.errstate(over="ignore"):
            return [np.concatenate(unary.get(name, curves)()).astype(real)]
    return [np.concatenate(x).astype(real), np.concatenate(y).astype(real)]
