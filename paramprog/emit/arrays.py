"""The arrays that loops fill row by row, and what is wanted of a region at all."""

from __future__ import annotations

from paramprog.emit.block import Block
from paramprog.emit.code import MARK
from paramprog.emit.language import is_ragged
from paramprog.emit.sites import Term, order
from paramprog.emit.statements import Statement
from paramprog.emit.written import Written
from paramprog.graph import Node, Result
from paramprog.graph.region import Key


def wanted(block: Block, region: Term) -> list[Key]:
    """What a block mentions of a region: nodes in order, then results."""
    bodies = region.node.attrs["bodies"]
    keys = block.terms.bodies.keys(region)
    parts = {k: block.terms.bodies.part(region, k) for k in keys}
    used = [k for k, p in parts.items() if block.uses(p) or block.forced(p) is not None]
    nodes = sorted((k for k in used if isinstance(k, Node)), key=lambda k: (bodies.index(k.graph), *order(k)))
    return [*nodes, *sorted((k for k in used if isinstance(k, Result)), key=lambda k: k.number)]


def stem(value: Written, hint: str | None) -> str:
    """What an array of values is called after."""
    named = value.text.isidentifier() and not value.text.startswith(MARK)
    return value.text if named else hint or "t"


def array(block: Block, part: Term, row: Term, stem: str, rank: int = 1, *, up: bool = True) -> str:
    """The name of an array that a region fills with what `row` is, once it has been made.

    `rank` axes of it are indexed; a tape is filled counting `up` or down.
    """
    name = block.forced(part) or block.names.take(stem)
    type = part.node.type
    if is_ragged(type.shape[rank:]):
        block.language.lists.add(name)
    if block.language.on_tape(type.shape):
        block.writer.orders[part] = (up, *block.writer.orders.get(row, ()))
    made = block.language.started(type, rank) if is_ragged(type.shape) else block.language.zeros(type)
    block.statements.append(Statement(part, name, [block.language.assigned(name, made)]))
    block.written[part] = Written(name)
    return name
