"""What a derivative operator sees of the graph that is being built: the nodes between two points.

A function body or a turn of a loop differentiates by itself: its arguments, and the names carried at its entry, are
independent points there. So the paths from x to y are those inside the body in which y was computed, with the blocks in
it (arms are graphs of their own, which see the points around them through ports), and outwards through what the body
takes from around it, up to the body of the function; nothing passes through the names that a loop carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from paramprog.diagnostics import ProgramError, fail
from paramprog.graph import PART, Graph, Node, Region
from paramprog.lang.crossing import Crossing
from paramprog.lang.syntax import For, Name, While


@dataclass(eq=False)
class Body:
    """A function body, or a turn of a loop, that is being built: the nodes of `graph` from `start` on.

    `entry` are the points of the names that the loop carries, at the begin of the turn.
    """

    graph: Graph
    start: int
    loop: For | While | None = None
    entry: Mapping[str, Node] = field(default_factory=dict)
    crossings: list[Crossing] = field(default_factory=list)
    """Of a function body: what is to be looked at when its loops are complete."""


class Stretch(NamedTuple):
    """The nodes of a graph that one body has made so far; an arm, whose `body` is None, is all of its graph."""

    graph: Graph
    start: int
    stop: int
    body: Body | None

    @property
    def nodes(self) -> Sequence[Node]:
        return self.graph.nodes[self.start : self.stop]

    def made(self, node: Node) -> bool:
        return node.graph is self.graph and self.start <= node.id < self.stop


class Layer(NamedTuple):
    """The nodes of a stretch on some path from x to y, in order; facts pass from `entries` to them, not among these.

    `ports` maps those of them through which points of other layers enter to these points.
    """

    nodes: Sequence[Node]
    entries: frozenset[Node]
    ports: Mapping[Node, Node]


@dataclass(frozen=True, eq=False)
class Extent:
    """All paths from each of `wrt` to `output`, layer by layer, from that of the output to the outermost one.

    `at` is the number of the layer that an x of `wrt` belongs to; one that no path leaves has none.
    """

    output: Node
    wrt: tuple[Node, ...]
    layers: tuple[Layer, ...]
    at: Mapping[Node, int]


def stretches(graph: Graph, bodies: Sequence[Body]) -> list[Stretch]:
    """What has been made so far, from `graph`, the innermost one, out to the body of the function."""
    return list(_stretches(graph, bodies))


def _stretches(graph: Graph, bodies: Sequence[Body]) -> Iterator[Stretch]:
    stop = len(graph.nodes)
    for body in reversed(bodies):
        while graph is not body.graph:
            if stop:
                yield Stretch(graph, 0, stop, None)
            assert graph.outer is not None
            graph = graph.outer
            stop = len(graph.nodes)
        yield Stretch(graph, body.start, stop, body)
        stop = body.start


def extent(found: Sequence[Stretch], y: tuple[Name, Node], xs: Sequence[tuple[Name, Node]]) -> Extent:
    """The paths from the x's to y.

    Raises ProgramError when y was not computed in this body, when an x was assigned after y was computed, or when an x
    reaches y through an earlier turn of a loop, as far as that is known already.
    """
    output, point = y
    first = next((k for k, s in enumerate(found) if s.made(point)), None)
    if first is None or point in _carried(found[first]) or any(map(_is_turn, found[:first])):
        raise _elsewhere(output, found)
    places: dict[Node, int] = {}
    for name, x in xs:
        place = places[x] = place_of(found, name.text, x)
        later = x.graph is point.graph and x.id > point.id and x not in x.graph.ports
        if place < first or (later and found[place].made(x)):
            message = (
                f"`{name.text}` is assigned after `{output.text}` was computed, which cannot depend on it"
            )
            hint = f"compute `{output.text}` again, or differentiate before"
            raise fail("derivative-order", message, name.span, hint)
    return between(found, point, places, [(name, output, x) for name, x in xs])


def between(
    found: Sequence[Stretch],
    y: Node,
    places: Mapping[Node, int],
    asked: Sequence[tuple[Name, Name, Node]] = (),
) -> Extent:
    """The paths to y from points in known places, which are numbers of stretches; `asked` are the names, for faults."""
    first = next(k for k, s in enumerate(found) if s.made(y))
    last = max(places.values())
    needed, met = _needed(found[first : last + 1], y)
    reached: set[Node] = set()
    layers: list[Layer] = []
    for k in range(last, first - 1, -1):
        crossings = [
            Crossing(x, output, point, met[k - first], body.loop)
            for x, output, point in asked
            if (body := found[k].body) is not None and places[point] > k and met[k - first]
        ]
        for crossing in crossings:
            if crossing.carried & reached:
                raise crossing.fault()
        if found[-1].body is not None:
            found[-1].body.crossings += crossings
        starts = {x for x, place in places.items() if place == k}
        layers.append(_layer(found[k], starts, needed, reached))
    at = {x: place - first for x, place in places.items() if x in needed}
    return Extent(y, tuple(places), tuple(reversed(layers)), at)


def place_of(found: Sequence[Stretch], name: str, x: Node) -> int:
    """The stretch that a point belongs to: a loop whose turns begin with it, where it was made, else the function's."""
    for k, s in enumerate(found):
        if s.body is not None and s.body.entry.get(name) is x:
            return k
        if s.made(x):
            return k
    return len(found) - 1


