"""`Rewriter`: emits nodes into a new graph, each simplified as it is emitted, equal ones once.

Its arguments are simplified already, so one pass over the old graph is enough, and its cost is linear.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from paramprog.graph import PART, Graph, Node, PortKind, Region, cone
from paramprog.graph.constant import Constant
from paramprog.op import Attrs, Op
from paramprog.simplify import arrays, contractions, elementwise, tapes
from paramprog.simplify.constants import are_constant, folded
from paramprog.simplify.rule import Rule
from paramprog.transfer.base import BaseOp
from paramprog.transfer.linear import MUL, SPREAD
from paramprog.transfer.pair import ADD
from paramprog.transfer.source import ARRAY, FULL, LEAF
from paramprog.transfer.step import AND, EQUAL, NOT_EQUAL, OR
from paramprog.types import Type, join_shapes

RULES: tuple[Rule, ...] = (*tapes.RULES, *elementwise.RULES, *arrays.RULES, *contractions.RULES)
"""The rewrite table, tried in this order; `hoisted` and `folded` go before it."""

COMMUTATIVE = frozenset({ADD, MUL, AND, OR, EQUAL, NOT_EQUAL})
"""Primitives whose two arguments may be exchanged without changing a bit."""


@dataclass(frozen=True)
class Options:
    """What a simplification may do beside keeping every bit."""

    resum: bool
    inline_bases: bool
    records: bool


@dataclass(eq=False)
class Shared:
    """What the rewriters of a graph and of the bodies in it share."""

    options: Options
    rules: Mapping[Op, list[Rule]]
    numbers: dict[Any, int] = field(default_factory=dict)
    """Numbers given to the structures of bodies: equal numbers, equal bodies."""
    of_region: dict[Node, int] = field(default_factory=dict)
    """The number of the bodies of a region that was made."""

    @classmethod
    def with_options(cls, options: Options) -> Shared:
        rules: dict[Op, list[Rule]] = {}
        for rule in RULES:
            if options.resum or not rule.resums:
                rules.setdefault(rule.op, []).append(rule)
        return cls(options, rules)

    def number(self, structure: Any) -> int:
        return self.numbers.setdefault(structure, len(self.numbers))


class Rewriter:
    """The new graph (or body) and what has been emitted into it."""

    def __init__(self, graph: Graph, shared: Shared) -> None:
        self.graph, self.shared = graph, shared
        self.uses: dict[Node, int] = {}
        """How often the old graph uses the nodes that became this one."""
        self._made: dict[Any, Node] = {}
        self._types: dict[Any, Type] = {}
        self._ports: dict[tuple[Node, PortKind], Node] = {}
        self._faulty: set[Node] = set()

    @classmethod
    def reopened(cls, graph: Graph, shared: Shared) -> Rewriter:
        """To emit into a graph that was made before, and reuse what it has, of which all may fault."""
        g = cls(graph, shared)
        for n in graph.nodes:
            if n in graph.ports or n.op is LEAF or n.op is PART or isinstance(n.op, Region):
                continue
            if n.op is FULL:
                g._made[FULL, n.type, _bits(n.attrs["value"])] = n
            else:
                g._made.setdefault(g._key(n.op, n.args, n.attrs), n)
        g._faulty.update(graph.nodes)
        g.uses = dict.fromkeys(graph.nodes, 2)
        return g

    # ---- emitting ------------------------------------------------------------------------------------------------

    def emit(self, op: Op, *args: Node, **attrs: Any) -> Node:
        """The simplified node for `op`; scalars beside arrays of an elementwise primitive are spread."""
        if op is FULL:
            return self.number(attrs["value"], attrs["type"])
        key = self._key(op, args, attrs)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._simplified(op, args, attrs)
        return found

    def __call__(self, op: Op, *args: Node | None, **attrs: Any) -> Node | None:
        """See `rule.Emitting`."""
        for a in args:
            if a is None:
                return None
        return self.emit(op, *args, **attrs)  # type: ignore[arg-type]  # none of them is None

    def _simplified(self, op: Op, args: tuple[Node, ...], attrs: Attrs) -> Node:
        if op is ARRAY:
            return self.graph.append(op, (), attrs, (attrs["type"],))
        found: Node | None = None
        if op.elementwise:
            if len(args) > 1 and any(a.shape != args[0].shape for a in args):
                shape = join_shapes([a.shape for a in args])
                return self.emit(op, *(self.spread(a, shape) for a in args), **attrs)
            found = arrays.hoisted(self, op, args, attrs)
        if found is None and are_constant(args):
            found = self._folded(op, args, attrs)
        if found is None:
            for rule in self.shared.rules.get(op, ()):
                found = rule.rewrite(self, *args, **attrs)
                if found is not None:
                    break
        return self._append(op, args, attrs) if found is None else found

    def _folded(self, op: Op, args: tuple[Node, ...], attrs: Attrs) -> Node | None:
        type = self._type(op, args, attrs)
        value = folded(op, args, attrs, type, self.graph.real, sums=self.shared.options.resum)
        if value is None:
            return None
        if not np.shape(value):
            return self.number(value, type)
        return self.emit(ARRAY, value=Constant(value), type=type, real=self.graph.real)

    def _append(self, op: Op, args: tuple[Node, ...], attrs: Attrs) -> Node:
        type = self._type(op, args, attrs)
        node = self.graph.append(op, args, attrs, (type,))
        if _may_fault(op, args, type) or not self._faulty.isdisjoint(args):
            self._faulty.add(node)
        return node

    def _type(self, op: Op, args: tuple[Node, ...], attrs: Attrs) -> Type:
        if not op.elementwise:
            return op.result(*(a.type for a in args), **attrs)
        key = (op, *[a.results for a in args])
        found = self._types.get(key)
        if found is None:
            found = self._types[key] = op.result(*(a.type for a in args), **attrs)
        return found

    def _key(self, op: Op, args: tuple[Node, ...], attrs: Attrs) -> Any:
        if op in COMMUTATIVE and args[0].id > args[1].id:
            args = args[::-1]
        return (op, args, attrs_key(attrs)) if attrs else (op, args)

    # ---- numbers and copies --------------------------------------------------------------------------------------

    def number(self, value: Any, like: Type) -> Node:
        """`value` in every entry, in the type of `like`."""
        own = _as_kind(value, like.kind, self.graph.real)
        key = (FULL, like, _bits(own))
        if key not in self._made:
            self._made[key] = self.graph.constant(own, like.kind, like.shape)
        return self._made[key]

    def spread(self, node: Node, shape: tuple[int, ...]) -> Node:
        """A scalar repeated to `shape`; an array of this shape as it is."""
        if node.shape == shape:
            return node
        return self.emit(SPREAD, node, axes=tuple(range(len(shape))), sizes=shape)

    def port(self, outer: Node, kind: PortKind = "free", *, certain: bool) -> Node:
        """What this body sees of a node around it: a port, or the number itself."""
        if outer.op is FULL:
            rank = 0 if kind == "shared" else self.graph.lane_rank
            return self.number(outer.attrs["value"], outer.type._replace(shape=outer.shape[rank:]))
        if (outer, kind) not in self._ports:
            made = self._ports[outer, kind] = self.graph.port(kind, outer)
            if not certain:
                self._faulty.add(made)
        return self._ports[outer, kind]

    def outer(self, node: Node) -> Node | None:
        """The node around this body that a port of it stands for."""
        port = self.graph.ports.get(node)
        return None if port is None else port.outer

    # ---- what rules ask ------------------------------------------------------------------------------------------

    def certain(self, *nodes: Node) -> bool:
        """Whether computing the nodes can never fault."""
        return self._faulty.isdisjoint(nodes)

    def single(self, node: Node) -> bool:
        """Whether `node` has one use in the old graph, or none."""
        return self.uses.get(node, 0) < 2

    # ---- finishing -----------------------------------------------------------------------------------------------

    def known_region(self, key: Any) -> Node | None:
        """The region made before under this key."""
        return self._made.get(key)

    def remember_region(self, key: Any, region: Node, structure: int) -> None:
        """A region was appended: equal ones need not be. `structure` is that of its bodies."""
        self._made[key] = region
        self.shared.of_region[region] = structure

    def note_faulty(self, parts: Iterable[Node]) -> None:
        """Parts were appended of a region that may fault."""
        self._faulty.update(parts)

    def compact(self, roots: Iterable[Node]) -> None:
        """Drop what `roots` do not need from the new graph; nothing may be emitted afterwards."""
        graph = self.graph
        graph.nodes[:] = cone(graph.nodes, roots)
        for k, n in enumerate(graph.nodes):
            n.id = k
        live = set(graph.nodes)
        graph.ports = {leaf: port for leaf, port in graph.ports.items() if leaf in live}
        graph.parts = {key: n for key, n in graph.parts.items() if n in live}


def _may_fault(op: Op, args: tuple[Node, ...], type: Type) -> bool:
    """An elementwise primitive of reals always has a value, if only NaN; so have total primitives, and constants."""
    if op.total or not args:
        return False
    reals = type.kind == "real" and all(a.kind == "real" for a in args)
    return not (op.elementwise and reals) or isinstance(op, BaseOp)


def attrs_key(attrs: Attrs) -> Any:
    """Equal for attributes that mean the same, to the bit."""
    return tuple((k, _bits(attrs[k])) for k in sorted(attrs))


def _bits(value: Any) -> Any:
    """Equal for equal values: 1, 1.0 and true are three, 0.0 and -0.0 are two, NaN is one."""
    if isinstance(value, Constant):
        return (value.array.dtype.str, value.array.shape, value.array.tobytes())
    return (type(value).__name__, value.hex()) if isinstance(value, float) else (type(value).__name__, value)


def _as_kind(value: Any, kind: str, real: str) -> Any:
    if kind == "real":
        return float(np.dtype(real).type(value))
    return bool(value) if kind == "bool" else int(value)


def structure_of(graph: Graph, shared: Shared) -> int:
    """A number that two bodies share if they compute the same of what enters through their ports, in order."""
    lines: list[Any] = []
    for n in graph.nodes:
        args = tuple(a.id for a in n.args)
        if n.op in COMMUTATIVE:
            args = tuple(sorted(args))
        if n.op is LEAF:
            lines.append(LEAF)
        elif isinstance(n.op, Region):
            lines.append((n.op, args, shared.of_region[n]))
        elif n.op is PART:
            lines.append((PART, args, _place(n.args[0], n.attrs["of"])))
        else:
            lines.append((n.op, args, attrs_key(n.attrs)))
    return shared.number(tuple(lines))


def _place(region: Node, key: Any) -> Any:
    """Which result, or which node of which body, a part takes out."""
    return (region.attrs["bodies"].index(key.graph), key.id) if isinstance(key, Node) else key
