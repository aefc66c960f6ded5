"""Rules for sums, copies along axes, and rearrangements of entries.

Spreads move outward: an elementwise primitive of spread values is computed once and then spread. Chains of slices, of
transposes, of reshapes become one. Sums of array entries may be regrouped (`Rule.resums`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from paramprog.graph import Node
from paramprog.simplify.rule import Emitting, Rule, under
from paramprog.transfer.gather import GATHER, SCATTER_ADD
from paramprog.transfer.linear import MUL, SPREAD, SUM
from paramprog.transfer.rearrange import CONCAT, RESHAPE, STACK, TRANSPOSE
from paramprog.transfer.reduce import count
from paramprog.transfer.replace import REPLACE
from paramprog.transfer.select import EMBED, SLICE, Cut, Cuts
from paramprog.transfer.source import ARRAY, FULL
from paramprog.types import Shape

Axes = tuple[int, ...]

MAX_SEARCHED = 64
"""Longer concatenations are not searched for the operand that a slice lies in: rules take constant time."""


def kept_axes(rank: int, axes: Axes) -> Axes:
    """The axes of an array of `rank` that are not in `axes`."""
    return tuple(a for a in range(rank) if a not in axes)


# ---- spread and sum ----------------------------------------------------------------------------------------------


def hoisted(g: Emitting, op: Any, args: Sequence[Node], attrs: Any) -> Node | None:
    """f(spread x, spread y) = spread f(x, y), for an elementwise f and equal axes; numbers are spread along any."""
    first = next((a for a in args if a.op is not FULL), None)
    if first is None or first.op is not SPREAD or 0 in first.attrs["sizes"]:
        return None
    axes = first.attrs["axes"]
    if any(a.op is not FULL and (a.op is not SPREAD or a.attrs["axes"] != axes) for a in args):
        return None
    small = first.args[0].type
    inside = [
        g.number(a.attrs["value"], small._replace(kind=a.kind)) if a.op is FULL else a.args[0] for a in args
    ]
    return g(SPREAD, g(op, *inside, **attrs), **first.attrs)


def _spread_twice(g: Emitting, x: Node, *, axes: Axes, sizes: Shape) -> Node | None:
    if x.op is not SPREAD:
        return None
    places = kept_axes(len(x.shape) + len(axes), axes)
    by_axis = dict(zip(axes, sizes, strict=True))
    by_axis |= {places[a]: n for a, n in zip(x.attrs["axes"], x.attrs["sizes"], strict=True)}
    order = tuple(sorted(by_axis))
    return g(SPREAD, x.args[0], axes=order, sizes=tuple(by_axis[a] for a in order))


def _sum_twice(g: Emitting, x: Node, *, axes: Axes, sizes: Shape) -> Node | None:
    if x.op is not SUM:
        return None
    places = kept_axes(len(x.args[0].shape), x.attrs["axes"])
    by_axis = {places[a]: n for a, n in zip(axes, sizes, strict=True)}
    by_axis |= dict(zip(x.attrs["axes"], x.attrs["sizes"], strict=True))
    order = tuple(sorted(by_axis))
    return g(SUM, x.args[0], axes=order, sizes=tuple(by_axis[a] for a in order))


def _sum_of_spread(g: Emitting, x: Node, *, axes: Axes, sizes: Shape) -> Node | None:
    """n equal terms for each axis that is both spread and summed; the other axes stay."""
    if x.op is not SPREAD or 0 in sizes:
        return None
    spread = dict(zip(x.attrs["axes"], x.attrs["sizes"], strict=True))
    both = [a for a in axes if a in spread]
    if not both:
        return None
    inner = kept_axes(len(x.shape), tuple(spread))
    rest = {a: n for a, n in zip(axes, sizes, strict=True) if a not in spread}
    y = g(SUM, x.args[0], axes=tuple(inner.index(a) for a in rest), sizes=tuple(rest.values()))
    assert y is not None
    y = g(MUL, g.number(count(tuple(spread[a] for a in both)), y.type), y)
    outer = kept_axes(len(x.shape), axes)
    left = {outer.index(a): n for a, n in spread.items() if a not in both}
    return g(SPREAD, y, axes=tuple(left), sizes=tuple(left.values()))


SUMS = (
    Rule("spread over no axes of x = x", SPREAD, lambda g, x, *, axes, sizes: None if axes else x),
    Rule("spread(spread(x)) = one spread", SPREAD, _spread_twice),
    Rule("sum over no axes of x = x", SUM, lambda g, x, *, axes, sizes: None if axes else x, resums=True),
    Rule("sum(sum(x)) = one sum", SUM, _sum_twice, resums=True),
    Rule("sum(spread(x)) = n * x", SUM, _sum_of_spread, resums=True),
)

# ---- orders and shapes -------------------------------------------------------------------------------------------


def _transpose_spread(g: Emitting, x: Node, *, axes: Axes) -> Node | None:
    if x.op is not SPREAD:
        return None
    spread = dict(zip(x.attrs["axes"], x.attrs["sizes"], strict=True))
    inner = kept_axes(len(axes), tuple(spread))
    moved = g(TRANSPOSE, x.args[0], axes=tuple(inner.index(a) for a in axes if a not in spread))
    placed = {k: spread[a] for k, a in enumerate(axes) if a in spread}
    return g(SPREAD, moved, axes=tuple(placed), sizes=tuple(placed.values()))


def _reshape_spread(g: Emitting, x: Node, *, of: Shape, to: Shape) -> Node | None:
    scalar = under(SPREAD, x)
    if scalar is None or scalar.shape:
        return None
    return g(SPREAD, scalar, axes=tuple(range(len(to))), sizes=to)


SHAPES = (
    Rule(
        "transpose(x) = x for axes in order",
        TRANSPOSE,
        lambda g, x, *, axes: x if axes == tuple(range(len(axes))) else None,
    ),
    Rule(
        "transpose(transpose(x)) = one transpose",
        TRANSPOSE,
        lambda g, x, *, axes: (
            g(TRANSPOSE, x.args[0], axes=tuple(x.attrs["axes"][a] for a in axes))
            if x.op is TRANSPOSE
            else None
        ),
    ),
    Rule("transpose(spread(x)) = spread(transpose(x))", TRANSPOSE, _transpose_spread),
    Rule("reshape(x) = x for the same shape", RESHAPE, lambda g, x, *, of, to: x if of == to else None),
    Rule(
        "reshape(reshape(x)) = one reshape",
        RESHAPE,
        lambda g, x, *, of, to: g(RESHAPE, under(RESHAPE, x), of=x.attrs.get("of"), to=to),
    ),
    Rule("reshape(spread(x)) = spread(x) for a scalar x", RESHAPE, _reshape_spread),
    Rule("concat(x) = x", CONCAT, lambda g, *xs, axis: xs[0] if len(xs) == 1 else None),
)

# ---- static selections -------------------------------------------------------------------------------------------


def _composed(outer: Cuts, inner: Cuts, rank: int) -> Cuts:
    """The cuts of an array of `rank` that select what `outer` selects of what `inner` selects."""
    by_axis = {cut.axis: cut for cut in inner}
    places = [a for a in range(rank) if a not in by_axis or by_axis[a].length is not None]
    for cut in outer:
        axis = places[cut.axis]
        under = by_axis.get(axis)
        if under is None:
            by_axis[axis] = cut._replace(axis=axis)
        else:
            start, step = under.start + cut.start * under.step, cut.step * under.step
            by_axis[axis] = Cut(axis, start, cut.length, step, under.size)
    return tuple(by_axis[a] for a in sorted(by_axis))


def _is_all(cut: Cut) -> bool:
    return cut.start == 0 and cut.length == cut.size and cut.step == 1


def _fewer_cuts(op: Any) -> Any:
    """A cut that takes a whole axis does nothing."""

    def rewrite(g: Emitting, x: Node, *, cuts: Cuts) -> Node | None:
        left = tuple(cut for cut in cuts if not _is_all(cut))
        if not left:
            return x
        return g(op, x, cuts=left) if len(left) < len(cuts) else None

    return rewrite


def _slice_twice(g: Emitting, x: Node, *, cuts: Cuts) -> Node | None:
    if x.op is not SLICE:
        return None
    return g(SLICE, x.args[0], cuts=_composed(cuts, x.attrs["cuts"], len(x.args[0].shape)))


def _embed_twice(g: Emitting, y: Node, *, cuts: Cuts) -> Node | None:
    """Embedding by A what was embedded by B is the transpose of slicing by A, then by B."""
    if y.op is not EMBED:
        return None
    rank = len(y.shape) + sum(cut.length is None for cut in cuts)
    return g(EMBED, y.args[0], cuts=_composed(y.attrs["cuts"], cuts, rank))


def _slice_embed(g: Emitting, x: Node, *, cuts: Cuts) -> Node | None:
    """What was put in comes out; beside it there are zeros."""
    if x.op is not EMBED:
        return None
    if x.attrs["cuts"] == cuts:
        return x.args[0]
    put = {cut.axis: cut for cut in x.attrs["cuts"]}
    if any(_disjoint(cut, put[cut.axis]) for cut in cuts if cut.axis in put) and g.certain(x):
        return g(SLICE, g.number(0, x.type), cuts=cuts)
    return None


def _disjoint(a: Cut, b: Cut) -> bool:
    """Whether two cuts of one axis surely have no entry in common: one ends before the other, or they alternate."""
    (a_first, a_last), (b_first, b_last) = _ends(a), _ends(b)
    if a_last < b_first or b_last < a_first:
        return True
    steps = {abs(cut.step) for cut in (a, b) if cut.length not in (None, 1)}
    return len(steps) == 1 and (a.start - b.start) % steps.pop() != 0


def _ends(cut: Cut) -> tuple[int, int]:
    last = cut.start + ((cut.length or 1) - 1) * cut.step
    return min(cut.start, last), max(cut.start, last)


def _slice_spread(g: Emitting, x: Node, *, cuts: Cuts) -> Node | None:
    if x.op is not SPREAD:
        return None
    spread = dict(zip(x.attrs["axes"], x.attrs["sizes"], strict=True))
    inner = kept_axes(len(x.shape), tuple(spread))
    gone = {cut.axis for cut in cuts if cut.length is None}
    spread |= {cut.axis: cut.length for cut in cuts if cut.axis in spread and cut.length is not None}
    own = tuple(cut._replace(axis=inner.index(cut.axis)) for cut in cuts if cut.axis not in spread)
    y = g(SLICE, x.args[0], cuts=own) if own else x.args[0]
    places = kept_axes(len(x.shape), tuple(gone))
    left = {places.index(a): n for a, n in sorted(spread.items()) if a not in gone}
    return g(SPREAD, y, axes=tuple(left), sizes=tuple(left.values()))


def _slice_joined(g: Emitting, x: Node, *, cuts: Cuts) -> Node | None:
    """A slice inside one operand of a concat, or one operand of a stack, if the others may be left out."""
    if x.op not in (CONCAT, STACK) or not g.certain(x):
        return None
    if x.op is CONCAT and len(x.args) > MAX_SEARCHED:
        return None
    axis = x.attrs["axis"]
    cut = next((c for c in cuts if c.axis == axis), None)
    if cut is None or (x.op is STACK and cut.length is not None) or cut.length == 0:
        return None
    which, offset = cut.start, 0
    if x.op is CONCAT:
        which, end = 0, x.args[0].shape[axis]
        while cut.start >= end:
            which, offset, end = which + 1, end, end + x.args[which + 1].shape[axis]
        last = cut.start + ((cut.length or 1) - 1) * cut.step
        if not offset <= last < end:
            return None
    chosen = x.args[which]
    own = cut._replace(start=cut.start - offset, size=chosen.shape[axis]) if x.op is CONCAT else None
    moved = [own if c is cut else c._replace(axis=c.axis - (x.op is STACK and c.axis > axis)) for c in cuts]
    return g(SLICE, chosen, cuts=tuple(c for c in moved if c is not None))


def _slice_replaced(g: Emitting, x: Node, *, cuts: Cuts) -> Node | None:
    """What was put in comes out; beside it there is what was there before."""
    if x.op is not REPLACE or not g.certain(x):
        return None
    before, entries = x.args
    if x.attrs["cuts"] == cuts:
        return entries
    put = {cut.axis: cut for cut in x.attrs["cuts"]}
    beside = any(_disjoint(cut, put[cut.axis]) for cut in cuts if cut.axis in put)
    return g(SLICE, before, cuts=cuts) if beside else None


def _replace_twice(g: Emitting, x: Node, v: Node, *, cuts: Cuts) -> Node | None:
    same = x.op is REPLACE and x.attrs["cuts"] == cuts and g.certain(x)
    return g(REPLACE, x.args[0], v, cuts=cuts) if same else None


def _gather_number(g: Emitting, x: Node, i: Node, *, axis: int, size: int) -> Node | None:
    if i.op is not FULL or i.shape or not 0 <= i.attrs["value"] < size:
        return None
    return g(SLICE, x, cuts=(Cut(axis, i.attrs["value"], None, 1, size),))


def _progression(i: Node, axis: int, size: int) -> Cuts:
    """The cut that takes the entries of a constant list of indices; none if there is none, or one is out of range."""
    if i.op is not ARRAY or len(i.shape) != 1 or not i.shape[0]:
        return ()
    start, count = int(i.attrs["value"].array[0]), int(i.shape[0])
    steps = np.diff(i.attrs["value"].array)
    step = int(steps[0]) if count > 1 else 1
    if start < 0 or step < 1 or start + (count - 1) * step >= size or np.any(steps != step):
        return ()
    return (Cut(axis, start, count, step, size),)


def _gather_progression(g: Emitting, x: Node, i: Node, *, axis: int, size: int) -> Node | None:
    cuts = _progression(i, axis, size)
    return g(SLICE, x, cuts=cuts) if cuts else None


def _scatter_progression(g: Emitting, i: Node, v: Node, *, axis: int, size: int) -> Node | None:
    cuts = _progression(i, axis, size)
    return g(EMBED, v, cuts=cuts) if cuts else None


SELECTIONS = (
    Rule("x[:] = x", SLICE, _fewer_cuts(SLICE)),
    Rule("embed(x) = x for the whole", EMBED, _fewer_cuts(EMBED)),
    Rule("slice(slice(x)) = one slice", SLICE, _slice_twice),
    Rule("embed(embed(x)) = one embed", EMBED, _embed_twice),
    Rule("slice(embed(x)) = x, or zeros beside it", SLICE, _slice_embed),
    Rule("slice(spread(x)) = spread(slice(x))", SLICE, _slice_spread),
    Rule("slice(concat(x, y)) = slice of one of them", SLICE, _slice_joined),
    Rule("slice(replace(x, v)) = v, or a slice of x beside it", SLICE, _slice_replaced),
    Rule("replace(replace(x, v), w) = replace(x, w) for the same entries", REPLACE, _replace_twice),
    Rule("gather(x, c) = x[c] for a number c in range", GATHER, _gather_number),
    Rule("gather(x, [a, a + s, ...]) = x[a::s]", GATHER, _gather_progression),
    Rule("scatter_add([a, a + s, ...], v) = embed(v)", SCATTER_ADD, _scatter_progression, resums=True),
)

RULES: tuple[Rule, ...] = (*SUMS, *SHAPES, *SELECTIONS)
