"""The one-pass solution and the sum over all paths in exact arithmetic: they must be equal, bit for bit.

Every local Jacobian of the executed trace is a matrix of floats, and floats are rational numbers. Over them
the recursion

    v_output = w,    v_X = sum over uses X -> Y of v_Y J[Y, X]

(one pass, a sum where a value has several uses) and the sum over all paths of the products of these matrices
are computed without rounding. The second is what the first means, because products distribute over sums. Both
are written here on their own; neither the solver nor the gradient is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from paramprog.graph import Node
from paramprog.verify.edges import edge_columns, edge_entries
from paramprog.verify.factors import TooLargeError
from paramprog.verify.paths import Edges, Paths
from paramprog.verify.rows import Entries, Row, Total, plus, through, unequal

MAX_ENTRIES = 5 * 10**5
"""Of the matrices of one part together."""

WORK = 2 * 10**7
"""Multiply-adds of ordinary numbers, for one verification: some 5 seconds."""

VISIT = 4
"""What walking one edge costs beside its multiply-adds."""

LONG = 2000
"""A number of so many bits costs twice as much as a short one."""

FEWER = 64
"""A part to start with where the whole is too large to look at."""


@dataclass(frozen=True)
class ExactGradient:
    """w^T d(output)/d(start), exactly, for the float64 local Jacobians.

    `value` is the recursion and `size` the recursion over absolute values, for the entries `entries` of the
    point (None where even one was too much). `by_paths` is the sum over all `paths` paths, for
    `path_entries` (None where that was too much: `work` multiply-adds, or more paths than were allowed).
    """

    paths: int
    entries: Sequence[int] = ()
    value: Row | None = None
    size: Row | None = None
    path_entries: Sequence[int] = ()
    by_paths: Row | None = None
    work: int = 0

    @property
    def unequal(self) -> list[int]:
        """The entries in which the recursion is not the path sum."""
        assert self.value is not None and self.by_paths is not None
        return unequal(self.value, self.by_paths, self.path_entries)


class _OverBudgetError(Exception):
    """More multiply-adds than are allowed."""


@dataclass(frozen=True)
class _Part:
    """What some entries of a point take part in: the nodes between, and for each the edges into it."""

    entries: Sequence[int]
    nodes: Sequence[Node]
    into: Mapping[Node, Sequence[tuple[Node, tuple[Entries, ...]]]]
    covector: Row


class Rationals:
    """The exact gradients of one trace; the matrix of an edge is made once."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.covector = Row.of(paths.covector)
        self._entries: dict[tuple[Node, int], tuple[Entries, ...]] = {}

    def entries(self, node: Node, port: int, limit: int = MAX_ENTRIES) -> tuple[Entries, ...]:
        """The matrices of an edge. Raises TooLargeError beyond `limit` entries."""
        if (node, port) not in self._entries:
            shape = np.shape(self.paths.trace.values[node.args[port]])
            self._entries[node, port] = edge_entries(self.paths.chains[node, port], shape, limit)
        return self._entries[node, port]

    @property
    def nonzeros(self) -> int:
        """The entries of all matrices made so far."""
        return sum(m.nonzeros for matrices in self._entries.values() for m in matrices)

    @property
    def rounded(self) -> bool:
        """Whether some matrix is the floats nearest to a local Jacobian that is not made of floats."""
        return any(m.rounded for matrices in self._entries.values() for m in matrices)

    def gradient(
        self, start: Node, max_paths: int, budget: int, rng: np.random.Generator, likely: Any = None
    ) -> ExactGradient:
        """Both computations for the point `start`, within `budget` multiply-adds.

        Where all entries are too much, a random part of them is taken, those first in which `likely` is not
        zero.
        """
        nodes, paths = self.paths.between(start), self.paths.count(start)
        every = range(prod(start.shape))
        if not nodes:
            return ExactGradient(0, every, Row({}, 0), Row({}, 0), every, Row({}, 0))
        into = self._edges(nodes)
        walk = paths <= max_paths
        order = _order(len(every), likely, rng)
        best = ExactGradient(paths)
        count = len(every)
        with np.errstate(all="ignore"):
            while True:
                work = 0
                try:
                    part = self._part(start, nodes, into, every if count == len(every) else order[:count])
                    value, work = self._recursion(part, budget)
                    if best.value is None:
                        size, _ = self._recursion(part, budget, sizes=True)
                        best = ExactGradient(paths, part.entries, value, size)
                    if not walk:
                        return best
                    if work <= budget:
                        total = self._walk(start, part, paths)
                        return ExactGradient(
                            paths, best.entries, best.value, best.size, part.entries, total, work
                        )
                except (TooLargeError, _OverBudgetError):
                    pass
                if count <= 1:
                    return ExactGradient(paths, best.entries, best.value, best.size, work=work)
                fitting = count * budget // work if work else min(FEWER, count // 4)
                count = max(1, min(fitting, count * 3 // 4))

    def _edges(self, nodes: Sequence[Node]) -> Edges:
        """For each node the edges into it that carry a derivative."""
        among, chains = set(nodes), self.paths.chains
        return {
            n: [(a, port) for port, a in enumerate(n.args) if a in among and (n, port) in chains]
            for n in nodes
        }

    # ---- parts ---------------------------------------------------------------------------------------------

    def _part(self, start: Node, nodes: Sequence[Node], into: Edges, entries: Sequence[int]) -> _Part:
        """Raises TooLargeError when the matrices have too many entries."""
        whole = isinstance(entries, range)
        reach: dict[Node, set[int]] = {start: set(entries)}
        found: dict[Node, list[tuple[Node, tuple[Entries, ...]]]] = {}
        left = MAX_ENTRIES
        for n in nodes:
            found[n] = []
            for a, port in into[n]:
                if whole:
                    made = self.entries(n, port, left)
                else:
                    made, rows = self._columns(n, port, reach.get(a, set()), left)
                    reach.setdefault(n, set()).update(rows)
                found[n].append((a, made))
                left -= sum(m.nonzeros for m in made)
                if left < 0:
                    raise TooLargeError
        covector = self.covector
        if not whole:
            covector = covector.only(reach.get(self.paths.output, ()))
        return _Part(entries, nodes, found, covector)

    def _columns(
        self, node: Node, port: int, wanted: set[int], limit: int
    ) -> tuple[tuple[Entries, ...], set[int]]:
        if (node, port) not in self._entries:
            shape = np.shape(self.paths.trace.values[node.args[port]])
            return edge_columns(self.paths.chains[node, port], shape, wanted, limit)
        made: list[Entries] = []
        for matrix in reversed(self._entries[node, port]):
            matrix, wanted = matrix.columns(wanted)
            made.append(matrix)
        return tuple(reversed(made)), wanted

    # ---- the two computations ------------------------------------------------------------------------------

    def _recursion(self, part: _Part, budget: int, *, sizes: bool = False) -> tuple[Row, int]:
        """The row at the point, in one pass from the output, and what walking all paths would cost.

        A path has at a node no more entries than this row has, and no longer ones.
        """
        start, output = part.nodes[0], self.paths.output
        rows: dict[Node, Row] = {output: part.covector}
        if sizes:
            whole = {k: abs(x) for k, x in part.covector.values.items()}
            rows[output] = Row(whole, part.covector.power)
        visits = {output: 1}
        spent = walking = 0
        for n in reversed(part.nodes[1:]):
            v = rows.pop(n)
            weight = 1 + v.bits // LONG
            for a, matrices in part.into[n]:
                work, row = VISIT, v
                for matrix in matrices:
                    work += matrix.work(row) * weight
                    row = through(row, [matrix.sizes if sizes else matrix])
                spent += work
                walking += visits[n] * work
                if spent > budget:
                    raise _OverBudgetError
                visits[a] = visits.get(a, 0) + visits[n]
                rows[a] = plus(rows[a], row) if a in rows else row
            del visits[n]
        return rows[start], walking

    def _walk(self, start: Node, part: _Part, paths: int) -> Row:
        """The sum over all paths, each a product of its own; depth first, without recursion."""
        total = Total()
        stack = [(self.paths.output, part.covector)]
        while stack:
            node, row = stack.pop()
            if node is start:
                total.add(row)
                continue
            stack += [(a, through(row, matrices)) for a, matrices in part.into[node]]
        assert total.terms == paths, f"{total.terms} paths walked, {paths} counted"
        return total.row()


def _order(size: int, likely: Any, rng: np.random.Generator) -> list[int]:
    """All entries in a random order, the likely ones first."""
    shuffled = rng.permutation(size)
    if likely is not None:
        shuffled = shuffled[np.argsort(np.ravel(likely)[shuffled] == 0, kind="stable")]
    found: list[int] = shuffled.tolist()
    return found
