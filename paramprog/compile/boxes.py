"""Rows that differ in length, and tapes: their entries lie in blocks on a heap, and what stands for them is a handle.

A loop inside a loop makes another number of turns in each turn, so what is recorded of it has a shape like [8, ?, 3]:
the size behind the first axis is another one in each row. In C such an array is an array of 8 handles, ints, each for a
block of [?, 3]. A tape is one handle. So loops carry, record and choose them like any other numbers.

An array is handles where an axis behind its first has a size known at run time only, from that axis on; what enters or
leaves a body as one row, also where the first has. While it is computed with, it is an array of all its entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from paramprog.compile.builder import Builder, NotLowered
from paramprog.compile.rules import lowered
from paramprog.compile.tensor import Number, Opened, Padded, Routine, Value
from paramprog.graph import Node
from paramprog.transfer.linear import SPREAD
from paramprog.transfer.rearrange import TRANSPOSE
from paramprog.transfer.source import FULL
from paramprog.types import LENGTH, Shape, Size, Type, is_tape


def cut(shape: Shape, first: int = 1) -> int | None:
    """The axis from which on the entries lie in blocks; `first` is 0 for what enters or leaves a body as one row."""
    for k, n in enumerate(shape):
        if n is LENGTH or (k >= first and isinstance(n, Size)):
            return k
    return None


def shown(type: Type, first: int = 1) -> Type:
    """The type of what stands for an array."""
    k = cut(type.shape, first)
    return type if k is None else Type("int", type.shape[:k])


def is_row(shape: Shape) -> bool:
    """Whether it is an array of one block: its size is known at run time only."""
    return bool(shape) and isinstance(shape[0], Size) and shape[0] is not LENGTH


def opened(b: Builder, handle: Value, type: Type) -> Value:
    """The array of one block, as what stands for it."""
    inside = shown(type)
    return Opened(b.new(), inside.kind, inside.shape, b.site, handle)


def boxed(b: Builder, v: Value, shape: Shape, first: int = 1) -> Value:
    """What stands for an array of this shape, given its entries or handles of parts of it."""
    k = cut(shape, first)
    while k is not None and len(v.shape) > k:
        axis = max(j for j in range(k, len(v.shape)) if isinstance(shape[j], Size))
        v = _box(b, v, axis)
    return v


def _box(b: Builder, v: Value, axis: int) -> Value:
    """A handle for each index of the axes before `axis`. Raises NotLowered."""
    outer, inner = v.shape[:axis], v.shape[axis + 1 :]
    if isinstance(v, Number) and not v.value:
        return b.number(0, "int", outer)
    if isinstance(v, Opened):
        return v.of
    if any(isinstance(n, Size) for n in (*outer, *inner)):
        raise NotLowered("sizes", op="part")
    moved = b.permute(v, (axis, *(k for k in range(len(v.shape)) if k != axis)))
    numbers = (prod(outer), v.shape[axis], prod(inner))
    function = f"pp_boxed_{b.suffix(v.kind)}"
    return Routine(b.new(), "int", outer, b.site, function, (moved,), numbers, heap=True)


def spelled_out(b: Builder, v: Value, type: Type) -> Value:
    """The array of all entries of what stands for it; rows are as long as the longest, with zeros behind.

    Raises NotLowered.
    """
    d, shape = len(v.shape), type.shape
    if d == len(shape):
        return v
    if is_tape(Type(type.kind, shape[d:])) or any(isinstance(n, Size) for n in (*shape[:d], *shape[d + 1 :])):
        raise NotLowered("sizes", op="array" if b.site is None else b.site.op.spelled)
    if not d:
        return opened(b, v, type)
    rows = Padded(b.new(), type.kind, (shape[d], *shape[:d], *shape[d + 1 :]), b.site, v)
    return b.permute(rows, (*range(1, d + 1), 0, *range(d + 1, len(shape))))


def lowered_rows(b: Builder, n: Node, args: Sequence[Value]) -> Value:
    """The value of a node some of whose arguments, or which itself, may lie in blocks. Raises NotLowered."""
    given = list(zip(args, n.args, strict=True))
    if is_tape(n.type) or any(is_tape(a.type) for a in n.args):
        return lowered(b, n, list(args))
    if n.op is FULL and (k := cut(n.shape)) is not None:
        return b.number(0, "int", n.shape[:k])
    behind = [v for v, a in given if len(v.shape) < len(a.shape)]
    if not behind:
        return lowered(b, n, list(args))
    (x, *_), d = args, len(args[0].shape)
    if n.op is TRANSPOSE and tuple(n.attrs["axes"][d:]) == tuple(range(d, len(n.shape))):
        return b.permute(x, n.attrs["axes"][:d])
    if n.op is SPREAD and all(axis < d + len(n.attrs["axes"]) for axis in n.attrs["axes"]):
        return b.spread(x, n.attrs["axes"], n.attrs["sizes"])
    return lowered(b, n, [spelled_out(b, v, a.type) for v, a in given])
