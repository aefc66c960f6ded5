"""Sums over the turns of a loop: of what a turn adds, some is recorded and summed at once, the rest is carried.

A sum of outer products, as the gradient of a weight is, becomes one contraction of histories; rows that are added to
places of their own, as the gradient of `x[t]` is, are the rows of a history.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from paramprog.graph import Graph, Node, part
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.facts import Fact, plus
from paramprog.transfer.gather import SCATTER_ADD
from paramprog.transfer.linear import LETTERS, MUL
from paramprog.transfer.loop_history import History
from paramprog.transfer.pair import ADD
from paramprog.transfer.select import EMBED, Cut
from paramprog.types import Size, elements


class Sums:
    """The sums of facts in `body`, of the derivative of the loop `region`, by what they are facts of.

    `contracts` is whether they may become contractions, and `open` whether also where a run tells how many turns there
    are.
    """

    def __init__(
        self,
        body: Graph,
        region: Node,
        values: History,
        added: Mapping[Node, Fact],
        *,
        contracts: bool,
        open: bool,
    ) -> None:
        self.body, self.values = body, values
        self.trips = region.attrs["trips"]
        self.contracts = contracts and (open or not isinstance(self.trips, Size))
        self.terms = {p: self._terms(fact) for p, fact in added.items() if fact is not None}
        every = [x for found in self.terms.values() for x in found]
        self.products = self._products(every)
        self.rows = {x: cut for x in every if (cut := self._row(x)) is not None}

    def carried(self, p: Node) -> Fact:
        """What is to be summed turn by turn."""
        rest: Fact = None
        for x in self.terms[p]:
            if x not in self.products and x not in self.rows:
                rest = plus(rest, x)
        return rest

    def recorded(self, p: Node, made: Node) -> Iterator[Node]:
        """The sums of the rest, from histories of the region `made`."""
        for x in self.terms[p]:
            if x in self.products:
                yield self._over_time(made, x)
            elif x in self.rows:
                history, cut = self._history(made, x.args[1]), self.rows[x]
                yield history if cut.length == cut.size else EMBED(history, cuts=(cut,))

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

    # ---- products ------------------------------------------------------------------------------------------------

    def _products(self, terms: list[Fact]) -> set[Node]:
        """The products to be summed over the turns as one contraction each.

        Those larger than what they are made of, which is recorded then; and all whose factors are kept anyway.
        """
        every = [x for x in terms if self._is_product(x)]
        chosen = {x for x in every if self._is_large(x)}
        kept = {a for x in chosen for a in x.args}
        return chosen | {x for x in every if all(a in kept or self._is_row(a) for a in x.args)}

    def _is_product(self, x: Fact) -> bool:
        """A product of two values that change from turn to turn."""
        if not isinstance(x, Node) or x.graph is not self.body or x.op not in (CONTRACT, MUL):
            return False
        if x.kind != "real" or not self.contracts:
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

    # ---- rows ----------------------------------------------------------------------------------------------------

    def _row(self, x: Fact) -> Cut | None:
        """Where the rows are that a summand puts among zeros, one in each turn."""
        if not isinstance(x, Node) or x.graph is not self.body or x.op is not SCATTER_ADD:
            return None
        if x.attrs["axis"] or x.args[0].shape or isinstance(self.trips, Size):
            return None
        lower, size = self.values.row(x.args[0]), x.attrs["size"]
        return (
            None
            if lower is None or not 0 <= lower <= size - self.trips
            else Cut(0, lower, self.trips, 1, size)
        )
