"""`tape`, `push` and `pop` in programs: values, faults, derivatives of every order, and where tapes may not stand."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from emitting import again, agree, by_python, check, statements
from taking import takes

import paramprog
from paramprog.diagnostics import ProgramError

PROGRAMS = {
    "scalars": (
        """
        param w = 0.7
        function f(x = 0.4, n : int = 5) {
            t = tape(0.0)
            h = x
            for i in 0..n { t = push(t, h); h = sin(w * h + i) }
            s = 0.0
            for i in 0..n { t, a = pop(t); s = s * w + a * a * h }
            r = s
            return r
        }""",
        """
        param w = 0.7
        function f(x = 0.4, n : int = 5) {
            t = zeros(5)
            h = x
            for i in 0..5 { t[i] = h; h = sin(w * h + i) }
            s = 0.0
            for i in reversed(0..5) { a = t[i]; s = s * w + a * a * h }
            r = s
            return r
        }""",
    ),
    "left over and shared": (
        """
        param w = 0.7
        function f(x = 0.4, n : int = 5) {
            t = tape(zeros(2))
            h = [x, w]
            for i in 0..n { t = push(t, h); h = sin(w * h + i) }
            s = 0.0
            u = t
            for i in 0..3 { u, a = pop(u); s = s * w + sum(a * a * h) }
            v = push(t, h * 2)
            for i in 0..2 { v, a = pop(v); s = s * x + sum(a * h) }
            r = s * sum(top(t))
            return r
        }""",
        """
        param w = 0.7
        function f(x = 0.4, n : int = 5) {
            t = zeros(6, 2)
            h = [x, w]
            for i in 0..5 { t[i] = h; h = sin(w * h + i) }
            s = 0.0
            for i in 0..3 { a = t[4 - i]; s = s * w + sum(a * a * h) }
            last = t[4]
            t[5] = h * 2
            for i in 0..2 { a = t[5 - i]; s = s * x + sum(a * h) }
            r = s * sum(last)
            return r
        }""",
    ),
    "tapes of tapes": (
        """
        param w = 0.7
        function f(x = 0.4, n : int = 3) {
            tt = tape(tape(0.0))
            h = x
            for i in 0..n {
                t = tape(0.0)
                for j in 0..i + 1 { t = push(t, h); h = sin(w * h + j) }
                tt = push(tt, t)
            }
            s = 0.0
            for i in 0..n {
                tt, t = pop(tt)
                for j in 0..n - i { t, a = pop(t); s = s * w + a * a * h }
            }
            r = s
            return r
        }""",
        """
        param w = 0.7
        function f(x = 0.4, n : int = 3) {
            t = zeros(3, 3)
            h = x
            for i in 0..3 { for j in 0..i + 1 { t[i, j] = h; h = sin(w * h + j) } }
            s = 0.0
            for i in 0..3 { for j in 0..3 - i { a = t[2 - i, 2 - i - j]; s = s * w + a * a * h } }
            r = s
            return r
        }""",
    ),
    "in an arm": (
        """
        param w = 0.7
        function f(x = 0.4, n : int = 4) {
            t = tape(0.0)
            h = x
            for i in 0..n {
                if mod(i, 2) == 0 { t = push(t, h * h) } else { t = push(push(t, h), w) }
                h = sin(w * h + i)
            }
            s = 0.0
            for i in 0..n + n // 2 { t, a = pop(t); s = if a > 0.5 then s * w + log(a) else s + a }
            r = s
            return r
        }""",
        """
        param w = 0.7
        function f(x = 0.4, n : int = 4) {
            t = zeros(6)
            k = 0
            h = x
            for i in 0..4 {
                if mod(i, 2) == 0 { t[k] = h * h; k = k + 1 } else { t[k] = h; t[k + 1] = w; k = k + 2 }
                h = sin(w * h + i)
            }
            s = 0.0
            for i in 0..6 { a = t[5 - i]; s = if a > 0.5 then s * w + log(a) else s + a }
            r = s
            return r
        }""",
    ),
}
"""With tapes, and the same with arrays."""


def both(name):
    return [paramprog.loads(inspect.cleandoc(text)) for text in PROGRAMS[name]]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("mode", ["reverse", "forward", "paths"])
def test_gradients_are_those_of_arrays(name, mode):
    """In every mode."""
    found, expected = (p.grad(wrt=["w", "x"], mode=mode) for p in both(name))
    assert agree(found.value, expected.value)
    for k in "wx":
        assert agree(found[k], expected[k])


@pytest.mark.parametrize("name", PROGRAMS)
def test_they_are_verified(name):
    """Sum over paths, differences of the interpreter, rational arithmetic: no path goes through a tape."""
    program = both(name)[0]
    assert program.verify(wrt=["w", "x"], exact=True).ok


def twice(text, first, second):
    """d/dw of the derivative by w of a program, and that derivative."""
    inner = inspect.cleandoc(text).replace("function f(", "function inner(w, ").replace("param w = 0.7\n", "")
    return f"""{inner}
