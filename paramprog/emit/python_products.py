"""Products and deviations in NumPy that are printed with a program; nothing overflows on the way (transfer/scaled.py).

They go with those of python_functions.py.
"""

from __future__ import annotations

TEXT = '''
def _split(x):
    """Fractions of magnitude 1/2 to 1, and the powers of two that they are multiplied by."""
    fractions, powers = np.frexp(x)
    return fractions, powers.astype(np.int64)


def _joined(fractions, powers):
    """The transpose of _split."""
    return np.ldexp(fractions, np.clip(powers, -10_000, 10_000).astype(np.int32))


def _is_plain(x, n):
    """Whether no product of some of n entries can leave the range of numbers."""
    if not x.size or n < 2:
        return True
    largest, least = float(np.max(np.abs(x))), float(np.min(np.abs(x)))
    if not 0.0 < least <= largest < np.inf:
        return False
    limit = 1000 if x.dtype.itemsize == 8 else 120
    return max(math.frexp(largest)[1], 1 - math.frexp(least)[1], 0) * n <= limit


def _prod(x, axes=None):
    """The product of the entries; large and small ones cancel."""
    axes = tuple(range(x.ndim)) if axes is None else axes if isinstance(axes, tuple) else (axes,)
    n = math.prod(x.shape[a] for a in axes)
    if _is_plain(x, n):
        return np.prod(x, axes)
    others = tuple(a for a in range(x.ndim) if a not in axes)
    fractions, powers = _split(np.transpose(x, axes + others).reshape(n, *(x.shape[a] for a in others)))
    while len(fractions) > 1:
        pairs = 2 * (len(fractions) // 2)
        made, more = _split(fractions[0:pairs:2] * fractions[1:pairs:2])
        powers = np.concatenate((powers[0:pairs:2] + powers[1:pairs:2] + more, powers[pairs:]))
        fractions = np.concatenate((made, fractions[pairs:]))
    return _joined(fractions[0], powers[0])


def _products(x, axis):
    """The products of the entries so far; large and small ones cancel."""
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


def _cumprod(x, axis, exclusive):
    """The products of the entries so far, without the entry itself if exclusive."""
    y = _products(x, axis)
    if not exclusive:
        return y
    out = np.ones_like(y)
    np.moveaxis(out, axis, 0)[1:] = np.moveaxis(y, axis, 0)[:-1]
    return out


def _std(x, axes=None):
    """The standard deviation, scaled by a power of two, so that squares neither overflow nor vanish."""
    power = np.frexp(np.max(np.abs(x), axes, keepdims=True))[1]
    return np.ldexp(np.std(np.ldexp(x, -power), axes), np.squeeze(power, axes))
'''
