"""The entries of a comprehension: expressions in which rows stand for arrays; what they share are arrays of their own.

t_all = [sin(x[i]) for i in 0..n]
y = sum(t_all[i] * t_all[i] for i in 0..n)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from paramprog.emit.block import Block
from paramprog.emit.names import Names
from paramprog.emit.sites import Site, Term
from paramprog.emit.statements import Statement
from paramprog.emit.terms import is_atom
from paramprog.emit.written import Level, Written, entry, indexed, total
from paramprog.graph.graph import bodies
from paramprog.transfer.loops import Loop
from paramprog.types import Type

MAX_ENTRY = 100
"""A longer expression inside an entry is an array of its own."""


class EntryBlock(Block):
    """What the entries of a comprehension are made of, as expressions; its statements are those of the block around.

    `inline` if nothing may have a name.
    """

    def __init__(self, block: Block, region: Term, *, inline: bool) -> None:
        scope = Names(around=block.scope, turn=True)
        self.indices = index_names(region, scope)
        self.inline = inline or 0 in region.node.args[0].shape
        site = block.terms.bodies.inside(region)
        name_indices(site, self.indices)
        super().__init__(block.writer, site.side, block.names, {}, outer=block)
        self.scope = scope
        self.statements, self.constants = block.statements, block.constants
        self.sizes = region.node.args[0].shape
        self.exact = divides(region)
        self.arrays: dict[Term, str] = {}
        """The names of arrays that hold a term for all entries."""

    def place(self, term: Term) -> None:
        value = self.composed(term)
        if self.inline or is_atom(term.node) or self.stands_inline(term, value, MAX_ENTRY):
            self.written[term] = value
            return
        name = self.arrays[term] = self.names.take(f"{self.writer.word(term)}_all")
        type = Type(term.node.kind, (*self.sizes, *term.node.shape))
        whole = self.collected(value, type)
        self.statements.append(Statement(term, name, [self.language.assigned(name, whole)]))
        self.written[term] = indexed(Written(name), self.indices)

    def collected(self, value: Written, type: Type) -> Written:
        """The array of all entries, which is of this type."""
        if 0 in self.sizes:
            return self.language.zeros(type)
        return self.language.entries(value, self._clauses(), type)

    def _clauses(self) -> list[tuple[str, str]]:
        return [
            (index, self.language.range(Written(str(n)), exact=self.exact))
            for index, n in zip(self.indices, self.sizes, strict=True)
        ]

    def added(self, value: Written, type: Type) -> Written:
        """The sum of all entries, which is of this type; whether any holds, of bools."""
        if 0 in self.sizes:
            return self.language.zeros(type)
        clauses = self._clauses()
        if type.kind != "bool":
            return self.language.added(value, clauses)
        whole = self.language.entries(value, clauses, Type("bool", (*self.sizes, *type.shape)))
        return self.language.any_of(whole, len(self.sizes), len(type.shape))


def index_names(region: Term, scope: Names) -> list[str]:
    """Names for the indices of a region: those of the source, where they are known."""
    node = region.node
    rank = 1 if isinstance(node.op, Loop) else len(node.args[0].shape)
    text = node.span.text if node.span is not None else ""
    found = re.findall(r"(?a)\b([A-Za-z_]\w*)\s+in\b", text)
    chosen = found[:1] if isinstance(node.op, Loop) else found[-rank:]
    if len(chosen) != rank or len(set(chosen)) != rank:
        chosen = list("ijklmn"[:rank]) if rank <= 6 else [f"i{k}" for k in range(rank)]
    return [scope.take(*_candidates(name)) for name in chosen]


def _candidates(name: str) -> list[str]:
    """What an index may be called: `i`, or `i_`, also if it was called `i_` when the program was printed before."""
    stem = re.sub(r"(_\d*)+$", "", name) or name
    return [stem, f"{stem}_"] if name.endswith("_") else [name, stem, f"{stem}_"]


def name_indices(site: Site, names: Sequence[str]) -> None:
    """Let the indices of a body have these names, also where other bodies are written in it."""
    site.names = names
    for other in site.sites.values():
        if other.again:
            other.names = names


def leaf_text(block: Block, term: Term) -> Written | None:
    """How a leaf of a body is written: an index, a row of an array."""
    site, leaf = term
    if leaf in site.indices:
        axis, lower = site.indices[leaf]
        index = Written(site.names[axis])
        return (
            total(index, Written(str(lower), Level.UNARY if lower < 0 else Level.PRIMARY)) if lower else index
        )
    if leaf in site.rows:
        array, axes, lower = site.rows[leaf]
        text = block.get(array)
        for n, k in enumerate(axes):
            name = site.names[k]
            text = entry(
                text, 0, f"{name} + {lower}" if lower and not n else name, of_lists=block.language.lists
            )
        return text
    if leaf in site.numbers:
        value = site.numbers[leaf].attrs["value"]
        return (
            block.language.filled(value, leaf.type) if leaf.shape else block.language.number(value, leaf.kind)
        )
    return None


DIVISIONS = frozenset(("div", "recip", "pow", "intdiv", "mod"))


def divides(region: Term) -> bool:
    """Whether anything is divided in the body: numbers of Python make faults of what NumPy gives a value."""
    pending = list(bodies(region.node))
    while pending:
        for n in pending.pop().nodes:
            if n.op.name in DIVISIONS:
                return True
            pending += bodies(n)
    return False
