"""Histories whose length is known at run time only lie on tapes: what is computed of them moves to where rows are read.

for t in 0..n { ... (a_all + b_all)[t] ... }    ->    for t in 0..n { ... a_all[t] + b_all[t] ... }
"""

from __future__ import annotations

from paramprog.emit.language import is_ragged
from paramprog.graph import Graph, Node, Port
from paramprog.graph.graph import bodies
from paramprog.transfer.loops import REPLAY, Loop
from paramprog.transfer.source import FULL
from paramprog.types import is_tape


def row_by_row(graph: Graph) -> None:
    """Move elementwise operations on such histories into the loops that read their rows, in place, in the bodies too.

    The graph must belong to the caller alone.
    """
    pending, seen = [graph], set[Graph]()
    while pending:
        body = pending.pop()
        if body in seen:
            continue
        seen.add(body)
        for n in body.nodes:
            if n.op is REPLAY:
                continue
            if isinstance(n.op, Loop):
                _move_in(n)
            pending += bodies(n)


def _move_in(loop: Node) -> None:
    (body,) = bodies(loop)
    outer = dict(zip(loop.attrs["ports"], loop.args[1:], strict=True))
    pending = [p for p, a in outer.items() if _is_computed(body, p, a)]
    if not pending:
        return
    made: dict[Node, list[Node]] = {}
    while pending:
        p = pending.pop()
        a = outer.pop(p)
        del body.ports[p]
        rows = [_row(body, b) for b in a.args]
        p.op, p.args, p.attrs, made[p] = a.op, tuple(rows), a.attrs, rows
        for row, b in zip(rows, a.args, strict=True):
            if row in body.ports:
                outer[row] = b
                if _is_computed(body, row, b):
                    pending.append(row)
    body.nodes[:] = _in_order(body.nodes, made)
    for k, n in enumerate(body.nodes):
        n.id = k
    body.lives.clear()
    loop.graph.lives.clear()
    loop.attrs = {**loop.attrs, "ports": tuple(outer)}
    loop.args = (loop.args[0], *outer.values())


def _is_computed(body: Graph, port: Node, a: Node) -> bool:
    history = is_ragged(a.shape) and not is_tape(a.type)
    return body.ports[port].kind == "scan" and history and a.op.elementwise and bool(a.args)


def _row(body: Graph, a: Node) -> Node:
    type = a.type._replace(shape=a.shape[1:])
    if a.op is FULL:
        return body.constant(a.attrs["value"], type.kind, type.shape)
    leaf = body.leaf(type, a.name)
    body.ports[leaf] = Port("scan", a)
    return leaf


def _in_order(nodes: list[Node], made: dict[Node, list[Node]]) -> list[Node]:
    """The nodes with what was made for some of them in front of these."""
    new = {row for rows in made.values() for row in rows}
    order: list[Node] = []
    for n in nodes:
        if n in new:
            continue
        stack = [(n, False)]
        while stack:
            x, ready = stack.pop()
            if ready or x not in made:
                order.append(x)
                continue
            stack += [(x, True), *((row, False) for row in reversed(made[x]))]
    return order
