"""Statements and blocks of them."""

from __future__ import annotations

from paramprog.diagnostics import Span
from paramprog.lang.lines import Deferred
from paramprog.lang.syntax.expressions import Expression, Identifier, Slice, part


@part
class Target:
    """The left side of an assignment: a name, or an update of some entries of an array."""

    name: Identifier
    indices: tuple[Expression | Slice, ...] | None
    span: Span


@part
class Assign(Deferred):
    targets: tuple[Target, ...]
    values: tuple[Expression, ...]
    span: Span


@part
class Block:
    statements: tuple[Statement, ...]
    span: Span


@part
class For:
    """`for name in lower .. upper`; `checkpoint` is the number of states kept, or None."""

    name: Identifier
    lower: Expression
    upper: Expression
    backwards: bool
    checkpoint: Expression | None
    body: Block
    span: Span


@part
class While:
    condition: Expression
    body: Block
    span: Span


@part
class Guarded:
    """`condition { body }` of an `if` statement."""

    condition: Expression
    body: Block


@part
class If:
    """`if c { } else if d { } else { }`: the guarded blocks in order, then the block when none holds."""

    arms: tuple[Guarded, ...]
    otherwise: Block | None
    span: Span


@part
class Return:
    values: tuple[Expression, ...]
    span: Span


Statement = Assign | For | While | If | Return
