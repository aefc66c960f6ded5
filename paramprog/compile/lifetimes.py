"""In which order a plan computes its nodes, and until when it needs what each of them has put into memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from paramprog.compile.fusions import Fusion, fusions
from paramprog.compile.shortcuts import REDUCERS, over_rows
from paramprog.graph import Node, demand
from paramprog.graph.region import Live
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.gather import GATHER, SCATTER_ADD
from paramprog.transfer.map import RELU
from paramprog.transfer.reduce import MEAN
from paramprog.transfer.step import STEP


class Lifetimes:
    """Of the nodes that `outputs` need, all of them in `live`; those that are fused into others are not in `order`.

    `last` is the position after which nothing reads the array that a node has made, neither as its value nor through
    a view; `ends` are the nodes for which that is a given one. Outputs have no end.
    """

    def __init__(self, outputs: Sequence[Node]) -> None:
        self.live: Live = demand(outputs[0].graph.nodes, outputs) if outputs else {}
        self.fused: dict[Node, Fusion] = {}
        self.fused = fusions(list(self.live), self._used(self.live), set(outputs))
        inner = frozenset[Node]().union(*(f.inner for f in self.fused.values()))
        order = [n for n in self.live if n not in inner]
        self.uses = self._used(order)
        self.order = self._scheduled(order)
        self.last = self._last(outputs)
        self.ends: dict[int, list[Node]] = {}
        for n, k in self.last.items():
            self.ends.setdefault(k, []).append(n)

    def args(self, n: Node) -> tuple[Node, ...]:
        """What the value of a node is computed from."""
        return self.fused[n].args if n in self.fused else n.args

    def _used(self, order: Iterable[Node]) -> dict[Node, list[Node]]:
        """By which of these nodes each of them is used."""
        found: dict[Node, list[Node]] = {n: [] for n in order}
        for n in found:
            for a in self.args(n):
                if a in found:
                    found[a].append(n)
        return found

    def _scheduled(self, order: Sequence[Node]) -> list[Node]:
        """The nodes in an order in which buffers are free, and what they hold is in the cache, for longer.

        What no other node uses, such as the gradient of a layer's weights, comes as soon as its arguments are there;
        a square of sech, which takes the place of its tanh, when nothing else uses this any more.
        """
        place = {n: (k, 0, k) for k, n in enumerate(order)}
        for k, n in enumerate(order):
            if self.args(n) and not self.uses[n]:
                place[n] = max(place[a][0] for a in self.args(n)), 1, k
        for n, fusion in self.fused.items():
            if fusion.kind == "square of sech":
                others = [u for a in fusion.args for u in self.uses[a] if u is not n]
                place[n] = min(place[n], (max(place[m][0] for m in (*fusion.args, *others)), 2, place[n][0]))
        return sorted(order, key=place.__getitem__)

    def _last(self, outputs: Sequence[Node]) -> dict[Node, int]:
        position = {n: k for k, n in enumerate(self.order)}
        shown: dict[Node, frozenset[Node]] = {}  # the nodes whose arrays a result may be, or be a view of
        for n in self.order:
            views = [a for a in n.args if a in self.uses] if _may_alias(n) else []
            shown[n] = frozenset({n}).union(*(shown[a] for a in views))
        last: dict[Node, int] = {}
        for n in self.order:
            end = max([position[u] for u in self.uses[n]], default=position[n])
            for base in shown[n]:
                last[base] = max(last.get(base, 0), end)
        for y in outputs:
            for base in shown[y]:
                last[base] = len(self.order)
        return last


def _may_alias(n: Node) -> bool:
    """Whether the result may be (a view of) an argument. Only what is known to be new is not."""
    new = (
        isinstance(n.op.value, np.ufunc)
        or n.op in REDUCERS
        or n.op in (MEAN, CONTRACT, GATHER, SCATTER_ADD, RELU, STEP)
        or over_rows(n)
    )
    return not new
