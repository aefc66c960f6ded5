"""Short loops in whole vectors.

A loop over 14 entries is a vector of eight and six entries one by one, each of which takes about as long as a vector
where functions such as exp are computed. In whole vectors it has 16 turns. Those beyond the end read zeros, write
nothing, find no fault and are left out of sums: with the masks of AVX-512 that takes no time. Without these PP_TURNS(n)
is n, and compilers drop the conditions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from paramprog.compile.kernel import AddProduct, At, Fold, For, Let, Load, Multiply, Statement, Store
from paramprog.compile.tensor import Place
from paramprog.compile.vmath import NAMES, SCALAR
from paramprog.types import Real, is_open

LANES: Mapping[Real, int] = {"float64": 8, "float32": 16}

LONGEST = 64
"""Turns up to which the rest counts."""

WRITTEN_OUT = 16
"""Turns up to which gcc writes a loop out before it looks for vectors."""

WRITTEN = 64
"""Statements that a loop may become, in vectors of several widths."""

ONE_BY_ONE = frozenset(
    (*SCALAR, "exponent", "floordiv", "floordiv_i64", "ldexp", "mod", "mod_i64", "pow_i64", "power_term")
)
"""Functions that are not vectorised: turns beyond the end would take as long as others."""

ARITHMETIC = frozenset(("fabs", "mac", "sqrt"))
"""Functions that are instructions."""

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


def widths(n: int, real: Real) -> list[int]:
    """The vectors that a row of n entries is: whole ones, then narrower ones, each a power of two."""
    found = [LANES[real]] * (n // LANES[real])
    width, rest = LANES[real] // 2, n % LANES[real]
    while rest:
        found += [width] * (rest // width)
        width, rest = width // 2, rest % width
    return found


def in_widths(loop: For, real: Real) -> bool:
    """Whether it pays to make a short loop without loops in it several ones, each of them a vector.

    It is plain arithmetic on entries beside each other, and either has a sum or is so short that it would be written
    out. Loops that nothing repeats are left as they are.
    """
    if is_open(loop.extent) or loop.chunks is not None or not loop.depth:
        return False
    n, sums = int(loop.extent), any(isinstance(s, Fold | Multiply) for s in loop.body)
    if not 8 <= n <= (LONGEST if sums else WRITTEN_OUT) or len(widths(n, real)) * len(loop.body) > WRITTEN:
        return False
    places: dict[str, set[At]] = {}
    stored: set[str] = set()
    for s in loop.body:
        if isinstance(s, Load | Store | AddProduct):
            if s.buf.kind != "real" or not _is_consecutive(s.at, loop.depth):
                return False
            places.setdefault(s.buf.text, set()).add(s.at)
            stored |= set() if isinstance(s, Load) else {s.buf.text}
        elif not _is_arithmetic(s):
            return False
    return all(len(places[name]) == 1 for name in stored)


def _is_arithmetic(s: Statement) -> bool:
    if isinstance(s, Let):
        return s.kind == "real" and set(_CALLED.findall(s.text)) <= ARITHMETIC
    if isinstance(s, Fold):
        return s.kind == "real" and s.how == "+"
    return isinstance(s, Multiply) and s.kind == "real"
