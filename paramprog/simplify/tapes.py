"""Rules for tapes: what has been pushed is on top, and sums of what adjoints push are one push."""

from __future__ import annotations

from typing import Any

from paramprog.graph import Node
from paramprog.op import Op
from paramprog.simplify.rule import Emitting, Rule, is_number
from paramprog.transfer.pair import ADD
from paramprog.transfer.source import FULL
from paramprog.transfer.step import OR
from paramprog.transfer.tape import DEEPER, LONE, PUSH, REST, TAPE, TOP
from paramprog.types import LENGTH, Type, is_tape


def _of_number(g: Emitting, like: Node) -> Node | None:
    if like.op is not FULL:
        return None
    return g.number(like.attrs["value"], Type(like.kind, (LENGTH, *like.shape)))


def _top(g: Emitting, t: Node, *, endless: bool) -> Node | None:
    if t.op is PUSH and g.certain(t.args[0]):
        return t.args[1]
    return t.args[0] if t.op is LONE else None


def _rest(g: Emitting, t: Node, *, endless: bool) -> Node | None:
    if t.op is PUSH and g.certain(t.args[1]):
        return t.args[0]
    return t.args[0] if t.op is DEEPER else None


def _of_zero(g: Emitting, t: Node, x: Node) -> Node | None:
    if _is_zero(x):
        return g(DEEPER, t)
    return g(LONE, x) if _is_zero(t) else None


def _is_zero(x: Node) -> bool:
    return is_number(x, False if x.kind == "bool" else 0)


def _parts(t: Node) -> tuple[Node | None, Node | None] | None:
    """What lies below the top, and the top; None for zeros."""
    if t.op is PUSH:
        return t.args[0], t.args[1]
    if t.op is DEEPER:
        return t.args[0], None
    return (None, t.args[0]) if t.op is LONE else None


def _joined(op: Op) -> Any:
    """Of two tapes, by an operation that leaves alone what is joined with zero."""

    def both(g: Emitting, x: Node | None, y: Node | None) -> Node | None:
        return x or y if x is None or y is None else g(op, x, y)

    def rewrite(g: Emitting, a: Node, b: Node) -> Node | None:
        if not is_tape(a.type):
            return None
        for x, y in ((a, b), (b, a)):
            if _is_zero(x):
                return y
        first, second = _parts(a), _parts(b)
        if first is None or second is None:
            return None
        below, top = (both(g, x, y) for x, y in zip(first, second, strict=True))
        if below is None:
            return g(LONE, top)
        return g(DEEPER, below) if top is None else g(PUSH, below, top)

    return rewrite


RULES = (
    Rule("tape(c) = the tape of no values above c", TAPE, _of_number),
    Rule("top(push(t, x)) = x", TOP, _top),
    Rule("rest(push(t, x)) = t", REST, _rest),
    Rule("push(t, 0) and push(0, x) by their names", PUSH, _of_zero),
    Rule("push(s, x) + push(t, y) = push(s + t, x + y), t + 0 = t", ADD, _joined(ADD), resums=True),
    Rule("push(s, x) or push(t, y) = push(s or t, x or y), t or false = t", OR, _joined(OR)),
)
