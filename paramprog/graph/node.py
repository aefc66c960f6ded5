"""`Node`: one operation of a flow graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramprog.diagnostics import Span
from paramprog.op import Attrs, Op, Symbol
from paramprog.types import Kind, Shape, Type

if TYPE_CHECKING:
    from paramprog.graph.graph import Graph


class Node(Symbol):
    """One operation: its arguments are earlier nodes of the same graph, its results have types.

    `name` is the point of the program that the node is, `span` the text it came from (both None where there is none).
    Nodes compare by identity. Arithmetic on nodes records nodes, so transfer functions read like formulas.
    """

    __slots__ = ("args", "attrs", "graph", "id", "name", "op", "results", "span")

    graph: Graph

    def __init__(
        self,
        graph: Graph,
        id: int,
        op: Op,
        args: tuple[Node, ...],
        attrs: Attrs,
        results: tuple[Type, ...],
        span: Span | None,
    ) -> None:
        self.graph, self.id, self.op, self.args = graph, id, op, args
        self.attrs, self.results, self.span = attrs, results, span
        self.name: str | None = None

    def __repr__(self) -> str:
        """Short on purpose: one that showed the arguments would be exponential in the graph."""
        return f"%{self.id}:{self.name or self.op.name}"

    @property
    def type(self) -> Type:
        """The type of the only result (of the first one, for a region)."""
        return self.results[0]

    @property
    def shape(self) -> Shape:
        return self.results[0].shape

    @property
    def kind(self) -> Kind:
        return self.results[0].kind
