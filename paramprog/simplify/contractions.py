"""Rules for contractions: what surrounds a sum of products becomes a matter of its index words.

All of them resum. None factors a sum: a letter is summed where it stands in both words, or in the word of the only
operand that had it before, so every product of the original sum is still formed, and infinities and NaN stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paramprog.graph import Node
from paramprog.simplify.arrays import kept_axes
from paramprog.simplify.rule import Emitting, Rule, is_number
from paramprog.transfer.contract import CONTRACT, Sizes
from paramprog.transfer.linear import LETTERS, MUL, SPREAD, SUM
from paramprog.transfer.rearrange import TRANSPOSE
from paramprog.types import Shape

NAMES = "ijklmnopqrstuvwxyzabcdefgh"
"""New letters in the order in which they occur: `ij,j->i`."""


def words_of(spec: str) -> tuple[str, str, str]:
    """The words of both operands and of the result."""
    operands, result = spec.split("->")
    a, b = operands.split(",")
    return a, b, result


def contraction(
    g: Emitting, x: Node, a: str, y: Node, b: str, result: str, known: Mapping[str, int]
) -> Node | None:
    """The contraction `a,b->result`; letters that are in the result only, of `known` sizes, are spread afterwards."""
    size = dict(known) | dict(zip(a, x.shape, strict=True)) | dict(zip(b, y.shape, strict=True))
    made = [c for c in result if c in a + b]
    if len(made) < len(result):
        inner = contraction(g, x, a, y, b, "".join(made), known)
        axes = tuple(k for k, c in enumerate(result) if c not in made)
        return g(SPREAD, inner, axes=axes, sizes=tuple(size[result[k]] for k in axes))
    new = str.maketrans({c: NAMES[k] for k, c in enumerate(dict.fromkeys(a + b))})
    alone = sorted((c.translate(new), size[c]) for c in size if (c in a) + (c in b) + (c in result) == 1)
    return g(CONTRACT, x, y, spec=f"{a},{b}->{result}".translate(new), sizes=tuple(alone))


def _either(rule: Any) -> Any:
    """`rule(g, x, a, y, b, result, sizes)` tried on the first operand, then on the second."""

    def rewrite(g: Emitting, x: Node, y: Node, *, spec: str, sizes: Sizes) -> Node | None:
        a, b, result = words_of(spec)
        found: Node | None = rule(g, x, a, y, b, result, dict(sizes), contraction)
        return found or rule(g, y, b, x, a, result, dict(sizes), _swapped)

    return rewrite


def _swapped(
    g: Emitting, y: Node, b: str, x: Node, a: str, result: str, known: Mapping[str, int]
) -> Node | None:
    return contraction(g, x, a, y, b, result, known)


def _transposed(
    g: Emitting, x: Node, a: str, y: Node, b: str, result: str, sizes: Mapping[str, int], make: Any
) -> Any:
    if x.op is not TRANSPOSE:
        return None
    axes = x.attrs["axes"]
    word = "".join(a[axes.index(k)] for k in range(len(axes)))
    return make(g, x.args[0], word, y, b, result, sizes)


def _spread(
    g: Emitting, x: Node, a: str, y: Node, b: str, result: str, sizes: Mapping[str, int], make: Any
) -> Any:
    """Letters of the result need not be in the word of a spread operand; summed ones have to stay."""
    if x.op is not SPREAD:
        return None
    along = {a[axis]: n for axis, n in zip(x.attrs["axes"], x.attrs["sizes"], strict=True)}
    if not all(c in result for c in along):
        return None
    word = "".join(c for c in a if c not in along)
    return make(g, x.args[0], word, y, b, result, {**sizes, **along})


def _ones(
    g: Emitting, x: Node, a: str, y: Node, b: str, result: str, sizes: Mapping[str, int], make: Any
) -> Any:
    """1 * y = y: what is left is a sum of y, its axes in the order of the result, spread."""
    size = dict(sizes) | dict(zip(a, x.shape, strict=True)) | dict(zip(b, y.shape, strict=True))
    if not is_number(x, 1) or any(c not in b and c not in result and size[c] != 1 for c in a):
        return None
    summed = tuple(k for k, c in enumerate(b) if c not in result)
    left = [c for c in b if c in result]
    found = g(SUM, y, axes=summed, sizes=tuple(size[b[k]] for k in summed)) if summed else y
    found = g(TRANSPOSE, found, axes=tuple(left.index(c) for c in result if c in left))
    axes = tuple(k for k, c in enumerate(result) if c not in left)
    return g(SPREAD, found, axes=axes, sizes=tuple(size[result[k]] for k in axes))


def _missing(g: Emitting, x: Node, y: Node, *, spec: str, sizes: Sizes) -> Node | None:
    a, b, result = words_of(spec)
    return contraction(g, x, a, y, b, result, dict(sizes)) if set(result) - set(a + b) else None


def _transpose_product(g: Emitting, x: Node, *, axes: tuple[int, ...]) -> Node | None:
    if x.op is not CONTRACT or not g.single(x):
        return None
    a, b, result = words_of(x.attrs["spec"])
    return contraction(
        g, x.args[0], a, x.args[1], b, "".join(result[k] for k in axes), dict(x.attrs["sizes"])
    )


def _sum_product(g: Emitting, x: Node, *, axes: tuple[int, ...], sizes: Shape) -> Node | None:
    """Only letters of both words are summed too: others would be factored out."""
    if x.op is not CONTRACT or not g.single(x):
        return None
    a, b, result = words_of(x.attrs["spec"])
    if not all(result[k] in a and result[k] in b for k in axes):
        return None
    left = "".join(result[k] for k in kept_axes(len(result), axes))
    return contraction(g, x.args[0], a, x.args[1], b, left, dict(x.attrs["sizes"]))


def _sum_of_outer(g: Emitting, x: Node, *, axes: tuple[int, ...], sizes: Shape) -> Node | None:
    """A sum of products of which one factor at least is spread: the products need not be stored."""
    if x.op is not MUL or not any(y.op is SPREAD for y in x.args):
        return None
    rank = len(x.shape)
    words = []
    for y in x.args:
        away = y.attrs["axes"] if y.op is SPREAD else ()
        words.append("".join(LETTERS[k] for k in kept_axes(rank, away)))
    if not all(LETTERS[k] in words[0] and LETTERS[k] in words[1] for k in axes):
        return None
    p, q = (y.args[0] if y.op is SPREAD else y for y in x.args)
    result = "".join(LETTERS[k] for k in kept_axes(rank, axes))
    return contraction(g, p, words[0], q, words[1], result, dict(zip(LETTERS, x.shape, strict=False)))


RULES = tuple(
    Rule(equation, op, rewrite, resums=True)
    for equation, op, rewrite in (
        ("contract(ones, y) = sum of y, transposed and spread", CONTRACT, _either(_ones)),
        (
            "contract(transpose(x), y) = contract(x, y), the word of x permuted",
            CONTRACT,
            _either(_transposed),
        ),
        (
            "contract(spread(x), y) = contract(x, y), without a letter of the result",
            CONTRACT,
            _either(_spread),
        ),
        ("contract(x, y) = spread(contract(x, y)) for a letter of the result alone", CONTRACT, _missing),
        ("transpose(contract(x, y)) = contract(x, y), the result permuted", TRANSPOSE, _transpose_product),
        ("sum(contract(x, y)) = contract(x, y), fewer letters in the result", SUM, _sum_product),
        ("sum(spread(x) * y) = contract(x, y)", SUM, _sum_of_outer),
    )
)
