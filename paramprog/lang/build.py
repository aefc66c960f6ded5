"""From the typed tree to the flow graph: functions are inlined, a call of a base function is one node.

The built graph has one node per operation as written, each assignment and each argument of a call being a point of its
own; only a call with the points of an earlier call is that call. Nothing is simplified here: it is what users see,
count and verify.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from paramprog.diagnostics import Span, fail
from paramprog.graph import Graph, Node
from paramprog.graph.constant import Constant
from paramprog.graph.depth import MAX_REGION_DEPTH
from paramprog.lang.check import Checked
from paramprog.lang.declarations import Const
from paramprog.lang.imports import prelude_unit
from paramprog.lang.instance import BaseCall, Inlined, Instance, Primitive, Static
from paramprog.lang.lanes import conditional_lanes
from paramprog.lang.selections import Selections
from paramprog.lang.syntax import (
    Arm,
    Assign,
    BaseDecl,
    Boolean,
    Call,
    Chain,
    Compare,
    Conditional,
    Expression,
    If,
    Index,
    Integer,
    ListLiteral,
    Name,
    Negate,
    Not,
    Number,
    Power,
    Return,
    Statement,
    Target,
)
from paramprog.lang.walk import Walk, walk
from paramprog.op import OPS, Op
from paramprog.transfer.base import BaseOp, Body, base_op
from paramprog.transfer.regions import branch
from paramprog.types import Real, Type

MAX_NODES = 1_000_000


@dataclass(frozen=True, eq=False)
class Built:
    """The flow graph of the entry function.

    `inputs` and `params` are leaves; `points` are the named points of the entry function's body; `bases` the base
    functions used, whose partials the pipeline fills in.
    """

    graph: Graph
    inputs: Mapping[str, Node]
    params: Mapping[str, Node]
    points: Mapping[str, Node]
    outputs: Mapping[str, Node]
    bases: Sequence[BaseOp]


def build(program: Checked, real: Real = "float64", max_nodes: int = MAX_NODES) -> Built:
    """The flow graph of a checked program.

    Raises ProgramError when it has more than `max_nodes` nodes.
    """
    builder = Builder(program, Graph(real=real), max_nodes)
    entry = program.entry
    inputs: dict[str, Node] = {}
    for formal in entry.formals():
        name = formal.name.text
        with builder.graph.at(formal.name.span):
            inputs[name] = builder.graph.leaf(entry.arguments[name].type, name)
    for name, type in program.params.items():
        with builder.graph.at(program.items[name].name.span):
            builder.params[name] = builder.graph.leaf(type, name)
    frame = Frame(builder, entry, dict(inputs) | dict(entry.dims))
    outputs = walk(frame.results())
    points = {k: v for k, v in frame.scope.items() if isinstance(v, Node) and k not in inputs}
    return Built(
        builder.graph,
        inputs,
        builder.params,
        points,
        dict(zip(entry.result_names, outputs, strict=True)),
        list(builder.bases.values()),
    )


@dataclass(eq=False)
class Builder:
    """What all frames share: the graph being appended to (a body, inside an arm), and what has been made once."""

    program: Checked
    graph: Graph
    max_nodes: int
    params: dict[str, Node] = field(default_factory=dict)
    bases: dict[BaseDecl, BaseOp] = field(default_factory=dict)
    calls: list[dict[Any, list[Node]]] = field(default_factory=lambda: [{}])
    """Calls made so far by their points, one dictionary for each arm being built: an arm's calls are its own."""
    selected: tuple[tuple[Node, int], ...] = ()
    """The array conditions around what is being built, each with the side (0 where it holds)."""
    selections: Selections = field(default_factory=Selections)
    place: Span | None = None
    """The call of a function of the prelude that is being inlined: all in it has its place in the user's text."""
    count: int = 0

    def emit(self, op: Op, args: Sequence[Node], attrs: Mapping[str, Any], span: Span) -> Node:
        """Append to the current graph, and mind the limit of nodes."""
        self.count += 1
        if self.count > self.max_nodes:
            message = f"the flow graph has more than {self.max_nodes} nodes"
            raise fail("graph-limit", message, span, "raise the limit with `--max-nodes`")
        self.graph.span = self.place or span
        return self.graph.emit(op, *args, **attrs)

    def constant(self, value: Any, type: Type, span: Span) -> Node:
        """A constant node, filled with one number or holding an array."""
        if not type.shape or np.ndim(value) == 0:
            number = np.asarray(value)[()].item()
            return self.emit(OPS["full"], (), {"value": number, "type": type}, span)
        return self.emit(OPS["array"], (), {"value": Constant(value), "type": type}, span)

    def real(self, node: Node) -> Node:
        return node if node.kind == "real" else self.graph.convert(node, "real")

    @contextmanager
    def body(self, graph: Graph) -> Iterator[None]:
        """Append to a body for a while."""
        if graph.depth > MAX_REGION_DEPTH:
            message = f"conditionals are nested more than {MAX_REGION_DEPTH} deep here"
            raise fail("nesting-limit", message, self.graph.span, "an `else if` chain counts each arm")
        before, self.graph = self.graph, graph
        self.calls.append({})
        try:
            yield
        finally:
            self.graph = before
            self.calls.pop()

    @contextmanager
    def at(self, call: Span | None) -> Iterator[None]:
        """The place of all that is appended for a while; None: where it is written."""
        before, self.place = self.place, call
        try:
            yield
        finally:
            self.place = before

    @contextmanager
    def lanes(self, condition: Node, which: int) -> Iterator[None]:
        """Build one side of a conditional; lanes of an array condition are selected there."""
        before = self.selected
        if condition.shape:
            self.selected = (*before, (condition, which))
        try:
            yield
        finally:
            self.selected = before

    def base(self, call: BaseCall) -> BaseOp:
        """The primitive of a base function, built once."""
        if call.base not in self.bases:
            body = Graph(real=self.graph.real)
            with self.body(body):
                arguments = [body.leaf(Type("real", ()), a.text) for a in call.base.arguments]
                frame = Frame(self, call.instance, {a.name or "": a for a in arguments})
                result = self.real(walk(frame.expression(call.base.body)))
                partials = None
                if call.base.partials is not None:
                    partials = [self.real(walk(frame.expression(p))) for p in call.base.partials]
            made = Body(body, tuple(arguments), result, partials, given=partials is not None)
            self.bases[call.base] = base_op(call.base.name.text, call.base.span.text, made)
        return self.bases[call.base]


