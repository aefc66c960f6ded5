"""Printed gradients: they are programs, they compute the same, they can be printed and differentiated again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from effort import calls
from emitting import again, agree, by_python, check, statements
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies.programs import programs
from taking import takes

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.graph import Region
from paramprog.resources import programs_dir

SHIPPED = sorted(p.stem for p in programs_dir().glob("*.pp"))
SMALL = [name for name in SHIPPED if name not in ("determinant", "digits_mlp", "particle")]
GOLDEN = Path(__file__).parent / "golden"
WRT = ["w", "u", "W", "x", "v", "y", "A"]


def shipped(name: str) -> paramprog.program.Program:
    return paramprog.load(programs_dir() / f"{name}.pp")


# ---- the shipped programs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_the_printed_gradient_computes_value_and_gradients(name):
    """In both languages, at the defaults and the seeded draws, to 1e-12."""
    check(shipped(name))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_printed_gradient_has_the_same_defaults_and_draws(name):
    program = shipped(name)
    expected = program.grad()
    found = paramprog.loads(program.gradient_program()).run().outputs
    for a, b in zip(found.values(), [expected.value, *expected.gradients.values()], strict=True):
        assert agree(a, b)


LONG = ("bundle_adjustment", "determinant", "fluid", "newton_minimum", "particle")
"""Their printed gradients take seconds to run step by step, or to measure at boundaries."""


@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in LONG])
def test_the_program_and_its_printed_gradient_can_be_checked_drawn_and_printed(name):
    takes(paramprog.loads(takes(shipped(name))))


HIGHER = ("kmeans_newton", "newton_minimum", "particle")
"""Their gradients are third derivatives, in whose text names of arrays go round."""


@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in HIGHER])
def test_printing_the_printed_program_changes_nothing(name):
    """The value of the printed program, differentiated and printed, is the same program."""
    program = shipped(name)
    first = program.gradient_program()
    regions = any(isinstance(n.op, Region) for n in program.compiled().built.graph.nodes)
    if regions or name in ("determinant", "digits_classifier"):
        # terms that are shared get their names where they come first, the points of called functions theirs last, those
        # of loops none; what is printed has no calls, and names for all, and stays as it is
        first = again(first)
    if name in (
        "bundle_adjustment",
        "newton_minimum",
    ):  # names that differ by a number at their end settle once more
        first = again(first)
    assert statements(again(first)) == statements(first)


@pytest.mark.parametrize("name", HIGHER)
def test_higher_derivatives_printed_again_compute_the_same(name):
    program = shipped(name)
    expected = program.grad()
    found = paramprog.loads(again(program.gradient_program())).run().outputs
    for a, b in zip(found.values(), [expected.value, *expected.gradients.values()], strict=True):
        assert agree(a, b)


@pytest.mark.parametrize("name", [name for name in SMALL if name not in ("max_pooling", "relu_layer")])
def test_the_printed_gradient_differentiates_again(name):
    """A column of the Hessian: the gradient of an entry of a gradient, against differences of the gradient."""
    program = shipped(name)
    text = program.gradient_program()
    wrt = next(iter(program.grad().gradients))
    gradient = next(n for n in paramprog.loads(text).compiled().built.outputs if n == f"d{wrt}")
    body, _, results = text.rpartition("    return ")
    second = paramprog.loads(f"{body}    entry = sum({gradient} * {gradient})\n    return entry, {results}")
    x = np.asarray(program.point().inputs.get(wrt, program.point().params.get(wrt)))
    column = second.grad(output="entry", wrt=[wrt])[wrt]
    differences = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        squares = []
        for h in (1e-6, -1e-6):
            moved = x.copy()
            moved[at] += h
            squares.append(np.sum(np.square(program.grad(**{wrt: moved}, wrt=[wrt])[wrt])))
        differences[at] = (squares[0] - squares[1]) / 2e-6
    np.testing.assert_allclose(column, differences, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["running_example", "digits_mlp", "max_pooling", "guarded_log", "elman_rnn"])
@pytest.mark.parametrize("language", ["pp", "python"])
def test_golden(name, language, request):
    """The texts, word for word; `--update-golden` writes them anew."""
    found = shipped(name).gradient_program(language=language)
    path = GOLDEN / f"{name}.{language}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_the_running_example_takes_about_as_many_lines_again():
    body = shipped("running_example").gradient_program().split("{")[-1]
    assert len(statements(body)) - 1 <= 15
    assert "dB = W1 * dC + W2 * dD" in body
    assert "# line 21: F = f2(D)" in body


# ---- random programs ---------------------------------------------------------------------------------------------


@given(programs())
def test_random_programs(text):
    """Printed in both languages the gradient is the same; printing what was printed is stable from the second time."""
    first = check(paramprog.loads(text), WRT, 1e-10)
    second = again(first, WRT)
    assert statements(again(second, WRT)) == statements(second)


@pytest.mark.slow
@settings(max_examples=2000)
@given(programs(depth=3))
def test_many_larger_random_programs(text):
    """As above."""
    check(paramprog.loads(text), WRT, 1e-9)


@settings(max_examples=20)
@given(programs(depth=1))
def test_random_programs_differentiate_again(text):
    """The gradient of a printed gradient, printed once more, is what the graph says."""
    first = paramprog.loads(paramprog.loads(text).gradient_program(wrt=["x"]))
    if "dx" in first.compiled().built.outputs:
        printed = paramprog.loads(first.gradient_program(wrt=["x", "w"], output="dx"))
        expected = first.grad(wrt=["x", "w"], output="dx")
        for a, b in zip(
            printed.run().outputs.values(), [expected.value, *expected.gradients.values()], strict=True
        ):
            assert agree(a, b, 1e-9)


# ---- what is asked for -------------------------------------------------------------------------------------------


def test_it_can_be_taken_by_inputs_and_points():
    """By a point in the middle, which stays a point of its own: the gradient at a copy is that of its uses."""
    program = paramprog.loads("function f(x = 2.0) { a = x * x; b = a; y = a * sin(b) + b; return y }")
    for names in (["x"], ["a"], ["b"], ["b", "a", "x"]):
        expected = program.grad(wrt=names)
        outputs = paramprog.loads(program.gradient_program(wrt=names)).run().outputs
        for a, b in zip(outputs.values(), [expected.value, *expected.gradients.values()], strict=True):
            assert agree(a, b)


@pytest.mark.parametrize("language", ["pp", "python"])
def test_no_gradient_at_all(language):
    """What is left is the value."""
    program = paramprog.load(programs_dir() / "running_example.pp")
    text = program.gradient_program(wrt=[], language=language)
    assert text.splitlines()[0].strip('"#').strip().startswith("R, made from running_example.pp")
    if language == "pp":
        assert paramprog.loads(text).run(P=0.5, Q=0.7).outputs == {"R": program(P=0.5, Q=0.7)}


def test_one_of_several_outputs():
    program = paramprog.loads("function f(x = 2.0, v : real[2] = [1, 2]) { return x * x, sum(v) * x, v }")
    text = program.gradient_program(wrt=["v"], output="out1")
    assert next(iter(paramprog.loads(text).run().outputs.values())) == 6.0
    with pytest.raises(ProgramError, match="which-output"):
        program.gradient_program()
    with pytest.raises(ProgramError, match="not-scalar"):
        program.gradient_program(output="v")


def test_values_given_are_the_defaults_and_bind_the_sizes():
    program = shipped("logistic")
    text = program.gradient_program(x=[1.0, 2.0], w=[0.25, -4.0])
    assert "x : real[2] = [1.0, 2.0]" in text
    assert next(iter(paramprog.loads(text).run().outputs.values())) == program(
        x=[1.0, 2.0], params={"w": [0.25, -4.0]}
    )
    check(program, x=[1.0, 2.0], w=[0.25, -4.0])


def test_what_the_value_does_not_depend_on_has_a_gradient_of_zeros():
    program = paramprog.loads("param a = 1.0, b : real[2, 2] = 3\nfunction f(x = 2.0) { return a * x }")
    text = check(program)
    assert "db = zeros(2, 2)" in text


def test_single_precision():
    program = paramprog.load(programs_dir() / "digits_mlp.pp", dtype="float32")
    expected = program.grad()
    for value, wanted in zip(by_python(program), [expected.value, *expected.gradients.values()], strict=True):
        assert np.asarray(value).dtype == np.float32
        assert agree(value, wanted, 1e-5)


def test_a_program_with_imports(tmp_path):
    """Everything is in one file; what has one name in two files has two."""
    (tmp_path / "a.pp").write_text(
        "const c = [1.0, 2.0]\nparam p = 2.0\nbase f(x) = x * x\nfunction g(x) { return f(x) * p + sum(c) * x }\n"
    )
    (tmp_path / "b.pp").write_text(
        'import "a.pp"\nconst c = [3.0, 4.0]\nparam q = 3.0\nbase f(x) = sin(x) * x\n'
        "function h(x = 1.5) { return g(x) * f(q) * sum(c * x) }\n"
    )
    text = check(paramprog.load(tmp_path / "b.pp"))
    assert "import" not in text
    assert "b.pp" in text
    assert str(tmp_path) not in text


def test_a_long_conditional_is_broken_before_each_else():
    arms = " ".join(f"if x > {9 - k} then x * x * sin({k} * x) else" for k in range(7))
    text = check(paramprog.loads(f"function f(x = 0.5) {{ return {arms} x }}"))
    assert "    f = if x > 9 then" in text
    assert "\n        else if x > 8 then" in text
    assert "\n        else x\n" in text


def test_each_adjoint_has_the_comment_of_its_uses():
    """Also one that is written early, as a part of another one, and its equal."""
    text = check(
        paramprog.loads(
            """param a = 1.0, b = 2.0, c : real[2] = [3.0, 4.0]
