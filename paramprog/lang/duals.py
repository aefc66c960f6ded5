"""Nested tagged dual numbers: how the interpreter differentiates, which knows neither graphs nor the gradient analysis.

A dual is `primal + tangent * e`, where e is a number of its own with e * e = 0. Each derivative that is being taken has
its e, told from the others by a tag; primal and tangent may be duals of older tags. So a perturbation of an inner
derivative is never confused with that of an outer one. What operations do to tangents their records say.

Source: J. M. Siskind and B. A. Pearlmutter, Perturbation confusion and referential transparency, IFL 2005.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from paramprog.op import OPS, Op, Symbol, push


class Tag:
    """One derivative that is being taken; a later one has a greater depth, and is worked on first."""

    _numbers = count()

    def __init__(self) -> None:
        self.depth = next(Tag._numbers)

    def emit(self, op: Op, *args: Any, **attrs: Any) -> Any:
        """`op` on arguments of which some are duals of this tag, and others of older ones."""
        primals = [primal(a, self) for a in args]
        result = op(*primals, **attrs)
        total: Any = None
        for port, a in enumerate(args):
            chain = op.local(port, result, *primals, **attrs) if is_dual(a, self) else None
            if chain is None:
                continue
            term = like(push(chain, a.tangent), result)
            if op.elementwise:
                term = _with_zeros(term, a.tangent)
            total = term if total is None else OPS["add"](total, term)
        return result if total is None else Dual(self, result, total)


class Dual(Symbol):
    """`primal + tangent * e`; both have the shape of the value."""

    __slots__ = ("graph", "primal", "tangent")

    graph: Tag

    def __init__(self, tag: Tag, primal: Any, tangent: Any) -> None:
        self.graph, self.primal, self.tangent = tag, primal, tangent

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.primal)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.size(self.primal))

    @property
    def dtype(self) -> Any:
        return np.dtype(np.float64)

    def __getitem__(self, where: Any) -> Any:
        return each(lambda x: x[where], self)

    __array_ufunc__ = None
    """An array on the left leaves the operation to this class."""


def is_dual(x: Any, tag: Tag) -> bool:
    """Whether a value is a dual of this tag."""
    return isinstance(x, Dual) and x.graph is tag


def primal(x: Any, tag: Tag) -> Any:
    """The value without the perturbation of this tag."""
    return x.primal if isinstance(x, Dual) and x.graph is tag else x


def tangent(x: Any, tag: Tag) -> Any:
    """The derivative along the perturbation of this tag; zeros where the value does not depend on it."""
    return x.tangent if isinstance(x, Dual) and x.graph is tag else np.zeros(np.shape(x))[()]


def each(f: Callable[..., Any], *values: Any) -> Any:
    """A linear function of some values: of their primals, and of their tangents, tag by tag."""
    tags = [v.graph for v in values if isinstance(v, Dual)]
    if not tags:
        return f(*values)
    tag = max(tags, key=lambda t: t.depth)
    primals = each(f, *(primal(v, tag) for v in values))
    return Dual(tag, primals, each(f, *(tangent(v, tag) for v in values)))


def like(x: Any, other: Any) -> Any:
    """A scalar beside an array counts for every entry of it."""
    shape = np.shape(other)
    return x if np.shape(x) == shape else each(lambda v: np.broadcast_to(v, shape), x)


def _with_zeros(term: Any, before: Any) -> Any:
    """What does not vary contributes nothing, also where the derivative is infinite: 0 * infinity would be NaN."""
    if isinstance(before, Dual):
        return term
    still = np.broadcast_to(np.equal(before, 0), np.shape(term))
    return each(lambda v: np.where(still, 0.0, v)[()], term) if np.any(still) else term
