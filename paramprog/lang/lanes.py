"""`if c then a else b` with an array condition: what is computed per lane, and what the lanes share.

An arm is first built as it reads, on whole arrays. Its lanewise part is what leads to the result through elementwise
operations of the condition's shape alone; only that is evaluated lane by lane. The rest (a matrix product, a sum) has
no lanes: where it could fail it runs if any lane is selected, else it moves in front of the branch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paramprog.graph import PART, Graph, Node, cone, part, replay
from paramprog.op import OPS
from paramprog.transfer.regions import Branch, branch
from paramprog.transfer.source import FULL, LEAF


def conditional_lanes(
    outer: Graph,
    condition: Node,
    arms: tuple[Graph, Graph],
    results: tuple[Node, Node],
    selected: Sequence[tuple[Node, int]] = (),
) -> Node:
    """The result of a branch per lane, for arms built on whole arrays in bodies of `outer`.

    `selected` are the array conditions around it, with their sides: only lanes that they select can select an arm.
    """
    lanes = condition.shape
    bodies: list[Graph] = []
    ends: list[Node] = []
    for which, (arm, result) in enumerate(zip(arms, results, strict=True)):
        body = Graph(outer, lane_rank=len(lanes))
        lanewise = _lanewise(arm, result, lanes)
        frontier = [a for n in lanewise for a in n.args if a not in lanewise] or [result]
        shared = _shared(outer, [*selected, (condition, which)], arm, list(dict.fromkeys(frontier)))
        env: dict[Node, Node] = {}
        for inside, value in shared.items():
            if value.op is FULL:  # one number for all lanes is one number in a lane
                env[inside] = body.constant(value.attrs["value"], value.kind)
            else:
                env[inside] = body.own(value if value.shape == lanes else outer.spread(value, lanes))
        replay(lanewise, env, body)
        bodies.append(body)
        ends.append(env[result])
    (made,) = branch(outer, condition, (bodies[0], bodies[1]), ((ends[0],), (ends[1],)))
    return made


def _is_lanewise(n: Node, lanes: tuple[int, ...]) -> bool:
    if n.op is PART:
        return _is_lanewise(n.args[0], lanes)
    if isinstance(n.op, Branch):
        return n.args[0].shape == lanes
    return n.op.elementwise and n.shape == lanes


def _lanewise(arm: Graph, result: Node, lanes: tuple[int, ...]) -> dict[Node, None]:
    """The nodes that lead to `result` only, through lanewise operations, in order."""
    found: dict[Node, None] = {}
    uses: dict[Node, list[Node]] = {}
    live = cone(arm.nodes, [result])
    for n in live:
        for a in n.args:
            uses.setdefault(a, []).append(n)
    for n in reversed(list(live)):
        if (
            _is_lanewise(n, lanes)
            and (n is result or uses.get(n))
            and all(u in found for u in uses.get(n, []))
        ):
            found[n] = None
    return dict.fromkeys(reversed(found))


def _shared(
    outer: Graph, selected: Sequence[tuple[Node, int]], arm: Graph, wanted: Sequence[Node]
) -> dict[Node, Node]:
    """For each of `wanted` in the arm the node of `outer` that holds it."""
    live = cone(arm.nodes, wanted)
    env = {leaf: port.outer for leaf, port in arm.ports.items() if port.outer is not None and leaf in live}
    computed = [n for n in live if n.op is not LEAF]
    if all(n.op.total or not n.args or n.op is PART for n in computed):
        _copy(computed, env, outer)
        return {n: env[n] for n in wanted}
    any_lane = _any_lane(outer, selected)
    taken, absent = Graph(outer), Graph(outer)
    inner = {leaf: taken.own(value) for leaf, value in env.items()}
    _copy(computed, inner, taken)
    results = tuple(inner[n] for n in wanted)
    nothing = tuple(absent.zeros(n) for n in results)
    return dict(zip(wanted, branch(outer, any_lane, (taken, absent), (results, nothing)), strict=True))


def _copy(nodes: Iterable[Node], env: dict[Node, Node], graph: Graph) -> None:
    """Copy `nodes` into `graph` with the shapes they have, in place in `env`: a branch of one lane stays one."""
    for n in nodes:
        args = tuple(env[a] for a in n.args)
        with graph.at(n.span):
            made = (
                part(args[0], n.attrs["of"]) if n.op is PART else graph.append(n.op, args, n.attrs, n.results)
            )
        made.name = made.name or n.name
        env[n] = made


def _any_lane(outer: Graph, selected: Sequence[tuple[Node, int]]) -> Node:
    """Whether all conditions of the innermost one's shape hold together in any lane."""
    shape = selected[-1][0].shape
    lanes: Node | None = None
    for condition, which in selected:
        if condition.shape == shape:
            side = outer.own(condition) if which == 0 else outer.emit(OPS["not"], condition)
            lanes = side if lanes is None else outer.emit(OPS["and"], lanes, side)
    assert lanes is not None
    return outer.emit(OPS["any"], lanes, axes=tuple(range(len(shape))))
