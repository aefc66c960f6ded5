"""What a printed expression is made of: the operands of a node as they are written.

A `Term` is a node at a `Site`: in the graph itself, or in the body of a region, where its leaves stand for terms
outside. Spreads of scalars beside arrays, conversions of ints beside reals, and copies are not written, since the
language supplies them; neither is the history of a branch on the same side of an equal condition, whose operations are
written in place, unless that branch is a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from paramprog.emit.bodies import Bodies
from paramprog.emit.language import Language
from paramprog.emit.sites import Side, Site, Term
from paramprog.graph import PART, Node, Result
from paramprog.graph.region import Key
from paramprog.transfer.branches import Branch
from paramprog.transfer.linear import COPY, SPREAD
from paramprog.transfer.pair import ADD
from paramprog.transfer.put import PUT
from paramprog.transfer.replace import REPLACE
from paramprog.transfer.source import ARRAY, FULL, LEAF
from paramprog.transfer.step import REAL
from paramprog.types import Shape, ShapeError

Form = Literal["value", "number", "whole"]
"""As it is; a constant as one number for all entries; and that without a point if it is whole."""


class Operand(NamedTuple):
    """An argument as it is written."""

    term: Term
    form: Form = "value"


class Terms:
    """Reads the operands of terms.

    `named` says which nodes of the outermost graph are written as names, `equal` which are written as another one,
    `language` is what they are written in.
    """

    def __init__(self, named: Callable[[Node], bool], equal: Mapping[Node, Node], language: Language) -> None:
        self.home = Site()
        self.named, self.equal, self.language = named, equal, language
        self.is_statement: Callable[[Term], bool] = lambda region: False
        """Which branches are statements, so that what they compute has names."""
        self.bodies = Bodies(self)
        self._operands: dict[Term, list[Operand]] = {}
        self._wholes: dict[Term, Term | None] = {}

    # ---- branches ------------------------------------------------------------------------------------------------

    def condition(self, term: Term) -> Term:
        """The condition of the branch that a part belongs to."""
        return self.resolved(Term(term.site, term.node.args[0].args[0]))

    def lanes(self, term: Term) -> Shape:
        """The shape of the lanes that the bodies of this branch speak of."""
        shape = term.node.args[0].args[0].shape
        return shape or term.site.lanes

    def arms(self, term: Term) -> tuple[Term | None, Term | None]:
        """What a part is on either side; None where it does not matter."""
        first, second = (self.arm(term, which) for which in (0, 1))
        return first, second

    def arm(self, term: Term, which: int, side: Side | None = None) -> Term | None:
        """What a part is on one side; on `side`, if its place is another branch's."""
        region, key = term.node.args[0], term.node.attrs["of"]
        at = region.attrs["results"][which][key.number] if isinstance(key, Result) else key
        if at.graph is not region.attrs["bodies"][which]:
            return None
        made = (region, which, side)
        if made not in term.site.sites:
            ports = zip(region.attrs["ports"], region.args[1:], strict=True)
            term.site.sites[made] = Site(
                side or Side(term.site.side, self.condition(term), which),
                {p: Term(term.site, a) for p, a in ports},
                lanes=self.lanes(term),
                live=self.bodies.live(Term(term.site, region))[which],
            )
        found = self.resolved(Term(term.site.sites[made], at))
        return self._scalar(Operand(found)).term if self.lanes(term) else found

    def _in_place(self, part: Term, site: Site) -> Term | None:
        """What a part is where its outcome is known, unless it has a name."""
        if site.side is None or not isinstance(part.node.args[0].op, Branch):
            return None
        if len(part.node.args[0].attrs["bodies"]) < 2 or self.is_statement(
            Term(part.site, part.node.args[0])
        ):
            return None
        condition = self.condition(part)
        for which in (0, 1):
            side = site.side.holding(condition, which)
            if side is not None:
                named = self._named(part, which)
                return named or self.arm(part, which, side)
        return None

    def _named(self, part: Term, which: int) -> Term | None:
        """The part itself, or an equal one on this side, if it has a name."""
        region, key = part.node.args[0], part.node.attrs["of"]
        results = region.attrs["results"][which]
        at = results[key.number] if isinstance(key, Result) else key
        keys: list[Key] = [key, *(Result(k) for k, n in enumerate(results) if n is at)]
        for k in keys:
            node = region.graph.parts.get((region, k))
            if node is not None and self.named(node):
                return Term(part.site, node)
        return None

    def resolved(self, term: Term) -> Term:
        """What the term stands for: leaves of bodies are terms outside, copies are what they copy."""
        inside: Site | None = None
        while True:
            if term.node in term.site.leaves:
                inside = inside or term.site
                term = term.site.leaves[term.node]
            elif term.node.op is COPY:
                term = Term(term.site, term.node.args[0])
            elif term.node in self.equal:
                term = Term(term.site, self.equal[term.node])
            elif term.node.op is PART:
                found = self._whole(term) or (self._in_place(term, inside) if inside is not None else None)
                if found is None or found == term:
                    return term
                term = found
            else:
                return term

    def _whole(self, part: Term) -> Term | None:
        if part not in self._wholes:
            self._wholes[part] = self.bodies.whole(part)
        return self._wholes[part]

    # ---- operands ------------------------------------------------------------------------------------------------

    def operands(self, term: Term) -> list[Operand]:
        """The arguments as they are written; of a part, those of its arms are found by `arms`."""
        if term not in self._operands:
            self._operands[term] = self._read(term)
        return self._operands[term]

    def _read(self, term: Term) -> list[Operand]:
        site, node = term
        if node.op is PART:
            return [Operand(self.condition(term))]
        args = [Operand(self.resolved(Term(site, a))) for a in node.args]
        if node.op is ADD and args[0] == args[1]:
            return args[:1]  # written as a product with 2
        if node.op.elementwise and len(args) > 1:
            args = self._without_spreads(site, node, args)
        elif node.op is REPLACE:
            args[1] = self._scalar(args[1])
        implicit = node.op is not REAL and self.language.converts(node.op)
        return _without_conversions(self, node, args) if implicit else args

    def _scalar(self, operand: Operand) -> Operand:
        """The operand as one scalar for all entries, if it is that."""
        node = operand.term.node
        if node.op is FULL:
            return Operand(operand.term, "number")
        if node.op is SPREAD and not node.args[0].shape:
            return Operand(self.resolved(Term(operand.term.site, node.args[0])))
        return operand

    def _without_spreads(self, site: Site, node: Node, args: list[Operand]) -> list[Operand]:
        scalars = [self._scalar(a) for a in args]
        if not node.shape or site.lanes or any(s is a for s, a in zip(scalars, args, strict=True)):
            return scalars
        # one of them has to say what the shape is
        kept = next((k for k, s in enumerate(scalars) if s.form == "value"), 0)
        return [args[k] if k == kept else s for k, s in enumerate(scalars)]


