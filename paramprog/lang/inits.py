"""How params without a value are drawn: `~ normal(0, 0.1)`, always seeded.

Each param has a generator of its own, seeded by the seed and its name, so adding a param changes no other one.
Sources: X. Glorot and Y. Bengio, AISTATS 2010 (glorot); K. He et al., ICCV 2015 (he).
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, prod, sqrt
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from paramprog.types import Shape, Type


class Init(NamedTuple):
    """One kind of init: its arguments, and how it draws."""

    arguments: tuple[str, ...]
    draw: Callable[..., Any]


def _fans(shape: Shape) -> tuple[int, int]:
    """(inputs, outputs) of one unit: the first axis counts outputs, the second inputs, further ones are a window."""
    if len(shape) < 2:
        n = prod(shape)
        return n, n
    window = prod(shape[2:])
    return shape[1] * window, shape[0] * window


def _glorot(rng: np.random.Generator, shape: Shape) -> Any:
    limit = sqrt(6.0 / max(1, sum(_fans(shape))))
    return rng.uniform(-limit, limit, shape)


DRAWS: dict[str, Init] = {
    "normal": Init(("mean", "std"), lambda rng, shape, mean, std: rng.normal(mean, std, shape)),
    "uniform": Init(("lo", "hi"), lambda rng, shape, lo, hi: rng.uniform(lo, hi, shape)),
    "glorot": Init((), _glorot),
    "he": Init((), lambda rng, shape: rng.normal(0.0, sqrt(2.0 / max(1, _fans(shape)[0])), shape)),
    "zeros": Init((), lambda rng, shape: np.zeros(shape)),
    "ones": Init((), lambda rng, shape: np.ones(shape)),
}


class Draw(NamedTuple):
    """An init with its arguments; `DRAWS[init]` is what it does."""

    init: str
    arguments: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"{self.init}({', '.join(f'{a:g}' for a in self.arguments)})"


def problem(how: Draw) -> str | None:
    """Why an init cannot be drawn, if it cannot."""
    first, *rest = how.arguments or (0.0,)
    if not all(isfinite(a) for a in how.arguments):
        return "its arguments are finite numbers"
    if how.init == "normal" and rest[0] < 0:
        return f"the standard deviation {rest[0]:g} is negative"
    if how.init == "uniform" and not (first <= rest[0] and isfinite(rest[0] - first)):
        return f"{first:g} to {rest[0]:g} is not an interval"
    return None


def default_draw(type: Type) -> Draw:
    """The init of a param that names none: by its rank."""
    return (Draw("normal", (0.0, 1.0)), Draw("zeros"), Draw("glorot"))[min(len(type.shape), 2)]


def draw(how: Draw, name: str, shape: Shape, seed: int) -> Any:
    """The initial value of the param or input `name`, in float64."""
    rng = np.random.default_rng([seed, crc32(name.encode())])
    return DRAWS[how.init].draw(rng, shape, *how.arguments)
