"""Loops that never end once they have begun: no turn changes what their conditions read."""

from __future__ import annotations

from paramprog.diagnostics import Diagnostic
from paramprog.graph import Graph, Node, demand
from paramprog.graph.graph import bodies
from paramprog.transfer.source import FULL


def endless_loops(graph: Graph) -> list[Node]:
    """The loops in a graph and its bodies whose conditions depend on no name that another turn finds changed."""
    found: list[Node] = []
    waiting = [graph]
    while waiting:
        for n in waiting.pop().nodes:
            waiting += bodies(n)
            test = n.attrs.get("test")
            if test is None or (test.op is FULL and not test.attrs["value"]):
                continue
            read = demand(test.graph.nodes, [test])
            if not any(carry in read and after is not carry for carry, after in n.attrs["next"]):
                found.append(n)
    return found


def endlessness(graph: Graph) -> list[Diagnostic]:
    """A warning for each, told once for each place in the text."""
    found: dict[object, Diagnostic] = {}
    for n in endless_loops(graph):
        span = n.attrs["test"].span or n.span
        message = "no turn changes what this condition reads, so the loop never ends once it has begun"
        hint = "let its body assign a name that the condition reads"
        found.setdefault(span, Diagnostic("endless-loop", message, span, hint, "warning"))
    return list(found.values())
