"""Statements, run by the interpreter: plain Python control flow on NumPy values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from paramprog.diagnostics import ProgramError
from paramprog.lang.duals import each
from paramprog.lang.instance import Info, Instance, Turns
from paramprog.lang.interpret_calls import call
from paramprog.lang.interpret_values import convert, entries
from paramprog.lang.lazy import Holes, first_fault, nothing
from paramprog.lang.runs import Run
from paramprog.lang.slices import made_of
from paramprog.lang.syntax import Assign, Call, For, If, Return, Statement, Target, While
from paramprog.lang.walk import Walk

if TYPE_CHECKING:
    from paramprog.lang.interpret import Frame


def block(frame: Frame, statements: Sequence[Statement]) -> Walk[list[Any]]:
    """The values returned, none if nothing is. What a second run is not made for is left out."""
    if frame.stop is not None:
        statements = made_of(tuple(statements), frame.stop.operator, frame.stop.output)
    for s in statements:
        returned: list[Any] = []
        if isinstance(s, Return):
            for e in s.values:
                value = yield frame.expression(e)
                returned.append(value)
        elif isinstance(s, If):
            returned = yield _choice(frame, s)
        elif isinstance(s, Assign):
            frame.instance.annotate(s)
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
            frame.assign(target.name.text, value)
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
    old = frame.scope[name]
    where: list[Any] = [slice(None)] * np.ndim(old)
    for cut in plan.cuts:
        where[cut.axis] = cut.where()
    shape = np.shape(np.zeros(np.shape(old))[tuple(where)]) if plan.run_time else np.shape(old)
    at: list[Any] = [slice(None)] * len(shape) if plan.run_time else where
    for item, i in zip(plan.run_time, items, strict=True):
        try:
            at[item.axis] = entries(item, i, shape[item.axis])
        except ProgramError as fault:
            if not frame.lazy:
                raise
            frame.scope[name] = nothing(fault)
            return

    def put(array: Any, new: Any) -> Any:
        array = np.array(array)
        view = array[tuple(where)] if plan.run_time else array
        view[tuple(at)] = new
        return array

    frame.assign(name, each(put, old, convert(value, frame.instance.info[target].type.kind)))


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
    _assigned(frame, after)
    return returned


def _for(frame: Frame, s: For) -> Walk[None]:
    plan = frame.instance.loops[s]
    lower = yield frame.expression(s.lower)
    upper = yield frame.expression(s.upper)
    if (missing := first_fault([lower, upper])) is not None:
        _lost(frame, plan.carried, missing)
        return
    if _follows(frame, s):
        run = frame.path.pop(0)
        yield _turn(frame, s, plan, {s.name.text: run.scope[s.name.text]}, run.instance, run)
    _begin(frame, plan)
    indices = range(int(lower), int(upper))
    turns: Iterable[tuple[int, Instance | None]] = (
        (i, None) for i in (indices[::-1] if s.backwards else indices)
    )
    for i, instance in plan.unrolled or turns:
        yield _turn(frame, s, plan, {s.name.text: np.int64(i)}, instance)


def _while(frame: Frame, s: While) -> Walk[None]:
    plan = frame.instance.loops[s]
    if _follows(frame, s):
        run = frame.path.pop(0)
        yield _turn(frame, s, plan, {}, run.instance, run)
    _begin(frame, plan)
    while True:
        holds = yield frame.expression(s.condition)
        if isinstance(holds, Holes):
            _lost(frame, plan.carried, holds.fault)
            return
        if not holds:
            return
        frame.turns.another(s.span)
        yield _turn(frame, s, plan, {})


def _begin(frame: Frame, plan: Turns) -> None:
    """The names that a loop carries, before its first turn."""
    kept = _kept(frame.scope, plan.carried)
    if plan.unrolled is None:
        _assigned(frame, kept)
    else:
        frame.scope |= kept


def _assigned(frame: Frame, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        frame.assign(name, value)


def _follows(frame: Frame, s: For | While) -> bool:
    """Whether the run is made for an operator in a turn of this loop, which it enters at once."""
    return bool(frame.path) and frame.path[0].loop is s


def _turn(
    frame: Frame,
    s: For | While,
    plan: Turns,
    index: Mapping[str, Any],
    instance: Instance | None = None,
    again: Run | None = None,
) -> Walk[None]:
    """One turn; a turn that is run `again` begins with what it carried then."""
    names = dict(index)
    if again is not None:
        names |= {name: again.scope[name] for name in plan.carried}
        names |= {m.name: m.on(names[m.name]) for m in frame.fresh if m.key is again.key and m.nth == 0}
    with frame.inside(names, instance), frame.turn(_run_of(frame, s, plan, again)):
        yield block(frame, s.body.statements)
        after = _kept(frame.scope, plan.carried)
    if plan.unrolled is None:
        _assigned(frame, after)
    else:
        frame.scope |= after


def _run_of(frame: Frame, s: For | While, plan: Turns, again: Run | None) -> Run | None:
    """A turn, where there are derivative operators."""
    if frame.run is None:
        return None
    carried = {name: frame.scope[name] for name in plan.carried}
    key = again.key if again is not None else None
    return Run(s.body.statements, dict(frame.scope), frame.instance, s, carried, frame.run, key)
