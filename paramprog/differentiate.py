"""Derivative operators of the language, expanded: adjoints and tangents along given paths, and whole Jacobians.

The builder of the flow graph is below the gradient analysis and is handed this module (see
`lang.build_derivatives.Derive`). A Jacobian is one region whose lanes are its rows, pulls of unit covectors, or its
columns, pushes of unit tangents; what does not depend on the lane is computed once. Entries beside those of a unit
vector are structural zeros. Tapes have no lanes: through them the rows, or columns, are the turns of a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from paramprog.dataflow.flow import Edge
from paramprog.dataflow.solve import solve
from paramprog.gradient import Derivative, adjoint, plain_or_none
from paramprog.graph import Graph, Node, Result, part
from paramprog.graph.graph import bodies
from paramprog.lang.extent import Extent, Layer
from paramprog.transfer.base import Body
from paramprog.transfer.branches import mapped
from paramprog.transfer.facts import Fact, Masked, plus
from paramprog.transfer.finite import Finite
from paramprog.transfer.linear import MUL, SUM
from paramprog.transfer.loops import loop
from paramprog.transfer.put import PUT
from paramprog.transfer.rearrange import RESHAPE, TRANSPOSE
from paramprog.transfer.step import EQUAL, REAL
from paramprog.transfer.tape import TAPES
from paramprog.types import Shape, elements


def partials(body: Body) -> None:
    """The partials of a base function, unless they were given by hand."""
    if body.partials is None:
        body.partials = adjoint(body.result, body.arguments)


def pull(graph: Graph, extent: Extent, seed: Node | None = None) -> list[Node | None]:
    """J^T seed for each x; without `seed` the output is a scalar and this is its gradient."""
    start = graph.constant(1.0, "real", extent.output.shape) if seed is None else seed
    return [plain_or_none(f) for f in _pulled(graph, extent, start)]


def push(graph: Graph, extent: Extent, tangents: Mapping[Node, Node]) -> Node | None:
    """J t, for a tangent of each x."""
    found: Node | None = plain_or_none(_pushed(graph, extent, tangents))
    return found


def rows(graph: Graph, extent: Extent) -> list[Node | None]:
    """The Jacobian by each x, of shape `[*y, *x]`: a pull for each entry of y."""
    y = extent.output
    if elements(y.shape) == 1:
        found = pull(graph, extent)
        return [_shaped(n, (*y.shape, *x.shape)) for n, x in zip(found, extent.wrt, strict=True)]
    each = _turns if _on_tapes(extent) else _lanes
    whole = each(graph, y.shape, lambda body, unit: [plain_or_none(f) for f in _pulled(body, extent, unit)])
    return [_shaped(n, (*y.shape, *x.shape)) for n, x in zip(whole, extent.wrt, strict=True)]


def columns(graph: Graph, extent: Extent, against: Node | None = None) -> list[Node | None]:
    """The Jacobian by each x, of shape `[*y, *x]`: a push for each entry of x.

    With `against`, a cotangent of the output, J^T against, of the shape of x.
    """
    return [_columns(graph, extent, x, against) for x in extent.wrt]


def _columns(graph: Graph, extent: Extent, x: Node, against: Node | None) -> Node | None:
    y = extent.output.shape

    def column(body: Graph, unit: Fact) -> list[Node | None]:
        found = plain_or_none(_pushed(body, extent, {x: unit}))
        return [found if found is None or against is None else _inner(found, against)]

    if elements(x.shape) == 1:
        (found,) = column(graph, graph.constant(1.0, "real", x.shape))
        return _shaped(found, (*(y if against is None else ()), *x.shape))
    (found,) = (_turns if _on_tapes(extent) else _lanes)(graph, x.shape, column)
    if found is None or against is not None:
        return _shaped(found, x.shape)
    last = TRANSPOSE(found, axes=(*range(1, 1 + len(y)), 0)) if y else found
    return _shaped(last, (*y, *x.shape))


def _inner(a: Node, b: Node) -> Node:
    product: Node = MUL(a, b)
    axes = tuple(range(len(product.shape)))
    return SUM(product, axes=axes, sizes=product.shape) if axes else product


def _shaped(node: Node | None, shape: Shape) -> Node | None:
    return node if node is None or node.shape == shape else RESHAPE(node, of=node.shape, to=shape)


Product = Callable[[Graph, Fact], Sequence[Node | None]]
"""Emits J^T u, or J u, for a vector u into a body."""


def _lanes(graph: Graph, shape: Shape, derivative: Product) -> list[Node | None]:
    """What `derivative` is for each unit vector of `shape`, lane by lane in front: `[n, *result]`."""
    size = elements(shape)
    body = Graph(graph, lane_rank=1, shared=True)
    at = body.port("free", graph.array(np.arange(size)))
    lanes = EQUAL(at, graph.array(np.arange(size).reshape(shape)))
    found = derivative(body, Masked(REAL(lanes), lanes))
    present = [body.own(n) for n in found if n is not None]
    made = iter(mapped(graph, (size,), body, present) if present else ())
    return [None if n is None else next(made) for n in found]


def _turns(graph: Graph, shape: Shape, derivative: Product) -> list[Node | None]:
    """The same, one after the other: each turn of a loop puts its result in its place."""
    size = elements(shape)
    body = Graph(graph)
    at = body.port("index", None)
    here = EQUAL(at, body.own(graph.array(np.arange(size).reshape(shape))))
    found = [None if n is None else body.own(n) for n in derivative(body, Masked(REAL(here), here))]
    carried = []
    for n in found:
        if n is not None:
            whole = body.port("carry", graph.constant(0.0, "real", (size, *n.shape)))
            carried.append((whole, PUT(whole, at, n, axis=0, size=size)))
    if not carried:
        return found
    made = loop(graph, graph.constant(size, "int"), body, carried, trips=size)
    parts = iter([part(made, Result(k)) for k in range(len(carried))])
    return [None if n is None else next(parts) for n in found]


def _on_tapes(extent: Extent) -> bool:
    """Whether anything that is differentiated lies on a tape."""
    waiting = [n for layer in extent.layers for n in layer.nodes]
    while waiting:
        n = waiting.pop()
        if n.op in TAPES:
            return True
        for body in bodies(n):
            waiting += body.nodes
    return False


# ---- facts from layer to layer -----------------------------------------------------------------------------------


class _Within(Derivative):
    """The derivative inside one layer: facts pass from its entries to its nodes, not among entries."""

    def __init__(self, layer: Layer, graph: Graph, seeds: Mapping[Node, Fact], **options: Any) -> None:
        super().__init__(graph, _Owned(graph), seeds, **options)
        self.entries = layer.entries

    def flow(self, edge: Edge, fact: Fact) -> Fact:
        if edge.consumer in self.entries:
            return None if self.backward else (edge.port, None)
        return super().flow(edge, fact)


class _Owned(dict[Node, Node]):
    """The values that derivatives are taken at, as nodes of the graph into which they are emitted."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph

    def __missing__(self, node: Node) -> Node:
        self[node] = self.graph.own(node)
        return self[node]