def _carried(stretch: Stretch) -> set[Node]:
    return set() if stretch.body is None else set(stretch.body.entry.values())


def _is_turn(stretch: Stretch) -> bool:
    return stretch.body is not None and stretch.body.loop is not None


def _needed(found: Sequence[Stretch], y: Node) -> tuple[set[Node], list[frozenset[Node]]]:
    """What y is made of in these stretches, with what enters them; and what of it each of them carries."""
    needed = {y}
    met: list[frozenset[Node]] = []
    for s in found:
        carried = _carried(s)
        for n in reversed(s.nodes):
            if n not in needed or n in carried:
                continue
            needed.update(n.args)
            port = s.graph.ports.get(n)
            if port is not None and port.outer is not None:
                needed.add(port.outer)
        met.append(frozenset(carried & needed))
    return needed, met


def _layer(stretch: Stretch, starts: set[Node], needed: set[Node], reached: set[Node]) -> Layer:
    """The nodes of a stretch that are needed and reached; adds to what is `reached`."""
    outside = reached - _carried(stretch)
    seen: set[Node] = set(starts)
    entries: dict[Node, None] = {x: None for x in starts if not stretch.made(x)}
    ports: dict[Node, Node] = {}
    nodes: list[Node] = []
    for n in stretch.nodes:
        if n not in needed:
            continue
        port = stretch.graph.ports.get(n)
        if port is not None and port.kind != "carry" and port.outer in outside:
            ports[n] = port.outer
            seen.add(n)
        elif passes(n):
            came = [a for a in n.args if a in seen or (a in outside and not stretch.made(a))]
            entries |= {a: None for a in came if not stretch.made(a)}
            seen.update([n] if came else [])
        if n in seen:
            nodes.append(n)
    reached |= seen
    return Layer([*sorted(entries, key=lambda n: n.id), *nodes], frozenset(entries), ports)


def passes(n: Node) -> bool:
    """Whether a derivative can pass through an operation."""
    if isinstance(n.op, Region):
        return True
    return n.kind == "real" and (n.op is PART or n.op.jacobian is not None)


# ---- faults ------------------------------------------------------------------------------------------------------


def _elsewhere(output: Name, found: Sequence[Stretch]) -> ProgramError:
    loop = next((s.body.loop for s in found if s.body is not None and s.body.loop is not None), None)
    if loop is None:
        message = f"`{output.text}` was computed outside of this function"
        return fail("derivative-scope", message, output.span, "compute it here")
    message = f"`{output.text}` was not computed in this turn of the loop in line {loop.span.line}"
    hint = "compute it in the loop, or differentiate outside of it"
    return fail("derivative-scope", message, output.span, hint)
