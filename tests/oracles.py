"""What derivatives are measured against: differences, dense matrices, and sampled arguments of primitives.

Nothing here uses the gradient analysis. `differences` is Ridders' method: central differences at shrinking
steps, extrapolated, keeping the entry of the table that its neighbours confirm best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from itertools import product
from math import prod
from typing import Any

import numpy as np

import paramprog.transfer  # fills OPS
from paramprog.graph import PART, Region
from paramprog.op import NO_ATTRS, OPS, Attrs, Chain, Op, pull, push
from paramprog.transfer.source import LEAF
from paramprog.transfer.tape import TAPES
from paramprog.types import Kind, Shape, ShapeError, Type

assert paramprog.transfer

STEP = 4e-3
"""The first step of the differences; sampled points keep further than this from one another and from 0."""

GAP = 0.01
LEVELS = 5


def differences(f: Callable[[Any], Any], x: Any) -> Any:
    """The dense Jacobian of `f` at the float64 array `x`, of shape [*shape(f(x)), *shape(x)]."""
    x = np.asarray(x, np.float64)
    columns = []
    with np.errstate(all="ignore"):
        for at in np.ndindex(x.shape):

            def slope(h: float, at: tuple[int, ...] = at) -> Any:
                up, down = x.copy(), x.copy()
                up[at] += h
                down[at] -= h
                return (np.asarray(f(up), np.float64) - f(down)) / (up[at] - down[at])

            columns.append(_extrapolated(slope))
        shape = np.shape(f(x))
    flat = np.array([np.ravel(c) for c in columns]).T if columns else np.zeros((prod(shape), 0))
    return flat.reshape((*shape, *x.shape))


def _extrapolated(slope: Callable[[float], Any]) -> Any:
    """The limit of `slope(h)` for h -> 0, in which only even powers of h occur.

    Source: C. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering Software, 1982.
    """
    rows = [[slope(STEP / 2**k)] for k in range(LEVELS)]
    best, error = rows[0][0], np.full(np.shape(rows[0][0]), np.inf)
    for k in range(1, LEVELS):
        for j in range(1, k + 1):
            factor = 4.0**j
            finer, coarser = rows[k][j - 1], rows[k - 1][j - 1]
            rows[k].append((factor * finer - coarser) / (factor - 1.0))
            guess = np.maximum(np.abs(rows[k][j] - finer), np.abs(rows[k][j] - coarser))
            best, error = np.where(guess < error, rows[k][j], best), np.minimum(guess, error)
    return best


def basis(shape: Shape, dtype: Any = np.float64) -> Iterator[Any]:
    """The unit arrays of a shape."""
    for at in np.ndindex(shape):
        e = np.zeros(shape, dtype)
        e[at] = 1
        yield e


def dense(chain: Chain | None, argument: Shape, result: Shape) -> Any:
    """J by forward mode: a push for each entry of the argument. Shape [*result, *argument]."""
    if chain is None:
        return np.zeros((*result, *argument))
    columns = [np.ravel(push(chain, e)) for e in basis(argument)]
    flat = np.array(columns).reshape(len(columns), prod(result)).T
    return flat.reshape((*result, *argument))


def dense_by_pulls(chain: Chain | None, argument: Shape, result: Shape) -> Any:
    """J by reverse mode: a pull for each entry of the result. Shape [*result, *argument]."""
    if chain is None:
        return np.zeros((*result, *argument))
    rows = [np.ravel(pull(chain, e)) for e in basis(result)]
    return np.array(rows).reshape((*result, *argument))


def apply(jacobian: Any, t: Any) -> Any:
    """J t for a dense Jacobian."""
    return np.tensordot(jacobian, t, np.ndim(t))


def apply_transposed(jacobian: Any, g: Any) -> Any:
    """J^T g for a dense Jacobian."""
    return np.tensordot(g, jacobian, np.ndim(g))


# ---- arguments of primitives -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A primitive with attributes and argument types that fit it."""

    op: Op
    types: tuple[Type, ...]
    attrs: Attrs
    integers: tuple[tuple[int, ...], ...] = ()

    def __str__(self) -> str:
        return f"{self.op.name}({', '.join(map(str, self.types))})"

    @property
    def result(self) -> Type:
        return self.op.result(*self.types, **self.attrs)

    @property
    def real_ports(self) -> list[int]:
        return [p for p, t in enumerate(self.types) if t.kind == "real"]

    def value(self, *xs: Any) -> Any:
        return self.op.value(*xs, **self.attrs)

    def of(self, port: int, xs: Sequence[Any]) -> Callable[[Any], Any]:
        """The value as a function of the argument at `port`."""
        return lambda x: self.value(*xs[:port], x, *xs[port + 1 :])

    def sample(self, seed: int = 0, dtype: Any = np.float64) -> list[Any]:
        """Arguments in the domain, no two entries so near that a difference could step over a tie."""
        rng = np.random.default_rng(seed)
        for _ in range(10_000):
            xs = self._draw(rng)
            entries = np.sort(np.concatenate([[0.0], *(np.ravel(xs[p]) for p in self.real_ports)]))
            if np.all(np.diff(entries) >= GAP):
                return [x.astype(dtype) if x.dtype.kind == "f" else x for x in xs]
        raise AssertionError(f"no sample of {self}: the domain {self.op.domain} is too small")

    def _draw(self, rng: Any) -> list[Any]:
        given = iter(self.integers)
        xs = []
        for port, t in enumerate(self.types):
            if t.kind == "real":
                low, high = self.op.domain[min(port, len(self.op.domain) - 1)]
                x = rng.uniform(low, high, t.shape)
                if self.op.dominant and t.shape[-1:] * 2 == t.shape[-2:]:
                    x += self.op.dominant * np.eye(t.shape[-1])
            else:
                default = rng.integers(0, 2, t.shape)
                x = np.reshape(next(given, default), t.shape)
            xs.append(np.asarray(x, {"real": np.float64, "int": np.int64, "bool": np.bool_}[t.kind]))
        return xs


