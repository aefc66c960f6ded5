"""The gradient as a dataflow analysis, in both directions, on numbers and on nodes.

The fact at point X is v_X = d(output)/dX. The transfer function of an edge into port p of Y is J[Y,p]^T (backward) or
J[Y,p] (forward), the meet is +: a point used twice has two edges, so weight sharing is the meet. On arrays the analysis
computes the gradient; on nodes it emits the adjoint graph, which is again a graph of the same primitives.

Source: K. Pingali, lectures on backpropagation as dataflow analysis; for the modes: A. Griewank and A. Walther,
Evaluating Derivatives, 2nd ed., SIAM 2008.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from paramprog.dataflow.flow import Analysis, Edge
from paramprog.dataflow.solve import solve
from paramprog.graph import PART, Graph, Node, Region
from paramprog.op import Chain
from paramprog.transfer.branches import Branch
from paramprog.transfer.facts import Fact, Masked, plain, plus, pull_fact, push_fact, unselected, with_nodes
from paramprog.transfer.finite import Finite
from paramprog.transfer.gather import GATHER, SCATTER_ADD
from paramprog.transfer.select import EMBED, SLICE

SELECTIONS = frozenset({SLICE, GATHER, EMBED, SCATTER_ADD})
"""What they do not select, or give no place, is a structural zero."""


class Identity(dict[Node, Node]):
    """Every node stands for itself: the analysis emits nodes."""

    def __missing__(self, node: Node) -> Node:
        return node


class Derivative(Analysis[Node, Fact]):
    """Adjoints (backward) or tangents (forward) of the nodes of a graph.

    `values` maps each node to its array, or to the node of `graph` that stands for it. `seeds` are the facts at the
    boundary: d(output)/d(output) = 1, or the tangents of the inputs. Which entries a selection leaves out is told from
    zeros where `finite` says that it matters; forward, nowhere unless `selects`. `states` says how many states loops
    keep, the others recording all they need; None leaves it to the loops.
    """

    def __init__(
        self,
        graph: Graph,
        values: Mapping[Node, Any],
        seeds: Mapping[Node, Fact],
        *,
        backward: bool,
        finite: Finite | None = None,
        selects: bool = True,
        states: Mapping[Node, int] | None = None,
        contracts: bool = True,
    ) -> None:
        self.graph, self.values, self.seeds, self.backward = graph, values, seeds, backward
        self.finite = Finite() if finite is None else finite
        self.selects, self.states, self.contracts = selects, states, contracts
        self.on_nodes = isinstance(values, Identity)
        self._pulled: dict[Node, Sequence[Fact]] = {}

    def flow(self, edge: Edge, fact: Fact) -> Fact:
        """v_Y -> J[Y,p]^T v_Y. Forward, a region needs the facts of all its ports at once, so `meet` pushes."""
        if not self.backward:
            return (edge.port, fact)
        if fact is None:
            return None
        producer, consumer, port = edge
        op = consumer.op
        if isinstance(op, Region):
            if consumer not in self._pulled:
                self.finite.enter(consumer)
                with self.graph.at(consumer.span):
                    self._pulled[consumer] = op.derivative(consumer, self, fact)
            return self._pulled[consumer][port]
        if op is PART:
            # loops would have to carry what was selected: see `Finite.enter`
            kept = fact if isinstance(consumer.args[0].op, Branch) else unselected(fact)
            return {consumer.attrs["of"]: with_nodes(kept)}
        graph = self.graph
        before, graph.span = graph.span, consumer.span  # `graph.at` would take as long as all the rest
        try:
            chain = self.local(consumer, port)
            if not chain:
                return None if chain is None else fact
            selects = op in SELECTIONS
            if not (selects or isinstance(fact, Masked)) or not isinstance(plain(fact), Node):
                return pull_fact(chain, fact)
            if self.finite(producer):
                return unselected(pull_fact(chain, fact))
            return pull_fact(chain, fact, selects=selects)
        finally:
            graph.span = before

    def meet(self, node: Node, facts: Sequence[Fact]) -> Fact:
        terms = facts if self.backward else self._push(node, facts)
        seed = self.seeds.get(node)
        if seed is None and len(terms) == 1:
            return terms[0]
        total: Fact = None
        with self.graph.at(node.span):
            for term in terms if seed is None else [seed, *terms]:
                total = plus(total, term)
        return total

    def _push(self, node: Node, arrived: Sequence[tuple[int, Fact]]) -> list[Fact]:
        if all(f is None for _, f in arrived):
            return []
        facts: list[Fact] = [None] * len(node.args)
        for port, fact in arrived:
            facts[port] = fact
        with self.graph.at(node.span):
            if isinstance(node.op, Region):
                self.finite.enter(node)
                facts = facts if isinstance(node.op, Branch) else [unselected(f) for f in facts]
                return [node.op.derivative(node, self, [with_nodes(f) for f in facts])]
            if node.op is PART:
                return [facts[0](node.attrs["of"])]
            chains = ((self.local(node, port), f) for port, f in enumerate(facts) if f is not None)
            selects = self.selects and node.op in SELECTIONS
            return [push_fact(chain, f, selects=selects) for chain, f in chains if chain is not None]

    def local(self, node: Node, port: int) -> Chain | None:
        """J[node, port] at the values."""
        if self.on_nodes:
            jacobian = node.op.jacobian
            return None if jacobian is None else jacobian(port, node, *node.args, **node.attrs)
        return node.op.local(port, self.values[node], *(self.values[a] for a in node.args), **node.attrs)

    def inside(
        self, body: Graph, values: Mapping[Node, Any], seeds: dict[Node, Fact], nodes: Sequence[Node]
    ) -> dict[Node, Fact]:
        """The same analysis in the body of a region; what it emits goes into `body`."""
        inner = Derivative(
            body,
            values,
            seeds,
            backward=self.backward,
            finite=self.finite,
            states=self.states,
            contracts=self.contracts,
        )
        return solve(nodes, inner, backward=self.backward)


def between(nodes: Sequence[Node], starts: Iterable[Node], ends: Iterable[Node]) -> list[Node]:
    """The nodes on some path from one of `starts` to one of `ends`: where the analysis has to look."""
    # activity is a path sum in (or, and); as sets of nodes it takes a tenth of the time
    reached, found = set(starts), set(ends)
    for n in nodes:
        if not reached.isdisjoint(n.args):
            reached.add(n)
    for n in reversed(nodes):
        if n in found:
            found.update(n.args)
    return [n for n in nodes if n in reached and n in found]


def adjoint(
    output: Node,
    wrt: Sequence[Node],
    seed: Node | Masked | None = None,
    states: Mapping[Node, int] | None = None,
) -> list[Node | None]:
    """The nodes d(output)/d(x) for each x in `wrt`, appended to the graph; None is a structural zero.

    Without `seed`, the output is a real scalar and its own adjoint is 1; else the result is the vector-Jacobian product
    of `seed`, of the output's shape. `states` is as in `Derivative`.
    """
    graph = output.graph
    start = graph.constant(1.0, "real", output.shape) if seed is None else seed
    nodes = between(graph.nodes[: output.id + 1], wrt, [output])
    analysis = Derivative(graph, Identity(), {output: start}, backward=True, states=states)
    facts = solve(nodes, analysis, backward=True)
    return [plain_or_none(facts.get(x)) for x in wrt]


def tangent(output: Node, tangents: Mapping[Node, Node | Masked]) -> Node | None:
    """The node of the Jacobian-vector product of `output` along `tangents`; None is a structural zero."""
    graph = output.graph
    nodes = between(graph.nodes[: output.id + 1], tangents, [output])
    finite = Finite()
    analysis = Derivative(
        graph, Identity(), tangents, backward=False, finite=finite, selects=not finite(output)
    )
    facts = solve(nodes, analysis)
    found: Node | None = plain_or_none(facts.get(output))
    return found


def pulled(nodes: Sequence[Node], values: Mapping[Node, Any], output: Node, seed: Any) -> dict[Node, Fact]:
    """The adjoint of every node of an executed trace, as numbers, for the cotangent `seed` of the output."""
    with np.errstate(all="ignore"):
        return solve(nodes, Derivative(output.graph, values, {output: seed}, backward=True), backward=True)


def pushed(
    nodes: Sequence[Node], values: Mapping[Node, Any], tangents: Mapping[Node, Any]
) -> dict[Node, Fact]:
    """The tangent of every node of an executed trace, as numbers, for tangents of the inputs."""
    graph = next(iter(nodes)).graph
    with np.errstate(all="ignore"):
        return solve(nodes, Derivative(graph, values, tangents, backward=False))


def plain_or_none(fact: Fact) -> Any:
    """The value of a fact, or None for a structural zero."""
    return None if fact is None else plain(fact)