def _finite(extent: Extent) -> Finite:
    """What is finite, also in the arms that are being built."""
    finite = Finite()
    for layer in reversed(extent.layers):
        for leaf, outer in layer.ports.items():
            finite.assume(leaf, outer)
    return finite


def _pulled(graph: Graph, extent: Extent, seed: Fact) -> list[Fact]:
    """The cotangent of each x, from that of the output."""
    waiting: dict[Node, Fact] = {extent.output: seed}
    found: dict[Node, Fact] = {}
    finite = _finite(extent)
    for k, layer in enumerate(extent.layers):
        seeds = {n: waiting.pop(n) for n in layer.nodes if n in waiting}
        analysis = _Within(layer, graph, seeds, backward=True, finite=finite)
        facts = solve(layer.nodes, analysis, backward=True)
        for x in (x for x, at in extent.at.items() if at == k):
            found[x] = facts.get(x)
        for n in layer.entries:
            if n not in found:
                waiting[n] = plus(waiting.get(n), facts[n])
        for leaf, outer in layer.ports.items():
            waiting[outer] = plus(waiting.get(outer), facts[leaf])
    return [found.get(x) for x in extent.wrt]


def _pushed(graph: Graph, extent: Extent, tangents: Mapping[Node, Fact]) -> Fact:
    """The tangent of the output, from those of the x's."""
    known: dict[Node, Fact] = {}
    finite = _finite(extent)
    selects = not finite(extent.output)
    for k, layer in reversed(list(enumerate(extent.layers))):
        here = {x: t for x, t in tangents.items() if extent.at.get(x) == k}
        ports = {leaf: known.get(outer) for leaf, outer in layer.ports.items()}
        entering = {n: known.get(n) for n in layer.entries if n not in here}
        analysis = _Within(
            layer, graph, {**ports, **entering, **here}, backward=False, finite=finite, selects=selects
        )
        known |= solve(layer.nodes, analysis)
    return known.get(extent.output)
