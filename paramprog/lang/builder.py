"""What all calls that are inlined into one flow graph share: the graph, and what has been made once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from paramprog.diagnostics import Span, fail
from paramprog.graph import Graph, Node
from paramprog.graph.constant import Constant
from paramprog.graph.depth import MAX_REGION_DEPTH
from paramprog.lang.build_derivatives import Derive
from paramprog.lang.check import Checked
from paramprog.lang.lanes import Guards
from paramprog.lang.selections import Selections
from paramprog.lang.syntax import BaseDecl, Call
from paramprog.lang.tapes import check_place
from paramprog.op import OPS, Op
from paramprog.transfer.base import BaseOp
from paramprog.types import Type


@dataclass(eq=False)
class Builder:
    """What all frames share: the graph being appended to (a body, inside an arm), and what has been made once."""

    program: Checked
    graph: Graph
    max_nodes: int
    derive: Derive
    params: dict[str, Node] = field(default_factory=dict)
    bases: dict[BaseDecl, BaseOp] = field(default_factory=dict)
    calls: list[dict[Any, list[Node]]] = field(default_factory=lambda: [{}])
    """Calls made so far by their points, one dictionary for each arm being built: an arm's calls are its own."""
    guards: Guards = field(default_factory=Guards)
    selections: Selections = field(default_factory=Selections)
    place: Span | None = None
    """The call of a function of the prelude that is being inlined: all in it has its place in the user's text."""
    independent: dict[Call, set[str]] = field(default_factory=dict)
    """For each derivative operator the names that its output does not depend on, however often it is inlined."""
    count: int = 0

    def emit(self, op: Op, args: Sequence[Node], attrs: Mapping[str, Any], span: Span) -> Node:
        """Append to the current graph, and mind the limit of nodes."""
        self.grown(1, span)
        check_place(op, self.graph, span)
        self.graph.span = self.place or span
        return self.graph.emit(op, *args, **attrs)

    def grown(self, nodes: int, span: Span) -> None:
        """Count nodes that have been appended. Raises ProgramError beyond the limit."""
        self.count += nodes
        if self.count > self.max_nodes:
            message = f"the flow graph has more than {self.max_nodes} nodes"
            raise fail("graph-limit", message, span, "raise the limit with `--max-nodes`")

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        """Calls made before are made anew inside: what differentiates must see all that its points are made of."""
        before, self.calls = self.calls, [{}]
        try:
            yield
        finally:
            self.calls = before

    def constant(self, value: Any, type: Type, span: Span) -> Node:
        """A constant node, filled with one number or holding an array."""
        if not type.shape or np.ndim(value) == 0:
            number = np.asarray(value)[()].item()
            return self.emit(OPS["full"], (), {"value": number, "type": type}, span)
        return self.emit(OPS["array"], (), {"value": Constant(value), "type": type}, span)

    def real(self, node: Node) -> Node:
        return node if node.kind == "real" else self.graph.convert(node, "real")

    @contextmanager
    def body(self, graph: Graph) -> Iterator[None]:
        """Append to a body for a while."""
        if graph.depth > MAX_REGION_DEPTH:
            message = f"conditionals and loops are nested more than {MAX_REGION_DEPTH} deep here"
            raise fail("nesting-limit", message, self.graph.span, "an `else if` chain counts each arm")
        before, self.graph = self.graph, graph
        self.calls.append({})
        try:
            yield
        finally:
            self.graph = before
            self.calls.pop()

    @contextmanager
    def at(self, call: Span | None) -> Iterator[None]:
        """The place of all that is appended for a while; None: where it is written."""
        before, self.place = self.place, call
        try:
            yield
        finally:
            self.place = before
