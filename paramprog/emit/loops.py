"""Loops as statements."""

from __future__ import annotations

from paramprog.emit.arrays import array, stem, wanted
from paramprog.emit.block import Block, codes_of
from paramprog.emit.code import MARK, Next, Suite, settled
from paramprog.emit.entries import divides, index_names, name_indices
from paramprog.emit.language import is_ragged
from paramprog.emit.names import Names
from paramprog.emit.sites import Term
from paramprog.emit.statements import Statement
from paramprog.emit.tapes import popping, rows
from paramprog.emit.terms import is_atom
from paramprog.emit.written import Written
from paramprog.graph import Node, Result
from paramprog.graph.region import TRIPS
from paramprog.transfer.source import FULL


class LoopWriter:
    """Writes one loop."""

    def __init__(self, block: Block, region: Term) -> None:
        self.block, self.region = block, region
        self.terms, self.language = block.terms, block.language
        self.site = self.terms.bodies.inside(region)
        self.keys = self.terms.bodies.keys(region)
        self.wanted = wanted(block, region)
        self.scope = Names(around=block.names, turn=True)
        self.exact = divides(region)
        (self.index,) = index_names(region, self.scope)
        self.limit: Written | None = None

    def write(self) -> None:
        node, block, language = self.region.node, self.block, self.language
        head = self._head()
        name_indices(self.site, [self.index])
        taken = rows(block, self.region, self.site, self.scope, self.limit, up=not node.attrs["reverse"])
        known: dict[Term, Written] = dict(taken.known)
        carried: list[tuple[str, Node]] = []
        for k, (carry, next) in enumerate(node.attrs["next"]):
            if carry in self.site.live:
                name = self._carry(k, carry)
                known[Term(self.site, carry)] = Written(name)
                carried.append((name, next))
        histories = [k for k in self.wanted if isinstance(k, Node)]
        arrays: dict[Node, str] = {}
        inner = Block(block.writer, self.site.side, self.scope, known, outer=block)
        ends = [self.terms.resolved(Term(self.site, k)) for k in histories]
        kept = sorted(zip(histories, ends, strict=True), key=lambda row: not is_atom(row[1].node))
        nexts = [(name, self.terms.resolved(Term(self.site, next))) for name, next in carried]
        marks: dict[Term, str] = {}
        for _, term in nexts:
            if term.site.side is self.site.side and not is_atom(term.node):
                marks[term] = marks.get(term) or block.writer.mark()
        inner.plan([*((end, ()) for end in ends), *((t, (mark,)) for t, mark in marks.items())])
        for key, end in kept:
            value = inner.require(end)
            arrays[key] = self._history(key, end, value)
            inner.statements.append(Statement(end, "", [self._kept(key, arrays[key], value)]))
        changes = [
            Next(
                name,
                inner.require(term).text,
                next.name or "s" if name.startswith(MARK) else name,
                marked=term in marks,
            )
            for (name, term), (_, next) in zip(nexts, carried, strict=True)
        ]
        if TRIPS in self.keys:
            turns = block.written[self.terms.bodies.part(self.region, TRIPS)].text
            changes.append(Next(turns, f"{turns} + 1", turns, marked=False))
        if head is None:
            test = self.terms.bodies.test(self.region)
            assert test.site.side is not None
            head = language.going(inner.arm(block.arms.arm(test, test.site.side)))
        codes = settled([*taken.lines, *popping(codes_of(inner))], changes, self.scope.take)
        if codes:
            kind = head.split()[0]
            block.statements.append(Statement(self.region, "", [Suite(kind, [(head, codes)])]))
        for key in histories:
            block.statements += self._finished(key, arrays[key])

    def _head(self) -> str | None:
        """`for t in 0..n`; None for a loop that ends by its condition."""
        node = self.region.node
        if node.attrs["test"] is not None:
            if TRIPS in self.keys:
                part = self.terms.bodies.part(self.region, TRIPS)
                name = self.block.forced(part) or self.block.names.take("turns")
                self.block.statements.append(Statement(part, name, [f"{name} = 0"]))
                self.block.written[part] = Written(name)
            return None
        limit = self.terms.resolved(Term(self.region.site, node.args[0]))
        text = (
            Written(str(max(int(limit.node.attrs["value"]), 0)))
            if limit.node.op is FULL
            else self.block.get(limit)
        )
        self.limit = text
        return self.language.turns(self.index, text, reverse=node.attrs["reverse"], exact=self.exact)

    # ---- carried names -------------------------------------------------------------------------------------------

    def _carry(self, number: int, carry: Node) -> str:
        """The name of a carried value, which it has now."""
        block = self.block
        node = self.region.node
        outer = dict(zip(node.attrs["ports"], node.args[1:], strict=True))
        first = self.terms.resolved(Term(self.region.site, outer[carry]))
        part = self.terms.bodies.part(self.region, Result(number)) if Result(number) in self.keys else None
        value = block.get(first)
        name = block.forced(part) if part is not None else None
        hint = (part.node.name if part is not None else None) or carry.name
        if name is None and hint in (None, value.text) and block.can_take_over(first):
            name = value.text
        if name is None:
            name = block.names.take(hint) if hint is not None else block.names.number("s")
        if name != value.text:
            if first.node.op is FULL and not first.node.shape:
                value = self.language.first(first.node.attrs["value"], first.node.kind, exact=self.exact)
            block.statements.append(Statement(part or first, name, [self.language.assigned(name, value)]))
        if part is not None:
            block.written[part] = Written(name)
        return name

    # ---- histories -----------------------------------------------------------------------------------------------

    def _history(self, key: Node, end: Term, value: Written) -> str:
        """The name of the array that the values of a node are kept in, which has been made."""
        block = self.block
        part = self.terms.bodies.part(self.region, key)
        word = stem(value, block.writer.hints.get(key))
        return array(block, part, end, f"{word}_all", up=not self.region.node.attrs["reverse"])

    def _is_list(self, key: Node) -> bool:
        shape = self.terms.bodies.part(self.region, key).node.shape
        return is_ragged(shape[:1]) or self.language.on_tape(shape)

    def _kept(self, key: Node, array: str, value: Written) -> str:
        if self._is_list(key):
            return self.language.appended(array, value)
        return f"{array}[{self.index}] = {value.text}"

    def _finished(self, key: Node, array: str) -> list[Statement]:
        """What makes an array of a list."""
        if not self._is_list(key):
            return []
        part = self.terms.bodies.part(self.region, key)
        lines = self.language.finished(array, part.node.type, reverse=self.region.node.attrs["reverse"])
        return [Statement(part, array, lines)] if lines else []
