"""One call being inlined: expressions become nodes. Statements, regions and calls have files of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from paramprog.diagnostics import Span
from paramprog.graph import Node
from paramprog.lang.build_calls import one_call
from paramprog.lang.build_regions import comprehension, conditional
from paramprog.lang.build_statements import block
from paramprog.lang.builder import Builder
from paramprog.lang.crossing import check_crossings
from paramprog.lang.extent import Body
from paramprog.lang.instance import Instance, Primitive, Static
from paramprog.lang.syntax import (
    Boolean,
    Call,
    Chain,
    Compare,
    Comprehension,
    Conditional,
    Expression,
    Fold,
    Index,
    Integer,
    ListLiteral,
    Name,
    Negate,
    Not,
    Number,
    Power,
)
from paramprog.lang.walk import Done, Walk
from paramprog.op import OPS
from paramprog.types import Type

if TYPE_CHECKING:
    from paramprog.lang.declarations import Const


class Frame:
    """One call being inlined: the points (or compile-time values) of its names."""

    def __init__(self, builder: Builder, instance: Instance, scope: dict[str, Node | Static]) -> None:
        self.builder, self.instance, self.scope = builder, instance, scope
        self.bodies: list[Body] = []
        """What is being built: the body of the function, and the turns of the loops around this place."""
        self.differentiates = instance.differentiates

    def call(self, instance: Instance, scope: dict[str, Node | Static]) -> Frame:
        """A call made here, being inlined."""
        return Frame(self.builder, instance, scope)

    def results(self) -> Walk[list[Node]]:
        assert self.instance.function is not None
        statements = self.instance.function.body.statements
        if not self.differentiates:
            nodes: list[Node] = yield block(self, statements)
            return nodes
        graph = self.builder.graph
        with self.builder.forgetting(), self.body(Body(graph, len(graph.nodes))) as body:
            nodes = yield block(self, statements)
        check_crossings(body.crossings, graph, body.start)
        return nodes

    @contextmanager
    def body(self, body: Body) -> Iterator[Body]:
        """What is built inside belongs to this body or turn."""
        self.bodies.append(body)
        try:
            yield body
        finally:
            self.bodies.pop()

    @contextmanager
    def inside(self, names: Mapping[str, Node | Static], instance: Instance | None = None) -> Iterator[None]:
        """Names assigned inside are not visible after it; `instance` is a typing of this part alone."""
        before = self.scope, self.instance
        self.scope = {**self.scope, **names}
        self.instance = instance or self.instance
        try:
            yield
        finally:
            self.scope, self.instance = before

    def typed(self, value: Node | Static, type: Type, span: Span) -> Node:
        """A value as a node of this type: a compile-time one becomes a constant, an int may become real."""
        if not isinstance(value, Node):
            return self.builder.constant(value, type, span)
        return self.builder.real(value) if type.kind == "real" else value

    def point(self, node: Node, name: str, span: Span) -> Node:
        """The node as a point of this name: itself if it has no name yet, else a copy."""
        if node.name is not None or node.graph is not self.builder.graph:
            node = self.builder.emit(OPS["copy"], (node,), {}, span)
        node.name = name
        return node

    def places(self, i: Node, offsets: range | None, span: Span) -> Node:
        """The indices of a slice that begins at `i`; `i` itself if it is no slice."""
        if offsets is None:
            return i
        steps = self.builder.constant(np.array(offsets, np.int64), Type("int", (len(offsets),)), span)
        return self.builder.emit(OPS["add"], (i, steps), {}, span)

    # ---- expressions ---------------------------------------------------------------------------------------------

    def expression(self, e: Expression) -> Walk[Node] | Done[Node]:
        known = self.leaf(e)
        return self.inner(e) if known is None else Done(known)

    def whole(self, e: Expression) -> Walk[Node]:
        """The same as a walk in any case, for what is walked by itself."""
        node: Node = yield self.expression(e)
        return node

    def leaf(self, e: Expression) -> Node | None:
        """The node of a name or a number; None for what takes a walk: see `inner`."""
        info = self.instance.info[e]
        if info.static is not None:
            return self.builder.constant(info.static, info.type, e.span)
        method = self.LEAVES.get(type(e))
        return None if method is None else method(self, e)

    def inner(self, e: Expression) -> Walk[Node]:
        """The same as `expression`, of what is no leaf."""
        return self.METHODS[type(e)](self, e)

    def number(self, e: Number) -> Node:
        return self.builder.constant(e.value, self.instance.info[e].type, e.span)

    def name(self, e: Name) -> Node:
        found = self.scope.get(e.text)
        if isinstance(found, Node):
            return found
        if found is not None:
            return self.builder.constant(found, self.instance.info[e].type, e.span)
        owner = self.instance.home.owner(e.text)
        if owner is not None and e.text in owner.params:
            return self.builder.params[e.text]
        if owner is not None:
            const: Const = owner.consts[e.text]
            return self.builder.constant(const.value, const.info.type, e.span)
        return self.builder.constant(np.pi, Type("real", ()), e.span)

    def chain(self, e: Chain) -> Walk[Node]:
        info = self.instance.info
        static = [k for k, link in enumerate(e.links) if info[link].static is not None]
        start = static[-1] + 1 if static else 0
        if static:
            value = info[e.links[static[-1]]].static
            left = self.builder.constant(value, info[e.links[static[-1]]].type, e.span)
        else:
            left = self.leaf(e.first) or (yield self.inner(e.first))
        for link in e.links[start:]:
            target = self.instance.targets.get(link)
            if not isinstance(target, Primitive):
                continue  # decided at compile time
            right: Node = self.leaf(link.operand) or (yield self.inner(link.operand))
            span = e.span if link is e.links[-1] else Span(e.span.source, e.span.start, link.operand.span.end)
            left = self.builder.emit(target.op, (left, right), target.attrs, span)
        return left

    def operator(self, e: Compare | Negate | Not | Power) -> Walk[Node]:
        target = self.instance.targets[e]
        assert isinstance(target, Primitive)
        parts = {Compare: ("left", "right"), Power: ("base", "exponent")}.get(type(e), ("operand",))
        nodes: list[Node] = []
        for part in parts:
            node: Node = yield self.expression(getattr(e, part))
            nodes.append(node)
        return self.builder.emit(target.op, nodes, target.attrs, e.span)

    def stacked(self, e: ListLiteral) -> Walk[Node]:
        nodes: list[Node] = []
        for item in e.items:
            node: Node = yield self.expression(item)
            nodes.append(node)
        return self.builder.emit(OPS["stack"], nodes, {"axis": 0}, e.span)

    def index(self, e: Index) -> Walk[Node]:
        node: Node = yield self.expression(e.base)
        plan = self.instance.indices[e]
        if plan.cuts or not plan.run_time:
            node = self.builder.emit(OPS["slice"], (node,), {"cuts": plan.cuts}, e.span)
        # from the last axis on, so that the earlier ones keep their numbers
        for axis, item, offsets in reversed(plan.run_time):
            i: Node = yield self.expression(item)
            i = self.places(i, offsets, item.span)
            attrs = {"axis": axis, "size": node.shape[axis]}
            node = self.builder.emit(OPS["gather"], (node, i), attrs, e.span)
        return node

    LEAVES: ClassVar[dict[type, Callable[[Any, Any], Node]]] = {
        Number: number,
        Integer: number,
        Boolean: number,
        Name: name,
    }
    METHODS: ClassVar[dict[type, Callable[[Any, Any], Walk[Node]]]] = {
        Chain: chain,
        Compare: operator,
        Negate: operator,
        Not: operator,
        Power: operator,
        ListLiteral: stacked,
        Index: index,
        Conditional: conditional,
        Comprehension: comprehension,
        Fold: comprehension,
        Call: one_call,
    }
