"""Types of expressions: int, real and bool, shapes, precedence, conditionals, lists."""

from __future__ import annotations

import numpy as np
import pytest
from checking import code, computed, hint, returning, told

# ---- precedence --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("-x**2", -4),
        ("2**-x", 0.25),
        ("2**3**2 * x", 1024),
        ("-2**2", -4),
        ("2 - 3 - 4", -5),
        ("2 / 4 / 2", 0.25),
        ("7 // 2 * 2", 6),
        ("2 + 3 * 4", 14),
        ("- x * 3", -6),
        ("2 * -x", -4),
        ("--x", 2),
        ("if x > 1 then 1 else 0 + 5", 1),
        ("1 + (if x > 3 then 1 else 0)", 1),
    ],
)
def test_operators_bind_as_the_language_says(expression, expected):
    """Loosest first: conditional, or, and, not, comparisons, + -, * / // @, unary -, ** (to the right)."""
    assert computed(expression) == expected


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("true or false and false", True),
        ("not false and false", False),
        ("not (false and false)", True),
        ("not x > 3", True),
        ("x > 1 and x < 3 or x == 7", True),
        ("1 + 1 == x", True),
        ("not not b", True),
    ],
)
def test_logic_binds_as_the_language_says(expression, expected):
    assert computed(expression, "x = 2.0, b = true") == expected


def test_comparisons_do_not_chain():
    assert code(returning("1 < x < 3")) == "syntax"


