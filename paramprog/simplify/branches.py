"""Simplifying branches: both bodies in turn, and what both sides have in common moves out.

A branch has lanes if its condition is an array (transfer/branches.py); then its bodies speak of one lane.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from paramprog.graph import PART, Graph, Node, Result, part
from paramprog.graph.region import Key, Keys, Live, in_order, make_region
from paramprog.simplify.rewriter import Rewriter, structure_of
from paramprog.transfer.branches import Branch
from paramprog.transfer.regions import is_summed, kind_of
from paramprog.transfer.source import FULL
from paramprog.transfer.step import NOT
from paramprog.types import Type, join_shapes

Run = Callable[[Rewriter, Live, dict[Node, Any]], None]
"""Simplify live nodes into a rewriter's graph, in place in the environment (run.py)."""


def simplified_branch(
    g: Rewriter, node: Node, keys: Keys, env: Mapping[Node, Any], run: Run
) -> Mapping[Key, Node]:
    """The nodes that hold what is demanded of a branch; its arguments are in `env`, those that `keys` need.

    The arguments may have more axes than those of `node`, where its body was made for scalars: they become lanes.
    """
    op = node.op
    assert isinstance(op, Branch)
    condition = env[node.args[0]]
    given = {p: env[a] for p, a in zip(node.attrs["ports"], node.args[1:], strict=True) if a in env}
    old = dict(zip(node.attrs["ports"], node.args[1:], strict=True))
    lifted = [x.shape for p, x in given.items() if x.shape != old[p].shape]
    if lifted or condition.shape != node.args[0].shape:
        lanes = join_shapes([condition.shape, *lifted])
        condition = g.spread(condition, lanes)
        given = {p: g.spread(x, lanes) for p, x in given.items()}
    live = op.live(node, keys)
    alone = {"shared", "summed"}.isdisjoint(node.attrs)  # a body for one lane may run on whole arrays
    if condition.op is FULL and alone and (not condition.shape or all(map(_entrywise, live))):
        which = 0 if condition.attrs["value"] else 1
        others = live[1 - which] if len(live) > 1 else {}
        dropped = [x for p, x in given.items() if p in others and p not in live[which]]
        if g.certain(*dropped):
            return _taken(g, node, keys, which, live[which], given, condition.shape, run)
    return _Joined(g, node, keys, condition, given, live, run).parts()


def _entrywise(live: Live) -> bool:
    return all(
        (n.op.elementwise or not n.args or isinstance(n.op, Branch) or n.op is PART)
        and not any(type.shape for type in n.results)
        for n in live
    )


def _taken(
    g: Rewriter,
    node: Node,
    keys: Keys,
    which: int,
    live: Live,
    given: Mapping[Node, Node],
    lanes: tuple[int, ...],
    run: Run,
) -> Mapping[Key, Node]:
    """The side that a constant condition selects, in the place of the branch."""
    env: dict[Node, Any] = {p: x for p, x in given.items() if p in live}
    run(g, live, env)
    found: dict[Key, Node] = {}
    for key in in_order(node, keys):
        at: Any = node.attrs["results"][which][key.number] if isinstance(key, Result) else key
        # the history of the other side is never read
        made = env[at] if at in env else g.number(0, at.type)
        found[key] = made if made.shape[: len(lanes)] == lanes else g.spread(made, lanes)
    return found


class Pair(NamedTuple):
    """A result on each side, and whether it is the sum over the lanes."""

    sides: tuple[Node, ...]
    summed: bool


