"""The types of operators; which primitive each one is, noted in the instance."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from paramprog.diagnostics import Span, fail
from paramprog.lang.instance import Info, Primitive
from paramprog.lang.syntax import Chain, Compare, Expression, Negate, Not, Power
from paramprog.lang.walk import Walk
from paramprog.op import OPS, SURFACES, Op
from paramprog.types import ShapeError

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing

OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "//": "intdiv", "and": "and", "or": "or"}
COMPARISONS = {
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}


def chain(typing: Typing, e: Chain) -> Walk[Info]:
    left: Info = typing.leaf(e.first) or (yield typing.inner(e.first))
    instance = typing.instance
    for link in e.links:
        if link.operator in ("and", "or") and left.static is (link.operator == "or"):
            instance.info[link] = left  # decided: the right side is not even typed
            continue
        right: Info = typing.leaf(link.operand) or (yield typing.inner(link.operand))
        span = e.span if link is e.links[-1] else Span(e.span.source, e.span.start, link.operand.span.end)
        if link.operator == "@":
            target = Primitive(*_product(left, right, span), ())
        else:
            target = _primitive(OPERATORS[link.operator])
        hint = None
        if link.operator == "*" and len(left.type.shape) == 2 and len(right.type.shape) in (1, 2):
            hint = (
                f"`*` is elementwise; the matrix product is `{e.first.span.text} @ {link.operand.span.text}`"
            )
        left = typing.apply(target.op, (left, right), target.attrs, span, hint)
        instance.info[link] = left
        instance.targets[link] = target
    return typing.noted(e, left)


@cache
def _primitive(name: str) -> Primitive:
    return Primitive(OPS[name], {}, ())


def _product(left: Info, right: Info, span: Span) -> tuple[Op, Mapping[str, Any]]:
    op, surface = SURFACES["@"][0]
    try:
        return op, surface.attrs((left.type, right.type), {})
    except ShapeError as error:
        hint = "`*` multiplies by a scalar" if not left.type.shape or not right.type.shape else None
        raise fail("shape-mismatch", str(error), span, hint) from None


def compare(typing: Typing, e: Compare) -> Walk[Info]:
    left: Info = yield typing.expression(e.left)
    right: Info = yield typing.expression(e.right)
    return _operator(typing, e, COMPARISONS[e.operator], (left, right))


def negate(typing: Typing, e: Negate) -> Walk[Info]:
    operand: Info = yield typing.expression(e.operand)
    return _operator(typing, e, "neg", (operand,))


def not_(typing: Typing, e: Not) -> Walk[Info]:
    operand: Info = yield typing.expression(e.operand)
    return _operator(typing, e, "not", (operand,))


def power(typing: Typing, e: Power) -> Walk[Info]:
    base: Info = yield typing.expression(e.base)
    exponent: Info = yield typing.expression(e.exponent)
    if base.static is None and base.type.kind == "int" and (exponent.static or 0) < 0:
        raise fail(
            "negative-power",
            "an int to a negative power is not an int",
            e.span,
            "write the base as a real",
        )
    return _operator(typing, e, "pow", (base, exponent))


def _operator(typing: Typing, e: Expression, name: str, infos: tuple[Info, ...]) -> Info:
    typing.instance.targets[e] = _primitive(name)
    return typing.apply(OPS[name], infos, {}, e.span)
