"""Simplifying loops: the body once, what is constant enters as a number; carries that nobody needs are gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from paramprog.graph import Graph, Node, Result, part
from paramprog.graph.region import Key, Keys, Live, in_order
from paramprog.simplify.records import recorded_instead
from paramprog.simplify.rewriter import Rewriter
from paramprog.transfer.loop_rows import Written, written_rows
from paramprog.transfer.loops import REPLAY, Loop, loop
from paramprog.transfer.rearrange import CONCAT
from paramprog.transfer.select import SLICE, Cut

Run = Callable[[Rewriter, Live, dict[Node, Any]], None]
"""Simplify live nodes into a rewriter's graph, in place in the environment (run.py)."""


def simplified_loop(
    g: Rewriter, node: Node, keys: Keys, env: Mapping[Node, Any], run: Run
) -> Mapping[Key, Node]:
    """The nodes that hold what is demanded of a loop; its arguments are in `env`, those that `keys` need."""
    if node.op is REPLAY:
        return _replay(g, node, keys, env)
    op, (old,) = node.op, node.attrs["bodies"]
    assert isinstance(op, Loop)
    live = op.live(node, keys)
    outer = dict(zip(node.attrs["ports"], node.args[1:], strict=True))
    body = Rewriter(Graph(g.graph), g.shared)
    inside: dict[Node, Any] = {}
    for p, port in old.ports.items():
        if p not in live:
            continue
        if port.kind in ("free", "shared"):
            x = env[outer[p]]
            inside[p] = body.port(x, certain=g.certain(x))
        else:
            inside[p] = body.graph.port(port.kind, None if port.outer is None else env[outer[p]])
            inside[p].name = p.name
    order = in_order(node, keys)
    histories = [k for k in order if isinstance(k, Node)]
    next = [(c, n) for c, n in node.attrs["next"] if c in live]
    written: dict[Node, Written] = {}
    if g.shared.options.records:
        written = {c: w for c, w in written_rows(node, outer, histories).items() if c in live}
        next = [(c, n) for c, n in next if c not in written]
        fed = {p: env[x] for p, x in outer.items() if p in live}
        ends = [*(n for _, n in next), *(w.value for w in written.values()), *histories, node.attrs["test"]]
        for n, rows in recorded_instead(g, live, fed, ends, run).items():
            inside[n] = body.graph.port("scan", rows)
            inside[n].name = n.name
    run(body, live, inside)
    pairs = [(inside[c], inside[n]) for c, n in next]
    test = None if node.attrs["test"] is None else inside[node.attrs["test"]]
    roots = [n for pair in pairs for n in pair] + [inside[k] for k in histories]
    roots += [inside[w.value] for w in written.values()]
    body.compact(roots if test is None else [*roots, test])
    made = loop(
        g.graph,
        env[node.args[0]],
        body.graph,
        pairs,
        test,
        reverse=node.attrs["reverse"],
        trips=node.attrs["trips"],
    )
    g.remember_region(("loop", made), made, g.shared.number(("loop", made)))
    number = {c: k for k, (c, _) in enumerate(next)}
    found: dict[Key, Node] = {}
    for key in order:
        if isinstance(key, Result):
            carry = node.attrs["next"][key.number][0]
            if carry in number:
                found[key] = part(made, Result(number[carry]))
            else:
                history = part(made, inside[written[carry].value])
                found[key] = _joined(g, env[outer[carry]], history, written[carry].rows)
        elif isinstance(key, Node):
            found[key] = part(made, inside[key])
        else:
            found[key] = part(made, key)
    g.note_faulty(found.values())
    return found


def _joined(g: Rewriter, start: Node, history: Node, rows: Cut) -> Node:
    """An array in which the turns have written `rows`, from what it was before and the history of what they wrote."""
    assert rows.length is not None
    end = rows.start + rows.length
    before = Cut(0, 0, rows.start, 1, rows.size)
    behind = Cut(0, end, rows.size - end, 1, rows.size)
    pieces = [history]
    if before.length:
        pieces.insert(0, g.emit(SLICE, start, cuts=(before,)))
    if behind.length:
        pieces.append(g.emit(SLICE, start, cuts=(behind,)))
    return g.emit(CONCAT, *pieces, axis=0) if len(pieces) > 1 else history


def _replay(g: Rewriter, node: Node, keys: Keys, env: Mapping[Node, Any]) -> Mapping[Key, Node]:
    """A replaying loop with its bodies as they are, without the histories that it does not use."""
    ports, count = node.attrs["ports"], 1 + len(node.attrs["ports"])
    kept = [(p, a) for p, a in zip(ports, node.args[1:count], strict=True) if p not in node.attrs["replayed"]]
    args = (node.args[0], *(a for _, a in kept), *node.args[count:])
    attrs = {**node.attrs, "ports": tuple(p for p, _ in kept)}
    del attrs["plain"]
    made = g.graph.append(node.op, tuple(env[a] for a in args), attrs, node.results)
    g.remember_region(("replay", made), made, g.shared.number(("replay", made)))
    found = {key: part(made, key) for key in in_order(node, keys)}
    g.note_faulty(found.values())
    return found