function f(x : real[2] = [1.0, 2.0]) {
    y = a + b
    z = dot(c, x) - y
    return cos(z)
}"""
        )
    )
    lines = [line for line in text.splitlines() if line.startswith("    d")]
    assert lines == [
        "    dy = sin(z)  # line 4: z = dot(c, x) - y",
        "    dz = -dy  # line 5: return cos(z)",
        "    da = dy  # line 3: y = a + b",
        "    db = dy",
        "    dc = dz * x  # line 4: z = dot(c, x) - y",
    ]


def test_an_arm_that_is_never_taken_faults_as_before():
    """What is computed before a branch is computed whichever side is taken."""
    program = paramprog.loads(
        """function f(x = 2.0, v : real[3] = [1, 2, 3], i : int = 1) {
    a = v[i]
    never = 1.0 < 0.0
    return if never then a else x
}"""
    )
    printed = paramprog.loads(check(program, ["x"]))
    for p in (program, printed):
        with pytest.raises(ProgramError, match="out of range"):
            p.run({"i": 3})


def test_the_cost_is_that_of_the_program():
    """Twice the terms of a sum in one line are about twice the work."""

    def effort(n):
        program = paramprog.loads(
            "function f(x = 0.5) { return " + " + ".join(f"sin({k} * x)" for k in range(n)) + " }"
        )
        return calls(program.gradient_program)

    assert effort(400) < 2.7 * effort(200)


# ---- what is hard to write ---------------------------------------------------------------------------------------

PROGRAMS = {
    "params of every form": """
        dim n = 2
        param a, b : real[n] ~ uniform(-1, 2), c = 3, d : real[n, n] = 2, e : real[n] ~ zeros()
        noise z : real[n] ~ normal(0.0, 0.5)
        function f(x : real[n] = [1, -2], k : int = 1, t : bool = true) {
            return if t then a[k] * sum(d @ b) + c * e[0] + dot(z, x) else 0
        }""",
    "a derivative by hand": """
        base f(x, y) = x * y derivative (2 * y, x)
        function g(a = 1.5) { return f(a, sin(a)) }""",
    "base functions that share a subexpression, with a condition, and calls of one another": """
        base inner(x) = if x > 0 then sqrt(x) else -x
        base outer(x, y) = (inner(x) + y) * (inner(x) + y) + (inner(x) + y) ** 3
        function g(a = 2.0, v : real[3] = [1, 0, -2]) { return outer(a, -1.0) + sum(outer(v, a)) }""",
    "an arm that needs names": """
        function g(x = 1.5, v : real[2] = [1, 2]) {
            return if x > 1 then prod(exp(x * v) + x * v) * sum(exp(x * v)) else if x > 0 then x else 0
        }""",
    "lanes in lanes": """
        function g(v : real[4] = [-2, 0, 1, 3]) {
            w = if v > 0 then if v > 2 then log(v - 2) else sqrt(v) * log(v) else 0
            return sum(w * w)
        }""",
    "updates": """
        function g(x : real[3] = [1, 2, 3], i : int = 1) {
            y = x * x
            y[0] = sin(y[1])
            y[1:3] = 2 * y[0:2]
            y[i] = y[0] * y[2]
            z = zeros(3)
            z[2] = y[1]
            return sum(y * z) + prod(y)
        }""",
    "slices of every form": """
        function g(A : real[4, 5] = full(1.5, 4, 5), i : int = 2) {
            B = A[1:4:2, 0:5]
            return sum(B[0] * A[i]) + sum(A[:, i]) * A[3, 4] + sum(A[0:2, 1:4]) * sum(A[i, 0:2])
        }""",
    "ints beside reals": """
        function g(x = 0.5, i : int = 3, k : int[2] = [2, 3]) {
            return x * i + x ** i + sum(k * x) / i + exp(i) * max(x, k[0]) + leaky_relu(i) * x + x * (i // 2)
        }""",
    "constants": """
        const c = [1.5, -2.0], W = [[1, 2], [3, 4]], t = [true, false]
        function g(x : real[2] = [1, 2]) {
            return dot(c, W @ x) + sum(if t then x else c) + sum(eye(2) @ x) + sum(ones(2) * x) + 1e400 ** 0
        }""".replace("1e400", "1e300"),
    "an output that is an input": "function g(x = 2.0, y = 3.0) { return x }",
    "an output that is a constant": "param w = 1.0\nfunction g(x = 2.0) { return 3.5 }",
    "a gradient that is an input": "param w = 2.0\nfunction g(x = 3.0) { y = w * x; return y }",
    "equal gradients": "param a = 1.0, b = 2.0\nfunction g(x = 3.0) { z = a + b; return sin(z * x) }",
    "equal gradients that a third one is made of": """
        param a = 1.0, b = 2.0, c : real[2] = [3.0, 4.0]
        function g(x : real[2] = [1.0, 2.0]) { return cos(dot(c, x) - (a + b)) }""",
    "a condition that is known, beside an arm that may fault": """
        function g(x = 2.0, v : real[3] = [1, 2, 3], i : int = 1) {
            a = v[i]
            never = 1.0 < 0.0
            y = zeros(3) + (if never then a * v else 2.0)
            return sum(y * x) + (if not never then 2 else a) / 4
        }""",
    "a condition that is known, but not as a number": """
        const c = concat(zeros(5000), ones(1))
        function g(x = 2.0, v : real[3] = [1, 2, 3]) {
            large = c
            y = zeros(3) + (if large[5000] < 0.5 then floor(v) else 3.0)
            return sum(y * x)
        }""",
    "int operations that are known to fault, where they are not reached": """
        function g(x = 2.0, v : real[3] = [1, 2, 3], i : int = -1) {
            k = int(floor(7.5))
            return x * (if i > 0 then 7 // (k - 7) + mod(7, k - 7) + i ** (4 - k) + v[k] else 3)
        }""",
    "a literal beside a condition of the same shape that may fault": """
        function g(x = 2.0, v : real[3] = [1, 2, 3], i : int = 1) {
            never = full(1.0, 3) < 0.0
            y = if never and v[i] * v > 1 then x else 2
            z = if not never or v[i] * v > 1 then 3 * x else 4
            return sum(y * z)
        }""",
    "a chain of terms": "function g(x = 2.0) { return " + " + ".join(["x * x"] * 200) + " }",
    "the prelude": """
        param W : real[3, 2] ~ glorot()
        function g(x : real[2] = [1, 2], label : int = 1) {
            return cross_entropy(layer_norm(W @ x, ones(3), zeros(3), 1e-5), label)
        }""",
    "no spaces left": "function g(x=-1.0){a=-x;b=-a*-x;c=a-(-b)-(a-b);return -c**2*-b/(a/b)}",
    "empty arrays": "function g(x : real[3] = [1, 2, 3], y : real[0]) { return sum(x[1:1]) + sum(concat(x, y)) }",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_programs_of_every_form(text):
    program = paramprog.loads(text)
    names = [
        *program.point().params,
        *(k for k, v in program.point().inputs.items() if np.asarray(v).dtype.kind == "f"),
    ]
    first = check(program, names)
    second = again(first, names)
    assert statements(again(second, names)) == statements(second)


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_the_text_ends_with_a_line_and_has_no_long_one(text):
    printed = paramprog.loads(text).gradient_program()
    assert printed.endswith("}\n")
    assert max(map(len, printed.splitlines())) <= 160


# ---- names -------------------------------------------------------------------------------------------------------

HOSTILE = {
    "names that adjoints and temporaries would have": """
        param W = 0.5, dW = 2.0, d_W = 3.0, t1 = 1.5
        function f(x = 2.0, dx = 1.0, c1 = 1.0) {
            t2 = (x + W) * (x + W) * dW * d_W
            dt2 = t2 * dx + c1 * sum([1.0, 2.0] * t1)
            return dt2 * dt2
        }""",
    "names that mean something in Python": """
        param lambda = 0.5, np = 1.5, print = 2.5, special = 1.0, math = 2.0, class_ = 1.0, class = 3.0, None = 4.0
        base def(del, is) = del * is
        base float(x) = x * x
        function exec(self = 2.0, _guard = 3.0) {
            global = def(lambda, np) * print + float(self)
            sum = sum([global, special, math, class_, class]) + log(_guard) + None
            return sum
        }""",
    "names of built-in functions": """
        param tanh = 0.5, sum = 2.0
        base sin(x) = x * x
        base sech(x) = 3 * x
        function max(exp = 2.0) {
            mask = sin(tanh) + cos(sum) + sech(exp)
            zeros = tanh(mask) * sum([mask, exp])
            return zeros
        }""",
    "reserved words that begin with d": "param im = 2.0\nfunction f(x = 1.0) { im_ = im * x; return im_ * im }",
    "names of one function and one value": """
        param f = 2.0
        base f(x) = x * x
        function R(x = 1.0) { R = f(f * x); return R * f }""",
    "names hidden by an assignment": """
        param w = 2.0
        const c = [1.0, 2.0]
        function f(x = 3.0) { v = w * x; w = v * v; c = sum(c * w); return c * w }""",
    "functions with names of what is printed": """
        base arm1(x) = x * x * x
        base f_gradient(x) = 2 * x
        function body1(x) { return arm1(x) * f_gradient(x) }
        function f(x = 1.5) { return if x > 1 then body1(x) * body1(x) * exp(body1(x)) + body1(x) else 0 }""",
    "a long name": f"param {'w' * 255} = 2.0\nfunction f(x = 1.0) {{ return {'w' * 255} ** 2 * x }}",
    "one letter twice": "param A = 2.0, a = 3.0\nfunction f(d = 1.0, dA = 2.0) { da = A * a * d; return da * dA * da }",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names(text):
    check(paramprog.loads(text))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=80))
def test_comments_and_file_names_cannot_break_out(text):
    """Comments of the source and the name of the file are shown as printable text of one line."""
    source = f'function f(x = 2.0) {{\n    y = x * x # """ {text}\n    return y\n}}\n'
    try:
        program = paramprog.loads(source, name=f'a"""\n{text}')
    except ProgramError:
        return
    check(program)
    for language in ("pp", "python"):
        assert program.gradient_program(language=language).isascii()
