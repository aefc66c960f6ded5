"""Differences of an oracle that never sees the graph: they prove the rules, which a path sum only adds up.

Along a direction d, D(h) = (f(x + h d) - f(x - h d)) / 2h = f'(x; d) + c h^2 + ..., so Richardson
extrapolation of D(h), D(h/4), D(h/16) cancels the powers one by one. An estimate is believed as far as its
neighbours in the tableau agree, and the tolerance is that disagreement: no step size and no threshold is
chosen beforehand, and a wrong derivative is noticed where it is wrong by more than differences can be.

Source: C. Ridders, Accurate computation of F'(x) and F'(x) F''(x), Advances in Engineering Software 4, 1982.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from paramprog.diagnostics import ProgramError
from paramprog.verify.check import TINY, Check, undecided

NAME = "reverse = differences"

Function = Callable[[dict[str, Any]], float]

FEW = 64
"""At most so many coordinates are differenced one by one; more along random directions and in a sample."""

DIRECTIONS = 3
COORDINATES = 4

FIRST = 0.125
RATIO = 4.0
STEPS = 16
ORDERS = 4

SAFETY = 10.0
GOOD = 1e-9
"""Relative disagreement at which no smaller step is tried."""

COARSE = 1e-5
"""Differences that are less exact than this prove nothing."""

FAINT = 1e-3
"""A derivative smaller than this, relative to the function, is as good as zero for GOOD and COARSE."""

EPS = float(np.finfo(np.float64).eps)

CANCELLED = "right in float64, but terms cancel in float32"

AT_KINK = "at a kink"


class Estimate(NamedTuple):
    """A derivative along a direction, and how far it may be off; `scale` is the size of the function near."""

    value: float
    error: float
    scale: float


@dataclass
class Line:
    """t -> f(x + t d), with the values found so far; NaN where the oracle has none."""

    f: Callable[[float], float]
    unit: float = FIRST
    rounding: float = 0.0
    """A bound of the rounding error of a value, where it is more than that of the last operation."""

    def __post_init__(self) -> None:
        self.middle = self.f(0.0)
        self.known: dict[int, tuple[float, float]] = {}

    def step(self, k: int) -> float:
        return self.unit * RATIO**-k

    def sides(self, k: int) -> tuple[float, float]:
        """(f(x - h d), f(x + h d)) for the k-th step."""
        if k not in self.known:
            self.known[k] = (self.f(-self.step(k)), self.f(self.step(k)))
        return self.known[k]

    def central(self, k: int) -> float:
        below, above = self.sides(k)
        return (above - below) / (2.0 * self.step(k))

    def noise(self, k: int) -> float:
        """Rounding errors of the values, as an error of a quotient."""
        last = EPS * max(abs(self.middle), *map(abs, self.sides(k)))
        return 2.0 * max(last, self.rounding) / self.step(k)

    def bend(self, k: int) -> float:
        """The right derivative minus the left one, to first order: h f'' where smooth, the jump at a kink."""
        below, above = self.sides(k)
        return ((above - self.middle) - (self.middle - below)) / self.step(k)


def derivative(line: Line) -> Estimate | None:
    """The derivative of a line at 0, or None where it has none that differences can see.

    The error is the largest disagreement among four neighbours in the tableau: two that agree by chance are
    not enough.
    """
    best: Estimate | None = None
    before: list[float] = []
    scale = abs(line.middle)
    for k in range(STEPS):
        d = line.central(k)
        if not np.isfinite(d):
            before = []
            continue
        scale = max(scale, *map(abs, line.sides(k)))
        row = [d]
        for order in range(1, min(len(before), ORDERS) + 1):
            power = RATIO ** (2 * order)
            row.append((power * row[-1] - before[order - 1]) / (power - 1.0))
        for order in range(1, len(row)):
            # the entry itself, its two parents, and the entry before it in its column or the parents' parent
            near = [row[order - 1], before[order - 1]]
            near.append(before[order] if order < len(before) else before[order - 1])
            error = max(abs(row[order] - n) for n in near) + line.noise(k)
            if len(row) > 2 and (best is None or error < best.error):
                best = Estimate(row[order], error, scale)
        if best is not None and best.error <= GOOD * max(abs(best.value), FAINT * scale):
            break
        before = row
    return best


def kink(line: Line, claimed: float, gap: float) -> bool:
    """Whether the one-sided derivatives differ by so much that a central difference may be off from `claimed` by `gap`.

    The kink may also lie a little beside the point, nearer than the steps that see it: then differences of the finest
    steps, which are too noisy to be believed alone, come nearer to what is claimed.
    """
    usable = [k for k in range(STEPS) if np.isfinite(line.bend(k)) and line.noise(k) < 0.05 * gap]
    jumps = [abs(line.bend(k)) for k in usable]
    # of a smooth function the bend of a 16 times smaller step is 16 times smaller
    lasting = [k for k in range(2, len(jumps)) if jumps[k] > 0.5 * jumps[k - 2]]
    if not lasting:
        return False
    if lasting[-1] == len(jumps) - 1 and gap <= 0.51 * max(jumps[-3:]):
        return True
    return (
        gap <= 0.51 * max(jumps[k] for k in lasting) and abs(line.central(usable[-1]) - claimed) <= 0.5 * gap
    )


def rough(line: Line) -> bool:
    """Whether f varies as much over the shortest steps as over the longest: it varies on a scale that they leap over.

    A smooth function varies 4**STEPS times less, one with a square root at the point 2**STEPS times less.
    """
    moved = [max(abs(y - line.middle) for y in line.sides(k)) for k in range(STEPS)]
    known = [m for m in moved if np.isfinite(m)]
    if len(known) < STEPS // 2:
        return False
    shortest, largest = max(known[-4:]), max(known)
    return shortest > 0.02 * largest and shortest > 100.0 * EPS * abs(line.middle)


def nearer(line: Line, claimed: float, gap: float) -> bool:
    """Whether the finest step that is not too noisy sees what is claimed, where coarser ones are `gap` away.

    Then the function changes nearer to the point than most steps reach, as `if x * x + 1 > 1 then f(x) else g(x)` does.
    """
    usable = [k for k in range(STEPS) if np.isfinite(line.central(k)) and line.noise(k) < 0.05 * gap]
    if not usable:
        return False
    finest = usable[-1]
    return abs(line.central(finest) - claimed) <= 4.0 * line.noise(finest) + 1e-3 * gap


def difference_check(
    f: Function,
    inputs: Mapping[str, Any],
    gradients: Mapping[str, Any],
    seed: int = 0,
    rounding: Mapping[str, Any] | None = None,
    noise: Callable[[], float] = lambda: 0.0,
) -> list[Check]:
    """<gradient, d> = the derivative of f along d, for coordinates or random directions d of each input in
    `gradients`.

    `f` maps all inputs, in float64, to a number. `rounding` bounds the rounding errors of the gradients, entry by
    entry. `noise` bounds the rounding error of f, and is asked for before anything is called wrong: differences of
    sin(x) + 1e20 - 1e20 agree about 0. A check is undecided where f or the gradient is not finite, where differences
    do not settle, and at a kink, if the derivatives on its two sides enclose the gradient. Errors are relative to
    the largest sum of |gradient * d|.
    """
    at = {name: np.asarray(v, np.float64) for name, v in inputs.items()}
    few = sum(np.size(g) for g in gradients.values()) <= FEW
    rng = np.random.default_rng(seed)
    checks = []
    with np.errstate(all="ignore"):
        for name, gradient in gradients.items():
            g = np.asarray(gradient, np.float64)
            given = np.asarray((rounding or {}).get(name, 0.0), np.float64)
            off = np.broadcast_to(np.where(np.isfinite(given), given, 0.0), g.shape)
            verdicts = [_along(f, at, name, g, off, d, where, noise) for where, d in _directions(g, few, rng)]
            checks.append(_worst(name, verdicts))
    return checks


def _directions(g: Any, few: bool, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    if few or g.size <= DIRECTIONS + COORDINATES:
        chosen = list(range(g.size))
    else:
        for k in range(DIRECTIONS):
            # every entry moves equally far, so no entry hides behind another
            yield f"along random direction {k}", rng.choice([-1.0, 1.0], g.shape)
        largest = np.argsort(-np.abs(np.ravel(g)))[:COORDINATES]
        chosen = [*map(int, largest), *map(int, rng.choice(g.size, COORDINATES, replace=False))]
    for k in dict.fromkeys(chosen):
        d = np.zeros(g.size)
        d[k] = 1.0
        yield f"in entry {k}" if g.size > 1 else "", d.reshape(g.shape)


class _Verdict(NamedTuple):
    ok: bool | None
    error: float
    tolerance: float
    size: float
    detail: str


def _along(
    f: Function,
    at: Mapping[str, Any],
    name: str,
    g: Any,
    off: Any,
    d: Any,
    where: str,
    noise: Callable[[], float],
) -> _Verdict:
    x = at[name]
    d = d * np.maximum(np.abs(x), 1.0)

    def value(t: float) -> float:
        try:
            return float(f({**at, name: x + t * d}))
        except (ProgramError, ArithmeticError, ValueError):
            return float("nan")  # outside the domain

    touched = d != 0
    claimed = float(np.sum(g[touched] * d[touched]))
    line = Line(value)
    if not np.isfinite(line.middle):
        return _none(f"the value is not finite at this point: {line.middle:g}")
    found = derivative(line)
    if not np.isfinite(claimed):
        differences = "" if found is None else f" (differences: {found.value:.6g})"
        return _none(_placed(f"not finite at this point: {claimed:g}{differences}", where))
    if found is None:
        return _none(_placed("differences have no finite values around this point", where))
    slack = float(np.sum(off[touched] * np.abs(d[touched]))) + TINY
    size = float(np.abs(g[touched] * d[touched]).sum())
    gap, tolerance = abs(found.value - claimed), SAFETY * found.error + slack
    if gap > tolerance:
        # before anything is called wrong, ask again with other steps, and as if every value were rounded
        again = derivative(Line(value, 0.61 * FIRST, noise()))
        error = (
            found.error if again is None else max(again.error, abs(again.value - found.value), found.error)
        )
        tolerance = SAFETY * error + slack
        if gap > tolerance and kink(line, claimed, gap):
            return _none(
                _placed(f"{AT_KINK}: the one-sided derivatives differ and enclose the gradient", where)
            )
        if gap > tolerance and nearer(line, claimed, gap):
            return _none(_placed("the function changes nearer to this point than most steps reach", where))
        if gap > tolerance and rough(line):
            return _none(
                _placed("the function varies on a smaller scale than the steps of differences", where)
            )
    largest = float(np.max(np.abs(g) * np.maximum(np.abs(x), 1.0), where=np.isfinite(g), initial=0.0))
    if tolerance - slack > COARSE * max(abs(found.value), size, largest, FAINT * found.scale):
        return _none(_placed(f"inconclusive: differences do not settle (known to {found.error:.0e})", where))
    detail = "" if gap <= tolerance else _placed(f"{claimed:.8g} against {found.value:.8g}", where)
    return _Verdict(gap <= tolerance, gap, tolerance, max(size, FAINT * found.scale), detail)


def _worst(name: str, verdicts: Sequence[_Verdict]) -> Check:
    """The worst verdict; undecided directions count only if none is decided, but are mentioned."""
    decided = [v for v in verdicts if v.ok is not None]
    undone = [v for v in verdicts if v.ok is None]
    if not decided:
        return undecided(NAME, name, undone[0].detail if undone else "no entries")
    worst = max(decided, key=lambda v: (not v.ok, v.error / v.tolerance))
    unit = max(v.size for v in decided) or 1.0
    notes = [worst.detail] if worst.detail else []
    notes += [f"{len(undone)} of {len(verdicts)} directions undecided: {undone[0].detail}"] if undone else []
    return Check(NAME, worst.ok, worst.error / unit, worst.tolerance / unit, "; ".join(notes), name)


def _placed(text: str, where: str) -> str:
    return f"{text} {where}".strip()


def _none(detail: str) -> _Verdict:
    return _Verdict(None, float("nan"), float("nan"), 0.0, detail)
