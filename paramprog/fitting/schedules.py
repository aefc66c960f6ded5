"""Learning rates by the index of the step.

    rate(k) = base * warm(k) * shape(max(0, k - warmup))        k = 0, 1, ...; shape is constant, step or cosine

A schedule is a pure function of the index, so a resumed run continues it with nothing to restore. The clock of the
shape starts when the warm-up ends. `Schedule` raises ValueError for an unknown shape (with a hint) and for counts and
factors out of range.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, isfinite, pi

from paramprog.diagnostics import did_you_mean

SCHEDULES = ("constant", "step", "cosine")
"""The shapes, by the name that `--schedule` takes."""


@dataclass(frozen=True)
class Schedule:
    """A shape and its numbers, all counts being steps.

    `total` is the length of the run, which cosine needs; `every` and `factor` belong to step, `floor`, a share of the
    base rate, to cosine.
    """

    shape: str = "constant"
    total: int = 1
    warmup: int = 0
    every: int = 1
    factor: float = 0.5
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.shape not in SCHEDULES:
            hint = did_you_mean(self.shape, SCHEDULES) or f"there are {', '.join(SCHEDULES)}"
            raise ValueError(f"there is no schedule `{self.shape}`; {hint}")
        if self.total < 1 or self.every < 1 or self.warmup < 0:
            raise ValueError("a schedule counts steps: total and every from 1 on, warmup from 0 on")
        if not (isfinite(self.factor) and self.factor > 0 and 0 <= self.floor <= 1):
            raise ValueError("the factor of a schedule is a number above 0, its floor one from 0 to 1")

    def rate(self, base: float, step: int) -> float:
        """The learning rate of the step with this index, the first being 0."""
        after = max(0, step - self.warmup)
        if self.shape == "step":
            share = step_decay(after, self.every, self.factor)
        elif self.shape == "cosine":
            share = cosine(after, self.total - self.warmup, self.floor)
        else:
            share = 1.0
        return base * warm_up(step, self.warmup) * share


def warm_up(step: int, warmup: int) -> float:
    """(k + 1) / warmup for the first `warmup` steps, then 1.

    P. Goyal et al., Accurate, large minibatch SGD, arXiv:1706.02677 (2017), section 2.2.
    """
    return min(1.0, (step + 1) / warmup) if warmup else 1.0


def step_decay(step: int, every: int, factor: float) -> float:
    """factor^floor(k / every)."""
    return float(factor ** (step // every))


def cosine(step: int, total: int, floor: float) -> float:
    """floor + (1 - floor) (1 + cos(pi k / total)) / 2: from 1 at k = 0 to the floor at `total`, where it stays.

    I. Loshchilov and F. Hutter, SGDR, ICLR 2017, equation 5, without restarts.
    """
    if step >= total:
        return floor
    return floor + (1 - floor) * (1 + cos(pi * step / total)) / 2
