"""Where operations change their piece: for each kind, the number that is zero at a boundary, and what it is made of.

A boundary lies where c = sum over terms of coefficient * entry of an argument = 0: c = a - b for a comparison and for
max(a, b), c = x for relu and abs, c = x - k for floor, with the nearest whole number k, and for max(x) c = the largest
entry - the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from paramprog.dataflow.solve import solve
from paramprog.gradient import Derivative, plain_or_none
from paramprog.graph import Node, demand, execute
from paramprog.op import Op
from paramprog.transfer.base import BaseOp
from paramprog.transfer.map import ABS, LEAKY_RELU, RELU
from paramprog.transfer.max import ARGMAX, ARGMIN, CLIP, MAX, MAXIMUM, MIN, MINIMUM
from paramprog.transfer.order import ARGSORT, MEDIAN, SORT
from paramprog.transfer.pair import MOD
from paramprog.transfer.step import (
    CEIL,
    FLOOR,
    GREATER,
    GREATER_EQUAL,
    INT,
    INTDIV,
    LESS,
    LESS_EQUAL,
    ROUND,
    SIGN,
)


class Term(NamedTuple):
    """`coefficient` times the entries at `index` (flat) of the argument at `port`, one for each boundary."""

    port: int
    index: Any
    coefficient: Any


class Boundaries(NamedTuple):
    """The numbers c of one operation, flat, at its arguments, and the terms of their derivatives."""

    margins: Any
    terms: Sequence[Term]


Rule = Callable[..., Boundaries]


def _all(x: Any) -> Any:
    return np.arange(np.size(x))


def _zero(x: Any) -> Boundaries:
    return Boundaries(np.ravel(x), [Term(0, _all(x), np.ones(np.size(x)))])


def _difference(a: Any, b: Any) -> Boundaries:
    one = np.ones(np.size(a))
    return Boundaries(np.ravel(a) - np.ravel(b), [Term(0, _all(a), one), Term(1, _all(b), -one)])


def _whole(x: Any) -> Boundaries:
    x = np.ravel(x)
    return Boundaries(x - np.rint(x), [Term(0, _all(x), np.ones(x.size))])


def _half(x: Any) -> Boundaries:
    x = np.ravel(x)
    return Boundaries(x - (np.floor(x) + 0.5), [Term(0, _all(x), np.ones(x.size))])


def _toward_zero(x: Any) -> Boundaries:
    x = np.ravel(x)
    nearest = np.rint(x)
    nearest = np.where(nearest == 0, np.where(x < 0, -1.0, 1.0), nearest)
    return Boundaries(x - nearest, [Term(0, _all(x), np.ones(x.size))])


def _quotient(a: Any, b: Any) -> Boundaries:
    a, b = np.ravel(a), np.ravel(b)
    whole = np.rint(a / b)
    return Boundaries(a - whole * b, [Term(0, _all(a), np.ones(a.size)), Term(1, _all(b), -whole)])


def _clip(x: Any, lo: Any, hi: Any) -> Boundaries:
    x, lo, hi = np.ravel(x), np.ravel(lo), np.ravel(hi)
    low = np.abs(x - lo) <= np.abs(x - hi)
    terms = [
        Term(0, _all(x), np.ones(x.size)),
        Term(1, _all(x), np.where(low, -1.0, 0.0)),
        Term(2, _all(x), np.where(low, 0.0, -1.0)),
    ]
    return Boundaries(np.where(low, x - lo, x - hi), terms)


def _lanes(x: Any, axes: Sequence[int]) -> Any:
    """[lanes, entries along the axes]: the places in flat x."""
    places = np.arange(x.size).reshape(x.shape)
    return np.moveaxis(places, axes, range(-len(axes), 0)).reshape(
        -1, int(np.prod([x.shape[a] for a in axes]))
    )


def _neighbours(x: Any, axes: Sequence[int], *, keep: Callable[[int], slice]) -> Boundaries:
    """Entries that are next to each other in order, along the axes; of each lane those pairs that `keep` says."""
    places = _lanes(x, axes)
    flat = np.ravel(x)
    order = np.take_along_axis(places, np.argsort(flat[places], axis=1, kind="stable"), axis=1)
    pairs = keep(places.shape[1])
    i, j = order[:, 1:][:, pairs].ravel(), order[:, :-1][:, pairs].ravel()
    one = np.ones(i.size)
    return Boundaries(flat[i] - flat[j], [Term(0, i, one), Term(0, j, -one)])


def _largest(x: Any, *, axes: Sequence[int], **_: Any) -> Boundaries:
    return _neighbours(x, axes, keep=lambda count: slice(-1, None))


def _smallest(x: Any, *, axes: Sequence[int], **_: Any) -> Boundaries:
    return _neighbours(x, axes, keep=lambda count: slice(0, 1))


def _in_order(x: Any, *, axis: int, **_: Any) -> Boundaries:
    return _neighbours(x, (axis,), keep=lambda count: slice(None))


def _middle(x: Any, *, axes: Sequence[int], **_: Any) -> Boundaries:
    return _neighbours(x, axes, keep=lambda count: slice(max((count - 1) // 2 - 1, 0), count // 2 + 1))


RULES: Mapping[Op, Rule] = {
    **dict.fromkeys((GREATER, GREATER_EQUAL, LESS, LESS_EQUAL, MAXIMUM, MINIMUM), _difference),
    **dict.fromkeys((RELU, LEAKY_RELU, ABS, SIGN), lambda x, **_: _zero(x)),
    FLOOR: _whole,
    CEIL: _whole,
    ROUND: _half,
    INT: _toward_zero,
    MOD: _quotient,
    INTDIV: _quotient,
    CLIP: _clip,
    MAX: _largest,
    ARGMAX: _largest,
    MIN: _smallest,
    ARGMIN: _smallest,
    SORT: _in_order,
    ARGSORT: _in_order,
    MEDIAN: _middle,
}
"""Equality is no boundary: what it compares is equal nowhere but there."""


def boundaries(node: Node, values: Sequence[Any]) -> Boundaries | None:
    """Those of a node of a trace at the values of its arguments; None where it has none, or its arguments are no reals.

    A base function has those of the operations in its body.
    """
    if not any(a.kind == "real" for a in node.args):
        return None
    if isinstance(node.op, BaseOp):
        return _of_base(node.op, values)
    rule = RULES.get(node.op)
    if rule is None or any(a.kind != "real" for a in node.args):
        return None
    return rule(*[np.asarray(v, np.float64) for v in values], **node.attrs)


def _of_base(op: BaseOp, values: Sequence[Any]) -> Boundaries | None:
    body = op.body
    shape = np.broadcast_shapes(*map(np.shape, values))
    env: dict[Node, Any] = {a: np.broadcast_to(v, shape) for a, v in zip(body.arguments, values, strict=True)}
    live = demand(body.graph.nodes, [body.result])
    if not any(n.op in RULES for n in live):
        return None
    execute(live, env)
    env = {n: np.broadcast_to(v, shape) for n, v in env.items()}
    size = int(np.prod(shape))
    margins: list[Any] = []
    columns: list[list[Any]] = [[] for _ in values]
    for n in live:
        found = None if n.op not in RULES else boundaries(n, [env[a] for a in n.args])
        if found is None:
            continue
        seeds: dict[Node, Any] = {}
        for t in found.terms:
            a = n.args[t.port]
            seeds[a] = seeds.get(a, 0.0) + np.reshape(t.coefficient, shape)
        facts = solve(list(live), Derivative(body.graph, env, seeds, backward=True), backward=True)
        margins.append(found.margins)
        for column, a in zip(columns, body.arguments, strict=True):
            d = plain_or_none(facts.get(a))
            column.append(np.zeros(size) if d is None else np.ravel(np.broadcast_to(d, shape)))
    if not margins:
        return None
    index = np.tile(np.arange(size), len(margins))
    return Boundaries(
        np.concatenate(margins), [Term(p, index, np.concatenate(c)) for p, c in enumerate(columns)]
    )
