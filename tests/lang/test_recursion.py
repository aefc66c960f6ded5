"""Recursion that is inlined, and several errors in one run."""

from __future__ import annotations

import pytest
from checking import findings, returning, told, value

# ---- recursion ---------------------------------------------------------------------------------------------------


def test_recursion_on_ints_known_at_compile_time_ends():
    """The arm that is not taken is neither typed nor inlined."""
    power = "function power(x, n : int) { return if n == 0 then 1.0 else x * power(x, n - 1) }\n"
    assert value(power + returning("power(x, 10)")) == 1024
    fact = "function fact(n : int) { return if n == 0 then 1 else n * fact(n - 1) }\n"
    assert value(fact + returning("x * fact(20)")) == 2 * 2432902008176640000
    assert told(fact + returning("x * fact(21)")) == [("number-range", "n * fact(n - 1)")]
    even = "function even(n) { return if n == 0 then true else odd(n - 1) }\n"
    even += "function odd(n) { return if n == 0 then false else even(n - 1) }\n"
    assert value(even + returning("if even(7) then nonsense else x")) == 2


def test_recursion_on_sizes_ends():
    text = "function total(v : real[n]) { return if n == 0 then 0.0 else v[0] + total(v[1:]) }\n"
    assert value(text + returning("total(v)", "v = [1.0, 2.0, 3.0, 4.0]")) == 10


@pytest.mark.parametrize(
    "text, found, at",
    [
        ("function f(x) { return f(x) }", "endless-recursion", "f(x)"),
        (
            "function g(x) { return h(x) }\nfunction h(x) { return g(x) }\nfunction f(x) { return g(x) }",
            "endless-recursion",
            "g(x)",
        ),
        (
            "function g(n : int, x) { return g(n + 1, x) }\nfunction f(x) { return g(0, x) }",
            "nesting-limit",
            "g(n + 1, x)",
        ),
        (
            "function g(x) { return if x > 0 then g(x - 1) else x }\nfunction f(x) { return g(x) }",
            "endless-recursion",
            "g(x - 1)",
        ),
    ],
)
def test_recursion_that_does_not_end_is_found(text, found, at):
    """Also on a condition that only data decide."""
    assert told(text) == [(found, at)]


# ---- several errors ----------------------------------------------------------------------------------------------


def test_independent_errors_are_told_in_one_run_in_order():
    """A name whose definition is in error causes no error of its own."""
    text = "param w : rael\nbase b(x) = y\nfunction g(x) { return qq }\n"
    text += "function f(x, v = [1.0]) { a = zz; b = a + 1; c = g(x) + a; d = v + [1, 2]; e = d * c\n"
    text += "return e + b(x) + w }"
    assert told(text) == [
        ("unknown-type", "rael"),
        ("undefined-name", "y"),
        ("undefined-name", "qq"),
        ("undefined-name", "zz"),
        ("shape-mismatch", "v + [1, 2]"),
    ]


def test_an_error_in_a_function_is_told_once():
    """However often it is called, with whatever types."""
    text = "function g(x) { y = zz; return y }\n"
    text += "function f(x = 1.0, v = [1.0]) { a = g(x); b = g(v); c = g(x); return a + sum(b) }"
    assert told(text) == [("undefined-name", "zz")]


def test_at_most_a_hundred_errors_are_told():
    lines = "\n".join(f"a{k} = b{k}" for k in range(300))
    assert len(findings(f"function f(x) {{\n{lines}\nreturn x }}")) == 100
