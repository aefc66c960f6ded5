"""The functions of `prelude.pp`, against their formulas in NumPy; gradients are verified."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from checking import findings, told, value

import paramprog
from paramprog.lang.imports import prelude_unit
from paramprog.op import SURFACES
from paramprog.verify.report import Check

RNG = np.random.default_rng(7)
N, M, D = 3, 4, 2


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - np.max(x, axis, keepdims=True))
    return e / np.sum(e, axis, keepdims=True)


def layer_norm(x: Any, gain: Any, bias: Any, eps: float = 1e-5) -> Any:
    return gain * (x - np.mean(x)) / np.sqrt(np.mean((x - np.mean(x)) ** 2) + eps) + bias


def lstm(W: Any, U: Any, b: Any, h: Any, c: Any, x: Any) -> tuple[Any, Any]:
    i, f, g, o = np.split(W @ h + U @ x + b, 4)
    new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(new), new


def gru(W: Any, U: Any, b: Any, h: Any, x: Any) -> Any:
    (wr, wz, wn), (ur, uz, un) = np.split(W @ h, 3), np.split(U @ x + b, 3)
    r, z = sigmoid(wr + ur), sigmoid(wz + uz)
    return (1 - z) * np.tanh(un + r * wn) + z * h


def rk4(y: Any, h: Any) -> Any:
    def field(y: Any) -> Any:
        return np.sin(y) - y * y

    k1 = field(y)
    k2 = field(y + h / 2 * k1)
    k3 = field(y + h / 2 * k2)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + field(y + h * k3))


SIGNED = np.array([1, -1, 2])

# name: the call, the arguments, the formula
CASES: dict[str, tuple[str, dict[str, Any], Callable[..., Any]]] = {
    "softmax": ("softmax(x)", {"x": normal(N)}, softmax),
    "log_softmax": ("log_softmax(x)", {"x": normal(N)}, lambda x: np.log(softmax(x))),
    "cross_entropy": (
        "cross_entropy(x, label)",
        {"x": normal(N), "label": 2},
        lambda x, label: -np.log(softmax(x)[label]),
    ),
    "mse": ("mse(a, b)", {"a": normal(N, M), "b": normal(N, M)}, lambda a, b: np.mean((a - b) ** 2)),
    "dense": (
        "dense(W, x, b)",
        {"W": normal(M, N), "x": normal(N), "b": normal(M)},
        lambda W, x, b: W @ x + b,
    ),
    "layer_norm": (
        "layer_norm(x, gain, bias)",
        {"x": normal(M), "gain": normal(M), "bias": normal(M)},
        layer_norm,
    ),
    "attention": (
        "attention(Q, K, V)",
        {"Q": normal(N, D), "K": normal(M, D), "V": normal(M, 5)},
        lambda Q, K, V: softmax(Q @ K.T / np.sqrt(D)) @ V,
    ),
    "elman_cell": (
        "elman_cell(W, U, b, h, x)",
        {"W": normal(N, N), "U": normal(N, D), "b": normal(N), "h": normal(N), "x": normal(D)},
        lambda W, U, b, h, x: np.tanh(W @ h + U @ x + b),
    ),
    "lstm_cell": (
        "lstm_cell(W, U, b, h, c, x)",
        {
            "W": normal(4 * N, N),
            "U": normal(4 * N, D),
            "b": normal(4 * N),
            "h": normal(N),
            "c": normal(N),
            "x": normal(D),
        },
        lstm,
    ),
    "gru_cell": (
        "gru_cell(W, U, b, h, x)",
        {"W": normal(3 * N, N), "U": normal(3 * N, D), "b": normal(3 * N), "h": normal(N), "x": normal(D)},
        gru,
    ),
    "compress": ("compress(A, x > 0, 2)", {"A": normal(3, 2), "x": SIGNED}, lambda A, x: A[x > 0]),
    "expand": (
        "expand(y, x > 0)",
        {"y": normal(2), "x": SIGNED},
        lambda y, x: np.array([y[0], 0.0, y[1]]),
    ),
    "rk4": ("rk4(field, y, h)", {"y": normal(N), "h": np.float64(0.25)}, rk4),
}

BEFORE = "function field(y) { return sin(y) - y * y }\n"


def declared(x: Any) -> str:
    kind = "int" if np.asarray(x).dtype.kind == "i" else "real"
    return kind + (f"[{', '.join(map(str, np.shape(x)))}]" if np.shape(x) else "")


def text(name: str, result: str = "") -> str:
    """A program that returns the call (its first result, as a weighted sum, if `result` says how)."""
    call, arguments, _ = CASES[name]
    formals = ", ".join(f"{k} : {declared(x)}" for k, x in arguments.items())
    several = name == "lstm_cell"
    body = f"first, second = {call}" if several else f"first = {call}"
    returned = result or ("first, second" if several else "first")
    return f"{BEFORE}function f({formals}) {{ {body}; return {returned} }}"


def test_every_function_of_the_prelude_is_tested():
    """And the language promises these."""
    assert CASES.keys() == prelude_unit().functions.keys() - {"pop"}  # test_tapes.py
    assert not prelude_unit().functions.keys() & SURFACES.keys()


@pytest.mark.parametrize("name", CASES)
def test_values(name):
    """The graph, the interpreter and the formula agree."""
    _, arguments, formula = CASES[name]
    np.testing.assert_allclose(value(text(name), **arguments), formula(**arguments), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_gradients(name):
    """Of a sum of sines of the results: all modes, the paths and the differences agree, for every real argument."""
    total = "sum(sin(2 * first))" + (" + sum(cos(second))" if name == "lstm_cell" else "")
    program = paramprog.loads(text(name, total))
    arguments = CASES[name][1]
    report = program.verify(arguments)
    assert report.ok, [c for c in report.checks if isinstance(c, Check) and not c.ok]
    assert all(c.ok for c in report.checks)
    gradients = program.grad(arguments).gradients
    assert gradients.keys() == {k for k, x in arguments.items() if declared(x).startswith("real")}
    assert all(np.any(g) for g in gradients.values())


@pytest.mark.parametrize("name", ["mse", "rk4"])
def test_functions_of_any_shape(name):
    """Scalars too."""
    _, arguments, formula = CASES[name]
    scalars = {k: np.float64(np.ravel(x)[0]) for k, x in arguments.items()}
    call, _, _ = CASES[name]
    program = f"{BEFORE}function f({', '.join(scalars)}) {{ return {call} }}"
    np.testing.assert_allclose(value(program, **scalars), formula(**scalars), rtol=1e-13)


def test_options():
    """Arguments may be given by name; `eps` has a default."""
    arguments = CASES["layer_norm"][1]
    program = text("layer_norm").replace("(x, gain, bias)", "(x, eps = 0.5, bias = bias, gain = gain)")
    np.testing.assert_allclose(value(program, **arguments), layer_norm(**arguments, eps=0.5), rtol=1e-13)


# ---- extreme arguments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e3, 1e300, 1e308])
@pytest.mark.parametrize("signs", list(product([1, 0, -1], repeat=3)))
def test_softmax_does_not_overflow(size, signs):
    """The largest entries share 1, and so do their gradients; nothing is NaN."""
    x = size * np.array(signs, float)
    winners = (x == np.max(x)) / np.sum(x == np.max(x))
    np.testing.assert_allclose(
        value("function f(x : real[3]) { return softmax(x) }", x=x), winners, rtol=1e-12
    )
    program = paramprog.loads("function f(x : real[3]) { return softmax(x)[0] }")
    expected = winners[0] * (np.eye(3)[0] - winners)
    for mode in ("reverse", "forward"):
        np.testing.assert_allclose(program.grad({"x": x}, mode=mode)["x"], expected, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("size", [1e3, 1e300, 8e307])
@pytest.mark.parametrize("signs", list(product([1, 0, -1], repeat=3)))
@pytest.mark.parametrize("function", ["log_softmax(x)[label]", "-cross_entropy(x, label)"])
def test_log_softmax_does_not_overflow(size, signs, function):
    """The difference to the largest entry, less the logarithm of the number of those; the gradient is exact."""
    x = size * np.array(signs, float)
    winners = (x == np.max(x)) / np.sum(x == np.max(x))
    program = f"function f(x : real[3], label : int) {{ return {function} }}"
    for label in range(3):
        expected = x[label] - np.max(x) - np.log(np.sum(x == np.max(x)))
        np.testing.assert_allclose(value(program, x=x, label=label), expected, rtol=1e-12)
        found = paramprog.loads(program).grad({"x": x, "label": label})
        np.testing.assert_allclose(found["x"], np.eye(3)[label] - winners, rtol=1e-12, atol=1e-300)
        assert found.warnings == []


def test_attention_to_extreme_scores():
    """The winner takes all; the gradient of what is lost is 0."""
    program = paramprog.loads(
        "function f(Q : real[1, 1], K : real[2, 1], V : real[2, 1]) { return sum(attention(Q, K, V)) }"
    )
    found = program.grad({"Q": [[1e150]], "K": [[1e150], [-1e150]], "V": [[2.0], [3.0]]})
    assert found.value == 2
    np.testing.assert_array_equal(found["V"], [[1], [0]])
    np.testing.assert_array_equal(found["Q"], [[0]])


@pytest.mark.parametrize("x", [0.0, 5.0, 1e100])
def test_layer_norm_of_a_constant(x):
    """Nothing to scale: the bias, and a finite gradient."""
    program = paramprog.loads(
        "function f(x : real[3], g : real[3], b : real[3]) { return sum(layer_norm(x, g, b)) }"
    )
    found = program.grad({"x": [x] * 3, "g": [1.0, 2.0, 3.0], "b": [1.0, 1.0, 1.0]})
    assert found.value == 3
    np.testing.assert_allclose(found["x"], (np.array([1.0, 2, 3]) - 2) / np.sqrt(1e-5), rtol=1e-12)


@pytest.mark.parametrize("size", [1e3, 1e308])
def test_cells_saturate(size):
    """Gates far out are 0 or 1; the gradient is 0 there, and finite everywhere."""
    program = paramprog.loads(
        "param b : real[4 * 2] = 0.0, W : real[8, 2] = 0.0\n"
        "function f(h : real[2] = 0.5, c : real[2] = 0.5) { h2, c2 = lstm_cell(W, W, b, h, c, h); return sum(h2 * c2) }"
    )
    found = program.grad(params={"b": size * np.array([-1, 1] * 4)}, wrt=["b", "h", "c"])
    assert np.isfinite(found.value)
    assert all(np.isfinite(g).all() for g in found.gradients.values())


# ---- names and faults --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declaration", ["function softmax(x) { return 7 * x }", "base softmax(x) = 7 * x"])
def test_a_function_of_the_file_wins(declaration):
    """And what the prelude itself calls stays what it is."""
    assert value(f"{declaration}\nfunction f(x = 1.0) {{ return softmax(x) }}") == 7
    assert (
        value("function square(x) { return 0 * x }\nfunction f(a = 3.0, b = 1.0) { return mse(a, b) }") == 4
    )


def test_names_of_the_prelude_are_free_for_values():
    """Two namespaces."""
    assert value("param dense = 2.0\nfunction f(x = 3.0) { mse = dense * mse(x, 1); return mse }") == 8


def test_functions_of_the_prelude_are_passed_and_memoised():
    """Like any other; equal calls are one."""
    program = "function g(h : function, x) { return sum(h(x)) }\n"
    program += "function f(x = [1.0, 2.0]) { return g(softmax, x) + g(softmax, x) }"
    assert value(program) == pytest.approx(2)
    names = [n.op.name for n in paramprog.loads(program).compiled().built.graph.nodes]
    assert names.count("logsumexp") == 1


@pytest.mark.parametrize(
    "call, message, at",
    [
        ("softmax(A)", "`x` needs 1 axis, `real[n]`; this has shape [2, 3]", "A"),
        ("softmax(1.0)", "`x` needs 1 axis, `real[n]`; this is a scalar", "1.0"),
        ("cross_entropy(v, v)", "`label` needs a scalar; this has shape [3]", "v"),
        ("dense(A, w, w)", "`x` needs shape [3], this has shape [2]", "w"),
        ("dense(A, v, v)", "`b` needs shape [2], this has shape [3]", "v"),
        ("attention(A, A, S)", "`V` needs shape [2, 3], this has shape [3, 3]", "S"),
        ("lstm_cell(A, A, v, v, v, v)", "`W` needs shape [12, 3], this has shape [2, 3]", "A"),
    ],
)
def test_wrong_shapes_are_told_at_the_call(call, message, at):
    """By the names of the arguments, with the sizes that the call binds."""
    arguments = "v = [1.0, 2.0, 3.0], w = [1.0, 2.0], A = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]"
    arguments += ", S = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]"
    program = f"function f({arguments}) {{ y = {call}; return 1.0 }}".replace("y = lstm", "y, z = lstm")
    [found] = findings(program)
    assert (found.message, found.span.text) == (message, at)
    assert found.span.source.name == "<text>"


@pytest.mark.parametrize(
    "call, code",
    [
        ("mse(v, w)", "shape-mismatch"),
        ("cross_entropy(v, 3)", "index-range"),
        ("rk4(g, v, 0.1)", "shape-mismatch"),
        ("rk4(field, v, w)", "shape-mismatch"),
    ],
)
def test_faults_inside_say_where_the_call_is(call, code):
    """What only shows inside points there and names the place of the call."""
    text = "function field(y) { return y }\nfunction g(y) { return [1.0, 2.0] }\n"
    text += f"function f(v = [1.0, 2.0, 3.0], w = [1.0, 2.0]) {{ y = {call}; return 1.0 }}"
    [found] = findings(text)
    assert found.code == code
    assert found.hint is not None
    assert found.hint.endswith("called from <text>:3:55")


def test_faults_at_run_time_are_at_the_call():
    """The text of the prelude is nothing a user has in front of him."""
    assert told("function f(v = [1.0, 2.0], k = 2) { return cross_entropy(v, k) }") == [
        ("index-range", "cross_entropy(v, k)")
    ]
    field = "function field(y) { i = int(y[0]); return y[i] * y }\n"
    assert told(field + "function f(y = [7.0, 1.0]) { return sum(rk4(field, y, 0.1)) }") == [
        ("index-range", "y[i]")
    ]


def test_points_of_the_prelude_have_their_place_at_the_call():
    """So what each use adds is shown in the user's text."""
    program = paramprog.loads(
        "function f(x : real[2]) {\n    y = cross_entropy(x, 0)\n    return y\n}", name="user.pp"
    )
    spans = {n.span for n in program.compiled().built.graph.nodes if n.span is not None}
    assert {s.source.name for s in spans} == {"user.pp"}
    uses = program.grad({"x": [1.0, 2.0]}, wrt=["x"], by_use=True).by_use["x"]
    assert {u.span.text for u in uses} == {"cross_entropy(x, 0)"}


@pytest.mark.parametrize(
    "call, code",
    [
        ("softmax()", "argument-count"),
        ("softmax(v, v)", "argument-count"),
        ("softmax(v, axis = 0)", "unknown-argument"),
        ("sofmax(v)", "undefined-function"),
        ("softmax", "function-as-value"),
        ("rk4(v, v, 0.1)", "type-mismatch"),
        ("cross_entropy(v, 1.0)", "type-mismatch"),
    ],
)
def test_wrong_calls(call, code):
    [found] = findings(f"function f(v = [1.0, 2.0]) {{ return {call} }}")
    assert found.code == code
    if code == "undefined-function":
        assert found.hint == "did you mean `softmax`?"
