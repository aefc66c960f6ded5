"""Gradients cut to size, in place.

by norm     g <- g * min(1, limit / |g|), |g| being the Euclidean norm over all params. R. Pascanu, T. Mikolov and
            Y. Bengio, On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1
by value    g <- min(max(g, -limit), limit), entry by entry

Whether g is finite is to be asked before it is clipped: clipping by value makes large numbers of infinities. By norm
leaves a gradient that is not finite as it is, and returns a norm that is not finite either.
"""

from __future__ import annotations

from math import isfinite, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = "NDArray[np.floating[Any]]"

BLOCK = 2**14
"""Entries squared at a time, so that the squares of a long vector need no vector of their own."""

SAFE = 1e-280
"""A sum of squares below this may have lost much of itself to underflow."""


def norm(g: Vector) -> float:
    """The Euclidean norm, in float64, correct wherever it can be represented.

    It is added up in blocks, in an order that does not depend on the number of threads (a BLAS dot product's may).
    """
    total = _sum_of_squares(g, 1.0)
    if isfinite(total) and total > SAFE:
        return sqrt(total)
    peak = float(np.max(np.abs(g), initial=0.0))
    if peak == 0 or not isfinite(peak):
        return peak
    return peak * sqrt(_sum_of_squares(g, peak))


def clip_by_norm(g: Vector, limit: float) -> float:
    """Shorten g in place to the norm `limit` if it is longer. Returns the norm it had."""
    length = norm(g)
    if isfinite(length) and length > limit:
        g *= limit / length
    return length


def clip_by_value(g: Vector, limit: float) -> None:
    """Move each entry of g in place into [-limit, limit]; NaN stays NaN."""
    np.clip(g, -limit, limit, out=g)


def _sum_of_squares(g: Vector, scale: float) -> float:
    """The sum of (g / scale)^2."""
    total = 0.0
    with np.errstate(over="ignore", under="ignore"):
        for start in range(0, g.size, BLOCK):
            part = g[start : start + BLOCK].astype(np.float64)
            if scale != 1.0:
                part /= scale
            part *= part
            total += float(part.sum())
    return total