def _without_conversions(terms: Terms, node: Node, args: list[Operand]) -> list[Operand]:
    """Ints for reals, where the operation makes reals of them anyway."""
    if len(args) != len(node.args):
        return args
    kinds = [a.kind for a in node.args]
    wanted = _kinds(node, kinds)
    found = [*args]
    for k, operand in enumerate(args):
        if node.op in (REPLACE, PUT) and k == 0:
            continue  # it is written as a variable, which keeps its kind when entries of it are replaced
        shorter = _shorter(terms, node, operand)
        trial = [*kinds[:k], "int", *kinds[k + 1 :]]
        if kinds[k] == "real" and shorter is not None and _kinds(node, trial) == wanted:
            kinds, found[k] = trial, shorter
    return found


def _shorter(terms: Terms, node: Node, operand: Operand) -> Operand | None:
    """An int that is as good as this real."""
    (site, inner), form = operand
    if inner.op is REAL and inner.args[0].kind == "int":
        return Operand(terms.resolved(Term(site, inner.args[0])))
    if inner.op is FULL and is_whole(inner) and node.op.elementwise and (form == "number" or not inner.shape):
        return Operand(operand.term, "whole")
    return None


def _kinds(node: Node, kinds: Sequence[Any]) -> Any:
    try:
        return node.op.kinds(*kinds)
    except ShapeError:
        return None


def is_whole(node: Node) -> bool:
    """Whether a constant is a number that can be written without a point."""
    value = node.attrs["value"]
    return (
        node.kind == "real"
        and value == value
        and abs(value) < 1e6
        and value == int(value)
        and str(value) != "-0.0"
    )


def is_atom(node: Node) -> bool:
    """Whether a node is a name or a number wherever it is written."""
    return node.op in (LEAF, FULL, ARRAY)
