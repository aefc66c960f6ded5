"""Which entries of its argument each entry of a linear map's result depends on, whatever numbers the map multiplies by.

What entries depend on is written as one label an entry, which stands for a set (`Sets`). A map that copies entries
moves labels as it moves numbers; one that adds entries unites their sets. So a rule speaks of arrays of labels, never
of a matrix. Lanes are the simplest labels: true for a set that is not empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from paramprog.op import Depends, Linear, Sets
from paramprog.transfer.stack import Tape, together
from paramprog.types import Shape, Signature


class Bools:
    """Labels that are true or false."""

    def grouped(self, labels: Any, groups: Any, count: int) -> Any:
        return np.bincount(groups[labels], minlength=count) > 0


LANES = Bools()


def dependence(lin: Linear, labels: Any, sets: Sets) -> Any:
    """The labels of the result, of its shape. Of a map of which nothing is known, each is the union of all."""
    if lin.op.depends is not None:
        return lin.op.depends(lin, labels, sets)
    if lin.op.elementwise:
        return labels
    shapes = _shapes(lin, labels)
    return np.broadcast_to(union(labels, tuple(range(labels.ndim)), sets), lin.op.shape(*shapes, **lin.attrs))


def _shapes(lin: Linear, labels: Any) -> list[Shape]:
    shapes = [tuple(x.shape) if hasattr(x, "shape") else () for x in lin.frozen]
    shapes.insert(lin.hole, tuple(labels.shape))
    return shapes


def by_words(lin: Linear, labels: Any, sets: Sets) -> Any:
    """The rule of maps whose index signature says which entries are added, as that of a contraction does."""
    shapes = _shapes(lin, labels)
    assert lin.op.signature is not None
    return by_signature(lin.op.signature(*shapes, **lin.attrs), shapes, lin.hole, labels, sets)


def by_signature(signature: Signature, shapes: Sequence[Shape], hole: int, labels: Any, sets: Sets) -> Any:
    """Letters that the result does not have are summed over; letters that only others have are new axes."""
    word, result = signature.arguments[hole], signature.result
    found = union(labels, tuple(k for k, c in enumerate(word) if c not in result), sets)
    left = [c for c in word if c in result]
    found = np.transpose(found, sorted(range(len(left)), key=lambda k: result.index(left[k])))
    found = np.expand_dims(found, tuple(k for k, c in enumerate(result) if c not in left))
    sizes = dict(signature.sizes)
    for letters, shape in zip(signature.arguments, shapes, strict=True):
        sizes.update(zip(letters, shape, strict=True))
    return np.broadcast_to(found, tuple(sizes[c] for c in result))


# ---- the parts that rules are made of ----------------------------------------------------------------------------


def moves(lin: Linear, labels: Any, sets: Sets) -> Any:
    """The rule of maps that copy entries, and put zeros where none comes: labels move like numbers."""
    return lin(labels)


def union(labels: Any, axes: tuple[int, ...], sets: Sets) -> Any:
    """The unions along `axes`."""
    if not axes:
        return labels
    kept = tuple(k for k in range(labels.ndim) if k not in axes)
    shape = tuple(labels.shape[k] for k in kept)
    count = prod(shape)
    rows = np.transpose(labels, (*kept, *axes))
    groups = np.repeat(np.arange(count), rows.size // max(count, 1))
    return sets.grouped(rows.ravel(), groups, count).reshape(shape)


def either(a: Any, b: Any, sets: Sets) -> Any:
    """The unions of two arrays of labels, or two tapes of them, entry by entry."""
    if a is b:
        return a
    if isinstance(a, Tape):
        return together(lambda x, y: either(x, y, sets), (a, b), absorbing=True)
    places = np.arange(a.size)
    both = np.concatenate((np.ravel(a), np.ravel(b)))
    return sets.grouped(both, np.concatenate((places, places)), a.size).reshape(a.shape)


def all_along(axis: int) -> Depends:
    """The rule of maps that mix all entries along an axis, numbered from the end: each result has the union."""

    def rule(lin: Linear, labels: Any, sets: Sets) -> Any:
        at = labels.ndim + axis
        return np.broadcast_to(np.expand_dims(union(labels, (at,), sets), at), labels.shape)

    return rule


def running(labels: Any, axis: int, sets: Sets, *, reverse: bool = False) -> Any:
    """The unions of the labels so far along an axis, from the last one if `reverse`."""
    found = np.array(labels)
    steps = np.moveaxis(found, axis, 0)
    steps = steps[::-1] if reverse else steps
    for k in range(1, len(steps)):
        steps[k] = either(steps[k - 1], steps[k], sets)
    return found
