"""Contractions as calls of `dot` (for batches of matrices `matmul`) on views."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from paramprog.types import Shape


class Product(NamedTuple):
    """`function(left view, right view)`; the views are texts with a place for the operand. Without a function it is
    the method `dot` of the left view, which is called faster than `matmul`.
    """

    function: Any
    left: str
    right: str
    swapped: bool

    def text(self, a: str, b: str, function: str | None, out: str | None = None) -> str:
        """The call, of the function by its name; into `out`, which is contiguous, if there is one."""
        left, right = (
            self.left.format(b if self.swapped else a),
            self.right.format(a if self.swapped else b),
        )
        if function is None:
            return f"{left}.dot({right}{'' if out is None else f', {out}'})"
        return f"{function}({left}, {right}{'' if out is None else f', out={out}'})"


@lru_cache(maxsize=4096)
def product_call(spec: str, a: Shape, b: Shape) -> Product | None:
    """The call for a contraction of vectors or matrices, or of batches of them; None where it is no such product."""
    words, result = spec.split("->")
    first, second = words.split(",")
    for swapped, (one, other) in enumerate(((first, second), (second, first))):
        summed = [c for c in one if c in other and c not in result]
        batch = [c for c in result if c in one and c in other]
        rows = [c for c in result if c in one and c not in other]
        columns = [c for c in result if c in other and c not in one]
        if set(one) | set(other) != set(summed + batch + rows + columns) or len(set(result)) != len(result):
            return None
        if max(len(summed), len(batch), len(rows), len(columns)) > 1:
            return None
        if list(result) != batch + rows + columns:
            continue
        if not summed:
            if batch or not rows or not columns:
                return None
            return Product(np.multiply, "{}[:, None]", "{}", bool(swapped))
        left = _view(one, batch + rows + summed)
        right = _view(other, batch + summed + columns)
        if left is None or right is None:
            return None
        if batch and not (rows and columns):
            return None  # matmul takes a vector for one row of all batches
        return Product(np.matmul if batch else None, left, right, bool(swapped))
    return None


def _view(word: str, wanted: list[str]) -> str | None:
    """The operand with its axes in the order wanted."""
    if list(word) == wanted:
        return "{}"
    if len(word) == 2:
        return "{}.T"
    return f"{{}}.transpose({tuple(word.index(c) for c in wanted)!r})"
