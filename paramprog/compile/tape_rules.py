"""Tapes: each is a handle for its uppermost cell (heap.py), and what lies on it is copied there and back.

What lies on a tape of tapes are handles. `levels` counts the tapes that lie on each other, but for the lowest ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from paramprog.compile.builder import Builder, NotLowered
from paramprog.compile.tensor import Routine, Value
from paramprog.graph import Node
from paramprog.op import Op
from paramprog.transfer.linear import COPY
from paramprog.transfer.pair import ADD
from paramprog.transfer.source import FULL
from paramprog.transfer.step import OR, REAL, STOP
from paramprog.transfer.tape import DEEPER, LONE, PUSH, REST, TAPE, TOP
from paramprog.types import LENGTH, Kind, Shape, Type, is_tape, item_size


def _bytes(b: Builder, element: Type) -> int:
    """Of one value on a tape."""
    return 8 if is_tape(element) else prod(element.shape) * item_size(element.kind, b.real)


def _element(tape: Type) -> Type:
    return Type(tape.kind, tape.shape[1:])


def _routine(
    b: Builder, name: str, type: Type, args: tuple[Value, ...], numbers: tuple[int, ...], of: Kind = "int"
) -> Value:
    """A handle, or what lies on a tape; `type` is that of the result."""
    kind: Kind = "int" if is_tape(type) else type.kind
    shape: Shape = () if is_tape(type) else type.shape
    function = f"pp_{name}_{b.suffix(of)}"
    return Routine(b.new(), kind, shape, b.site, function, args, numbers, name in FAILING, heap=True)


FAILING = frozenset({"top", "rest"})
"""Those that have no value on an empty tape."""


def _empty(b: Builder, like: Value, element: Type) -> Value:
    return _routine(b, "tape", Type(element.kind, (LENGTH, *element.shape)), (like,), (_bytes(b, element),))


def _full(b: Builder, value: float, type: Type) -> Value:
    """The number everywhere; of tapes, one without values that has it below."""
    if not is_tape(type):
        return b.number(value, type.kind, type.shape)
    return _empty(b, _full(b, value, _element(type)), _element(type))


def _pushed(b: Builder, t: Value, x: Value, type: Type) -> Value:
    return _routine(b, "push", type, (t, x), (_bytes(b, _element(type)),))


def _tape(b: Builder, n: Node, like: Value) -> Value:
    return _empty(b, like, n.args[0].type)


def _push(b: Builder, n: Node, t: Value, x: Value) -> Value:
    return _pushed(b, t, x, n.type)


def _top(b: Builder, n: Node, t: Value) -> Value:
    return _routine(b, "top", n.type, (t,), (_bytes(b, n.type), int(n.attrs["endless"])))


def _rest(b: Builder, n: Node, t: Value) -> Value:
    return _routine(b, "rest", n.type, (t,), (int(n.attrs["endless"]),))


def _lone(b: Builder, n: Node, x: Value) -> Value:
    return _pushed(b, _full(b, 0, n.type), x, n.type)


def _deeper(b: Builder, n: Node, t: Value) -> Value:
    return _pushed(b, t, _full(b, 0, _element(n.type)), n.type)


RULES: Mapping[Op, Callable[..., Value]] = {
    TAPE: _tape,
    PUSH: _push,
    TOP: _top,
    REST: _rest,
    LONE: _lone,
    DEEPER: _deeper,
}


def over_tapes(b: Builder, n: Node, *args: Value) -> Value:
    """What is computed of whole tapes: their sums, in derivatives. Raises NotLowered."""
    if n.op is FULL:
        return _full(b, n.attrs["value"], n.type)
    if n.op in (COPY, STOP) or (n.op is REAL and n.args[0].kind == "real"):
        return args[0]
    inner = n.type.shape
    levels = sum(size is LENGTH for size in inner) - 1
    numbers = (prod(inner[levels + 1 :]), levels)
    if n.op in (ADD, OR):
        return _routine(b, "tape_add" if n.op is ADD else "tape_or", n.type, args, numbers, n.kind)
    if n.op is REAL:
        return _routine(b, f"tape_real_of_{n.args[0].kind}", n.type, args, numbers, "real")
    raise NotLowered("tapes", op=n.op.spelled)
