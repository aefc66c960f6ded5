"""Statements as nodes: each assignment is a point, an update is a new version of its array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from paramprog.graph import Node
from paramprog.lang.build_calls import call
from paramprog.lang.build_regions import choice, turns
from paramprog.lang.build_replay import replayed
from paramprog.lang.instance import Static
from paramprog.lang.syntax import Assign, Call, If, Return, Statement, Target
from paramprog.lang.walk import Walk
from paramprog.op import OPS
from paramprog.types import Type

if TYPE_CHECKING:
    from paramprog.lang.frame import Frame


def block(frame: Frame, statements: Sequence[Statement]) -> Walk[list[Node]]:
    """The nodes returned, none if nothing is."""
    for s in statements:
        returned: list[Node] = []
        if isinstance(s, Return):
            for e in s.values:
                node: Node = yield frame.expression(e)
                returned.append(node)
            kinds = [info.type.kind for info in frame.instance.results]
            return [frame.builder.real(n) if k == "real" else n for n, k in zip(returned, kinds, strict=True)]
        if isinstance(s, If):
            returned = yield choice(frame, s, block)
        elif isinstance(s, Assign):
            if replayed(frame, s, block):
                continue
            frame.instance.annotate(s)
            yield _assign(frame, s)
        else:
            yield turns(frame, s, block)
        if returned:
            return returned
    return []


def _assign(frame: Frame, s: Assign) -> Walk[None]:
    nodes: list[Node | Static] = []
    for e in s.values:
        if isinstance(e, Call) and len(s.targets) > len(s.values):
            several: list[Node] = yield call(frame, e)
            nodes.extend(several)
        else:
            static = frame.instance.info[e].static
            nodes.append(static if static is not None else frame.leaf(e) or (yield frame.inner(e)))
    for target, node in zip(s.targets, nodes, strict=True):
        name = target.name
        if target.indices is not None:
            updated: Node = yield _update(frame, target, node)
            frame.scope[name.text] = updated
            continue
        frame.scope[name.text] = frame.point(node, name.text, name.span) if isinstance(node, Node) else node


def _update(frame: Frame, target: Target, value: Node | Static) -> Walk[Node]:
    """A new version of an array; entries at run-time indices are replaced inside what the static ones cut out."""
    builder, name, span = frame.builder, target.name, target.span
    old, plan, type = (
        frame.scope[name.text],
        frame.instance.indices[target],
        frame.instance.info[target].type,
    )
    assert isinstance(old, Node)
    new = value if isinstance(value, Node) else builder.constant(value, Type(type.kind, ()), span)
    if type.kind == "real":
        new = builder.real(new)
    if new.shape != type.shape:
        new = builder.graph.spread(new, type.shape)
    cut = (
        builder.emit(OPS["slice"], (old,), {"cuts": plan.cuts}, span) if plan.cuts and plan.run_time else old
    )
    whole: list[tuple[Node, Node, int]] = []
    for axis, item, offsets in reversed(plan.run_time):
        i: Node = yield frame.expression(item)
        i = frame.places(i, offsets, item.span)
        whole.append((cut, i, axis))
        cut = builder.emit(OPS["gather"], (cut, i), {"axis": axis, "size": cut.shape[axis]}, span)
    for array, i, axis in reversed(whole):
        new = builder.emit(OPS["put"], (array, i, new), {"axis": axis, "size": array.shape[axis]}, span)
    if plan.cuts or not plan.run_time:
        new = builder.emit(OPS["replace"], (old, new), {"cuts": plan.cuts}, span)
    new.name = name.text
    return new
