"""Elementwise primitives of two or three arguments: one diagonal for each argument.

Where a partial is 0 * infinity at a hard point of DESIGN section 6, a primitive of its own says what it is there:
`div0` for norms at 0, `mul0` and `powlog` for powers at 0, `xdivy` for x log y at x = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from paramprog.graph.region import ValueFault
from paramprog.op import Linear, Op, Sample, Surface, arithmetic, register
from paramprog.transfer.linear import NEG
from paramprog.transfer.map import GUARD, LOG, SIGMOID, smooth, special
from paramprog.transfer.step import FLOOR, nonzero

AB = ("a", "b")

ADD: Op = register(
    Op(
        "add",
        "a + b",
        np.add,
        elementwise=True,
        kinds=arithmetic,
        jacobian=lambda port, y, a, b: (),
        total=True,
        c="{0} + {1}",
    )
)
SUB: Op = register(
    Op(
        "sub",
        "a - b",
        np.subtract,
        elementwise=True,
        kinds=arithmetic,
        jacobian=lambda port, y, a, b: (Linear(NEG),) if port else (),
        total=True,
        c="{0} - {1}",
    )
)
DIV: Op = smooth(
    "div",
    "a / b",
    np.true_divide,
    lambda y, a, b: 1.0 / b,
    lambda y, a, b: -(y / b),
    arguments=AB,
    domain=((-2.0, 2.0), (0.1, 3.0)),
    spelled=False,
    c="{0} / {1}",
)


def _zero_where(zero: Callable[..., Any], value: Callable[..., Any]) -> Callable[..., Any]:
    """`value`, but 0 where `zero` holds."""

    def call(*args: Any, **attrs: Any) -> Any:
        out = np.asarray(value(*args, **attrs))
        return np.where(zero(*args, **attrs), np.zeros((), out.dtype), out)[()]

    return call


DIV0: Op = smooth(
    "div0",
    "a / b, but 0 where b is 0: the gradient of a norm at 0",
    _zero_where(lambda a, b: b == 0, np.true_divide),
    lambda y, a, b: DIV0(1.0, b),
    lambda y, a, b: -DIV0(y, b),
    arguments=AB,
    domain=((-2.0, 2.0), (0.1, 3.0)),
)
MUL0: Op = smooth(
    "mul0",
    "a * b, but 0 where a is 0, whatever b is",
    _zero_where(lambda a, b: a == 0, np.multiply),
    lambda y, a, b: b,
    lambda y, a, b: a,
    arguments=AB,
)
XDIVY: Op = smooth(
    "xdivy",
    "x / y, but 0 where x is 0: the derivative of x log y",
    _zero_where(lambda x, y: (x == 0) & ~np.isnan(y), np.true_divide),
    lambda out, x, y: 1.0 / y,
    lambda out, x, y: -XDIVY(out, y),
    arguments=("x", "y"),
    domain=((-2.0, 2.0), (0.1, 3.0)),
)
XLOGY: Op = smooth(
    "xlogy",
    "x log y, but 0 where x is 0",
    special("xlogy"),
    lambda out, x, y: LOG(y),
    lambda out, x, y: GUARD(XDIVY(x, y), out),
    arguments=("x", "y"),
    domain=((-2.0, 2.0), (0.1, 3.0)),
)


def _power(a: Any, b: Any) -> Any:
    if np.asarray(a).dtype.kind == "i" and np.any(np.less(b, 0)):
        raise ValueFault(
            "negative-power", "an int to a negative power is not an int; write the base as a real"
        )
    return np.power(a, b)


def _powlog(x: Any, y: Any, *, k: int) -> Any:
    value = np.power(x, y) * np.log(x) ** k
    return np.where((x == 0) & (y >= 0), np.zeros((), value.dtype), value)[()]


POW: Op = smooth(
    "pow",
    "a ** b",
    _power,
    lambda out, a, b: GUARD(MUL0(b, POW(a, b - 1)), out),
    lambda out, a, b: POWLOG(a, b, k=1),
    arguments=AB,
    kinds=arithmetic,
    domain=((0.1, 3.0), (-2.0, 2.0)),
)
POWLOG: Op = smooth(
    "powlog",
    "x ** y * log(x) ** k, and 0 at x = 0 for y >= 0: the derivatives of x ** y in y",
    _powlog,
    lambda out, x, y, *, k: GUARD(
        MUL0(y, POWLOG(x, y - 1, k=k)) + k * (POWLOG(x, y - 1, k=k - 1) if k > 1 else POW(x, y - 1)), out
    ),
    lambda out, x, y, *, k: POWLOG(x, y, k=k + 1),
    arguments=("x", "y"),
    domain=((0.1, 3.0), (-2.0, 2.0)),
    surfaces=(
        Surface(
            "powlog",
            "x ** y * log(x) ** k",
            ("x", "y"),
            {"k": 1},
            lambda types, options: {"k": options["k"]},
        ),
    ),
    samples=(Sample(((3,), (3,)), {"k": 1}), Sample(((3,), (3,)), {"k": 2})),
)
HYPOT: Op = smooth(
    "hypot",
    "the length of (a, b)",
    np.hypot,
    lambda y, a, b: DIV0(a, y),
    lambda y, a, b: DIV0(b, y),
    arguments=AB,
)
ATAN2: Op = smooth(
    "atan2",
    "the angle of the point (b, a)",
    np.arctan2,
    lambda y, a, b: b / HYPOT(a, b) / HYPOT(a, b),
    lambda y, a, b: -(a / HYPOT(a, b) / HYPOT(a, b)),
    arguments=AB,
    domain=((0.1, 3.0), (0.1, 3.0)),
)
LOGADDEXP: Op = smooth(
    "logaddexp",
    "log(exp(a) + exp(b))",
    np.logaddexp,
    lambda y, a, b: SIGMOID(a - b),
    lambda y, a, b: SIGMOID(b - a),
    arguments=AB,
    total=True,
)
MOD: Op = smooth(
    "mod",
    "the remainder of a / b, with the sign of b",
    nonzero(np.mod),
    lambda y, a, b: GUARD(1.0, y),
    lambda y, a, b: GUARD(-FLOOR(a / b), y),
    arguments=AB,
    kinds=arithmetic,
    domain=((0.1, 0.9), (1.1, 2.0)),
)
