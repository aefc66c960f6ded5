"""`simplify`: a new graph with the same values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paramprog.collector import collector_off
from paramprog.graph import PART, Graph, Node, Region, demand
from paramprog.graph.depth import deep_stack
from paramprog.graph.region import Live
from paramprog.simplify.branches import simplified_branch
from paramprog.simplify.loops import simplified_loop
from paramprog.simplify.rewriter import Options, Rewriter, Shared
from paramprog.transfer.base import BaseOp
from paramprog.transfer.linear import COPY
from paramprog.transfer.loops import Loop
from paramprog.transfer.source import FULL, LEAF

MAX_INLINED = 1_000_000
"""Base functions that call base functions can be exponentially long: beyond so many nodes, calls stay calls."""


@dataclass(frozen=True, eq=False)
class Simplified:
    """A simplified graph. `outputs` are in the order asked for; `of` maps old nodes to the new ones that are left."""

    graph: Graph
    outputs: Sequence[Node]
    of: Mapping[Node, Node] = field(repr=False)

    def inputs(self, values: Mapping[Node, Any]) -> dict[Node, Any]:
        """Values of leaves of the old graph as values of the new one's, as far as it has them."""
        return {self.of[leaf]: value for leaf, value in values.items() if leaf in self.of}


def simplify(
    outputs: Sequence[Node], *, resum: bool = True, inline_bases: bool = False, records: bool = False
) -> Simplified:
    """A new graph of all that `outputs` need, simplified; the old one is not changed.

    Equal operations are one, operations on constants are done, the rules of `rewriter.RULES` are applied, and what
    nobody needs is gone, in the bodies of branches too. Values keep every bit, and faults stay, except that sums of
    array entries may be regrouped, which `resum = False` forbids. Names and spans stay with the first node that has
    them. `inline_bases` puts the bodies of base functions in the place of their calls,
    `records` lets loops compute and record what later ones would compute of their records (records.py), and makes
    histories of arrays that their turns write row by row.
    """
    graph = Graph(real=outputs[0].graph.real) if outputs else Graph()
    g = Rewriter(graph, Shared.with_options(Options(resum, inline_bases, records)))
    env: dict[Node, Any] = {}
    with deep_stack(), collector_off():
        if outputs:
            _run(g, demand(outputs[0].graph.nodes, outputs), env)
        made = [env[y] for y in outputs]
        g.compact(made)
        kept = set(graph.nodes)
    return Simplified(graph, made, {n: to for n, to in env.items() if isinstance(to, Node) and to in kept})


def _run(g: Rewriter, live: Live, env: dict[Node, Any]) -> None:
    """Emit what `live` nodes become, in place in `env`: a node, or for a region what its keys became."""
    uses = dict.fromkeys(live, 0)
    for n in live:
        for a in n.args:
            if a in uses:
                uses[a] += 1
    for n, keys in live.items():
        if n in env:
            continue
        g.graph.span = n.span
        if isinstance(n.op, Region):
            simplified = simplified_loop if isinstance(n.op, Loop) else simplified_branch
            env[n] = simplified(g, n, keys, env, _run)
            continue
        made = env[n] = _node(g, n, env)
        # through a copy, the uses of the copy are uses of the original, which already counts the copy as one
        g.uses[made] = g.uses.get(made, 0) + uses[n] - (n.op is COPY)
        if made.name is None and made.op is not FULL:
            made.name = n.name


def _node(g: Rewriter, n: Node, env: Mapping[Node, Any]) -> Node:
    if n.op is LEAF:
        return g.graph.leaf(n.type, n.name)
    if n.op is PART:
        part: Node = env[n.args[0]][n.attrs["of"]]
        return part
    args = [env[a] for a in n.args]
    if isinstance(n.op, BaseOp) and g.shared.options.inline_bases and len(g.graph.nodes) < MAX_INLINED:
        return _inlined(g, n.op, args)
    return g.emit(n.op, *args, **n.attrs)


def _inlined(g: Rewriter, op: BaseOp, args: Sequence[Node]) -> Node:
    """The body of a base function on these arguments, its scalars spread to their shape."""
    env: dict[Node, Any] = dict(zip(op.body.arguments, args, strict=True))
    _run(g, demand(op.body.graph.nodes, [op.body.result]), env)
    result: Node = env[op.body.result]
    return g.spread(result, args[0].shape)
