"""Comprehensions: `[e for i in 0..m, j in 0..n]` has shape `[m, n, *shape(e)]`, `sum(e for ...)` adds over the indices.

Bounds are known at compile time. The body is typed once, with ints of unknown value as indices; where a recursive call
needs to know them, once for each entry.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

from paramprog.diagnostics import ProgramError, fail
from paramprog.lang.attempt import Attempt
from paramprog.lang.faults import Poisoned, check_size
from paramprog.lang.instance import Entries, Info, Instance, Primitive
from paramprog.lang.recursion import comes_back, parts, recurs
from paramprog.lang.syntax import Comprehension, Fold, Name
from paramprog.lang.tapes import refuse_tape
from paramprog.lang.turns import INT, check_count
from paramprog.lang.walk import Walk
from paramprog.op import OPS
from paramprog.types import Kind, Type, join_kinds

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing

FOLDS = ("sum", "prod", "max", "min", "mean")
NEVER_EMPTY = ("max", "min", "mean")


def comprehension(typing: Typing, e: Comprehension | Fold) -> Walk[Info]:
    """The type of all entries, or of their fold; the plan is noted in the instance."""
    if isinstance(e, Fold):
        _check_fold(typing, e)
    lowers, sizes = yield _ranges(typing, e)
    unrolled: tuple[Instance, ...] | None = None
    if comes_back(typing, e.body):
        entry, unrolled = yield _one_by_one(typing, e, lowers, sizes)
    else:
        attempt = Attempt(typing)
        try:
            info: Info = yield _entry(typing, e, [INT] * len(sizes))
            entry = info.type
        except (ProgramError, Poisoned):
            if not recurs(typing, e.body):
                raise
            attempt.undo()
            entry, unrolled = yield _one_by_one(typing, e, lowers, sizes)
    whole = Type(entry.kind, (*sizes, *entry.shape))
    check_size(whole, e.span)
    fold: Primitive | None = None
    result = Info(whole)
    if isinstance(e, Fold):
        fold = Primitive(OPS[e.function.text], {"axes": tuple(range(len(sizes))), "sizes": sizes}, ())
        result = typing.apply(fold.op, (result,), fold.attrs, e.span)
    typing.instance.entries[e] = Entries(lowers, sizes, entry, fold, unrolled)
    return result


def _check_fold(typing: Typing, e: Fold) -> None:
    """Raises ProgramError for a function that does not fold."""
    name = e.function.text
    found = typing.instance.functions.get(name) or typing.checker.find(name)
    if name not in FOLDS or found is None or found.home is not None:
        message = f"`{name}` does not take `... for ...`; only {', '.join(FOLDS[:-1])} and {FOLDS[-1]} do"
        hint = f"make an array first: `{name}([... for ...])`" if found is not None else None
        raise fail("undefined-function", message, e.function.span, hint)


def _ranges(typing: Typing, e: Comprehension | Fold) -> Walk[tuple[tuple[int, ...], tuple[int, ...]]]:
    """For each clause the first index, and how many there are."""
    lowers: list[int] = []
    sizes: list[int] = []
    names: list[str] = []
    for clause in e.clauses:
        for bound in (clause.lower, clause.upper):
            earlier = [n for n in parts(bound) if isinstance(n, Name) and n.text in names]
            if earlier:
                message = f"the range of `{clause.name.text}` depends on the index `{earlier[0].text}`"
                hint = "take the whole range and leave entries out: `if ... then ... else 0.0`"
                raise fail("not-static", message, bound.span, hint)
        lower: int = yield typing.static_int(clause.lower, "a bound of a comprehension")
        upper: int = yield typing.static_int(clause.upper, "a bound of a comprehension")
        if clause.name.text in names:
            raise fail("duplicate-name", f"`{clause.name.text}` is already an index here", clause.name.span)
        names.append(clause.name.text)
        lowers.append(lower)
        sizes.append(max(upper - lower, 0))
        if not sizes[-1] and isinstance(e, Fold) and e.function.text in NEVER_EMPTY:
            message = f"the {e.function.text} of no entries does not exist"
            raise fail("shape-mismatch", message, clause.span, "only `sum` and `prod` take an empty range")
    return tuple(lowers), tuple(sizes)


def _entry(typing: Typing, e: Comprehension | Fold, indices: list[Info]) -> Walk[Info]:
    """The type of the body for these indices."""
    with typing.inside():
        for clause, index in zip(e.clauses, indices, strict=True):
            typing.locals[clause.name.text] = index
        info: Info = yield typing.expression(e.body)
    refuse_tape(info, e.body.span, "an entry of a comprehension")
    return info


def _one_by_one(
    typing: Typing, e: Comprehension | Fold, lowers: tuple[int, ...], sizes: tuple[int, ...]
) -> Walk[tuple[Type, tuple[Instance, ...]]]:
    """The type that all entries have, and a typing of each."""
    check_count(prod(sizes), e.span)
    made: list[Instance] = []
    found: dict[Type, None] = {}
    for at in product(*(range(low, low + n) for low, n in zip(lowers, sizes, strict=True))):
        with typing.part() as instance:
            info: Info = yield _entry(typing, e, [Info(INT.type, i) for i in at])
        made.append(instance)
        found[info.type] = None
    if not found:
        return (yield _of_none(typing, e, lowers)), ()
    kinds: list[Kind] = [type.kind for type in found]
    first, *others = (type.shape for type in found)
    if any(shape != first for shape in others) or ("bool" in kinds and len(set(kinds)) > 1):
        listed = ", ".join(map(str, found))
        raise fail(
            "shape-mismatch", f"the entries of a comprehension have one type, not {listed}", e.body.span
        )
    return Type(join_kinds(kinds), first), tuple(made)


def _of_none(typing: Typing, e: Comprehension | Fold, lowers: tuple[int, ...]) -> Walk[Type]:
    """The type of the entries of an empty range: what the first one would be; numbers, where there cannot be one."""
    attempt = Attempt(typing)
    try:
        with typing.part():
            info: Info = yield _entry(typing, e, [Info(INT.type, low) for low in lowers])
        return info.type
    except (ProgramError, Poisoned):
        if not isinstance(e, Fold):
            raise
        attempt.undo()
        return INT.type
