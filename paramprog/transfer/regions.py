"""Branches: a region that runs one of two bodies, or, per lane, each body on the lanes where its side holds.

What is not selected does not exist: it is not evaluated, and its cotangent is a structural zero (facts.py).

The derivative of a branch is the branch on the same condition between the derivatives of its bodies, and the same
analysis solves the bodies: it comes in as `analysis`, whose `inside(values, seeds)` hosts a body, so this file imports
neither the gradient nor the solver.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from paramprog.graph import (
    ArrayLanes,
    Graph,
    Node,
    PortKind,
    Region,
    Result,
    demand,
    execute,
    execute_lanes,
    part,
)
from paramprog.graph.region import Key, Keys, Live, make_region
from paramprog.op import Op, register
from paramprog.transfer.facts import Fact, Masked, on, plain, plus
from paramprog.transfer.linear import SPREAD
from paramprog.transfer.source import dtype_of
from paramprog.types import Shape, Type, join_shapes


class Host(Protocol):
    """What a region's derivative needs of the running analysis."""

    graph: Graph
    backward: bool
    values: Mapping[Node, Any]

    def inside(
        self, body: Graph, values: Mapping[Node, Any], seeds: dict[Node, Fact], nodes: Sequence[Node]
    ) -> dict[Node, Fact]: ...


class Brought(dict[Node, Any]):
    """Values of the nodes of a body of `region`, for its derivative's body: brought from the history when asked for."""

    def __init__(self, region: Node, values: Mapping[Node, Any], body: Graph) -> None:
        super().__init__()
        self.region, self.values_outside, self.body = region, values, body
        # a body is shared by the copies of its region, so what a port gets is read off this node's arguments
        self.args = dict(zip(region.attrs["ports"], region.args[1:], strict=True))

    def __missing__(self, node: Node) -> Node:
        if not node.args and node not in self.args:
            value = self.body.append(node.op, (), node.attrs, node.results)
        elif node in self.args:
            value = self.body.own(self.values_outside[self.args[node]], kind_of(self.region, node))
        else:
            value = self.body.own(self.values_outside[part(self.region, node)])
        self[node] = value
        return value


def kind_of(region: Node, port: Node) -> PortKind:
    """How the argument of a port enters."""
    return "shared" if port in region.attrs.get("shared", ()) else "free"


def is_summed(region: Node, key: Key) -> bool:
    """Whether a result is the sum over all lanes that selected it (of bools: whether any holds)."""
    return isinstance(key, Result) and key.number in region.attrs.get("summed", ())


