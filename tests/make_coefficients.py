"""Writes paramprog/compile/vmath/coefficients.py: best polynomials by Remez exchange, at 60 digits.

    python tests/make_coefficients.py           write the table
    python tests/make_coefficients.py --check   fail if the table is not what would be written

A fit is the polynomial p of a given length that makes the largest |weight(t) (f(t) - p(t))| on an interval least; the
weight is the share that an error of p has in the relative error of the function. The errors reached are printed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf

Real = Callable[[Any], Any]

TABLE = Path(__file__).parents[1] / "paramprog" / "compile" / "vmath" / "coefficients.py"
HEAD = '''"""Coefficients from the lowest power on: written by tests/make_coefficients.py."""

from __future__ import annotations

from paramprog.types import Real

COEFFICIENTS: dict[str, dict[Real, tuple[float, ...]]] = {
'''


@dataclass(frozen=True)
class Fit:
    """`function` on `interval`, with `lengths` coefficients for float64 and float32 (0: not wanted)."""

    function: Real
    weight: Real
    interval: tuple[float, float]
    lengths: tuple[int, int]
    narrow: tuple[float, float] | None = None
    """The interval for float32, where it is another."""


def _even(part: Callable[[Any], Any]) -> Real:
    """`part` as a function of the square of its argument."""
    return lambda z: part(mp.sqrt(z))


def _exp_rest(r: Any) -> Any:
    """(exp(r) - 1 - r) / r^2."""
    return mpf(1) / 2 if abs(r) < mpf(10) ** -20 else (mp.exp(r) - 1 - r) / r**2


mp.dps = 60
TINY = 1e-9
DIGAMMA_ROOT = mp.findroot(mp.digamma, mpf("1.4616321449683623"))
QUARTER = (TINY, (3.1416 / 4 + 0.01) ** 2)
HALF_LN2 = (TINY, 0.3470**2)
FITS = {
    "exp": Fit(_exp_rest, lambda r: r**2 / mp.exp(r), (-0.3470, 0.3471), (10, 5)),
    "expm1": Fit(
        lambda r: 2 * _exp_rest(2 * r), lambda r: 2 * r**2 / mp.expm1(2 * r), (TINY, 0.3470), (10, 5)
    ),
    "cosh": Fit(_even(lambda r: (mp.cosh(r) - 1) / r**2), lambda z: z, HALF_LN2, (5, 3)),
    "sinh": Fit(_even(lambda r: (mp.sinh(r) / r - 1) / r**2), lambda z: z, HALF_LN2, (5, 3)),
    "log": Fit(
        _even(lambda s: (2 * mp.atanh(s) / s - 2) / s**2), lambda w: w / 2, (TINY, 0.17158**2), (7, 3)
    ),
    "log_tail": Fit(
        _even(lambda s: (2 * mp.atanh(s) / s - 2 - 2 * s**2 / 3) / s**4),
        lambda w: w**2 / 2,
        (TINY, 0.17158**2),
        (8, 0),
    ),
    "sin": Fit(_even(lambda r: (1 - mp.sin(r) / r) / r**2), lambda z: z, QUARTER, (6, 3)),
    "cos": Fit(_even(lambda r: (1 - r**2 / 2 - mp.cos(r)) / r**4), lambda z: z**2, QUARTER, (6, 3)),
    "atan": Fit(_even(lambda t: (mp.atan(t) / t - 1) / t**2), lambda z: z, (TINY, 0.41422**2), (11, 0)),
    "asin": Fit(_even(lambda x: (mp.asin(x) / x - 1) / x**2), lambda z: z, (TINY, 0.25), (13, 0)),
    "erf": Fit(_even(lambda x: mp.erf(x) / x - 1), lambda z: mpf(1) / (1 + z), (TINY, 1.0), (12, 7)),
    "erf_far": Fit(
        lambda t: -mp.log(mp.erfc(t + 1)),
        lambda t: mp.erfc(t + 1),
        (0.0, 5.0),
        (18, 9),
        narrow=(0.0, 3.0),
    ),
    "inverse_cube_root": Fit(lambda m: (m + 1) ** (mpf(-1) / 3), lambda m: mpf(1), (0.0, 1.0), (7, 0)),
    "digamma": Fit(
        lambda t: mp.digamma(t + 1.5) / (t + 1.5 - DIGAMMA_ROOT),
        lambda t: (t + 1.5 - DIGAMMA_ROOT) / mp.digamma(t + 1.5),
        (-0.5, 0.5),
        (23, 0),
    ),
}


def polynomial(coefficients: Sequence[Any], t: Any) -> Any:
    """Its value by Horner's scheme."""
    value = mpf(0)
    for c in reversed(coefficients):
        value = value * t + c
    return value


