"""Rows of arrays that the turns of a loop take one by one: in turn t row t + c, and no other turn the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from paramprog.graph import Node, demand
from paramprog.transfer.pair import ADD
from paramprog.transfer.put import PUT
from paramprog.transfer.select import Cut
from paramprog.transfer.source import FULL
from paramprog.types import Size


def first_row(args: Mapping[Node, Node], index: Node) -> int | None:
    """The number that an index begins with if it counts the turns: 0 for the turn's number, c for that plus c.

    `args` are what the ports of the body get.
    """
    lower = 0
    while True:
        port = index.graph.ports.get(index)
        if port is not None and port.kind == "index":
            return lower
        if index.op is not ADD:
            return None
        a, b = index.args
        number, index = (a, b) if _number(args, a) is not None else (b, a)
        added = _number(args, number)
        if added is None:
            return None
        lower += added


def _number(args: Mapping[Node, Node], node: Node) -> int | None:
    node = args.get(node, node)
    return int(node.attrs["value"]) if node.op is FULL else None


class Written(NamedTuple):
    """Of an array in which each turn writes a row of its own: what it writes there, and which rows the turns write."""

    value: Node
    rows: Cut

    @property
    def all(self) -> bool:
        return self.rows.length == self.rows.size


def written_rows(region: Node, args: Mapping[Node, Node], others: Iterable[Node]) -> dict[Node, Written]:
    """The carries that a turn only writes its row of, `hs[t + c] = value`: the last value is then a history.

    `args` are what the ports of the body get; nodes in `others` are read outside.
    """
    (body,) = region.attrs["bodies"]
    trips, test = region.attrs["trips"], region.attrs["test"]
    if isinstance(trips, Size):
        return {}
    ends = [*(n for _, n in region.attrs["next"]), *others, *([] if test is None else [test])]
    uses: dict[Node, int] = {}
    for n in [*ends, *(a for m in demand(body.nodes, ends) for a in m.args)]:
        uses[n] = uses.get(n, 0) + 1
    found: dict[Node, Written] = {}
    for c, n in region.attrs["next"]:
        if n.op is not PUT or n.args[0] is not c or n.attrs["axis"] or n.args[1].shape:
            continue
        lower, size = first_row(args, n.args[1]), n.attrs["size"]
        if uses[c] == uses[n] == 1 and lower is not None and 0 <= lower <= size - trips:
            found[c] = Written(n.args[2], Cut(0, lower, trips, 1, size))
    return found
