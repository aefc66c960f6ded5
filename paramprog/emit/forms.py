"""How regions are written: as expressions, or as statements that give names to all their parts.

if c then a else b          a branch whose arms are short
if c { } else { }           one with longer arms, or several parts that share work
for, while                  a loop
[e for i in 0..n]           a comprehension, with arrays of their own for what its entry mentions more than once
for i in 0..n { y[i] = e }  a comprehension whose entry takes statements
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from paramprog.emit.sites import Term
from paramprog.emit.terms import is_atom
from paramprog.graph import Node, Region, Result
from paramprog.graph.graph import bodies
from paramprog.graph.region import Key
from paramprog.transfer.branches import Branch
from paramprog.transfer.loops import Loop
from paramprog.transfer.replace import REPLACE

if TYPE_CHECKING:
    from paramprog.emit.arms import Arms

Form = Literal["expression", "if", "loop", "entries", "entry by entry"]
"""An expression for each part; statements; a comprehension with names for what its entry is made of; a loop over the
entries."""

MAX_ENTRY = 12
"""An entry of more operations has names for some of them."""


class Forms:
    """Decides how each region is written, once."""

    def __init__(self, arms: Arms) -> None:
        self.arms, self.terms = arms, arms.terms
        self._known: dict[Term, Form] = {}
        self._references: dict[Term, list[tuple[Term, int]]] = {}

    @staticmethod
    def is_mapped(region: Node) -> bool:
        """Whether it is a comprehension."""
        return isinstance(region.op, Branch) and len(bodies(region)) == 1

    def is_statement(self, region: Term) -> bool:
        """Whether its parts are written together."""
        return self.form(region) != "expression"

    def form(self, region: Term) -> Form:
        """How a region is written."""
        if region not in self._known:
            if isinstance(region.node.op, Loop):
                self._known[region] = "loop"
            else:
                self._known[region] = (
                    self._mapped(region) if self.is_mapped(region.node) else self._branch(region)
                )
        return self._known[region]

    # ---- branches ------------------------------------------------------------------------------------------------

    def _branch(self, region: Term) -> Form:
        if region.node.args[0].shape or region.site.lanes:
            return "expression"
        keys = self.terms.bodies.keys(region)
        side = region.site.side
        results = [k for k in keys if isinstance(k, Result)]
        if len(results) < len(keys) and any(_has_bodies(body.nodes) for body in bodies(region.node)):
            return "if"
        # the history of a branch outside loops is written in place
        parts = [
            self.terms.bodies.part(region, k)
            for k in (keys if side is not None and side.repeated() else results)
        ]
        if any(arm is not None and not arm.inline for p in parts for arm in self.arms.of(p)):
            return "if"
        return "if" if self._share(parts) else "expression"

    def _share(self, parts: list[Term]) -> bool:
        """Whether parts have more in common than what is written again anyway."""
        seen: set[Term] = set()
        for part in parts:
            found: set[Term] = set()
            for arm in self.arms.of(part):
                if arm is not None and arm.term not in arm.uses:
                    assert arm.term.site.side is not None
                    found.update(self.arms.explored([arm.term], arm.term.site.side).inside)
            if any(not is_atom(t.node) and not self.arms.repeatable(t) for t in found & seen):
                return True
            seen |= found
        return False

    # ---- comprehensions ------------------------------------------------------------------------------------------

    def entry(self, region: Term, key: Key) -> Term:
        """The term of one entry that a part of a comprehension collects."""
        at = region.node.attrs["results"][0][key.number] if isinstance(key, Result) else key
        assert isinstance(at, Node)
        return self.terms.resolved(Term(self.terms.bodies.inside(region), at))

    def _mapped(self, region: Term) -> Form:
        site = self.terms.bodies.inside(region)
        assert site.side is not None
        roots = list(dict.fromkeys(self.entry(region, k) for k in self.terms.bodies.keys(region)))
        found = self.arms.explored(roots, site.side)
        if any(isinstance(t.node.op, Region) or t.node.op is REPLACE for t in found.inside):
            return "entry by entry"
        if any(self.terms.language.on_tape(row.array.node.shape) for row in site.rows.values()):
            return "entry by entry"
        operations = [t for t in found.inside if not is_atom(t.node)]
        if len(operations) > MAX_ENTRY or any(
            found.counts[t] > 1 and not self.arms.repeatable(t) for t in operations
        ):
            return "entries"
        return "expression"

    def entry_references(self, part: Term) -> Iterator[tuple[Term, int]]:
        """What a comprehension that is an expression mentions."""
        region = Term(part.site, part.node.args[0])
        side = self.terms.bodies.inside(region).side
        assert side is not None
        return often(self.arms.explored([self.entry(region, part.node.attrs["of"])], side).outside)

    # ---- what statements mention ---------------------------------------------------------------------------------

    def references(self, region: Term) -> list[tuple[Term, int]]:
        """What a region that is a statement mentions."""
        if region not in self._references:
            form = self.form(region)
            find = self._of_loop if form == "loop" else self._of_if if form == "if" else self._of_entries
            self._references[region] = list(find(region))
        return self._references[region]

    def _of_if(self, region: Term) -> Iterator[tuple[Term, int]]:
        parts = [self.terms.bodies.part(region, k) for k in self.terms.bodies.keys(region)]
        yield self.terms.condition(parts[0]), 1
        for which in (0, 1):
            roots = list(dict.fromkeys(t for p in parts if (t := self.terms.arms(p)[which]) is not None))
            if roots:
                side = region.site.sites[region.node, which, None].side
                assert side is not None
                yield from often(self.arms.explored(roots, side).outside)

    def _of_entries(self, region: Term) -> Iterator[tuple[Term, int]]:
        side = self.terms.bodies.inside(region).side
        assert side is not None
        roots = dict.fromkeys(self.entry(region, k) for k in self.terms.bodies.keys(region))
        yield from self._outside(region, self.arms.explored(roots, side).outside)

    def _of_loop(self, region: Term) -> Iterator[tuple[Term, int]]:
        site, node = self.terms.bodies.inside(region), region.node
        assert site.side is not None
        outer = dict(zip(node.attrs["ports"], node.args[1:], strict=True))
        yield self.terms.resolved(Term(region.site, node.args[0])), 1
        roots = [k for k in self.terms.bodies.keys(region) if isinstance(k, Node)]
        for carry, next in node.attrs["next"]:
            if carry in site.live:
                yield self.terms.resolved(Term(region.site, outer[carry])), 1
                roots.append(next)
        terms = [self.terms.resolved(Term(site, n)) for n in roots]
        if node.attrs["test"] is not None:
            test = self.terms.bodies.test(region)
            assert test.site.side is not None
            terms += self.arms.arm(test, test.site.side).uses
        yield from self._outside(region, self.arms.explored(terms, site.side).outside)

    def _outside(self, region: Term, uses: Mapping[Term, int]) -> Iterator[tuple[Term, int]]:
        """What a body mentions; a tape is read once, when the turns begin to take it apart."""
        rows = {row.array for row in self.terms.bodies.inside(region).rows.values()}
        for t, n in often(uses):
            on_tape = t in rows and self.terms.language.on_tape(t.node.shape)
            yield t, 1 if on_tape else n


def often(uses: Mapping[Term, int]) -> Iterator[tuple[Term, int]]:
    """What a body mentions counts twice, so that it is computed where it was, and not inside the body."""
    return ((t, max(n, 2)) for t, n in uses.items())


def _has_bodies(nodes: Sequence[Node]) -> bool:
    return any(isinstance(n.op, Loop) or Forms.is_mapped(n) for n in nodes)
