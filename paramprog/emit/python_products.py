"""Products and deviations in NumPy that are printed with a program; nothing overflows on the way.

They go with those of python_functions.py. The products are the functions of transfer/scaled.py themselves, without
annotations, under names that begin with an underscore.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from paramprog.transfer import scaled

PRODUCTS: tuple[Callable[..., Any], ...] = (
    scaled._split,
    scaled._joined,
    scaled._is_plain,
    scaled.product,
    scaled.products,
)


def _source(function: Callable[..., Any]) -> str:
    """The text of a function whose head is on one line."""
    head, body = inspect.getsource(function).rstrip().split("\n", 1)
    assert head.endswith(":"), f"the head of {function.__name__} goes on: {head}"
    return (
        f"def _{function.__name__.lstrip('_')}({', '.join(inspect.signature(function).parameters)}):\n{body}"
    )


REST = '''
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

TEXT = "\n\n\n".join([*map(_source, PRODUCTS), REST.strip()])
