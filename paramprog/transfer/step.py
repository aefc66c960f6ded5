"""Piecewise constant primitives, and conversions: their Jacobian is a structural zero.

Several are the partials of others: `step` of relu, `share` of max(a, b). They carry NaN on, because a NaN value never
has a finite gradient (DESIGN section 6).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from paramprog.graph import Node
from paramprog.graph.region import ValueFault
from paramprog.op import (
    Chain,
    KindRule,
    Op,
    Surface,
    arithmetic,
    comparison,
    logical,
    register,
    to_int,
    to_real,
)
from paramprog.transfer.stack import Tape
from paramprog.types import Kind, Real


def piecewise(
    name: str,
    doc: str,
    value: Callable[..., Any],
    arguments: tuple[str, ...] = ("x",),
    kinds: KindRule = to_real,
    *,
    spelled: bool = True,
    total: bool = True,
    **fields: Any,
) -> Op:
    """Register an elementwise primitive without derivative."""
    surfaces = (Surface(name, doc, arguments),) if spelled else ()
    return register(
        Op(name, doc, value, elementwise=True, kinds=kinds, surfaces=surfaces, total=total, **fields)
    )


def _any_to_real(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    return kinds, "real"


def _is_real(x: Any) -> bool:
    return x.kind == "real" if isinstance(x, Node) else np.asarray(x).dtype.kind == "f"


def _real(x: Any, *, real: Real = "float64") -> Any:
    if isinstance(x, Tape):
        return x.mapped(partial(_real, real=real))
    return x if _is_real(x) else np.asarray(x).astype(real)[()]


def _identity_of_reals(port: int, y: Any, x: Any, **_: Any) -> Chain | None:
    return () if _is_real(x) else None


def _int(x: Any) -> Any:
    if not _is_real(x):
        return x
    beyond = ~(np.abs(x) < 2.0**63)
    if np.any(beyond):
        raise ValueFault("number-range", f"{float(np.asarray(x)[beyond].flat[0])} has no value as an int")
    return np.trunc(x).astype(np.int64)


def nonzero(divide: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """`divide`, with a fault where NumPy would call an int divided by zero 0."""

    def call(a: Any, b: Any) -> Any:
        if not _is_real(b) and not np.all(b):
            raise ValueFault("division-by-zero", "this divides an int by zero")
        return divide(a, b)

    return call


REAL: Op = piecewise(
    "real",
    "an int or bool as real",
    _real,
    kinds=_any_to_real,
    jacobian=_identity_of_reals,
    precise=True,
    c={"real": "{0}", "int": "(T){0}", "bool": "(T){0}"},
)
INT: Op = piecewise(
    "int",
    "toward zero",
    _int,
    kinds=to_int,
    total=False,
    c={"real": "pp_whole({0})", "int": "{0}"},
    c_fault={"real": "!(pp_fabs({0}) < 0x1p63)"},
)
FLOOR: Op = piecewise("floor", "the largest whole number up to x", np.floor, c="pp_floor({0})")
CEIL: Op = piecewise("ceil", "the smallest whole number from x", np.ceil, c="pp_ceil({0})")
ROUND: Op = piecewise("round", "the nearest whole number, halves to even", np.rint, c="pp_rint({0})")
SIGN: Op = piecewise("sign", "-1, 0 or 1", np.sign, c="{0} > 0 ? 1 : {0} < 0 ? -1 : {0} == 0 ? 0 : {0}")
STOP: Op = piecewise("stop", "x itself, without a derivative", lambda x: x, kinds=arithmetic, c="{0}")

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
AND: Op = piecewise("and", "both hold", np.logical_and, ("a", "b"), logical, spelled=False, c="{0} & {1}")
OR: Op = piecewise(
    "or", "at least one holds", np.logical_or, ("a", "b"), logical, spelled=False, c="{0} | {1}"
)
NOT: Op = piecewise("not", "does not hold", np.logical_not, ("a",), logical, spelled=False, c="!{0}")

INTDIV: Op = piecewise(
    "intdiv",
    "a // b, rounded down",
    nonzero(np.floor_divide),
    ("a", "b"),
    arithmetic,
    spelled=False,
    total=False,
    c={"real": "pp_floordiv({0}, {1})", "int": "pp_floordiv_i64({0}, {1})"},
    c_fault={"int": "{1} == 0"},
)


def _step(x: Any) -> Any:
    return np.heaviside(x, 0.0)


def _share(a: Any, b: Any) -> Any:
    return np.where(a == b, 0.5, np.where(np.isnan(a) | np.isnan(b), np.nan, np.greater(a, b))).astype(
        np.result_type(a, b), copy=False
    )


def _inside(x: Any, lo: Any, hi: Any) -> Any:
    unknown = np.isnan(x) | np.isnan(lo) | np.isnan(hi)
    return np.where(unknown, np.nan, (lo < x) & (x < hi)).astype(np.result_type(x), copy=False)


STEP: Op = piecewise(
    "step", "1 for x > 0, else 0: the derivative of relu", _step, c="{0} > 0 ? 1 : {0} != {0} ? {0} : 0"
)
SHARE: Op = piecewise(
    "share",
    "1 if a > b, 1/2 at a tie, else 0: the derivative of max(a, b)",
    _share,
    ("a", "b"),
    c="{0} == {1} ? (T)0.5 : {0} > {1} ? 1 : {0} < {1} ? 0 : (T)NAN",
)
INSIDE: Op = piecewise(
    "inside",
    "1 for lo < x < hi, else 0: the derivative of clip",
    _inside,
    ("x", "lo", "hi"),
    c="{0} != {0} || {1} != {1} || {2} != {2} ? (T)NAN : {1} < {0} && {0} < {2}",
)
