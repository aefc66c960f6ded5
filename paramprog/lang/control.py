"""`if` statements: what arms do to the names around them.

A name of an enclosing block that an arm assigns is merged: it keeps its shape, and its kind is joined. A name that
every arm makes, of one shape, is visible after them; the others are not, and their use is told why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from paramprog.diagnostics import Span, fail
from paramprog.lang.faults import shape_text
from paramprog.lang.instance import Choice, Info
from paramprog.lang.syntax import Block, Expression, Guarded, If
from paramprog.lang.walk import Walk
from paramprog.types import ShapeError, Type, join_kinds

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing


@dataclass(eq=False)
class BlockNames:
    """The names that a block has assigned by itself, and all that it has changed, each with the first place."""

    assigned: dict[str, Span] = field(default_factory=dict)
    changed: dict[str, Span] = field(default_factory=dict)


CheckBlock: TypeAlias = "Callable[[Typing, Block, BlockNames], Walk[None]]"


@dataclass(eq=False)
class _Side:
    """One arm, checked: what it has changed, what names are then, whether it returns."""

    names: BlockNames
    locals: Mapping[str, Info | None]
    returned: bool
    span: Span


def check_if(typing: Typing, statement: If, names: BlockNames, block: CheckBlock) -> Walk[None]:
    """An `if` whose conditions are known at compile time is the block chosen."""
    arms: list[Guarded] = []
    otherwise = statement.otherwise
    for arm in statement.arms:
        condition: Info = yield typing.condition(arm.condition)
        if condition.static is False:
            continue
        if condition.static is True:
            otherwise = arm.body
            break
        check_one(
            condition, arm.condition, "an `if` statement", "`if c then a else b` selects entry by entry"
        )
        arms.append(arm)
    if not arms:
        merged: dict[str, Info] = yield _decided(typing, otherwise, names, block)
        typing.instance.choices[statement] = Choice((), otherwise, merged)
        return
    sides: list[_Side] = []
    for body in (*(arm.body for arm in arms), otherwise):
        side: _Side = yield _side(typing, body, statement.span, block)
        sides.append(side)
    typing.returned = _all_return(typing, statement, sides)
    merged = {} if typing.returned else _merged(typing, statement, sides, names)
    typing.instance.choices[statement] = Choice(tuple(arms), otherwise, merged, typing.returned)


def check_one(condition: Info, e: Expression, what: str, hint: str | None = None) -> None:
    """Raises ProgramError for a condition that is an array."""
    if condition.type.shape:
        raise fail(
            "type-mismatch", f"the condition of {what} is one bool; this is {condition.type}", e.span, hint
        )


def _decided(
    typing: Typing, body: Block | None, names: BlockNames, block: CheckBlock
) -> Walk[dict[str, Info]]:
    """The only block that there is: its names stay visible, those of blocks around it are as ever."""
    inside = BlockNames()
    before, known = dict(typing.locals), set(typing.places)
    if body is not None:
        yield block(typing, body, inside)
    merged: dict[str, Info] = {}
    for name, place in inside.changed.items():
        names.changed.setdefault(name, place)
        if name not in known:
            names.assigned.setdefault(name, place)
            continue
        old, new = before[name], typing.locals[name]
        if old is not None and new is not None:
            if old.type != new.type:
                new = Info(Type(join_kinds([old.type.kind, new.type.kind]), new.type.shape))
            merged[name] = typing.locals[name] = new
    return merged


def _side(typing: Typing, body: Block | None, span: Span, block: CheckBlock) -> Walk[_Side]:
    """One arm, where names are as before the `if`."""
    names = BlockNames()
    with typing.inside():
        typing.returned = False
        if body is not None:
            yield block(typing, body, names)
        side = _Side(names, typing.locals, typing.returned, body.span if body is not None else span)
    typing.returned = False
    return side


def _all_return(typing: Typing, statement: If, sides: Sequence[_Side]) -> bool:
    """Whether all arms return. Raises ProgramError when only some do."""
    if typing.doubtful or len({side.returned for side in sides}) == 1:
        return all(side.returned for side in sides)
    span = next(side.span for side in sides if not side.returned)
    message = "an arm of this `if` ends with `return`, and this one does not"
    if statement.otherwise is None and span is statement.span:
        message = "an arm of this `if` ends with `return`, and it has no `else` that does"
    raise fail("no-return", message, span, "the last statement returns, or every arm of an `if` that is last")


def _merged(typing: Typing, statement: If, sides: Sequence[_Side], names: BlockNames) -> dict[str, Info]:
    """The names that come out of the arms, and what they are then."""
    merged: dict[str, Info] = {}
    changed = {name: place for side in sides for name, place in side.names.changed.items()}
    for name, place in changed.items():
        infos = [side.locals.get(name) for side in sides]
        new = name not in typing.places
        reason = _why_hidden(name, statement, sides) if new else None
        if reason is not None:
            typing.gone[name] = reason
            continue
        names.changed.setdefault(name, place)
        if new:
            names.assigned.setdefault(name, place)
            typing.places[name] = place
        known = [info.type for info in infos if info is not None]
        if len(known) < len(infos):
            typing.locals[name] = None
        else:
            kind = join_kinds([type.kind for type in known])
            merged[name] = typing.locals[name] = Info(Type(kind, known[0].shape))
    return merged


def _why_hidden(name: str, statement: If, sides: Sequence[_Side]) -> str | None:
    """Why a name that arms make is not visible after them; None if it is."""
    line = statement.span.line
    made = [side.locals[name] for side in sides if name in side.names.changed]
    if len(made) < len(sides):
        some = "only one arm" if len(made) == 1 else "some arms only"
        return f"it is assigned in {some} of the `if` in line {line}; give it a value before, or in every arm"
    types = [info.type for info in made if info is not None]
    shapes = list(dict.fromkeys(type.shape for type in types))
    if len(shapes) > 1:
        first, second = map(shape_text, shapes[:2])
        return f"it {first} in one arm of the `if` in line {line}, and {second} in another"
    try:
        join_kinds([type.kind for type in types])
    except ShapeError:
        return f"it is a bool in one arm of the `if` in line {line}, and a number in another"
    return None
