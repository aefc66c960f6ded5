"""One comparison of two computations of the same number, and all of a program together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paramprog.verify.crossing import Crossings

TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Check:
    """|a - b| <= tolerance, in units of what was added to make a and b.

    `ok` is None where there is nothing to decide: too many paths, no derivative at a kink. `error` and
    `tolerance` are those of the worst entry. `of` is the name that the derivative is taken by, "" for all
    together.
    """

    name: str
    ok: bool | None
    error: float
    tolerance: float
    detail: str = ""
    of: str = ""

    @property
    def title(self) -> str:
        """`reverse = path sum: W`."""
        return f"{self.name}: {self.of}" if self.of else self.name


@dataclass(frozen=True)
class Report:
    """`ok` when no check failed; `paths` counts the paths from all points to the output, exactly.

    `crossings`, if asked for, are the nearest boundaries of branches, roundings and kinks.
    """

    ok: bool
    paths: int
    checks: Sequence[Check]
    crossings: Crossings | None = None


def undecided(name: str, of: str, detail: str) -> Check:
    """A check that could not be made."""
    return Check(name, None, float("nan"), float("nan"), detail, of)


def agreement(
    name: str,
    of: str,
    found: Any,
    expected: Any,
    magnitude: Any,
    tolerance: float,
    detail: str = "",
    infinite: str = "",
) -> Check:
    """|found - expected| <= tolerance * magnitude, entry by entry, where `magnitude` is the size of what was
    added.

    Entries that are not finite on both sides agree (the sum has no value there); on one side only, they do
    not, unless `infinite` says which value of the program is not finite either: then nothing is decided.
    """
    a, b, size = (np.ravel(np.asarray(v, np.float64)) for v in (found, expected, magnitude))
    finite = np.isfinite(a) & np.isfinite(b)
    alone = np.flatnonzero(np.isfinite(a) != np.isfinite(b))
    apart = ""
    if alone.size:
        k = int(alone[0])
        entry = f" in entry {k}" if a.size > 1 else ""
        apart = f"{a[k]:.6g} against {b[k]:.6g}{entry}"
        if not infinite:
            return Check(name, False, float("inf"), tolerance, _joined(detail, apart), of)
    elif not finite.all():
        count = int(np.sum(~finite))
        some = f" ({count} of {a.size} entries)" if a.size > 1 else ""
        detail = _joined(detail, f"not finite at this point{some}, on both sides")
    with np.errstate(over="ignore", invalid="ignore"):
        # a size that overflowed bounds nothing
        unit = np.where(np.isfinite(size), size, np.abs(a) + np.abs(b)) + TINY
        relative = np.abs(a - b)[finite] / unit[finite]
    error = float(relative.max(initial=0.0))
    if not error <= tolerance:
        k = int(np.flatnonzero(finite)[int(relative.argmax())])
        entry = f" in entry {k}" if a.size > 1 else ""
        detail = _joined(detail, f"{a[k]:.6g} against {b[k]:.6g}{entry}")
    elif apart:
        return undecided(name, of, _joined(detail, apart, infinite))
    return Check(name, error <= tolerance, error, tolerance, detail, of)


def _joined(*parts: str) -> str:
    return "; ".join(p for p in parts if p)
