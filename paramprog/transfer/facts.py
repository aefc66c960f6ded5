"""Facts of the gradient analysis: structural zeros, masked values and values; their meet and their transfer.

Between no cotangent (`None`) and a value lies `Masked`: a value whose lanes outside `lanes` are structural zeros. It is
born where a branch gives a cotangent on one side only, and keeps 0 * infinity from turning a zero into NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from paramprog.graph import Node
from paramprog.op import Chain, Linear
from paramprog.transfer.linear import MASK, SPREAD
from paramprog.transfer.pair import ADD
from paramprog.transfer.select import EXPAND
from paramprog.transfer.step import GREATER, OR, REAL


class Masked(NamedTuple):
    """A fact whose entries outside `lanes` (a bool of the same shape) are structural zeros, and are 0 in `value`."""

    value: Any
    lanes: Any


Fact = Any
"""None (a structural zero), a Masked, or a value: an array or a node. That of a region maps keys to facts."""


def plain(fact: Fact) -> Any:
    """The value of a fact that is not None."""
    return fact.value if isinstance(fact, Masked) else fact


def plus(a: Fact, b: Fact) -> Fact:
    """The meet of two facts: their sum."""
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, Mapping):
        return {k: plus(a.get(k), b.get(k)) for k in {**a, **b}}
    if isinstance(a, Masked) and isinstance(b, Masked):
        return Masked(ADD(a.value, b.value), OR(a.lanes, b.lanes))
    return ADD(plain(a), plain(b))


def on(fact: Fact, f: Callable[[Any], Any]) -> Fact:
    """`f` on the value of a fact, and on its lanes."""
    if fact is None:
        return None
    return Masked(f(fact.value), f(fact.lanes)) if isinstance(fact, Masked) else f(fact)


def push_fact(chain: Chain, fact: Fact) -> Fact:
    """J fact."""
    return _through(chain, fact)


def pull_fact(chain: Chain, fact: Fact) -> Fact:
    """J^T fact."""
    return _through([lin.T for lin in reversed(chain)], fact)


def _through(maps: Iterable[Linear], fact: Fact) -> Fact:
    """The fact after some linear maps; entries that are structural zeros stay so: 0 * inf is no zero."""
    g, lanes = (fact.value, fact.lanes) if isinstance(fact, Masked) else (fact, None)
    for lin in maps:
        g = lin(g)
        if lin.op is MASK or lin.op is EXPAND:
            lanes = along(lin.frozen[0], g) if lanes is None else lin(lanes)
        elif lanes is None:
            continue
        elif lin.op.elementwise:
            g = MASK(lanes, g)
        elif any(_is_real(x) for x in lin.frozen):
            lanes = None  # every entry of the result may be a sum with selected ones
        else:
            lanes = GREATER(lin(REAL(lanes)), 0.0)
    return g if lanes is None else Masked(g, lanes)


def _is_real(x: Any) -> bool:
    return x.kind == "real" if isinstance(x, Node) else np.asarray(x).dtype.kind == "f"


def along(c: Any, like: Any) -> Any:
    """The condition `c`, repeated over the trailing axes of `like`."""
    rank, extra = len(c.shape), tuple(like.shape[len(c.shape) :])
    return c if not extra else SPREAD(c, axes=tuple(range(rank, rank + len(extra))), sizes=extra)
