"""Elementwise primitives of two or three arguments: one diagonal for each argument.

Where a partial is 0 * infinity at a hard point of DESIGN section 6, a primitive of its own says what it is there:
`div0` for norms at 0, `power_partial` for powers at 0, `xdivy` for x log y at x = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np

from paramprog.graph.node import Node
from paramprog.graph.region import ValueFault
from paramprog.op import Attrs, Chain, Linear, Op, Sample, Surface, arithmetic, register
from paramprog.transfer.linear import NEG
from paramprog.transfer.map import GUARD, LOG, SIGMOID, diagonal, smooth, special
from paramprog.transfer.source import FULL
from paramprog.transfer.step import FLOOR, REAL, nonzero

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
        c={"real": "{0} + {1}", "int": "pp_add_i64({0}, {1})"},
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
        c={"real": "{0} - {1}", "int": "pp_sub_i64({0}, {1})"},
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
    c="{1} == 0 ? 0 : {0} / {1}",
    domain=((-2.0, 2.0), (0.1, 3.0)),
)
XDIVY: Op = smooth(
    "xdivy",
    "x / y, but 0 where x is 0: the derivative of x log y",
    _zero_where(lambda x, y: (x == 0) & ~np.isnan(y), np.true_divide),
    lambda out, x, y: 1.0 / y,
    lambda out, x, y: -XDIVY(out, y),
    c="{0} == 0 && {1} == {1} ? 0 : {0} / {1}",
    arguments=("x", "y"),
    domain=((-2.0, 2.0), (0.1, 3.0)),
)
XLOGY: Op = smooth(
    "xlogy",
    "x log y, but 0 where x is 0",
    special("xlogy"),
    lambda out, x, y: GUARD(LOG(y), out),
    lambda out, x, y: GUARD(XDIVY(x, y), out),
    c="pp_xlogy({0}, {1})",
    arguments=("x", "y"),
    domain=((-2.0, 2.0), (0.1, 3.0)),
)


def _power(a: Any, b: Any) -> Any:
    if np.asarray(a).dtype.kind == "i" and np.any(np.less(b, 0)):
        raise ValueFault(
            "negative-power", "an int to a negative power is not an int; write the base as a real"
        )
    return np.power(a, b)


def _falling(y: Any, dx: int, times: int) -> Any:
    """The `times`-th derivative of y (y - 1) ... (y - dx + 1); exact zeros at its whole roots."""
    polynomial = np.polynomial.Polynomial([1.0])
    for m in range(dx):
        polynomial *= np.polynomial.Polynomial([-float(m), 1.0])
    coefficients = (polynomial.deriv(times) if times else polynomial).coef
    total = np.zeros_like(y)
    for c in coefficients[::-1]:
        total = total * y + np.asarray(c, y.dtype)
    return total


def _power_partial(x: Any, y: Any, *, dx: int, dy: int) -> Any:
    """By Leibniz: the sum over m of C(dy, m) falling^(dy - m)(y) x**(y - dx) log(x)**m.

    A factor 0 makes a term 0 even beside an infinity; at x = 0 so does a logarithm beside x**0 or a positive power. The
    logarithm of a negative x stays NaN.
    """
    x, y = np.broadcast_arrays(x, y)
    power, total = np.power(x, y - dx), np.zeros(x.shape, np.result_type(x, y))
    for m in range(dy + 1):
        factor = comb(dy, m) * _falling(y, dx, dy - m)
        vanishes = (factor == 0) | ((x == 0) & (y >= dx) & (m > 0))
        nothing = vanishes & ((x >= 0) | (m == 0))
        total = total + np.where(nothing, np.zeros((), total.dtype), factor * power * np.log(x) ** m)
    return np.where(np.isnan(np.power(x, y)), np.asarray(np.nan, total.dtype), total)[()]


def _power_partial_c(attrs: Attrs) -> str:
    """The same sum, a term each m, with the polynomials in Horner's form."""
    dx, dy = attrs["dx"], attrs["dy"]
    falling = np.polynomial.Polynomial([1.0])
    for m in range(dx):
        falling *= np.polynomial.Polynomial([-float(m), 1.0])
    terms = []
    for m in range(dy + 1):
        factor = "0"
        for c in (falling.deriv(dy - m) if dy - m else falling).coef[::-1]:
            factor = f"({factor} * {{1}} + (T){float(c)!r})"
        terms.append(f"pp_power_term({comb(dy, m)} * {factor}, {{0}}, {{1}}, {dx}, {m})")
    return f"pp_pow({{0}}, {{1}}) != pp_pow({{0}}, {{1}}) ? NAN : {' + '.join(terms)}"


