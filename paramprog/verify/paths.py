"""The definition of the gradient, term by term: v_X = sum over all paths X ~> output of the product of local
Jacobians.

Every path of the executed trace is walked on its own, on the NetworkX multigraph, where x * x is two edges;
edges whose Jacobian is a structural zero belong to no path. Walking backwards from the output, the stack
carries w^T J_k ... J_1, so paths share the products of their common ends, and at X one row per path arrives
and is added. Nothing is joined before: that the one-pass solution gives the same sum is what is to be proved,
so neither the solver nor the gradient is imported.

Where the matrices would be too large, tangents t drawn at X are pushed forward along each path instead, and
the sum is known by its projections <v_X, t>.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from paramprog.diagnostics import fail
from paramprog.evaluate import Trace
from paramprog.graph import Node
from paramprog.graph.networks import to_networkx
from paramprog.op import Chain
from paramprog.verify.factors import Factor, TooLargeError, either, factors, push_lanes
from paramprog.verify.sums import PairedSum, seconds_each, times
from paramprog.verify.table import count_text, duration

if TYPE_CHECKING:
    from networkx import MultiDiGraph

MAX_PATHS = 100_000
"""Enumerated at most (`--max-paths`); the exact count is always known."""

MAX_NONZEROS = 10**6
"""Of all matrices together; beyond, the sum is projected."""

MAX_NONZEROS_ASKED = 2 * 10**7
"""Of all matrices together, when every entry of the sum is asked for."""

PROJECTIONS = 3

How = Literal["dense", "sparse", "projected"]

Edges = Mapping[Node, Sequence[tuple[Node, int]]]
"""For each node the edges into it: the producer and the port."""


@dataclass(frozen=True)
class Projection:
    """<v_X, t> for a tangent t of X; `magnitude` is the same sum with absolute values."""

    tangent: Any
    value: float
    magnitude: float


@dataclass(frozen=True)
class PathSum:
    """The sum over `paths` paths.

    `value` is None when it is known by `projections` only, or when there are more paths than were allowed:
    then `predicted` is how many seconds the walk would take. `magnitude` is the sum of the absolute values of
    all products, entry by entry: what rounding errors are measured against (None with projections).
    """

    paths: int
    how: How
    value: Any = None
    magnitude: Any = None
    projections: Sequence[Projection] = ()
    predicted: float | None = None


def path_sum(
    trace: Trace,
    start: Node,
    output: Node,
    covector: Any = 1.0,
    max_paths: int = MAX_PATHS,
    rng: np.random.Generator | None = None,
) -> PathSum:
    """covector^T d(output)/d(start), by enumeration of all paths of the trace from `start` to `output`."""
    return Paths(trace, output, covector).sum(start, max_paths, rng)


def gradient_by_paths(trace: Trace, start: Node, output: Node, max_paths: int = MAX_PATHS) -> Any:
    """The sum over all paths, in the dtype of `start`; None, a structural zero, where there is no path.

    Raises ProgramError when there are more than `max_paths` paths, or their Jacobians have too many entries.
    """
    found = Paths(trace, output).sum(start, max_paths, max_nonzeros=MAX_NONZEROS_ASKED)
    if not found.paths:
        return None
    if found.value is not None:
        return found.value.astype(np.asarray(trace.values[start]).dtype)
    place = start.name or start.op.spelled
    if found.paths > max_paths:
        time = "" if found.predicted is None else f"; walking all would take {duration(found.predicted)}"
        message = f"{count_text(found.paths)} paths lead from `{place}` to the output{time}"
        raise fail("path-limit", message, start.span, "raise the limit with `--max-paths`")
    message = f"the Jacobians on the paths from `{place}` have more than {MAX_NONZEROS_ASKED:,} entries"
    raise fail("path-limit", message, start.span, "`verify` compares random projections instead")


def count_paths(trace: Trace, start: Node, output: Node) -> int:
    """How many paths carry a derivative from `start` to `output`; exact, in time linear in the trace."""
    return Paths(trace, output).count(start)


class Paths:
    """All paths of a trace that end at `output`; what several starts need alike is computed once."""

    def __init__(self, trace: Trace, output: Node, covector: Any = 1.0) -> None:
        from networkx import ancestors

        self.trace, self.output = trace, output
        self.covector = np.broadcast_to(np.asarray(covector, np.float64), output.shape)
        self.chains: dict[tuple[Node, int], Chain] = {}
        self.factors: dict[tuple[Node, int], tuple[Factor, ...]] = {}
        whole = to_networkx(trace.nodes)
        above = ancestors(whole, output) | {output}
        self.network: MultiDiGraph[Node] = whole.subgraph(above).copy()
        with np.errstate(all="ignore"):
            for a, n, port in list(self.network.edges(keys=True)):
                chain = self._local(n, port)
                if chain is None:
                    self.network.remove_edge(a, n, key=port)
                else:
                    self.chains[n, port] = chain

    def _local(self, node: Node, port: int) -> Chain | None:
        values = self.trace.values
        return node.op.local(port, values[node], *(values[a] for a in node.args), **node.attrs)

    def between(self, start: Node) -> list[Node]:
        """The nodes on some path from `start` to the output, in the order of the trace; none if there is no
        path.
        """
        from networkx import ancestors, descendants

        if start not in self.network:
            return []
        found = (descendants(self.network, start) | {start}) & (
            ancestors(self.network, self.output) | {self.output}
        )
        return [n for n in self.trace.nodes if n in found]

    def _edges(self, nodes: Sequence[Node]) -> Edges:
        """For each node the edges into it: the producer and the port."""
        among = dict.fromkeys(nodes)
        return {
            n: [(a, port) for port, a in enumerate(n.args) if a in among and (n, port) in self.chains]
            for n in nodes
        }

    def count(self, start: Node) -> int:
        """How many paths there are from `start`."""
        nodes = self.between(start)
        into = self._edges(nodes)
        waiting = {n: self.network.out_degree(n) for n in nodes}
        counts: dict[Node, int] = {}
        for n in nodes:
            counts[n] = int(n is start) + sum(counts[a] for a, _ in into[n])
            for a, _ in into[n]:
                waiting[a] -= 1
                if not waiting[a]:
                    del counts[a]  # the count of a long ladder has as many digits as the ladder has rungs
        return counts.get(self.output, 0)

    def sum(
        self,
        start: Node,
        max_paths: int = MAX_PATHS,
        rng: np.random.Generator | None = None,
        max_nonzeros: int | None = None,
    ) -> PathSum:
        """The sum over all paths from `start`, unless there are more than `max_paths`."""
        nodes, paths = self.between(start), self.count(start)
        if not nodes:
            return PathSum(0, "dense", np.zeros(start.shape), np.zeros(start.shape))
        into = self._edges(nodes)
        with np.errstate(all="ignore"):
            try:
                how = self._materialise(into, MAX_NONZEROS if max_nonzeros is None else max_nonzeros)
            except TooLargeError:
                return self._projected(start, nodes, into, paths, max_paths, rng)
            magnitude = self._magnitude(start, nodes, into)
            if paths > max_paths:
                seconds = seconds_each(lambda limit: self._walk(start, into, limit))
                return PathSum(paths, how, None, magnitude, predicted=times(seconds, paths))
            value, walked = self._walk(start, into, paths)
        assert walked == paths, f"{walked} paths walked, {paths} counted"
        return PathSum(paths, how, value, magnitude)

    # ---- rows from the output backwards --------------------------------------------------------------------

    def _materialise(self, into: Edges, left: int) -> How:
        sparse = False
        for n, edges in into.items():
            for a, port in edges:
                if (n, port) not in self.factors:
                    self.factors[n, port] = factors(
                        self.chains[n, port], np.shape(self.trace.values[a]), left
                    )
                left -= sum(f.nonzeros for f in self.factors[n, port])
                sparse = sparse or any(f.sparse for f in self.factors[n, port])
                if left < 0:
                    raise TooLargeError
        return "sparse" if sparse else "dense"

    def _walk(self, start: Node, into: Edges, limit: int) -> tuple[Any, int]:
        """The sum over the first `limit` paths, and how many were walked. Depth first, without recursion."""
        into_factors = {n: [(a, self.factors[n, port]) for a, port in edges] for n, edges in into.items()}
        total = PairedSum(np.zeros(prod(start.shape)))
        stack: list[tuple[Node, Any, Any]] = [(self.output, np.ravel(self.covector), None)]
        while stack and total.terms < limit:
            node, row, lanes = stack.pop()
            if node is start:
                total.add(row)  # one path: the product of its Jacobians
                continue
            for producer, chain in into_factors[node]:
                v, where = row, lanes
                for factor in chain:
                    v, where = factor.row(v, where)
                stack.append((producer, v, where))
        return total.total().reshape(start.shape), total.terms

    def _magnitude(self, start: Node, nodes: Sequence[Node], into: Edges) -> Any:
        """The sum over paths of |w|^T |J_k| ... |J_1|: only a size, so computed in one pass."""
        whole = (np.abs(np.ravel(self.covector)), None)
        sizes: dict[Node, tuple[Any, Any]] = {self.output: whole}
        for n in reversed(nodes):
            if n is start:
                break
            size, lanes = sizes.pop(n)
            for a, port in into[n]:
                v, where = size, lanes
                for factor in self.factors[n, port]:
                    v, where = factor.row(v, where, size=True)
                sizes[a] = _plus(sizes.get(a), (v, where))
        return sizes[start][0].reshape(start.shape)

    # ---- tangents from X forwards --------------------------------------------------------------------------

    def _projected(
        self,
        start: Node,
        nodes: Sequence[Node],
        into: Edges,
        paths: int,
        max_paths: int,
        rng: np.random.Generator | None,
    ) -> PathSum:
        rng = np.random.default_rng(0) if rng is None else rng
        out_of: dict[Node, list[tuple[Node, Chain]]] = {n: [] for n in nodes}
        for n in nodes:
            for a, port in into[n]:
                out_of[a].append((n, self.chains[n, port]))
        tangents = [rng.standard_normal(start.shape) for _ in range(PROJECTIONS)]
        if paths > max_paths:
            seconds = seconds_each(lambda limit: self._push(start, out_of, tangents[0], limit))
            return PathSum(paths, "projected", predicted=times(seconds, paths * PROJECTIONS))
        projections = [
            Projection(t, self._push(start, out_of, t, paths)[0], self._push_size(start, nodes, into, t))
            for t in tangents
        ]
        return PathSum(paths, "projected", projections=projections)

    def _push(
        self, start: Node, out_of: Mapping[Node, list[tuple[Node, Chain]]], tangent: Any, limit: int
    ) -> tuple[float, int]:
        """<w, J_k ... J_1 t>, summed over the first `limit` paths."""
        total = PairedSum(0.0)
        stack: list[tuple[Node, Any, Any]] = [(start, tangent, None)]
        while stack and total.terms < limit:
            node, t, lanes = stack.pop()
            if node is self.output:
                total.add(float(np.vdot(self.covector, t)))
                continue
            stack += [(consumer, *push_lanes(chain, t, lanes)) for consumer, chain in out_of[node]]
        return float(total.total()), total.terms

    def _push_size(self, start: Node, nodes: Sequence[Node], into: Edges, tangent: Any) -> float:
        sizes: dict[Node, tuple[Any, Any]] = {start: (np.abs(tangent), None)}
        for n in nodes:
            for a, port in into[n]:
                sizes[n] = _plus(sizes.get(n), push_lanes(self.chains[n, port], *sizes[a], size=True))
        return float(np.vdot(np.abs(self.covector), sizes[self.output][0]))


def _plus(a: tuple[Any, Any] | None, b: tuple[Any, Any]) -> tuple[Any, Any]:
    return b if a is None else (a[0] + b[0], either(a[1], b[1]))
