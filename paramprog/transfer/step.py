"""Piecewise constant primitives, and conversions: their Jacobian is a structural zero.

Several are the partials of others: `step` of relu, `share` of max(a, b). They carry NaN on, because a NaN value never
has a finite gradient (DESIGN section 6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from paramprog.op import KindRule, Op, Surface, arithmetic, comparison, logical, register, to_int, to_real
from paramprog.types import Kind


def piecewise(
    name: str,
    doc: str,
    value: Callable[..., Any],
    arguments: tuple[str, ...] = ("x",),
    kinds: KindRule = to_real,
    *,
    spelled: bool = True,
    c: str | None = None,
) -> Op:
    """Register an elementwise primitive without derivative."""
    surfaces = (Surface(name, doc, arguments),) if spelled else ()
    return register(Op(name, doc, value, elementwise=True, kinds=kinds, surfaces=surfaces, c=c, total=True))


def _any_to_real(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    return kinds, "real"


def _real(x: Any) -> Any:
    return x if np.asarray(x).dtype.kind == "f" else np.asarray(x).astype(np.float64)


REAL: Op = piecewise("real", "an int or bool as real", _real, kinds=_any_to_real)
INT: Op = piecewise("int", "toward zero", lambda x: np.trunc(x).astype(np.int64), kinds=to_int)
FLOOR: Op = piecewise("floor", "the largest whole number up to x", np.floor)
CEIL: Op = piecewise("ceil", "the smallest whole number from x", np.ceil)
ROUND: Op = piecewise("round", "the nearest whole number, halves to even", np.rint)
SIGN: Op = piecewise("sign", "-1, 0 or 1", np.sign)
STOP: Op = piecewise("stop", "x itself, without a derivative", lambda x: x, kinds=arithmetic)

EQUAL: Op = piecewise("equal", "a == b", np.equal, ("a", "b"), comparison, spelled=False, c="{0} == {1}")
NOT_EQUAL: Op = piecewise(
    "not_equal", "a != b", np.not_equal, ("a", "b"), comparison, spelled=False, c="{0} != {1}"
)
LESS: Op = piecewise("less", "a < b", np.less, ("a", "b"), comparison, spelled=False, c="{0} < {1}")
LESS_EQUAL: Op = piecewise(
    "less_equal", "a <= b", np.less_equal, ("a", "b"), comparison, spelled=False, c="{0} <= {1}"
)
GREATER: Op = piecewise("greater", "a > b", np.greater, ("a", "b"), comparison, spelled=False, c="{0} > {1}")
GREATER_EQUAL: Op = piecewise(
    "greater_equal", "a >= b", np.greater_equal, ("a", "b"), comparison, spelled=False, c="{0} >= {1}"
)
AND: Op = piecewise("and", "both hold", np.logical_and, ("a", "b"), logical, spelled=False)
OR: Op = piecewise("or", "at least one holds", np.logical_or, ("a", "b"), logical, spelled=False)
NOT: Op = piecewise("not", "does not hold", np.logical_not, ("a",), logical, spelled=False)

INTDIV: Op = piecewise(
    "intdiv", "a // b, rounded down", np.floor_divide, ("a", "b"), arithmetic, spelled=False
)


def _step(x: Any) -> Any:
    return np.heaviside(x, 0.0)


def _share(a: Any, b: Any) -> Any:
    return np.where(a == b, 0.5, np.where(np.isnan(a) | np.isnan(b), np.nan, np.greater(a, b))).astype(
        np.result_type(a, b), copy=False
    )


def _inside(x: Any, lo: Any, hi: Any) -> Any:
    poison = x + lo + hi
    return np.where(np.isnan(poison), poison, (lo < x) & (x < hi)).astype(np.result_type(x), copy=False)


STEP: Op = piecewise("step", "1 for x > 0, else 0: the derivative of relu", _step)
SHARE: Op = piecewise(
    "share", "1 if a > b, 1/2 at a tie, else 0: the derivative of max(a, b)", _share, ("a", "b")
)
INSIDE: Op = piecewise(
    "inside", "1 for lo < x < hi, else 0: the derivative of clip", _inside, ("x", "lo", "hi")
)
