"""The rules of simplification, each with an operation to which it applies and what this becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from strategies.hard_graphs import HARD

from paramprog.graph import Graph, Node
from paramprog.op import OPS
from paramprog.transfer.select import Cut
from paramprog.types import Type

PAIRS = np.array(list(product([*HARD, 3.0, -7.25, 1e308, 5e-324], repeat=2)))
INTS = [0, 1, -1, 5, -(2**63), 2**63 - 1]
N = len(PAIRS)


class At:
    """Leaves of every kind, and the operations by name: `at.add(at.x, 1.0)`."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.graph = Graph()
        self.values: dict[Node, Any] = {}
        self.x = self.leaf("x", PAIRS[:, 0])
        self.y = self.leaf("y", PAIRS[:, 1])
        self.n = self.leaf("n", np.resize(INTS, N))
        self.c = self.leaf("c", np.arange(N) % 3 == 0)
        self.d = self.leaf("d", np.arange(N) % 2 == 0)
        self.s = self.leaf("s", np.float64(-0.0))
        self.v = self.leaf("v", rng.integers(-9, 9, 3) / 2)
        self.A = self.leaf("A", rng.integers(-9, 9, (2, 3)) / 2)
        self.B = self.leaf("B", rng.integers(-9, 9, (2, 3)) / 2)
        self.T = self.leaf("T", PAIRS[:24].reshape(2, 3, 8))

    def leaf(self, name: str, value: Any) -> Node:
        kind: Any = {"f": "real", "i": "int", "b": "bool"}[value.dtype.kind]
        leaf = self.graph.leaf(Type(kind, value.shape), name)
        self.values[leaf] = value
        return leaf

    def __getattr__(self, name: str) -> Callable[..., Node]:
        op = OPS[name.rstrip("_")]

        def emit(*args: Any, **attrs: Any) -> Node:
            return self.graph.emit(op, *args, **attrs)

        return emit

    def const(self, value: Any, like: Node) -> Node:
        return self.graph.constant(value, like.kind, like.shape)

    def over(self, x: Node, *axes: int) -> Node:
        return self.sum(x, axes=axes, sizes=tuple(x.shape[a] for a in axes))

    def along(self, x: Node, *axes: int, sizes: tuple[int, ...]) -> Node:
        return self.spread(x, axes=axes, sizes=sizes)

    def einsum(self, spec: str, x: Node, y: Node, **sizes: int) -> Node:
        return self.contract(x, y, spec=spec, sizes=tuple(sizes.items()))


Build = Callable[[At], Node]


@dataclass(frozen=True)
class Case:
    """`left` becomes `right` by the rule of this equation."""

    equation: str
    left: Build
    right: Build


def cut(axis: int, start: int, length: int | None, size: int, step: int = 1) -> Cut:
    return Cut(axis, start, length, step, size)


