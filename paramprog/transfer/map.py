"""Elementwise primitives of one argument: the Jacobian is diag(f'(x)).

Each is one call of `smooth`: its value and its derivative in terms of the result y and the argument x. Derivatives are
written to be right far out and at the hard points of DESIGN section 6, so none of them subtracts nearly equal numbers.
`guard` makes the derivative NaN where the value is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi, sqrt
from typing import Any

import numpy as np

from paramprog.op import (
    NO_ATTRS,
    OPS,
    Chain,
    KindRule,
    Op,
    Sample,
    Surface,
    arithmetic,
    new_linear,
    register,
    to_real,
)
from paramprog.transfer.linear import MUL
from paramprog.transfer.spelling import at_least
from paramprog.transfer.step import SIGN, STEP
from paramprog.types import Type

Partial = Callable[..., Any]


def diagonal(partial: Any) -> Chain:
    """The Jacobian diag(partial)."""
    return (new_linear((MUL, 1, (partial,), NO_ATTRS)),)


def smooth(
    name: str,
    doc: str,
    value: Callable[..., Any],
    *partials: Partial,
    arguments: tuple[str, ...] = ("x",),
    domain: tuple[tuple[float, float], ...] = ((-2.0, 2.0),),
    kinds: KindRule = to_real,
    spelled: bool = True,
    **fields: Any,
) -> Op:
    """Register an elementwise primitive; `partials` holds df/dx_p(y, *arguments, **attrs) for each port p."""

    def jacobian(port: int, y: Any, *xs: Any, **attrs: Any) -> Chain:
        return diagonal(partials[port](y, *xs, **attrs))

    fields.setdefault("surfaces", (Surface(name, doc, arguments),) if spelled else ())
    return register(
        Op(name, doc, value, elementwise=True, kinds=kinds, jacobian=jacobian, domain=domain, **fields)
    )


def special(function: str) -> Callable[..., Any]:
    """A function of scipy.special, imported when it is first called: half of the programs never need it."""

    def call(*args: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, function)(*args)

    return call


def _guard(v: Any, y: Any) -> Any:
    y = np.asarray(y)
    return np.where(np.isnan(y), y, v).astype(y.dtype, copy=False)


GUARD: Op = register(
    Op(
        "guard",
        "v, but NaN where y is NaN",
        _guard,
        elementwise=True,
        jacobian=lambda port, out, v, y: diagonal(GUARD(1.0, y)) if port == 0 else None,
        surfaces=(Surface("guard", "v, but NaN where y is NaN", ("v", "y")),),
        c="{1} != {1} ? {1} : {0}",
    )
)


def _sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)) without overflow, and exp(x) far out, where that is subnormal too."""
    e = np.exp(-np.abs(x))
    return (np.where(np.less(x, 0), e, np.ones((), e.dtype)) / (1 + e))[()]


def _softplus(x: Any) -> Any:
    return np.logaddexp(x, np.zeros((), np.asarray(x).dtype))


def _logsigmoid(x: Any) -> Any:
    return -np.logaddexp(-x, np.zeros((), np.asarray(x).dtype))


def _slope_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"slope": float(options["slope"])}


POSITIVE = ((0.1, 3.0),)
UNIT = ((-0.9, 0.9),)

