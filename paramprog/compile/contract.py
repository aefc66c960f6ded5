"""Contractions: small ones are loops, large ones matrix products (gemm.py).

The letters of a contraction are of four kinds: in all words (batch), in the first operand and the result (rows), in the
second and the result (columns), in both operands (summed). A large one becomes, for each entry of the batch, one
product of matrices; an operand whose letters are not in such an order is copied into it first.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from paramprog.compile.builder import Builder
from paramprog.compile.tensor import Contract, Value
from paramprog.types import Dim, Size, is_open

SMALL = 2048
"""Products of entries below which a contraction stays in the loops around it; a call is faster from some 500 on."""

UNKNOWN = 64
"""What a size known at run time only counts as, and a number of samples."""


class Letters(NamedTuple):
    """The letters by kind; those of the batch and of rows and columns in the order of the result."""

    batch: str
    rows: str
    columns: str
    summed: str

    @classmethod
    def of(cls, words: tuple[str, str, str]) -> Letters:
        a, b, out = words
        return cls(
            "".join(c for c in out if c in a and c in b),
            "".join(c for c in out if c not in b),
            "".join(c for c in out if c not in a),
            "".join(c for c in a if c in b and c not in out),
        )


class Gemm(NamedTuple):
    """out[m, n] = sum over k of a[m, k] b[k, n], `batch` times; stored transposed where `ta`, `tb`, `swapped`."""

    batch: int
    m: Dim
    n: Dim
    k: Dim
    ta: bool
    tb: bool
    swapped: bool


def _extent(sizes: dict[str, Dim], letters: str) -> int:
    return prod(UNKNOWN if is_open(sizes[c]) else sizes[c] for c in letters)


def _one(sizes: dict[str, Dim], letters: str) -> Dim:
    """The product of the sizes; a size known at run time only must be alone."""
    known = [sizes[c] for c in letters]
    return known[0] if len(known) == 1 else prod(known)


def is_large(words: tuple[str, str, str], sizes: dict[str, Dim], kind: str) -> bool:
    """Whether a matrix product pays: several rows and columns, and enough work for a call."""
    letters = Letters.of(words)
    if kind != "real" or not (letters.rows and letters.columns and letters.summed):
        return False
    unknown = [c for c in sizes if isinstance(sizes[c], Size)]
    if any(c in letters.batch or len(group) > 1 for c in unknown for group in letters if c in group):
        return False
    rows, columns, summed = (
        _extent(sizes, group) for group in (letters.rows, letters.columns, letters.summed)
    )
    return min(rows, columns) > 1 and rows * columns * summed >= SMALL and 0 not in sizes.values()


def gemm(c: Contract) -> Gemm | None:
    """The product that the contraction is, if it is large and its letters are in order."""
    sizes = c.sizes
    if not is_large(c.words, sizes, c.kind):
        return None
    letters = Letters.of(c.words)
    a, b, out = c.words
    forms_a = [letters.batch + letters.rows + letters.summed, letters.batch + letters.summed + letters.rows]
    forms_b = [
        letters.batch + letters.summed + letters.columns,
        letters.batch + letters.columns + letters.summed,
    ]
    forms_out = [
        letters.batch + letters.rows + letters.columns,
        letters.batch + letters.columns + letters.rows,
    ]
    if a not in forms_a or b not in forms_b or out not in forms_out:
        return None
    m, n, k = (_one(sizes, group) for group in (letters.rows, letters.columns, letters.summed))
    return Gemm(
        prod(sizes[x] for x in letters.batch), m, n, k, a != forms_a[0], b != forms_b[0], out != forms_out[0]
    )


def arranged(b: Builder, x: Value, y: Value, words: tuple[str, str, str]) -> Value:
    """The contraction, with operands and result in an order that a product takes if it is large."""
    sizes = dict(zip(words[0], x.shape, strict=True)) | dict(zip(words[1], y.shape, strict=True))
    plain = b.contract(x, y, words)
    if not isinstance(plain, Contract) or not is_large(words, sizes, plain.kind) or gemm(plain) is not None:
        return plain
    letters = Letters.of(words)
    first = letters.batch + letters.rows + letters.summed
    second = letters.batch + letters.summed + letters.columns
    result = letters.batch + letters.rows + letters.columns
    made = b.contract(
        _ordered(b, x, words[0], first), _ordered(b, y, words[1], second), (first, second, result)
    )
    return _ordered(b, made, result, words[2])


def _ordered(b: Builder, x: Value, word: str, wanted: str) -> Value:
    return x if word == wanted else b.permute(x, [word.index(c) for c in wanted])


def loop_order(c: Contract) -> str:
    """The letters from the outermost loop to the innermost, which runs along rows of the larger operand."""
    a, b, out = c.words
    last = (a if len(a) >= len(b) else b)[-1:]
    return "".join(x for x in dict.fromkeys(out + a + b) if x not in last) + last