class Branch(Region):
    """args = (condition, one value per port); `results` holds one tuple of body nodes for each of the two bodies.

    With a condition of shape s that is not scalar, the bodies speak of one lane and every port has shape [*s, ...]:
    each body runs on its lanes only. Then `shared` is the set of the ports that are the same for all lanes, and
    `summed` that of the numbers of results that are sums over the lanes: the cotangents of what is shared.

    A condition that holds in all lanes may have one body only: `mapped`, a comprehension.
    """

    def part_type(self, node: Node, key: Key) -> Type:
        if isinstance(key, Result):
            return node.results[key.number]
        assert isinstance(key, Node)
        lanes = node.args[0].shape
        return Type(key.kind, (*lanes, *key.shape))

    def live(self, node: Node, keys: Keys) -> list[Live]:
        """For each body, what `keys` need of it."""
        known: Any = node.graph.lives
        if (node, keys) not in known:
            known[node, keys] = self._live(node, keys)
        found: list[Live] = known[node, keys]
        return found

    @staticmethod
    def _live(node: Node, keys: Keys) -> list[Live]:
        found = []
        for body, results in zip(node.attrs["bodies"], node.attrs["results"], strict=True):
            roots: list[Any] = [results[k.number] if isinstance(k, Result) else k for k in keys]
            found.append(demand(body.nodes, [r for r in roots if r.graph is body]))
        return found

    def uses(self, node: Node, keys: Keys) -> list[Node]:
        live = self.live(node, keys)
        needed = {n for nodes in live for n in nodes}
        ports = zip(node.attrs["ports"], node.args[1:], strict=True)
        return [node.args[0], *(a for p, a in ports if p in needed)]

    def run(self, node: Node, args: Sequence[Any], keys: Keys) -> Mapping[Key, Any]:
        condition = np.asarray(args[0])
        ports = dict(zip(node.attrs["ports"], args[1:], strict=True))
        if condition.ndim:
            shared = node.attrs.get("shared", frozenset())
            return self._run_lanes(
                node, condition, ports, shared, keys, node.attrs.get("summed", frozenset())
            )
        which = 0 if condition else 1
        live = self.live(node, keys)[which]
        env = {p: a for p, a in ports.items() if p in live}
        execute(live, env)
        return {k: env[at] if at in env else _nothing(at) for k, at in self._targets(node, which, keys)}

    def run_lanes(
        self, node: Node, args: Sequence[Any], flags: Sequence[bool], keys: Keys, lanes: ArrayLanes
    ) -> Mapping[Key, Any]:
        ports = dict(zip(node.attrs["ports"], args[1:], strict=True))
        wide = {p for p, flag in zip(ports, flags[1:], strict=True) if flag}
        inner = node.args[0].shape
        if not inner and not flags[0]:
            return self._run_wide(node, 0 if args[0] else 1, ports, wide, keys, lanes)
        shared = node.attrs.get("shared", frozenset())
        if not inner:
            return self._run_lanes(node, args[0], ports, frozenset(ports) - wide, keys, frozenset())
        condition = args[0] if flags[0] else lanes.widen(args[0])
        for p, a in ports.items():
            if a is None or (p in shared and p not in wide):
                continue
            if p in shared:  # the same in all lanes of the branch, not in all of these
                axes = tuple(range(1, 1 + len(inner)))
                ports[p] = SPREAD(a, axes=axes, sizes=inner)
            elif p not in wide:
                ports[p] = lanes.widen(a)
        found = dict(self._run_lanes(node, condition, ports, shared - wide, keys, frozenset()))
        for k in keys:
            if is_summed(node, k):
                over = np.any if found[k].dtype.kind == "b" else np.sum
                found[k] = over(found[k], axis=tuple(range(1, 1 + len(inner))))
        return found

    def _run_wide(
        self,
        node: Node,
        which: int,
        ports: Mapping[Node, Any],
        wide: set[Node],
        keys: Keys,
        lanes: ArrayLanes,
    ) -> Mapping[Key, Any]:
        """One side, taken by all lanes."""
        live = self.live(node, keys)[which]
        env = {p: a for p, a in ports.items() if p in live}
        execute_lanes(live, env, lanes, wide)
        found = {}
        for k, at in self._targets(node, which, keys):
            value = env[at] if at in env else _nothing(at)
            found[k] = value if at in wide else lanes.widen(value)
        return found

    def _run_lanes(
        self,
        node: Node,
        condition: Any,
        ports: Mapping[Node, Any],
        shared: Collection[Node],
        keys: Keys,
        summed: Collection[int],
    ) -> Mapping[Key, Any]:
        """Each side on its lanes: compress, run, expand (or sum)."""
        out: dict[Key, Any] = {}
        rank = condition.ndim
        for which, live in enumerate(self.live(node, keys)):
            lanes = condition if which == 0 else ~condition
            count = int(np.count_nonzero(lanes))
            if not count:
                continue
            if count == lanes.size:
                lanes = ...  # all of them: no copies
            env: dict[Node, Any] = {}
            wide: set[Node] = set()
            for p, a in ports.items():
                if p not in live:
                    continue
                if p in shared:
                    env[p] = a
                    continue
                each = a if np.shape(a)[:rank] == condition.shape else np.broadcast_to(a, condition.shape)
                env[p] = each.reshape(count, *each.shape[rank:]) if lanes is ... else each[lanes]
                wide.add(p)
            execute_lanes(live, env, ArrayLanes(count), wide)
            for k, at in self._targets(node, which, keys):
                if at not in env:
                    continue
                value = env[at]
                if isinstance(k, Result) and k.number in summed:
                    total = _over_lanes(value, count, at in wide)
                    out[k] = (
                        total if k not in out else out[k] | total if at.kind == "bool" else out[k] + total
                    )
                    continue
                shape = np.shape(value)[1:] if at in wide else np.shape(value)
                if lanes is ... and at in wide:
                    out[k] = np.reshape(value, (*condition.shape, *shape))
                    continue
                if k not in out:
                    out[k] = np.zeros((*condition.shape, *shape), np.asarray(value).dtype)
                out[k][lanes] = value
        for k, at in self._targets(node, 0, keys):
            if k not in out:
                outer = () if isinstance(k, Result) and k.number in summed else condition.shape
                out[k] = np.zeros((*outer, *at.shape), dtype_of(at.type, at.graph.real))
        return out

    @staticmethod
    def _targets(node: Node, which: int, keys: Keys) -> Iterable[tuple[Key, Node]]:
        results = node.attrs["results"][which]
        found: list[Any] = [(k, results[k.number] if isinstance(k, Result) else k) for k in keys]
        return found

    def copy(self, node: Node, args: Sequence[Node], graph: Graph) -> Node:
        """Of a branch of one lane on arrays, a branch per lane: where an argument has grown, all grow with it."""
        grown = [a.shape for a, old in zip(args, node.args, strict=True) if a.shape != old.shape]
        if grown and not node.args[0].shape:
            lanes = join_shapes(grown)
            args = [a if a.shape == lanes else graph.spread(a, lanes) for a in args]
        types = node.results
        if grown:
            types = tuple(Type(n.kind, (*args[0].shape, *n.shape)) for n in node.attrs["results"][0])
        return graph.append(self, tuple(args), node.attrs, types)

    # ---- derivatives ---------------------------------------------------------------------------------------------

    def derivative(self, node: Node, analysis: Host, fact: Any) -> Any:
        """Backward: {key: fact} -> the facts of the arguments. Forward: facts of the arguments -> (key -> fact)."""
        return self._pull(node, analysis, fact) if analysis.backward else self._push(node, analysis, fact)

    def _solve(
        self,
        node: Node,
        analysis: Host,
        which: int,
        body: Graph,
        given: Iterable[tuple[Node, Fact, PortKind]],
    ) -> dict[Node, Fact]:
        """The facts in one body, for facts at some of its nodes; what it emits goes into `body`."""
        old: Graph = node.attrs["bodies"][which]
        seeds: dict[Node, Fact] = {}
        for at, fact, kind in given:
            if at.graph is old:
                seeds[at] = plus(seeds.get(at), on(fact, partial(body.own, kind=kind)))
        facts = analysis.inside(body, Brought(node, analysis.values, body), seeds, list(old.nodes))
        # everything enters before the region is made: a port cannot be added later
        return {n: on(f, body.own) for n, f in facts.items() if not isinstance(n.op, Region)}

    def _bodies(self, node: Node, analysis: Host) -> tuple[Graph, ...]:
        rank = len(node.args[0].shape)
        return tuple(Graph(analysis.graph, lane_rank=rank) for _ in node.attrs["bodies"])

    def _join(
        self,
        node: Node,
        analysis: Host,
        bodies: tuple[Graph, ...],
        pairs: Mapping[Any, list[Fact]],
        types: Mapping[Any, Type],
        summed: Collection[Any],
    ) -> tuple[dict[Any, Fact], Node]:
        """One branch that has for each key the fact of the side taken, or the sum over the lanes for those in `summed`.

        One-sided facts come out masked.
        """
        pairs = {k: p for k, p in pairs.items() if any(f is not None for f in p)}
        masked = [
            k for k, p in pairs.items() if analysis.backward and not all(isinstance(f, Node) for f in p)
        ]
        rank = {k: 0 if k in summed else len(node.args[0].shape) for k in pairs}
        results = tuple(
            (
                *(_value_in(body, pairs[k][which], types[k], rank[k]) for k in pairs),
                *(_lanes_in(body, pairs[k][which], types[k], rank[k]) for k in masked),
            )
            for which, body in enumerate(bodies)
        )
        numbers = frozenset(i for i, k in enumerate([*pairs, *masked]) if k in summed)
        extra = {"summed": numbers} if numbers else {}
        made = make_region(
            _BRANCH,
            analysis.graph,
            analysis.values[node.args[0]],
            bodies,
            [*(types[k] for k in pairs), *(Type("bool", types[k].shape) for k in masked)],
            results=results,
            **extra,
        )
        out: dict[Any, Fact] = {k: part(made, Result(i)) for i, k in enumerate(pairs)}
        for i, k in enumerate(masked):
            out[k] = Masked(out[k], part(made, Result(len(pairs) + i)))
        return out, made

    def _pull(self, node: Node, analysis: Host, fact: Mapping[Key, Fact]) -> list[Fact]:
        bodies, args = self._bodies(node, analysis), node.args[1:]
        solved = [
            self._solve(
                node,
                analysis,
                w,
                body,
                [
                    (at, fact[k], "shared" if is_summed(node, k) else "free")
                    for k, at in self._targets(node, w, frozenset(fact))
                ],
            )
            for w, body in enumerate(bodies)
        ]
        # an outer value may enter both bodies
        ends = [(a, kind_of(node, p)) for p, a in zip(node.attrs["ports"], args, strict=True)]
        pairs: dict[tuple[Node, PortKind], list[Fact]] = {end: [None] * len(bodies) for end in ends}
        for p, end in zip(node.attrs["ports"], ends, strict=True):
            which = node.attrs["bodies"].index(p.graph)
            pairs[end][which] = plus(pairs[end][which], solved[which].get(p))
        summed = {end for end in ends if end[1] == "shared"}
        out, _ = self._join(node, analysis, bodies, pairs, {end: end[0].type for end in ends}, summed)
        return [None, *(out.pop(end, None) for end in ends)]

    def _push(self, node: Node, analysis: Host, facts: Sequence[Fact]) -> Callable[[Key], Fact]:
        bodies = self._bodies(node, analysis)
        given = [
            (p, f, kind_of(node, p))
            for p, f in zip(node.attrs["ports"], facts[1:], strict=True)
            if f is not None
        ]
        solved = [self._solve(node, analysis, w, body, given) for w, body in enumerate(bodies)]
        keys = [Result(k) for k in range(len(node.results))]
        pairs = {
            k: [s.get(results[k.number]) for s, results in zip(solved, node.attrs["results"], strict=True)]
            for k in keys
        }
        summed = {k for k in keys if is_summed(node, k)}
        types = {k: node.results[k.number] for k in keys}
        out, made = self._join(node, analysis, bodies, pairs, types, summed)

        def fact_of(key: Key) -> Fact:
            if isinstance(key, Result):
                return out.get(key)
            assert isinstance(key, Node)
            which = node.attrs["bodies"].index(key.graph)
            return on(solved[which].get(key), lambda value: part(made, value))

        return fact_of


