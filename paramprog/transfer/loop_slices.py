"""Slices of what is the same in all turns of a loop: their facts are summed over the turns before they are embedded.

The transfer function of a slice is linear and the same in each turn, so it distributes over the sum:
sum_t embed(v_t) = embed(sum_t v_t). A turn then adds to what it reads of a weight, not to the whole weight.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from paramprog.graph import Graph, Node
from paramprog.transfer.select import SLICE
from paramprog.types import Size, elements


class Slices(NamedTuple):
    """`first` maps each slice to the first equal one, for which the turns sum. `above` is what these are cut from:
    ports, and slices that serve for nothing but to be cut further. All of it in topological order.
    """

    first: Mapping[Node, Node]
    above: Mapping[Node, None]


def slices_of_steady(body: Graph, seeded: Container[Node]) -> Slices:
    """The slices of ports of which nothing else is read in a turn; nodes in `seeded` have facts from elsewhere.

    What would be summed for a port is never larger than the port: windows that overlap stay as they are.
    """
    uses: dict[Node, list[Node]] = {}
    for n in body.nodes:
        for a in n.args:
            uses.setdefault(a, []).append(n)

    def is_cut(n: Node) -> bool:
        return n in uses and n not in seeded and all(u.op is SLICE for u in uses[n])

    keys: dict[Node, tuple[Any, ...]] = {
        p: (p,)
        for p, port in body.ports.items()
        if port.kind in ("free", "shared") and p.kind == "real" and is_cut(p) and _is_known(p)
    }
    above = dict.fromkeys(keys)
    equal: dict[tuple[Any, ...], list[Node]] = {}
    for n in body.nodes:
        if n.op is SLICE and n.args[0] in above:
            keys[n] = (*keys[n.args[0]], n.attrs["cuts"])
            if is_cut(n):
                above[n] = None
            else:
                equal.setdefault(keys[n], []).append(n)
    summed: dict[Node, int] = {}
    for (p, *_), (n, *_) in equal.items():
        summed[p] = summed.get(p, 0) + elements(n.shape)
    fine = {p for p, size in summed.items() if size <= elements(p.shape)}
    first = {n: same[0] for (p, *_), same in equal.items() if p in fine for n in same}
    return Slices(first, {n: None for n in above if keys[n][0] in fine})


def _is_known(p: Node) -> bool:
    return not any(isinstance(n, Size) for n in p.shape)
