"""The sides of branches: whether an arm is short enough to stand inside a conditional, and what it needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from paramprog.emit.terms import Side, Term, Terms, is_atom
from paramprog.graph import PART
from paramprog.op import OPS
from paramprog.transfer.linear import NEG
from paramprog.transfer.rearrange import TRANSPOSE
from paramprog.transfer.replace import REPLACE
from paramprog.transfer.select import SLICE
from paramprog.transfer.step import NOT

MAX_OPERATIONS = 8
"""An arm of more operations becomes a function of its own."""

COMPARISONS = frozenset(
    OPS[name] for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
)
REPEATABLE = COMPARISONS | {NEG, NOT, SLICE, TRANSPOSE}
"""Short on names and numbers, and so written again rather than named."""


class Arm(NamedTuple):
    """One side of a part. `uses` counts the references to terms outside the side."""

    term: Term
    inline: bool
    uses: Mapping[Term, int]


class Arms:
    """Finds the arms of parts, each looked into once."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._known: dict[Term, Arm] = {}

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
            found.append(self._arm(term, site.side))
        return found

    def references(self, term: Term) -> Iterator[tuple[Term, int]]:
        """What a term refers to, and how often, as it is written; anything in an arm counts as often."""
        for operand in self.terms.operands(term):
            yield operand.term, 1
        if term.node.op is PART:
            for arm in self.of(term):
                if arm is not None:
                    # two, so that it is computed where it was, and not inside the arm
                    yield from ((t, max(n, 2)) for t, n in arm.uses.items())

    def _arm(self, root: Term, side: Side) -> Arm:
        if root.site.side is not side:
            return Arm(root, True, {root: 1})
        if root not in self._known:
            self._known[root] = self._explored(root, side)
        return self._known[root]

    def _explored(self, root: Term, side: Side) -> Arm:
        counts: Counter[Term] = Counter({root: 1})
        pending, seen = [root], {root}
        while pending:
            for term, n in self.references(pending.pop()):
                counts[term] += n
                if term.site.side is side and term not in seen:
                    seen.add(term)
                    pending.append(term)
        inside = [t for t in seen if not is_atom(t.node)]
        inline = len(inside) <= MAX_OPERATIONS and all(
            t.node.op is not REPLACE and (counts[t] < 2 or self.repeatable(t)) for t in inside
        )
        outside = sorted((t for t in counts if t.site.side is not side), key=lambda t: t.node.id)
        return Arm(root, inline, {t: counts[t] for t in outside})

    def repeatable(self, term: Term) -> bool:
        """Whether a term is written again rather than named."""
        return term.node.op in REPEATABLE and all(
            is_atom(o.term.node) or (o.term.site is self.terms.home and self.terms.named(o.term.node))
            for o in self.terms.operands(term)
        )
