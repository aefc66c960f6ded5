"""What one entry of a value is made of, and the loops in which a stored value is made."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import NamedTuple

from paramprog.compile.contract import gemm, loop_order
from paramprog.compile.nests import is_small
from paramprog.compile.tensor import (
    Alias,
    Assembled,
    Contract,
    Index,
    Input,
    Map,
    Opened,
    Padded,
    Part,
    Place,
    Put,
    Reduce,
    Region,
    Routine,
    Table,
    Take,
    Value,
    View,
    identity,
)
from paramprog.types import Dim

MEMORY = (Input, Table, Part, Assembled, Alias)
"""Always arrays in memory."""


class Read(NamedTuple):
    """The entry of `value` at an index; without one it is not known before the run which."""

    value: Value
    at: Index | None


def is_call(v: Value) -> bool:
    """Whether it is a step of its own."""
    return isinstance(v, Region | Routine | Opened | Padded) or (
        isinstance(v, Contract) and gemm(v) is not None
    )


def base(v: Value) -> Value:
    """The value whose memory it is."""
    return v.of if isinstance(v, Alias) else v


def unviewed(v: Value) -> Value:
    """What a view shows."""
    return v.of if isinstance(v, View) else v


class Space(NamedTuple):
    """The loops in which a stored value is made, and which of them each axis of it is."""

    extents: tuple[Dim, ...]
    axes: tuple[int, ...]


def space(v: Value) -> Space:
    if isinstance(v, Put):
        return Space(v.of.shape, tuple(range(len(v.of.shape))))
    if isinstance(v, Reduce):
        rank = len(v.of.shape)
        return Space(v.of.shape, tuple(k for k in range(rank) if k not in v.axes))
    if isinstance(v, Contract):
        order, sizes = loop_order(v), v.sizes
        return Space(tuple(sizes[c] for c in order), tuple(order.index(c) for c in v.words[2]))
    return Space(v.shape, tuple(range(len(v.shape))))


def reads(v: Value, index: Index) -> list[Read]:
    """What the entry of a pulled value at `index` is made of."""
    if isinstance(v, View):
        return [Read(v.of, tuple(p.at(index) for p in v.places))]
    if isinstance(v, Take):
        rank = len(v.index.shape)
        return [Read(v.index, index[v.axis : v.axis + rank]), Read(v.of, None)]
    if isinstance(v, Map):
        return [Read(a, index) for a in v.of]
    return []


def begin(v: Value) -> list[Read]:
    """What a stored value reads in its own loops, or as a call."""
    if is_call(v):
        return [Read(a, None) for a in v.args]
    extents, _ = space(v)
    here = identity(len(extents))
    if isinstance(v, Contract):
        order = loop_order(v)
        return [
            Read(operand, tuple(Place(order.index(c)) for c in word))
            for operand, word in zip((v.a, v.b), v.words, strict=False)
        ]
    if isinstance(v, Reduce):
        return [Read(v.of, here)]
    if isinstance(v, Put):
        return [Read(v.of, here), *(Read(p, None) for p in v.after)]
    return reads(v, here)


def pulled(root: Value, stored: Set[Value]) -> list[Read]:
    """Everything that `root` computes in place, and the stored values that it loads, in order."""
    seen: dict[Read, None] = {}  # in an order that is the same in every process
    todo = begin(root)
    call = is_call(root)
    while todo:
        read = todo.pop()
        if read in seen:
            continue
        seen[read] = None
        if (
            read.at is not None
            and not call
            and read.value not in stored
            and not isinstance(read.value, MEMORY)
        ):
            todo += reads(read.value, read.at)
    return sorted(seen, key=lambda r: r.value.id)


def places(root: Value, pull: Sequence[Read], stored: Set[Value]) -> set[Value]:
    """The stored indices of what `root` looks up, if they are not many.

    They are made in a loop of their own: out of memory each is an address, out of a vector it is to be taken first.
    """
    extents, _ = space(root)
    if not extents or not is_small(extents[-1:]):
        return set()
    takes = (v for v in (root, *(v for v, _ in pull)) if v is root or v not in stored)
    return {v.index for v in takes if isinstance(v, Take) and v.index in stored}


def aligned(root: Value, p: Value, index: Index | None) -> int:
    """Along how many outer loops `root` needs only the same entry of `p`."""
    if not index:
        return 0
    extents, axes = space(p)
    mine, k = space(root).extents, 0
    while (
        k < min(len(axes), len(mine), len(index))
        and axes[k] == k
        and index[k] == Place(k)
        and extents[k] == mine[k]
    ):
        k += 1
    return k


def level(index: Index) -> int:
    """How many loops the index needs."""
    return max((p.axis + 1 for p in index), default=0)
