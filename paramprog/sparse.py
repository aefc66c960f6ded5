"""Sparse Jacobians: found from few products with vectors, never formed as dense arrays.

The sparsity analysis says where entries may be (analyses/sparsity.py). Columns without a common row get one colour
(analyses/colouring.py), and J times the sum of the unit vectors of a colour holds all entries of these columns, each in
a row of its own. Rows instead of columns, by J^T, where that takes fewer colours.

What is no entry of the vector is a structural zero on the way, as in dense Jacobians (jacobian.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np

from paramprog.analyses.colouring import Colouring, colour, turned
from paramprog.analyses.interned import Ints
from paramprog.analyses.sparsity import Pattern, sparsity
from paramprog.batch import batch
from paramprog.collector import collector_off
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import Trace, trace
from paramprog.gradient import adjoint, tangent
from paramprog.graph import Node, demand, execute
from paramprog.graph.depth import deep_stack
from paramprog.jacobian import Mode
from paramprog.transfer.facts import Masked
from paramprog.types import Shape, Type

TOGETHER = 2**18
"""Products are computed together as long as their vectors and results have no more entries than this."""


@dataclass(frozen=True, eq=False)
class Sparse:
    """A matrix d(output)/d(x) in coordinates: `values[k]` stands in row `rows[k]` and column `columns[k]`.

    Rows number the entries of the output, columns those of x, both in C order; `output` and `of` are their shapes.
    An entry stands here once, rows in order, and may be 0: the pattern is that of the program at its point.
    """

    rows: Ints
    columns: Ints
    values: Any
    output: Shape
    of: Shape

    @property
    def shape(self) -> tuple[int, int]:
        return prod(self.output), prod(self.of)

    @property
    def nnz(self) -> int:
        """The number of entries."""
        return len(self.values)

    def dense(self) -> Any:
        """The array of shape [*output, *of]."""
        found = np.zeros(self.shape, self.values.dtype)
        found[self.rows, self.columns] = self.values
        return found.reshape((*self.output, *self.of))

    def scipy(self) -> Any:
        """The matrix as a `scipy.sparse.coo_array`."""
        from scipy.sparse import coo_array

        return coo_array((self.values, (self.rows, self.columns)), shape=self.shape)


@dataclass(frozen=True)
class SparseFound:
    """The Jacobians by name, how they were computed, and by how many products."""

    found: Mapping[str, Sparse]
    mode: Mode
    colours: int


@dataclass(frozen=True, eq=False)
class Directions:
    """J t for vectors t that are given by `seeds`, or J^T g, as nodes; None where J is structurally zero.

    Each seed is a leaf for the vector, and one for where it is no structural zero. `sizes` are the numbers of entries
    of the results.
    """

    seeds: Sequence[tuple[Node, Node]]
    results: Sequence[Node | None]
    sizes: Sequence[int]

    def together(self, count: int) -> Directions:
        """The same for `count` vectors at once."""
        graph = self.seeds[0][0].graph
        wide = [
            (
                graph.leaf(Type("real", (count, *seed.shape))),
                graph.leaf(Type("bool", (count, *seed.shape))),
            )
            for seed, _ in self.seeds
        ]
        inputs = {
            x: w for own, its in zip(self.seeds, wide, strict=True) for x, w in zip(own, its, strict=True)
        }
        made = iter(batch([n for n in self.results if n is not None], inputs, count))
        return Directions(wide, [None if n is None else next(made) for n in self.results], self.sizes)


Known = dict[Any, Directions]
"""Made before: by the direction, the output, what it is differentiated by, and how many at once."""


def sparse_jacobians(
    output: Node,
    wrt: Mapping[str, Node],
    leaves: Mapping[Node, Any],
    mode: Mode = "auto",
    known: Known | None = None,
) -> SparseFound:
    """d(output)/d(x) for each x of `wrt`, at the values `leaves` of the leaves.

    "forward" colours the columns of all Jacobians side by side, "reverse" their rows; "auto" takes the fewer colours.

    Raises ProgramError as a run does, and when the pattern has too many entries.
    """
    nodes, known = tuple(dict.fromkeys(wrt.values())), {} if known is None else known
    pattern = found_pattern(trace([output], leaves, keep=nodes), output, nodes)
    mode, colouring = coloured(pattern, mode)
    with deep_stack(), collector_off():
        key = (mode, output, nodes)
        if key not in known:
            known[key] = _forward(output, nodes) if mode == "forward" else _reverse(output, nodes)
        values = _entries(known, key, pattern, colouring, leaves)
    rows, columns = pattern.coordinates()
    found, first = {}, 0
    for x in nodes:
        own = np.flatnonzero((columns >= first) & (columns < first + prod(x.shape)))
        found[x] = Sparse(rows[own], columns[own] - first, values[own], output.shape, x.shape)
        first += prod(x.shape)
    return SparseFound({name: found[x] for name, x in wrt.items()}, mode, colouring.count)


def found_pattern(run: Trace, output: Node, wrt: Sequence[Node]) -> Pattern:
    """The pattern of the Jacobians side by side, for nodes of the program that was run."""
    return sparsity(run, run.of[output], [run.of[x] for x in wrt])


def coloured(pattern: Pattern, mode: Mode) -> tuple[Literal["forward", "reverse"], Colouring]:
    """Colours of the columns (forward), or of the rows (reverse) where they are fewer.

    A matrix takes at least as many colours of rows as its longest column has entries, so rows need not be tried often.
    """
    columns, starts = pattern.distinct_rows()
    m, n = pattern.shape
    if mode != "reverse":
        by_columns = colour(columns, starts, n)
        rows_at_least = int(np.bincount(pattern.coordinates()[1], minlength=1).max())
        if mode == "forward" or by_columns.count <= rows_at_least:
            return "forward", by_columns
    rows, columns = pattern.coordinates()
    by_rows = colour(*turned(columns, np.searchsorted(rows, np.arange(m + 1)), n), m)
    if mode == "reverse" or by_rows.count < by_columns.count:
        return "reverse", by_rows
    return "forward", by_columns


# ---- products ----------------------------------------------------------------------------------------------------


def _leaves(like: Node) -> tuple[Node, Node]:
    return like.graph.leaf(Type("real", like.shape)), like.graph.leaf(Type("bool", like.shape))


def _forward(output: Node, wrt: Sequence[Node]) -> Directions:
    seeds = {x: _leaves(x) for x in wrt}
    made = tangent(output, {x: Masked(*seed) for x, seed in seeds.items()})
    return Directions(list(seeds.values()), [made], [prod(output.shape)])


def _reverse(output: Node, wrt: Sequence[Node]) -> Directions:
    seed = _leaves(output)
    return Directions([seed], adjoint(output, wrt, Masked(*seed)), [prod(x.shape) for x in wrt])


def _entries(
    known: Known, key: Any, pattern: Pattern, colouring: Colouring, leaves: Mapping[Node, Any]
) -> Any:
    """The values of the entries of the pattern, row by row: each is read off the product of its colour."""
    rows, columns = pattern.coordinates()
    products: Directions = known[key]
    graph = products.seeds[0][0].graph
    values = np.zeros(len(rows), graph.real)
    vectors, at = (columns, rows) if key[0] == "forward" else (rows, columns)
    colours = colouring.of[vectors]
    by_colour = np.argsort(colours, kind="stable")
    ends = np.searchsorted(colours[by_colour], np.arange(colouring.count + 1))
    for k, product in enumerate(_run(known, key, pattern, colouring, leaves)):
        own = by_colour[ends[k] : ends[k + 1]]
        values[own] = product[at[own]]
    return values


def _run(
    known: Known, key: Any, pattern: Pattern, colouring: Colouring, leaves: Mapping[Node, Any]
) -> Iterator[Any]:
    """The products of all colours in turn, flat; several are computed together."""
    products = known[key]
    if all(n is None for n in products.results):
        return
    count = max(1, min(TOGETHER // max(sum(pattern.shape), 1), colouring.count))
    if count > 1:
        # a power of two, so that patterns of other points find the graph made
        count = 1 << (count - 1).bit_length()
        products = _together(known, key, count)
        count = 1 if products is known[key] else count
    steps = _Steps(products, leaves)
    for first in range(0, colouring.count, count):
        chosen = colouring.of[None, :] == np.arange(first, first + count)[:, None]
        yield from steps(chosen if count > 1 else chosen[0], count)[: colouring.count - first]


def _together(known: Known, key: Any, count: int) -> Directions:
    """Products with so many vectors at once; with one at a time, if an operation has no rule for many."""
    if (*key, count) not in known:
        try:
            known[*key, count] = known[key].together(count)
        except ProgramError as problem:
            if [d.code for d in problem.diagnostics] != ["no-lanes"]:
                raise
            known[*key, count] = known[key]
    return known[*key, count]


class _Steps:
    """The run of the products: what does not depend on the vectors is computed once."""

    def __init__(self, products: Directions, leaves: Mapping[Node, Any]) -> None:
        self.products = products
        self.graph = products.seeds[0][0].graph
        live = demand(self.graph.nodes, [n for n in products.results if n is not None])
        moves = {x for own in products.seeds for x in own}
        for n in live:
            if not moves.isdisjoint(n.args):
                moves.add(n)
        self.moving = {n: keys for n, keys in live.items() if n in moves}
        with np.errstate(all="ignore"):
            still = {n: keys for n, keys in live.items() if n not in moves}
            self.env = execute(still, dict(leaves))

    def __call__(self, chosen: Any, count: int) -> Any:
        """[count, entries of all results]; `chosen` has the vectors, true for 1."""
        first, parts = 0, []
        for seed, lanes in self.products.seeds:
            size = prod(seed.shape[count > 1 :])
            own = np.ascontiguousarray(chosen[..., first : first + size]).reshape(seed.shape)
            first += size
            self.env[seed], self.env[lanes] = own.astype(self.graph.real)[()], own[()]
        with np.errstate(all="ignore"):
            execute(self.moving, self.env)
        for n, size in zip(self.products.results, self.products.sizes, strict=True):
            found = np.zeros((count, size)) if n is None else np.asarray(self.env[n])
            parts.append(found.reshape(count, size))
        for n in self.moving:
            del self.env[n]
        return np.concatenate(parts, 1)
