"""The sparsity of Jacobians, as a dataflow analysis: for every entry of every node, the inputs that it may depend on.

The fact at a node is an array of its shape with a label for each entry, which stands for a set of input entries
(interned.py). The transfer function of an edge is that of its local Jacobian, a chain of linear maps of which each says
which entries it adds (transfer/dependence.py); the meet is the union, entry by entry. No Jacobian is formed.

The pattern belongs to a point: it is that of the executed trace, so of the sides of branches that were taken, the turns
that were made, the indices and the order of entries that were found. Numbers have no part in it: a product with 0 is an
entry like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from paramprog.analyses.interned import Interned, Ints
from paramprog.dataflow.flow import Analysis, Edge
from paramprog.dataflow.solve import solve
from paramprog.evaluate import Trace
from paramprog.graph import Node
from paramprog.transfer.dependence import dependence, either


class Sparsity(Analysis[Node, "Ints | None"]):
    """Labels of sets of input entries; None where no entry depends on any. `seeds` are the labels of the inputs."""

    def __init__(self, values: Mapping[Node, Any], seeds: Mapping[Node, Ints], sets: Interned) -> None:
        self.values, self.seeds, self.sets = values, seeds, sets

    def flow(self, edge: Edge, fact: Ints | None) -> Ints | None:
        if fact is None:
            return None
        n = edge.consumer
        chain = n.op.local(edge.port, self.values[n], *(self.values[a] for a in n.args), **n.attrs)
        if chain is None:
            return None
        for lin in chain:
            fact = dependence(lin, fact, self.sets)
        return fact

    def meet(self, node: Node, facts: Sequence[Ints | None]) -> Ints | None:
        total: Ints | None = self.seeds.get(node)
        for fact in facts:
            if fact is not None:
                total = fact if total is None else either(total, fact, self.sets)
        return total


@dataclass(frozen=True, eq=False)
class Pattern:
    """Where a matrix of `shape` may have entries: the set of columns of each row, by its label."""

    shape: tuple[int, int]
    labels: Ints
    sets: Interned

    @property
    def entries(self) -> int:
        """How many there are."""
        return int(self.sets.sizes(self.labels).sum())

    def coordinates(self) -> tuple[Ints, Ints]:
        """The rows and columns of all entries, row by row."""
        columns, sizes = self.sets.listed(self.labels)
        return np.repeat(np.arange(len(sizes)), sizes), columns

    def distinct_rows(self) -> tuple[Ints, Ints]:
        """The columns of the rows that differ, one row after the other, and where each starts (and the last ends)."""
        columns, sizes = self.sets.listed(np.unique(self.labels))
        return columns, np.concatenate(([0], np.cumsum(sizes)))


def sparsity(trace: Trace, output: Node, wrt: Sequence[Node]) -> Pattern:
    """The pattern of the Jacobian of `output`, a node of the trace, by `wrt`, whose entries are columns in this order.

    Raises ProgramError when it has too many entries.
    """
    sizes = [prod(x.shape) for x in wrt]
    sets = Interned(sum(sizes))
    seeds: dict[Node, Ints] = {}
    first = 1
    for x, size in zip(wrt, sizes, strict=True):
        own = np.arange(first, first + size).reshape(x.shape)
        seeds[x] = either(seeds[x], own, sets) if x in seeds else own  # two names for one value in the trace
        first += size
    nodes = [n for n in trace.nodes if n.kind == "real"]
    with np.errstate(all="ignore"):
        facts = solve(nodes, Sparsity(trace.values, seeds, sets))
    labels = facts[output]
    m = prod(output.shape)
    return Pattern((m, sum(sizes)), np.zeros(m, np.int64) if labels is None else np.ravel(labels), sets)