def _value_in(body: Graph, fact: Fact, type: Type, rank: int) -> Node:
    """A fact as a node of `body`, zeros for a structural zero; `type` counts the lanes, `rank` says how many axes."""
    if fact is None:
        return body.constant(False if type.kind == "bool" else 0, type.kind, type.shape[rank:])
    return body.own(plain(fact))


def _lanes_in(body: Graph, fact: Fact, type: Type, rank: int) -> Node:
    """Where a fact is not a structural zero."""
    if isinstance(fact, Masked):
        return body.own(fact.lanes)
    return body.constant(fact is not None, "bool", type.shape[rank:])


def _over_lanes(value: Any, count: int, wide: bool) -> Any:
    """The sum over the lanes of one value each, or of the same value in all; of bools, whether any holds."""
    if np.asarray(value).dtype.kind == "b":
        return np.any(value, axis=0) if wide else value
    return np.sum(value, axis=0) if wide else value * np.asarray(count, np.asarray(value).dtype)


def _nothing(node: Node) -> Any:
    """What the history of a node holds when its side was not taken; nothing selected ever reads it."""
    return np.zeros(node.shape, dtype_of(node.type, node.graph.real))


_BRANCH = Branch(
    "branch",
    "one of two bodies by a condition, lane by lane if it is an array; the other is not evaluated",
    lambda *args: None,
    shape_rule=lambda *shapes: shapes[0],
)
BRANCH: Op = register(_BRANCH)


