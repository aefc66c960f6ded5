"""When two points are the same constant selection of a point: equal minors of a matrix are one call.

A chain of slices, transpositions, concatenations and the like moves entries and computes nothing. Run on the numbers
0, 1, 2, ... in place of the entries of its root, it tells which entry went where; equal answers are equal selections.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from paramprog.graph import Node
from paramprog.transfer.source import FULL
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
        """The node itself, or (root, shape, which entries)."""
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
        return node if root is node else (root, entries.shape, entries.tobytes())

    def _selection(self, n: Node) -> Selection:
        if not _moves(n):
            return _itself(n)
        sources = [self._known[a] for a in (n.args[:1] if n.op.name == "gather" else n.args)]
        roots = {root for root, entries in sources if entries.size}
        if len(roots) > 1:
            return _itself(n)
        arrays = [entries for _, entries in sources]
        if n.op.name == "gather":
            arrays.append(np.full(n.args[1].shape, n.args[1].attrs["value"], np.int64))
        return next(iter(roots), None), np.asarray(n.op.value(*arrays, **n.attrs))


def _moves(n: Node) -> bool:
    if n.op.name == "gather" and n.args[1].op is not FULL:
        return False
    return n.op.name in MOVES and all(elements(a.shape) <= MAX_ENTRIES for a in n.args)


def _itself(n: Node) -> Selection:
    return n, np.arange(elements(n.shape)).reshape(n.shape)
