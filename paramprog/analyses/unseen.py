"""What the gradient does not see: dependence that passes a step, and points on which nothing depends.

The fact at a node is two sets: the starts that reach it by a path that carries a derivative, and all starts and steps
that reach it by any path. A step is an operation that a derivative enters and does not leave: a comparison, a rounding,
`argmax`, `stop`. Regions are solved inside: carries of loops by a fixed point, branches by condition and both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from paramprog.dataflow.flow import Analysis, Edge
from paramprog.dataflow.solve import solve
from paramprog.diagnostics import Diagnostic
from paramprog.graph import PART, Graph, Node, Region, Result
from paramprog.graph.region import Key
from paramprog.op import Op
from paramprog.transfer.base import BaseOp
from paramprog.transfer.branches import Branch


class Reached(NamedTuple):
    """Sets as the bits of ints: starts by smooth paths; starts, and steps, by any path."""

    smooth: int = 0
    all: int = 0

    def __or__(self, other: object) -> Reached:
        assert isinstance(other, Reached)
        return Reached(self.smooth | other.smooth, self.all | other.all)


NOTHING = Reached()

STEPS = 256
"""So many steps are told apart: sets are as long as this at every node."""


class Step(NamedTuple):
    """An operation without a derivative that the output depends on, and the starts whose derivatives end there."""

    node: Node
    starts: int


class Parts(NamedTuple):
    """The fact at a region: of its results, and of the nodes of its bodies, whose histories may be taken out."""

    results: tuple[Reached, ...]
    inside: Mapping[Node, Any]
    always: int
    """What the number of turns, or the side taken, depends on."""

    def of(self, key: Key) -> Reached:
        if isinstance(key, Result):
            return self.results[key.number]
        if isinstance(key, Node):
            found: Reached = self.inside.get(key, NOTHING)
            return Reached(found.smooth, found.all | self.always)
        return Reached(0, self.always)


class Dependence(Analysis[Node, Any]):
    """The facts at the nodes of a graph or body, given those at its leaves; steps get bits as they are found."""

    def __init__(self, given: Mapping[Node, Reached], steps: dict[Node, int], first: int, most: int) -> None:
        self.given, self.steps, self.first, self.most = given, steps, first, most
        self.cut: dict[Node, int] = {}
        """For each step, the starts whose derivatives end there."""
        self.known: dict[tuple[Node, tuple[Reached, ...]], Parts] = {}

    def flow(self, edge: Edge, fact: Any) -> Any:
        return edge.port, fact

    def meet(self, node: Node, facts: Sequence[tuple[int, Any]]) -> Any:
        if not node.args:
            return self.given.get(node, NOTHING)
        args: list[Any] = [NOTHING] * len(node.args)
        for port, fact in facts:
            args[port] = fact
        if node.op is PART:
            taken = cast(Parts, args[0]).of(node.attrs["of"])
            return taken if node.kind == "real" else Reached(0, taken.all)
        if isinstance(node.op, Region):
            return self._region(node, tuple(args))
        smooth, every, cut = 0, 0, 0
        for port, fact in enumerate(args):
            every |= fact.all
            if carries(node, port):
                smooth |= fact.smooth
            elif node.args[port].kind == "real":
                cut |= fact.smooth
        if cut and (node in self.steps or len(self.steps) < self.most):
            self.cut[node] = self.cut.get(node, 0) | cut
            every |= 1 << self.first + self.steps.setdefault(node, len(self.steps))
        return Reached(smooth, every)

    # ---- regions -------------------------------------------------------------------------------------------------

    def _region(self, node: Node, args: tuple[Reached, ...]) -> Parts:
        if (node, args) not in self.known:
            ports = dict(zip(node.attrs["ports"], args[1:], strict=False))
            made = self._branch if isinstance(node.op, Branch) else self._loop
            self.known[node, args] = made(node, args[0], ports)
        return self.known[node, args]

    def _inside(self, body: Graph, given: Mapping[Node, Reached]) -> dict[Node, Any]:
        inner = Dependence(given, self.steps, self.first, self.most)
        inner.cut, inner.known = self.cut, self.known
        return solve(body.nodes, inner)

    def _branch(self, node: Node, condition: Reached, ports: Mapping[Node, Reached]) -> Parts:
        inside: dict[Node, Any] = {}
        for body in node.attrs["bodies"]:
            inside |= self._inside(body, ports)
        sides = node.attrs["results"]
        results = []
        for k in range(len(sides[0])):
            total = Reached(0, condition.all)
            for side in sides:
                total |= inside.get(side[k], NOTHING)
            results.append(total)
        return Parts(tuple(results), inside, condition.all)

    def _loop(self, node: Node, limit: Reached, ports: dict[Node, Reached]) -> Parts:
        (body,), test = node.attrs["bodies"], node.attrs["test"]
        while True:
            inside = self._inside(body, ports)
            always = limit.all | (inside[test].all if test is not None else 0)
            becomes = {c: ports[c] | inside[n] for c, n in node.attrs["next"]}
            if all(ports[c] == fact for c, fact in becomes.items()):
                break
            ports |= becomes
        results = tuple(Reached(ports[c].smooth, ports[c].all | always) for c, _ in node.attrs["next"])
        return Parts(results, inside, always)


def carries(node: Node, port: int) -> bool:
    """Whether a derivative can pass from the argument at `port` to the result."""
    if node.op.jacobian is None or node.kind != "real" or node.args[port].kind != "real":
        return False
    partials = node.op.body.partials if isinstance(node.op, BaseOp) else None
    return partials is None or partials[port] is not None


def _is_smooth(node: Node) -> bool:
    """Whether derivatives surely pass from all real arguments to the result."""
    op = node.op
    return not node.args or (op.jacobian is not None and type(op) is Op and node.results[0].kind == "real")


class Unseen(NamedTuple):
    """What outputs depend on: `smooth` and `all` are starts, by number; `steps` those that they depend on."""

    smooth: int
    all: int
    steps: Sequence[Step]


def unseen(
    nodes: Sequence[Node], starts: Sequence[Node], outputs: Iterable[Node], steps: int = STEPS
) -> Unseen:
    """What the gradients of `outputs` by `starts` see, and what they do not; at most `steps` steps are told."""
    given = {n: Reached(1 << k, 1 << k) for k, n in enumerate(starts)}
    analysis = Dependence(given, {}, len(starts), steps)
    facts = solve(nodes, analysis)
    total = NOTHING
    for y in outputs:
        total |= facts[y]
    found = [Step(n, analysis.cut[n]) for n, k in analysis.steps.items() if total.all >> len(starts) + k & 1]
    return Unseen(total.smooth, total.all & (1 << len(starts)) - 1, found)


def cut_dependence(nodes: Sequence[Node], starts: Sequence[Node], output: Node) -> list[Diagnostic]:
    """A warning for each start that reaches the output, but by no path that carries a derivative."""
    if all(map(_is_smooth, nodes)):
        return []
    found = unseen(nodes, starts, [output], steps=0)
    if not found.all & ~found.smooth:
        return []
    found = unseen(nodes, starts, [output])
    warnings: list[Diagnostic] = []
    for k, start in enumerate(starts):
        if found.all >> k & 1 and not found.smooth >> k & 1:
            step = next((s.node for s in found.steps if s.starts >> k & 1), None)
            message = f"the output depends on `{start.name}` through steps only, so its gradient is structurally zero"
            span = start.span if step is None else step.span
            warnings.append(Diagnostic("cut-dependence", message, span, "this has no derivative", "warning"))
    return warnings


def unseen_paths(found: Unseen, starts: Sequence[Node]) -> Iterable[tuple[Step, list[str]]]:
    """The steps on some of the paths only, with the names of the starts whose gradients do not see these paths."""
    for step in found.steps:
        names = [str(n.name) for k, n in enumerate(starts) if step.starts & found.smooth & 1 << k]
        if names:
            yield step, names
