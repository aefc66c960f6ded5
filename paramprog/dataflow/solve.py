"""The one solver: a single pass in topological order, because the flow graph is a DAG."""

from __future__ import annotations

from collections.abc import Collection

from paramprog.dataflow.flow import Analysis, Edge, F, N, new_edge


def solve(nodes: Collection[N], analysis: Analysis[N, F], *, backward: bool = False) -> dict[N, F]:
    """The facts at `nodes`, which are in topological order; edges from or to other nodes do not count.

    Every transfer function is applied once an edge, every meet once a node, so the cost is linear in the graph. The
    node set is fixed before the first fact is computed: an analysis may append nodes to the graph while it runs.

    Source: G. Kildall, A unified approach to global program optimization, POPL 1973 (no cycles here,
    so no iteration).
    """
    into: dict[N, list[Edge]] = {n: [] for n in nodes}
    for consumer in nodes:
        for port, producer in enumerate(consumer.args):
            if producer in into:
                edge = new_edge((producer, consumer, port))
                into[producer if backward else consumer].append(edge)
    facts: dict[N, F] = {}
    for n in reversed(into) if backward else into:
        facts[n] = analysis.meet(
            n, [analysis.flow(e, facts[e.consumer if backward else e.producer]) for e in into[n]]
        )
    return facts
