"""`x[i, a:b]`: static indices and slices become cuts, ints known at run time become gathers.

A slice may begin at run time if its length is known: `stop - start` is a number when both are written as sums of the
same terms, as in `x[i : i + 2]`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from paramprog.diagnostics import Span, fail
from paramprog.lang.decide import decide
from paramprog.lang.faults import counted
from paramprog.lang.instance import IndexPlan, Info, Instance, RunTime
from paramprog.lang.syntax import Chain, Expression, Index, Negate, Slice
from paramprog.lang.tapes import refuse_tape
from paramprog.lang.walk import Walk
from paramprog.transfer.select import Cut
from paramprog.types import Shape, Type, dims_text

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing


def index(typing: Typing, e: Index) -> Walk[Info]:
    """The type of `base[items]`; the plan is noted in the instance."""
    base: Info = yield typing.expression(e.base)
    refuse_tape(base, e.base.span, f"`{e.base.span.text}`, which is indexed here,")
    plan, shape = yield index_plan(typing, base.type.shape, e.items, e.base.span.text, e.span)
    typing.instance.indices[e] = plan
    return Info(Type(base.type.kind, shape))


def index_plan(
    typing: Typing, shape: Shape, items: Sequence[Expression | Slice], base: str, span: Span
) -> Walk[tuple[IndexPlan, Shape]]:
    """How some entries of an array are reached, and the shape that they have together."""
    if len(items) > len(shape):
        what = f"{base} has shape {dims_text(shape)}" if shape else f"{base} is a scalar"
        raise fail(
            "index-count",
            f"{counted(len(items), 'index', 'indices')} for {counted(len(shape), 'axis', 'axes')}: {what}",
            span,
        )
    cuts: list[Cut] = []
    run_time: list[RunTime] = []
    sizes: list[int] = []
    for axis, item in enumerate(items):
        size = shape[axis]
        if isinstance(item, Slice):
            found: Cut | tuple[Expression, range] = yield _range(typing, item, axis, size)
            if not isinstance(found, Cut):
                run_time.append(RunTime(len(sizes), *found))
                sizes.append(size)
                continue
            cut = found
            sizes.append(cut.length or 0)
            if (cut.start, cut.length, cut.step) != (0, size, 1):
                cuts.append(cut)
            continue
        info: Info = yield decide(typing, item)
        if info.type != Type("int", ()):
            hint = "convert it: `int(...)`" if info.type.kind == "real" else None
            if info.type.kind == "int":
                hint = "several entries at once: `gather(x, i)`"
            elif "/" in item.span.text.replace("//", ""):
                hint = "write `//` for a whole number"
            raise fail("type-mismatch", f"an index is int; this is {info.type}", item.span, hint)
        if info.static is None:
            run_time.append(RunTime(len(sizes), item))
            sizes.append(size)
        else:
            _check_range(int(info.static), size, item)
            cuts.append(Cut(axis, int(info.static), None, 1, size))
    gathered = {item.axis: item.offsets for item in run_time}
    kept: list[int] = []
    for axis, n in enumerate(sizes):
        offsets = gathered.get(axis)
        if axis not in gathered or offsets is not None:
            kept.append(n if offsets is None else len(offsets))
    return IndexPlan(tuple(cuts), tuple(run_time)), (*kept, *shape[len(items) :])


def _check_range(value: int, size: int, item: Expression) -> None:
    if value < 0:
        raise fail(
            "negative-index",
            "indices count from 0 and are never negative",
            item.span,
            f"the last entry has index {size - 1}" if size else None,
        )
    if value >= size:
        raise fail("index-range", f"index {value} is out of range for {size} entries", item.span)


def _range(typing: Typing, item: Slice, axis: int, size: int) -> Walk[Cut | tuple[Expression, range]]:
    """A static slice as a cut, one that begins at run time as its start and the offsets from there."""
    start, stop, step = 0, size, 1
    if item.step is not None:
        step = yield typing.static_int(item.step, "the step of a slice")
        if step < 1:
            raise fail("slice-range", f"the step of a slice is at least 1, not {step}", item.span)
    if item.start is not None and item.stop is not None:
        first: Info = yield decide(typing, item.start)
        last: Info = yield decide(typing, item.stop)
        if first.type == last.type == Type("int", ()) and first.static is None:
            length = difference(typing.instance, item.stop, item.start)
            if length is not None:
                if not 0 <= length <= size:
                    message = f"this slice has {counted(length, 'entry', 'entries')} of {size}"
                    raise fail("slice-range", message, item.span)
                return item.start, range(0, length, step)
    if item.start is not None:
        start = yield typing.static_int(item.start, "the start of a slice")
    if item.stop is not None:
        stop = yield typing.static_int(item.stop, "the stop of a slice")
    if start < 0 or stop < 0:
        raise fail("negative-index", "indices count from 0 and are never negative", item.span)
    if start > stop or stop > size:
        raise fail("slice-range", f"the slice {start}:{stop} does not lie within 0:{size}", item.span)
    return Cut(axis, start, -(-(stop - start) // step), step, size)


def difference(instance: Instance, stop: Expression, start: Expression) -> int | None:
    """`stop - start`, if the terms that are known at run time only cancel."""
    total, terms = 0, Counter[str]()
    pending = [(stop, 1), (start, -1)]
    while pending:
        e, factor = pending.pop()
        static = instance.info[e].static
        if static is not None:
            total += factor * int(static)
        elif isinstance(e, Negate):
            pending.append((e.operand, -factor))
        elif isinstance(e, Chain) and e.links[0].operator in ("+", "-"):
            pending.append((e.first, factor))
            pending += [(link.operand, factor if link.operator == "+" else -factor) for link in e.links]
        elif isinstance(e, Chain) and len(e.links) == 1 and e.links[0].operator == "*":
            left, right = instance.info[e.first].static, instance.info[e.links[0].operand].static
            if left is not None:
                pending.append((e.links[0].operand, factor * int(left)))
            elif right is not None:
                pending.append((e.first, factor * int(right)))
            else:
                terms[e.span.text] += factor
        else:
            terms[e.span.text] += factor
    return None if any(terms.values()) else total
