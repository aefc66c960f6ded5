"""Contractions: sums over products of two arrays; every matrix, inner and outer product is one.

`ij,j->i` is W x. A contraction is linear in each operand, and its transpose permutes the words: the adjoint of
`ij,j->i` in its matrix is `i,j->ij`, an outer product, and in its vector `ij,i->j`. A letter of the result may be
missing from both words. The size of a letter that stands in one of the three words only is an attribute, `sizes`:
some transpose, of some order, has it in the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import ascii_letters
from typing import Any, NamedTuple

import numpy as np

from paramprog.op import Lanes, Linear, Op, Sample, Sets, Surface, arithmetic, trailing_axes
from paramprog.transfer.dependence import by_words, either
from paramprog.transfer.linear import linear
from paramprog.types import Shape, ShapeError, Signature, Type, dims_text

Sizes = tuple[tuple[str, int], ...]


class Plan(NamedTuple):
    """How one spec is computed: both operands as [batch, rows, summed] and [batch, summed, columns], one matmul."""

    own_sums: tuple[tuple[int, ...], tuple[int, ...]]
    left: tuple[int, ...]
    right: tuple[int, ...]
    counts: tuple[int, int, int, int]
    out: tuple[int, ...]
    missing: tuple[int, ...]


@lru_cache(maxsize=4096)
def _plan(spec: str) -> Plan:
    words, result = spec.split("->")
    a, b = words.split(",")
    summed = [c for c in a if c in b and c not in result]
    batch = [c for c in result if c in a and c in b]
    rows = [c for c in result if c in a and c not in b]
    columns = [c for c in result if c in b and c not in a]
    alone = tuple(
        tuple(i for i, c in enumerate(w) if c not in other and c not in result)
        for w, other in ((a, b), (b, a))
    )
    keep_a = [c for c in a if c in b or c in result]
    keep_b = [c for c in b if c in a or c in result]
    made = batch + rows + columns
    return Plan(
        (alone[0], alone[1]),
        tuple(keep_a.index(c) for c in batch + rows + summed),
        tuple(keep_b.index(c) for c in batch + summed + columns),
        (len(batch), len(rows), len(summed), len(columns)),
        tuple(made.index(c) for c in result if c in made),
        tuple(i for i, c in enumerate(result) if c not in made),
    )


def _contract(a: Any, b: Any, *, spec: str, sizes: Sizes) -> Any:
    if spec == "ij,j->i" or spec == "i,i->" or spec == "ij,jk->ik":
        return np.matmul(a, b)
    if spec == "ij,i->j":
        return np.matmul(b, a)
    if spec == "i,j->ij":
        return np.multiply.outer(a, b)
    plan = _plan(spec)
    if plan.own_sums[0]:
        a = np.sum(a, plan.own_sums[0])
    if plan.own_sums[1]:
        b = np.sum(b, plan.own_sums[1])
    a, b = np.transpose(a, plan.left), np.transpose(b, plan.right)
    batch, rows, summed, _ = plan.counts
    shape = a.shape[: batch + rows] + b.shape[batch + summed :]
    inner = a.shape[batch + rows :]
    left = a.reshape(*a.shape[:batch], int(np.prod(a.shape[batch : batch + rows])), int(np.prod(inner)))
    right = b.reshape(*b.shape[:batch], int(np.prod(inner)), int(np.prod(b.shape[batch + summed :])))
    out = np.matmul(left, right).reshape(shape).transpose(plan.out)
    if plan.missing:
        by_letter, result = dict(sizes), spec.split("->")[1]
        out = np.expand_dims(out, plan.missing)
        shape = tuple(by_letter[c] if i in plan.missing else out.shape[i] for i, c in enumerate(result))
        out = np.broadcast_to(out, shape)
    return out


def _words(a: Shape, b: Shape, *, spec: str, sizes: Sizes) -> Signature:
    return Signature.of(spec, dict(sizes))


def _swap_roles(lin: Linear) -> Linear:
    """The word of the hole and the word of the result change places; a letter alone stays alone."""
    words, result = lin.attrs["spec"].split("->")
    parts = words.split(",")
    hole, parts[lin.hole] = parts[lin.hole], result
    attrs = {"spec": f"{','.join(parts)}->{hole}", "sizes": lin.attrs["sizes"]}
    return Linear(CONTRACT, lin.hole, lin.frozen, attrs)


def _batch(lanes: Lanes, flags: Sequence[bool], a: Any, b: Any, *, spec: str, sizes: Sizes) -> Any:
    """One more letter where there are lanes: what all lanes share stays one array, and W x becomes a matrix product."""
    words, result = spec.split("->")
    lane = next(c for c in ascii_letters if c not in spec)
    parts = [lane + w if f else w for w, f in zip(words.split(","), flags, strict=True)]
    return CONTRACT(a, b, spec=f"{','.join(parts)}->{lane}{result}", sizes=sizes)


def _checked(spec: str, a: Shape, b: Shape) -> Mapping[str, Any]:
    """The attributes of a contraction written by a user."""
    words, arrow, result = spec.partition("->")
    parts = words.split(",")
    if not arrow or len(parts) != 2 or not (words.replace(",", "") + result).isalpha():
        raise ShapeError(f'the specification "{spec}" is not of the form "ij,j->i"')
    if any(len(set(w)) != len(w) for w in (*parts, result)):
        raise ShapeError(f'a letter stands twice in one word of "{spec}"')
    if not set(result) <= set(parts[0] + parts[1]):
        raise ShapeError(f'a letter of the result stands in no word of "{spec}"')
    for word, shape in zip(parts, (a, b), strict=True):
        if len(word) != len(shape):
            raise ShapeError(
                f"`{word}` has {len(word)} letters, the array {dims_text(shape)} has {len(shape)} axes"
            )
    return {"spec": spec, "sizes": _alone(spec, a, b)}


def _alone(spec: str, a: Shape, b: Shape) -> Sizes:
    """The sizes of the letters that stand in one word only and not in the result."""
    words, result = spec.split("->")
    first, second = words.split(",")
    known = dict(zip(first, a, strict=True)) | dict(zip(second, b, strict=True))
    return tuple((c, known[c]) for c in sorted((set(first) ^ set(second)) - set(result)))


def product_spec(a: Shape, b: Shape) -> str:
    """The specification of a @ b.

    Raises ShapeError when the operands are not vectors or matrices of fitting sizes.
    """
    specs = {(1, 1): "i,i->", (2, 1): "ij,j->i", (1, 2): "i,ij->j", (2, 2): "ij,jk->ik"}
    if (len(a), len(b)) not in specs:
        raise ShapeError(f"`@` takes vectors and matrices, not {dims_text(a)} and {dims_text(b)}")
    if a[-1] != b[0]:
        raise ShapeError(
            f"`@` sums over sizes {a[-1]} and {b[0]}, which differ: {dims_text(a)} @ {dims_text(b)}"
        )
    return specs[len(a), len(b)]


def _product(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"spec": product_spec(types[0].shape, types[1].shape), "sizes": ()}


def _dot(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(types[0].shape) != 1 or len(types[1].shape) != 1:
        raise ShapeError("takes two vectors")
    return _product(types, options)


def _outer(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(types[0].shape) != 1 or len(types[1].shape) != 1:
        raise ShapeError("takes two vectors")
    return {"spec": "i,j->ij", "sizes": ()}


CONTRACT: Op = linear(
    "contract",
    "the sum over products of entries, by index words",
    _contract,
    _swap_roles,
    signature=_words,
    depends=by_words,
    batch=_batch,
    kinds=arithmetic,
    surfaces=(
        Surface(
            "contract",
            'sum over products of entries, as in contract("ij,j->i", W, x)',
            ("a", "b"),
            attrs=lambda types, options: _checked(options["spec"], types[0].shape, types[1].shape),
            leading="spec",
        ),
        Surface("dot", "the inner product of two vectors", ("a", "b"), attrs=_dot),
        Surface("outer", "the outer product of two vectors", ("a", "b"), attrs=_outer),
        Surface("@", "the matrix product", ("a", "b"), attrs=_product),
    ),
    samples=tuple(
        Sample((a, b), {"spec": spec, "sizes": _alone(spec, a, b)})
        for spec, a, b in (
            ("ij,j->i", (2, 3), (3,)),
            ("i,ij->j", (2,), (2, 3)),
            ("ij,jk->ik", (2, 3), (3, 2)),
            ("i,i->", (3,), (3,)),
            ("i,j->ji", (2,), (3,)),
            ("bij,bj->bi", (2, 2, 3), (2, 3)),
            ("ij,kj->k", (2, 3), (2, 3)),
            (",ij->ji", (), (2, 3)),
        )
    ),
    total=True,
)


# ---- the cross product -------------------------------------------------------------------------------------------


def _cross_rule(a: Shape, b: Shape) -> Shape:
    if a[-1:] != (3,) or a != b:
        raise ShapeError(f"takes two vectors of 3 entries, not {dims_text(a)} and {dims_text(b)}")
    return a


def _cross_attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    for t in types:
        if t.shape != (3,):
            raise ShapeError(f"takes two vectors of 3 entries, not {dims_text(t.shape)}")
    return {}


def _cross_depends(lin: Linear, labels: Any, sets: Sets) -> Any:
    """Each entry has the other two."""
    return either(np.roll(labels, 1, -1), np.roll(labels, 2, -1), sets)


CROSS: Op = linear(
    "cross",
    "the cross product along the last axis, of 3 entries",
    np.cross,
    # <u, a x b> = <b, u x a> = <a, b x u>
    lambda lin: Linear(CROSS, 1 - lin.hole, lin.frozen),
    shape_rule=_cross_rule,
    depends=_cross_depends,
    lift=trailing_axes,
    kinds=arithmetic,
    surfaces=(
        Surface("cross", "the cross product of two vectors of 3 entries", ("a", "b"), attrs=_cross_attrs),
    ),
    samples=(Sample(((3,), (3,))), Sample(((2, 3), (2, 3)))),
    total=True,
)
