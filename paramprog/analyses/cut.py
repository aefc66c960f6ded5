"""Dependence without a derivative: every path from a point to the output passes a step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paramprog.dataflow.flow import Edge
from paramprog.dataflow.semiring import REACH, PathSum
from paramprog.dataflow.solve import solve
from paramprog.diagnostics import Diagnostic
from paramprog.graph import PART, Node, Region


def smooth_edge(edge: Edge) -> bool:
    """Whether a derivative can pass: not into a comparison or a rounding, nor into the condition of a branch."""
    op = edge.consumer.op
    if isinstance(op, Region):
        return edge.port > 0
    return op is PART or op.jacobian is not None


def cut_dependence(nodes: Sequence[Node], starts: Iterable[Node], output: Node) -> list[Diagnostic]:
    """A warning for each start that reaches the output, but by no path that carries a derivative."""
    up = solve(nodes, PathSum(REACH, [output], lambda edge: True), backward=True)
    smooth = solve(nodes, PathSum(REACH, [output], smooth_edge), backward=True)
    found: list[Diagnostic] = []
    for start in starts:
        if not up.get(start) or smooth[start]:
            continue
        carries = solve(nodes, PathSum(REACH, [start], smooth_edge))
        step = next(
            n
            for n in nodes
            if up[n] and any(carries[a] and not smooth_edge(Edge(a, n, p)) for p, a in enumerate(n.args))
        )
        message = (
            f"the output depends on `{start.name}` through steps only, so its gradient is structurally zero"
        )
        found.append(Diagnostic("cut-dependence", message, step.span, "this has no derivative", "warning"))
    return found