def branch(
    graph: Graph,
    condition: Node,
    bodies: tuple[Graph, Graph],
    results: tuple[tuple[Node, ...], tuple[Node, ...]],
) -> list[Node]:
    """The results of a branch between two bodies, given their result nodes.

    Result k of both bodies has the same type; with an array condition, that of one lane.
    """
    types = [Type(n.kind, (*condition.shape, *n.shape)) for n in results[0]]
    made = make_region(_BRANCH, graph, condition, bodies, types, results=results)
    return [part(made, Result(k)) for k in range(len(types))]


def mapped(graph: Graph, lanes: Shape, body: Graph, results: Sequence[Node]) -> list[Node]:
    """`[*lanes, *shape]` for each result of a body that speaks of one entry; the entries are computed all at once.

    The body was made with `lane_rank = len(lanes)` and `shared`: values enter as they are, and those of one entry (such
    as its indices) through ports of the kind "free", for arrays `[*lanes, ...]`.
    """
    ends = tuple(body.own(n) for n in results)
    types = [Type(n.kind, (*lanes, *n.shape)) for n in ends]
    everywhere = graph.constant(True, "bool", lanes)
    made = make_region(_BRANCH, graph, everywhere, (body,), types, results=(ends,))
    return [part(made, Result(k)) for k in range(len(types))]
