"""Statements, run by the interpreter: plain Python control flow on NumPy values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from paramprog.diagnostics import ProgramError
from paramprog.lang.instance import Info, Instance, Turns
from paramprog.lang.interpret_calls import call
from paramprog.lang.interpret_values import convert, entries
from paramprog.lang.lazy import Holes, first_fault, nothing
from paramprog.lang.syntax import Assign, Call, For, If, Return, Statement, Target, While
from paramprog.lang.walk import Walk

if TYPE_CHECKING:
    from paramprog.lang.interpret import Frame


def block(frame: Frame, statements: Sequence[Statement]) -> Walk[list[Any]]:
    """The values returned, none if nothing is."""
    for s in statements:
        returned: list[Any] = []
        if isinstance(s, Return):
            for e in s.values:
                value = yield frame.expression(e)
                returned.append(value)
        elif isinstance(s, If):
            returned = yield _choice(frame, s)
        elif isinstance(s, Assign):
            yield _assign(frame, s)
        elif isinstance(s, For):
            yield _for(frame, s)
        else:
            yield _while(frame, s)
        if returned:
            return returned
    return []


def _assign(frame: Frame, s: Assign) -> Walk[None]:
    values: list[Any] = []
    for e in s.values:
        if isinstance(e, Call) and len(s.targets) > len(s.values):
            several: list[Any] = yield call(frame, e)
            values.extend(several)
        else:
            value = yield frame.expression(e)
            values.append(value)
    for target, value in zip(s.targets, values, strict=True):
        if target.indices is None:
            frame.scope[target.name.text] = value
        else:
            yield _update(frame, target, value)


def _update(frame: Frame, target: Target, value: Any) -> Walk[None]:
    """A copy of the array with some entries replaced, by plain NumPy indexing."""
    name, plan = target.name.text, frame.instance.indices[target]
    items: list[Any] = []
    for item in plan.run_time:
        i = yield frame.expression(item.start)
        items.append(i)
    if (missing := first_fault([frame.scope[name], value, *items])) is not None:
        frame.scope[name] = nothing(missing)
        return
    array = np.array(frame.scope[name])
    where: list[Any] = [slice(None)] * array.ndim
    for cut in plan.cuts:
        where[cut.axis] = cut.where()
    view = array[tuple(where)] if plan.run_time else array
    at: list[Any] = [slice(None)] * view.ndim if plan.run_time else where
    for item, i in zip(plan.run_time, items, strict=True):
        try:
            at[item.axis] = entries(item, i, view.shape[item.axis])
        except ProgramError as fault:
            if not frame.lazy:
                raise
            frame.scope[name] = nothing(fault)
            return
    view[tuple(at)] = convert(value, frame.instance.info[target].type.kind)
    frame.scope[name] = array


# ---- if, for, while ----------------------------------------------------------------------------------------------


def _kept(values: Mapping[str, Any], names: Mapping[str, Info]) -> dict[str, Any]:
    """These names, as what they are around a block."""
    return {name: convert(values[name], info.type.kind) for name, info in names.items()}


def _lost(frame: Frame, names: Iterable[str], fault: ProgramError) -> None:
    """In an arm of which some lanes are selected: what depends on a value that does not exist does not exist."""
    frame.scope |= {name: nothing(fault) for name in names}


def _choice(frame: Frame, s: If) -> Walk[list[Any]]:
    plan = frame.instance.choices[s]
    chosen = plan.otherwise
    for arm in plan.arms:
        condition = yield frame.expression(arm.condition)
        if isinstance(condition, Holes):
            _lost(frame, plan.merged, condition.fault)
            return [nothing(condition.fault) for _ in frame.instance.results] if plan.returns else []
        if condition:
            chosen = arm.body
            break
    statements = chosen.statements if chosen is not None else ()
    if not plan.arms:
        returned: list[Any] = yield block(frame, statements)
        frame.scope |= _kept(frame.scope, plan.merged)
        return returned
    with frame.inside({}):
        returned = yield block(frame, statements)
        after = {} if returned else _kept(frame.scope, plan.merged)
    frame.scope |= after
    return returned


def _for(frame: Frame, s: For) -> Walk[None]:
    plan = frame.instance.loops[s]
    lower = yield frame.expression(s.lower)
    upper = yield frame.expression(s.upper)
    if (missing := first_fault([lower, upper])) is not None:
        _lost(frame, plan.carried, missing)
        return
    frame.scope |= _kept(frame.scope, plan.carried)
    indices = range(int(lower), int(upper))
    turns: Iterable[tuple[int, Instance | None]] = (
        (i, None) for i in (indices[::-1] if s.backwards else indices)
    )
    for i, instance in plan.unrolled or turns:
        yield _turn(frame, s, plan, {s.name.text: np.int64(i)}, instance)


def _while(frame: Frame, s: While) -> Walk[None]:
    plan = frame.instance.loops[s]
    frame.scope |= _kept(frame.scope, plan.carried)
    while True:
        holds = yield frame.expression(s.condition)
        if isinstance(holds, Holes):
            _lost(frame, plan.carried, holds.fault)
            return
        if not holds:
            return
        frame.turns.another(s.span)
        yield _turn(frame, s, plan, {})


def _turn(
    frame: Frame, s: For | While, plan: Turns, index: Mapping[str, Any], instance: Instance | None = None
) -> Walk[None]:
    with frame.inside(index, instance):
        yield block(frame, s.body.statements)
        after = _kept(frame.scope, plan.carried)
    frame.scope |= after
