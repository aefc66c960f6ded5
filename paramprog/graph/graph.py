"""`Graph`: an append-only list of nodes, so the order of the list is a topological order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from paramprog.diagnostics import Span
from paramprog.graph.constant import Constant
from paramprog.graph.node import Node
from paramprog.op import OPS, Attrs, Op
from paramprog.types import Kind, Real, Type, is_told_by_a_run, join_shapes

PortKind = Literal["carry", "scan", "free", "shared", "index"]
"""How a value enters a body: carried from turn to turn, one row a turn, the same for all turns (in a body that runs per
lane, its entry of the lane), the same for all lanes too, the turn's number."""

_KINDS: dict[str, Kind] = {"b": "bool", "i": "int", "u": "int"}
"""By the letters of NumPy."""


@dataclass(frozen=True, eq=False)
class Port:
    """How a leaf of a body gets its value; `outer` is None for the index of a loop."""

    kind: PortKind
    outer: Node | None


class Graph:
    """A flow graph, or (with `outer`) the body of a region.

    A body sees values of the graphs around it through its ports only: `own` finds or makes the port. In a body whose
    region runs per lane, a value of shape `[*lanes, *shape]` enters as `shape`, unless it is shared by all lanes;
    `lane_rank` is the number of lane axes, and with `shared` that is how values enter unless a port is made for them.
    """

    def __init__(
        self,
        outer: Graph | None = None,
        *,
        real: Real = "float64",
        lane_rank: int = 0,
        shared: bool = False,
    ) -> None:
        self.outer = outer
        self.real: Real = outer.real if outer is not None else real
        self.lane_rank = lane_rank
        self.enters: PortKind = "shared" if shared else "free"
        """How values of the graphs around enter that operations here mention."""
        self.depth: int = 0 if outer is None else outer.depth + 1
        self.nodes: list[Node] = []
        self.ports: dict[Node, Port] = {}
        self.parts: dict[tuple[Node, object], Node] = {}
        self.lives: dict[tuple[Node, object], object] = {}
        """What regions need of their bodies, by demand; it cannot change, because graphs only grow."""
        self.span: Span | None = None
        """Where nodes appended now come from."""
        self.place: Span | None = outer.place if outer is not None else None
        """Where all of them come from, whatever `span` says, and those of bodies made meanwhile."""
        self._free: dict[tuple[Node, PortKind], Node] = {}
        self._fitting: dict[tuple[object, ...], tuple[Type, ...]] = {}

    # ---- appending -----------------------------------------------------------------------------------------------

    def append(self, op: Op, args: tuple[Node, ...], attrs: Attrs, results: tuple[Type, ...]) -> Node:
        """A new node, exactly as given."""
        node = Node(self, len(self.nodes), op, args, attrs, results, self.place or self.span)
        self.nodes.append(node)
        return node

    def emit(self, op: Op, *args: Any, **attrs: Any) -> Node:
        """Record `op` on nodes and numbers.

        Numbers become constants, values of outer graphs come in through ports, ints are converted where the primitive
        wants reals, and a scalar beside arrays of an elementwise primitive is spread: each of these is a node.

        Raises ShapeError when the arguments do not fit.
        """
        if op.precise:
            attrs.setdefault("real", self.real)
        # most operations are elementwise on nodes that fit as they are: their result type is looked up, not derived
        if op.elementwise and not attrs:
            key = (op, *[a.results if isinstance(a, Node) and a.graph is self else None for a in args])
            if (results := self._fitting.get(key)) is not None:
                node = Node(self, len(self.nodes), op, args, attrs, results, self.place or self.span)
                self.nodes.append(node)
                return node
            node = self._emit(op, args, attrs)
            if None not in key and node.args == args:
                self._fitting[key] = node.results
            return node
        return self._emit(op, args, attrs)

    def _emit(self, op: Op, args: tuple[Any, ...], attrs: Attrs) -> Node:
        nodes = self._nodes(args)
        kinds = tuple(n.kind for n in nodes)
        wanted = op.kinds(*kinds)[0] if nodes else ()
        if wanted != kinds:
            nodes = [n if n.kind == k else self.convert(n, k) for n, k in zip(nodes, wanted, strict=True)]
        if op.elementwise and len(nodes) > 1:
            shape = join_shapes([n.shape for n in nodes])
            nodes = [n if n.shape == shape else self.spread(n, shape) for n in nodes]
        result = op.result(*(n.type for n in nodes), **attrs)
        return self.append(op, tuple(nodes), attrs, (result,))

    def _nodes(self, args: tuple[Any, ...]) -> list[Node]:
        real = any(isinstance(a, Node) and a.kind == "real" for a in args)
        return [
            self.own(a)
            if isinstance(a, Node)
            else self.array(a)
            if isinstance(a, np.ndarray) and a.ndim
            else self.constant(a, "real" if real else None)
            for a in args
        ]

    def convert(self, node: Node, kind: Kind) -> Node:
        """`node` as `kind`; ints and bools become real, nothing else is implicit."""
        return self.emit(OPS["real" if kind == "real" else "int"], node)

    def spread(self, scalar: Node, shape: tuple[int, ...]) -> Node:
        """A scalar repeated to `shape`."""
        return self.emit(OPS["spread"], scalar, axes=tuple(range(len(shape))), sizes=shape)

    def leaf(self, type: Type, name: str | None = None) -> Node:
        """A value that comes from outside: an input, a parameter, a port of a body."""
        node = self.append(OPS["leaf"], (), {"type": type}, (type,))
        node.name = name
        return node

    def constant(
        self, value: bool | int | float, kind: Kind | None = None, shape: tuple[int, ...] = ()
    ) -> Node:
        """`value` in every entry of `shape`; the kind is the value's own unless given."""
        own: Kind = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "real"
        type = Type(kind or own, shape)
        return self.append(OPS["full"], (), {"value": value, "type": type, "real": self.real}, (type,))

    def array(self, value: Any) -> Node:
        """A constant array."""
        kind = _KINDS.get(value.dtype.kind, "real")
        type = Type(kind, value.shape)
        return self.append(
            OPS["array"], (), {"value": Constant(value), "type": type, "real": self.real}, (type,)
        )

    def zeros(self, like: Node, kind: Kind | None = None) -> Node:
        """Zero (or false) in the shape of `like`, which a run may tell, and in its kind unless one is given."""
        wanted = like.kind if kind is None else kind
        nowhere = self._nowhere(like)
        if nowhere is None:
            return self.constant(False if wanted == "bool" else 0, wanted, like.shape)
        return nowhere if wanted == "bool" else self.convert(nowhere, wanted)

    def everywhere(self, like: Node) -> Node:
        """True in the shape of `like`, which a run may tell."""
        nowhere = self._nowhere(like)
        return self.constant(True, "bool", like.shape) if nowhere is None else self.emit(OPS["not"], nowhere)

    def _nowhere(self, like: Node) -> Node | None:
        """False in the shape of `like` where only a run tells it: a constant would have no entry there."""
        if not is_told_by_a_run(like.type):
            return None
        return self.emit(OPS["not_equal" if like.kind == "bool" else "less"], like, like)

    def at(self, span: Span | None) -> At:
        """Nodes appended inside come from `span`."""
        return At(self, span)

    @contextmanager
    def coming_from(self, place: Span) -> Iterator[None]:
        """All nodes appended inside come from `place`, as a derivative does from the operator that asks for it."""
        before, self.place = self.place, place
        try:
            yield
        finally:
            self.place = before

    # ---- bodies --------------------------------------------------------------------------------------------------

    def own(self, node: Node, kind: PortKind | None = None) -> Node:
        """The node itself, or the port through which this body sees it."""
        if node.graph is self:
            return node
        between: list[Graph] = []
        graph: Graph | None = self
        while graph is not None and graph is not node.graph:
            between.append(graph)
            graph = graph.outer
        if graph is None:
            raise ValueError(f"{node!r} belongs to no graph around this one")
        for body in reversed(between):
            how = kind or body.enters
            if (node, how) not in body._free:
                body._free[node, how] = body.port(how, node)
            node = body._free[node, how]
        return node

    def port(self, kind: PortKind, outer: Node | None) -> Node:
        """A new leaf of this body, fed by `outer`."""
        if outer is None:
            type = Type("int", ())
        else:
            lanes = 0 if kind == "shared" else self.lane_rank + (kind == "scan")
            type = Type(outer.kind, outer.shape[lanes:])
        node = self.leaf(type, outer.name if outer is not None else None)
        self.ports[node] = Port(kind, outer)
        return node

    # ---- looking -------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """The number of nodes, bodies included."""
        return len(self.nodes) + sum(len(b) for n in self.nodes for b in bodies(n))

    def __str__(self) -> str:
        from paramprog.graph.printer import listing  # the printer knows graphs, not the other way round

        return listing(self)

    def check(self) -> None:
        """Assert the invariants of every stage's output: order, ownership, types, ports.

        Raises AssertionError naming the node.
        """
        for i, n in enumerate(self.nodes):
            assert n.id == i and n.graph is self, f"{n!r} is out of place"
            for a in n.args:
                assert a.graph is self and a.id < i, f"{n!r} uses {a!r} before it is defined"
            if not bodies(n) and n.op.name != "part":
                expected = n.op.result(*(a.type for a in n.args), **n.attrs)
                assert n.results == (expected,), f"{n!r} is {n.results}, its rule says {expected}"
            for body in bodies(n):
                body.check()
            ports = n.attrs.get("ports", ())
            more = len(n.attrs["primal"].args) - 1 if "primal" in n.attrs else 0
            assert not ports or len(ports) == len(n.args) - 1 - more, f"{n!r} has {len(ports)} ports"


class At:
    """The context of `Graph.at`. Entered once for each edge of an analysis, so it is no generator."""

    __slots__ = ("before", "graph", "span")

    def __init__(self, graph: Graph, span: Span | None) -> None:
        self.graph, self.span = graph, span

    def __enter__(self) -> None:
        self.before, self.graph.span = self.graph.span, self.span

    def __exit__(self, *error: object) -> None:
        self.graph.span = self.before


def bodies(node: Node) -> tuple[Graph, ...]:
    """The body graphs of a region, none for other nodes."""
    found: tuple[Graph, ...] = node.attrs.get("bodies", ())
    return found
