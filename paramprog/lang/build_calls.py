"""Calls as nodes: functions are inlined, a primitive or a base function is one node; an earlier call is reused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramprog.diagnostics import Span
from paramprog.graph import Graph, Node
from paramprog.lang.build_derivatives import derivatives
from paramprog.lang.imports import prelude_unit
from paramprog.lang.instance import BaseCall, Differentiation, Inlined, Mapped, Primitive, Window
from paramprog.lang.syntax import Call
from paramprog.lang.walk import Walk, walk
from paramprog.op import OPS
from paramprog.transfer.base import BaseOp, Body, base_op
from paramprog.transfer.branches import mapped
from paramprog.types import Type

if TYPE_CHECKING:
    from paramprog.lang.frame import Frame


def one_call(frame: Frame, e: Call) -> Walk[Node]:
    """A call with one result."""
    nodes: list[Node] = yield call(frame, e)
    return nodes[0]


def call(frame: Frame, e: Call) -> Walk[list[Node]]:
    """The results of a call."""
    target, builder = frame.instance.targets[e], frame.builder
    if isinstance(target, Inlined):
        results: list[Node] = yield _inlined(frame, target, e.span)
        return results
    if isinstance(target, Differentiation):
        results = yield derivatives(frame, e, target)
        return results
    nodes: list[Node] = []
    for operand in target.operands:
        node: Node = frame.leaf(operand) or (yield frame.inner(operand))
        nodes.append(node)
    if isinstance(target, Primitive):
        return [builder.emit(target.op, nodes, target.attrs, e.span)]
    if isinstance(target, Window):
        return [_window(frame, target, nodes, e.span)]
    if isinstance(target, Mapped):
        node = yield _mapped(frame, target, nodes[0], e.span)
        return [node]
    op = _base(frame, target)
    key = (op, *nodes)
    if (known := _known(frame, key)) is None:
        known = builder.calls[-1][key] = [builder.emit(op, nodes, {}, e.span)]
    return known


def _known(frame: Frame, key: Any) -> list[Node] | None:
    """The results of an earlier call with these points, in this body or around it."""
    return next((calls[key] for calls in reversed(frame.builder.calls) if key in calls), None)


def _inlined(frame: Frame, target: Inlined, span: Span, first: Node | None = None) -> Walk[list[Node]]:
    """The body of a function on the points of its arguments; `first` is that of the first one, if it is made."""
    inner, builder = target.instance, frame.builder
    given: dict[str, Node] = {}
    for k, (formal, operand) in enumerate(zip(inner.formals(), target.operands, strict=True)):
        name = formal.name.text
        if operand is not None and name not in inner.functions and inner.arguments[name].static is None:
            given[name] = first if k == 0 and first is not None else (yield frame.expression(operand))
    key = (inner, *map(builder.selections.key, given.values()))
    if (known := _known(frame, key)) is not None:
        return known
    made = frame.call(inner, dict(inner.dims))
    for formal in inner.formals():
        name = formal.name.text
        if name in inner.functions or inner.arguments[name].static is not None:
            if name in inner.arguments and (static := inner.arguments[name].static) is not None:
                made.scope[name] = static
            continue
        if name in given:
            node = given[name]
        else:
            assert formal.default is not None
            node = yield made.expression(formal.default)
        if inner.arguments[name].type.kind == "real":
            node = builder.real(node)
        made.scope[name] = made.point(node, name, span)
    with builder.at(builder.place or span if inner.home.unit is prelude_unit() else None):
        results: list[Node] = yield made.results()
    builder.calls[-1][key] = results
    return results


def _mapped(frame: Frame, target: Mapped, array: Node, span: Span) -> Walk[Node]:
    """The function inlined once, in a body that speaks of one entry."""
    builder = frame.builder
    outer, lanes = builder.graph, array.shape
    body = Graph(outer, lane_rank=len(lanes), shared=True)
    entry = body.port("free", outer.own(array))
    with builder.body(body):
        results: list[Node] = yield _inlined(frame, target.inlined, span, entry)
    with outer.at(builder.place or span):
        (made,) = mapped(outer, lanes, body, [body.own(results[0])])
    return made


def _window(frame: Frame, target: Window, nodes: list[Node], span: Span) -> Node:
    """n entries from i on: those at i + [0, ..., n-1]."""
    x, i = nodes
    places = frame.places(i, range(target.length), span)
    return frame.builder.emit(OPS["gather"], (x, places), {"axis": target.axis, "size": target.size}, span)


def _base(frame: Frame, call: BaseCall) -> BaseOp:
    """The primitive of a base function, built once."""
    builder = frame.builder
    if call.base not in builder.bases:
        body = Graph(real=builder.graph.real)
        with builder.body(body):
            arguments = [body.leaf(Type("real", ()), a.text) for a in call.base.arguments]
            made = frame.call(call.instance, {a.name or "": a for a in arguments})
            result = builder.real(walk(made.whole(call.base.body)))
            partials = None
            if call.base.partials is not None:
                partials = [builder.real(walk(made.whole(p))) for p in call.base.partials]
        own = Body(body, tuple(arguments), result, partials, given=partials is not None)
        builder.derive.partials(own)
        builder.bases[call.base] = base_op(call.base.name.text, call.base.span.text, own)
    return builder.bases[call.base]