def _power_jacobian(port: int, out: Any, a: Any, b: Any) -> Chain | None:
    """A constant exponent gives the rule that people write: 2 a for a ** 2."""
    if port == 1:
        return diagonal(POWER_PARTIAL(a, b, dx=0, dy=1))
    exponent = b.args[0] if isinstance(b, Node) and b.op is REAL else b
    if not (isinstance(exponent, Node) and exponent.op is FULL):
        return diagonal(POWER_PARTIAL(a, b, dx=1, dy=0))
    c = exponent.attrs["value"]
    if c == 0:
        return None
    if c == 1:
        return diagonal(GUARD(1.0, out))
    return diagonal(2 * a if c == 2 else c * POW(a, c - 1))


POW: Op = register(
    Op(
        "pow",
        "a ** b",
        _power,
        elementwise=True,
        kinds=arithmetic,
        jacobian=_power_jacobian,
        c={"real": "pp_pow({0}, {1})", "int": "pp_pow_i64({0}, {1})"},
        c_fault={"int": "{1} < 0"},
        domain=((0.1, 3.0), (-2.0, 2.0)),
        surfaces=(Surface("pow", "a ** b", AB),),
    )
)
POWER_PARTIAL: Op = smooth(
    "power_partial",
    "the derivative of x ** y, dx times in x and dy times in y",
    _power_partial,
    lambda out, x, y, *, dx, dy: POWER_PARTIAL(x, y, dx=dx + 1, dy=dy),
    lambda out, x, y, *, dx, dy: POWER_PARTIAL(x, y, dx=dx, dy=dy + 1),
    c=_power_partial_c,
    arguments=("x", "y"),
    domain=((0.1, 3.0), (-2.0, 2.0)),
    surfaces=(
        Surface(
            "power_partial",
            "the derivative of x ** y, dx times in x and dy times in y",
            ("x", "y"),
            {"dx": 1, "dy": 0},
            lambda types, options: {"dx": options["dx"], "dy": options["dy"]},
        ),
    ),
    samples=(Sample(((3,), (3,)), {"dx": 1, "dy": 0}), Sample(((3,), (3,)), {"dx": 2, "dy": 1})),
)
HYPOT: Op = smooth(
    "hypot",
    "the length of (a, b)",
    np.hypot,
    lambda y, a, b: DIV0(a, y),
    lambda y, a, b: DIV0(b, y),
    arguments=AB,
    c="pp_hypot({0}, {1})",
)
ATAN2: Op = smooth(
    "atan2",
    "the angle of the point (b, a)",
    np.arctan2,
    lambda y, a, b: b / HYPOT(a, b) / HYPOT(a, b),
    lambda y, a, b: -(a / HYPOT(a, b) / HYPOT(a, b)),
    arguments=AB,
    c="pp_atan2({0}, {1})",
    domain=((0.1, 3.0), (0.1, 3.0)),
)
LOGADDEXP: Op = smooth(
    "logaddexp",
    "log(exp(a) + exp(b))",
    np.logaddexp,
    lambda y, a, b: SIGMOID(a - b),
    lambda y, a, b: SIGMOID(b - a),
    arguments=AB,
    c="pp_logaddexp({0}, {1})",
    total=True,
)
MOD: Op = smooth(
    "mod",
    "the remainder of a / b, with the sign of b",
    nonzero(np.mod),
    lambda y, a, b: GUARD(1.0, y),
    lambda y, a, b: GUARD(-FLOOR(a / b), y),
    arguments=AB,
    c={"real": "pp_mod({0}, {1})", "int": "pp_mod_i64({0}, {1})"},
    c_fault={"int": "{1} == 0"},
    kinds=arithmetic,
    domain=((0.1, 0.9), (1.1, 2.0)),
)
