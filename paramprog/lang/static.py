"""Arithmetic of ints and bools that are known at compile time, exact, and an error where int64 would not hold it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from paramprog.diagnostics import Span, fail
from paramprog.lang.instance import Static

INT_MAX = 2**63 - 1

FOLDS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "intdiv": operator.floordiv,
    "mod": operator.mod,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "not": operator.not_,
    "maximum": max,
    "minimum": min,
    "abs": abs,
    "square": lambda x: x * x,
    "int": lambda x: x,
    "clip": lambda x, lo, hi: min(max(x, lo), hi),
    "copy": lambda x: x,
}


def fold(name: str, args: Sequence[Static | None], span: Span) -> Static | None:
    """The value of a primitive at static arguments; None if one is not static, or the primitive is not folded.

    Raises ProgramError on a division by zero, and where the result is beyond int64.
    """
    if not args or any(a is None for a in args):
        return None
    if name == "pow":
        return _power(args[0], args[1], span)
    if name not in FOLDS:
        return None
    if name in ("intdiv", "mod") and args[1] == 0:
        raise fail("division-by-zero", "this divides an int by zero", span)
    return _checked(FOLDS[name](*args), span)


def _power(base: Any, exponent: Any, span: Span) -> Static:
    if exponent < 0:
        raise fail(
            "negative-power",
            "an int to a negative power is not an int",
            span,
            "write the base as a real, such as `2.0`",
        )
    if abs(base) > 1 and exponent > 63:
        raise fail("number-range", "this int is beyond 64 bits", span)
    return _checked(base**exponent, span)


def _checked(value: Any, span: Span) -> Static:
    if isinstance(value, bool):
        return value
    if not -INT_MAX - 1 <= value <= INT_MAX:
        raise fail("number-range", "this int is beyond 64 bits", span)
    return int(value)
