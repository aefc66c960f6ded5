"""What both languages write as operators; contractions by their index words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from paramprog.emit.written import (
    Written,
    comparison,
    difference,
    matrix,
    negation,
    power,
    product,
    quotient,
    total,
)

Operator = Callable[..., Written]

OPERATORS: Mapping[str, Operator] = {
    "neg": negation,
    "add": lambda a, b=None: total(a, b) if b is not None else product(Written("2"), a),
    "sub": difference,
    "mul": product,
    "div": quotient,
    "intdiv": lambda a, b: matrix("//", a, b),
    "pow": power,
    "square": lambda x: power(x, Written("2")),
    "recip": lambda x: quotient(Written("1"), x),
    "equal": lambda a, b: comparison("==", a, b),
    "not_equal": lambda a, b: comparison("!=", a, b),
    "less": lambda a, b: comparison("<", a, b),
    "less_equal": lambda a, b: comparison("<=", a, b),
    "greater": lambda a, b: comparison(">", a, b),
    "greater_equal": lambda a, b: comparison(">=", a, b),
}
"""What both languages write as operators, of operands that are elementwise."""


def words(spec: str) -> tuple[tuple[str, str], str]:
    """The words of a contraction."""
    operands, result = spec.split("->")
    first, second = operands.split(",")
    return (first, second), result


def pattern(one: str, other: str, result: str) -> str:
    """The specification with letters in the order in which they occur."""
    order = dict.fromkeys(one + other + result)
    letters = dict(zip(order, "ijklmnopqrstuvwxyzabcdefgh", strict=False))
    return f"{''.join(map(letters.__getitem__, one))},{''.join(map(letters.__getitem__, other))}->" + "".join(
        map(letters.__getitem__, result)
    )