param w = 0.7
function g(x, w_) {{ y = inner(w_, x); d = grad(y, w_, mode = {first}); return d }}
function f(x = 0.4) {{ d = g(x, w); return grad(d, w, mode = {second}), d }}
"""


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("first", ["forward", "reverse"])
@pytest.mark.parametrize("second", ["forward", "reverse"])
def test_second_derivatives_are_those_of_arrays(name, first, second):
    """In each mix of modes."""
    found, expected = (
        list(paramprog.loads(twice(t, first, second)).run().outputs.values()) for t in PROGRAMS[name]
    )
    for a, b in zip(found, expected, strict=True):
        assert agree(a, b)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("wrt", ["w", "x"])
def test_gradients_are_printed(name, wrt):
    """In both languages; a printed gradient prints again, and stays as it is."""
    program = both(name)[0]
    third = again(again(check(program, [wrt]), [wrt]), [wrt])
    assert statements(again(third, [wrt])) == statements(third)


@pytest.mark.parametrize("name", PROGRAMS)
def test_printed_gradients_differentiate_again(name):
    """As the gradient of the same program with arrays does."""
    values = []
    for program in both(name):
        body, _, _ = program.gradient_program(wrt=["w"]).rpartition("    return ")
        squared = paramprog.loads(f"{body}    squared = dw * dw\n    return squared\n}}")
        values.append(squared.grad(wrt=["w"])["w"])
        assert agree(by_python(squared, ["w"])[1], values[-1], 1e-9)
    assert agree(*values, 1e-9)


@pytest.mark.parametrize("name", PROGRAMS)
def test_they_can_be_checked_drawn_and_printed(name):
    """And so can their printed gradients."""
    takes(paramprog.loads(takes(both(name)[0])))


def test_structural_zeros_stay_zeros_on_a_tape():
    """What was not selected when it was pushed gives no gradient when it is popped, not 0 * inf."""
    text = """
    function f(x = 0.0, n : int = 1) {
        t = tape(0.0)
        for i in 0..n { t = push(t, if x > 1 then x else 2.0) }
        s = 0.0
        for i in 0..n { t, a = pop(t); s = s + a * (if x > 0 then sqrt(x) else 1.0) }
        return s
    }"""
    program = paramprog.loads(inspect.cleandoc(text))
    assert program.grad()["x"] == 0


# ---- faults ------------------------------------------------------------------------------------------------------


def refused(body, result="x", entry="x = 1.0"):
    text = f"function f({entry}) {{\n{body}\nreturn {result}\n}}"
    with pytest.raises(ProgramError) as caught:
        paramprog.loads(text).run()
    first = caught.value.diagnostics[0]
    return first.code, first.span.text


@pytest.mark.parametrize(
    "body, span",
    [
        ("t = tape(x); y = 0.0; for i in 0..1 { t, y = pop(t) }", "pop(t)"),
        ("t = push(tape(0.0), x); y = top(rest(t))", "top(rest(t))"),
        ("t = push(tape(0.0), x); y = top(rest(rest(t)))", "rest(rest(t))"),
    ],
)
def test_nothing_can_be_taken_from_an_empty_tape(body, span):
    """The fault stands at the call, also that of `pop`, which is a function of the prelude."""
    assert refused(body, "y") == ("tape-empty", span)


def test_an_endless_tape_goes_on_with_what_it_was_made_like():
    text = "function f(x = 3.0) { t = push(tape(7.0), x); s, a = pop(t); u, b = pop(s, endless = true); return a * b }"
    assert paramprog.loads(text).grad(wrt=["x"])["x"] == 7.0


@pytest.mark.parametrize(
    "body, result, code, span",
    [
        ("t = push(tape(0.0), x)", "t", "tape-use", "return t"),
        ("t = push(tape(0.0), x)", "sum(t)", "tape-use", "sum(t)"),
        ("t = push(tape(0.0), x)", "x * t", "tape-use", "*"),
        ("t = push(tape(0.0), x)", "t[0]", "tape-use", "t"),
        ("t = push(tape(0.0), x)", "if t == t then x else 0", "tape-use", "=="),
        ("t = push(tape(0.0), x)", "-t", "tape-use", "-"),
        ("t = push(tape(0.0), x); y = [t for i in 0..2]", "x", "tape-use", "t"),
        ("t = push(tape(0.0), x); y = [t, t]", "x", "tape-use", "[t, t]"),
        ("t = push(tape(0), x)", "x", "type-mismatch", "push(tape(0), x)"),
        ("t = push(tape(zeros(3)), x)", "x", "shape-mismatch", "push(tape(zeros(3)), x)"),
        ("t = tape(0.0); for i in 0..3 { t = x }", "x", "shape-mismatch", "t"),
        ("t = top(x)", "x", "shape-mismatch", "top(x)"),
        ("y = sum(top(push(tape(0.0), x * i)) for i in 0..3)", "y", "not-built", "tape(0.0)"),
        ("t = push(tape(0.0), x); y = top(t) * x", "grad(y, t)", "tape-use", "t"),
    ],
)
def test_where_tapes_may_not_stand(body, result, code, span):
    """The message points at it."""
    assert refused(body, result)[0] == code


@pytest.mark.parametrize(
    "declaration", ["const c = tape(0.0)", "param w = tape(0.0)", "base b(x) = top(push(tape(0.0), x))"]
)
def test_declarations_are_made_without_tapes(declaration):
    with pytest.raises(ProgramError, match="tape-use"):
        paramprog.loads(
            f"{declaration}\nfunction f(x = 1.0) {{ return x{' * b(x)' if 'base' in declaration else ''} }}"
        )


def test_many_samples_at_once_are_refused():
    """With the place."""
    program = both("scalars")[0]
    with pytest.raises(ProgramError, match="push"):
        program.grad(inputs={"x": np.array([0.1, 0.2])}, batch=["x"])
