"""A graph as a NetworkX MultiDiGraph, for drawing and for walking paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from paramprog.graph.node import Node

if TYPE_CHECKING:
    from networkx import MultiDiGraph


def to_networkx(nodes: Iterable[Node]) -> MultiDiGraph[Node]:
    """One vertex per node and one edge per use: producer -> consumer, the key being the port, so x * x has two edges.

    Vertices carry `label`, `op` and `shape`. Edges from nodes that are not among `nodes` are left out.
    """
    import networkx

    drawing: MultiDiGraph[Node] = networkx.MultiDiGraph()
    for n in nodes:
        drawing.add_node(n, label=n.name or n.op.name, op=n.op.name, shape=n.shape)
        for port, a in enumerate(n.args):
            if a in drawing:
                drawing.add_edge(a, n, key=port)
    return drawing
