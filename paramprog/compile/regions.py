"""Loops and branches as steps: each body is lowered on its own, its ports being addresses of memory outside.

A carry is a pointer: to its first value, then to where the body has put the next one, which is one of two buffers in
turn, or the row of its history. A branch per lane runs its lanes one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from paramprog.compile.heap import uses_heap
from paramprog.compile.kernel import AddTo, Buf, Carried, Choice, Ensure, Step, Turns, Zero
from paramprog.compile.region_values import Branch, Carry, Loop, Replay, Side
from paramprog.compile.tensor import Value
from paramprog.types import Shape, Size

if TYPE_CHECKING:
    from paramprog.compile.lower import Lowering

Memory = Callable[[Value], Buf]


def _row(buf: Buf, at: str, shape: Shape, rank: int = 1) -> Buf:
    """The entries at one index of the first `rank` axes, as memory of its own."""
    size = prod(shape)
    return Buf(buf.name, buf.kind, shape, f"({buf.text} + {at} * {size})")


def entering(
    low: Lowering, region: Loop | Replay, memory: Memory, at: str, outside: list[Buf]
) -> tuple[dict[Value, Buf], list[str]]:
    """What a turn reads, in terms of the number `at` of the row; and the names of its numbers."""
    known: dict[Value, Buf] = {}
    for e in region.free:
        buf = memory(e.outside)
        known[e.inside] = replace(buf, address=buf.text)
        outside.append(buf)
    for e in region.scans:
        buf = memory(e.outside)
        known[e.inside] = _row(buf, at, e.inside.shape)
        outside.append(buf)
    names = []
    for leaf in region.index:
        name = low.fresh("n")
        names.append(name)
        known[leaf] = Buf(name, "int", (), name)
    return known, names


def leaving(
    region: Loop | Replay, bufs: Mapping[Value, Buf], at: str, outside: list[Buf]
) -> tuple[list[tuple[Value, Buf]], dict[Value, str]]:
    """Where the rows of histories go; and those that stay where they are while the loop runs."""
    outputs: list[tuple[Value, Buf]] = []
    rows: dict[Value, str] = {}
    for inside, part in region.histories:
        row = _row(bufs[part], at, inside.shape)
        outputs.append((inside, row))
        outside.append(bufs[part])
        if not bufs[part].grows:
            rows[inside] = row.text
    return outputs, rows


def carrying(
    low: Lowering,
    carries: Sequence[Carry],
    memory: Memory,
    bufs: Mapping[Value, Buf],
    turn: str,
    rows: Mapping[Value, str],
    outside: list[Buf],
) -> tuple[list[Carried], dict[Value, Buf], list[tuple[Value, Buf]]]:
    """The pointers of carries, what the body reads, and where it puts the next values: `turn` counts the turns."""
    made = []
    known: dict[Value, Buf] = {}
    outputs: list[tuple[Value, Buf]] = []
    for c in carries:
        start = memory(c.start)
        pointer, spare = low.fresh("p"), None
        known[c.inside] = Buf(pointer, c.inside.kind, c.inside.shape, pointer)
        if c.next in rows:
            after = rows[c.next]
        else:
            spare = low.buf(c.inside.kind, (2, *c.inside.shape))
            after = f"({spare.text} + ({turn} & 1) * {max(prod(c.inside.shape), 1)})"
            outputs.append((c.next, Buf(spare.name, spare.kind, c.inside.shape, after)))
            outside.append(spare)
        result = None if c.result is None else bufs[c.result]
        outside += [start, *([] if result is None else [result])]
        made.append(Carried(pointer, start, after, spare, result))
    return made, known, outputs


def loop_steps(low: Lowering, loop: Loop, memory: Memory, bufs: Mapping[Value, Buf]) -> list[Step]:
    """The steps of a loop; `bufs` holds the memory of its parts."""
    counter, at = low.fresh("t"), low.fresh("t")
    outside = [memory(loop.limit)]
    known, names = entering(low, loop, memory, at, outside)
    grows, size = rows_that_grow(low, loop, bufs)
    outputs, rows = leaving(loop, bufs, at, outside)
    carries, at_carries, nexts = carrying(low, loop.carries, memory, bufs, counter, rows, outside)
    known |= at_carries
    turns = Turns(
        counter,
        at,
        memory(loop.limit),
        loop.static,
        loop.reverse,
        carries,
        [],
        outside,
        names,
        grows,
        trips=None if loop.trips is None else bufs[loop.trips],
        size=size,
    )
    if turns.trips is not None:
        outside.append(turns.trips)
    if loop.test is not None:
        turns.holds = low.buf("bool", ())
        outside.append(turns.holds)
        turns.test = low.body([(loop.test, replace(turns.holds, address=turns.holds.text))], known)
    turns.body = low.body([*outputs, *nexts], known)
    turns.releases = not loop.hands_on and uses_heap([turns])
    return [turns]


def rows_that_grow(
    low: Lowering, loop: Loop | Replay, bufs: Mapping[Value, Buf]
) -> tuple[list[Buf], Size | None]:
    """The histories whose length is known at run time only, and its size."""
    found = [bufs[h.rows] for h in loop.histories if bufs[h.rows].grows]
    site = loop.site
    trips = None if site is None else site.attrs["trips"]
    size = trips if isinstance(trips, Size) else None
    if size is not None:
        low.sizes.setdefault(size, low.fresh("z"))
    return found, size


def branch_steps(low: Lowering, branch: Branch, memory: Memory, bufs: Mapping[Value, Buf]) -> list[Step]:
    """The steps of a branch; `bufs` holds the memory of its parts."""
    condition = memory(branch.condition)
    lanes = branch.condition.shape
    lane = low.fresh("l")
    targets = [bufs[p] for p in branch.parts]
    outside = [condition, *targets]
    before: list[Step] = [Ensure(t) for t in targets if t.grows]
    sides = []
    for side in branch.sides:
        known = _entering(side, memory, lane, outside)
        sides.append(_side(low, branch, side, targets, known, lane))
    if len(sides) == 1:
        sides.append(_nothing(branch, targets, lane))
    before += [Zero(targets[k]) for k in branch.summed]
    return [*before, Choice(condition, lanes, lane, sides, outside)]


def _entering(side: Side, memory: Memory, lane: str, outside: list[Buf]) -> dict[Value, Buf]:
    known: dict[Value, Buf] = {}
    for e in side.shared:
        buf = memory(e.outside)
        known[e.inside] = replace(buf, address=buf.text)
        outside.append(buf)
    for e in side.free:
        buf = memory(e.outside)
        known[e.inside] = _row(buf, lane, e.inside.shape)
        outside.append(buf)
    return known


def _side(
    low: Lowering, branch: Branch, side: Side, targets: list[Buf], known: dict[Value, Buf], lane: str
) -> list[Step]:
    """The steps of one side; what it does not give is zero."""
    outputs: list[tuple[Value, Buf]] = []
    after: list[Step] = []
    zeros: list[Step] = []
    for k, (end, target) in enumerate(zip(side.ends, targets, strict=True)):
        shape = _shape_of_lane(branch, k)
        to = _row(target, lane, shape) if branch.condition.shape else replace(target, address=target.text)
        if end is None:
            if k not in branch.summed:
                zeros.append(Zero(to))
        elif k in branch.summed:
            buf = low.buf(end.kind, end.shape)
            outputs.append((end, buf))
            after.append(AddTo(target, buf))
        else:
            outputs.append((end, to))
    return [*zeros, *low.body(outputs, known), *after]


def _nothing(branch: Branch, targets: list[Buf], lane: str) -> list[Step]:
    return [
        Zero(_row(t, lane, _shape_of_lane(branch, k)))
        for k, t in enumerate(targets)
        if k not in branch.summed
    ]


def _shape_of_lane(branch: Branch, k: int) -> Shape:
    shape = branch.parts[k].shape
    return shape if k in branch.summed else shape[len(branch.condition.shape) :]
