"""Rules of contractions, of parts of matrices, of convolutions and of systems of equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from paramprog.compile.builder import Builder
from paramprog.compile.contract import arranged
from paramprog.compile.tensor import Place, Value, View
from paramprog.graph import Node
from paramprog.op import Op
from paramprog.transfer.contract import CONTRACT, CROSS
from paramprog.transfer.convolve import CONV, CONV_INPUT, CONV_KERNEL
from paramprog.transfer.factor import CHOLESKY, HALF, SYMMETRIC
from paramprog.transfer.matrix import DIAG, TRACE, TRIANGLE
from paramprog.transfer.systems import INVERSE, LOGDET, SOLVE, SOLVE_TRIANGULAR

# ---- contractions ------------------------------------------------------------------------------------------------


def _contract(b: Builder, n: Node, x: Value, y: Value) -> Value:
    """Sums over one operand alone are made first; with nothing left to sum it is elementwise."""
    words, result = n.attrs["spec"].split("->")
    first, second = words.split(",")
    (x, first), (y, second) = _unpermuted(x, first), _unpermuted(y, second)
    x, first = _summed_alone(b, x, first, second + result)
    y, second = _summed_alone(b, y, second, first + result)
    made = "".join(c for c in result if c in first + second)
    if set(first + second) <= set(made):
        found = _outer(b, n, x, y, (first, second, made))
    else:
        found = arranged(b, x, y, (first, second, made))
    missing = tuple(k for k, c in enumerate(result) if c not in made)
    return b.spread(found, missing, tuple(n.shape[k] for k in missing)) if missing else found


def _unpermuted(x: Value, word: str) -> tuple[Value, str]:
    """A transpose costs a contraction nothing: the word is permuted instead."""
    if not isinstance(x, View) or len(x.places) != len(word):
        return x, word
    axes = [p.axis for p in x.places]
    plain = all(p.coef == 1 and p.offset == 0 for p in x.places)
    if not plain or sorted(axes) != list(range(len(word))) or x.of.shape != tuple(x.shape[a] for a in axes):
        return x, word
    return x.of, "".join(word[a] for a in axes)


def _summed_alone(b: Builder, x: Value, word: str, others: str) -> tuple[Value, str]:
    axes = tuple(k for k, c in enumerate(word) if c not in others)
    return (b.sum(x, axes), "".join(c for c in word if c in others)) if axes else (x, word)


def _outer(b: Builder, n: Node, x: Value, y: Value, words: tuple[str, str, str]) -> Value:
    sizes = dict(zip(words[0], x.shape, strict=True)) | dict(zip(words[1], y.shape, strict=True))
    shape = tuple(sizes[c] for c in words[2])

    def wide(v: Value, word: str) -> Value:
        return b.view(v, shape, tuple(Place(words[2].index(c)) for c in word))

    text = "{0} * {1}" if n.kind == "real" else "pp_mul_i64({0}, {1})"
    return b.map(n.kind, text, wide(x, words[0]), wide(y, words[1]))


def _cross(b: Builder, n: Node, x: Value, y: Value) -> Value:
    """(x1 y2 - x2 y1, ...) along the last axis."""
    shape = n.shape[:-1]
    front = tuple(Place(k) for k in range(len(shape)))

    def entry(v: Value, k: int) -> Value:
        return b.view(v, shape, (*front, Place(-1, 0, k % 3)))

    real = "{0} * {1} - {2} * {3}"
    text = real if n.kind == "real" else "pp_sub_i64(pp_mul_i64({0}, {1}), pp_mul_i64({2}, {3}))"
    parts = []
    for k in range(3):
        made = b.map(n.kind, text, entry(x, k + 1), entry(y, k + 2), entry(x, k + 2), entry(y, k + 1))
        parts.append((made, (*front, Place(-1, 0, k))))
    return b.assembled(n.kind, n.shape, parts)


# ---- parts of matrices -------------------------------------------------------------------------------------------


def _diagonal(b: Builder, x: Value) -> Value:
    rank = len(x.shape)
    front = tuple(Place(k) for k in range(rank - 2))
    return b.view(x, x.shape[:-1], (*front, Place(rank - 2), Place(rank - 2)))


def _selected(b: Builder, n: Node, x: Value, text: str) -> Value:
    """An expression of x ({2}) and the numbers of its row ({0}) and column ({1})."""
    rank = len(n.shape)
    return b.map(n.kind, text, b.iota(n.shape, rank - 2), b.iota(n.shape, rank - 1), x)


def _diag(b: Builder, n: Node, x: Value) -> Value:
    if n.attrs["of"] == 2:
        return _diagonal(b, x)
    wide = b.view(x, n.shape, tuple(Place(k) for k in range(len(x.shape))))
    return _selected(b, n, wide, "{0} == {1} ? {2} : 0")


def _trace(b: Builder, n: Node, x: Value) -> Value:
    return b.sum(_diagonal(b, x), (len(x.shape) - 2,))


def _triangle(b: Builder, n: Node, x: Value) -> Value:
    return _selected(b, n, x, f"{{0}} {'<=' if n.attrs['upper'] else '>='} {{1}} ? {{2}} : 0")


def _mirrored(b: Builder, x: Value) -> Value:
    rank = len(x.shape)
    return b.permute(x, (*range(rank - 2), rank - 1, rank - 2))


def _symmetric(b: Builder, n: Node, x: Value) -> Value:
    return b.map("real", "{0} * (T)0.5 + {1} * (T)0.5", x, _mirrored(b, x))


def _half(b: Builder, n: Node, x: Value) -> Value:
    return _selected(b, n, x, "{0} > {1} ? {2} : {0} == {1} ? {2} * (T)0.5 : 0")


# ---- convolutions ------------------------------------------------------------------------------------------------


def _convolution(name: str, names: str) -> Callable[..., Value]:
    """`names` are the arguments and the result."""

    def rule(b: Builder, n: Node, *args: Value) -> Value:
        lanes = n.attrs.get("lanes", "")
        arrays: dict[str, Value | Node] = dict(zip(names, (*args, n), strict=True))
        shape = {k: v.shape[k in lanes :] for k, v in arrays.items()}
        count = next((v.shape[0] for k, v in arrays.items() if k in lanes), 1)
        (o, h, w), (_, c, p, q) = shape["g"], shape["K"]
        own = tuple(int(k in lanes) for k in "xKg")
        sizes = (c, *n.attrs["size"], o, p, q, h, w, n.attrs["stride"], n.attrs["pad"])
        return b.routine(name, n.kind, n.shape, args, (count, *own, *sizes))

    return rule


# ---- systems of equations ----------------------------------------------------------------------------------------


def _system(name: str) -> Callable[..., Value]:
    def rule(b: Builder, n: Node, A: Value, x: Value) -> Value:
        size, columns = A.shape[-1], 1 if n.attrs["vector"] else n.shape[-1]
        numbers = [prod(A.shape[:-2]), size, columns, int(n.attrs["transposed"])]
        if "upper" in n.attrs:
            numbers.append(int(n.attrs["upper"]))
        return b.routine(name, "real", n.shape, [A, x], numbers, fault=True, scratch=size * size)

    return rule


def _factored(name: str) -> Callable[..., Value]:
    def rule(b: Builder, n: Node, A: Value) -> Value:
        size = A.shape[-1]
        numbers = (prod(A.shape[:-2]), size)
        return b.routine(name, "real", n.shape, [A], numbers, fault=True, scratch=size * size)

    return rule


RULES: Mapping[Op, Callable[..., Value]] = {
    CONTRACT: _contract,
    CROSS: _cross,
    DIAG: _diag,
    TRACE: _trace,
    TRIANGLE: _triangle,
    SYMMETRIC: _symmetric,
    HALF: _half,
    CONV: _convolution("conv", "xKg"),
    CONV_INPUT: _convolution("conv_input", "gKx"),
    CONV_KERNEL: _convolution("conv_kernel", "xgK"),
    SOLVE: _system("solve"),
    SOLVE_TRIANGULAR: _system("solve_triangular"),
    INVERSE: _factored("inverse"),
    LOGDET: _factored("logdet"),
    CHOLESKY: _factored("cholesky"),
}
