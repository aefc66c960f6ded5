"""Branches per lane that have no expression on whole arrays become comprehensions, whose entries have a branch each.

`if c then a else b` with an array c says what is computed entry by entry of numbers. A lane that sees an array whole (a
row of a matrix, a sum, an inner loop), and a sum over the lanes, are said with an index:

    sum(if c[i] then dot(W[i], u) else 0.0 for i in 0..n)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paramprog.emit.bodies import COMPARISONS
from paramprog.graph import PART, Graph, Node, Result, part
from paramprog.graph.graph import bodies
from paramprog.graph.region import copied, make_region
from paramprog.transfer.branches import Branch
from paramprog.transfer.linear import SPREAD
from paramprog.transfer.loops import REPLAY
from paramprog.transfer.regions import kind_of
from paramprog.transfer.source import FULL


def entry_by_entry(graph: Graph) -> None:
    """Rewrite such branches in place, in the bodies too: nodes stay who they are, but for those inside these branches.

    The graph must belong to the caller alone.
    """
    pending, found = [graph], dict[Graph, None]()
    while pending:
        body = pending.pop()
        if body not in found:
            found[body] = None
            # the bodies of a loop that runs its turns again are those of another graph
            pending += [b for n in body.nodes if n.op is not REPLAY for b in bodies(n)]
    for body in reversed(found):  # inner ones first
        _rewrite_all(body)
        body.lives.clear()


def _rewrite_all(graph: Graph) -> None:
    order: list[Node] = []
    moved: dict[Node, tuple[Node, Mapping[Node, Node]]] = {}
    for n in list(graph.nodes):
        if _has_lanes(n) and not _on_arrays(n):
            order.append(graph.constant(True, "bool", n.args[0].shape))
            moved[n] = _rewritten(n, order[-1])
        order.append(n)
    if not moved:
        return
    graph.nodes[:] = order
    for k, n in enumerate(order):
        n.id = k
    parts = {}
    for (region, key), taken in graph.parts.items():
        if region in moved and isinstance(key, Node):
            entry, env = moved[region]
            key = part(entry, env[key])
            taken.attrs = {"of": key}
        parts[region, key] = taken
    graph.parts = parts


def _has_lanes(n: Node) -> bool:
    return isinstance(n.op, Branch) and len(bodies(n)) > 1 and bool(n.args[0].shape)


def _on_arrays(branch: Node) -> bool:
    """Whether the arms are elementwise operations on numbers."""
    if branch.attrs.get("summed"):
        return False
    pending = list(bodies(branch))
    while pending:
        for n in pending.pop().nodes:
            if any(type.shape for type in n.results):
                return False
            if isinstance(n.op, Branch) and len(bodies(n)) > 1:
                pending += bodies(n)
            elif n.args and not (n.op.elementwise or n.op is PART):
                return False
    return True


def _rewritten(branch: Node, everywhere: Node) -> tuple[Node, Mapping[Node, Node]]:
    """Make a comprehension of a branch: the branch of one entry, and what stands there for the nodes of the bodies."""
    (condition, *outer), op = branch.args, branch.op
    assert isinstance(op, Branch)
    body = Graph(branch.graph, lane_rank=len(condition.shape))
    head = _holds(body, condition)
    arms: list[Graph] = []
    env: dict[Node, Node] = {}
    for old in bodies(branch):
        arm = Graph(body)
        for p, a in zip(branch.attrs["ports"], outer, strict=True):
            if p.graph is old:
                env[p] = arm.own(body.own(a, kind_of(branch, p)))
        copied(old.nodes, env, arm)
        arms.append(arm)
    sides = [tuple(env[r] for r in side) for side in branch.attrs["results"]]
    with body.at(branch.span):
        made = make_region(op, body, head, arms, [n.type for n in sides[0]], results=tuple(sides))
    ends = tuple(part(made, Result(k)) for k in range(len(sides[0])))
    ports = {leaf: port for leaf, port in body.ports.items() if port.outer is not None}
    branch.args = (everywhere, *(port.outer for port in ports.values() if port.outer is not None))
    attrs: dict[str, Any] = {"bodies": (body,), "ports": tuple(ports), "results": (ends,)}
    shared = frozenset(leaf for leaf, port in ports.items() if port.kind == "shared")
    if shared:
        attrs["shared"] = shared
    if "summed" in branch.attrs:
        attrs["summed"] = branch.attrs["summed"]
    branch.attrs = attrs
    return made, env


def _holds(body: Graph, condition: Node) -> Node:
    """The condition of one entry; a comparison is made there, of the entries of what it compares."""
    if condition.op not in COMPARISONS:
        return body.own(condition)
    entries = []
    for a in condition.args:
        if a.op is FULL:
            entries.append(body.constant(a.attrs["value"], a.kind))
        elif a.op is SPREAD and not a.args[0].shape:
            entries.append(body.own(a.args[0], "shared"))
        else:
            entries.append(body.own(a))
    return body.emit(condition.op, *entries, **condition.attrs)
