"""`for` and `while`: what loop bodies do to the names around them.

A name of an enclosing block that is assigned in the body is carried from turn to turn. It keeps its shape; an int
that a turn makes real is real from the start. All other names of a body are gone after each turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from paramprog.diagnostics import Span, fail
from paramprog.lang.attempt import Attempt
from paramprog.lang.control import BlockNames, CheckBlock, check_one
from paramprog.lang.decide import decide
from paramprog.lang.instance import Info, Instance, Turns
from paramprog.lang.recursion import assigned, comes_back, recurs
from paramprog.lang.syntax import For, Identifier, While
from paramprog.lang.walk import Walk
from paramprog.types import Type

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing

MAX_UNROLLED = 10_000
"""Turns or entries that are typed one by one."""

INT = Info(Type("int", ()))


def check_loop(typing: Typing, statement: For | While, names: BlockNames, block: CheckBlock) -> Walk[None]:
    """Names are carried from turn to turn; the loop is unrolled where a recursive call needs its index."""
    known = set(typing.places)
    for name in assigned(statement.body):
        if name not in known:
            where = f"the loop in line {statement.span.line}"
            typing.gone[name] = (
                f"it lives for one turn of {where}; give it a value before, and it is carried on"
            )
    if isinstance(statement, For):
        indices: range | None = yield _indices(typing, statement)
        checkpoint: int | None = yield _checkpoint(typing, statement)
        turns: Turns = yield _for(typing, statement, indices, block)
        turns = turns._replace(checkpoint=checkpoint)
    else:
        turns = yield _rolled(typing, statement, block)
    typing.instance.loops[statement] = turns
    for name, info in turns.carried.items():
        names.changed.setdefault(name, statement.span)
        typing.locals[name] = info


def _for(typing: Typing, statement: For, indices: range | None, block: CheckBlock) -> Walk[Turns]:
    if indices is None:
        rolled: Turns = yield _rolled(typing, statement, block)
        return rolled
    unrolled = comes_back(typing, statement.body)
    if not unrolled:
        attempt = Attempt(typing)
        rolled = yield _rolled(typing, statement, block)
        if not attempt.failed or not recurs(typing, statement.body):
            return rolled
        attempt.undo()
    turns: Turns = yield _unrolled(typing, statement, indices, block)
    return turns


def _indices(typing: Typing, statement: For) -> Walk[range | None]:
    """The indices in the order of the turns, if they are known at compile time."""
    bounds: list[int | None] = []
    for e in (statement.lower, statement.upper):
        bound: Info = yield decide(typing, e)
        if bound.type != Type("int", ()):
            hint = "convert it: `int(...)`" if bound.type == Type("real", ()) else None
            raise fail("type-mismatch", f"a bound of a range is an int; this is {bound.type}", e.span, hint)
        bounds.append(None if bound.static is None else int(bound.static))
    check_index(typing, statement.name)
    lower, upper = bounds
    if lower is None or upper is None:
        return None
    indices = range(lower, upper)
    return indices[::-1] if statement.backwards else indices


def _checkpoint(typing: Typing, statement: For) -> Walk[int | None]:
    """The number of states that the loop keeps, at least one; None if it may keep all."""
    if statement.checkpoint is None:
        return None
    states: int = yield typing.static_int(statement.checkpoint, "the number of states that a loop keeps")
    if states < 1:
        message = f"a loop keeps at least 1 state, not {states}"
        raise fail("checkpoint-count", message, statement.checkpoint.span)
    return states


def check_index(typing: Typing, name: Identifier) -> None:
    """Raises ProgramError for an index that would hide a name of the function."""
    line = (typing.indices.get(name.text) or typing.places.get(name.text) or name.span).line
    if name.text in typing.indices:
        message = f"`{name.text}` is the index of the loop in line {line} already"
    elif name.text in typing.instance.arguments or name.text in typing.instance.functions:
        message = f"`{name.text}` is an argument and cannot be an index"
    elif name.text in typing.places:
        message = f"`{name.text}` is already assigned in line {line}"
    else:
        return
    raise fail("assigned-twice", message, name.span, "use another name for the index")


def _rolled(typing: Typing, statement: For | While, block: CheckBlock) -> Walk[Turns]:
    """One typing of the body for all turns: an int that a turn makes real is real before the loop."""
    carried: dict[str, Info] = {}
    for name in assigned(statement.body):
        info = typing.locals.get(name)
        if name in typing.places and info is not None:
            carried[name] = Info(info.type)
    while True:
        attempt = Attempt(typing)
        after: dict[str, Info | None] = yield _turn(typing, statement, carried, INT, block)
        grown = _grown(carried, after)
        if not grown:
            return Turns({name: info for name, info in carried.items() if name in after})
        attempt.undo()
        carried |= grown


def _grown(before: Mapping[str, Info], after: Mapping[str, Info | None]) -> dict[str, Info]:
    """The names that a turn makes real."""
    return {
        name: Info(info.type)
        for name, info in after.items()
        if info is not None and name in before and (before[name].type.kind, info.type.kind) == ("int", "real")
    }


def _unrolled(typing: Typing, statement: For, indices: range, block: CheckBlock) -> Walk[Turns]:
    """A typing of the body for each turn, in which the index is known."""
    check_count(len(indices), statement.span)
    before = {
        name: info for name in assigned(statement.body) if (info := typing.locals.get(name)) is not None
    }
    before = {name: info for name, info in before.items() if name in typing.places}
    while True:
        attempt, start = Attempt(typing), dict(before)
        made: list[tuple[int, Instance]] = []
        changed: set[str] = set()
        for index in indices:
            with typing.part() as instance:
                after: dict[str, Info | None] = yield _turn(
                    typing, statement, start, Info(INT.type, index), block
                )
            made.append((index, instance))
            changed |= after.keys()
            grown = _grown(start, after)
            if grown or attempt.failed:
                break
            for name, info in after.items():
                if info is not None and name in start:
                    start[name] = info if info.type == start[name].type else start[name]
        else:
            grown = {}
        if not grown:
            return Turns({name: info for name, info in start.items() if name in changed}, tuple(made))
        attempt.undo()
        before |= grown


def _turn(
    typing: Typing, statement: For | While, start: Mapping[str, Info], index: Info, block: CheckBlock
) -> Walk[dict[str, Info | None]]:
    """What the names of blocks around the loop are after a turn that changes them."""
    names = BlockNames()
    known = set(typing.places)
    with typing.inside():
        typing.locals |= start
        if isinstance(statement, For):
            typing.locals[statement.name.text] = index
            typing.indices[statement.name.text] = statement.name.span
        else:
            condition: Info = yield typing.condition(statement.condition)
            check_one(condition, statement.condition, "a `while` loop")
            if condition.static is True:
                message = "this condition always holds, so the loop would never end"
                raise fail("endless-loop", message, statement.condition.span)
        yield block(typing, statement.body, names)
        return {name: typing.locals[name] for name in names.changed if name in known}


def check_count(count: int, span: Span) -> None:
    """Raises ProgramError where too much would be unrolled."""
    if count > MAX_UNROLLED:
        message = f"{count:,} calls that recur would be made one by one; the limit is {MAX_UNROLLED:,}"
        raise fail("unroll-limit", message, span)
