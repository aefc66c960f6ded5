"""Expressions as text: the fewest parentheses, and the bits of the operations that they stand for."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.emit.numbers import literal
from paramprog.emit.written import (
    Written,
    call,
    comparison,
    difference,
    entry,
    indexed,
    matrix,
    negation,
    power,
    product,
    quotient,
    total,
)

A, B, C, D = (Written(name) for name in "abcd")


@pytest.mark.parametrize(
    "made, text",
    [
        (product(product(A, B), C), "a * b * c"),
        (product(A, product(B, C)), "b * c * a"),
        (product(product(A, B), product(C, D)), "a * b * (c * d)"),
        (product(total(A, B), C), "(a + b) * c"),
        (product(A, quotient(B, C)), "b / c * a"),
        (quotient(A, product(B, C)), "a / (b * c)"),
        (quotient(A, quotient(B, C)), "a / (b / c)"),
        (total(A, total(B, C)), "b + c + a"),
        (total(A, difference(B, C)), "b - c + a"),
        (total(total(A, B), total(C, D)), "a + b + (c + d)"),
        (difference(A, total(B, C)), "a - (b + c)"),
        (difference(A, difference(B, C)), "a - (b - c)"),
        (total(A, negation(B)), "a - b"),
        (total(negation(A), B), "b - a"),
        (total(negation(A), negation(B)), "-a - b"),
        (difference(A, negation(product(B, C))), "a + b * c"),
        (negation(product(A, B)), "-a * b"),
        (negation(negation(A)), "a"),
        (negation(total(A, B)), "-(a + b)"),
        (negation(power(A, B)), "-a**b"),
        (product(A, negation(B)), "-a * b"),
        (product(negation(A), negation(B)), "a * b"),
        (power(negation(A), B), "(-a)**b"),
        (power(A, negation(B)), "a**-b"),
        (power(power(A, B), C), "(a**b)**c"),
        (matrix("@", matrix("@", A, B), C), "a @ b @ c"),
        (matrix("@", A, matrix("@", B, C)), "a @ (b @ c)"),
        (product(matrix("@", A, B), C), "(a @ b) * c"),
        (total(matrix("@", A, B), C), "a @ b + c"),
        (total(A, matrix("//", negation(B), C)), "a + (-b) // c"),
        (indexed(total(A, B), ["0", "1:2"]), "(a + b)[0, 1:2]"),
        (comparison("<", total(A, B), comparison("<", C, D)), "a + b < (c < d)"),
        (call("f", total(A, B), "k = 1"), "f(a + b, k = 1)"),
    ],
)
def test_parentheses(made, text):
    assert made.text == text


NUMBERS = st.floats(-9, 9, allow_subnormal=False)
OPERATIONS = {
    total: lambda a, b: a + b,
    difference: lambda a, b: a - b,
    product: lambda a, b: a * b,
    quotient: lambda a, b: a / b if b else b * a,
}


@st.composite
def expressions(draw, depth=5):
    """An expression as text, and its value by the operations themselves."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        value = draw(NUMBERS)
        return literal(value, "real"), value
    if draw(st.integers(0, 4)) == 0:
        x, value = draw(expressions(depth - 1))
        return negation(x), -value
    (a, left), (b, right) = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    operation = draw(st.sampled_from(list(OPERATIONS)))
    if operation is quotient and right == 0:
        operation = product
    return operation(a, b), OPERATIONS[operation](left, right)


@given(expressions())
def test_every_bit_is_kept(made):
    """The text means the operations it was made of, whatever was moved."""
    written, value = made
    assert struct.pack("d", eval(written.text)) == struct.pack("d", value) or eval(written.text) == value == 0


@given(st.floats())
def test_literals_are_exact(value):
    text = (
        literal(value, "real").text.replace("1.0 / 0.0", "float('inf')").replace("0.0 / 0.0", "float('nan')")
    )
    assert struct.pack("d", eval(text)) == struct.pack("d", value) or value != value


@given(st.integers(-(2**63), 2**63 - 1))
def test_ints_are_exact(value):
    assert eval(literal(value, "int").text) == value


@pytest.mark.parametrize(
    "text, axis, expected",
    [
        ("A", 0, "A[i]"),
        ("A", 1, "A[:, i]"),
        ("A[j]", 0, "A[j, i]"),
        ("A[:, j]", 0, "A[i, j]"),
        ("A[:, j]", 1, "A[:, j, i]"),
        ("A[j]", 1, "A[j, :, i]"),
        ("A[0:2]", 0, "A[0:2][i]"),
        ("A[x[0]]", 0, "A[x[0]][i]"),
        ("rows[j]", 0, "rows[j][i]"),
        ("f(A)", 0, "f(A)[i]"),
    ],
)
def test_an_entry_of_an_entry_has_both_indices(text, axis, expected):
    """Where the first one is no range, and what has it is an array and not a list."""
    assert entry(Written(text), axis, "i", of_lists={"rows"}).text == expected
