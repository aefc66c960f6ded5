"""Conditionals, loops and comprehensions as regions: one node with a body for each arm, turn or entry.

What is built inside a body is its own: names assigned there, and calls made there. A loop or comprehension that is
unrolled is built as if its body had been written out for each turn or entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from paramprog.diagnostics import Span
from paramprog.graph import Graph, Node, Result, part
from paramprog.lang.extent import Body
from paramprog.lang.instance import Choice, Entries, Static, Turns
from paramprog.lang.lanes import conditional_lanes
from paramprog.lang.syntax import (
    Arm,
    Block,
    Comprehension,
    Conditional,
    Expression,
    Fold,
    For,
    Guarded,
    If,
    Statement,
    While,
)
from paramprog.lang.walk import Walk
from paramprog.op import OPS
from paramprog.transfer.branches import branch, mapped
from paramprog.transfer.loops import loop
from paramprog.types import Type

if TYPE_CHECKING:
    from paramprog.lang.frame import Frame

BuildBlock: TypeAlias = "Callable[[Frame, Sequence[Statement]], Walk[list[Node]]]"

INT = Type("int", ())

# ---- conditional expressions -------------------------------------------------------------------------------------


def conditional(frame: Frame, e: Conditional) -> Walk[Node]:
    """What is left of it after the decisions known at compile time."""
    plan = frame.instance.arms[e]
    if not plan.arms:
        node: Node = yield frame.expression(plan.otherwise)
        return node
    node = yield _arms(frame, plan.arms, plan.otherwise, frame.instance.info[e].type, e.span)
    return node


def _arms(frame: Frame, arms: Sequence[Arm], otherwise: Expression, type: Type, span: Span) -> Walk[Node]:
    """`if c then a else (the rest)`: one branch, the rest being inside its second body."""
    builder = frame.builder
    condition: Node = yield frame.expression(arms[0].condition)
    outer = builder.graph
    bodies: list[Graph] = []
    results: list[Node] = []
    for which in range(2):
        body = Graph(outer)
        with builder.body(body):
            if which == 0:
                node: Node = yield frame.expression(arms[0].value)
            elif len(arms) > 1:
                node = yield _arms(frame, arms[1:], otherwise, type, span)
            else:
                node = yield frame.expression(otherwise)
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
            return conditional_lanes(outer, condition, *arms_built, builder.guards)
        (made,) = branch(outer, condition, (bodies[0], bodies[1]), ((results[0],), (results[1],)))
        return made


# ---- if statements -----------------------------------------------------------------------------------------------


def choice(frame: Frame, s: If, block: BuildBlock) -> Walk[list[Node]]:
    """The nodes returned, if every arm returns; else names that are merged become results of a branch."""
    plan = frame.instance.choices[s]
    if not plan.arms:
        returned: list[Node] = yield block(frame, plan.otherwise.statements if plan.otherwise else ())
        for name, info in plan.merged.items():
            if info.static is None:
                frame.scope[name] = frame.typed(frame.scope[name], info.type, s.span)
        return returned
    if not plan.merged and not plan.returns:
        return []
    made: list[Node] = yield _choose(frame, s, plan.arms, plan, block)
    if plan.returns:
        return made
    for name, node in zip(plan.merged, made, strict=True):
        node.name = name
        frame.scope[name] = node
    return []


def _choose(
    frame: Frame, s: If, arms: Sequence[Guarded], plan: Choice, block: BuildBlock
) -> Walk[list[Node]]:
    """A branch between the first arm and the rest: what is returned, or what the merged names are."""
    builder = frame.builder
    condition: Node = yield frame.expression(arms[0].condition)
    outer = builder.graph
    bodies: list[Graph] = []
    results: list[tuple[Node, ...]] = []
    for which in range(2):
        body = Graph(outer)
        with builder.body(body), frame.inside({}):
            if which == 0:
                nodes: list[Node] = yield _side(frame, s, arms[0].body, plan, block)
            elif len(arms) > 1:
                nodes = yield _choose(frame, s, arms[1:], plan, block)
            else:
                nodes = yield _side(frame, s, plan.otherwise, plan, block)
            results.append(tuple(body.own(n) for n in nodes))
        bodies.append(body)
    with outer.at(builder.place or s.span):
        return branch(outer, condition, (bodies[0], bodies[1]), (results[0], results[1]))


def _side(frame: Frame, s: If, body: Block | None, plan: Choice, block: BuildBlock) -> Walk[list[Node]]:
    returned: list[Node] = yield block(frame, body.statements if body is not None else ())
    if plan.returns:
        return returned
    return [frame.typed(frame.scope[name], info.type, s.span) for name, info in plan.merged.items()]


# ---- loops -------------------------------------------------------------------------------------------------------


def turns(frame: Frame, s: For | While, block: BuildBlock) -> Walk[None]:
    """The names carried are results of the region; a loop that changes nothing is none."""
    plan, builder = frame.instance.loops[s], frame.builder
    if plan.unrolled is not None:
        assert isinstance(s, For)
        yield _written_out(frame, s, plan, block)
        return
    if not plan.carried:
        return
    outer = builder.graph
    lower, limit = None, None
    if isinstance(s, For):
        lower, limit = yield _bounds(frame, s)
    body = Graph(outer)
    carries: dict[str, Node] = {}
    for name, info in plan.carried.items():
        carries[name] = body.port("carry", outer.own(frame.typed(frame.scope[name], info.type, s.span)))
        carries[name].name = name
    with builder.body(body), frame.inside(carries), frame.body(Body(body, 0, s, carries)):
        test: Node | None = None
        if isinstance(s, For):
            index = body.port("index", None)
            if lower is not None:
                index = builder.emit(OPS["add"], (lower, index), {}, s.name.span)
            index.name = s.name.text
            frame.scope[s.name.text] = index
        else:
            condition: Node = yield frame.expression(s.condition)
            test = body.own(condition)
        yield block(frame, s.body.statements)
        next = []
        for name, info in plan.carried.items():
            next.append((carries[name], body.own(frame.typed(frame.scope[name], info.type, s.span))))
    with outer.at(builder.place or s.span):
        reverse = isinstance(s, For) and s.backwards
        region = loop(outer, limit, body, next, test, reverse=reverse, checkpoint=plan.checkpoint)
        for k, name in enumerate(plan.carried):
            last = part(region, Result(k))
            last.name = name
            frame.scope[name] = last


def _bounds(frame: Frame, s: For) -> Walk[tuple[Node | None, Node]]:
    """The first index, None if it is 0, and the number of turns."""
    lower, upper = frame.instance.info[s.lower].static, frame.instance.info[s.upper].static
    first: Node | None = None
    if lower != 0:
        first = yield frame.expression(s.lower)
    if lower is not None and upper is not None:
        return first, frame.builder.constant(max(upper - lower, 0), INT, s.upper.span)
    last: Node = yield frame.expression(s.upper)
    if first is not None:
        last = frame.builder.emit(OPS["sub"], (last, first), {}, s.lower.span.to(s.upper.span))
    return first, last


def _written_out(frame: Frame, s: For, plan: Turns, block: BuildBlock) -> Walk[None]:
    """Each turn with a typing of its own, in which the index is known."""
    builder = frame.builder

    def carry(values: dict[str, Node | Static]) -> None:
        for name, info in plan.carried.items():
            value = values[name]
            real = info.type.kind == "real"
            frame.scope[name] = frame.typed(value, info.type, s.span) if real else value

    carry(frame.scope)
    for index, instance in plan.unrolled or ():
        entry = {name: node for name in plan.carried if isinstance(node := frame.scope[name], Node)}
        turn = Body(builder.graph, len(builder.graph.nodes), s, entry)
        anew = builder.forgetting() if frame.differentiates else nullcontext()
        with frame.inside({s.name.text: index}, instance), frame.body(turn), anew:
            yield block(frame, s.body.statements)
            after = frame.scope
        carry(after)


# ---- comprehensions ----------------------------------------------------------------------------------------------


def comprehension(frame: Frame, e: Comprehension | Fold) -> Walk[Node]:
    """All entries at once: a body that speaks of one of them; then the fold over the axes of the indices."""
    plan = frame.instance.entries[e]
    node: Node = yield (_entries if plan.unrolled is None else _one_by_one)(frame, e, plan)
    if plan.fold is not None:
        node = frame.builder.emit(plan.fold.op, (node,), plan.fold.attrs, e.span)
    return node


def _entries(frame: Frame, e: Comprehension | Fold, plan: Entries) -> Walk[Node]:
    builder = frame.builder
    outer = builder.graph
    body = Graph(outer, lane_rank=len(plan.sizes), shared=True)
    indices: dict[str, Node | Static] = {}
    for k, clause in enumerate(e.clauses):
        index = body.port("free", _counted(frame, plan, k, clause.span))
        index.name = clause.name.text
        indices[clause.name.text] = index
    with builder.body(body), frame.inside(indices):
        entry: Node = yield frame.expression(e.body)
        entry = body.own(frame.typed(entry, plan.entry, e.body.span))
    with outer.at(builder.place or e.span):
        (made,) = mapped(outer, plan.sizes, body, [entry])
    return made


def _counted(frame: Frame, plan: Entries, clause: int, span: Span) -> Node:
    """The index of one clause, for every entry."""
    size = plan.sizes[clause]
    numbers = np.arange(plan.lowers[clause], plan.lowers[clause] + size)
    found = frame.builder.constant(numbers, Type("int", (size,)), span)
    if len(plan.sizes) == 1:
        return found
    axes = tuple(k for k in range(len(plan.sizes)) if k != clause)
    attrs = {"axes": axes, "sizes": tuple(plan.sizes[k] for k in axes)}
    return frame.builder.emit(OPS["spread"], (found,), attrs, span)


def _one_by_one(frame: Frame, e: Comprehension | Fold, plan: Entries) -> Walk[Node]:
    builder = frame.builder
    whole = (*plan.sizes, *plan.entry.shape)
    nodes: list[Node] = []
    for at, instance in zip(np.ndindex(plan.sizes), plan.unrolled or (), strict=True):
        names = {c.name.text: low + k for c, low, k in zip(e.clauses, plan.lowers, at, strict=True)}
        with frame.inside(names, instance):
            node: Node = yield frame.expression(e.body)
        nodes.append(frame.typed(node, plan.entry, e.body.span))
    if not nodes:
        return builder.constant(
            False if plan.entry.kind == "bool" else 0, Type(plan.entry.kind, whole), e.span
        )
    made = builder.emit(OPS["stack"], nodes, {"axis": 0}, e.span)
    if len(plan.sizes) == 1:
        return made
    return builder.emit(OPS["reshape"], (made,), {"of": made.shape, "to": whole}, e.span)