EXP: Op = smooth("exp", "e to the power x", np.exp, lambda y, x: y, c="pp_exp({0})")
RECIP: Op = smooth("recip", "1 / x", np.reciprocal, lambda y, x: -(y * y), domain=POSITIVE, c="1 / {0}")
LOG: Op = smooth(
    "log", "the natural logarithm", np.log, lambda y, x: GUARD(RECIP(x), y), domain=POSITIVE, c="pp_log({0})"
)
LOG1P: Op = smooth(
    "log1p",
    "log(1 + x), exact near 0",
    np.log1p,
    lambda y, x: GUARD(RECIP(1.0 + x), y),
    domain=((-0.9, 2.0),),
    c="pp_log1p({0})",
)
EXPM1: Op = smooth("expm1", "exp(x) - 1, exact near 0", np.expm1, lambda y, x: EXP(x), c="pp_expm1({0})")
SIN: Op = smooth("sin", "sine, of radians", np.sin, lambda y, x: COS(x), total=True, c="pp_sin({0})")
COS: Op = smooth("cos", "cosine, of radians", np.cos, lambda y, x: -SIN(x), total=True, c="pp_cos({0})")
TAN: Op = smooth(
    "tan", "tangent, of radians", np.tan, lambda y, x: 1.0 + y * y, domain=((-1.2, 1.2),), c="pp_tan({0})"
)
ASIN: Op = smooth(
    "asin",
    "arc sine",
    np.arcsin,
    lambda y, x: RECIP(SQRT((1.0 - x) * (1.0 + x))),
    domain=UNIT,
    c="pp_asin({0})",
)
ACOS: Op = smooth(
    "acos",
    "arc cosine",
    np.arccos,
    lambda y, x: -RECIP(SQRT((1.0 - x) * (1.0 + x))),
    domain=UNIT,
    c="pp_acos({0})",
)
ATAN: Op = smooth(
    "atan", "arc tangent", np.arctan, lambda y, x: RECIP(1.0 + x * x), total=True, c="pp_atan({0})"
)
SINH: Op = smooth("sinh", "hyperbolic sine", np.sinh, lambda y, x: COSH(x), c="pp_sinh({0})")
COSH: Op = smooth("cosh", "hyperbolic cosine", np.cosh, lambda y, x: SINH(x), c="pp_cosh({0})")
TANH: Op = smooth(
    "tanh", "hyperbolic tangent", np.tanh, lambda y, x: SQUARE(SECH(x)), total=True, c="pp_tanh({0})"
)
SECH: Op = smooth(
    "sech",
    "1 / cosh(x)",
    lambda x: np.reciprocal(np.cosh(x)),
    lambda y, x: -(y * TANH(x)),
    total=True,
    c="pp_sech({0})",
)
ASINH: Op = smooth(
    "asinh",
    "inverse hyperbolic sine",
    np.arcsinh,
    lambda y, x: RECIP(OPS["hypot"](x, 1.0)),
    c="pp_asinh({0})",
)
ACOSH: Op = smooth(
    "acosh",
    "inverse hyperbolic cosine",
    np.arccosh,
    lambda y, x: RECIP(SQRT(x - 1.0) * SQRT(x + 1.0)),
    domain=((1.1, 3.0),),
    c="pp_acosh({0})",
)
ATANH: Op = smooth(
    "atanh",
    "inverse hyperbolic tangent",
    np.arctanh,
    lambda y, x: GUARD(RECIP((1.0 - x) * (1.0 + x)), y),
    domain=UNIT,
    c="pp_atanh({0})",
)
SIGMOID: Op = smooth(
    "sigmoid", "1 / (1 + exp(-x))", _sigmoid, lambda y, x: y * SIGMOID(-x), total=True, c="pp_sigmoid({0})"
)
LOGSIGMOID: Op = smooth(
    "logsigmoid", "log(sigmoid(x))", _logsigmoid, lambda y, x: SIGMOID(-x), total=True, c="pp_logsigmoid({0})"
)
SOFTPLUS: Op = smooth(
    "softplus", "log(1 + exp(x))", _softplus, lambda y, x: SIGMOID(x), total=True, c="pp_softplus({0})"
)
RELU: Op = smooth(
    "relu",
    "max(x, 0), with derivative 0 at 0",
    lambda x: np.maximum(x, 0),
    lambda y, x: STEP(x),
    total=True,
    c="{0} > 0 || {0} != {0} ? {0} : 0",
)
LEAKY_RELU: Op = smooth(
    "leaky_relu",
    "x where positive, else slope * x",
    lambda x, *, slope: np.where(x > 0, x, x * np.asarray(slope, np.asarray(x).dtype)),
    lambda y, x, *, slope: slope + (1.0 - slope) * STEP(x),
    surfaces=(
        Surface(
            "leaky_relu", "x where positive, else slope * x", options={"slope": 0.01}, attrs=_slope_attrs
        ),
    ),
    samples=(Sample(((3,),), {"slope": 0.1}),),
    total=True,
    c="{0} > 0 ? {0} : {0} * {slope}",
)
SQRT: Op = smooth(
    "sqrt", "square root", np.sqrt, lambda y, x: 0.5 * RECIP(y), domain=POSITIVE, c="pp_sqrt({0})"
)
CBRT: Op = smooth(
    "cbrt", "cube root", np.cbrt, lambda y, x: RECIP(3.0 * SQUARE(y)), domain=POSITIVE, c="pp_cbrt({0})"
)
ABS: Op = smooth(
    "abs",
    "absolute value",
    np.abs,
    lambda y, x: SIGN(x),
    kinds=arithmetic,
    total=True,
    c={"real": "pp_fabs({0})", "int": "pp_abs_i64({0})"},
)
SQUARE: Op = smooth(
    "square",
    "x * x",
    np.square,
    lambda y, x: 2.0 * x,
    kinds=arithmetic,
    total=True,
    c={"real": "{0} * {0}", "int": "pp_mul_i64({0}, {0})"},
)
ERF: Op = smooth(
    "erf",
    "error function",
    special("erf"),
    lambda y, x: (2.0 / sqrt(pi)) * EXP(-SQUARE(x)),
    total=True,
    c="pp_erf({0})",
)
LGAMMA: Op = smooth(
    "lgamma",
    "log of the gamma function",
    special("gammaln"),
    lambda y, x: GUARD(DIGAMMA(x), y),
    domain=POSITIVE,
    c="pp_lgamma({0})",
)
DIGAMMA: Op = smooth(
    "digamma",
    "derivative of lgamma",
    special("digamma"),
    lambda y, x: GUARD(POLYGAMMA(x, k=1), y),
    domain=POSITIVE,
    c="pp_digamma({0})",
)


def _polygamma(x: Any, *, k: int) -> Any:
    import scipy.special

    return scipy.special.polygamma(k, x).astype(np.asarray(x).dtype, copy=False)


def _order(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    at_least(0, k=options["k"])
    return {"k": options["k"]}


POLYGAMMA: Op = smooth(
    "polygamma",
    "the k-th derivative of digamma",
    _polygamma,
    lambda y, x, *, k: POLYGAMMA(x, k=k + 1),
    domain=POSITIVE,
    c="pp_polygamma({k}, {0})",
    surfaces=(
        Surface(
            "polygamma",
            "the k-th derivative of digamma",
            leading="k",
            attrs=_order,
        ),
    ),
    samples=(Sample(((3,),), {"k": 1}), Sample(((3,),), {"k": 2})),
)