def remez(fit: Fit, length: int, interval: tuple[float, float]) -> tuple[list[Any], Any]:
    """The coefficients of the best polynomial, and the largest weighted error."""
    low, high = map(mpf, interval)
    angles = [mp.pi * k / length for k in range(length + 1)]
    points = [(low + high) / 2 - (high - low) / 2 * mp.cos(a) for a in angles]
    count = 24 * (length + 1)
    grid = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * k / count) for k in range(count + 1)]
    values, weights = [fit.function(t) for t in grid], [fit.weight(t) for t in grid]
    for _ in range(12):
        rows = mp.matrix(length + 1, length + 1)
        right = mp.matrix(length + 1, 1)
        for i, t in enumerate(points):
            for j in range(length):
                rows[i, j] = t**j
            rows[i, length] = (-1) ** i / fit.weight(t)
            right[i] = fit.function(t)
        solution = list(mp.lu_solve(rows, right))
        coefficients = solution[:length]
        errors = [
            w * (v - polynomial(coefficients, t)) for t, v, w in zip(grid, values, weights, strict=True)
        ]
        points = _alternating(grid, errors, length + 1) or points
        largest = max(abs(e) for e in errors)
        if largest < abs(solution[length]) * mpf("1.01"):
            break
    return coefficients, largest


def _alternating(grid: list[Any], errors: list[Any], wanted: int) -> list[Any] | None:
    """The place of the largest error in each run of one sign; None if there are too few runs."""
    runs: list[tuple[Any, Any]] = []
    for t, e in zip(grid, errors, strict=True):
        if runs and (e > 0) == (runs[-1][1] > 0):
            if abs(e) > abs(runs[-1][1]):
                runs[-1] = (t, e)
        else:
            runs.append((t, e))
    while len(runs) > wanted:
        runs.pop(0 if abs(runs[0][1]) < abs(runs[-1][1]) else -1)
    return [t for t, _ in runs] if len(runs) == wanted else None


def table() -> str:
    """The text of coefficients.py."""
    lines = [HEAD]
    for name, fit in FITS.items():
        lines.append(f'    "{name}": {{\n')
        for real, kind, length, interval in (
            ("float64", np.float64, fit.lengths[0], fit.interval),
            ("float32", np.float32, fit.lengths[1], fit.narrow or fit.interval),
        ):
            if not length:
                continue
            coefficients, error = remez(fit, length, interval)
            print(
                f"{name:20}{real:10}{length:3} coefficients, error 2^{float(mp.log(error, 2)):.1f}",
                file=sys.stderr,
            )
            lines.append(f'        "{real}": (\n')
            lines += [f"            {float(kind(c))!r},\n" for c in coefficients]
            lines.append("        ),\n")
        lines.append("    },\n")
    lines += ["}\n\n", "TWO_OVER_PI = (\n", *(f"    0x{word:08X},\n" for word in two_over_pi(42)), ")\n"]
    lines.append('"""Two words of 32 zeros, then the digits of 2 / pi after the point."""\n')
    return "".join(lines)


def two_over_pi(words: int) -> list[int]:
    """The first digits of 2 / pi, 32 a word, after 64 zeros."""
    with mp.workprec(32 * words + 64):
        digits = int(mp.floor(2 / mp.pi * mpf(2) ** (32 * (words - 2))))
    return [digits >> 32 * k & 0xFFFFFFFF for k in reversed(range(words))]


if __name__ == "__main__":
    text = table()
    if "--check" in sys.argv:
        sys.exit(0 if TABLE.read_text() == text else f"{TABLE.name} is not what its script writes")
    TABLE.write_text(text)
