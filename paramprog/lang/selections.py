"""When two points are the same constant selection of a point: equal minors of a matrix are one call.

A chain of slices, transpositions, concatenations and the like moves entries and computes nothing. Run on the numbers
0, 1, 2, ... in place of the entries of its root, it tells which entry went where; equal answers are equal selections.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from paramprog.graph import Node
from paramprog.graph.region import ValueFault
from paramprog.transfer.source import ARRAY, FULL
from paramprog.types import elements

MOVES = {"slice", "transpose", "reshape", "concat", "stack", "copy", "gather"}
MAX_ENTRIES = 65_536
"""A larger root is not looked through."""

Selection = tuple[Node | None, "np.ndarray[tuple[int, ...], np.dtype[np.int64]]"]


class Selections:
    """Keys for points, equal for equal constant selections of one point."""

    def __init__(self) -> None:
        self._known: dict[Node, Selection] = {}

    def key(self, node: Node) -> Hashable:
        """The node itself, the root if all of it is selected in its order, or (root, shape, which entries)."""
        if node.op.name not in MOVES:
            return node
        pending = [node]
        while pending:
            n = pending[-1]
            missing = (
                [a for a in n.args if a not in self._known] if n not in self._known and _moves(n) else []
            )
            if missing:
                pending += missing
                continue
            self._known.setdefault(n, self._selection(n))
            pending.pop()
        root, entries = self._known[node]
        if root is not None and entries.shape == root.shape and np.array_equal(entries, _itself(root)[1]):
            return root
        return root if entries.size else None, entries.shape, entries.tobytes()

    def _selection(self, n: Node) -> Selection:
        if not _moves(n):
            return _itself(n)
        sources = [self._known[a] for a in (n.args[:1] if n.op.name == "gather" else n.args)]
        roots = {root for root, entries in sources if entries.size}
        if len(roots) > 1:
            return _itself(n)
        arrays = [entries for _, entries in sources]
        if n.op.name == "gather" and (numbers := _numbers(n.args[1])) is not None:
            arrays.append(numbers)
        try:
            return next(iter(roots), None), np.asarray(n.op.value(*arrays, **n.attrs))
        except ValueFault:  # an index out of range, which is told when the value is needed
            return _itself(n)


def _moves(n: Node) -> bool:
    if n.op.name == "gather" and _numbers(n.args[1]) is None:
        return False
    return n.op.name in MOVES and all(elements(a.shape) <= MAX_ENTRIES for a in n.args)


def _numbers(n: Node) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]] | None:
    """The ints of a constant: a number, a const, or a list of numbers; else None."""
    if n.op is FULL:
        return np.full(n.shape, n.attrs["value"], np.int64)
    if n.op is ARRAY:
        return np.asarray(n.attrs["value"].array, np.int64)
    if n.op.name == "stack" and all(a.op is FULL for a in n.args):
        return np.array([_numbers(a) for a in n.args], np.int64)
    return None


def _itself(n: Node) -> Selection:
    return n, np.arange(elements(n.shape)).reshape(n.shape)
