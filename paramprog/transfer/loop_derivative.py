"""The derivative of a loop: the linear loop over its history, forwards for a push, backwards for a pull.

So it has O(body) nodes. What the pull reads of a body is recorded by the primal loop, because a live `part` demands it,
and nothing else is. Which carries carry a fact is a fixed point: one may reach the output only through another one's
next turn. What the turns add to the facts of what is the same in all of them is summed by loop_sums.py; slices of that
have sums of their own (loop_slices.py), and an array of which each turn writes a row takes part row by row
(loop_rows.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from paramprog.graph import Graph, Node, Region, Result, part
from paramprog.graph.region import TRIPS, Key
from paramprog.op import Linear, Op
from paramprog.transfer.facts import Fact, Masked, on, plain, plus, pull_fact
from paramprog.transfer.linear import MASK
from paramprog.transfer.loop_history import History
from paramprog.transfer.loop_rows import written_rows
from paramprog.transfer.loop_slices import slices_of_steady
from paramprog.transfer.loop_sums import Sums
from paramprog.transfer.pair import ADD
from paramprog.transfer.put import along_others
from paramprog.transfer.regions import Host
from paramprog.transfer.select import SLICE, Cut
from paramprog.transfer.step import OR


class LinearLoop:
    """The loop over the history of `node` that carries the facts from turn to turn; `make` and `again` are
    `loops.loop` and `loops.replay`.
    """

    def __init__(
        self,
        node: Node,
        analysis: Host,
        fact: Any,
        make: Callable[..., Node],
        again: Callable[..., Node],
    ) -> None:
        self.make, self.again = make, again
        self.states: int | None = None
        """How many states the pull keeps, to run turns again; None records what it reads."""
        if analysis.backward:
            chosen = analysis.states
            self.states = node.attrs.get("checkpoint") if chosen is None else chosen.get(node)
        self.node, self.analysis, self.graph = node, analysis, analysis.graph
        self.backward = analysis.backward
        (self.old,) = node.attrs["bodies"]
        self.next: dict[Node, Node] = dict(node.attrs["next"])
        self.numbers = {Result(k): c for k, (c, _) in enumerate(node.attrs["next"])}
        self.init = dict(zip(node.attrs["ports"], node.args[1:], strict=True))
        self.carries: dict[Node, Fact] = {}
        """Facts that enter the linear loop: at the last values of carries (backward), or at their first."""
        self.inside: dict[Node, Fact] = {}
        """Facts at histories of body nodes (backward), or at the other ports."""
        if self.backward:
            for key, f in fact.items():
                if isinstance(key, Result):
                    self.carries[self.numbers[key]] = f
                elif isinstance(key, Node):
                    self.inside[key] = f
        else:
            for p, f in zip(node.attrs["ports"], fact[1:], strict=True):
                if f is not None:
                    (self.carries if p in self.next else self.inside)[p] = f
        self.written = written_rows(node, self.init, self.inside) if self.backward else {}
        self._solve()

    def _value(self, node: Node) -> Node:
        """What stands for a node around the loop."""
        return self.graph.own(self.analysis.values[node])

    def _start(self, carry: Node) -> Node:
        return self.next[carry] if self.backward else carry

    def _end(self, carry: Node) -> Node:
        return carry if self.backward else self.next[carry]

    def _solve(self) -> None:
        active: set[Node] = {c for c, f in self.carries.items() if f is not None and c not in self.written}
        masked: set[Node] = set()
        while True:  # the least set of carries that carry a fact, and of those that carry a masked one
            self._attempt([c for c in self.next if c in active], masked)
            ends = {c: self.facts.get(self._end(c)) for c in self.next}
            grown = {c for c, f in ends.items() if f is not None} - active
            partly: set[Node] = set()
            if self.backward:
                given = {c: self.carries.get(c) for c in active}
                whole = {c for c in active if isinstance(given[c], Node) and isinstance(ends[c], Node)}
                partly = active - whole - masked
            if not grown and not partly:
                return
            active, masked = active | grown, masked | partly

    def _attempt(self, active: Sequence[Node], masked: set[Node]) -> None:
        """Solve the body for these carries, in a new body."""
        body = self.body = Graph(self.graph)
        self.active = active
        self.state: dict[Node, Fact] = {}
        seeds: dict[Node, Fact] = {}
        for c in active:
            like = self._value(self.init[c])
            given = self.carries.get(c)
            value = body.port(
                "carry", self.graph.zeros(like) if given is None else self.graph.own(plain(given))
            )
            if c in masked:
                lanes = body.port("carry", self._lanes(self.graph, given, like))
                self.state[c] = Masked(value, lanes)
            else:
                self.state[c] = value
            at = self._start(c)
            seeds[at] = plus(seeds.get(at), self.state[c])
        for c, written in self.written.items():
            seeds[written.value] = plus(
                seeds.get(written.value), on(self.carries.get(c), self._taken(written.rows))
            )
        for at, fact in self.inside.items():
            seeds[at] = plus(seeds.get(at), on(fact, self._entering(at)))
        values = self.values = History(self.node, self.analysis.values, body)
        if self.backward:
            self.slices = slices_of_steady(self.old, seeds)
            nodes = [n for n in self.old.nodes if n not in self.slices.above]
        else:
            nodes = list(self.old.nodes)
        facts = self.analysis.inside(body, values, seeds, nodes)
        # everything enters before the region is made: a port cannot be added later
        self.facts = {n: on(f, body.own) for n, f in facts.items() if not isinstance(n.op, Region)}

    def _entering(self, at: Node) -> Callable[[Any], Node]:
        """How a fact at a body node enters: a row a turn, or the same in all turns."""
        if not self.backward and self.old.ports[at].kind in ("free", "shared"):
            return self.body.own
        return lambda x: self.body.port("scan", self.graph.own(x))

    def _taken(self, rows: Cut) -> Callable[[Node], Node]:
        """How a fact at an array enters of which a turn writes one of these rows."""
        return lambda x: self.body.port("scan", _cut(self.graph.own(x), rows))

    @staticmethod
    def _lanes(graph: Graph, fact: Fact, like: Node) -> Node:
        """Where a fact is not a structural zero."""
        if isinstance(fact, Masked):
            return graph.own(fact.lanes)
        return graph.zeros(like, "bool") if fact is None else graph.everywhere(like)

    # ---- the region ----------------------------------------------------------------------------------------------

    def result(self) -> Any:
        pairs: list[tuple[Node, Node]] = []
        for c in self.active:
            state, fact = self.state[c], self.facts.get(self._end(c))
            value = plain(state)
            pairs.append((value, self.body.zeros(value) if fact is None else self.body.own(plain(fact))))
            if isinstance(state, Masked):
                pairs.append((state.lanes, self._lanes(self.body, fact, value)))
        return self._pulled(pairs) if self.backward else self._pushed(pairs)

    def _made(self, pairs: Sequence[tuple[Node, Node]], *, reverse: bool) -> Node:
        node = self.node
        limit = self._value(node.args[0]) if node.attrs["test"] is None else self._value(part(node, TRIPS))
        return self.make(self.graph, limit, self.body, pairs, reverse=reverse, trips=node.attrs["trips"])

    def _last(self, made: Node, pairs: Sequence[tuple[Node, Node]]) -> Callable[[Node], Node]:
        number = {leaf: Result(k) for k, (leaf, _) in enumerate(pairs)}
        return lambda leaf: part(made, number[leaf])

    def _pushed(self, pairs: list[tuple[Node, Node]]) -> Callable[[Key], Fact]:
        made = self._made(pairs, reverse=self.node.attrs["reverse"])
        last = self._last(made, pairs)

        def fact_of(key: Key) -> Fact:
            if isinstance(key, Result):
                carry = self.numbers[key]
                return on(self.state[carry], last) if carry in self.state else None
            if not isinstance(key, Node):
                return None
            return on(self.facts.get(key), lambda value: part(made, value))

        return fact_of

    def _pulled(self, pairs: list[tuple[Node, Node]]) -> list[Fact]:
        kinds = {p: self.old.ports[p].kind for p in self.node.attrs["ports"]}
        likes = {p: self._value(self.init[p]) for p, kind in kinds.items() if kind in ("free", "shared")}
        added = {p: self.facts.get(p) for p in likes}
        first = self.slices.first
        for n, fact in self.facts.items():
            if n in first:
                likes[first[n]] = self.values[first[n]]
                added[first[n]] = plus(added.get(first[n]), fact)
        sums = Sums(
            self.body,
            self.node,
            self.values,
            added,
            contracts=self.states is None,
            open=self.analysis.contracts,
        )
        carried = {p: self._summed(sums.carried(p), pairs, likes[p]) for p in sums.terms}
        made = self._made(pairs, reverse=not self.node.attrs["reverse"])
        if self.states is not None:
            entering = [self._value(a) for a in self.node.args[1:]]
            made = self.again(made, self.node, entering, self.values.recorded, self.states)
        last = self._last(made, pairs)

        def total(p: Node) -> Fact:
            found = on(carried[p], last)
            for x in sums.recorded(p, made):
                found = plus(found, x)
            return found

        whole = self._from_slices({n: total(n) for n in carried if n in first})

        def fact_of(p: Node) -> Fact:
            if p in self.written:
                return self._spared(p)
            if p in self.next:
                return on(self.state[p], last) if p in self.state else None
            if p in carried:
                return total(p)
            return whole[p] if p in whole else on(self.facts.get(p), lambda value: part(made, value))

        return [None, *(fact_of(p) for p in self.node.attrs["ports"])]

    def _from_slices(self, totals: dict[Node, Fact]) -> Mapping[Node, Fact]:
        """The facts of ports of which slices are read, from those of the slices in all turns."""
        if not totals:
            return {}
        nodes = [n for n in self.old.nodes if n in self.slices.above or n in totals]
        return self.analysis.inside(self.graph, self.values, totals, nodes)

    def _spared(self, carry: Node) -> Fact:
        """The fact of the first value of an array of which the turns write rows: of the rows that they leave."""
        fact, written = self.carries.get(carry), self.written[carry]
        if fact is None or written.all:
            return None
        spared = np.ones(written.rows.size, np.bool_)
        spared[written.rows.where()] = False
        lanes = along_others(self.graph.array(spared), 1, 0, carry.shape)
        return pull_fact((Linear(MASK, 1, (lanes,)),), fact)

    def _summed(self, fact: Fact, pairs: list[tuple[Node, Node]], like: Node) -> Fact:
        """Carries that hold the sum of a fact over the turns; it is as long as `like`, which only a run may tell."""

        def carry(x: Node, op: Op) -> Node:
            total = self.body.port("carry", self.graph.zeros(like, x.kind))
            pairs.append((total, op(total, x)))
            return total

        if isinstance(fact, Masked):
            return Masked(carry(fact.value, ADD), carry(fact.lanes, OR))
        return None if fact is None else carry(fact, ADD)


def _cut(x: Node, rows: Cut) -> Node:
    return x if rows.length == rows.size else SLICE(x, cuts=(rows,))
