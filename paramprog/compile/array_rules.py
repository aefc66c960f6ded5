"""Rules of primitives that move entries: sources, rearrangements, selections, indices known at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from math import prod

import numpy as np

from paramprog.compile.builder import Builder, around
from paramprog.compile.scatters import SCATTERS, scatter_add
from paramprog.compile.tensor import Alias, Index, Map, Number, Place, Routine, Value, identity
from paramprog.graph import Node
from paramprog.op import Op
from paramprog.transfer.gather import GATHER, PLACES, SCATTER_ADD
from paramprog.transfer.linear import SPREAD
from paramprog.transfer.order import ARGSORT, SORT
from paramprog.transfer.pair import ADD, MOD
from paramprog.transfer.put import LATEST, PUT, SPARED
from paramprog.transfer.rearrange import CONCAT, RESHAPE, ROLL, STACK, TRANSPOSE
from paramprog.transfer.replace import REPLACE
from paramprog.transfer.scan import CUMPROD, CUMSUM, RECURRENCE
from paramprog.transfer.select import COMPRESS, EMBED, EXPAND, SLICE, Cuts
from paramprog.transfer.selected import SELECTED
from paramprog.transfer.source import ARRAY

# ---- static places -----------------------------------------------------------------------------------------------


def _spread(b: Builder, n: Node, x: Value) -> Value:
    return b.spread(x, n.attrs["axes"], n.attrs["sizes"])


def _transpose(b: Builder, n: Node, x: Value) -> Value:
    return b.permute(x, n.attrs["axes"])


def _reshape(b: Builder, n: Node, x: Value) -> Value:
    return b.reshape(x, n.attrs["to"])


def _cut_places(cuts: Cuts, rank: int) -> Index:
    """For each axis of the longer array the place in terms of the shorter one."""
    by_axis = {cut.axis: cut for cut in cuts}
    places, axis = [], 0
    for k in range(rank):
        cut = by_axis.get(k)
        if cut is None:
            places.append(Place(axis))
        elif cut.length is None:
            places.append(Place(-1, 0, cut.start))
            continue
        else:
            places.append(Place(axis, cut.step, cut.start))
        axis += 1
    return tuple(places)


def _slice(b: Builder, n: Node, x: Value) -> Value:
    return b.view(x, n.shape, _cut_places(n.attrs["cuts"], len(x.shape)))


def _embed(b: Builder, n: Node, x: Value) -> Value:
    fill = b.number(0, n.kind, n.shape)
    return b.assembled(n.kind, n.shape, [(x, _cut_places(n.attrs["cuts"], len(n.shape)))], fill)


def _replace(b: Builder, n: Node, x: Value, v: Value) -> Value:
    return b.assembled(n.kind, n.shape, [(v, _cut_places(n.attrs["cuts"], len(n.shape)))], x)


def _shifted(rank: int, axis: int, offset: int) -> Index:
    return tuple(Place(k, 1, offset if k == axis else 0) for k in range(rank))


def _concat(b: Builder, n: Node, *xs: Value) -> Value:
    axis, start, parts = n.attrs["axis"], 0, []
    for x in xs:
        parts.append((x, _shifted(len(n.shape), axis, start)))
        start += x.shape[axis]
    return b.assembled(n.kind, n.shape, parts)


def _stack(b: Builder, n: Node, *xs: Value) -> Value:
    axis, rank = n.attrs["axis"], len(n.shape)
    parts = []
    for k, x in enumerate(xs):
        places = [Place(i) for i in range(rank - 1)]
        places.insert(axis, Place(-1, 0, k))
        parts.append((x, tuple(places)))
    return b.assembled(n.kind, n.shape, parts)


def _roll(b: Builder, n: Node, x: Value) -> Value:
    axis, rank = n.attrs["axis"], len(n.shape)
    size = n.shape[axis]
    by = n.attrs["by"] % size if size else 0
    if not by:
        return x
    head, tail = list(n.shape), list(n.shape)
    head[axis], tail[axis] = size - by, by
    moved = b.view(x, tuple(head), identity(rank)), _shifted(rank, axis, by)
    wrapped = b.view(x, tuple(tail), _shifted(rank, axis, size - by)), identity(rank)
    return b.assembled(n.kind, n.shape, [moved, wrapped])


# ---- indices known at run time -----------------------------------------------------------------------------------


def _counts(i: Node, size: int) -> bool:
    """Whether the indices are known to be 0, 1, ..., size - 1 along the last axis."""
    if i.op is not ARRAY or i.shape[-1:] != (size,):
        return False
    return bool(np.array_equal(i.attrs["value"].array, np.broadcast_to(np.arange(size), i.shape)))


def _gather(b: Builder, n: Node, x: Value, i: Value) -> Value:
    axis = n.attrs["axis"]
    if _counts(n.args[1], n.attrs["size"]):
        return b.spread(x, range(axis, axis + len(i.shape) - 1), i.shape[:-1])
    return b.take(x, i, axis)


SUM_OF_INTS = "pp_add_i64({0}, {1})"
"""The text of ADD, whose two operands a remainder looks at."""


INT_OF_REAL = "pp_whole({0})"
"""The text of INT, of a real."""


def remainder(b: Builder, n: Node, args: Sequence[Value]) -> Value | None:
    """mod(x, m) for a number m > 0: of int(r), which a double is exactly, by doubles alone.

    mod(x + c, m) from mod(x, m), where that is known, and x + c does not wrap around.
    """
    if n.op is not MOD or n.kind != "int":
        return None
    total, divisor = args
    if not isinstance(total, Map) or not isinstance(divisor, Number) or divisor.value <= 0:
        return None
    if total.text == INT_OF_REAL:
        return b.map("int", "pp_remainder_i64({0}, {1})", total, divisor)
    if total.text != SUM_OF_INTS:
        return None
    for x, added in (total.of, total.of[::-1]):
        known = b.ranges.remainders.get((x, int(divisor.value)))
        if known is not None and isinstance(added, Number) and b.ranges.sums(x, added):
            by = int(added.value) % int(divisor.value)
            left = int(divisor.value) - by
            return b.map("int", f"{{0}} >= {left} ? {{0}} - {left} : {{0}} + {by}", known)
    return None


def _places(b: Builder, n: Node, i: Value) -> Value:
    size = n.attrs["size"]
    lane = b.iota(n.shape, n.attrs.get("outer", 0))
    text = f"pp_add_i64({{0}}, pp_mul_i64({{1}}, {size}))"
    return b.map("int", text, i, lane, fault=f"(uint64_t){{0}} >= {size}u")


def _scatter_add(b: Builder, n: Node, i: Value, v: Value) -> Value:
    axis, size = n.attrs["axis"], n.attrs["size"]
    if _counts(n.args[0], size):
        return b.map(n.kind, "0 + {0}", b.sum(v, range(axis, axis + len(i.shape) - 1)))
    outer, inner = prod(v.shape[:axis]), prod(v.shape[axis + len(i.shape) :])
    numbers = (outer, prod(i.shape), size, inner, int(not b.ranges.within(i, size)))
    return b.routine(scatter_add(1), n.kind, n.shape, [i, v], numbers, fault=True)


def scattered(b: Builder, n: Node, args: Sequence[Value], alone: Set[Node]) -> Value | None:
    """A sum of what is scattered into two arrays, as one array into which all of it is.

    Only where nothing else reads the two: `alone` are the nodes that are read once.
    """
    if n.op is not ADD or not all(a in alone for a in n.args):
        return None
    one, two = (_made(a, x, alone) for a, x in zip(n.args, args, strict=True))
    if not isinstance(one, Routine) or not isinstance(two, Routine) or one.numbers[:4] != two.numbers[:4]:
        return None
    found = (*one.of, *two.of)
    count = len(found) // 2
    if not all(x.function.startswith("pp_scatter_add") for x in (one, two)) or count > SCATTERS:
        return None
    numbers = two.numbers if two.numbers[4] else one.numbers  # with a check of indices if one of them has it
    return b.reshape(b.routine(scatter_add(count), n.kind, one.shape, found, numbers, fault=True), n.shape)


def _made(n: Node, v: Value, alone: Set[Node]) -> Value:
    """The value of n before it got its shape, if nothing else reads that: of a reshaped array, of a sum made here."""
    while n.op is RESHAPE and isinstance(v, Alias) and n.args[0] in alone:
        n = n.args[0]
    return v.of if isinstance(v, Alias) and n.op in (ADD, SCATTER_ADD) else v


def _put(b: Builder, n: Node, x: Value, i: Value, v: Value) -> Value:
    outer, size, inner = around(x.shape, n.attrs["axis"])
    return b.routine("put", n.kind, n.shape, [x, i, v], (outer, prod(i.shape), size, inner), fault=True)


def _latest(b: Builder, n: Node, i: Value) -> Value:
    lanes = n.attrs.get("lanes", 0)
    numbers = (prod(i.shape[:lanes]), prod(i.shape[lanes:]))
    return b.routine("latest", "bool", n.shape, [i], numbers)


def _spared(b: Builder, n: Node, i: Value) -> Value:
    return b.routine("spared", "bool", n.shape, [i], (prod(i.shape), n.attrs["size"]), fault=True)


def _selected(b: Builder, n: Node, c: Value) -> Value:
    numbers = (prod(c.shape[:-1]), c.shape[-1], n.attrs["count"])
    return b.routine("selected", "int", n.shape, [c], numbers, fault=True)


def _compress(b: Builder, n: Node, x: Value, c: Value) -> Value:
    numbers = (prod(c.shape), n.attrs["count"], prod(n.shape[1:]))
    return b.routine("compress", n.kind, n.shape, [x, c], numbers, of=n.kind)


def _expand(b: Builder, n: Node, y: Value, c: Value) -> Value:
    numbers = (prod(c.shape), n.attrs["count"], prod(y.shape[1:]))
    return b.routine("expand", n.kind, n.shape, [y, c], numbers, of=n.kind)


# ---- along an axis -----------------------------------------------------------------------------------------------


def _scan(name: str, *options: str) -> Callable[..., Value]:
    def rule(b: Builder, n: Node, *xs: Value) -> Value:
        numbers = (*around(n.shape, n.attrs["axis"]), *(int(n.attrs[o]) for o in options))
        return b.routine(name, n.kind, n.shape, xs, numbers)

    return rule


def _sort(b: Builder, n: Node, x: Value) -> Value:
    return b.routine("sort", n.kind, n.shape, [x], around(n.shape, n.attrs["axis"]))


def _argsort(b: Builder, n: Node, x: Value) -> Value:
    axis, lanes = n.attrs["axis"], n.attrs.get("lanes", 0)
    numbers = (*around(n.shape, axis), prod(n.shape[lanes:]), int(n.attrs["flat"]))
    return b.routine("argsort", "int", n.shape, [x], numbers, of=x.kind)


RULES: Mapping[Op, Callable[..., Value]] = {
    SPREAD: _spread,
    TRANSPOSE: _transpose,
    RESHAPE: _reshape,
    SLICE: _slice,
    EMBED: _embed,
    REPLACE: _replace,
    CONCAT: _concat,
    STACK: _stack,
    ROLL: _roll,
    GATHER: _gather,
    PLACES: _places,
    SCATTER_ADD: _scatter_add,
    PUT: _put,
    LATEST: _latest,
    SPARED: _spared,
    SELECTED: _selected,
    COMPRESS: _compress,
    EXPAND: _expand,
    CUMSUM: _scan("cumsum", "reverse"),
    CUMPROD: _scan("cumprod", "exclusive"),
    RECURRENCE: _scan("recurrence", "reverse"),
    SORT: _sort,
    ARGSORT: _argsort,
}
