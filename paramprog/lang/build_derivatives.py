"""Derivative operators as nodes: what the analysis emits for the points so far is appended where the operator stands.

So the innermost operator is expanded first, another one differentiates nodes that exist, and every mix of modes works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from paramprog.diagnostics import Diagnostic
from paramprog.graph import Graph, Node
from paramprog.lang.extent import Extent, between, extent, place_of, stretches
from paramprog.lang.instance import Differentiation
from paramprog.lang.syntax import Call, Name
from paramprog.lang.walk import Walk
from paramprog.op import OPS
from paramprog.transfer.base import Body
from paramprog.types import Shape, Type, elements

if TYPE_CHECKING:
    from paramprog.lang.builder import Builder
    from paramprog.lang.frame import Frame


class Derive(Protocol):
    """The gradient analysis, which is above this package: it emits into `graph`; None is a structural zero."""

    def partials(self, body: Body) -> None:
        """Fill in the partials of a base function."""

    def pull(self, graph: Graph, extent: Extent, seed: Node | None = None) -> list[Node | None]:
        """J^T seed for each x, or the gradient of a scalar."""

    def push(self, graph: Graph, extent: Extent, tangents: Mapping[Node, Node]) -> Node | None:
        """J t."""

    def rows(self, graph: Graph, extent: Extent) -> list[Node | None]:
        """The Jacobian by each x, `[*y, *x]`, row by row."""

    def columns(self, graph: Graph, extent: Extent, against: Node | None = None) -> list[Node | None]:
        """The Jacobian by each x, column by column; with `against`, its product with that cotangent, `[*x]`."""


def derivatives(frame: Frame, e: Call, target: Differentiation) -> Walk[list[Node]]:
    """The results of an operator; a structural zero is an array of zeros."""
    builder = frame.builder
    along: list[Node] = []
    for t in target.along:
        direction: Node = yield frame.expression(t)
        along.append(builder.real(direction))
    place = builder.place or e.span
    with builder.graph.coming_from(place):
        made = _Expansion(frame, target)
        found = made.results(along)
    builder.grown(made.count(), place)
    shapes = made.shapes()
    independent = {x.text for x, node in made.first if node is None}
    builder.independent[e] = builder.independent.get(e, independent) & independent
    return [
        builder.constant(0.0, Type("real", shape), e.span) if node is None else node
        for node, shape in zip(found, shapes, strict=True)
    ]


def independence(builder: Builder) -> list[Diagnostic]:
    """A warning for each name that no derivative asked for depends on."""
    found: list[Diagnostic] = []
    for e, names in builder.independent.items():
        target = e.arguments[0].value
        assert isinstance(target, Name)
        for argument in e.arguments[1:]:
            x = argument.value
            if isinstance(x, Name) and x.text in names and argument.name is None:
                message = f"`{target.text}` does not depend on `{x.text}`, so this derivative is zero"
                found.append(Diagnostic("independent", message, x.span, None, "warning"))
    return found


class _Expansion:
    """One operator being expanded at the end of the current graph."""

    def __init__(self, frame: Frame, target: Differentiation) -> None:
        self.frame, self.target = frame, target
        self.graph, self.derive = frame.builder.graph, frame.builder.derive
        self.before = len(self.graph)
        self.y = self._point(target.output)
        self.xs = [self._point(x) for x in target.wrt]
        self.first: list[tuple[Name, Node | None]] = []
        """For each name the first derivative by it."""

    def _point(self, name: Name) -> Node:
        node = self.frame.name(name)
        body = self.frame.bodies[0].graph
        return body.own(node) if node.graph.depth < body.depth else node

    def count(self) -> int:
        return len(self.graph) - self.before

    def shapes(self) -> list[Shape]:
        y, xs = self.y.shape, [x.shape for x in self.xs]
        several: dict[str, list[Shape]] = {
            "jacobian": [(*y, *x) for x in xs],
            "hessian": [(*a, *b) for a in xs for b in xs],
            "jvp": [y],
        }
        return several.get(self.target.operator, xs)

    def results(self, along: Sequence[Node]) -> list[Node | None]:
        target, graph, derive = self.target, self.graph, self.derive
        mode = target.mode
        names = list(zip(target.wrt, self.xs, strict=True))
        paths = extent(stretches(graph, self.frame.bodies), (target.output, self.y), names)
        found: list[Node | None]
        if target.operator == "jvp":
            return self._jvp(paths, along)
        if target.operator == "jacobian":
            found = self._jacobian(paths)
        elif target.operator == "vjp":
            found = (
                derive.columns(graph, paths, along[0])
                if mode == "forward"
                else derive.pull(graph, paths, along[0])
            )
        elif mode == "forward" and target.operator == "grad":
            found = derive.columns(graph, paths)
        else:
            found = derive.pull(graph, paths)
        by_node = dict(zip(paths.wrt, found, strict=True))
        found = [by_node[x] for x in self.xs]
        self.first = list(zip(target.wrt, found, strict=True))
        return self._second(found) if target.operator == "hessian" else found

    def _jacobian(self, paths: Extent) -> list[Node | None]:
        """Forward takes a lane for each entry of x, reverse one for each entry of y: the fewer unless `mode` says."""
        mode = self.target.mode
        if mode is None:
            fewer = elements(self.y.shape) <= sum(elements(x.shape) for x in paths.wrt)
            mode = "reverse" if fewer else "forward"
        return (
            self.derive.rows(self.graph, paths)
            if mode == "reverse"
            else self.derive.columns(self.graph, paths)
        )

    def _second(self, gradients: Sequence[Node | None]) -> list[Node | None]:
        """The Jacobians of the gradients, which the operator has just made."""
        whole: list[Node | None] = []
        for g in gradients:
            if g is None:
                whole += [None] * len(self.xs)
                continue
            paths = self._paths(g, self.xs)
            reverse = self.target.mode == "reverse"
            rows = self.derive.rows(self.graph, paths) if reverse else self.derive.columns(self.graph, paths)
            by_node = dict(zip(paths.wrt, rows, strict=True))
            whole += [by_node[x] for x in self.xs]
        return whole

    def _paths(self, y: Node, xs: Sequence[Node]) -> Extent:
        """The paths to something that the operator has made."""
        found = stretches(self.graph, self.frame.bodies)
        names = [x.text for x in self.target.wrt] if xs is self.xs else [""] * len(xs)
        return between(found, y, {x: place_of(found, name, x) for name, x in zip(names, xs, strict=True)})

    def _jvp(self, paths: Extent, along: Sequence[Node]) -> list[Node | None]:
        tangents: dict[Node, Node] = {}
        for x, t in zip(self.xs, along, strict=True):
            tangents[x] = tangents[x] + t if x in tangents else t
        if self.target.mode == "reverse":
            found = self._transposed(paths, tangents)
        else:
            found = self.derive.push(self.graph, paths, tangents)
        self.first = [(x, found) for x in self.target.wrt]
        return [found]

    def _transposed(self, paths: Extent, tangents: Mapping[Node, Node]) -> Node | None:
        """J t as the gradient of <J^T w, t> by w, which does not depend on w."""
        w = self.graph.constant(0.0, "real", self.y.shape)
        total: Node | None = None
        for x, u in zip(paths.wrt, self.derive.pull(self.graph, paths, w), strict=True):
            if u is None:
                continue
            product = OPS["mul"](u, tangents[x])
            if product.shape:
                axes = tuple(range(len(product.shape)))
                product = OPS["sum"](product, axes=axes, sizes=product.shape)
            total = product if total is None else total + product
        if total is None:
            return None
        (found,) = self.derive.pull(self.graph, self._paths(total, [w]))
        return found