CASES = [
    Case("copy(x) = x", lambda a: a.sin(a.copy(a.x)), lambda a: a.sin(a.x)),
    Case("real(x) = x for a real x", lambda a: a.real(a.x), lambda a: a.x),
    Case("int(n) = n for an int n", lambda a: a.int_(a.n), lambda a: a.n),
    Case("-(-x) = x", lambda a: a.neg(a.neg(a.x)), lambda a: a.x),
    Case("-(-x) = x", lambda a: a.neg(a.neg(a.n)), lambda a: a.n),
    *(
        Case(
            "-(c * x) = (-c) * x, -(x / c) = x / (-c), -(c / x) = (-c) / x for a number c",
            lambda a, f=f: a.neg(f(a, 3.0)),
            lambda a, f=f: f(a, -3.0),
        )
        for f in (
            lambda a, c: a.mul(c, a.x),
            lambda a, c: a.mul(a.x, c),
            lambda a, c: a.mul(int(c), a.n),
            lambda a, c: a.div(a.x, c),
            lambda a, c: a.div(c, a.x),
        )
    ),
    Case("x + (-y) = x - y", lambda a: a.add(a.x, a.neg(a.y)), lambda a: a.sub(a.x, a.y)),
    Case("x + (-y) = x - y", lambda a: a.add(a.neg(a.x), a.y), lambda a: a.sub(a.y, a.x)),
    Case("x - (-y) = x + y", lambda a: a.sub(a.x, a.neg(a.y)), lambda a: a.add(a.x, a.y)),
    Case("-1 * x = -x", lambda a: a.mul(-1.0, a.x), lambda a: a.neg(a.x)),
    Case("-1 * x = -x", lambda a: a.mul(a.n, -1), lambda a: a.neg(a.n)),
    Case("(-x) * y = -(x * y)", lambda a: a.mul(a.neg(a.x), a.y), lambda a: a.neg(a.mul(a.x, a.y))),
    Case("(-x) * y = -(x * y)", lambda a: a.mul(a.x, a.neg(a.y)), lambda a: a.neg(a.mul(a.x, a.y))),
    Case("x / -1 = -x", lambda a: a.div(a.x, -1.0), lambda a: a.neg(a.x)),
    Case(
        "(-x) / y = x / (-y) = -(x / y)", lambda a: a.div(a.neg(a.x), a.y), lambda a: a.neg(a.div(a.x, a.y))
    ),
    Case(
        "(-x) / y = x / (-y) = -(x / y)", lambda a: a.div(a.x, a.neg(a.y)), lambda a: a.neg(a.div(a.x, a.y))
    ),
    Case("abs(-x) = abs(x)", lambda a: a.abs(a.neg(a.x)), lambda a: a.abs(a.x)),
    Case("square(-x) = square(x)", lambda a: a.square(a.neg(a.x)), lambda a: a.square(a.x)),
    Case("1 * x = x", lambda a: a.mul(1.0, a.x), lambda a: a.x),
    Case("1 * x = x", lambda a: a.mul(a.n, 1), lambda a: a.n),
    *(
        Case("x + -0.0 = x, x + 0.0 = x where x is never -0.0, n + 0 = n", left, right)
        for left, right in (
            (lambda a: a.add(a.x, -0.0), lambda a: a.x),
            (lambda a: a.add(0, a.n), lambda a: a.n),
            (lambda a: a.add(0.0, a.exp(a.x)), lambda a: a.exp(a.x)),
            (lambda a: a.add(a.square(a.x), 0.0), lambda a: a.square(a.x)),
        )
    ),
    Case("x - 0.0 = x", lambda a: a.sub(a.x, 0.0), lambda a: a.x),
    Case("x - 0.0 = x", lambda a: a.sub(a.n, 0), lambda a: a.n),
    Case("x / 1 = x", lambda a: a.div(a.x, 1.0), lambda a: a.x),
    Case("n ** 1 = n for an int n", lambda a: a.pow(a.n, 1), lambda a: a.n),
    Case("x ** 0 = 1, also for NaN", lambda a: a.pow(a.x, 0.0), lambda a: a.const(1, a.x)),
    Case("div0(x, c) = x / c for c != 0", lambda a: a.div0(a.x, 3.0), lambda a: a.div(a.x, 3.0)),
    Case("div0(x, 0) = 0", lambda a: a.div0(a.x, -0.0), lambda a: a.const(0, a.x)),
    Case("xdivy(c, y) = c / y for c != 0", lambda a: a.xdivy(2.0, a.y), lambda a: a.div(2.0, a.y)),
    Case("guard(x, x) = x", lambda a: a.guard(a.x, a.x), lambda a: a.x),
    Case("guard(x, c) = x for a number c", lambda a: a.guard(a.x, np.inf), lambda a: a.x),
    Case(
        "guard(guard(x, y), y) = guard(x, y)",
        lambda a: a.guard(a.guard(a.x, a.y), a.y),
        lambda a: a.guard(a.x, a.y),
    ),
    Case("mask(true, x) = x", lambda a: a.mask(a.const(True, a.c), a.x), lambda a: a.x),
    Case("mask(false, x) = 0", lambda a: a.mask(a.const(False, a.c), a.x), lambda a: a.const(0, a.x)),
    Case("mask(c, 0) = 0", lambda a: a.mask(a.c, a.const(0, a.x)), lambda a: a.const(0, a.x)),
    Case(
        "mask(c, mask(c, x)) = mask(c, x)",
        lambda a: a.mask(a.c, a.mask(a.c, a.x)),
        lambda a: a.mask(a.c, a.x),
    ),
    Case("not not c = c", lambda a: a.not_(a.not_(a.c)), lambda a: a.c),
    Case("not (x == y) = (x != y)", lambda a: a.not_(a.equal(a.x, a.y)), lambda a: a.not_equal(a.x, a.y)),
    Case("c and c = c", lambda a: a.and_(a.c, a.c), lambda a: a.c),
    Case("c or c = c", lambda a: a.or_(a.c, a.c), lambda a: a.c),
    Case("c and true = c", lambda a: a.and_(a.const(True, a.c), a.c), lambda a: a.c),
    Case("c or false = c", lambda a: a.or_(a.c, a.const(False, a.c)), lambda a: a.c),
    Case("c and false = false", lambda a: a.and_(a.c, a.const(False, a.c)), lambda a: a.const(False, a.c)),
    Case("c or true = true", lambda a: a.or_(a.const(True, a.c), a.c), lambda a: a.const(True, a.c)),
    Case("(real(c) > 0) = c for a bool c", lambda a: a.greater(a.real(a.c), 0.0), lambda a: a.c),
    # ---- arrays
    Case("spread over no axes of x = x", lambda a: a.along(a.x, sizes=()), lambda a: a.x),
    Case(
        "spread(spread(x)) = one spread",
        lambda a: a.along(a.along(a.A, 1, sizes=(4,)), 0, 2, sizes=(5, 6)),
        lambda a: a.along(a.A, 0, 2, 3, sizes=(5, 6, 4)),
    ),
    Case("sum over no axes of x = x", lambda a: a.over(a.x), lambda a: a.x),
    Case("sum(sum(x)) = one sum", lambda a: a.over(a.over(a.A, 0), 0), lambda a: a.over(a.A, 0, 1)),
    Case(
        "sum(spread(x)) = n * x", lambda a: a.over(a.along(a.v, 0, sizes=(4,)), 0), lambda a: a.mul(4.0, a.v)
    ),
    Case(
        "sum(spread(x)) = n * x",
        lambda a: a.over(a.along(a.A, 0, 2, sizes=(4, 5)), 0, 3),
        lambda a: a.along(a.mul(4.0, a.over(a.A, 1)), 1, sizes=(5,)),
    ),
    Case("transpose(x) = x for axes in order", lambda a: a.transpose(a.A, axes=(0, 1)), lambda a: a.A),
    Case(
        "transpose(transpose(x)) = one transpose",
        lambda a: a.transpose(a.transpose(a.T, axes=(1, 2, 0)), axes=(0, 2, 1)),
        lambda a: a.transpose(a.T, axes=(1, 0, 2)),
    ),
    Case(
        "transpose(spread(x)) = spread(transpose(x))",
        lambda a: a.transpose(a.along(a.A, 1, sizes=(4,)), axes=(2, 0, 1)),
        lambda a: a.along(a.transpose(a.A, axes=(1, 0)), 2, sizes=(4,)),
    ),
    Case("reshape(x) = x for the same shape", lambda a: a.reshape(a.A, of=(2, 3), to=(2, 3)), lambda a: a.A),
    Case(
        "reshape(reshape(x)) = one reshape",
        lambda a: a.reshape(a.reshape(a.A, of=(2, 3), to=(6,)), of=(6,), to=(3, 2)),
        lambda a: a.reshape(a.A, of=(2, 3), to=(3, 2)),
    ),
    Case(
        "reshape(spread(x)) = spread(x) for a scalar x",
        lambda a: a.reshape(a.along(a.s, 0, 1, sizes=(2, 3)), of=(2, 3), to=(6,)),
        lambda a: a.along(a.s, 0, sizes=(6,)),
    ),
    Case("concat(x) = x", lambda a: a.concat(a.x, axis=0), lambda a: a.x),
    Case("x[:] = x", lambda a: a.slice(a.A, cuts=(cut(0, 0, 2, 2),)), lambda a: a.A),
    Case("embed(x) = x for the whole", lambda a: a.embed(a.A, cuts=(cut(1, 0, 3, 3),)), lambda a: a.A),
    Case(
        "slice(slice(x)) = one slice",
        lambda a: a.slice(
            a.slice(a.T, cuts=(cut(0, 1, None, 2), cut(2, 6, 3, 8, -2))),
            cuts=(cut(0, 1, 2, 3), cut(1, 2, None, 3)),
        ),
        lambda a: a.slice(a.T, cuts=(cut(0, 1, None, 2), cut(1, 1, 2, 3), cut(2, 2, None, 8, -2))),
    ),
    Case(
        "embed(embed(x)) = one embed",
        lambda a: a.embed(
            a.embed(a.v, cuts=(cut(0, 1, 3, 5),)), cuts=(cut(0, 2, None, 3), cut(1, 0, 5, 10, 2))
        ),
        lambda a: a.embed(a.v, cuts=(cut(0, 2, None, 3), cut(1, 2, 3, 10, 2))),
    ),
    Case(
        "slice(embed(x)) = x, or zeros beside it",
        lambda a: a.slice(a.embed(a.x, cuts=(cut(0, 1, N, N + 2),)), cuts=(cut(0, 1, N, N + 2),)),
        lambda a: a.x,
    ),
    Case(
        "slice(embed(x)) = x, or zeros beside it",
        lambda a: a.slice(a.embed(a.x, cuts=(cut(0, 1, N, N + 2),)), cuts=(cut(0, 0, None, N + 2),)),
        lambda a: a.const(0, a.s),
    ),
    Case(
        "slice(spread(x)) = spread(slice(x))",
        lambda a: a.slice(a.along(a.A, 1, sizes=(8,)), cuts=(cut(0, 1, None, 2), cut(1, 0, 4, 8, 2))),
        lambda a: a.along(a.slice(a.A, cuts=(cut(0, 1, None, 2),)), 0, sizes=(4,)),
    ),
    Case(
        "slice(concat(x, y)) = slice of one of them",
        lambda a: a.slice(a.concat(a.x, a.y, axis=0), cuts=(cut(0, N + 5, 3, 2 * N, -2),)),
        lambda a: a.slice(a.y, cuts=(cut(0, 5, 3, N, -2),)),
    ),
    Case(
        "slice(concat(x, y)) = slice of one of them",
        lambda a: a.slice(a.stack(a.x, a.y, axis=0), cuts=(cut(0, 1, None, 2),)),
        lambda a: a.y,
    ),
    Case(
        "slice(concat(x, y)) = slice of one of them",
        lambda a: a.slice(a.stack(a.A, a.B, axis=1), cuts=(cut(1, 0, None, 2), cut(2, 1, 2, 3))),
        lambda a: a.slice(a.A, cuts=(cut(1, 1, 2, 3),)),
    ),
    Case(
        "slice(replace(x, v)) = v, or a slice of x beside it",
        lambda a: a.slice(a.replace(a.T, a.A, cuts=(cut(2, 3, None, 8),)), cuts=(cut(2, 3, None, 8),)),
        lambda a: a.A,
    ),
    Case(
        "slice(replace(x, v)) = v, or a slice of x beside it",
        lambda a: a.slice(a.replace(a.T, a.A, cuts=(cut(2, 3, None, 8),)), cuts=(cut(2, 0, 4, 8, 2),)),
        lambda a: a.slice(a.T, cuts=(cut(2, 0, 4, 8, 2),)),
    ),
    Case(
        "replace(replace(x, v), w) = replace(x, w) for the same entries",
        lambda a: a.replace(a.replace(a.T, a.A, cuts=(cut(2, 3, None, 8),)), a.B, cuts=(cut(2, 3, None, 8),)),
        lambda a: a.replace(a.T, a.B, cuts=(cut(2, 3, None, 8),)),
    ),
    Case(
        "gather(x, c) = x[c] for a number c in range",
        lambda a: a.gather(a.A, a.graph.constant(2), axis=1, size=3),
        lambda a: a.slice(a.A, cuts=(cut(1, 2, None, 3),)),
    ),
    Case(
        "gather(x, [a, a + s, ...]) = x[a::s]",
        lambda a: a.gather(a.T, a.graph.array(np.array([1, 3, 5])), axis=2, size=8),
        lambda a: a.slice(a.T, cuts=(cut(2, 1, 3, 8, 2),)),
    ),
    Case(
        "scatter_add([a, a + s, ...], v) = embed(v)",
        lambda a: a.scatter_add(a.graph.array(np.array([1, 2, 3])), a.A, axis=1, size=4),
        lambda a: a.embed(a.A, cuts=(cut(1, 1, 3, 4),)),
    ),
    # ---- contractions
    Case(
        "contract(ones, y) = sum of y, transposed and spread",
        lambda a: a.einsum("ij,j->i", a.A, a.const(1.0, a.v)),
        lambda a: a.over(a.A, 1),
    ),
    Case(
        "contract(ones, y) = sum of y, transposed and spread",
        lambda a: a.einsum("ki,jil->ljk", a.const(1.0, a.A), a.T),
        lambda a: a.along(a.transpose(a.over(a.T, 1), axes=(1, 0)), 2, sizes=(2,)),
    ),
    Case(
        "contract(transpose(x), y) = contract(x, y), the word of x permuted",
        lambda a: a.einsum("ij,i->j", a.transpose(a.A, axes=(1, 0)), a.v),
        lambda a: a.einsum("ij,j->i", a.A, a.v),
    ),
    Case(
        "contract(transpose(x), y) = contract(x, y), the word of x permuted",
        lambda a: a.einsum("ij,jk->ik", a.A, a.transpose(a.B, axes=(1, 0))),
        lambda a: a.einsum("ij,kj->ik", a.A, a.B),
    ),
    Case(
        "contract(spread(x), y) = contract(x, y), without a letter of the result",
        lambda a: a.einsum("ij,ij->i", a.along(a.v, 0, sizes=(2,)), a.A),
        lambda a: a.einsum("i,ji->j", a.v, a.A),
    ),
    Case(
        "contract(spread(x), y) = contract(x, y), without a letter of the result",
        lambda a: a.einsum("kj,j->k", a.along(a.v, 0, sizes=(4,)), a.v),
        lambda a: a.along(a.einsum("i,i->", a.v, a.v), 0, sizes=(4,)),
    ),
    Case(
        "contract(x, y) = spread(contract(x, y)) for a letter of the result alone",
        lambda a: a.einsum("i,i->k", a.v, a.v, k=5),
        lambda a: a.along(a.einsum("i,i->", a.v, a.v), 0, sizes=(5,)),
    ),
    Case(
        "transpose(contract(x, y)) = contract(x, y), the result permuted",
        lambda a: a.transpose(a.einsum("ij,kj->ik", a.A, a.B), axes=(1, 0)),
        lambda a: a.einsum("ij,kj->ki", a.A, a.B),
    ),
    Case(
        "sum(contract(x, y)) = contract(x, y), fewer letters in the result",
        lambda a: a.over(a.einsum("bi,bj->bij", a.A, a.B), 0),
        lambda a: a.einsum("ij,ik->jk", a.A, a.B),
    ),
    Case(
        "sum(spread(x) * y) = contract(x, y)",
        lambda a: a.over(a.mul(a.along(a.v, 0, sizes=(2,)), a.A), 1),
        lambda a: a.einsum("i,ji->j", a.v, a.A),
    ),
    Case(
        "sum(spread(x) * y) = contract(x, y)",
        lambda a: a.over(
            a.mul(a.along(a.A, 2, sizes=(2,)), a.along(a.transpose(a.B, axes=(1, 0)), 0, sizes=(2,))), 1
        ),
        lambda a: a.einsum("ij,kj->ik", a.A, a.B),
    ),
]
