"""The sides of branches, and the bodies of loops and comprehensions: what they need, and whether they are short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from paramprog.emit.bodies import COMPARISONS
from paramprog.emit.forms import Forms, often
from paramprog.emit.sites import Side, Term, order
from paramprog.emit.terms import Terms, is_atom
from paramprog.graph import PART, Node, Region
from paramprog.transfer.gather import GATHER
from paramprog.transfer.linear import NEG
from paramprog.transfer.rearrange import TRANSPOSE
from paramprog.transfer.replace import REPLACE
from paramprog.transfer.select import SLICE
from paramprog.transfer.step import NOT

MAX_OPERATIONS = 8
"""An arm of more operations becomes a function of its own, or the branch a statement."""

REPEATABLE = COMPARISONS | {NEG, NOT, SLICE, TRANSPOSE}
"""Short on names and numbers, and so written again rather than named."""


class Explored(NamedTuple):
    """What some terms of one side are made of: those on the side, and how often all that they mention is mentioned."""

    inside: list[Term]
    counts: Mapping[Term, int]
    outside: Mapping[Term, int]


class Arm(NamedTuple):
    """One side of a part. `uses` counts the references to terms outside the side."""

    term: Term
    inline: bool
    uses: Mapping[Term, int]


class Arms:
    """Finds the arms of parts, each looked into once."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.forms = Forms(self)
        self._known: dict[Term, Arm] = {}
        terms.is_statement = self.forms.is_statement

    def of(self, part: Term) -> list[Arm | None]:
        """Both arms of a part, None where it does not matter what it is."""
        region = part.node.args[0]
        found: list[Arm | None] = []
        for which, term in enumerate(self.terms.arms(part)):
            if term is None:
                found.append(None)
                continue
            site = part.site.sites[region, which, None]
            assert site.side is not None
            found.append(self.arm(term, site.side))
        return found

    def references(self, term: Term) -> Iterator[tuple[Term, int]]:
        """What a term refers to, and how often, as it is written; anything in an arm counts as often."""
        if isinstance(term.node.op, Region):
            yield from self.forms.references(term)
            return
        if term.node in term.site.rows:
            yield term.site.rows[term.node].array, 2
            return
        if term.node.op is not PART:
            for operand in self.terms.operands(term):
                yield operand.term, 1
            return
        region = Term(term.site, term.node.args[0])
        if self.forms.is_statement(region):
            yield region, 1
            return
        if self.forms.is_mapped(region.node):
            yield from self.forms.entry_references(term)
            return
        for operand in self.terms.operands(term):
            yield operand.term, 1
        for arm in self.of(term):
            if arm is not None:
                yield from often(arm.uses)

    def arm(self, root: Term, side: Side) -> Arm:
        """A term as what a side of its own is for."""
        if root.site.side is not side:
            return Arm(root, True, {root: 1})
        if root not in self._known:
            found = self.explored([root], side)
            operations = [t for t in found.inside if not is_atom(t.node)]
            inline = len(operations) <= MAX_OPERATIONS and all(
                self._is_expression(t.node) and (found.counts[t] < 2 or self.repeatable(t))
                for t in operations
            )
            self._known[root] = Arm(root, inline, found.outside)
        return self._known[root]

    @staticmethod
    def _is_expression(node: Node) -> bool:
        return node.op is not REPLACE and not isinstance(node.op, Region)

    def explored(self, roots: Iterable[Term], side: Side) -> Explored:
        """What terms of one side are made of."""
        pending = list(roots)
        counts: Counter[Term] = Counter(pending)
        seen = dict.fromkeys(t for t in pending if t.site.side is side)
        pending = list(seen)
        while pending:
            for term, n in self.references(pending.pop()):
                counts[term] += n
                if term.site.side is side and term not in seen:
                    seen[term] = None
                    pending.append(term)
        outside = sorted((t for t in counts if t.site.side is not side), key=lambda t: order(t.node))
        return Explored(list(seen), counts, {t: counts[t] for t in outside})

    def repeatable(self, term: Term) -> bool:
        """Whether a term is written again rather than named."""
        if term.node.op is GATHER:
            array, index = self.terms.operands(term)
            return not index.term.node.shape and all(self._is_short(o.term) for o in (array, index))
        return term.node.op in REPEATABLE and all(self._is_short(o.term) for o in self.terms.operands(term))

    def _is_short(self, term: Term) -> bool:
        if is_atom(term.node) or (term.site is self.terms.home and self.terms.named(term.node)):
            return True
        return term.node.op is GATHER and self.repeatable(term)
