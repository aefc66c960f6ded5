"""What each use of a point adds to its gradient: the terms of the meet, each with its place in the text.

    v_X = sum over uses (X -> Y at port p) of J[Y,p]^T v_Y

A copy is no use: where a weight is handed to a function, its uses are the operations inside that work with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from paramprog.dataflow.flow import Edge
from paramprog.diagnostics import Span
from paramprog.evaluate import Trace
from paramprog.graph import Node
from paramprog.op import Chain
from paramprog.transfer.linear import COPY, SPREAD
from paramprog.transfer.regions import Fact, plain, pull_fact
from paramprog.transfer.select import COMPRESS


@dataclass(frozen=True)
class Use:
    """One term of a gradient: `node` of the trace works with the point, and adds `value`, of the point's shape.

    `through` are the places of the copies on the way, the outermost first: calls, and assignments of another name.
    """

    node: Node
    value: Any
    through: tuple[Span, ...] = ()

    @property
    def span(self) -> Span | None:
        return self.node.span


def uses(trace: Trace, point: Node, output: Node, facts: Mapping[Node, Fact]) -> list[Use]:
    """The uses of `point` that carry a derivative, in the order in which the program runs.

    `facts` are the adjoints of the nodes of the trace (`gradient.pulled` from `output` with the seed 1). The values sum
    to the adjoint of `point`, but for rounding. If the point is the output itself, that counts as a use of it.
    """
    consumers: dict[Node, list[Edge]] = {}
    for n in trace.nodes:
        for port, a in enumerate(n.args):
            consumers.setdefault(a, []).append(Edge(a, n, port))
    found: list[tuple[Node, Fact, tuple[Chain, ...], tuple[Span, ...]]] = []
    waiting: list[tuple[Node, tuple[Chain, ...], tuple[Span, ...]]] = [(point, (), ())]
    with np.errstate(all="ignore"):
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
                    named = user.op is COPY and user.span is not None
                    waiting.append((user, (*before, chain), (*through, user.span) if named else through))
                else:
                    found.append((user, pull_fact(chain, facts[user]), before, through))
        position = {n: k for k, n in enumerate(trace.nodes)}
        found.sort(key=lambda use: position[use[0]])
        return [Use(n, _value(fact, before), through) for n, fact, before, through in found]


def _local(trace: Trace, edge: Edge) -> Chain | None:
    n: Node = edge.consumer
    return n.op.local(edge.port, trace.values[n], *(trace.values[a] for a in n.args), **n.attrs)


def _hands_on(node: Node, consumers: list[Edge] | tuple[()]) -> bool:
    """Whether the node is no operation of the program: a copy, or a broadcast or a choice of lanes for what is inside it."""
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
