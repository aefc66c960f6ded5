"""Nodes that are written as another one, because they are equal."""

from __future__ import annotations

from collections.abc import Sequence

from paramprog.graph import Node
from paramprog.transfer.base import BaseOp
from paramprog.transfer.source import LEAF


def equal_calls(nodes: Sequence[Node]) -> dict[Node, Node]:
    """For nodes that compute what a call of a base function computes, that call: sigmoid(D) is F for F = f2(D)."""
    calls: dict[object, Node] = {}
    for n in nodes:
        if isinstance(n.op, BaseOp):
            result, at = n.op.body.result, dict(zip(n.op.body.arguments, n.args, strict=True))
            if result.args and all(a in at for a in result.args):
                calls.setdefault((result.op, tuple(at[a] for a in result.args), str(result.attrs)), n)
    found = {n: calls.get((n.op, n.args, str(n.attrs))) for n in nodes if calls and n.op is not LEAF}
    return {n: call for n, call in found.items() if call is not None and call is not n}
