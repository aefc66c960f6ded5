"""Rules for elementwise primitives.

Forbidden, because they are wrong somewhere: 0 * x = 0 and x - x = 0 (NaN, infinities), x + 0.0 = x (x = -0.0),
-(x - y) = y - x (x = y), x / c = x * (1 / c), (x * y) * z = x * (y * z) (rounding); x ** 1 = x has the same values, but
the gradient of the left side is NaN where x is.
"""

from __future__ import annotations

from paramprog.graph import Node
from paramprog.simplify.rule import Emitting, Rule, beside, is_nonzero, is_not_nan, is_number, negated, under
from paramprog.transfer.linear import COPY, MASK, MUL, NEG
from paramprog.transfer.map import ABS, EXP, GUARD, SIGMOID, SQUARE
from paramprog.transfer.pair import ADD, DIV, DIV0, POW, SUB, XDIVY
from paramprog.transfer.step import AND, EQUAL, GREATER, INT, NOT, NOT_EQUAL, OR, REAL

NEVER_MINUS_ZERO = frozenset({EXP, SQUARE, ABS, SIGMOID})


def _plus_zero(g: Emitting, x: Node, y: Node) -> Node | None:
    other = beside(0.0, x, y)
    exact = other is not None and (other.kind == "int" or other.op in NEVER_MINUS_ZERO)
    return other if exact else beside(-0.0, x, y) if x.kind == "real" else None


def _negative_product(g: Emitting, x: Node) -> Node | None:
    if x.op not in (MUL, DIV):
        return None
    a, b = x.args
    return g(x.op, negated(g, a), b) or g(x.op, a, negated(g, b))


def _constant(g: Emitting, value: float, like: Node, *dropped: Node) -> Node | None:
    """`value` instead of `like`, if what is no longer computed cannot fault."""
    return g.number(value, like.type) if g.certain(*dropped) else None


SAME = (
    Rule("copy(x) = x", COPY, lambda g, x: x),
    Rule("real(x) = x for a real x", REAL, lambda g, x, **_: x if x.kind == "real" else None),
    Rule("int(n) = n for an int n", INT, lambda g, x: x if x.kind == "int" else None),
)

SIGNS = (
    Rule("-(-x) = x", NEG, lambda g, x: under(NEG, x)),
    Rule(
        "-(c * x) = (-c) * x, -(x / c) = x / (-c), -(c / x) = (-c) / x for a number c", NEG, _negative_product
    ),
    Rule("x + (-y) = x - y", ADD, lambda g, x, y: g(SUB, x, under(NEG, y)) or g(SUB, y, under(NEG, x))),
    Rule("x - (-y) = x + y", SUB, lambda g, x, y: g(ADD, x, under(NEG, y))),
    Rule("-1 * x = -x", MUL, lambda g, x, y: g(NEG, beside(-1, x, y))),
    Rule(
        "(-x) * y = -(x * y)",
        MUL,
        lambda g, x, y: g(NEG, g(MUL, under(NEG, x), y)) or g(NEG, g(MUL, x, under(NEG, y))),
    ),
    Rule("x / -1 = -x", DIV, lambda g, x, y: g(NEG, x) if is_number(y, -1) else None),
    Rule(
        "(-x) / y = x / (-y) = -(x / y)",
        DIV,
        lambda g, x, y: g(NEG, g(DIV, under(NEG, x), y)) or g(NEG, g(DIV, x, under(NEG, y))),
    ),
    Rule("abs(-x) = abs(x)", ABS, lambda g, x: g(ABS, under(NEG, x))),
    Rule("square(-x) = square(x)", SQUARE, lambda g, x: g(SQUARE, under(NEG, x))),
)

NEUTRAL = (
    Rule("1 * x = x", MUL, lambda g, x, y: beside(1, x, y)),
    Rule("x + -0.0 = x, x + 0.0 = x where x is never -0.0, n + 0 = n", ADD, _plus_zero),
    Rule("x - 0.0 = x", SUB, lambda g, x, y: x if is_number(y, 0.0) else None),
    Rule("x / 1 = x", DIV, lambda g, x, y: x if is_number(y, 1) else None),
    Rule("n ** 1 = n for an int n", POW, lambda g, x, y: x if is_number(y, 1) and x.kind == "int" else None),
    Rule("x ** 0 = 1, also for NaN", POW, lambda g, x, y: _constant(g, 1, x, x) if is_number(y, 0) else None),
    Rule("div0(x, c) = x / c for c != 0", DIV0, lambda g, x, y: g(DIV, x, y) if is_nonzero(y) else None),
    Rule(
        "div0(x, 0) = 0",
        DIV0,
        lambda g, x, y: _constant(g, 0, x, x) if is_number(y, 0.0) or is_number(y, -0.0) else None,
    ),
    Rule("xdivy(c, y) = c / y for c != 0", XDIVY, lambda g, x, y: g(DIV, x, y) if is_nonzero(x) else None),
)

GUARDS = (
    Rule("guard(x, x) = x", GUARD, lambda g, x, y: x if x is y else None),
    Rule("guard(x, c) = x for a number c", GUARD, lambda g, x, c: x if is_not_nan(c) else None),
    Rule(
        "guard(guard(x, y), y) = guard(x, y)",
        GUARD,
        lambda g, x, y: x if x.op is GUARD and x.args[1] is y else None,
    ),
    Rule("mask(true, x) = x", MASK, lambda g, c, x: x if is_number(c, True) else None),
    Rule("mask(false, x) = 0", MASK, lambda g, c, x: _constant(g, 0, x, x) if is_number(c, False) else None),
    Rule("mask(c, 0) = 0", MASK, lambda g, c, x: x if is_number(x, 0.0) and g.certain(c) else None),
    Rule(
        "mask(c, mask(c, x)) = mask(c, x)",
        MASK,
        lambda g, c, x: x if x.op is MASK and x.args[0] is c else None,
    ),
)

TRUTH = (
    Rule("not not c = c", NOT, lambda g, c: under(NOT, c)),
    Rule("not (x == y) = (x != y)", NOT, lambda g, c: g(NOT_EQUAL, *c.args) if c.op is EQUAL else None),
    Rule("c and c = c", AND, lambda g, x, y: x if x is y else None),
    Rule("c or c = c", OR, lambda g, x, y: x if x is y else None),
    Rule("c and true = c", AND, lambda g, x, y: beside(True, x, y)),
    Rule("c or false = c", OR, lambda g, x, y: beside(False, x, y)),
    Rule("c and false = false", AND, lambda g, x, y: _absorbed(g, False, x, y)),
    Rule("c or true = true", OR, lambda g, x, y: _absorbed(g, True, x, y)),
    Rule("(real(c) > 0) = c for a bool c", GREATER, lambda g, x, y: _lanes(x) if is_number(y, 0.0) else None),
)


def _absorbed(g: Emitting, value: bool, x: Node, y: Node) -> Node | None:
    other = beside(value, x, y)
    return None if other is None else _constant(g, value, other, other)


def _lanes(x: Node) -> Node | None:
    c = under(REAL, x)
    return c if c is not None and c.kind == "bool" else None


RULES: tuple[Rule, ...] = (*SAME, *SIGNS, *NEUTRAL, *GUARDS, *TRUTH)
