"""Short loops in whole vectors.

A loop over 14 entries is a vector of eight and six entries one by one, each of which takes about as long as a vector
where functions such as exp are computed. In whole vectors it has 16 turns. Those beyond the end read zeros, write
nothing, find no fault and are left out of sums: with the masks of AVX-512 that takes no time. Without these PP_TURNS(n)
is n, and compilers drop the conditions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from paramprog.compile.kernel import AddProduct, At, For, Let, Load, Store
from paramprog.compile.tensor import Place
from paramprog.compile.vmath import NAMES, SCALAR
from paramprog.types import Real, is_open

LANES: Mapping[Real, int] = {"float64": 8, "float32": 16}

LONGEST = 64
"""Turns up to which the rest counts."""

ONE_BY_ONE = frozenset(
    (*SCALAR, "exponent", "floordiv", "floordiv_i64", "ldexp", "mod", "mod_i64", "pow_i64", "power_term")
)
"""Functions that are not vectorised: turns beyond the end would take as long as others."""

_CALLED = re.compile(r"\bpp_(\w+)\(")


def in_whole_vectors(loop: For, real: Real) -> bool:
    """Whether it pays, of a loop without loops in it: its rest is long, and dear, and entries lie beside each other."""
    if is_open(loop.extent) or loop.chunks is not None:
        return False
    n, rest = int(loop.extent), int(loop.extent) % LANES[real]
    if n > LONGEST or rest < 2 or (n == rest and rest & (rest - 1) == 0):  # 2 and 4 are shorter vectors
        return False
    called = {name for s in loop.body if isinstance(s, Let) for name in _CALLED.findall(s.text)}
    if called & ONE_BY_ONE or called.isdisjoint(NAMES):
        return False
    return all(
        s.buf.kind != "bool" and _is_consecutive(s.at, loop.depth)
        for s in loop.body
        if isinstance(s, Load | Store | AddProduct)
    )


def _is_consecutive(at: At, axis: int) -> bool:
    """Whether the entries are one, or beside each other: gcc 12 does not vectorise others if they are masked."""
    moving = [k for k, p in enumerate(at) if isinstance(p, Place) and p.axis == axis and p.coef]
    if not moving:
        return all(isinstance(p, Place) for p in at)
    last = at[-1]
    return moving == [len(at) - 1] and isinstance(last, Place) and last.coef == 1
