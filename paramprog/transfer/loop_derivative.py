"""The derivative of a loop: the linear loop over its history, forwards for a push, backwards for a pull.

So it has O(body) nodes. What the pull reads of a body is recorded by the primal loop, because a live `part` demands it,
and nothing else is. Which carries carry a fact is a fixed point: one may reach the output only through another one's
next turn. A sum over the turns of outer products, as the gradient of a weight is, becomes one contraction of histories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paramprog.graph import Graph, Node, Region, Result, part
from paramprog.graph.region import TRIPS, Key
from paramprog.op import Op
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.facts import Fact, Masked, on, plain, plus
from paramprog.transfer.linear import LETTERS, MUL
from paramprog.transfer.loop_history import History
from paramprog.transfer.pair import ADD
from paramprog.transfer.regions import Host
from paramprog.transfer.step import OR
from paramprog.types import Size, elements


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
        self._solve()

    def _value(self, node: Node) -> Node:
        """What stands for a node around the loop."""
        return self.graph.own(self.analysis.values[node])

    def _start(self, carry: Node) -> Node:
        return self.next[carry] if self.backward else carry

    def _end(self, carry: Node) -> Node:
        return carry if self.backward else self.next[carry]

    def _solve(self) -> None:
        active: set[Node] = {c for c, f in self.carries.items() if f is not None}
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
        for at, fact in self.inside.items():
            seeds[at] = plus(seeds.get(at), on(fact, self._entering(at)))
        values = self.values = History(self.node, self.analysis.values, body)
        facts = self.analysis.inside(body, values, seeds, list(self.old.nodes))
        # everything enters before the region is made: a port cannot be added later
        self.facts = {n: on(f, body.own) for n, f in facts.items() if not isinstance(n.op, Region)}

    def _entering(self, at: Node) -> Callable[[Any], Node]:
        """How a fact at a body node enters: a row a turn, or the same in all turns."""
        if not self.backward and self.old.ports[at].kind in ("free", "shared"):
            return self.body.own
        return lambda x: self.body.port("scan", self.graph.own(x))

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
        added = {p: self.facts.get(p) for p, kind in kinds.items() if kind in ("free", "shared")}
        terms = {p: self._terms(fact) for p, fact in added.items() if fact is not None}
        products = self._products(terms)
        sums: dict[Node, Fact] = {}
        for p, found in terms.items():
            rest: Fact = None
            for x in found:
                if x not in products:
                    rest = plus(rest, x)
            sums[p] = self._summed(rest, pairs, self._value(self.init[p]))
        made = self._made(pairs, reverse=not self.node.attrs["reverse"])
        if self.states is not None:
            entering = [self._value(a) for a in self.node.args[1:]]
            made = self.again(made, self.node, entering, self.values.recorded, self.states)
        last = self._last(made, pairs)

        def fact_of(p: Node) -> Fact:
            if p in self.next:
                return on(self.state[p], last) if p in self.state else None
            if p not in sums:
                return on(self.facts.get(p), lambda value: part(made, value))
            total = on(sums[p], last)
            for term in terms[p]:
                if term in products:
                    total = plus(total, self._over_time(made, term))
            return total

        return [None, *(fact_of(p) for p in self.node.attrs["ports"])]

    def _summed(self, fact: Fact, pairs: list[tuple[Node, Node]], like: Node) -> Fact:
        """Carries that hold the sum of a fact over the turns; it is as long as `like`, which only a run may tell."""

        def carry(x: Node, op: Op) -> Node:
            total = self.body.port("carry", self.graph.zeros(like, x.kind))
            pairs.append((total, op(total, x)))
            return total

        if isinstance(fact, Masked):
            return Masked(carry(fact.value, ADD), carry(fact.lanes, OR))
        return None if fact is None else carry(fact, ADD)

    def _terms(self, fact: Fact) -> list[Fact]:
        """The summands of a fact."""
        found: list[Fact] = []
        pending = [fact]
        while pending:
            x = pending.pop()
            if isinstance(x, Node) and x.graph is self.body and x.op is ADD:
                pending += x.args
            else:
                found.append(x)
        return found

    def _products(self, terms: Mapping[Node, list[Fact]]) -> set[Node]:
        """The products to be summed over the turns as one contraction each.

        Those larger than what they are made of, which is recorded then; and all whose factors are kept anyway.
        """
        every = [x for found in terms.values() for x in found if self._is_product(x)]
        chosen = {x for x in every if self._is_large(x)}
        kept = {a for x in chosen for a in x.args}
        return chosen | {x for x in every if all(a in kept or self._is_row(a) for a in x.args)}

    def _is_product(self, x: Fact) -> bool:
        """A product of two values that change from turn to turn."""
        if not isinstance(x, Node) or x.graph is not self.body or x.op not in (CONTRACT, MUL):
            return False
        if x.kind != "real" or self.states is not None:
            return False
        if isinstance(self.node.attrs["trips"], Size) and not self.analysis.contracts:
            return False
        ports = self.body.ports
        varying = all(a not in ports or ports[a].kind in ("scan", "carry") for a in x.args)
        return varying and not any(isinstance(n, Size) for a in x.args for n in a.shape)

    @staticmethod
    def _is_large(x: Node) -> bool:
        """An outer product, or nearly."""
        return x.op is CONTRACT and 2 * max(elements(a.shape) for a in x.args) < elements(x.shape)

    def _is_row(self, a: Node) -> bool:
        port = self.body.ports.get(a)
        return port is not None and port.kind == "scan"

    def _over_time(self, made: Node, x: Node) -> Node:
        """The sum over t of contract(p_t, q_t) = contract(p, q) with the turns as one more letter."""
        letters = LETTERS[: len(x.shape)]
        text, sizes = (
            (f"{letters},{letters}->{letters}", ()) if x.op is MUL else (x.attrs["spec"], x.attrs["sizes"])
        )
        words, result = text.split("->")
        turns = next(c for c in "tuvwxyzTUVWXYZ" if c not in text)
        spec = f"{','.join(turns + w for w in words.split(','))}->{result}"
        total: Node = CONTRACT(*(self._history(made, a) for a in x.args), spec=spec, sizes=sizes)
        return total

    def _history(self, made: Node, a: Node) -> Node:
        port = self.body.ports.get(a)
        if port is not None and port.kind == "scan":
            assert port.outer is not None
            return port.outer
        return part(made, a)
