"""Rules of reductions: sums and extrema as they are, the others made of them as their values are in transfer/."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TypeGuard

from paramprog.compile.builder import Builder, literal
from paramprog.compile.tensor import How, Map, Place, Reduce, Value, View
from paramprog.graph import Node
from paramprog.op import Op
from paramprog.transfer.linear import SUM
from paramprog.transfer.max import ALL, ANY, ARGMAX, ARGMIN, MAX, MIN
from paramprog.transfer.order import MEDIAN, MIDDLE
from paramprog.transfer.pair import DIV
from paramprog.transfer.reduce import LOGSUMEXP, MEAN, NORM, PROD, STD, VAR

Axes = tuple[int, ...]

SHIFTED = "pp_exp({0} - {1})"
LOGARITHM = "pp_log({0}) + {1}"
"""What logsumexp is made of: exponentials of entries less the largest, and the logarithm of their sum."""


def _reduction(how: How) -> Callable[..., Value]:
    return lambda b, n, x: b.reduce(how, x, n.attrs["axes"])


def _back(b: Builder, y: Value, x: Value, axes: Axes) -> Value:
    """y in the shape of x again."""
    return b.spread(y, axes, tuple(x.shape[a] for a in axes))


def _mean_of(b: Builder, x: Value, axes: Axes) -> Value:
    count = literal(prod(x.shape[a] for a in axes), "real", b.real)
    return b.map("real", f"{{0}} / {count}", b.sum(x, axes))


def _var_of(b: Builder, x: Value, axes: Axes) -> Value:
    centre = _back(b, _mean_of(b, x, axes), x, axes)
    return _mean_of(b, b.map("real", "({0} - {1}) * ({0} - {1})", x, centre), axes)


def _mean(b: Builder, n: Node, x: Value) -> Value:
    return _mean_of(b, x, n.attrs["axes"])


def _var(b: Builder, n: Node, x: Value) -> Value:
    return _var_of(b, x, n.attrs["axes"])


def _largest(b: Builder, x: Value, axes: Axes) -> Value:
    """The largest magnitude, 0 of none."""
    if any(x.shape[a] == 0 for a in axes):
        kept = tuple(m for k, m in enumerate(x.shape) if k not in axes)
        return b.number(0.0, "real", kept)
    return b.reduce("max", b.map("real", "pp_fabs({0})", x), axes)


def _std(b: Builder, n: Node, x: Value) -> Value:
    """Scaled by a power of two, which rounds nothing, so squares neither overflow nor vanish."""
    axes = n.attrs["axes"]
    power = b.map("int", "pp_exponent({0})", _largest(b, x, axes))
    scaled = b.map("real", "pp_ldexp({0}, -{1})", x, _back(b, power, x, axes))
    root = b.map("real", "pp_sqrt({0})", _var_of(b, scaled, axes))
    return b.map("real", "pp_ldexp({0}, {1})", root, power)


def _norm(b: Builder, n: Node, x: Value) -> Value:
    """Scaled by the largest entry, so squares neither overflow nor vanish."""
    axes = n.attrs["axes"]
    top = _largest(b, x, axes)
    scale = b.map("real", "{0} > 0 && {0} < (T)INFINITY ? {0} : 1", top)
    ratio = b.map("real", "{0} / {1}", x, _back(b, scale, x, axes))
    total = b.sum(b.map("real", "{0} * {0}", ratio), axes)
    return b.map("real", "pp_sqrt({0}) * {1}", total, scale)


def _logsumexp(b: Builder, n: Node, x: Value) -> Value:
    axes = n.attrs["axes"]
    top = b.reduce("max", x, axes)
    shift = b.map("real", "pp_fabs({0}) < (T)INFINITY ? {0} : 0", top)
    total = b.sum(b.map("real", SHIFTED, x, _back(b, shift, x, axes)), axes)
    return b.map("real", LOGARITHM, total, shift)


def shares(b: Builder, n: Node, args: Sequence[Value]) -> Value | None:
    """e / sum(e), e = exp(x - logsumexp(x)): the derivative of logsumexp, of the exponentials and sums that are there.

    Sums are infinite only where an entry is; then all the shares are NaN, as exp(x - inf) has them.
    """
    if n.op is not DIV or len(args) != 2:
        return None
    e, divisor = args
    if not _is_map(e, "pp_exp({0})") or not _is_map(shifted := e.of[0], "{0} - {1}"):
        return None
    x, y = shifted.of
    if not isinstance(y, View) or not _is_map(y.of, LOGARITHM) or not isinstance(divisor, View):
        return None
    total, again = y.of.of[0], divisor.of
    if not isinstance(total, Reduce) or not _is_map(total.of, SHIFTED) or total.of.of[0] is not x:
        return None
    if not isinstance(again, Reduce) or (again.of, again.how, again.axes) != (e, "+", total.axes):
        return None
    places = tuple(Place(k) for k in range(len(e.shape)) if k not in total.axes)
    if y.places != places or divisor.places != places:
        return None
    finite = b.map("real", "{0} < (T)INFINITY ? {0} : (T)NAN", total)
    return b.map("real", "{0} / {1}", total.of, _back(b, finite, e, total.axes))


def _is_map(v: Value, text: str) -> TypeGuard[Map]:
    return isinstance(v, Map) and v.text == text


def _rows(b: Builder, x: Value, axes: Axes) -> Value:
    """[results, entries of each]."""
    others = [k for k in range(len(x.shape)) if k not in axes]
    moved = b.permute(x, (*others, *axes))
    count = prod(x.shape[a] for a in axes)
    return b.reshape(moved, (prod(x.shape[k] for k in others), count))


def _prod(b: Builder, n: Node, x: Value) -> Value:
    rows = _rows(b, x, n.attrs["axes"])
    return b.routine("prod", n.kind, n.shape, [rows], rows.shape)


def _median(b: Builder, n: Node, x: Value) -> Value:
    rows = _rows(b, x, n.attrs["axes"])
    outer, count = rows.shape
    ordered = b.routine("sort", "real", rows.shape, [rows], (outer, count, 1))

    def entry(k: int) -> Value:
        return b.view(ordered, (outer,), (Place(0), Place(-1, 0, k)))

    low, high, last = entry((count - 1) // 2), entry(count // 2), entry(count - 1)
    middle = "{0} == {1} ? {0} : {0} * (T)0.5 + {1} * (T)0.5"
    return b.reshape(b.map("real", f"{{2}} != {{2}} ? {{2}} : ({middle})", low, high, last), n.shape)


def _middle(b: Builder, n: Node, x: Value) -> Value:
    axes = n.attrs["axes"]
    rows = _rows(b, x, axes)
    outer, count = rows.shape
    order = b.routine("argsort", "int", rows.shape, [rows], (outer, count, 1, 0, 0), of="real")
    weights = b.routine("middle", "real", rows.shape, [rows, order], (outer, count))
    others = [k for k in range(len(x.shape)) if k not in axes]
    moved = (*others, *axes)
    back = tuple(sorted(range(len(moved)), key=lambda k: moved[k]))
    return b.permute(b.reshape(weights, tuple(x.shape[k] for k in moved)), back)


RULES: Mapping[Op, Callable[..., Value]] = {
    SUM: _reduction("+"),
    MAX: _reduction("max"),
    MIN: _reduction("min"),
    ANY: _reduction("or"),
    ALL: _reduction("and"),
    ARGMAX: _reduction("argmax"),
    ARGMIN: _reduction("argmin"),
    MEAN: _mean,
    VAR: _var,
    STD: _std,
    NORM: _norm,
    LOGSUMEXP: _logsumexp,
    PROD: _prod,
    MEDIAN: _median,
    MIDDLE: _middle,
}
