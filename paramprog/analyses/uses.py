"""What each use of a point adds to its gradient: the terms of the meet, each with its place in the text.

    v_X = sum over uses (X -> Y at port p) of J[Y,p]^T v_Y

A copy is no use: where a weight is handed to a function, its uses are the operations inside that work with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np

from paramprog.dataflow.flow import Analysis, Edge
from paramprog.dataflow.solve import solve
from paramprog.diagnostics import Span
from paramprog.evaluate import Trace
from paramprog.graph import Node
from paramprog.op import Chain
from paramprog.recorder import Turn
from paramprog.transfer.facts import Fact, plain, pull_fact
from paramprog.transfer.linear import COPY, SPREAD
from paramprog.transfer.select import COMPRESS


@dataclass(frozen=True)
class Use:
    """One term of a gradient: `node` of the trace works with the point, and adds `value`, of the point's shape.

    `through` are the places of the copies on the way, the outermost first: calls, and assignments of another name.
    `into` is the first of the named points of the entry function that the use works for: it tells calls apart. `turns`
    are those of the loops around, of the outermost first. `given` is told where all these are those of another use, as
    of two calls in one expression: something that the operation works with, and the other use does not.
    """

    node: Node
    value: Any
    through: tuple[Span, ...] = ()
    into: str | None = None
    turns: Sequence[Turn] = ()
    given: Span | None = None

    @property
    def span(self) -> Span | None:
        return self.node.span


class FirstNamed(Analysis[Node, float]):
    """Backwards: the position of the first of some nodes that the value of a node reaches, itself included."""

    def __init__(self, positions: Mapping[Node, int]) -> None:
        self.positions = positions

    def meet(self, node: Node, facts: Sequence[float]) -> float:
        return min([self.positions.get(node, inf), *facts])


def uses(
    trace: Trace,
    points: Mapping[str, Node],
    output: Node,
    facts: Mapping[Node, Fact],
    named: Mapping[str, Node],
) -> dict[str, list[Use]]:
    """The uses of each of `points` that carry a derivative, in the order in which the program runs.

    `facts` are the adjoints of the nodes of the trace (`gradient.pulled` from `output` with the seed 1). The values sum
    to the adjoint of the point, but for rounding. If the point is the output itself, that counts as a use of it.
    `named` are the named points of the entry function.
    """
    consumers: dict[Node, list[Edge]] = {}
    for n in trace.nodes:
        for port, a in enumerate(n.args):
            consumers.setdefault(a, []).append(Edge(a, n, port))
    position = {n: k for k, n in enumerate(trace.nodes)}
    names = {position[n]: name for name, n in reversed(list(named.items()))}
    first = solve(trace.nodes, FirstNamed({n: position[n] for n in named.values()}), backward=True)

    def use(node: Node, fact: Fact, chains: tuple[Chain, ...], through: tuple[Span, ...]) -> Use:
        into = names.get(int(first[node])) if first[node] < inf else None
        return Use(node, _value(fact, chains), through, into, trace.turns.get(node, ()))

    with np.errstate(all="ignore"):
        found = {name: _terms(trace, x, output, facts, consumers) for name, x in points.items()}
        return {
            name: _told_apart([use(*term) for term in sorted(terms, key=lambda term: position[term[0]])])
            for name, terms in found.items()
        }


Term = tuple[Node, Fact, tuple[Chain, ...], tuple[Span, ...]]
"""The operation, what is pulled through it, and the Jacobians and the places of the copies before it."""


def _terms(
    trace: Trace,
    point: Node,
    output: Node,
    facts: Mapping[Node, Fact],
    consumers: Mapping[Node, Sequence[Edge]],
) -> list[Term]:
    found: list[Term] = []
    waiting: list[tuple[Node, tuple[Chain, ...], tuple[Span, ...]]] = [(point, (), ())]
    while waiting:
        node, before, through = waiting.pop()
        if node is output:
            found.append((node, np.ones_like(trace.values[node]), before, through))
        for edge in consumers.get(node, ()):
            user: Node = edge.consumer
            chain = None if facts.get(user) is None else _local(trace, edge)
            if chain is None:
                continue
            if _hands_on(user, consumers.get(user, ())) and user is not output:
                copied = (user.span,) if user.op is COPY and user.span is not None else ()
                waiting.append((user, (*before, chain), (*through, *copied)))
            else:
                found.append((user, pull_fact(chain, facts[user]), before, through))
    return found


ANCESTORS = 32
"""So many operations before a use are looked at to tell it from another one."""


def _told_apart(uses: Sequence[Use]) -> list[Use]:
    """The same uses, with `given` where nothing else differs."""
    alike: dict[Any, list[int]] = {}
    for k, use in enumerate(uses):
        alike.setdefault((use.span, use.through, use.into, tuple(use.turns)), []).append(k)
    found = list(uses)
    for places in alike.values():
        if len(places) < 2:
            continue
        before = [_before(uses[k].node) for k in places]
        columns = [[row[depth] for row in before] for depth in range(min(map(len, before)))]
        best = max(columns, key=lambda column: len(set(column)), default=[])
        for k, span in zip(places, best, strict=False):
            if best.count(span) == 1:
                found[k] = replace(found[k], given=span)
    return found


def _before(node: Node) -> list[Span]:
    """Where the nearest of the operations that a node works with stand, the nearest first."""
    found: list[Span] = []
    waiting, seen = deque(node.args), set(node.args)
    while waiting and len(seen) <= ANCESTORS:
        n = waiting.popleft()
        if n.span is not None and n.op.name != "leaf":
            found.append(n.span)
        new = [a for a in n.args if a not in seen]
        seen.update(new)
        waiting.extend(new)
    return found


def _local(trace: Trace, edge: Edge) -> Chain | None:
    n: Node = edge.consumer
    return n.op.local(edge.port, trace.values[n], *(trace.values[a] for a in n.args), **n.attrs)


def _hands_on(node: Node, consumers: Sequence[Edge]) -> bool:
    """Whether the node is no operation as written: a copy, or a broadcast or choice of lanes for what is inside it."""
    if node.op is COPY:
        return True
    inner = [e.consumer.span for e in consumers]
    return node.op in (SPREAD, COMPRESS) and bool(inner) and all(_inside(s, node.span) for s in inner)


def _inside(inner: Span | None, outer: Span | None) -> bool:
    if inner is None or outer is None:
        return inner is outer
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end


def _value(fact: Fact, chains: tuple[Chain, ...]) -> Any:
    for chain in reversed(chains):
        fact = pull_fact(chain, fact)
    return plain(fact)
