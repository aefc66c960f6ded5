"""Products that neither overflow nor vanish on the way: 1e200 * 1e200 * 1e-200 is 1e200, 1e308 * 1e308 * 0 is 0.

Each factor is split into a fraction of magnitude 1/2 to 1 and a power of two (`frexp`), which are multiplied and added
on their own. Where no intermediate result can leave the range the plain product is the same, and faster.

Programs that are printed in Python contain these functions as they stand here, so these need NumPy and `math` only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def product(x: Any, axes: tuple[int, ...]) -> Any:
    """The product along `axes`."""
    count = math.prod(x.shape[a] for a in axes)
    if _is_plain(x, count):
        return np.prod(x, axes)
    others = tuple(a for a in range(x.ndim) if a not in axes)
    shape = tuple(x.shape[a] for a in others)
    fractions, powers = _split(np.transpose(x, axes + others).reshape(count, *shape))
    while len(fractions) > 1:
        pairs = 2 * (len(fractions) // 2)
        made, more = _split(fractions[0:pairs:2] * fractions[1:pairs:2])
        powers = np.concatenate((powers[0:pairs:2] + powers[1:pairs:2] + more, powers[pairs:]))
        fractions = np.concatenate((made, fractions[pairs:]))
    return _joined(fractions[0], powers[0])


def products(x: Any, axis: int) -> Any:
    """The products of the entries so far, along an axis."""
    if _is_plain(x, x.shape[axis]):
        return np.cumprod(x, axis)
    out = np.array(x)
    fractions, powers = _split(np.moveaxis(x, axis, 0))
    steps = np.moveaxis(out, axis, 0)
    for k in range(1, len(steps)):
        fractions[k], more = _split(fractions[k - 1] * fractions[k])
        powers[k] += powers[k - 1] + more
        steps[k] = _joined(fractions[k], powers[k])
    return out


def _is_plain(x: Any, count: int) -> bool:
    """Whether no product of some of the entries, `count` along the axes, can leave the range; also of no floats."""
    if x.dtype.kind != "f" or not x.size or count < 2:
        return True
    sizes = np.abs(x)
    largest, least = float(np.max(sizes)), float(np.min(sizes))
    if not 0.0 < least <= largest < np.inf:
        return False
    limits = {
        4: 120,
        8: 1000,
    }  # by item size: powers of two up to this one, and down to its inverse, are normal
    beyond = max(math.frexp(largest)[1], 1 - math.frexp(least)[1], 0)
    return bool(beyond * count <= limits.get(x.dtype.itemsize, 0))


def _split(x: Any) -> tuple[Any, Any]:
    """Fractions, and the powers of two that they are multiplied by."""
    fractions, powers = np.frexp(x)
    return fractions, powers.astype(np.int64)


def _joined(fractions: Any, powers: Any) -> Any:
    """One rounding, at most, where the product itself leaves the range of normal numbers."""
    farthest = 10_000  # beyond the range of every format
    return np.ldexp(fractions, np.clip(powers, -farthest, farthest).astype(np.int32))
