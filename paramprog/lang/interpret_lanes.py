"""Conditionals lane by lane, and comprehensions entry by entry: what is not selected is not evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from paramprog.diagnostics import ProgramError
from paramprog.lang.duals import each
from paramprog.lang.instance import Arms, BaseCall, Mapped, Primitive
from paramprog.lang.interpret_values import assembled, convert
from paramprog.lang.lazy import Holes, nothing
from paramprog.lang.syntax import (
    Call,
    Chain,
    Compare,
    Comprehension,
    Conditional,
    Expression,
    Fold,
    Negate,
    Not,
    Power,
)
from paramprog.lang.walk import Walk
from paramprog.types import Shape

if TYPE_CHECKING:
    from paramprog.lang.interpret import Frame


UNWANTED = ProgramError([])
"""The fault of an entry that is not selected, which nobody is told."""


def by_lane(frame: Frame, e: Expression) -> bool:
    """Whether an entry of `e` sees the same entry of its parts only."""
    target = frame.instance.targets.get(e)
    if isinstance(e, Chain):
        targets = [frame.instance.targets.get(link) for link in e.links]
        return all(t.op.elementwise for t in targets if isinstance(t, Primitive))
    if isinstance(e, Call):
        return isinstance(target, BaseCall | Mapped) or (
            isinstance(target, Primitive) and target.op.elementwise
        )
    return isinstance(e, Compare | Negate | Not | Power | Conditional | Comprehension)


def is_wanted(frame: Frame, sizes: Shape, at: tuple[int, ...]) -> bool:
    """Whether an entry is selected."""
    return frame.wanted is None or np.shape(frame.wanted) != sizes or bool(frame.wanted[at])


def conditional(frame: Frame, e: Conditional) -> Walk[Any]:
    """Lane by lane for array conditions: an arm that no lane selects is not evaluated."""
    plan, info = frame.instance.arms[e], frame.instance.info[e]
    kind, shape = info.type.kind, info.type.shape or frame.lanes
    if not plan.arms or not shape:
        value = yield _one_of(frame, plan)
        return convert(value, kind)
    sides = [(arm.condition, arm.value) for arm in plan.arms]
    open_lanes: Any = np.ones(shape, np.bool_)
    out: Any = convert(np.zeros(shape), kind)
    bad: Any = np.zeros(shape, np.bool_)
    fault: ProgramError | None = None
    for condition, side in (*sides, (None, plan.otherwise)):
        if not np.any(open_lanes):
            break
        chosen: Any = np.True_
        if condition is not None:
            chosen = yield frame.expression(condition)
        if isinstance(chosen, Holes):
            bad, fault = bad | open_lanes & chosen.bad, chosen.fault
            open_lanes = open_lanes & ~chosen.bad
            chosen = np.False_ if chosen.value is None else chosen.value
        chosen = open_lanes & chosen
        open_lanes = open_lanes & ~chosen
        if not np.any(chosen):
            continue
        wanted = chosen if np.shape(frame.wanted) != np.shape(chosen) else chosen & frame.wanted
        value = yield frame.selecting(wanted, side, lazy=True)
        if isinstance(value, Holes):
            bad, fault = bad | chosen & value.bad, value.fault
            value = out if value.value is None else value.value
        out = _chosen(chosen, convert(value, kind), out)
    if fault is None or not np.any(bad):
        return out
    if not frame.lazy:
        raise fault
    return Holes(out, bad, fault)


def _chosen(where: Any, value: Any, other: Any) -> Any:
    return each(lambda a, b: np.where(where, a, b), value, other)


def _one_of(frame: Frame, plan: Arms) -> Walk[Any]:
    """A conditional of one lane."""
    for arm in plan.arms:
        condition = yield frame.expression(arm.condition)
        if isinstance(condition, Holes):
            return condition
        if condition:
            value = yield frame.expression(arm.value)
            return value
    value = yield frame.expression(plan.otherwise)
    return value


def comprehension(frame: Frame, e: Comprehension | Fold) -> Walk[Any]:
    """The body for one entry after the other."""
    plan = frame.instance.entries[e]
    values: list[Any] = []
    for k, at in enumerate(np.ndindex(plan.sizes)):
        if not is_wanted(frame, plan.sizes, at):
            values.append(nothing(UNWANTED))
            continue
        indices = zip(e.clauses, plan.lowers, at, strict=True)
        names = {clause.name.text: np.int64(low + i) for clause, low, i in indices}
        with frame.inside(names, plan.unrolled[k] if plan.unrolled is not None else None):
            value = yield frame.selecting(None, e.body, lazy=frame.lazy)
        values.append(value)
    made = assembled(values, plan.sizes, plan.entry)
    return made if plan.fold is None else frame.apply(plan.fold.op, [made], e.span, plan.fold.attrs)
