"""What the derivative of a loop reads of its turns: rows of histories, and of arrays that hold these rows anyway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paramprog.graph import Graph, Node, part
from paramprog.transfer.gather import GATHER
from paramprog.transfer.loop_rows import first_row
from paramprog.transfer.regions import Brought
from paramprog.transfer.select import SLICE, Cut
from paramprog.types import Size


class History(Brought):
    """The body of a loop in a turn: a row of the history of each node. What is the same in all turns stays outside."""

    def __init__(self, region: Node, values: Mapping[Node, Any], body: Graph) -> None:
        super().__init__(region, values, body)
        self.recorded: dict[Node, Node] = {}
        """Ports of the body, and the nodes whose histories they are rows of."""
        self.steady = _steady(region)

    def __missing__(self, node: Node) -> Node:
        port = node.graph.ports.get(node)
        if port is None and not node.args:
            value = self.body.append(node.op, (), node.attrs, node.results)
        elif port is not None and port.kind == "index":
            value = self.body.port("index", None)
        elif port is not None and port.kind in ("free", "shared"):
            value = self.values_outside[self.args[node]]  # so what is computed of it is computed once
        elif node in self.steady:
            value = self._outside(node)
        else:
            rows, recorded = self._rows(node)
            assert self.body.outer is not None
            value = self.body.port("scan", self.body.outer.own(rows))
            if recorded:
                self.recorded[value] = node
        self[node] = value
        return value

    def _outside(self, node: Node) -> Node:
        """What is the same in all turns, computed once around the loop instead of recorded in each turn."""
        outer = self.body.outer
        assert outer is not None
        found: dict[Node, Node] = {}
        waiting = [node]
        while waiting:
            n = waiting[-1]
            missing = [a for a in n.args if a in self.steady and a not in found]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            if not n.args:
                found[n] = outer.append(n.op, (), n.attrs, n.results)
            elif n not in found:
                args = (found[a] if a in found else outer.own(self[a]) for a in n.args)
                found[n] = n.op(*args, **n.attrs)
        return found[node]

    def _rows(self, node: Node) -> tuple[Any, bool]:
        """An array of what a node was in all turns, and whether it is recorded; x[i] for turn i is in x already."""
        port = node.graph.ports.get(node)
        if port is not None and port.kind == "scan":
            return self.values_outside[self.args[node]], False
        array = node.args[0] if node.args else node
        if node.op is GATHER and node.attrs["axis"] == 0 and not node.args[1].shape:
            lower, outside = first_row(self.args, node.args[1]), node.graph.ports.get(array)
            trips, size = self.region.attrs["trips"], node.attrs["size"]
            known = lower is not None and not isinstance(trips, Size) and 0 <= lower <= size - trips
            if known and outside is not None and outside.kind in ("free", "shared"):
                whole = self.values_outside[self.args[array]]
                cut = Cut(0, lower or 0, trips, 1, size)
                return (whole if trips == size else SLICE(whole, cuts=(cut,))), False
        return self.values_outside[part(self.region, node)], True

    def row(self, index: Node) -> int | None:
        """`first_row` of an index in the body that is being made."""
        port = index.graph.ports.get(index)
        if port is not None and port.kind == "index":
            return 0
        return first_row(self.args, self.recorded[index]) if index in self.recorded else None


def _steady(region: Node) -> set[Node]:
    """The nodes of a body that are the same in all turns, and that can be computed even if there is no turn."""
    (body,) = region.attrs["bodies"]
    found: set[Node] = set()

    def known(a: Node) -> bool:
        port = a.graph.ports.get(a)
        return a in found if port is None else port.kind in ("free", "shared")

    for n in body.nodes:
        if n not in body.ports and (n.op.total or not n.args) and all(map(known, n.args)):
            found.add(n)
    return found
