"""Arrays that are written as updates: replaced entries, and sums of arrays that are zero but for some entries.

dx = zeros(4, 4)
dx[0:2, 0:2] = ...
dx[i, 2:4] = ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from paramprog.emit.sites import Term
from paramprog.emit.terms import Operand
from paramprog.emit.written import Written, indexed, total
from paramprog.transfer.gather import GATHER
from paramprog.transfer.pair import ADD
from paramprog.transfer.put import PUT
from paramprog.transfer.replace import REPLACE
from paramprog.transfer.select import EMBED, SLICE, Cut, Cuts

if TYPE_CHECKING:
    from paramprog.emit.block import Block

MIN_PLACES = 2
"""So many parts make an array that is written as updates."""


class Update(NamedTuple):
    """Entries that are replaced, or added to: by what is known before the program runs, and by indices of some axes."""

    cuts: Cuts
    value: Operand
    adds: bool = False
    indices: Sequence[tuple[int, Operand]] = ()


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
        indices = [i.term for u in chain.updates for _, i in u.indices]
        return [*start, *indices, *(u.value.term for u in chain.updates)]

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
            for update in chain.updates:
                new, places = self.block.operand(update.value), self._places(update)
                if update.adds:
                    new = total(indexed(Written(name), places), new)
                made.append(language.updated(name, places, new))
            return made

        return lines

    def _places(self, update: Update) -> list[str]:
        places = self.block.language.places(update.cuts)
        for axis, index in update.indices:
            places += [":"] * (axis + 1 - len(places))
            places[axis] = self.block.operand(index).text
        return places

    def chain(self, term: Term) -> Chain | None:
        """The updates that a term is made of, looked for once."""
        if term not in self._known:
            replaces = term.node.op is REPLACE or (self._puts(term) and self.block.forced(term) is not None)
            self._known[term] = self._replaced(term) if replaces else self._placed(term)
        return self._known[term]

    @staticmethod
    def _puts(term: Term) -> bool:
        return term.node.op is PUT and not term.node.args[1].shape

    def _replaced(self, term: Term) -> Chain:
        updates: list[Update] = []
        while (term.node.op is REPLACE or self._puts(term)) and (not updates or self._is_part(term)):
            term, update = self._update(term)
            updates.append(update)
        return Chain(term, updates[::-1])

    def _update(self, term: Term) -> tuple[Term, Update]:
        """The array before an update, and the update; x[i, j] = v puts a row with one entry replaced into x."""
        array, *index, value = self.block.terms.operands(term)
        axes = list(range(len(term.node.shape)))
        cuts: Cuts = ()
        indices: list[tuple[int, Operand]] = []
        if index:
            indices.append((axes.pop(term.node.attrs["axis"]), index[0]))
        else:
            cuts = term.node.attrs["cuts"]
            axes = [a for a in axes if not any(cut.axis == a and cut.length is None for cut in cuts)]
        selected: tuple[Any, ...] = (SLICE, array, cuts) if not index else (GATHER, array, *index)
        while self._puts(value.term) and not self.block.is_forced(value.term):
            row, i, new = self.block.terms.operands(value.term)
            axis = axes[value.term.node.attrs["axis"]]
            if self._selection(row.term) != selected or any(cut.axis == axis for cut in cuts):
                break
            selected = (GATHER, row, i)
            axes.remove(axis)
            indices.append((axis, i))
            value = new
        return array.term, Update(cuts, value, indices=indices)

    def _selection(self, term: Term) -> tuple[Any, ...]:
        """What entries of which array a term is."""
        if term.node.op is SLICE:
            return (SLICE, *self.block.terms.operands(term), term.node.attrs["cuts"])
        return (GATHER, *self.block.terms.operands(term)) if term.node.op is GATHER else ()

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
                found.append(Update(part.node.attrs["cuts"], value, overlaps))
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
