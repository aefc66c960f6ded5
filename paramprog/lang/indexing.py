"""`x[i, a:b]`: static indices and slices become cuts, ints known at run time become gathers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from paramprog.diagnostics import Span, fail
from paramprog.lang.decide import decide
from paramprog.lang.faults import counted
from paramprog.lang.instance import IndexPlan, Info
from paramprog.lang.syntax import Expression, Index, Slice
from paramprog.lang.walk import Walk
from paramprog.transfer.select import Cut
from paramprog.types import Shape, Type, dims_text

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing


def index(typing: Typing, e: Index) -> Walk[Info]:
    """The type of `base[items]`; the plan is noted in the instance."""
    base: Info = yield typing.expression(e.base)
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
    run_time: list[tuple[int, Expression]] = []
    sizes: list[int] = []
    for axis, item in enumerate(items):
        size = shape[axis]
        if isinstance(item, Slice):
            cut: Cut = yield _range(typing, item, axis, size)
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
            run_time.append((len(sizes), item))
            sizes.append(size)
        else:
            _check_range(int(info.static), size, item)
            cuts.append(Cut(axis, int(info.static), None, 1, size))
    gathered = {axis for axis, _ in run_time}
    kept = [n for axis, n in enumerate(sizes) if axis not in gathered]
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


def _range(typing: Typing, item: Slice, axis: int, size: int) -> Walk[Cut]:
    start, stop, step = 0, size, 1
    if item.start is not None:
        start = yield typing.static_int(item.start, "the start of a slice")
    if item.stop is not None:
        stop = yield typing.static_int(item.stop, "the stop of a slice")
    if item.step is not None:
        step = yield typing.static_int(item.step, "the step of a slice")
    if step < 1:
        raise fail("slice-range", f"the step of a slice is at least 1, not {step}", item.span)
    if start < 0 or stop < 0:
        raise fail("negative-index", "indices count from 0 and are never negative", item.span)
    if start > stop or stop > size:
        raise fail("slice-range", f"the slice {start}:{stop} does not lie within 0:{size}", item.span)
    return Cut(axis, start, -(-(stop - start) // step), step, size)
