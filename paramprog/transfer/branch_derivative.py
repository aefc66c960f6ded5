"""The derivative of a branch: the branch on the same condition between the derivatives of its bodies.

What is not selected has a cotangent that is a structural zero (facts.py); one-sided facts come out masked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from paramprog.graph import Graph, Node, PortKind, Region, Result, part
from paramprog.graph.region import Key, make_region
from paramprog.transfer.branch_run import targets
from paramprog.transfer.facts import Fact, Masked, on, plain, plus
from paramprog.transfer.lane_sums import LaneSum, Piece
from paramprog.transfer.regions import Brought, Host, is_summed, kind_of
from paramprog.types import Type, is_told_by_a_run


class BranchDerivative:
    """The facts around one branch `node` in one running analysis; what it emits is a branch with operation `op`."""

    def __init__(self, node: Node, analysis: Host, op: Region) -> None:
        self.node, self.analysis, self.op = node, analysis, op
        self.rank = len(node.args[0].shape)
        self.bodies = tuple(Graph(analysis.graph, lane_rank=self.rank) for _ in node.attrs["bodies"])
        self.brought = tuple(Brought(node, analysis.values, body) for body in self.bodies)

    def pull(self, fact: Mapping[Key, Fact]) -> list[Fact]:
        """The facts of the arguments, given those of what the branch yields."""
        node = self.node
        solved = [
            self._solve(
                which,
                [
                    (at, fact[k], "shared" if is_summed(node, k) else "free")
                    for k, at in targets(node, which, fact)
                ],
            )
            for which in range(len(self.bodies))
        ]
        # an outer value may enter both bodies
        ports = node.attrs["ports"]
        ends = [(a, kind_of(node, p)) for p, a in zip(ports, node.args[1:], strict=True)]
        pairs: dict[tuple[Node, PortKind], list[Fact]] = {end: [None] * len(self.bodies) for end in ends}
        for p, end in zip(ports, ends, strict=True):
            which = node.attrs["bodies"].index(p.graph)
            pairs[end][which] = plus(pairs[end][which], solved[which].get(p))
        summed = {end for end in ends if end[1] == "shared"}
        out, _ = self._join(pairs, {end: end[0].type for end in ends}, summed)
        return [None, *(out.pop(end, None) for end in ends)]

    def push(self, facts: Sequence[Fact]) -> Callable[[Key], Fact]:
        """The fact of each thing that the branch yields, given those of the arguments."""
        node = self.node
        ports = zip(node.attrs["ports"], facts[1:], strict=True)
        given = [(p, f, kind_of(node, p)) for p, f in ports if f is not None]
        solved = [self._solve(which, given) for which in range(len(self.bodies))]
        keys = [Result(k) for k in range(len(node.results))]
        pairs = {
            k: [s.get(results[k.number]) for s, results in zip(solved, node.attrs["results"], strict=True)]
            for k in keys
        }
        summed = {k for k in keys if is_summed(node, k)}
        out, made = self._join(pairs, {k: node.results[k.number] for k in keys}, summed)

        def fact_of(key: Key) -> Fact:
            if isinstance(key, Result):
                return out.get(key)
            assert isinstance(key, Node)
            which = node.attrs["bodies"].index(key.graph)
            return on(solved[which].get(key), lambda value: part(made, value))

        return fact_of

    def _solve(self, which: int, given: Iterable[tuple[Node, Fact, PortKind]]) -> dict[Node, Fact]:
        """The facts in one body, for facts at some of its nodes; what it emits goes into the new body."""
        old: Graph = self.node.attrs["bodies"][which]
        body = self.bodies[which]
        seeds: dict[Node, Fact] = {}
        for at, fact, kind in given:
            if at.graph is old:
                seeds[at] = plus(seeds.get(at), on(fact, partial(body.own, kind=kind)))
        facts = self.analysis.inside(body, self.brought[which], seeds, list(old.nodes))
        # everything enters before the region is made: a port cannot be added later
        return {n: on(f, body.own) for n, f in facts.items() if not isinstance(n.op, Region)}

    def _join(
        self, pairs: Mapping[Any, list[Fact]], types: Mapping[Any, Type], summed: Collection[Any]
    ) -> tuple[dict[Any, Fact], Node]:
        """One branch that has for each key the fact of the side taken, or the sum over the lanes for those in `summed`.

        One-sided facts come out masked.
        """
        pairs = {k: p for k, p in pairs.items() if any(f is not None for f in p)}
        sums = {k: found for k in pairs if k in summed and (found := self._lane_sum(pairs[k])) is not None}
        pieces = {p: None for found in sums.values() for p in found.pieces if not self._outside(p)}
        pairs = {k: p for k, p in pairs.items() if k not in sums} | {p: [p.node] for p in pieces}
        types = {**types, **{p: self._piece_type(p) for p in pieces}}
        summed = {*summed, *(p for p in pieces if p.summed)}
        out, made = self._region(pairs, types, summed)
        for k, found in sums.items():
            out[k] = found.total([self._outside(p) or _node(out[p]) for p in found.pieces])
        return out, made

    def _lane_sum(self, facts: Sequence[Fact]) -> LaneSum | None:
        """How a fact is summed over the lanes of a mapped body, where that is better done outside."""
        if len(facts) != 1 or not isinstance(facts[0], Node) or facts[0].kind != "real":
            return None
        if 0 in self.node.args[0].shape:
            return None
        (body,) = self.bodies
        return LaneSum.of(body.own(facts[0]), self.analysis.graph)

    def _outside(self, piece: Piece) -> Node | None:
        """What enters the body in each lane is there outside."""
        port = piece.node.graph.ports.get(piece.node)
        if piece.summed or port is None or port.kind != "free" or port.outer is None:
            return None
        return self.analysis.graph.own(port.outer)

    def _piece_type(self, piece: Piece) -> Type:
        lanes = () if piece.summed else self.node.args[0].shape
        return Type(piece.node.kind, (*lanes, *piece.node.shape))

    def _like(self, which: int, key: Any, type: Type) -> Type | Node:
        """The type of a fact in a body, or what it is a fact of where only a run tells the shape."""
        if not is_told_by_a_run(type):
            return type
        if isinstance(key, Result):
            return self.bodies[which].own(self.brought[which][self.node.attrs["results"][which][key.number]])
        outer, kind = key
        return self.bodies[which].own(self.analysis.values[outer], kind=kind)

    def _region(
        self, pairs: Mapping[Any, list[Fact]], types: Mapping[Any, Type], summed: Collection[Any]
    ) -> tuple[dict[Any, Fact], Node]:
        backward = self.analysis.backward
        masked = [k for k, p in pairs.items() if backward and not all(isinstance(f, Node) for f in p)]
        inside = {k: Type(types[k].kind, types[k].shape[0 if k in summed else self.rank :]) for k in pairs}
        results = tuple(
            (
                *(_value_in(body, pairs[k][which], partial(self._like, which, k, inside[k])) for k in pairs),
                *(_lanes_in(body, pairs[k][which], partial(self._like, which, k, inside[k])) for k in masked),
            )
            for which, body in enumerate(self.bodies)
        )
        numbers = frozenset(i for i, k in enumerate([*pairs, *masked]) if k in summed)
        made = make_region(
            self.op,
            self.analysis.graph,
            self.analysis.values[self.node.args[0]],
            self.bodies,
            [*(types[k] for k in pairs), *(Type("bool", types[k].shape) for k in masked)],
            results=results,
            **({"summed": numbers} if numbers else {}),
        )
        out: dict[Any, Fact] = {k: part(made, Result(i)) for i, k in enumerate(pairs)}
        for i, k in enumerate(masked):
            out[k] = Masked(out[k], part(made, Result(len(pairs) + i)))
        return out, made


def _node(fact: Fact) -> Node:
    assert isinstance(fact, Node)
    return fact


def _value_in(body: Graph, fact: Fact, of: Callable[[], Type | Node]) -> Node:
    """A fact as a node of `body`, zeros for a structural zero."""
    if fact is not None:
        return body.own(plain(fact))
    like = of()
    if isinstance(like, Node):
        return body.zeros(like)
    return body.constant(False if like.kind == "bool" else 0, like.kind, like.shape)


def _lanes_in(body: Graph, fact: Fact, of: Callable[[], Type | Node]) -> Node:
    """Where a fact is not a structural zero."""
    if isinstance(fact, Masked):
        return body.own(fact.lanes)
    like = of()
    if isinstance(like, Node):
        return body.zeros(like, "bool") if fact is None else body.everywhere(like)
    return body.constant(fact is not None, "bool", like.shape)
