"""What is printed: the graph of a value and its gradients, and what its nodes are called in the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from paramprog.dataflow.solve import solve
from paramprog.diagnostics import Span
from paramprog.emit.histories import row_by_row
from paramprog.emit.lanes import entry_by_entry
from paramprog.emit.names import is_number_name
from paramprog.gradient import Derivative, Identity, between, plain_or_none
from paramprog.graph import Graph, Node, cone
from paramprog.graph.graph import bodies
from paramprog.graph.region import Region
from paramprog.lang.build import Built
from paramprog.simplify import simplify
from paramprog.transfer.facts import Fact
from paramprog.transfer.linear import COPY
from paramprog.transfer.source import ARRAY, FULL, LEAF
from paramprog.types import Type


class Adjoint(NamedTuple):
    """v_X for the point X called `name`: its node, None for a structural zero, and the uses of X it sums over."""

    name: str
    node: Node | None
    type: Type
    wanted: bool
    """Whether it was asked for, and is returned."""
    uses: tuple[Span, ...]
    first: int
    """Where in the program the earliest use is; there the adjoint is complete."""


@dataclass(frozen=True, eq=False)
class Gradient:
    """One simplified graph of a value and its gradients.

    `leaves` are the inputs and params that it needs, `points` the named points of the entry function in the order of
    the source, `adjoints` are in the order of the analysis, and `hints` has names from functions that were inlined.
    """

    graph: Graph
    value: Node
    value_name: str | None
    leaves: Mapping[str, Node]
    points: Sequence[tuple[str, Node]]
    adjoints: Sequence[Adjoint]
    others: Mapping[Node, Adjoint]
    """The adjoints of all nodes of the program, also of those without a name."""
    hints: Mapping[Node, str]
    outputs: Sequence[Node]
    """The value, and all adjoints that are there."""


def gradient(built: Built, output: str, wrt: Mapping[str, Node], *, contracts: bool = True) -> Gradient:
    """The value of one output and its gradients, prepared for printing; the output is a real scalar.

    Without `contracts` there are no contractions of histories whose length is known at run time only, and nothing else
    is computed of them as a whole where that can be helped.

    The program is simplified before it is differentiated, unless that could make one point of two that are
    differentiated by.
    """
    target = built.outputs[output]
    of: Mapping[Node, Node]
    if all(n.op is LEAF for n in wrt.values()):
        first = simplify([target])
        of, end = first.of, first.outputs[0]
    else:
        of, end = _Itself(), target
    graph = end.graph
    before = cone(graph.nodes[: end.id + 1], [end])
    chosen = {name: of[n] for name, n in wrt.items() if n in of}
    named = {**built.points, **built.params, **built.inputs}
    live = set(before)
    points = {name: of[n] for name, n in named.items() if n in of and of[n] in live}
    uses = _uses(before)
    every = {**{k: n for k, n in points.items() if n.kind == "real"}, **chosen}
    reals = (n for n in before if not isinstance(n.op, Region) and n.kind == "real")
    asked = list(dict.fromkeys([*every.values(), *reals]))
    pulled = dict(zip(asked, _adjoints(end, asked, contracts=contracts), strict=True))
    made = [pulled[n] for n in chosen.values()]
    second = simplify([end, *(n for n in made if n is not None)])
    entry_by_entry(second.graph)
    if not contracts:
        row_by_row(second.graph)
    where = second.of

    def found(name: str, node: Node, *, wanted: bool) -> Adjoint:
        at, used = pulled[node], uses.get(node, ())
        spans = tuple(u.span for u in used if u.span is not None)
        now = None if at is None else where.get(at)
        return Adjoint(name, now, node.type, wanted, spans, min((u.id for u in used), default=-1))

    adjoints = [found(name, n, wanted=name in chosen) for name, n in every.items()]
    adjoints += [Adjoint(k, None, n.type, True, (), -1) for k, n in wrt.items() if k not in chosen]
    others: dict[Node, Adjoint] = {}
    for n in asked:
        if n in where:
            others.setdefault(where[n], found(n.name or "", n, wanted=False))
    leaves = {**built.inputs, **built.params}
    return Gradient(
        second.graph,
        second.outputs[0],
        output if output in named else None,
        {name: where[of[n]] for name, n in leaves.items() if n in of and of[n] in where},
        [(name, where[n]) for name, n in _in_order(points) if n in where and n.op is not LEAF],
        sorted((a for a in adjoints if a.wanted or a.node is not None), key=lambda a: -a.first),
        {n: a for n, a in others.items() if a.node is not None},
        _names(second.graph),
        second.outputs,
    )


class _Naming(Derivative):
    """Adjoints in the bodies of loops and comprehensions have the names of what they are adjoints of."""

    def inside(
        self, body: Graph, values: Mapping[Node, Any], seeds: dict[Node, Fact], nodes: Sequence[Node]
    ) -> dict[Node, Fact]:
        inner = _Naming(body, values, seeds, backward=True, finite=self.finite, contracts=self.contracts)
        facts = solve(nodes, inner, backward=True)
        for n, fact in facts.items():
            made = plain_or_none(fact)
            if n.name and isinstance(made, Node) and made.graph is body and made.name is None:
                made.name = f"d{n.name}"
        return facts


def _adjoints(output: Node, wrt: Sequence[Node], *, contracts: bool) -> list[Node | None]:
    """What `gradient.adjoint` finds, with names."""
    graph = output.graph
    start = graph.constant(1.0, "real", output.shape)
    nodes = between(graph.nodes[: output.id + 1], wrt, [output])
    analysis = _Naming(graph, Identity(), {output: start}, backward=True, contracts=contracts)
    facts = solve(nodes, analysis, backward=True)
    return [plain_or_none(facts.get(x)) for x in wrt]


def _names(graph: Graph) -> dict[Node, str]:
    """The names of nodes, in bodies too, but for those that were given when the program was printed before."""
    found: dict[Node, str] = {}
    pending = [graph]
    while pending:
        for n in pending.pop().nodes:
            if n.name and not is_number_name(n.name):
                found[n] = n.name
            pending += bodies(n)
    return found


class _Itself(dict[Node, Node]):
    """Every node stands for itself."""

    def __missing__(self, node: Node) -> Node:
        return node

    def __contains__(self, node: object) -> bool:
        return True


def _in_order(points: Mapping[str, Node]) -> list[tuple[str, Node]]:
    return sorted(points.items(), key=lambda item: item[1].id)


def _uses(nodes: Sequence[Node]) -> dict[Node, list[Node]]:
    """The operations that use a node and pass a derivative on; those of a copy are uses of the original."""
    uses: dict[Node, list[Node]] = {}
    for n in reversed(nodes):
        if not any(t.kind == "real" for t in n.results) or not (
            n.op.jacobian is not None or isinstance(n.op, Region)
        ):
            continue
        for a in dict.fromkeys(n.args):
            uses.setdefault(a, []).extend(uses.get(n, []) if n.op is COPY else [n])
    return uses


def is_constant(node: Node) -> bool:
    """Whether a node is a number or an array of numbers."""
    return node.op in (FULL, ARRAY)
