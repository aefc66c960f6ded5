"""Arrays that are written as updates: replaced entries, and sums of arrays that are zero but for some entries.

dx = zeros(4, 4)
dx[0:2, 0:2] = ...
dx[0:2, 2:4] = ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from paramprog.emit.terms import Operand, Term
from paramprog.emit.written import Written, indexed, total
from paramprog.transfer.pair import ADD
from paramprog.transfer.replace import REPLACE
from paramprog.transfer.select import EMBED, Cut, Cuts

if TYPE_CHECKING:
    from paramprog.emit.block import Block

MIN_PLACES = 2
"""So many parts make an array that is written as updates."""


class Update(NamedTuple):
    """Entries that are replaced, or added to."""

    cuts: Cuts
    value: Operand
    adds: bool


class Chain(NamedTuple):
    """An array, None for zeros, and its updates in order."""

    start: Term | None
    updates: Sequence[Update]


class Updates:
    """Finds the chains of updates of one block."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self._known: dict[Term, Chain | None] = {}

    def references(self, term: Term) -> list[Term]:
        """The terms that have to be written before this one."""
        chain = self.chain(term)
        if chain is None:
            return [t for t, _ in self.block.arms.references(term)]
        start = [] if chain.start is None else [chain.start]
        return [*start, *(u.value.term for u in chain.updates)]

    def lines(self, term: Term) -> Callable[[str], list[str]] | None:
        """What writes the statements of this term under a name; None if it is an expression."""
        chain = self.chain(term)
        if chain is None:
            return None
        language = self.block.language

        def lines(name: str) -> list[str]:
            first = (
                language.filled(0.0, term.node.type) if chain.start is None else self.block.get(chain.start)
            )
            made = [language.assigned(name, first, fresh=True)]
            for cuts, value, adds in chain.updates:
                new = self.block.operand(value)
                if adds:
                    new = total(indexed(Written(name), language.places(cuts)), new)
                made.append(language.updated(name, cuts, new))
            return made

        return lines

    def chain(self, term: Term) -> Chain | None:
        """The updates that a term is made of, looked for once."""
        if term not in self._known:
            self._known[term] = self._replaced(term) if term.node.op is REPLACE else self._placed(term)
        return self._known[term]

    def _replaced(self, term: Term) -> Chain:
        updates: list[Update] = []
        while term.node.op is REPLACE and (not updates or self._is_part(term)):
            array, value = self.block.terms.operands(term)
            updates.append(Update(term.node.attrs["cuts"], value, adds=False))
            term = array.term
        return Chain(term, updates[::-1])

    def _is_part(self, term: Term) -> bool:
        """Whether a term is used here only, and has no name of its own."""
        return self.block.uses(term) == 1 and not self.block.is_forced(term)

    def _placed(self, term: Term) -> Chain | None:
        if term.node.op not in (ADD, EMBED) or not term.node.shape or term.node.kind != "real":
            return None
        found: list[Update] = []
        pending = [term]
        while pending:
            part = pending.pop()
            if part is not term and not self._is_part(part):
                return None
            if part.node.op is ADD:
                terms = self.block.terms.operands(part)
                if len(terms) < 2:
                    return None
                pending += [o.term for o in reversed(terms)]
            elif part.node.op is EMBED and all(cut.step > 0 for cut in part.node.attrs["cuts"]):
                (value,) = self.block.terms.operands(part)
                overlaps = any(_meet(u.cuts, part.node.attrs["cuts"]) for u in found)
                found.append(Update(part.node.attrs["cuts"], value, adds=overlaps))
            else:
                return None
        several = len(found) >= MIN_PLACES or len(found[0].cuts) >= MIN_PLACES
        return Chain(None, found) if several else None


def _meet(first: Cuts, second: Cuts) -> bool:
    """Whether two selections of one array may have an entry in common."""
    others = {cut.axis: cut for cut in second}
    return all(cut.axis not in others or _share(cut, others[cut.axis]) for cut in first)


def _share(a: Cut, b: Cut) -> bool:
    """Whether two ranges may have an index in common."""
    return not (_last(a) < b.start or _last(b) < a.start)


def _last(cut: Cut) -> int:
    return cut.start + max((1 if cut.length is None else cut.length) - 1, 0) * cut.step
