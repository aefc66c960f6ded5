"""Branches: a region that runs one of two bodies, or, per lane, each body on the lanes where its side holds.

What is not selected does not exist: it is not evaluated, and its cotangent is a structural zero. Between no cotangent
(`None`) and a value lies `Masked`: a value whose lanes outside `lanes` are structural zeros. It is born where a branch
gives a cotangent on one side only, and keeps 0 * infinity from turning a zero into NaN.

The derivative of a branch is the branch on the same condition between the derivatives of its bodies, and the same
analysis solves the bodies: it comes in as `analysis`, whose `inside(values, seeds)` hosts a body, so this file imports
neither the gradient nor the solver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from paramprog.graph import Graph, Node, Region, Result, demand, execute, part
from paramprog.graph.region import Key, Keys, Live, make_region
from paramprog.op import Chain, Linear, Op, register
from paramprog.transfer.linear import MASK, SPREAD
from paramprog.transfer.pair import ADD
from paramprog.transfer.select import EXPAND
from paramprog.transfer.source import dtype_of
from paramprog.transfer.step import GREATER, OR, REAL
from paramprog.types import Type, join_shapes


class Masked(NamedTuple):
    """A fact whose entries outside `lanes` (a bool of the same shape) are structural zeros, and are 0 in `value`."""

    value: Any
    lanes: Any


Fact = Any
"""None (a structural zero), a Masked, or a value: an array or a node. That of a region maps keys to facts."""


def plain(fact: Fact) -> Any:
    """The value of a fact that is not None."""
    return fact.value if isinstance(fact, Masked) else fact


def plus(a: Fact, b: Fact) -> Fact:
    """The meet of two facts: their sum."""
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, Mapping):
        return {k: plus(a.get(k), b.get(k)) for k in {**a, **b}}
    if isinstance(a, Masked) and isinstance(b, Masked):
        return Masked(ADD(a.value, b.value), OR(a.lanes, b.lanes))
    return ADD(plain(a), plain(b))


def on(fact: Fact, f: Callable[[Any], Any]) -> Fact:
    """`f` on the value of a fact, and on its lanes."""
    if fact is None:
        return None
    return Masked(f(fact.value), f(fact.lanes)) if isinstance(fact, Masked) else f(fact)


def push_fact(chain: Chain, fact: Fact) -> Fact:
    """J fact."""
    return _through(chain, fact)


def pull_fact(chain: Chain, fact: Fact) -> Fact:
    """J^T fact."""
    return _through([lin.T for lin in reversed(chain)], fact)


def _through(maps: Iterable[Linear], fact: Fact) -> Fact:
    """The fact after some linear maps; entries that are structural zeros stay so: 0 * inf is no zero."""
    g, lanes = (fact.value, fact.lanes) if isinstance(fact, Masked) else (fact, None)
    for lin in maps:
        g = lin(g)
        if lin.op is MASK or lin.op is EXPAND:
            lanes = along(lin.frozen[0], g) if lanes is None else lin(lanes)
        elif lanes is None:
            continue
        elif lin.op.elementwise:
            g = MASK(lanes, g)
        elif any(_is_real(x) for x in lin.frozen):
            lanes = None  # every entry of the result may be a sum with selected ones
        else:
            lanes = GREATER(lin(REAL(lanes)), 0.0)
    return g if lanes is None else Masked(g, lanes)


def _is_real(x: Any) -> bool:
    return x.kind == "real" if isinstance(x, Node) else np.asarray(x).dtype.kind == "f"


def along(c: Any, like: Any) -> Any:
    """The condition `c`, repeated over the trailing axes of `like`."""
    rank, extra = len(c.shape), tuple(like.shape[len(c.shape) :])
    return c if not extra else SPREAD(c, axes=tuple(range(rank, rank + len(extra))), sizes=extra)


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
            value = self.body.own(self.values_outside[self.args[node]])
        else:
            value = self.body.own(self.values_outside[part(self.region, node)])
        self[node] = value
        return value


class Branch(Region):
    """args = (condition, one value per port); `results` holds one tuple of body nodes for each of the two bodies.

    With a condition of shape s that is not scalar, the bodies speak of one lane and every port has shape [*s, ...]:
    each body runs on its lanes only.
    """

    def part_type(self, node: Node, key: Key) -> Type:
        if isinstance(key, Result):
            return node.results[key.number]
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
            roots = [results[k.number] if isinstance(k, Result) else k for k in keys]
            found.append(demand(body.nodes, [r for r in roots if r.graph is body]))
        return found

    def uses(self, node: Node, keys: Keys) -> list[Node]:
        live = self.live(node, keys)
        needed = {n for nodes in live for n in nodes}
        ports = zip(node.attrs["ports"], node.args[1:], strict=True)
        return [node.args[0], *(a for p, a in ports if p in needed)]

    def run(self, node: Node, args: Sequence[Any], keys: Keys) -> Mapping[Key, Any]:
        condition, live = np.asarray(args[0]), self.live(node, keys)
        if condition.ndim:
            return self._run_lanes(node, condition, args[1:], keys, live)
        which = 0 if condition else 1
        env = {p: a for p, a in zip(node.attrs["ports"], args[1:], strict=True) if p in live[which]}
        execute(live[which], env)
        return {k: env[at] if at in env else _nothing(at) for k, at in self._targets(node, which, keys)}

    def _run_lanes(
        self, node: Node, condition: Any, args: Sequence[Any], keys: Keys, live: list[Live]
    ) -> Mapping[Key, Any]:
        out: dict[Key, Any] = {}
        for which, lanes in enumerate((condition, ~condition)):
            if not lanes.any():
                continue
            env = {
                p: np.broadcast_to(a, lanes.shape)[lanes]
                for p, a in zip(node.attrs["ports"], args, strict=True)
                if p in live[which]
            }
            execute(live[which], env)
            for k, at in self._targets(node, which, keys):
                if at in env:
                    if k not in out:
                        out[k] = np.zeros(lanes.shape, np.asarray(env[at]).dtype)
                    out[k][lanes] = env[at]
        for k, at in self._targets(node, 0, keys):
            if k not in out:
                out[k] = np.zeros(condition.shape, dtype_of(at.type, at.graph.real))
        return out

    @staticmethod
    def _targets(node: Node, which: int, keys: Keys) -> Iterable[tuple[Key, Node]]:
        results = node.attrs["results"][which]
        return [(k, results[k.number] if isinstance(k, Result) else k) for k in keys]

    def copy(self, node: Node, args: Sequence[Node], graph: Graph) -> Node:
        """Of a branch of one lane on arrays, a branch per lane: where an argument has grown, all grow with it."""
        grown = [a.shape for a, old in zip(args, node.args, strict=True) if a.shape != old.shape]
        if grown and not node.args[0].shape:
            lanes = join_shapes(grown)
            args = [a if a.shape == lanes else graph.spread(a, lanes) for a in args]
        types = [Type(n.kind, (*args[0].shape, *n.shape)) for n in node.attrs["results"][0]]
        return graph.append(self, tuple(args), node.attrs, tuple(types))

    # ---- derivatives ---------------------------------------------------------------------------------------------

    def derivative(self, node: Node, analysis: Host, fact: Any) -> Any:
        """Backward: {key: fact} -> the facts of the arguments. Forward: facts of the arguments -> (key -> fact)."""
        return self._pull(node, analysis, fact) if analysis.backward else self._push(node, analysis, fact)

    def _solve(
        self, node: Node, analysis: Host, which: int, body: Graph, given: Iterable[tuple[Node, Fact]]
    ) -> dict[Node, Fact]:
        """The facts in one body, for facts at some of its nodes; what it emits goes into `body`."""
        old: Graph = node.attrs["bodies"][which]
        seeds: dict[Node, Fact] = {}
        for at, fact in given:
            if at.graph is old:
                seeds[at] = plus(seeds.get(at), on(fact, body.own))
        facts = analysis.inside(body, Brought(node, analysis.values, body), seeds, list(old.nodes))
        # everything enters before the region is made: a port cannot be added later
        return {n: on(f, body.own) for n, f in facts.items() if not isinstance(n.op, Region)}

    def _bodies(self, node: Node, analysis: Host) -> tuple[Graph, Graph]:
        rank = len(node.args[0].shape)
        return Graph(analysis.graph, lane_rank=rank), Graph(analysis.graph, lane_rank=rank)

    def _join(
        self,
        node: Node,
        analysis: Host,
        bodies: tuple[Graph, Graph],
        pairs: Mapping[Any, list[Fact]],
        types: Mapping[Any, Type],
    ) -> tuple[dict[Any, Fact], Node]:
        """One branch that has for each key the fact of the side taken; one-sided facts come out masked."""
        pairs = {k: p for k, p in pairs.items() if p != [None, None]}
        masked = [
            k for k, p in pairs.items() if analysis.backward and not all(isinstance(f, Node) for f in p)
        ]
        rank = len(node.args[0].shape)
        results = tuple(
            (
                *(_value_in(body, pairs[k][which], types[k], rank) for k in pairs),
                *(_lanes_in(body, pairs[k][which], types[k], rank) for k in masked),
            )
            for which, body in enumerate(bodies)
        )
        made = make_region(
            _BRANCH,
            analysis.graph,
            analysis.values[node.args[0]],
            bodies,
            [*(types[k] for k in pairs), *(Type("bool", types[k].shape) for k in masked)],
            results=results,
        )
        out: dict[Any, Fact] = {k: part(made, Result(i)) for i, k in enumerate(pairs)}
        for i, k in enumerate(masked):
            out[k] = Masked(out[k], part(made, Result(len(pairs) + i)))
        return out, made

    def _pull(self, node: Node, analysis: Host, fact: Mapping[Key, Fact]) -> list[Fact]:
        bodies, args = self._bodies(node, analysis), node.args[1:]
        solved = [
            self._solve(
                node, analysis, w, body, [(at, fact[k]) for k, at in self._targets(node, w, frozenset(fact))]
            )
            for w, body in enumerate(bodies)
        ]
        # an outer value may enter both bodies
        pairs: dict[Node, list[Fact]] = {a: [None, None] for a in args}
        for p, a in zip(node.attrs["ports"], args, strict=True):
            which = node.attrs["bodies"].index(p.graph)
            pairs[a][which] = plus(pairs[a][which], solved[which].get(p))
        out, _ = self._join(node, analysis, bodies, pairs, {a: a.type for a in args})
        return [None, *(out.pop(a, None) for a in args)]

    def _push(self, node: Node, analysis: Host, facts: Sequence[Fact]) -> Callable[[Key], Fact]:
        bodies = self._bodies(node, analysis)
        given = [(p, f) for p, f in zip(node.attrs["ports"], facts[1:], strict=True) if f is not None]
        solved = [self._solve(node, analysis, w, body, given) for w, body in enumerate(bodies)]
        keys = [Result(k) for k in range(len(node.results))]
        pairs = {
            k: [s.get(results[k.number]) for s, results in zip(solved, node.attrs["results"], strict=True)]
            for k in keys
        }
        out, made = self._join(node, analysis, bodies, pairs, {k: node.results[k.number] for k in keys})

        def fact_of(key: Key) -> Fact:
            if isinstance(key, Result):
                return out.get(key)
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
