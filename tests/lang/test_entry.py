"""The entry function: which one it is, its arguments and their defaults."""

from __future__ import annotations

import pytest
from checking import code, findings, told, value

import paramprog


def test_the_entry_function_is_the_last_one_or_the_one_named():
    text = "function f(x = 2.0) { return g(x) }\nfunction g(x = 3.0) { return x }"
    assert paramprog.loads(text)() == 3
    assert paramprog.loads(text, function="f")() == 2
    assert paramprog.loads(text).function == "g"
    assert [d.code for d in findings(text, function="h")] == ["no-entry"]
    assert code("param W = 1.0") == code("") == "no-entry"


def test_arguments_of_the_entry_function_are_real_or_as_their_default():
    """Untyped without default: real. With default: its type, so `k = 3` is an int."""
    text = "function f(a, b : int, k = 3, t = true, v = [1, 2.5], u : real = 1) { return a }"
    inputs = paramprog.loads(text).compiled().built.inputs
    assert {k: str(n.type) for k, n in inputs.items()} == {
        "a": "real",
        "b": "int",
        "k": "int",
        "t": "bool",
        "v": "real[2]",
        "u": "real",
    }


@pytest.mark.parametrize(
    "arguments, code_, at",
    [
        ("g : function", "entry-argument", "function"),
        ("x : int = 2.5", "type-mismatch", "2.5"),
        ("x : real[2] = [1, 2, 3]", "shape-mismatch", "[1, 2, 3]"),
        ("x : complex", "unknown-type", "complex"),
        ("x, y = x", "not-constant", "x"),
        ("x = w", "not-constant", "w"),
    ],
)
def test_what_is_no_entry_argument(arguments, code_, at):
    assert told(f"param w = 1.0\nfunction f({arguments}) {{ return 1.0 }}") == [(code_, at)]


def test_a_default_of_the_entry_function_fills_its_shape():
    assert value("dim n = 3\nfunction f(x : real[n] = 0.5, k : real[n] = 2 * n) { return sum(x * k) }") == 9
