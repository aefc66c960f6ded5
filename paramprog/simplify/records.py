"""What a loop records for a later one: what that one computes of records alone, where that takes no more memory.

The adjoint of a loop reads rows of what the loop computed, and begins each turn with the derivatives at these values,
as sech(u[t])**2. Computed in the loop itself and recorded instead of u, they share the exponential that tanh(u) needs
anyway. What is recorded is a cut between the rows that enter and the operations that need more than rows: a minimum
one, in bytes, so that memory never grows, and of these the last one.

Source: L. R. Ford and D. R. Fulkerson, Maximal flow through a network, 1956; for adjoints, U. Naumann, The Art of
Differentiating Computer Programs, SIAM 2012, section 3 (what to record is a choice of a cut).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from paramprog.graph import PART, Graph, Node, Region, part
from paramprog.graph.region import Live
from paramprog.simplify.cut import minimum_cut
from paramprog.simplify.rewriter import Rewriter
from paramprog.transfer.base import BaseOp
from paramprog.transfer.loops import LOOP
from paramprog.types import Size, elements, item_size

LARGEST = 2000
"""Operations on rows in one body; of more, which take long to cut, all rows stay as they are."""

Run = Callable[[Rewriter, Live, dict[Node, Any]], None]


class _Reader(NamedTuple):
    """A loop to be rewritten: what is live of its body, what its ports get, and the nodes that leave a turn."""

    live: Live
    outer: Mapping[Node, Node]
    ends: frozenset[Node]


def recorded_instead(
    g: Rewriter, live: Live, outer: Mapping[Node, Node | None], ends: Iterable[Node], run: Run
) -> dict[Node, Node]:
    """Nodes of the body of a loop that is being rewritten, and the histories in `g` that they are rows of from now on.

    `outer` maps the ports of the body to what they get, in `g`; `ends` are the nodes that others than the body read.
    """
    reader = _Reader(live, {p: x for p, x in outer.items() if x is not None}, frozenset(ends))
    made: dict[Node, Node] = {}
    loops = {x.args[0]: None for p, x in reader.outer.items() if p in live and _is_history(p, x)}
    for loop in loops:
        made |= _from(g, loop, reader, run)
    return made


def _is_history(port: Node, outer: Node) -> bool:
    """Whether a port gets a row of what an earlier loop records."""
    if port.graph.ports[port].kind != "scan" or outer.op is not PART:
        return False
    key = outer.attrs["of"]
    return outer.args[0].op is LOOP and isinstance(key, Node) and _is_static(port)


def _from(g: Rewriter, loop: Node, reader: _Reader, run: Run) -> dict[Node, Node]:
    """What one loop records, of all that `reader` computes of its records."""
    (body,) = loop.attrs["bodies"]
    enters = {
        x: p
        for p, x in zip(loop.attrs["ports"], loop.args[1:], strict=True)
        if body.ports[p].kind in ("free", "shared")
    }
    counts = [p for p, port in body.ports.items() if port.kind == "index"]
    known: dict[Node, Node] = {}
    rows: dict[Node, int] = {}
    """Rows of what nobody else reads, with what they cost."""
    derived: dict[Node, None] = {}
    for n in reader.live:
        port = n.graph.ports.get(n)
        if port is None:
            able = _is_movable(n) and all(a in known or a in derived or _is_constant(a) for a in n.args)
            if able and any(a in rows or a in derived for a in n.args):
                derived[n] = None
        elif port.kind == "index" and counts:
            known[n] = counts[0]
        elif n in reader.outer and (x := reader.outer[n]) in enters and port.kind in ("free", "shared"):
            known[n] = enters[x]
        elif n in reader.outer and _is_history(n, x) and x.args[0] is loop:
            known[n] = x.attrs["of"]
            if g.uses.get(x, 0) < 2:
                rows[n] = _bytes(n)
    if not derived or len(derived) > LARGEST:
        return {}
    arcs = [(a, n) for n in derived for a in n.args if a in rows or a in derived]
    last = {a for n in reader.live if n not in derived for a in n.args} | reader.ends
    costs = rows | {n: _bytes(n) for n in derived}
    chosen = minimum_cut(costs, arcs, rows, [n for n in costs if n in last])
    moved = [n for n in chosen if n in derived]
    if not moved:
        return {}
    env: dict[Node, Any] = dict(known)
    inner = Rewriter.reopened(body, g.shared)
    count = len(body.nodes)
    run(inner, _needed(moved, derived), env)
    _move_up(body, count)
    found = {n: part(loop, env[n]) for n in moved}
    g.note_faulty(found.values())
    return found


def _is_movable(n: Node) -> bool:
    """Whether an operation gives the same wherever it is computed, and always has a value."""
    op = n.op
    if op is PART or isinstance(op, Region | BaseOp) or not n.args or not _is_static(n):
        return False
    return op.total or (op.elementwise and n.kind != "int" and all(a.kind != "int" for a in n.args))


def _is_constant(n: Node) -> bool:
    return not n.args and n not in n.graph.ports


def _is_static(n: Node) -> bool:
    return not any(isinstance(size, Size) for size in n.shape)


def _bytes(n: Node) -> int:
    return item_size(n.kind, n.graph.real) * elements(n.shape)


def _move_up(body: Graph, count: int) -> None:
    """Put the nodes from `count` on right behind the last one that they need: so they share loops with it in C."""
    place = {n: (k, 0) for k, n in enumerate(body.nodes[:count])}
    for k, n in enumerate(body.nodes[count:], 1):
        place[n] = (max((place[a][0] for a in n.args), default=-1), k)
    body.nodes.sort(key=place.__getitem__)
    for k, n in enumerate(body.nodes):
        n.id = k


def _needed(moved: Iterable[Node], derived: Mapping[Node, None]) -> Live:
    """What is to be computed in the other loop, in order, with the constants among its arguments."""
    found: set[Node] = set()
    waiting = list(moved)
    while waiting:
        n = waiting.pop()
        if n not in found:
            found.add(n)
            waiting += [a for a in n.args if a in derived or _is_constant(a)]
    return {n: frozenset() for n in sorted(found, key=lambda n: n.id)}
