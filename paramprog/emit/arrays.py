"""The arrays that loops fill row by row, and what is wanted of a region at all."""

from __future__ import annotations

from paramprog.diagnostics import fail
from paramprog.emit.block import Block
from paramprog.emit.code import MARK
from paramprog.emit.sites import Term, order
from paramprog.emit.statements import Statement
from paramprog.emit.written import Written
from paramprog.graph import Node, Result
from paramprog.graph.region import Key
from paramprog.types import Shape, Size


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


def is_ragged(shape: Shape) -> bool:
    """Whether there is a size that is known at run time only."""
    return any(isinstance(n, Size) for n in shape)


def check_sizes(block: Block, region: Term, part: Term) -> None:
    """Raises ProgramError for an array of a size known at run time only, in a language that has none."""
    if is_ragged(part.node.shape) and not block.language.has_lists:
        message = (
            "the adjoint of a loop whose number of turns is known at run time only cannot be printed in the "
            "language itself: what its turns compute would have to be kept on a tape"
        )
        raise fail("not-printable", message, region.node.span, "print it in Python: `--emit python`")


def array(block: Block, region: Term, part: Term, stem: str, rank: int = 1) -> str:
    """The name of an array that a region fills row by row, once it has been made; `rank` axes of it are indexed."""
    check_sizes(block, region, part)
    name = block.forced(part) or block.names.take(stem)
    type = part.node.type
    if is_ragged(type.shape[rank:]):
        block.language.lists.add(name)
    made = block.language.rows(type.shape[:rank]) if is_ragged(type.shape) else block.language.zeros(type)
    block.statements.append(Statement(part, name, [block.language.assigned(name, made)]))
    block.written[part] = Written(name)
    return name
