"""Base functions: scalar functions that a program defines, applied elementwise, each call one node.

A base function is a primitive made at run time: its value runs its body, and its Jacobian is the diagonal of its
partials, which are nodes of the same body: derived from it by the gradient analysis, or given by hand in the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from paramprog.graph import Graph, Node, cone, demand, execute, replay
from paramprog.graph.region import Live
from paramprog.op import Chain, Op, Symbol
from paramprog.transfer.map import diagonal
from paramprog.types import join_shapes


@dataclass(eq=False, repr=False)
class Body:
    """A scalar function as a graph: its arguments (leaves), its result, and its partials, None for a structural zero.

    `partials` is None until the gradient analysis has filled it in.
    """

    graph: Graph
    arguments: tuple[Node, ...]
    result: Node
    partials: Sequence[Node | None] | None = None
    given: bool = False
    """Whether the partials were given by hand."""
    _live: dict[Node, Live] = field(default_factory=dict)

    def apply(self, output: Node, xs: Sequence[Any]) -> Any:
        """`output` of this body at arrays, or as nodes."""
        given = dict(zip(self.arguments, xs, strict=True))
        symbols = [x for x in xs if isinstance(x, Symbol)]
        if not symbols:
            if output not in self._live:
                self._live[output] = demand(self.graph.nodes, [output])
            y = execute(self._live[output], given)[output]
            shape = np.broadcast_shapes(*map(np.shape, xs))
            return y if np.shape(y) == shape else np.broadcast_to(y, shape)
        graph: Any = max((x.graph for x in symbols), key=lambda g: g.depth)
        nodes = {a: x if isinstance(x, Node) else graph.constant(x, "real") for a, x in given.items()}
        made = cone(self.graph.nodes, [output])
        y = replay(made, {a: graph.own(x) for a, x in nodes.items()}, graph)[output]
        shape = join_shapes([x.shape for x in nodes.values()])
        return y if y.shape == shape else graph.spread(y, shape)


@dataclass(frozen=True, eq=False, repr=False)
class BaseOp(Op):
    """The record of a base function; it knows its body."""

    body: Body = field(kw_only=True)


def base_op(name: str, doc: str, body: Body) -> BaseOp:
    """The primitive of a base function, not registered: it belongs to its program."""

    def jacobian(port: int, y: Any, *xs: Any) -> Chain | None:
        if body.partials is None:
            raise ValueError(f"the partials of {name} have not been derived")
        partial = body.partials[port]
        return None if partial is None else diagonal(body.apply(partial, xs))

    return BaseOp(
        name, doc, lambda *xs: body.apply(body.result, xs), elementwise=True, jacobian=jacobian, body=body
    )
