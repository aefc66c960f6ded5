"""Expressions as text with the precedence that they have, joined with the fewest parentheses.

The operators of the language and those of Python bind alike, so both are written with the same words. Whatever is
rearranged here keeps every bit: terms and factors change places, a sign moves into a sum or out of a product; nothing
is associated anew.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from enum import IntEnum
from typing import NamedTuple


class Level(IntEnum):
    """How tightly an expression binds, loosest first."""

    ANY = 0
    OR = 1
    AND = 2
    NOT = 3
    COMPARE = 4
    SUM = 5
    MATRIX = 6
    """`a @ b` and `a // b` bind like products, but are put in parentheses beside `*` and `/`, for the reader's sake."""
    PRODUCT = 7
    UNARY = 8
    POWER = 9
    PRIMARY = 10


class Written(NamedTuple):
    """An expression as text."""

    text: str
    level: Level = Level.PRIMARY

    def at(self, least: Level) -> str:
        """The text, in parentheses if it binds less tightly than `least`."""
        return self.text if self.level >= least else f"({self.text})"

    @property
    def negative(self) -> Written | None:
        """What follows the sign, of a product or an operand that starts with one."""
        if self.level < Level.PRODUCT or not self.text.startswith("-"):
            return None
        return Written(self.text[1:], self.level)


def negation(x: Written) -> Written:
    """-x; the sign of a product goes to its first factor."""
    if x.negative is not None:
        return x.negative
    if x.level == Level.PRODUCT:
        return Written(f"-{x.text}", Level.PRODUCT)
    return Written(f"-{x.at(Level.UNARY)}", Level.UNARY)


def total(a: Written, b: Written) -> Written:
    """a + b."""
    if b.negative is not None:
        return difference(a, b.negative)
    if a.negative is not None:
        return difference(b, a.negative)
    if b.level == Level.SUM and a.level != Level.SUM:
        a, b = b, a
    return Written(f"{a.at(Level.SUM)} + {b.at(Level.MATRIX)}", Level.SUM)


def difference(a: Written, b: Written) -> Written:
    """a - b."""
    if b.negative is not None:
        return total(a, b.negative)
    return Written(f"{a.at(Level.SUM)} - {b.at(Level.MATRIX)}", Level.SUM)


def product(a: Written, b: Written) -> Written:
    """a * b; signs go in front."""
    if a.negative is not None or b.negative is not None:
        x = product(a.negative or a, b.negative or b)
        return x if a.negative is not None and b.negative is not None else negation(x)
    if b.level == Level.PRODUCT and a.level != Level.PRODUCT:
        a, b = b, a
    return Written(f"{a.at(Level.PRODUCT)} * {b.at(Level.UNARY)}", Level.PRODUCT)


def quotient(a: Written, b: Written) -> Written:
    """a / b."""
    return Written(f"{a.at(Level.PRODUCT)} / {b.at(Level.UNARY)}", Level.PRODUCT)


def matrix(operator: str, a: Written, b: Written) -> Written:
    """a @ b, a // b."""
    chained = a.level == Level.MATRIX and f" {operator} " in a.text
    left = a.text if chained else a.at(Level.UNARY if a.negative is None else Level.PRIMARY)
    return Written(f"{left} {operator} {b.at(Level.UNARY)}", Level.MATRIX)


def comparison(operator: str, a: Written, b: Written) -> Written:
    """a operator b."""
    return Written(f"{a.at(Level.SUM)} {operator} {b.at(Level.SUM)}", Level.COMPARE)


def power(a: Written, b: Written) -> Written:
    """a ** b."""
    return Written(f"{a.at(Level.PRIMARY)}**{b.at(Level.UNARY)}", Level.POWER)


def call(name: str, *arguments: Written | str) -> Written:
    """name(arguments)."""
    texts = [a if isinstance(a, str) else a.text for a in arguments]
    return Written(f"{name}({', '.join(texts)})")


def indexed(x: Written, items: Sequence[str]) -> Written:
    """x[items]; x itself without items."""
    return Written(f"{x.at(Level.PRIMARY)}[{', '.join(items)}]") if items else x


def entry(x: Written, axis: int, index: str, *, of_lists: Container[str] = ()) -> Written:
    """x[:, index] along an axis: A[:, j][i] is A[i, j], but for lists of arrays."""
    name, bracket, rest = x.text.partition("[")
    inside = rest.removesuffix("]")
    if (
        bracket
        and name.isidentifier()
        and name not in of_lists
        and rest.endswith("]")
        and not set('[]()"') & set(inside)
    ):
        items = inside.split(", ")
        kept = [k for k, item in enumerate(items) if item == ":"]
        if not any(":" in item and item != ":" for item in items):
            if axis < len(kept):
                items[kept[axis]] = index
            else:
                items += [":"] * (axis - len(kept)) + [index]
            return Written(f"{name}[{', '.join(items)}]")
    return indexed(x, [":"] * axis + [index])
