"""Values known at compile time: of expressions that depend on literals, dims and consts alone.

Ints and bools are folded while they are typed (`static.py`). Beyond that, a condition may compare reals (`eps > 0.1`)
and a size may be computed from them (`int(sqrt(c))`); these are evaluated by the interpreter when they are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramprog.lang.instance import Info, Inlined, Mapped, Primitive
from paramprog.lang.interpret import constant_value
from paramprog.lang.syntax import (
    Call,
    Chain,
    Compare,
    Comprehension,
    Conditional,
    Expression,
    Fold,
    Index,
    ListLiteral,
    Name,
    Negate,
    Not,
    Power,
    Slice,
)
from paramprog.lang.walk import Walk

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing


def decide(typing: Typing, e: Expression) -> Walk[Info]:
    """The type of `e`, with its value if it is one int or bool that can be known now; noted in the instance."""
    info: Info = yield typing.expression(e)
    if info.static is None and info.type.kind != "real" and not info.type.shape and is_constant(typing, e):
        value = yield constant_value(typing.instance, e)
        info = typing.instance.info[e] = Info(info.type, value.item())
    return info


def is_constant(typing: Typing, e: Expression) -> bool:
    """Whether `e`, which has been typed, mentions no argument, no local name and no param."""
    instance = typing.instance
    pending = [e]
    while pending:
        part = pending.pop()
        if instance.info[part].static is not None:
            continue
        if isinstance(part, Comprehension | Fold) and instance.entries[part].unrolled is not None:
            return False
        if isinstance(part, Name) and (part.text in typing.locals or typing.checker.is_param(part.text)):
            return False
        target = instance.targets.get(part)
        if isinstance(target, Mapped):
            target = target.inlined
        if isinstance(target, Inlined) and target.instance.mentions is not None:
            return False
        pending += _parts(typing, part)
    return True


def _parts(typing: Typing, e: Expression) -> list[Expression]:
    """The typed expressions that `e` is made of."""
    instance = typing.instance
    if isinstance(e, Chain):
        return [e.first, *(k.operand for k in e.links if isinstance(instance.targets.get(k), Primitive))]
    if isinstance(e, Compare):
        return [e.left, e.right]
    if isinstance(e, Power):
        return [e.base, e.exponent]
    if isinstance(e, Negate | Not):
        return [e.operand]
    if isinstance(e, ListLiteral):
        return list(e.items)
    if isinstance(e, Conditional):
        plan = instance.arms[e]
        return [plan.otherwise, *(x for arm in plan.arms for x in (arm.condition, arm.value))]
    if isinstance(e, Index):
        starts = [item.start for item in instance.indices[e].run_time if item.offsets is not None]
        return [e.base, *starts, *(i for i in e.items if not isinstance(i, Slice))]
    if isinstance(e, Comprehension | Fold):
        return [e.body]
    if isinstance(e, Call):
        return [x for x in instance.targets[e].operands if x is not None and x in instance.info]
    return []
