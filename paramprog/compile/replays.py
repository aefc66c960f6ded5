"""Loops that keep few states, as steps: what they keep lies on a shelf, and turns are run again from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from paramprog.compile.heap import uses_heap
from paramprog.compile.kernel import Buf, Replays, Step
from paramprog.compile.region_values import Replay
from paramprog.compile.regions import Memory, carrying, entering, leaving, rows_that_grow
from paramprog.compile.tensor import Value
from paramprog.types import Dim, Size

if TYPE_CHECKING:
    from paramprog.compile.lower import Lowering


def replay_steps(low: Lowering, loop: Replay, memory: Memory, bufs: Mapping[Value, Buf]) -> list[Step]:
    """The steps of the loop; `bufs` holds the memory of its parts."""
    turn, at = low.fresh("t"), low.fresh("t")
    outside = [memory(loop.limit)]
    known, names = entering(low, loop, memory, at, outside)
    grows, size = rows_that_grow(low, loop, bufs)
    outputs, rows = leaving(loop, bufs, at, outside)
    states, at_states, nexts = carrying(low, loop.kept, memory, bufs, turn, {}, outside)
    carries, at_carries, pulled = carrying(low, loop.carries, memory, bufs, turn, rows, outside)
    known |= at_states | at_carries
    # with more states than turns nobody knows before the run how many are kept
    most: Dim = Size() if loop.static is None else min(loop.states, loop.static)
    shelf = [low.buf(c.inside.kind, (most, *c.inside.shape)) for c in loop.kept]
    kept = low.buf("int", (Size() if loop.static is None else most + 1,))
    outside += [*shelf, kept]
    advance, body = low.body(nexts, known), low.body([*outputs, *pulled], known)
    made = Replays(
        turn,
        at,
        memory(loop.limit),
        loop.states,
        loop.static,
        loop.reverse,
        states,
        shelf,
        kept,
        carries,
        advance,
        body,
        outside,
        names,
        grows,
        size,
        not loop.hands_on and uses_heap([*advance, *body]),
    )
    return [made]
