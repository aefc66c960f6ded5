"""Which nodes are finite, with their derivatives, wherever the inputs are (but for overflow).

Beside those a zero times a derivative is a zero, so the gradient analysis need not tell a structural zero from it.
"""

from __future__ import annotations

import numpy as np

from paramprog.graph import PART, Graph, Node, Region
from paramprog.graph.graph import bodies
from paramprog.op import Op
from paramprog.transfer.base import BaseOp
from paramprog.transfer.gather import GATHER, SCATTER_ADD
from paramprog.transfer.linear import SPREAD
from paramprog.transfer.pair import DIV, POW
from paramprog.transfer.put import PUT
from paramprog.transfer.source import ARRAY, FULL
from paramprog.transfer.step import REAL

_MOVES = frozenset({GATHER, SCATTER_ADD, PUT})
"""Primitives that may fault, but make no infinities."""


class Finite:
    """Answers for all nodes of the graphs that it is asked about, each looked at once."""

    def __init__(self) -> None:
        self._known: dict[Graph, list[bool]] = {}
        self._total: dict[Graph | Op, bool] = {}
        self._entered: dict[Node, bool] = {}

    def __call__(self, node: Node) -> bool:
        known = self._known.setdefault(node.graph, [])
        for n in node.graph.nodes[len(known) : node.id + 1]:
            known.append(self._entered.get(n, True) and self._keeps(n) and all(known[a.id] for a in n.args))
        return known[node.id]

    def assume(self, port: Node, argument: Node) -> None:
        """A port of an arm that is not complete is as finite as what enters there."""
        self._entered[port] = self(argument)

    def enter(self, region: Node) -> None:
        """From now on the bodies of `region`, which others may share, are asked about for its arguments.

        What loops carry counts as finite: which entries of it were selected, in any turn, would be carried as well, and
        cost more than the derivative.
        """
        for port, argument in zip(
            region.attrs["ports"], region.args[1:], strict=False
        ):  # a replay has more of them
            self._entered[port] = port.graph.ports[port].kind == "carry" or self(argument)
        for body in bodies(region):
            self._known.pop(body, None)

    def _keeps(self, node: Node) -> bool:
        """Whether finite arguments give finite results and derivatives."""
        op = node.op
        if op is FULL or op is ARRAY:
            value = node.attrs["value"]
            return bool(np.all(np.isfinite(value if op is FULL else value.array)))
        if isinstance(op, Region):
            return all(map(self._all, bodies(node)))
        if isinstance(op, BaseOp):
            if op not in self._total:
                self._total[op] = not op.body.given and self._all(op.body.graph)
            return self._total[op]
        if op is DIV:
            return _number(node.args[1]) not in (None, 0)
        if op is POW:
            return _number(node.args[1]) in (0, 1, 2, 3, 4)
        return op.total or not node.args or op is PART or op in _MOVES

    def _all(self, body: Graph) -> bool:
        if body not in self._total:
            self._total[body] = all(map(self._keeps, body.nodes))
        return self._total[body]


def _number(node: Node) -> float | None:
    """The number that is in every entry, if it is known."""
    while node.op is SPREAD or node.op is REAL:
        (node,) = node.args
    value: float | None = node.attrs["value"] if node.op is FULL else None
    return value
