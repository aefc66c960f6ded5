"""The recorder: runs nodes of a program and appends each operation executed to one flat graph."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from paramprog.diagnostics import fail
from paramprog.graph import PART, Graph, Node, Region
from paramprog.graph.region import Key, Live, ValueFault
from paramprog.op import Op
from paramprog.recorder.allowance import Allowance, weight
from paramprog.recorder.branches import branch
from paramprog.recorder.lanes import Lanes, Recorded
from paramprog.recorder.tapes import Tapes
from paramprog.recorder.turns import Turn, loop
from paramprog.transfer.branches import Branch
from paramprog.transfer.linear import COPY
from paramprog.transfer.loops import Loop
from paramprog.transfer.tape import TOP
from paramprog.types import is_tape


class Recorder:
    """Runs nodes of a program and appends each operation executed to one flat graph."""

    def __init__(self, graph: Graph, allowance: Allowance | None = None) -> None:
        self.graph, self.allowance = graph, allowance
        self.values: dict[Node, Any] = {}
        self.tapes = Tapes(self)
        self.turn: tuple[Turn, ...] = ()
        """The turns that are running, of the outermost loop first."""
        self.turns: dict[Node, tuple[Turn, ...]] = {}
        """For what was recorded in loops, in which turns."""

    # ---- operations ----------------------------------------------------------------------------------------------

    def leaf(self, node: Node, value: Any) -> Node:
        made = self.graph.leaf(node.type, node.name)
        made.span = node.span
        self.values[made] = value
        return made

    def emit(self, op: Op, *args: Any, **attrs: Any) -> Node:
        """Append the operation (and the spreads it needs) and compute it.

        Raises ProgramError when the operation has no value for these arguments.
        """
        return self.computed(lambda: self.graph.emit(op, *args, **attrs))

    def computed(self, append: Callable[[], Node]) -> Node:
        """What `append` appends to the graph, with the values of all that is new there."""
        first = len(self.graph.nodes)
        made = append()
        if self.allowance is not None:
            self.allowance.spend(sum(map(weight, self.graph.nodes[first:])), made.span)
        for n in self.graph.nodes[first:]:
            if n in self.values:
                continue
            if self.turn:
                self.turns[n] = self.turn
            try:
                self.values[n] = n.op.value(*[self.values[a] for a in n.args], **n.attrs)
            except ValueFault as fault:
                raise fail(fault.code, fault.message, n.span) from None
        return made

    def array(self, value: Any) -> Node:
        return self.computed(lambda: self.graph.array(value))

    def inline(self, live: Live, env: dict[Node, Any], lanes: Lanes | None = None) -> None:
        """Run `live`; `env` maps nodes of the program to nodes of the trace, and regions to what their keys became."""
        for n, keys in live.items():
            if n in env:
                continue
            flags = [lanes is not None and a in lanes.wide for a in n.args]
            with self.graph.at(n.span):
                if isinstance(n.op, Region):
                    args = [
                        None if a not in env else Recorded(env[a], f)
                        for a, f in zip(n.args, flags, strict=True)
                    ]
                    env[n] = self._region(n, args, keys, lanes)
                    continue
                if n.op is PART:
                    found: Recorded = env[n.args[0]][n.attrs["of"]]
                    env[n], wide = found
                elif not any(flags):
                    nodes, on_tapes = [env[a] for a in n.args], is_tape(n.type) or n.op is TOP
                    made = self.tapes.operation(n, nodes) if on_tapes else self.emit(n.op, *nodes, **n.attrs)
                    env[n], wide = made, False
                else:
                    env[n], wide = self._over(n, flags, [env[a] for a in n.args], lanes), True
                if wide and lanes is not None:
                    lanes.wide.add(n)
                env[n].name = env[n].name or n.name

    def _over(self, n: Node, flags: Sequence[bool], args: Sequence[Node], lanes: Lanes | None) -> Node:
        assert lanes is not None
        made: Node = self.computed(lambda: n.op.over_lanes(lanes, flags, *args, **n.attrs))
        return made

    def _region(
        self, node: Node, args: Sequence[Recorded | None], keys: Collection[Key], lanes: Lanes | None
    ) -> dict[Key, Recorded]:
        outside = len(self.graph.nodes)
        if isinstance(node.op, Loop):
            found = loop(self, node, args, keys, lanes)
        else:
            assert isinstance(node.op, Branch)
            found = branch(self, node, args, keys, lanes)
        return self._own(found, outside)

    def _own(self, parts: Mapping[Key, Recorded], outside: int) -> dict[Key, Recorded]:
        """Each part as a node of its own: an outer value, one value twice, or one also used inside becomes a point."""
        taken = {a for n in self.graph.nodes[outside:] for a in n.args}
        own: dict[Key, Recorded] = {}
        for k, (n, wide) in parts.items():
            own[k] = Recorded(self.emit(COPY, n) if n.id < outside or n in taken else n, wide)
            taken.add(n)
        return own

    def number(self, value: int) -> Node:
        return self.computed(lambda: self.graph.constant(value, "int"))

    def zeros(self, like: Node, shape: tuple[int, ...]) -> Node:
        return self.computed(
            lambda: self.graph.constant(False if like.kind == "bool" else 0, like.kind, shape)
        )