def arity(op: Op) -> int:
    """How many arguments an elementwise primitive takes."""
    if op.surfaces:
        return len(op.surfaces[0].values)
    if isinstance(op.value, np.ufunc):
        return op.value.nin
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional for p in signature(op.value).parameters.values())


def accepted_kinds(op: Op, count: int) -> list[tuple[Kind, ...]]:
    """The kinds of arguments that a primitive takes as they are, reals first."""
    found: list[tuple[Kind, ...]] = []
    combinations: Iterator[tuple[Kind, ...]] = product(("real", "int", "bool"), repeat=count)
    for kinds in combinations:
        try:
            if op.kinds(*kinds)[0] == kinds:
                found.append(kinds)
        except ShapeError:
            continue
    return found


SHAPES: tuple[Shape, ...] = ((), (3,), (2, 3))


def computes(op: Op) -> bool:
    """Whether a primitive is a function of arrays: not a source, nor a region or a part of one, nor one of tapes."""
    return not isinstance(op, Region) and op is not PART and type(op) is not type(LEAF) and op not in TAPES


def cases(op: Op) -> list[Case]:
    """The samples of a primitive; for an elementwise one, its samples' attributes at several shapes."""
    if not computes(op):
        return []
    if not op.elementwise:
        return [_case(op, s.shapes, s.attrs, s.integers) for s in op.samples]
    attributes = [s.attrs for s in op.samples] or [NO_ATTRS]
    return [_case(op, (shape,) * arity(op), attrs, ()) for attrs in attributes for shape in SHAPES]


def _case(op: Op, shapes: Sequence[Shape], attrs: Attrs, integers: tuple[tuple[int, ...], ...]) -> Case:
    kinds = accepted_kinds(op, len(shapes))[0]
    return Case(op, tuple(map(Type, kinds, shapes)), attrs, integers)


CASES = [case for op in OPS.values() for case in cases(op)]
