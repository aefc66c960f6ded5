"""Whether a point reaches what a loop carries: then a derivative inside the loop would be that of one turn only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from paramprog.diagnostics import ProgramError, fail
from paramprog.graph import PART, Graph, Node, Region, Result
from paramprog.graph.graph import bodies
from paramprog.lang.syntax import For, Name, While


class Crossing(NamedTuple):
    """In a turn of `loop` y is made of the points `carried`, and differentiated by x, which is outside of the loop."""

    x: Name
    y: Name
    point: Node
    carried: frozenset[Node]
    loop: For | While | None

    def fault(self) -> ProgramError:
        line = self.loop.span.line if self.loop is not None else self.y.span.line
        message = (
            f"`{self.x.text}` also reaches `{self.y.text}` through earlier turns of the loop in line {line}"
        )
        hint = "differentiate by what the turn begins with, or outside of the loop"
        return fail("grad-crosses-iteration", message, self.x.span, hint)


def check_crossings(found: Iterable[Crossing], graph: Graph, start: int) -> None:
    """Raises ProgramError for the first crossing, now that the loops are complete.

    `graph` from `start` on is what the function has made.
    """
    onward: dict[Node, list[Node]] | None = None
    for crossing in found:
        if onward is None:
            onward = _onward(graph.nodes[start:])
        seen, pending = {crossing.point}, [crossing.point]
        while pending:
            for n in onward.get(pending.pop(), ()):
                if n not in seen:
                    seen.add(n)
                    pending.append(n)
        if seen & crossing.carried:
            raise crossing.fault()


def _onward(nodes: Iterable[Node]) -> dict[Node, list[Node]]:
    """For each node those that a derivative passes on to, in any turn."""
    found: dict[Node, list[Node]] = {}
    pending = list(nodes)
    while pending:
        n = pending.pop()
        for a, b in _edges(n):
            found.setdefault(a, []).append(b)
        for body in bodies(n):
            pending += body.nodes
    return found


def _edges(n: Node) -> Iterator[tuple[Node, Node]]:
    if isinstance(n.op, Region):
        ports = n.attrs["ports"]
        yield from ((a, p) for p, a in zip(ports, n.args[1:], strict=False))
        yield from ((after, carry) for carry, after in n.attrs.get("next", ()))
    elif n.op is PART:
        yield from ((a, n) for a in _sources(n.args[0], n.attrs["of"]))
    elif n.kind == "real" and n.op.jacobian is not None:
        yield from ((a, n) for a in n.args)


def _sources(region: Node, key: object) -> Iterator[Node]:
    """The body nodes that a part of a region takes its value from."""
    if isinstance(key, Node):
        yield key
    elif isinstance(key, Result):
        if "next" in region.attrs:
            yield from region.attrs["next"][key.number]
        else:
            yield from (results[key.number] for results in region.attrs["results"])
