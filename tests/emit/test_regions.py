"""Printed gradients of programs with loops, `if` statements and comprehensions."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from effort import calls
from emitting import again, agree, by_python, check, printed_graph, statements
from hypothesis import given, settings
from strategies.graphs import graphs
from strategies.programs import programs
from taking import takes

import paramprog
from paramprog.diagnostics import ProgramError, Source
from paramprog.emit.code import MARK
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.lang.format import format_source
from paramprog.resources import programs_dir

WRT = ["w", "u", "W", "x", "v", "y", "A"]

PROGRAMS = {
    "rnn": """
        dim T = 4, d = 3, n = 2
        param W : real[d, d] ~ glorot(), U : real[d, n] ~ glorot(), b : real[d] ~ zeros()
        function rnn(xs : real[T, n] = [[1, 2], [0.5, -1], [0.3, 0.2], [1.5, 0.1]]) {
            h = zeros(d)
            for t in 0..T {
                z = W @ h + U @ xs[t] + b
                h = tanh(z)
            }
            loss = dot(h, h)
            return loss
        }""",
    "horner": """
        dim n = 5
        param c : real[n] = [1, -2, 0.5, 3, 0.25]
        function horner(x = 0.7) {
            y = 0.0
            for k in reversed(0..n) { y = y * x + c[k] }
            return y
        }""",
    "a recurrence with updates, names that change places": """
        dim n = 6
        param a = 0.3
        function f(x : real[n] = [1, 2, 3, 4, 5, 6]) {
            y = zeros(n)
            y[0] = x[0]
            y[1] = sin(x[1])
            for i in 2..n { y[i] = a * y[i - 1] + y[i - 2] * x[i] }
            s = 0.0
            b = 1.0
            for i in 0..n { s, b = b, s * y[i] + b }
            return s + sum(y)
        }""",
    "dynamic programming": """
        dim n = 3, m = 4
        param gap = -0.7
        function f(S : real[n, m] = [[1, -1, 0.2, 0.5], [0.3, 2, -1, 0.1], [-0.4, 0.6, 1.5, 0.9]]) {
            D = zeros(n + 1, m + 1)
            for i in 0..n {
                D[i + 1, 0] = (i + 1) * gap
                for j in 0..m {
                    D[i + 1, j + 1] = logaddexp(D[i, j] + S[i, j], logaddexp(D[i, j + 1], D[i + 1, j]) + gap)
                }
            }
            return D[n, m]
        }""",
    "nested loops": """
        dim n = 3, m = 2
        param W : real[n, n] ~ glorot()
        function f(x : real[n] = [0.1, 0.2, 0.3]) {
            h = x
            acc = 0.0
            for i in 0..n {
                g = h
                for j in 0..m {
                    g = tanh(W @ g + h)
                    acc = acc + sum(g * g)
                }
                h = g * h[i]
            }
            return acc + sum(h)
        }""",
    "an if statement in a loop": """
        dim n = 5
        param w = 0.4
        function f(x : real[n] = [1, -2, 3, -0.5, 2]) {
            s = 0.0
            p = 1.0
            for i in 0..n {
                if x[i] > 0 {
                    s = s + log(x[i]) * w
                    p = p * w
                } else if x[i] > -1 {
                    s = s * 2
                } else {
                    q = sin(s * x[i])
                    s = q * q
                    p = p + q
                }
            }
            return s * p
        }""",
    "an if statement with several results": """
        param w = 0.4, b = 2.0
        function f(x = 1.5, v : real[3] = [1, 2, 3]) {
            if x > 1 {
                u = exp(v * x)
                a = sum(u * u) * w
                c = u * b
            } else {
                a = w
                c = v
            }
            return a * sum(c * c) + b
        }""",
    "arms that give names of other kinds": """
        param w = 0.4
        function f(x = 1.5, v : real[3] = [1, 2, 3]) {
            if x > 1 { a = prod(exp(v * x) + v) * sum(exp(v * x)) } else { a = w * x }
            if a > 3 { b = all(v > a); c = 2 * a * a } else { b = any(v > a); c = a }
            return if b then c * sin(a) else c * w
        }""",
    "comprehensions with conditions and gathers": """
        dim n = 4
        param w : real[n] = [1, 2, 3, 4]
        function f(x : real[n] = [0.5, -1, 2, 3], k : int[n] = [3, 1, 0, 2]) {
            y = [if x[i] > 0 then sqrt(x[i]) * w[k[i]] else x[k[i]] * x[k[i]] for i in 0..n]
            z = sum(sin(y[i]) * sin(y[i]) * w[j] for i in 0..n, j in 0..n)
            m = [x[i] * w[j] + exp(x[i]) for i in 1..n, j in 0..3]
            return sum(y) + z + sum(m * m) + max(x[i] * w[i] for i in 0..n)
        }""",
    "a loop inside a comprehension, through a function": """
        dim n = 4, d = 3
        param c : real[d] = [1, -0.5, 0.25]
        function poly(x) {
            y = 0.0
            for k in reversed(0..d) { y = y * x + c[k] }
            return y
        }
        function f(x : real[n] = [0.5, -1, 2, 3]) {
            y = [poly(x[i]) for i in 0..n]
            return sum(y * y)
        }""",
    "comprehensions in one another, in a loop, in an arm": """
        dim n = 3
        param w : real[n] = [1, 2, 3]
        function f(x : real[n] = [0.5, -1, 2]) {
            s = x
            for t in 0..2 {
                if s[0] > t { s = [sum(s[j] * w[i] for j in 0..n) * 0.1 for i in 0..n] } else { s = tanh(s) }
            }
            rows = [[w[i] * s[j] for j in 0..n] for i in 0..n]
            return sum(rows @ s) + sum(if x[i] > 0 then sum(log(x[i]) * s[j] for j in 0..n) else 0 for i in 0..n)
        }""",
    "guards": """
        dim n = 4
        param w = 0.5
        function f(x : real[n] = [1, 0, -1, 2]) {
            s = 1.0
            for i in 0..n {
                t = if x[i] > 0 then log(x[i]) * s else 0
                v = if x > s then sqrt(x - s) * t else 0
                s = s * w + t + sum(v)
            }
            return s
        }""",
    "no turns": """
        dim n = 0
        param w = 0.5
        function f(x : real[n, 2] = zeros(0, 2), h0 : real[2] = [1, 2]) {
            h = h0
            for i in 0..n { h = tanh(w * h + x[i]) }
            return sum(h) * w + sum(sum(x[i] * w) for i in 0..n)
        }""",
    "divisions by numbers that loops count": """
        param w = 0.5
        function f(x = 2.0) {
            s = 0.0
            for i in 0..4 { s = if i > 0 then s + x / i else w }
            p = sum(if i > 0 then x / i else w for i in 0..3)
            return s * p
        }""",
    "ints and bools that are carried": """
        param w = 0.5
        function f(x : real[4] = [1, -2, 3, -4]) {
            k, up, s = 0, false, 0.0
            for i in 0..4 {
                up = up or x[i] > 2
                k = if up then k + 1 else k
                s = s + (if up then w * x[i] * k else x[i])
            }
            return s * k
        }""",
    "a derivative inside, of entries": """
        param w = 0.7
        function f(x = 2.0) {
            v = [sin(w * x * i) for i in 0..3]
            y = sum(v)
            g = grad(y, x)
            h = grad(g, x)
            return g * w + h
        }""",
    "names that loops and indices have": """
        param t = 0.5, i = 2.0, h_all = 1.5, t_all = 0.5, reversed = 1.0, range = 0.25, lambda = 2.0
        function f(turns = 2.0, z_all : real[3] = [1, 2, 3]) {
            h = turns
            for while_ in 0..3 {
                h = sin(h * t + z_all[while_]) * h_all
                for print in 0..2 { h = h * lambda * reversed + range * i }
            }
            y = [sin(z_all[np] * t_all) * h for np in 0..3]
            return sum(y)
        }""",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_both_languages_compute_value_and_gradients(text):
    """By params and by inputs, at the defaults."""
    program = paramprog.loads(inspect.cleandoc(text))
    check(program)
    inputs = program.point().inputs
    check(program, [k for k, v in inputs.items() if np.asarray(v).dtype.kind == "f"])


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_what_is_printed_is_laid_out_and_prints_again(text):
    """`fmt` leaves it as it is; the gradient of the value that was printed, printed thrice more, stays as it is."""
    first = paramprog.loads(inspect.cleandoc(text)).gradient_program()
    assert paramprog.loads(inspect.cleandoc(text)).gradient_program() == first
    assert format_source(Source("printed", first)) == first
    third = again(again(first))
    assert statements(again(third)) == statements(third)


@pytest.mark.parametrize("name", ["rnn", "nested loops", "dynamic programming", "guards"])
def test_what_is_printed_differentiates_again(name):
    """The gradient of the squared gradient is what the graph says, and can be printed."""
    program = paramprog.loads(inspect.cleandoc(PROGRAMS[name]))
    wrt = next(iter(program.grad().gradients))
    body, _, _ = program.gradient_program(wrt=[wrt]).rpartition("    return ")
    second = paramprog.loads(f"{body}    squared = sum(d{wrt} * d{wrt})\n    return squared\n}}")
    x = np.asarray(program.point().params[wrt])
    direction = np.random.default_rng(0).normal(size=x.shape)
    squares = [
        np.sum(np.square(program.grad(**{wrt: x + h * direction}, wrt=[wrt])[wrt])) for h in (1e-6, -1e-6)
    ]
    slope = np.sum(second.grad(wrt=[wrt])[wrt] * direction)
    np.testing.assert_allclose(slope, (squares[0] - squares[1]) / 2e-6, rtol=1e-5, atol=1e-7)
    check(second, [wrt], 1e-9)


# ---- what it looks like ------------------------------------------------------------------------------------------


def lines(name, language="pp"):
    text = paramprog.loads(inspect.cleandoc(PROGRAMS[name])).gradient_program(language=language)
    return [line.split("  #")[0].strip() for line in text.splitlines()]


def test_carried_arrays_are_updated_in_place():
    found = lines("dynamic programming")
    assert "D[t6, t3] = logaddexp(t2, t8)" in found or any(s.startswith("D[") for s in found)
    assert "y[i_2] = a * t1 + y[i_2 - 2] * x[i_2]" in lines(
        "a recurrence with updates, names that change places"
    )
    assert "s, b = b, s * y[i] + b" in lines("a recurrence with updates, names that change places")


def test_arms_are_statements():
    found = lines("an if statement in a loop")
    assert "if x[i] > 0 {" in found
    assert "s = s * 2" in found
    assert "if x > 1 {" in lines("an if statement with several results")
    assert "if x > 1:" in lines("an if statement with several results", "python")


def test_what_is_cheap_is_computed_again_and_not_kept():
    """Rows of inputs and sums of indices are no arrays of their own."""
    found = lines("rnn") + lines("horner")
    assert [line for line in found if "_all = " in line] == [
        "h_all = zeros(4, 3)",
        "z_all = zeros(4, 3)",
        "dz_all = zeros(4, 3)",
    ]


def test_one_entry_is_an_expression():
    text = "param w : real[3] = 2\nfunction f(x : real[3] = [1, 2, 3]) { return sum([w[i] * x[i] for i in 0..3]) }"
    printed = check(paramprog.loads(text))
    assert "[w[i] * x[i] for i in 0..3]" in printed


# ---- numbers of turns that are known at run time only ---------------------------------------------------------------

RUN_TIME = {
    "while": """
        param a = 2.0, w = 0.5
        function f(x = 10.0) {
            y = x
            while abs(y * y - a) > 1e-9 { y = w * (y + a / y) }
            return y
        }""",
    "an int that is given": """
        param w = 0.5
        function f(x = 1.0, n : int = 4) {
            y = x
            for i in reversed(1..n) { y = sin(w * y) + i * y }
            return y
        }""",
    "arrays that are carried, no turns": """
        param W : real[2, 2] = [[0.5, 0.25], [-0.5, 1.0]]
        function f(x : real[2] = [1, 2], n : int = 0) {
            y = x
            for i in 0..n { y = tanh(W @ y) }
            return sum(y * y)
        }""",
    "entries whose turns use their numbers": """
        function powers(x, k : int) {
            s = x
            for i in 0..k { s = sin(s) + i * x }
            return s
        }
        function f(x = [0.25, 0.5, 1.0]) { return prod(powers(x[i], 2 * i) for i in 0..3) }""",
    "in entries, in turns, in an arm": """
        dim n = 3
        param w = 0.5
        function root(a) {
            y = a
            while abs(y * y - a) > 1e-9 { y = w * (y + a / y) }
            return y
        }
        function f(x : real[n] = [2, 3, 10]) {
            y = [root(x[i]) for i in 0..n]
            s = 0.0
            for i in 0..n { s = s + root(x[i]) * root(y[i]) }
            if s > 1 { t = root(s) } else { t = s }
            return sum(y) + s * t
        }""",
}


@pytest.mark.parametrize("text", RUN_TIME.values(), ids=RUN_TIME)
def test_python_keeps_lists(text):
    program = paramprog.loads(inspect.cleandoc(text))
    expected = program.grad()
    for a, b in zip(by_python(program), [expected.value, *expected.gradients.values()], strict=True):
        assert agree(a, b)


@pytest.mark.parametrize("text", RUN_TIME.values(), ids=RUN_TIME)
def test_the_language_keeps_them_on_tapes(text):
    """They differentiate again: the gradient of the value that was printed, and that of the squared gradient."""
    program = paramprog.loads(inspect.cleandoc(text))
    printed = check(program)
    assert "push(" in printed
    assert ", endless" not in printed
    third = again(again(printed))
    assert statements(again(third)) == statements(third)
    wrt = next(iter(program.grad().gradients))
    body, _, _ = program.gradient_program(wrt=[wrt]).rpartition("    return ")
    squared = paramprog.loads(f"{body}    squared = sum(d{wrt} * d{wrt})\n    return squared\n}}")
    check(squared, [wrt], 1e-9)


@pytest.mark.parametrize("name", [name for name in RUN_TIME if name != "in entries, in turns, in an arm"])
def test_what_is_printed_with_tapes_can_be_checked_and_drawn(name):
    takes(paramprog.loads(takes(paramprog.loads(inspect.cleandoc(RUN_TIME[name])))))


def test_a_loop_that_needs_no_history_prints_all_the_same():
    text = """
    param w = 0.5
    function f(x = 1.0, n : int = 4) {
        y, k = x, 0.0
        for i in 0..n { y = y + w }
        while k < 3 { k = k + 1 }
        return y + k * w
    }"""
    printed = check(paramprog.loads(inspect.cleandoc(text)))
    assert "for i in reversed(0..n) {" in printed
    assert "while k < 3 {" in printed


def test_entries_whose_loops_need_nothing_but_their_numbers():
    """A history that is only the number of the turn is computed again: no tape is made, and none is looked for."""
    text = """
    function g(x, k : int) {
        s = x
        for i in 0..k { s = s + i * x }
        return s
    }
    function f(x = [0.25, 0.5, 1.0]) { return sum(g(x[i], 2 * i) for i in 0..3) }"""
    printed = check(paramprog.loads(inspect.cleandoc(text)))
    assert "tape(" not in printed
    assert "for i_ in reversed(0..i * 2) {" in printed or "for i_ in reversed(0..2 * i) {" in printed


def test_loops_that_run_their_turns_again_are_refused():
    """By a point of the program, which is not simplified before it is differentiated."""
    text = inspect.cleandoc(PROGRAMS["rnn"]).replace("0..T {", "0..T checkpoint 2 {")
    program = paramprog.loads(text)
    check(program)
    with pytest.raises(ProgramError, match="not-printable"):
        program.gradient_program(wrt=["h", "W"])


# ---- random graphs and programs ----------------------------------------------------------------------------------


def printed_or_refused(printed):
    """None where something is done with a whole history whose length is known at run time only."""
    try:
        return printed()
    except ProgramError as error:
        codes = [d.code for d in error.diagnostics]
    assert codes == ["not-printable"]
    return None


@settings(max_examples=40)
@given(graphs())
def test_random_graphs(drawn):
    """Value and gradients of both languages are those of the graph."""
    found = adjoint(drawn.output, drawn.leaves)
    made = iter(evaluate([drawn.output, *(n for n in found if n is not None)], drawn.inputs))
    pairs = zip(found, drawn.leaves, strict=True)
    wanted = [next(made), *(np.zeros(x.shape) if n is None else next(made) for n, x in pairs)]
    inputs = {leaf.name: value[()] for leaf, value in drawn.inputs.items()}
    namespace = {}
    exec(printed_graph(drawn.output, drawn.leaves, "python"), namespace)
    function = next(v for k, v in reversed(namespace.items()) if k.endswith("_gradient"))
    for a, b in zip(function(*inputs.values()), wanted, strict=True):
        assert agree(a, b, 1e-10)
    text = printed_or_refused(lambda: printed_graph(drawn.output, drawn.leaves, "pp"))
    if text is None:
        return
    for a, b in zip(paramprog.loads(text).run(inputs).outputs.values(), wanted, strict=True):
        assert agree(a, b, 1e-10)


@settings(max_examples=15)
@given(programs(regions=True))
def test_random_programs(text):
    """In both languages; a printed program is refused only for run-time numbers of turns."""
    program = paramprog.loads(text)
    expected = program.grad(wrt=WRT)
    for a, b in zip(by_python(program, WRT), [expected.value, *expected.gradients.values()], strict=True):
        assert agree(a, b, 1e-9)
    first = printed_or_refused(lambda: program.gradient_program(wrt=WRT))
    if first is None:
        return
    assert format_source(Source("printed", first)) == first
    for printed in (first, again(first, WRT)):
        found = paramprog.loads(printed).run().outputs.values()
        for a, b in zip(found, [expected.value, *expected.gradients.values()], strict=True):
            assert agree(a, b, 1e-9)


@pytest.mark.parametrize("name", ["newton"])
def test_shipped_programs_with_run_time_loops(name):
    program = paramprog.load(programs_dir() / f"{name}.pp")
    expected = program.grad()
    for a, b in zip(by_python(program), [expected.value, *expected.gradients.values()], strict=True):
        assert agree(a, b)
    check(program)


@pytest.mark.parametrize("text", [*PROGRAMS.values(), *RUN_TIME.values()], ids=[*PROGRAMS, *RUN_TIME])
def test_single_precision(text):
    """What Python returns is single, and what the graph says."""
    program = paramprog.loads(inspect.cleandoc(text), dtype="float32")
    if "1e-9" in text:
        program = paramprog.loads(inspect.cleandoc(text).replace("1e-9", "1e-5"), dtype="float32")
    expected = program.grad()
    for value, wanted in zip(by_python(program), [expected.value, *expected.gradients.values()], strict=True):
        assert np.asarray(value).dtype == np.float32
        assert agree(value, wanted, 1e-4)


def test_the_cost_of_nested_regions_is_that_of_the_program():
    """Twice the arms are about twice the work, also one inside the other."""

    def effort(n):
        arms = " else ".join(
            f"if x > {k} {{ y = sin(y) * x + prod(exp(v * y)); z = y * v }}" for k in range(n)
        )
        text = f"function f(x = 0.5, v : real[2] = [1, 2]) {{ y, z = x, v; {arms}; return y * sum(z) }}"
        return calls(paramprog.loads(text).gradient_program)

    assert effort(16) < 5 * effort(8)


@pytest.mark.parametrize("language", ["pp", "python"])
def test_functions_of_arms_have_names_of_their_own(language):
    """Also where they are given what a carried name will be in the next turn, which has no name yet."""
    text = """
        dim n = 3
        param w = 0.9
        base b0(a) = if (if a > 1 then 0.1 else 0.7) > 0.1 then log(a) else a
        function g(p : real[n], q) {
            a = 1.0 * [if i > 0 then p[i] else 1.0 for i in 0..n]
            b = 1.0 * b0(p)
            p[1] = q
            k = 0
            while k < 2 and (0.75 < w or k < 1) {
                for r in reversed(0..n) { a = tanh((if b == 0 then 1 else sin(b) / b) + a) }
                b = tanh(prod(tanh(p) * i for i in 0..n) + b)
                k = k + 1
            }
            return zeros(n) + (w + a)
        }
        function f(x = 0.4, v = [1.2, 0.8, 1.3]) {
            b = g(min(if i > 0 then x else v for i in 0..n), b0(x))
            return sum(if i > 0 then (if b[i] > 0.1 then log(b[i]) else -0.6) else 0.0 for i in 0..n)
        }"""
    program = paramprog.loads(text)
    assert MARK not in program.gradient_program(wrt=["w", "x", "v"], language=language)
    check(program, ["w", "x", "v"])
