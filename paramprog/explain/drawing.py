"""A flow graph as vertices, clusters and edges: what all formats of drawings print.

Drawn is what a reader of the program would draw: an operation is a vertex, and numbers are written where they are used.
A region is a cluster for each of its bodies, whose operations use the points outside directly; what is taken out of it
is a vertex. A run (`of_run`) is drawn as executed: without regions, the operations of the sides that were taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from paramprog.analyses.levels import backward_levels, forward_levels
from paramprog.diagnostics import Span
from paramprog.evaluate import Trace
from paramprog.explain.operations import formula, literal
from paramprog.gradient import plain_or_none, pulled
from paramprog.graph import PART, Node, Region, Result, cone
from paramprog.lang.build import Built
from paramprog.lang.walk import Walk, walk
from paramprog.transfer.branches import Branch
from paramprog.transfer.loops import Loop
from paramprog.transfer.source import LEAF

Kind = Literal["input", "param", "operation", "output"]


@dataclass(frozen=True)
class Subject:
    """What is drawn: nodes in order, and what is known of them.

    `roles` says which leaves are inputs and which params, by name. `values` are numbers by node, `adjoints` likewise,
    None being a structural zero; they are None when not asked for.
    """

    title: str
    nodes: Sequence[Node]
    roles: Mapping[str, Kind]
    outputs: Collection[Node]
    points: Collection[Node]
    values: Mapping[Node, Any] | None = None
    adjoints: Mapping[Node, Any] | None = None


def of_program(title: str, built: Built, outputs: Sequence[Node]) -> Subject:
    """The program as it was built, before it runs; operations that no point needs are left out."""
    points = _named(built)
    return Subject(title, cone(built.graph.nodes, [*points, *outputs]), _roles(built), outputs, points)


def of_run(
    title: str, built: Built, run: Trace, outputs: Sequence[Node], *, values: bool, grads: Node | None
) -> Subject:
    """One run as it was executed, with the values of all points, or their adjoints for the output `grads`, or both."""
    adjoints = None
    if grads is not None:
        end = run.of[grads]
        facts = pulled(run.nodes, run.values, end, np.ones_like(run.values[end]))
        adjoints = {n: plain_or_none(facts[n]) for n in run.nodes if n.kind == "real"}
    points = [run.of[n] for n in _named(built) if n in run.of]
    ends = [run.of[n] for n in outputs]
    return Subject(title, run.nodes, _roles(built), ends, points, run.values if values else None, adjoints)


def _named(built: Built) -> list[Node]:
    return [*built.inputs.values(), *built.params.values(), *built.points.values()]


def _roles(built: Built) -> dict[str, Kind]:
    return {**dict.fromkeys(built.inputs, "input"), **dict.fromkeys(built.params, "param")}


# ---- vertices and clusters ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vertex:
    """A point or an operation: `key` is safe in every format, `name` tells it from all others."""

    key: str
    name: str
    named: bool
    text: str
    kind: Kind
    type: str
    span: Span | None
    node: Node


class Open(NamedTuple):
    """A cluster begins."""

    key: str
    label: str


class Close(NamedTuple):
    """The innermost cluster ends."""


class Arrow(NamedTuple):
    """A use; `label` says how, where it is not an argument."""

    start: str
    end: str
    label: str = ""


@dataclass
class Drawing:
    """`items` in order, clusters being nested; `arrows` between the keys of vertices."""

    subject: Subject
    items: list[Vertex | Open | Close] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    @property
    def vertices(self) -> list[Vertex]:
        return [item for item in self.items if isinstance(item, Vertex)]


class Levels(NamedTuple):
    """The level of each node, forwards and in the backward sweep (None where there is no single real output)."""

    forward: Mapping[Node, int]
    backward: Mapping[Node, int] | None


def levels(subject: Subject) -> Levels:
    """The parallel schedule; numbers take no time, and a region with its bodies is one step."""
    nodes = [n for n in subject.nodes if literal(n) is None]
    outputs = [n for n in subject.outputs if n.kind == "real"]
    single = outputs[0] if len(set(outputs)) == 1 else None
    return Levels(forward_levels(nodes), None if single is None else backward_levels(nodes, single))


def draw(subject: Subject) -> Drawing:
    """The vertices, clusters and arrows of what is to be drawn."""
    return _Drawer(subject).drawing


Env = dict[Node, "Vertex | str"]
"""What nodes are drawn as: a vertex, or the text of a number."""


class _Drawer:
    def __init__(self, subject: Subject) -> None:
        self.subject, self.drawing = subject, Drawing(subject)
        self.count = 0
        self.points, self.outputs = frozenset(subject.points), frozenset(subject.outputs)
        self.taken = {n.name: 1 for n in subject.points}
        self.inside: dict[Node, Env] = {}
        walk(self.nodes(subject.nodes, {}))

    def nodes(self, nodes: Sequence[Node], env: Env) -> Walk[None]:
        """Draw `nodes` in order; `env` holds what the ports of a body are drawn as."""
        for n in nodes:
            if n in env:
                continue
            if (number := literal(n)) is not None:
                env[n] = number
            elif isinstance(n.op, Region):
                yield self.region(n, env)
            elif n.op is PART:
                env[n] = self.part(n, env)
            else:
                env[n] = self.vertex(n, [env[a] for a in n.args])

    def vertex(self, node: Node, operands: Sequence[Vertex | str], uses: Sequence[str] = ()) -> Vertex:
        """A vertex and the arrows into it; `uses` labels them."""
        text = formula(node, [_text(x) for x in operands])
        kind: Kind = "operation"
        if node in self.outputs:
            kind = "output"
        elif node.op is LEAF and node in self.points:
            kind = self.subject.roles.get(node.name or "", "operation")
        name = self.name(node)
        made = Vertex(
            f"v{self.count}", name, node.name is not None, text, kind, str(node.type), node.span, node
        )
        self.count += 1
        self.drawing.items.append(made)
        for x, use in zip(operands, uses or [""] * len(operands), strict=True):
            if isinstance(x, Vertex):
                self.drawing.arrows.append(Arrow(x.key, made.key, use))
        return made

    def name(self, node: Node) -> str:
        """The name of a point, numbered where inlined functions repeat it; `%3` for an operation without one."""
        if node.name is None:
            return f"%{self.count}"
        if node in self.points:
            return node.name
        self.taken[node.name] = self.taken.get(node.name, 0) + 1
        return node.name if self.taken[node.name] == 1 else f"{node.name}#{self.taken[node.name]}"

    def region(self, node: Node, env: Env) -> Walk[None]:
        """A cluster for each body. A body may be shared by several regions: each draws it anew."""
        test = _text(env[node.args[0]])
        branch = isinstance(node.op, Branch)
        labels = _labels(node, test)
        ports = list(zip(node.attrs["ports"], node.args[1:], strict=True))
        found: Env = {}
        for which, body in enumerate(node.attrs["bodies"]):
            inner: Env = {p: env[a] for p, a in ports if p.graph is body and body.ports[p].kind != "carry"}
            wanted = cone(body.nodes, node.attrs["results"][which]) if branch else body.nodes
            items = self.drawing.items
            items.append(Open(f"c{len(items)}", labels[which]))
            yield self.nodes(wanted, inner)
            if isinstance(items[-1], Open):  # nothing but a number, or a point from outside
                items.pop()
            else:
                items.append(Close())
            found |= inner
        first = dict(ports)
        for carry, value in node.attrs.get("next", ()):
            for x, how in ((env[first[carry]], "first"), (found[value], "next turn")):
                carried = found[carry]
                if isinstance(x, Vertex) and isinstance(carried, Vertex):
                    self.drawing.arrows.append(Arrow(x.key, carried.key, how))
        self.inside[node] = found

    def part(self, node: Node, env: Env) -> Vertex:
        """What is taken out of a region."""
        region, key = node.args[0], node.attrs["of"]
        inside = self.inside[region]
        if isinstance(region.op, Branch) and isinstance(key, Result):
            sides = [inside[results[key.number]] for results in region.attrs["results"]]
            if len(sides) == 1:
                return self.vertex(node, sides, ("each",))
            return self.vertex(node, [env[region.args[0]], *sides], ("if", "then", "else"))
        if isinstance(region.op, Loop) and isinstance(key, Result):
            return self.vertex(node, [inside[region.attrs["next"][key.number][1]]], ("last",))
        return self.vertex(node, [inside[key]] if key in inside else [])


def _labels(node: Node, head: str) -> tuple[str, ...]:
    """What the clusters of the bodies of a region are called."""
    if not isinstance(node.op, Branch):
        test = node.attrs.get("test")
        return ("while" if test is not None else f"{node.op.name} {head}",)
    if len(node.attrs["bodies"]) == 1:
        return (f"for each of [{', '.join(map(str, node.args[0].shape))}]",)
    return (f"if {head}", f"else, not {head}")


def _text(drawn: Vertex | str) -> str:
    return drawn if isinstance(drawn, str) else drawn.name
