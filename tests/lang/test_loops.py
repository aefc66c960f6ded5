"""`for` and `while`: values and derivatives are those of the interpreter, which are those of Python."""

from __future__ import annotations

import numpy as np
import pytest
from checking import code, derivatives, findings, interpreted, messages, told, value

import paramprog
from paramprog.transfer.loops import Loop

PROGRAMS = {
    "horner": """
function f(x = 0.7, c = [1.0, -2.0, 0.5, 3.0]) {
    s = 0
    for i in reversed(0..4) { s = s * x + c[i] }
    return s
}""",
    "newton": """
function f(a = 2.0) {
    x = 1.0
    while abs(x * x - a) > 0.000000001 { x = x - (x * x - a) / (2 * x) }
    return x
}""",
    "recurrence with updates": """
function f(x = [0.5, -1.0, 2.0, 0.3], w = 0.8) {
    y = zeros(4)
    y[0] = x[0]
    for i in 1..4 { y[i] = tanh(w * y[i - 1] + x[i]) }
    return sum(y * y)
}""",
    "runge-kutta": """
param k = 1.3
function field(y) { return [y[1], -k * sin(y[0])] }
function f(y0 = [1.0, 0.5]) {
    y = y0
    for t in 0..8 { y = rk4(field, y, 0.2) }
    return y[0] * y[1]
}""",
    "edit distance": """
function f(a = [0.1, 1.2, 2.1], b = [0.3, 1.0, 1.7, 2.6], gap = 0.45) {
    D = zeros(4, 5)
    for i in 1..4 { D[i, 0] = gap * i }
    for j in 1..5 { D[0, j] = gap * j }
    for i in 1..4 {
        for j in 1..5 {
            swap = D[i - 1, j - 1] + (a[i - 1] - b[j - 1]) ** 2
            D[i, j] = min(swap, min(D[i - 1, j], D[i, j - 1]) + gap)
        }
    }
    return D[3, 4]
}""",
    "elman network": """
dim w = 2, d = 3, t = 3
param W : real[w, w] = [[0.1, 0.2], [0.3, -0.4]], U : real[w, d] = [[0.5, 0.1, 0.3], [-0.2, 0.4, 0.1]], b = [0.1, -0.1]
function f(X : real[t, d] = [[1.0, 2.0, 3.0], [0.5, 0.1, 0.2], [-1.0, 0.3, 0.4]]) {
    h = zeros(w)
    for i in 0..t { h = elman_cell(W, U, b, h, X[i]) }
    return h @ h
}""",
    "lstm": """
param W = [[0.1], [0.2], [0.3], [-0.4]], U = [[0.5], [0.1], [-0.3], [0.2]], b = [0.1, -0.1, 0.2, 0.3]
function f(X = [[1.0], [0.5], [-1.0]]) {
    h, c = zeros(1), zeros(1)
    for i in 0..3 { h, c = lstm_cell(W, U, b, h, c, X[i]) }
    return sum(h) + sum(c)
}""",
    "bubble sort": """
function f(v = [0.5, 3.0, -1.0, 2.0]) {
    w = v
    for i in 0..4 {
        for j in i + 1..4 {
            if w[j] < w[i] { t = w[i]; w[i] = w[j]; w[j] = t }
        }
    }
    return w[0] + 2 * w[1] + 3 * w[2] * w[3]
}""",
    "collatz with a weight": """
function f(x = 1.1, n = 7) {
    k, s = n, x
    while k != 1 {
        if mod(k, 2) == 0 { k = k // 2; s = s * x } else { k = 3 * k + 1; s = s + sin(x * k) }
    }
    return s
}""",
    "a loop in a while": """
function f(x = 0.4) {
    s, k = x, 0
    while s < 2.5 {
        for i in 0..k { s = s + x * i / 4 }
        s, k = s * 1.3, k + 1
    }
    return s + k
}""",
    "checkpoints": """
dim states = 3
function f(x = 0.4, w = [0.5, 1.5]) {
    h = zeros(2)
    for i in 0..20 checkpoint states { h = sin(w * h + x) }
    return h[0] + 2 * h[1]
}""",
    "fibonacci": """
function f(x = 1.5) {
    a, b = x, 2 * x
    for i in 0..6 { a, b = b, a + b * x }
    return a
}""",
    "a function with a loop, called in a loop": """
function power(x, n) { y = 1.0
 for i in 0..n { y = y * x }
 return y }
function f(x = 1.2) { s = 0.0
 for n in 0..4 { s = s + power(x, n) / (1 + n) }
 return s }""",
    "bounds known at run time": """
function f(x = 0.8, v = [3.0, 1.0, 2.0], a = 1) {
    s = x
    for i in a..argmax(v) + 3 { s = sin(s + v[i - 1]) }
    return s
}""",
    "a function that returns from the arms of an if, in a loop": """
function g(x, i) { if mod(i, 3) == 0 { return x * x } else if i > 3 { return cos(x) } else { y = x + i; return y } }
function f(x = 0.8) { s = x
 for i in 0..6 { s = g(s, i) }
 return s }""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_those_of_differences(name):
    """Graph and interpreter agree in value; both modes of the gradient with differences of the interpreter."""
    derivatives(PROGRAMS[name], tolerance=1e-6 if name == "newton" else 1e-7)


def python_values() -> dict[str, float]:
    """What some of the programs compute, written in Python."""
    found = {"horner": float(np.polyval([3.0, 0.5, -2.0, 1.0], 0.7)), "newton": 2.0**0.5}
    a, b, gap = [0.1, 1.2, 2.1], [0.3, 1.0, 1.7, 2.6], 0.45
    D = np.zeros((4, 5))
    D[:, 0], D[0, :] = gap * np.arange(4), gap * np.arange(5)
    for i in range(1, 4):
        for j in range(1, 5):
            D[i, j] = min(D[i - 1, j - 1] + (a[i - 1] - b[j - 1]) ** 2, D[i - 1, j] + gap, D[i, j - 1] + gap)
    found["edit distance"] = D[3, 4]
    w = sorted([0.5, 3.0, -1.0, 2.0])
    found["bubble sort"] = w[0] + 2 * w[1] + 3 * w[2] * w[3]
    k, s, x = 7, 1.1, 1.1
    while k != 1:
        if k % 2 == 0:
            k, s = k // 2, s * x
        else:
            k = 3 * k + 1
            s = s + np.sin(x * k)
    found["collatz with a weight"] = s
    found["a function with a loop, called in a loop"] = sum(1.2**n / (1 + n) for n in range(4))
    return found


@pytest.mark.parametrize("name, expected", python_values().items())
def test_values_are_those_of_python(name, expected):
    assert value(PROGRAMS[name]) == pytest.approx(expected, rel=1e-10)


# ---- ranges and names --------------------------------------------------------------------------------------------


def function(body: str, arguments: str = "x = 2.0") -> str:
    return f"function f({arguments}) {{\n{body}\n}}"


@pytest.mark.parametrize(
    "head, indices",
    [
        ("for i in 0..4", [0, 1, 2, 3]),
        ("for i in 2..4", [2, 3]),
        ("for i in reversed(0..4)", [3, 2, 1, 0]),
        ("for i in reversed(1..n)", [2, 1]),
        ("for i in 0..0", []),
        ("for i in 3..1", []),
        ("for i in reversed(3..1)", []),
        ("for i in -2..1", [-2, -1, 0]),
        ("for i in k..k + 2", [5, 6]),
        ("for i in k - 5..2", [0, 1]),
        ("for i in n..0", []),
        ("for i in k..n", []),
        ("for i in int(x)..4", [2, 3]),
    ],
)
def test_indices(head, indices):
    """In order; a range whose end is not after its start has no turns."""
    body = f"s = 1.0\n{head} {{ s = 10 * s + i }}\nreturn s"
    expected = 1.0
    for i in indices:
        expected = 10 * expected + i
    assert value("dim n = 3\n" + function(body, "x = 2.0, k = 5")) == expected


def test_bounds_are_read_once():
    """Before the first turn."""
    assert value(function("n, s = 3, x\nfor i in 0..n { n = n + 1; s = 2 * s }\nreturn s + n")) == 22


def test_a_name_carried_is_real_if_a_turn_makes_it_real():
    """Before the loop already: also through another name, and inside an inner loop."""
    assert value(function("s = 1\nfor i in 0..0 { s = s / 2 }\nreturn s")) == 1.0
    body = "a, b, c = 1, 2, 3\nfor i in 0..5 { for j in 0..2 { a = b; b = c }\n c = 0.5 }\nreturn [a, b, c]"
    assert value(function(body)).tolist() == [0.5, 0.5, 0.5]
    assert value(function("s = 1\nfor i in 0..3 { s = s * 2 }\nreturn s")).dtype == np.int64


def test_names_of_a_turn():
    """What is first assigned in the body has no value before, and none after; two loops may use one index."""
    body = "s = 0.0\nfor i in 0..3 { t = x * i; s = s + t }\nfor i in 0..2 { t = [x, x]; s = s + t[i] }\nreturn s"
    assert value(function(body)) == 10
    assert value("param t = 5.0\n" + function("for i in 0..3 { t = x }\nreturn t")) == 5
    assert value(function("s = 0\nwhile s < 3 { s = s + 1; last = s }\nlast = x\nreturn last * s")) == 6


def test_compile_time_ints_in_a_loop():
    """What a loop does not change stays known; what it changes is known no more."""
    body = "k, j = 1, 2\nfor i in 0..3 { m = k + 1; j = m; y = zeros(m) }\nreturn sum(zeros(k)) + j"
    assert value(function(body)) == 2
    assert told(function("k = 1\nfor i in 0..3 { k = k + 1 }\nreturn sum(zeros(k)) + x")) == [
        ("not-static", "k")
    ]
    assert told(function("k = 1\nfor i in 0..3 { y = zeros(k); k = k + 1 }\nreturn x")) == [
        ("not-static", "k")
    ]


def test_a_loop_that_changes_nothing():
    assert value(function("for i in 0..3 { y = x }\nwhile x > 9 { y = 2 }\nreturn x")) == 2


def test_updates_of_arguments_are_carried():
    assert value(
        function("for i in 0..3 { v[i] = v[i] * x }\nreturn v", "x = 2.0, v = [1.0, 2.0, 3.0]")
    ).tolist() == [
        2,
        4,
        6,
    ]


# ---- the graph ---------------------------------------------------------------------------------------------------


def test_a_loop_is_one_node():
    """However many turns it has; its results are the names that it carries, and its points have names."""
    for turns in (10, 100_000):
        body = f"h, k = x, 1.0\nfor i in 0..{turns} {{ t = W + h; h = sin(t) }}\nreturn h * k"
        built = paramprog.loads("param W = 0.5\n" + function(body)).compiled().built
        [region] = [n for n in built.graph.nodes if isinstance(n.op, Loop)]
        assert len(built.graph) < 14
        assert len(region.results) == 1
        [inside] = region.attrs["bodies"]
        assert [n.name for n in inside.nodes if n.args] == ["t", "h"]
        assert all(n.span is not None for n in inside.nodes if n.args)
        assert list(built.points) == ["h", "k"]


def test_a_hundred_thousand_turns():
    """In the graph, in the interpreter, and backwards."""
    body = "h = x\nfor i in 0..100000 { h = sin(W + h) }\nreturn h"
    program = paramprog.loads("param W = 0.5\n" + function(body))
    assert program() == interpreted(program)[0]
    h, slope = 2.0, 0.0
    for _ in range(100_000):
        slope = np.cos(0.5 + h) * (1 + slope)
        h = np.sin(0.5 + h)
    assert program.grad()["W"] == pytest.approx(slope, rel=1e-12)


def test_calls_of_a_turn_are_its_own():
    """A call of the body is not the one after the loop."""
    text = "function g(x) { return exp(x) }\n"
    text += function("s = 0.0\nfor i in 0..2 { s = s + g(x) }\nreturn s * g(x)", "x = 0.3")
    assert value(text) == pytest.approx(2 * np.exp(0.6))
    derivatives(text)


# ---- recursion ---------------------------------------------------------------------------------------------------

RECURSIVE = """
function fact(n : int) { return if n == 0 then 1 else n * fact(n - 1) }
function minor(A : real[n, n], j : int) { return concat(A[1:, :j], A[1:, j + 1:], axis = 1) }
function det(A : real[n, n]) {
    d = 0.0
    if n == 1 { d = A[0, 0] } else { for j in 0..n { d = d + (1 - 2 * mod(j, 2)) * A[0, j] * det(minor(A, j)) } }
    return d
}
function calls(n : int, x) { s = x
 for i in 0..n { s = s + calls(i, x) }
 return s }
"""


def test_loops_around_recursive_calls_are_unrolled():
    """Then the index is known at compile time."""
    body = "s = 0\nfor i in 0..6 { s = s + x ** i / fact(i) }\nreturn s"
    assert value(RECURSIVE + function(body)) == pytest.approx(1 + 2 + 2 + 8 / 6 + 16 / 24 + 32 / 120)
    derivatives(RECURSIVE + function(body))
    assert value(RECURSIVE + function("return calls(5, x)")) == 2 * 2**5
    A = [[2.0, 1.0, 0.5], [0.3, -1.0, 2.0], [4.0, 1.0, 1.5]]
    text = RECURSIVE + function("return det(A)", f"A = {A}")
    assert value(text) == pytest.approx(np.linalg.det(A))
    np.testing.assert_allclose(derivatives(text)["A"], np.linalg.det(A) * np.linalg.inv(A).T, rtol=1e-12)


def test_unrolled_turns_are_in_order_and_keep_what_is_known():
    """Also backwards, with ints known from turn to turn, and an int that becomes real."""
    body = "k, s = 0, 0\nfor i in reversed(0..4) { s = 10 * s + fact(i); k = mod(fact(k) + i, 5) }\nreturn [s, k]"
    assert value(RECURSIVE + function(body)).tolist() == [6211, 2]
    body = "s = 0\nfor i in 1..4 { s = (s + fact(i)) / 2 }\nreturn s"
    assert value(RECURSIVE + function(body)) == 3.625
    body = "for i in 0..0 { s = fact(i) }\nreturn x"
    assert value(RECURSIVE + function(body)) == 2


def test_a_name_that_a_function_has_too_is_no_call_of_it():
    """A loop that adds up `f` in the function `f` stays rolled."""
    program = paramprog.loads(
        "function f(x = 2.0) { f = 0.0; for i in 0..9 { f = f + sin(f) * x }; return f }"
    )
    assert [n.op.name for n in program.compiled().built.graph.nodes].count("loop") == 1


def test_a_recursion_that_needs_no_index_stays_rolled():
    body = "s = x\nfor i in 0..1000 { s = s * fact(1) }\nreturn s"
    graph = paramprog.loads(RECURSIVE + function(body)).compiled().built.graph
    assert len(graph) < 20


def test_faults_where_a_loop_was_unrolled():
    """They are those of the unrolled loop, each once."""
    text = "function fact(n : int) { return if n == 0 then nope else n * fact(n - 1) }\n"
    assert told(text + function("s = 0\nfor i in 0..3 { s = s + fact(i) }\nreturn s")) == [
        ("undefined-name", "nope")
    ]
    text = "function g(n : int) { s = 0\n for i in 0..n { s = s + g(n) }\n return s }\n"
    assert told(text + function("return g(3) + x")) == [("endless-recursion", "g(n)")]
    body = "s = 0\nfor i in 0..20000 { s = fact(i) }\nreturn s + x"
    assert code(RECURSIVE + function(body)) == "unroll-limit"


# ---- errors ------------------------------------------------------------------------------------------------------

KEPT = "a name that is carried by a loop or changed in an arm keeps its shape"
OTHER = "use another name for the index"


@pytest.mark.parametrize(
    "body, expected",
    [
        (
            "for i in 0..3 { y = x }\nreturn y",
            (
                "undefined-name",
                "y",
                "`y` has no value here",
                "it lives for one turn of the loop in line 2; give it a value before, and it is carried on",
            ),
        ),
        (
            "for i in 0..3 { if i > 0 { z = y }\n y = x }\nreturn x",
            (
                "undefined-name",
                "y",
                "`y` has no value here",
                "it lives for one turn of the loop in line 2; give it a value before, and it is carried on",
            ),
        ),
        (
            "h = [x]\nfor i in 0..3 { h = concat(h, [x]) }\nreturn sum(h)",
            ("shape-mismatch", "h", "`h` has shape [1] in line 2, here it has shape [2]", KEPT),
        ),
        (
            "h = x > 1\nwhile h { h = x }\nreturn x",
            ("type-mismatch", "h", "`h` is bool in line 2, here it is real", None),
        ),
        (
            "for i in 0..3 { i = 2 }\nreturn x",
            (
                "assigned-twice",
                "i",
                "`i` is the index of the loop in line 2 and cannot be assigned",
                None,
            ),
        ),
        (
            "for i in 0..3 { x = 2 }\nreturn x",
            ("assigned-twice", "x", "`x` is an argument and cannot be assigned", None),
        ),
        (
            "s = 0\nfor i in 0..3 { s = s + 1; s = s + x }\nreturn s",
            (
                "assigned-twice",
                "s",
                "`s` is already assigned in line 3",
                "each name is assigned once; use a new name",
            ),
        ),
        (
            "for x in 0..3 { y = 2 }\nreturn x",
            ("assigned-twice", "x", "`x` is an argument and cannot be an index", OTHER),
        ),
        (
            "i = 3\nfor i in 0..3 { y = 2 }\nreturn x",
            ("assigned-twice", "i", "`i` is already assigned in line 2", OTHER),
        ),
        (
            "for i in 0..3 {\nfor i in 0..3 { y = 2 } }\nreturn x",
            ("assigned-twice", "i", "`i` is the index of the loop in line 2 already", OTHER),
        ),
        (
            "for i in 0..x { y = 2 }\nreturn x",
            ("type-mismatch", "x", "a bound of a range is an int; this is real", "convert it: `int(...)`"),
        ),
        (
            "for i in [0, 1]..3 { y = 2 }\nreturn x",
            ("type-mismatch", "[0, 1]", "a bound of a range is an int; this is int[2]", None),
        ),
        (
            "s = x\nfor i in 0..3 checkpoint 0 { s = s * x }\nreturn s",
            ("checkpoint-count", "0", "a loop keeps at least 1 state, not 0", None),
        ),
        (
            "s = x\nfor i in 0..3 checkpoint int(x) { s = s * x }\nreturn s",
            (
                "not-static",
                "int(x)",
                "the number of states that a loop keeps must be an int known at compile time; this changes at run time",
                None,
            ),
        ),
        (
            "s = x\nwhile s { s = s * x }\nreturn s",
            ("type-mismatch", "s", "a condition is bool; this is real", "compare it: `!= 0`"),
        ),
        (
            "s = [x]\nwhile s > 1 { s = s * x }\nreturn s",
            (
                "type-mismatch",
                "s > 1",
                "the condition of a `while` loop is one bool; this is bool[1]",
                None,
            ),
        ),
        (
            "s = x\nwhile true { s = s * x }\nreturn s",
            ("endless-loop", "true", "this condition always holds, so the loop would never end", None),
        ),
        (
            "v = [x, x]\nfor i in 0..3 { v[i] = 1 }\nreturn sum(v)",
            ("index-range", "v[i]", "index 2 is out of range for 2 entries", None),
        ),
        (
            "for i in 0..3 { return x }",
            (
                "return-position",
                "return x",
                "`return` is the last statement of a function, or of every arm of an `if` that is",
                None,
            ),
        ),
    ],
)
def test_what_is_wrong_is_said(body, expected):
    assert expected in messages(function(body))
    assert {m[0] for m in messages(function(body))} <= {expected[0], "no-return"}


def test_every_fault_of_a_body_is_said_once():
    """Though the body is typed again when a name becomes real; also faults in functions and dims that it uses."""
    text = "dim n\nfunction g(k) { return k + nothing }\n"
    body = "s = 0\nfor i in 0..3 { s = s + 0.5; a = nonsense; b = g(i); c = n; d = a + b }\nreturn s"
    assert sorted(told(text + function(body))) == [
        ("dim-unbound", "n"),
        ("undefined-name", "nonsense"),
        ("undefined-name", "nothing"),
    ]


def test_what_goes_wrong_before_a_name_is_real_is_forgotten():
    """An int to a negative power, of a name that becomes real."""
    assert not findings(function("s = 1\nfor i in 0..3 { t = s ** -1\n s = s + 0.5 }\nreturn s"))


def test_no_loops_in_a_base_function():
    text = "function g(x) { y = x\nfor i in 0..3 { y = y * x }\nreturn y }\nbase b(x) = g(x)\n"
    assert told(text + function("return b(x)")) == [("base-not-scalar", "for i in 0..3 { y = y * x }")]


def test_verification_ends_where_a_loop_beside_the_point_does_not():
    """A step of a difference that makes a `while` endless counts as outside the domain, not as a reason to wait."""
    program = paramprog.loads("""
        param a = 0.9
        function f(x = 3.0) {
            k = 0
            y = x
            while y > 1 {
                y = y * a
                k = k + 1
            }
            return y * k
        }""")
    assert program.verify().ok


def test_exact_verification_of_empty_arrays():
    """A comprehension over nothing has edges without entries."""
    assert (
        paramprog.loads("function f(x = 1.0) { return x + sum(x * i for i in 0..0) }").verify(exact=True).ok
    )