class Frame:
    """One call being inlined: the points (or compile-time values) of its names."""

    def __init__(self, builder: Builder, instance: Instance, scope: dict[str, Node | Static]) -> None:
        self.builder, self.instance, self.scope = builder, instance, scope

    def results(self) -> Walk[list[Node]]:
        assert self.instance.function is not None
        nodes: list[Node] = yield self.block(self.instance.function.body.statements)
        out: list[Node] = []
        for node, info in zip(nodes, self.instance.results, strict=True):
            out.append(self.builder.real(node) if info.type.kind == "real" else node)
        return out

    def block(self, statements: Sequence[Statement]) -> Walk[list[Node]]:
        for s in statements:
            if isinstance(s, Return):
                nodes: list[Node] = []
                for e in s.values:
                    node: Node = yield self.expression(e)
                    nodes.append(node)
                return nodes
            if isinstance(s, If):
                chosen = self.instance.chosen[s]
                returned: list[Node] = yield self.block(chosen.statements if chosen is not None else ())
                if returned:
                    return returned
            if isinstance(s, Assign):
                yield self.assign(s)
        return []

    def assign(self, s: Assign) -> Walk[None]:
        nodes: list[Node | Static] = []
        for e in s.values:
            if isinstance(e, Call) and len(s.targets) > len(s.values):
                several: list[Node] = yield self.call(e)
                nodes.extend(several)
            else:
                static = self.instance.info[e].static
                value: Node | Static = static if static is not None else (yield self.expression(e))
                nodes.append(value)
        for target, node in zip(s.targets, nodes, strict=True):
            name = target.name
            if target.indices is not None:
                updated: Node = yield self.update(target, node)
                self.scope[name.text] = updated
                continue
            self.scope[name.text] = self.point(node, name.text, name.span) if isinstance(node, Node) else node

    def update(self, target: Target, value: Node | Static) -> Walk[Node]:
        """A new version of an array; entries at run-time indices are replaced inside what the static ones cut out."""
        builder, name, span = self.builder, target.name, target.span
        old, plan, type = (
            self.scope[name.text],
            self.instance.indices[target],
            self.instance.info[target].type,
        )
        assert isinstance(old, Node)
        new = value if isinstance(value, Node) else builder.constant(value, Type(type.kind, ()), span)
        if type.kind == "real":
            new = builder.real(new)
        if new.shape != type.shape:
            new = builder.graph.spread(new, type.shape)
        cut = (
            builder.emit(OPS["slice"], (old,), {"cuts": plan.cuts}, span)
            if plan.cuts and plan.run_time
            else old
        )
        whole: list[tuple[Node, Node, int]] = []
        for axis, item in reversed(plan.run_time):
            i: Node = yield self.expression(item)
            whole.append((cut, i, axis))
            cut = builder.emit(OPS["gather"], (cut, i), {"axis": axis, "size": cut.shape[axis]}, span)
        for array, i, axis in reversed(whole):
            new = builder.emit(OPS["put"], (array, i, new), {"axis": axis, "size": array.shape[axis]}, span)
        if plan.cuts or not plan.run_time:
            new = builder.emit(OPS["replace"], (old, new), {"cuts": plan.cuts}, span)
        new.name = name.text
        return new

    def point(self, node: Node, name: str, span: Span) -> Node:
        """The node as a point of this name: itself if it has no name yet, else a copy."""
        if node.name is not None or node.graph is not self.builder.graph:
            node = self.builder.emit(OPS["copy"], (node,), {}, span)
        node.name = name
        return node

    # ---- expressions ---------------------------------------------------------------------------------------------

    def expression(self, e: Expression) -> Walk[Node]:
        info = self.instance.info[e]
        if info.static is not None:
            return self.builder.constant(info.static, info.type, e.span)
        if type(e) in self.LEAVES:
            return self.LEAVES[type(e)](self, e)
        node: Node = yield self.METHODS[type(e)](self, e)
        return node

    def number(self, e: Number) -> Node:
        return self.builder.constant(e.value, self.instance.info[e].type, e.span)

    def name(self, e: Name) -> Node:
        found = self.scope.get(e.text)
        if isinstance(found, Node):
            return found
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
            left = yield self.expression(e.first)
        for link in e.links[start:]:
            target = self.instance.targets.get(link)
            if not isinstance(target, Primitive):
                continue  # decided at compile time
            right: Node = yield self.expression(link.operand)
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
        for axis, item in reversed(plan.run_time):
            i: Node = yield self.expression(item)
            attrs = {"axis": axis, "size": node.shape[axis]}
            node = self.builder.emit(OPS["gather"], (node, i), attrs, e.span)
        return node

    # ---- conditionals --------------------------------------------------------------------------------------------

    def conditional(self, e: Conditional) -> Walk[Node]:
        plan = self.instance.arms[e]
        if not plan.arms:
            node: Node = yield self.expression(plan.otherwise)
            return node
        node = yield self.arms(plan.arms, plan.otherwise, self.instance.info[e].type, e.span)
        return node

    def arms(self, arms: Sequence[Arm], otherwise: Expression, type: Type, span: Span) -> Walk[Node]:
        """`if c then a else (the rest)`: one branch, the rest being inside its second body."""
        builder = self.builder
        condition: Node = yield self.expression(arms[0].condition)
        outer = builder.graph
        bodies: list[Graph] = []
        results: list[Node] = []
        for which in range(2):
            body = Graph(outer)
            with builder.body(body), builder.lanes(condition, which):
                if which == 0:
                    node: Node = yield self.expression(arms[0].value)
                elif len(arms) > 1:
                    node = yield self.arms(arms[1:], otherwise, type, span)
                else:
                    node = yield self.expression(otherwise)
                with body.at(span):
                    node = body.own(node)
                    if type.kind == "real":
                        node = builder.real(node)
                    if not condition.shape and node.shape != type.shape:
                        node = body.spread(node, type.shape)
            bodies.append(body)
            results.append(node)
        with outer.at(span):
            if condition.shape:
                arms_built = (bodies[0], bodies[1]), (results[0], results[1])
                return conditional_lanes(outer, condition, *arms_built, builder.selected)
            (made,) = branch(outer, condition, (bodies[0], bodies[1]), ((results[0],), (results[1],)))
            return made

    # ---- calls ---------------------------------------------------------------------------------------------------

    def one_call(self, e: Call) -> Walk[Node]:
        nodes: list[Node] = yield self.call(e)
        return nodes[0]

    def call(self, e: Call) -> Walk[list[Node]]:
        target = self.instance.targets[e]
        if isinstance(target, Inlined):
            results: list[Node] = yield self.inlined(target, e.span)
            return results
        nodes: list[Node] = []
        for operand in target.operands:
            node: Node = yield self.expression(operand)
            nodes.append(node)
        if isinstance(target, Primitive):
            return [self.builder.emit(target.op, nodes, target.attrs, e.span)]
        op = self.builder.base(target)
        key = (op, *nodes)
        if (known := self.known(key)) is None:
            known = self.builder.calls[-1][key] = [self.builder.emit(op, nodes, {}, e.span)]
        return known

    def known(self, key: Any) -> list[Node] | None:
        """The results of an earlier call with these points, in this arm or around it."""
        return next((calls[key] for calls in reversed(self.builder.calls) if key in calls), None)

    def inlined(self, target: Inlined, span: Span) -> Walk[list[Node]]:
        inner, builder = target.instance, self.builder
        given: dict[str, Node] = {}
        for formal, operand in zip(inner.formals(), target.operands, strict=True):
            name = formal.name.text
            if operand is not None and name not in inner.functions and inner.arguments[name].static is None:
                given[name] = yield self.expression(operand)
        key = (inner, *map(builder.selections.key, given.values()))
        if (known := self.known(key)) is not None:
            return known
        frame = Frame(builder, inner, dict(inner.dims))
        for formal in inner.formals():
            name = formal.name.text
            if name in inner.functions or inner.arguments[name].static is not None:
                if name in inner.arguments and (static := inner.arguments[name].static) is not None:
                    frame.scope[name] = static
                continue
            if name in given:
                node = given[name]
            else:
                assert formal.default is not None
                node = yield frame.expression(formal.default)
            if inner.arguments[name].type.kind == "real":
                node = builder.real(node)
            frame.scope[name] = frame.point(node, name, span)
        with builder.at(builder.place or span if inner.home.unit is prelude_unit() else None):
            results: list[Node] = yield frame.results()
        builder.calls[-1][key] = results
        return results

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
        Conditional: conditional,
        ListLiteral: stacked,
        Index: index,
        Call: one_call,
    }