# ---- numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("a", [7, -7, 0, 6])
@pytest.mark.parametrize("b", [2, -2, 3, -5])
def test_arithmetic_of_ints_is_int(a, b, static):
    """`//` floors, `mod` has the sign of the divisor, `/` is always real; at compile time as at run time."""
    left, right = (f"({a})", f"({b})") if static else ("a", "b")
    signs = ("+", "-", "*", "//", "/")
    expression = ", ".join([f"{left} {sign} {right}" for sign in signs] + [f"mod({left}, {right})"])
    found = computed(expression, f"a = {a}, b = {b}")
    assert found == (a + b, a - b, a * b, a // b, a / b, a % b)
    assert [np.asarray(v).dtype.kind for v in found] == ["i", "i", "i", "i", "f", "i"]


def test_powers_of_ints_are_ints():
    """`**` of ints is int, so a negative exponent is an error: of a literal, at compile time and at run time."""
    assert computed("i ** 3, 2 ** i, 0 ** 0", "i = 5") == (125, 32, 1)
    for expression in ("2 ** -1", "i ** -1", "i ** j", "2 ** j"):
        assert code(returning(expression, "i = 5, j = -1")) == "negative-power"
    assert computed("2.0 ** -1, i ** -1.0", "i = 4") == (0.5, 0.25)


def test_ints_convert_to_real_where_needed_and_back_only_by_int():
    """Toward zero."""
    assert computed("x + 1, sin(0), i * x, [1, x]", "x = 2.5, i = 2")[:3] == (3.5, 0.0, 5.0)
    assert computed("int(2.7), int(-2.7), int(x), int(3)", "x = -0.5") == (2, -2, 0, 3)
    assert np.asarray(computed("int(x)")).dtype == np.int64


def test_ints_beyond_64_bits():
    """Found where they are computed at compile time; a real has no such int at run time."""
    assert told(returning("2**62 * 2 * x")) == [("number-range", "2**62 * 2")]
    assert code(returning("9223372036854775807 + 1")) == "number-range"
    assert code(returning("int(x)", "x = 1e19")) == "number-range"
    assert computed("-2**62 * 2 + 0 * int(x)") == -(2**63)


def test_an_int_divided_by_zero():
    """An error of the operation; a real division has the value infinity."""
    for expression in ("5 // 0", "mod(5, 0)", "5 // i", "mod(5, i)"):
        assert code(returning(expression, "i = 0")) == "division-by-zero"
    assert computed("5 / x", "x = 0.0") == np.inf


@pytest.mark.parametrize(
    "expression",
    [
        "true + 1",
        "-true",
        "x * (x > 1)",
        "sin(true)",
        "[true, 1]",
        "5 // false",
        "max(true, x)",
        "sum([true])",
    ],
)
def test_a_bool_is_never_a_number(expression):
    """And what has a wrong type is told so before it is computed."""
    assert code(returning(expression)) == "type-mismatch"


@pytest.mark.parametrize(
    "expression", ["not x", "x and true", "1 or 2", "if x then 1 else 2", "if 1 then 1 else 2"]
)
def test_a_number_is_never_a_bool(expression):
    assert code(returning(expression)) == "type-mismatch"


def test_a_condition_that_is_a_number_gets_a_hint():
    assert hint(returning("if x then 1 else 2")) == "compare it: `!= 0`"


# ---- shapes ------------------------------------------------------------------------------------------------------

ARRAYS = "x = 2.0, v = [1.0, 2.0], w = [1.0, 2.0, 3.0], A = [[1.0, 2.0], [3.0, 4.0]], u = [5.0]"


def test_elementwise_operators_take_equal_shapes_or_a_scalar():
    """The scalar may be an int."""
    np.testing.assert_array_equal(computed("v * 2 + x - v / v", ARRAYS), [3, 5])
    np.testing.assert_array_equal(computed("max(A, 2) * A", ARRAYS), [[2, 4], [9, 16]])


@pytest.mark.parametrize(
    "expression", ["v + w", "A * v", "A + w", "v * u", "max(v, w)", "v < w", "if v > 0 then w else x"]
)
def test_nothing_else_broadcasts(expression):
    """`real` and `real[1]` differ, a vector is no row of a matrix."""
    assert code(returning(expression, ARRAYS)) == "shape-mismatch"


def test_a_matrix_times_a_vector_gets_the_hint():
    assert hint(returning("sum(A * v)", ARRAYS)) == "`*` is elementwise; the matrix product is `A @ v`"


def test_the_matrix_product():
    """Vector or matrix with vector or matrix."""
    A, v = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 2.0])
    for found, expected in zip(
        computed("A @ v, v @ A, v @ v, A @ A, A @ A @ v", ARRAYS),
        (A @ v, v @ A, v @ v, A @ A, A @ A @ v),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("expression", ["x @ v", "v @ x", "v @ w", "A @ w", "w @ A", "x @ x"])
def test_what_the_matrix_product_refuses(expression):
    assert told(returning(expression, ARRAYS)) == [("shape-mismatch", expression)]


def test_a_list_stacks_equal_shapes_in_front():
    """The kinds are joined."""
    np.testing.assert_array_equal(computed("[v, v * 2]", ARRAYS), [[1, 2], [2, 4]])
    assert np.asarray(computed("[1, 2]")).dtype == np.int64
    assert np.asarray(computed("[1, 2.0]")).dtype == np.float64
    assert np.asarray(computed("[true, x > 1]")).dtype == np.bool_
    assert computed("[[1, 2], [x, 4]]").shape == (2, 2)
    assert told(returning("[v, x]", ARRAYS)) == [("shape-mismatch", "x")]
    assert told(returning("[v, w]", ARRAYS)) == [("shape-mismatch", "w")]


def test_an_array_beyond_the_limit_is_refused():
    """Before anything is allocated."""
    assert code(returning("sum(outer(v, v))", "v : real[16385] = 1")) == "element-limit"
    assert code("function f(x : real[9223372036854775807]) { return x[3] }") == "element-limit"


# ---- conditionals ------------------------------------------------------------------------------------------------


def test_the_arms_of_a_conditional_are_joined():
    """An int and a real are real, a scalar fills the shape of the other arm."""
    assert np.asarray(computed("if x > 1 then 1 else 2.5")).dtype == np.float64
    assert np.asarray(computed("if x > 1 then 1 else 2")).dtype == np.int64
    np.testing.assert_array_equal(computed("if x > 1 then 0 else v", ARRAYS), [0, 0])
    np.testing.assert_array_equal(computed("if x > 3 then 0 else if x > 1 then v else 7", ARRAYS), [1, 2])


@pytest.mark.parametrize(
    "expression, found",
    [
        ("if x > 1 then true else 2.5", "type-mismatch"),
        ("if x > 1 then v else w", "shape-mismatch"),
        ("if w > 1 then v else 0", "shape-mismatch"),
        ("if x > 1 then v else if x > 2 then 0 else w", "shape-mismatch"),
    ],
)
def test_arms_that_do_not_join(expression, found):
    assert code(returning(expression, ARRAYS)) == found
    assert "both arms have one type" in (hint(returning(expression, ARRAYS)) or "")


def test_an_array_condition_selects_elementwise():
    """Arms may be scalars or have the shape of the condition; further arms choose among the lanes left."""
    expression = "if w > 2 then x else if w > 1 then 10 * w else 0"
    np.testing.assert_array_equal(computed(expression, ARRAYS), [0, 20, 2])
    np.testing.assert_array_equal(computed("if x > 1 then (if v > 1 then 1 else 2) else 3", ARRAYS), [2, 1])
    np.testing.assert_array_equal(computed("if x > 3 then 1 else if v > 1 then 2 else v", ARRAYS), [1, 2])
    np.testing.assert_array_equal(computed("if v > 1 then 1 else if x > 3 then 2 else v", ARRAYS), [1, 1])


def test_what_is_not_selected_is_not_evaluated():
    """An index out of range, a division by zero, an int that does not exist: as scalars and lane by lane."""
    assert computed("if i < 3 then w[i] else -1", f"{ARRAYS}, i = 7") == -1
    assert computed("if i > 0 then 10 // i else 0", "i = 0") == 0
    np.testing.assert_array_equal(computed("if n > 0 then 10 // n else 0", "n = [2, 0, 5]"), [5, 0, 2])
    np.testing.assert_array_equal(computed("if v < 9 then int(v) else 0", "v = [2.5, 1e300]"), [2, 0])
    np.testing.assert_array_equal(
        computed("if v > 9 then v * w[i] else 0", "v = [1.0, 2.0], w = [3.0], i = 7"), [0, 0]
    )
    found = computed("if v > 0 then log(v) else 0", "v = [1.0, -1.0, 0.0]")
    np.testing.assert_array_equal(found, [0, 0, 0])


def test_what_is_selected_in_one_lane_is_evaluated():
    assert code(returning("if n > 4 then 10 // (n - 5) else 0", "n = [2, 0, 5]")) == "division-by-zero"
    assert (
        code(returning("if v > 1 then v * w[i] else 0", "v = [1.0, 2.0], w = [3.0], i = 7")) == "index-range"
    )
