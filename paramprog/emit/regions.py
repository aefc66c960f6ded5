"""Regions as statements: loops, branches, and comprehensions entry by entry; all their parts have names afterwards.

z_all = zeros(4, 3)                     the history of z, which the adjoint needs
h = zeros(3)
for t in 0..4 {
    z = W @ h + U @ x[t]
    z_all[t] = z
    h = tanh(z)
}
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from paramprog.emit.arrays import array, stem, wanted
from paramprog.emit.block import Block, codes_of
from paramprog.emit.code import Code, Suite
from paramprog.emit.entries import EntryBlock, divides, index_names, leaf_text, name_indices
from paramprog.emit.language import is_ragged
from paramprog.emit.loops import LoopWriter
from paramprog.emit.names import Names
from paramprog.emit.sites import Term
from paramprog.emit.statements import Statement
from paramprog.emit.tapes import rows
from paramprog.emit.written import Written, indexed, total
from paramprog.graph import PART, Result
from paramprog.graph.region import Key
from paramprog.transfer.loops import Loop
from paramprog.transfer.regions import is_summed


class RegionWriter:
    """Writes the regions of all blocks."""

    def write(self, block: Block, region: Term) -> None:
        """Write the statements of a region, which give all its parts their names.

        Raises ProgramError for a loop that the language has no words for.
        """
        form = block.arms.forms.form(region)
        if form == "loop":
            LoopWriter(block, region).write()
        elif form == "if":
            write_if(block, region)
        elif form == "entries":
            self._entries(block, region, wanted(block, region))
        else:
            write_entry_by_entry(block, region)

    def collected(self, block: Block, part: Term) -> Written:
        """A part of a comprehension as an expression."""
        region = Term(part.site, part.node.args[0])
        key = part.node.attrs["of"]
        return self._entries(block, region, [key], inline=True)[key]

    def start(self, block: Block, part: Term) -> Term | None:
        """What a loop starts with, for the last value of something that it carries."""
        node = part.node
        if (
            node.op is not PART
            or not isinstance(node.args[0].op, Loop)
            or not isinstance(node.attrs["of"], Result)
        ):
            return None
        region = node.args[0]
        carry, _ = region.attrs["next"][node.attrs["of"].number]
        outer = dict(zip(region.attrs["ports"], region.args[1:], strict=True))
        return block.terms.resolved(Term(part.site, outer[carry]))

    def leaf(self, block: Block, term: Term) -> Written:
        """A leaf of the body of a loop or comprehension."""
        found = leaf_text(block, term)
        assert found is not None, f"{term.node!r} has no text"
        return found

    def _entries(
        self, block: Block, region: Term, keys: Sequence[Key], *, inline: bool = False
    ) -> dict[Key, Written]:
        """Comprehensions for some parts, and statements for what their entries mention more than once."""
        forms = block.arms.forms
        inner = EntryBlock(block, region, inline=inline)
        roots = {k: forms.entry(region, k) for k in keys}
        inner.plan([(root, ()) for root in roots.values()])
        found: dict[Key, Written] = {}
        for key, root in roots.items():
            part = block.terms.bodies.part(region, key)
            entry = inner.require(root)
            summed = is_summed(region.node, key)
            whole = inner.arrays.get(root)
            if whole is not None and not summed:
                found[key] = Written(whole)
            else:
                found[key] = (inner.added if summed else inner.collected)(entry, part.node.type)
            if not inline:
                _give(block, part, found[key])
        return found


def _give(block: Block, part: Term, value: Written) -> None:
    """Let a part stand where it is used, if it is short and used once, or have a name."""
    if value.text.isidentifier() or (block.forced(part) is None and block.stands_inline(part, value)):
        block.written[part] = value
        return
    name = block.forced(part) or block.name(part)
    block.statements.append(Statement(part, name, [block.language.assigned(name, value)]))
    block.written[part] = Written(name)


# ---- branches ----------------------------------------------------------------------------------------------------


def write_if(block: Block, region: Term) -> None:
    """`if c { } else { }`: both arms give every part its name."""
    terms, language = block.terms, block.language
    parts = [terms.bodies.part(region, k) for k in wanted(block, region)]
    names = [block.forced(p) or block.name(p) for p in parts]
    (condition,) = terms.operands(parts[0])
    head = block.last(parts[0].node, condition).text
    arms: list[tuple[str | None, Sequence[Code]]] = []
    for which in (0, 1):
        ends = [terms.arms(p)[which] for p in parts]
        made = region.site.sites.get((region.node, which, None))
        side = made.side if made is not None else None
        inner = Block(block.writer, side, block.names, {}, outer=block)
        inner.plan([(t, [name]) for t, name in zip(ends, names, strict=True) if t is not None])
        for part, end, name in zip(parts, ends, names, strict=True):
            if end is not None:
                inner.require(end)
                if end in block.writer.orders:
                    block.writer.orders[part] = block.writer.orders[end]
                continue
            # the history of the other side: nothing reads it
            ragged = is_ragged(part.node.shape)
            nothing = language.started(part.node.type) if ragged else language.zeros(part.node.type)
            inner.statements.append(Statement(part, name, [language.assigned(name, nothing)]))
        arms.append((head if which == 0 else None, codes_of(inner)))
    block.statements.append(Statement(region, "", [Suite("if", arms)]))
    for part, name in zip(parts, names, strict=True):
        block.written[part] = Written(name)


# ---- comprehensions ----------------------------------------------------------------------------------------------


def write_entry_by_entry(block: Block, region: Term) -> None:
    """A loop over the entries, for an entry that takes statements."""
    terms, language = block.terms, block.language
    keys = wanted(block, region)
    parts = [terms.bodies.part(region, k) for k in keys]
    scope = Names(around=block.names, turn=True)
    indices = index_names(region, scope)
    site = terms.bodies.inside(region)
    name_indices(site, indices)
    # entries may be computed in any order: that of the tapes
    sizes = region.node.args[0].shape
    down = _reads_tapes(block, region)
    taken = rows(block, region, site, scope, Written(str(prod(sizes))), up=not down)
    inner = Block(block.writer, site.side, scope, taken.known, outer=block)
    roots = [block.arms.forms.entry(region, k) for k in keys]
    inner.plan([(root, ()) for root in roots])
    for key, root, part in zip(keys, roots, parts, strict=True):
        value = inner.require(root)
        hint = block.writer.hints.get(part.node)
        word = hint or f"{stem(value, block.writer.hints.get(root.node))}_all"
        name = array(block, part, root, word, len(indices), up=not down)
        if is_summed(region.node, key):
            join = language.either if root.node.kind == "bool" else total
            line = language.assigned(name, join(Written(name), value))
        elif language.on_tape(part.node.shape):
            line = language.appended(name, value)
        else:
            line = f"{indexed(Written(name), indices).text} = {value.text}"
        inner.statements.append(Statement(root, "", [line]))
    codes: list[Code] = [*taken.lines, *codes_of(inner)]
    for index, n in reversed(list(zip(indices, sizes, strict=True))):
        head = language.turns(index, Written(str(n)), reverse=down, exact=divides(region))
        codes = [Suite("for", [(head, codes)])]
    block.statements.append(Statement(region, "", codes))


def _reads_tapes(block: Block, region: Term) -> bool:
    """Whether entries take off tapes what others put there counting up."""
    site = block.terms.bodies.inside(region)
    mentioned = {t for t, _ in block.arms.forms.references(region)}
    arrays = [row.array for leaf, row in site.rows.items() if leaf in site.live and row.array in mentioned]
    tapes = [a for a in arrays if block.language.on_tape(a.node.shape)]
    return any(block.writer.orders[a][0] for a in tapes)
