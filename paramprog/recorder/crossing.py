"""How values enter and leave one side of a branch per lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from paramprog.graph import Node
from paramprog.transfer.linear import SPREAD
from paramprog.transfer.rearrange import RESHAPE
from paramprog.transfer.select import COMPRESS, EXPAND
from paramprog.transfer.step import NOT

if TYPE_CHECKING:
    from paramprog.recorder.recorder import Recorder


class Crossing:
    """How values enter and leave one side of a branch per lane: as they are, or through the lanes where it holds.

    `plain` bodies are elementwise throughout: they run on whole arrays where all lanes take one side.
    """

    def __init__(self, run: Recorder, condition: Node, which: int, *, both: bool, plain: bool) -> None:
        self.run, self.both = run, both
        value = run.values[condition]
        self.shape = tuple(np.shape(value))
        self.plain = plain
        self.chosen = condition
        if both and which:
            self.chosen = run.emit(NOT, condition)
        self.count = int(np.count_nonzero(run.values[self.chosen])) if both else int(np.size(value))
        self.attrs = {"lanes": self.shape, "count": self.count}

    def enter(self, n: Node) -> Node:
        rank = len(self.shape)
        if n.shape[:rank] != self.shape:
            n = self.run.emit(SPREAD, n, axes=tuple(range(rank)), sizes=self.shape)
        if self.both:
            return self.run.emit(COMPRESS, n, self.chosen, **self.attrs)
        if self.plain or rank == 1:
            return n
        return self.run.emit(RESHAPE, n, of=n.shape, to=(self.count, *n.shape[rank:]))

    def leave(self, n: Node, wide: bool) -> Node:
        rank = len(self.shape)
        if not self.both and self.plain:
            if n.shape[:rank] == self.shape:
                return n
            return self.run.emit(SPREAD, n, axes=tuple(range(rank)), sizes=self.shape)
        lanes = n if wide and n.shape[:1] == (self.count,) else self._spread(n)
        if self.both:
            return self.run.emit(EXPAND, lanes, self.chosen, **self.attrs)
        return (
            lanes
            if rank == 1
            else self.run.emit(RESHAPE, lanes, of=lanes.shape, to=(*self.shape, *lanes.shape[1:]))
        )

    def _spread(self, n: Node) -> Node:
        return self.run.emit(SPREAD, n, axes=(0,), sizes=(self.count,))
