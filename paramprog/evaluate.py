"""Node-by-node evaluation, and the executed trace: what a run really computed, without regions.

The trace is what path enumeration, path counts and drawings speak of: a branch is replaced by the operations of the
side taken; a branch per lane by the operations of both sides on their lanes, between `compress` and `expand`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paramprog.diagnostics import fail
from paramprog.graph import PART, Graph, Node, Region, Result, demand, execute
from paramprog.graph.depth import deep_stack
from paramprog.graph.region import Key, Live, ValueFault
from paramprog.op import Op
from paramprog.transfer.linear import COPY
from paramprog.transfer.pair import ADD
from paramprog.transfer.regions import Branch
from paramprog.transfer.select import COMPRESS, EXPAND
from paramprog.transfer.source import LEAF
from paramprog.transfer.step import NOT, OR


def evaluate(outputs: Sequence[Node], inputs: Mapping[Node, Any]) -> list[Any]:
    """The values of `outputs`, scalars as NumPy scalars, for the values of the leaves they depend on.

    Computes nothing that they do not need.

    Raises ProgramError, with the place, when an operation has no value.
    """
    if not outputs:
        return []
    env = dict(inputs)
    with np.errstate(all="ignore"), deep_stack():
        execute(demand(outputs[0].graph.nodes, outputs), env)
    return [np.asarray(env[y])[()] for y in outputs]


@dataclass(frozen=True)
class Trace:
    """A flat graph that was run: `nodes` in order, the `values` of each, and where nodes of the program went.

    `of` maps a node of the program's graph to the node of the trace that holds its value.
    """

    nodes: Sequence[Node]
    values: Mapping[Node, Any]
    of: Mapping[Node, Node]


def trace(outputs: Sequence[Node], inputs: Mapping[Node, Any], keep: Iterable[Node] = ()) -> Trace:
    """Run what `outputs` and `keep` need, and record every operation executed. The program's graph is not changed.

    Raises ProgramError, with the place, when an operation has no value.
    """
    graph = outputs[0].graph
    live = demand(graph.nodes, [*outputs, *keep])
    with np.errstate(all="ignore"), deep_stack():
        if not any(isinstance(n.op, Region) for n in live):
            env = execute(live, dict(inputs))
            return Trace(list(live), env, {n: n for n in live})
        run = _Recorder(Graph(real=graph.real))
        env_of: dict[Node, Any] = {}
        for n in live:
            if n.op is LEAF:
                env_of[n] = run.leaf(n, inputs[n])
        run.inline(live, env_of)
    return Trace(run.graph.nodes, run.values, {n: t for n, t in env_of.items() if isinstance(t, Node)})


class _Recorder:
    """Runs bodies and appends each operation executed to one flat graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.values: dict[Node, Any] = {}

    def leaf(self, node: Node, value: Any) -> Node:
        made = self.graph.leaf(node.type, node.name)
        made.span = node.span
        self.values[made] = value
        return made

    def emit(self, op: Op, *args: Node, **attrs: Any) -> Node:
        """Append the operation (and the spreads it needs) and compute it."""
        first = len(self.graph.nodes)
        made = self.graph.emit(op, *args, **attrs)
        for n in self.graph.nodes[first:]:
            try:
                self.values[n] = n.op.value(*[self.values[a] for a in n.args], **n.attrs)
            except ValueFault as fault:
                raise fail(fault.code, fault.message, n.span) from None
        return made

    def inline(self, live: Live, env: dict[Node, Any]) -> None:
        """Run `live`; `env` maps nodes of the program to nodes of the trace, and regions to what their keys became."""
        for n, keys in live.items():
            if n in env:
                continue
            with self.graph.at(n.span):
                if isinstance(n.op, Branch):
                    env[n] = self.branch(n.op, n, [env.get(a) for a in n.args], keys)
                elif n.op is PART:
                    env[n] = env[n.args[0]][n.attrs["of"]]
                    env[n].name = env[n].name or n.name
                else:
                    env[n] = self.emit(n.op, *(env[a] for a in n.args), **n.attrs)
                    env[n].name = n.name

    def branch(self, op: Branch, node: Node, args: Sequence[Any], keys: frozenset[Key]) -> Mapping[Key, Node]:
        """The sides that ran, and the nodes of the trace that hold `keys`."""
        condition, live = self.values[args[0]], op.live(node, keys)
        outside = len(self.graph.nodes)
        sides = [bool(np.any(condition)), not np.all(condition)] if np.size(condition) else [True, False]
        ports = list(zip(node.attrs["ports"], args[1:], strict=True))
        found: list[dict[Key, Node]] = []
        for which, runs in enumerate(sides):
            if not runs:
                continue
            enter, leave = self._lanes(args[0], which, all(sides))
            env: dict[Node, Any] = {p: enter(a) for p, a in ports if p in live[which]}
            self.inline(live[which], env)
            results = node.attrs["results"][which]
            wanted = {k: results[k.number] if isinstance(k, Result) else k for k in keys}
            found.append({k: leave(env[at]) for k, at in wanted.items() if at in env})
        parts = {k: _together(self, [side[k] for side in found if k in side]) for k in keys}
        return self._own(parts, outside)

    def _own(self, parts: Mapping[Key, Node], outside: int) -> dict[Key, Node]:
        """Each part as a node of its own: an outer value, or one value twice, becomes a point."""
        taken: set[Node] = set()
        own: dict[Key, Node] = {}
        for k, n in parts.items():
            own[k] = self.emit(COPY, n) if n.id < outside or n in taken else n
            taken.add(n)
        return own

    def _lanes(
        self, condition: Node, which: int, both: bool
    ) -> tuple[Callable[[Node], Node], Callable[[Node], Node]]:
        """How values enter and leave one side: as they are, or through the lanes where it holds."""
        shape = np.shape(self.values[condition])

        def whole(node: Node) -> Node:
            return node if node.shape[: len(shape)] == shape else self._spread(node, shape)

        if not both:
            return whole, whole
        chosen = self.emit(NOT, condition) if which else condition
        count = int(np.count_nonzero(self.values[chosen]))
        attrs = {"lanes": shape, "count": count}

        def enter(node: Node) -> Node:
            return self.emit(COMPRESS, whole(node), chosen, **attrs)

        def leave(node: Node) -> Node:
            lanes = node if node.shape[:1] == (count,) else self._spread(node, (count,))
            return self.emit(EXPAND, lanes, chosen, **attrs)

        return enter, leave

    def _spread(self, node: Node, shape: tuple[int, ...]) -> Node:
        made = self.graph.spread(node, shape)
        self.values[made] = np.broadcast_to(self.values[node], shape)
        return made


def _together(run: _Recorder, nodes: list[Node]) -> Node:
    """The lanes of both sides together: each holds zeros (or false) where the other has its lanes."""
    return nodes[0] if len(nodes) == 1 else run.emit(OR if nodes[0].kind == "bool" else ADD, *nodes)