class _Joined:
    """A branch being made again from two simplified bodies."""

    def __init__(
        self,
        g: Rewriter,
        node: Node,
        keys: Keys,
        condition: Node,
        given: Mapping[Node, Node],
        live: list[Live],
        run: Run,
    ) -> None:
        self.g, self.node, self.keys, self.condition = g, node, in_order(node, keys), condition
        self.bodies: list[Rewriter] = []
        self.envs: list[dict[Node, Any]] = []
        for nodes in live:
            body = Rewriter(Graph(g.graph, lane_rank=len(condition.shape)), g.shared)
            env: dict[Node, Any] = {
                p: body.port(x, kind_of(node, p), certain=g.certain(x))
                for p, x in given.items()
                if p in nodes
            }
            run(body, nodes, env)
            self.bodies.append(body)
            self.envs.append(env)

    def parts(self) -> Mapping[Key, Node]:
        """What stands for each key: a node outside, where both sides agree, else a part of the new branch."""
        found: dict[Key, Node] = {}
        pairs: dict[Key, Pair] = {}
        for key in (k for k in self.keys if isinstance(k, Result)):
            sides = tuple(
                env[results[key.number]]
                for env, results in zip(self.envs, self.node.attrs["results"], strict=True)
            )
            summed = is_summed(self.node, key)
            outside = None if summed else self._agreed(sides)
            if outside is not None:
                found[key] = outside
            else:
                pairs[key] = Pair(sides, summed)
        history: dict[Node, Node] = {}
        for env, body in zip(self.envs, self.bodies, strict=True):
            for k in self.keys:
                if isinstance(k, Node) and k in env:
                    outside = self._entered(body, env[k])
                    if outside is not None:
                        found[k] = outside
                    else:
                        history[k] = env[k]
        if pairs or history:
            found |= self._branch(pairs, history)
        return found

    def _agreed(self, sides: Sequence[Node]) -> Node | None:
        """if c then x else x = x, if c then true else false = c; the condition then need not be computed for it."""
        lanes, (a, b) = self.condition.shape, (sides[0], sides[-1])
        if a.op is FULL and b.op is FULL and a.kind == "bool" and a.attrs["value"] != b.attrs["value"]:
            whole = self.condition if lanes or not a.shape else self.g.spread(self.condition, a.shape)
            if lanes and a.shape:
                return None
            return whole if a.attrs["value"] else self.g.emit(NOT, whole)
        if not self.g.certain(self.condition):
            return None
        if a.op is FULL and b.op is FULL:
            shape = (*lanes, *a.shape)
            x, y = (self.g.number(n.attrs["value"], Type(n.kind, shape)) for n in (a, b))
            return x if x is y else None
        first, second = (
            body.outer(n) for body, n in zip((self.bodies[0], self.bodies[-1]), (a, b), strict=True)
        )
        return first if first is second and first is not None and first.shape == (*lanes, *a.shape) else None

    def _entered(self, body: Rewriter, n: Node) -> Node | None:
        """The history of a number or a port is what entered; no side that was not taken reads it."""
        if not self.g.certain(self.condition):
            return None
        if n.op is FULL:
            return self.g.number(n.attrs["value"], Type(n.kind, (*self.condition.shape, *n.shape)))
        outside = body.outer(n)
        entered = outside is not None and outside.shape == (*self.condition.shape, *n.shape)
        return outside if entered else None  # what all lanes share is spread in the history

    def _branch(self, pairs: Mapping[Key, Pair], history: Mapping[Node, Node]) -> dict[Key, Node]:
        number = {pair: k for k, pair in enumerate(dict.fromkeys(pairs.values()))}
        for which, body in enumerate(self.bodies):
            roots = [pair.sides[which] for pair in number]
            body.compact([*roots, *(n for n in history.values() if n.graph is body.graph)])
        region = self._region(list(number))
        graphs = region.attrs["bodies"]
        found: dict[Key, Node] = {k: part(region, Result(number[pair])) for k, pair in pairs.items()}
        for k, n in history.items():
            which = 0 if n.graph is self.bodies[0].graph else 1
            found[k] = part(region, graphs[which].nodes[n.id])
        certain = all(body.certain(*body.graph.nodes) for body in self.bodies)
        if not (certain and self.g.certain(self.condition)):
            self.g.note_faulty(found.values())
        return found

    def _region(self, distinct: list[Pair]) -> Node:
        """The branch, or an equal one that was made before."""
        g, shared = self.g, self.g.shared
        structure = shared.number(
            (
                *(structure_of(body.graph, shared) for body in self.bodies),
                tuple((*(n.id for n in pair.sides), pair.summed) for pair in distinct),
            )
        )
        ports = [port for body in self.bodies for port in body.graph.ports.values()]
        entering = ((port.outer, port.kind) for port in ports)
        key = (self.node.op, self.condition, *entering, structure)
        known = g.known_region(key)
        if known is not None:
            return known
        lanes = self.condition.shape
        assert isinstance(self.node.op, Branch)
        numbers = frozenset(k for k, pair in enumerate(distinct) if pair.summed)
        made = make_region(
            self.node.op,
            g.graph,
            self.condition,
            [body.graph for body in self.bodies],
            [_type(pair, lanes) for pair in distinct],
            results=tuple(tuple(pair.sides[which] for pair in distinct) for which in range(len(self.bodies))),
            **({"summed": numbers} if numbers else {}),
        )
        g.remember_region(key, made, structure)
        return made


def _type(pair: Pair, lanes: tuple[int, ...]) -> Type:
    one = pair.sides[0]
    return Type(one.kind, one.shape if pair.summed else (*lanes, *one.shape))
