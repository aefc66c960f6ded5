"""The shipped programs with derivative operators: against closed forms, and against the same models under autograd.

autograd (HIPS) shares no code with paramprog; its own nested gradients take the place of the operators.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

pytest.importorskip("autograd", reason="autograd, the oracle of these tests, is not installed")

import autograd.numpy as np
import numpy
from autograd import grad, hessian, jacobian

import paramprog
from paramprog.resources import programs_dir

Values = dict[str, Any]
MODES = ("forward", "reverse")


def load(name: str, modes: tuple[str, str] | None = None, **dims: int) -> paramprog.Program:
    """A shipped program; `modes` are those of operators in functions that are called, and in the entry function."""
    text = (programs_dir() / f"{name}.pp").read_text(encoding="utf-8")
    if modes is not None:
        before, _, last = text.rpartition("function ")
        text = set_modes(before, modes[0]) + "function " + set_modes(last, modes[1])
    return paramprog.loads(text, dims=dims)


def set_modes(text: str, mode: str) -> str:
    for other in MODES:
        text = text.replace(f"mode = {other}", f"mode = {mode}")
    return text


def agree(found: Any, expected: Any, tolerance: float = 1e-10) -> None:
    scale = float(numpy.max(numpy.abs(expected), initial=0.0))
    numpy.testing.assert_allclose(found, expected, rtol=0.0, atol=tolerance * scale)


# ---- hyperparameters ----------------------------------------------------------------------------------------------

QUADRATIC = """
    dim steps = 50
    param lr = 0.07, mu = 0.0
    const h = [0.5, 3.0, 11.0]
    function loss(w) { return sum(h * w * w) / 2 }
    function final(w0 = [1.0, -2.0, 0.5]) {
        w, v = w0, zeros(3)
        for t in 0..steps {
            y = loss(w)
            v = mu * v - lr * grad(y, w, mode = MODE)
            w = w + v
        }
        return loss(w)
    }
"""
H, W0 = numpy.array([0.5, 3.0, 11.0]), numpy.array([1.0, -2.0, 0.5])


@pytest.mark.parametrize("inner", MODES)
@pytest.mark.parametrize("outer", MODES)
def test_fifty_steps_on_a_quadratic(inner, outer):
    """d(final loss)/d(learning rate) is -T sum h^2 w0^2 (1 - lr h)^(2T - 1), to 1e-10, in each mix of modes."""
    found = paramprog.loads(QUADRATIC.replace("MODE", inner)).grad(mode=outer)
    agree(found.value, numpy.sum(H * W0**2 * (1 - 0.07 * H) ** 100) / 2)
    agree(found["lr"], -50 * numpy.sum(H**2 * W0**2 * (1 - 0.07 * H) ** 99))


def test_fifty_steps_with_momentum():
    """Each coordinate is a linear recurrence: the derivatives by both numbers are those of powers of a matrix."""
    lr, mu = 0.07, 0.6
    found = paramprog.loads(QUADRATIC.replace("MODE", "reverse")).grad(params={"mu": mu})
    expected = {"lr": 0.0, "mu": 0.0}
    for h, w0 in zip(H, W0, strict=True):
        step = numpy.array([[1 - lr * h, mu], [-lr * h, mu]])
        moved = {"lr": numpy.array([[-h, 0.0], [-h, 0.0]]), "mu": numpy.array([[0.0, 1.0], [0.0, 1.0]])}
        power = [numpy.linalg.matrix_power(step, k) for k in range(51)]
        start = numpy.array([w0, 0.0])
        for name, change in moved.items():
            whole = sum(power[49 - k] @ change @ power[k] for k in range(50))
            expected[name] += h * (power[50] @ start)[0] * (whole @ start)[0]
    for name, value in expected.items():
        agree(found[name], value)


@pytest.mark.parametrize("steps", [12, 40])
def test_hyperparameters(steps):
    """Value, gradient and Hessian by learning rate and momentum, through training by gradients."""

    def error(w: Any, x: Any, y: Any) -> Any:
        return np.sum((w[0] + w[1] * x - y) ** 2) / 2.0

    program = load("hyperparameters", steps=steps)
    found = program.hessian()
    v = {**found.point.inputs}

    def left(p: Any) -> Any:
        w, velocity = v["w0"], numpy.zeros(2)
        for _ in range(steps):
            velocity = p[1] * velocity - p[0] * grad(error)(w, v["x"], v["y"]) / len(v["x"])
            w = w + velocity
        return error(w, v["x2"], v["y2"])

    at = numpy.array([0.08, 0.5])
    agree(found.value, left(at))
    agree([found.gradients["lr"], found.gradients["mu"]], grad(left)(at))
    agree([[found[a][b] for b in ("lr", "mu")] for a in ("lr", "mu")], hessian(left)(at), 1e-9)


# ---- Newton's method ----------------------------------------------------------------------------------------------


def test_newton_minimum():
    """The gradient vanishes at the minimum, which varies with `decay` as the envelope theorem says."""
    program = load("newton_minimum")
    found = program.grad()
    v, decay = found.point.inputs, 0.7

    def cost(w: Any) -> Any:
        return np.sum(np.log(1.0 + np.exp(-v["y"] * np.dot(v["x"], w)))) + decay * np.sum(w * w) / 2.0

    w = numpy.zeros(2)
    for _ in range(20):
        w = w - numpy.linalg.solve(hessian(cost)(w), grad(cost)(w))
    agree(found.value, cost(w), 1e-13)
    agree(found["decay"], w @ w / 2.0, 1e-12)
    dw = -numpy.linalg.solve(hessian(cost)(w), w)
    agree(program.hessian()["decay"]["decay"], w @ dw, 1e-6)


def test_kmeans_newton():
    """A Newton step with the diagonal of the Hessian is a step of Lloyd's algorithm."""
    for steps in (1, 2, 3):
        program = load("kmeans_newton", steps=steps)
        found = program.grad()
        x, c = found.point.inputs["x"], found.point.params["centers"]
        for _ in range(steps):
            nearest = numpy.argmin(numpy.sum((x[:, None] - c[None]) ** 2, axis=2), axis=1)
            c = numpy.stack([x[nearest == k].mean(axis=0) for k in range(len(c))])
        agree(found.value, numpy.sum(numpy.min(numpy.sum((x[:, None] - c[None]) ** 2, axis=2), axis=1)))
        numpy.testing.assert_allclose(found["centers"], numpy.zeros((2, 2)), atol=1e-13)


# ---- nested optimisation ------------------------------------------------------------------------------------------


def test_saddle():
    """After enough steps x and y solve the linear system that says that both gradients vanish; in all four mixes."""
    A = numpy.array([[0.5, -0.3], [0.2, 0.6]])
    b, c = numpy.array([0.8, -0.5]), numpy.array([0.3, 0.4])
    both = numpy.linalg.solve(numpy.block([[2 * numpy.eye(2), A], [A.T, -2 * numpy.eye(2)]]), -numpy.r_[b, c])
    x, y = both[:2], both[2:]
    for modes in product(MODES, MODES):
        found = load("saddle", modes, outer=40, inner=40).grad()
        agree(found.value, x @ x + x @ A @ y - y @ y + b @ x + c @ y, 1e-12)
        # of the value at a saddle point, only what is seen directly counts
        agree(found["b"], x)
        agree(found["c"], y)


def landing(w: float, h: float) -> float:
    """Where the particle of `particle.pp` hits the ground, in plain Python."""
    x, v = numpy.array([0.0, 8.0]), numpy.array([0.75, 0.0])
    while x[1] + h * v[1] > 0:
        push = [(x - c) / numpy.linalg.norm(x - c) ** 3 for c in ([10.0, 10.0 - w], [10.0, 0.0])]
        x, v = x + h * v, v + h * (push[0] + push[1])
    return float((x - x[1] / v[1] * v)[0])


@pytest.mark.parametrize("h, low, high", [(2.0, 0.5, 0.65), (0.5, 0.25, 0.3)])
def test_particle(h, low, high):
    """Newton's method finds where the particle lands at 0, as bisection does; in all four mixes of modes."""
    a, b = low, high
    assert landing(a, h) * landing(b, h) < 0
    for _ in range(60):
        middle = (a + b) / 2
        a, b = (a, middle) if landing(a, h) * landing(middle, h) <= 0 else (middle, b)
    mixes = list(product(MODES, MODES))
    found = [load("particle", modes, turns=8)(w0=(low + high) / 2, h=h) for modes in mixes]
    numpy.testing.assert_allclose(found, [found[0]] * 4, rtol=1e-11)
    assert found[0] == pytest.approx(a, rel=1e-9)
    one = [load("particle", modes).grad(w0=(low + high) / 2, h=h).gradients for modes in mixes]
    for gradients in one[1:]:
        for name, value in gradients.items():
            agree(value, one[0][name], 1e-9)


EXACT = """
    param W = [0.5, -0.25]
    function f(x = [1.0, 2.0], c = 1.0) {
        y = sum(W * x * x) * c
        g = grad(y, x)
        H = hessian(y, x)
        s = sum(g * g) + sum(H)
        if c > 0.5 { z = s * s; q = grad(z, x) } else { q = x }
        return sum(q) + s
    }
"""


def test_every_check_of_verify_decides():
    """For derivatives in a branch of derivatives: the sums over all paths too, in floating point and exactly."""
    report = paramprog.loads(EXACT).verify(exact=True)
    assert [c.name for c in report.checks if c.ok is not True] == []


def test_printed_gradients():
    """The gradient of a program with derivatives is printed as a program, which has the same gradient again."""
    program = paramprog.loads(EXACT)
    found = program.grad()
    text = program.gradient_program()
    assert not [line for line in text.splitlines() if "grad(" in line.split("#")[0]]
    printed = paramprog.loads(text)
    value, gradient = printed().values()
    agree(value, found.value, 1e-13)
    agree(gradient, found["W"], 1e-13)
    agree(printed.jacobian(output="dW")["W"], program.hessian()["W"]["W"], 1e-12)


def test_uses_stand_at_the_operators():
    """What `grad --by-use` tells of a use inside a derivative has the place of the operator."""
    uses = paramprog.loads(EXACT).grad(by_use=True).by_use
    assert uses is not None
    assert {use.span.text for use in uses["W"]} == {"W * x", "grad(y, x)", "hessian(y, x)", "grad(z, x)"}


@pytest.mark.parametrize("mode", ["", ", mode = forward", ", mode = reverse"])
def test_whole_jacobians_through_a_tape(mode: str):
    """Row by row or column by column in a loop: q = (a b, b b) and y = a b + b b."""
    text = "function f(x = [0.4, 0.3]) { u = push(tape(x[0]), x[1]); q = x * top(u); y = sum(q); "
    J = paramprog.loads(f"{text}return jacobian(q, x{mode}) }}")()
    agree(J, [[0.3, 0.4], [0, 0.6]], 1e-15)
    agree(paramprog.loads(f"{text}return hessian(y, x{mode}) }}")(), [[0, 1], [1, 2]], 1e-15)
    assert paramprog.loads(f"{text}J = jacobian(q, x{mode}); return sum(J * J) }}").verify(exact=True).ok


TAPED = """
param w = [1.1, 0.7]
function rolled(x : real[2], w : real[2]) {
    t = tape(x)
    h = x
    while sum(h) < 10 {
        t = push(t, h * w)
        h = h * h + w
    }
    s = 0.0 * x
    k = 0
    while k < 3 {
        t, v = pop(t)
        s = s * v + sin(v)
        k = k + 1
    }
    return s
}
function f(x = [0.9, 0.4]) {
    v = w
    y = rolled(x, v)
    z = sum(y * [2.0, 3.0])
    return OPERATOR
}
"""


def rolled(x: Any, w: Any) -> Any:
    h, pushed = x, []
    while np.sum(h) < 10:
        pushed.append(h * w)
        h = h * h + w
    s = 0.0 * x
    for v in pushed[:-4:-1]:
        s = s * v + np.sin(v)
    return s


@pytest.mark.parametrize("mode", ["", ", mode = forward", ", mode = reverse"])
def test_jacobians_and_hessians_through_tapes_of_any_length(mode: str):
    """Against autograd, with the gradient of what is made of them, compiled as well, and every check of verify."""
    x, w, c = np.array([0.9, 0.4]), np.array([1.1, 0.7]), np.array([2.0, 3.0])

    def found(operator: str) -> paramprog.Program:
        return paramprog.loads(TAPED.replace("OPERATOR", operator.replace(")", f"{mode})", 1)))

    agree(found("jacobian(y, x)")(), jacobian(rolled)(x, w), 1e-12)
    agree(found("jacobian(y, v)")(), jacobian(rolled, 1)(x, w), 1e-12)
    agree(found("hessian(z, x)")(), hessian(lambda x: np.sum(rolled(x, w) * c))(x), 1e-12)
    program = found("sum(square(jacobian(y, x)))")
    expected = grad(lambda w: np.sum(jacobian(rolled)(x, w) ** 2))(w)
    agree(program.grad()["w"], expected, 1e-11)
    agree(program.compile(backend="numpy").value_and_gradient()[1]["w"], expected, 1e-11)
    assert program.verify().ok


def test_a_jacobian_through_a_tape_prints_where_the_numbers_of_turns_are_known():
    text = TAPED.replace("while sum(h) < 10 {", "for i in 0..3 {").replace("while k < 3 {", "for i in 0..3 {")
    text = (
        text.replace("k = 0", "").replace("k = k + 1", "").replace("OPERATOR", "sum(square(jacobian(y, x)))")
    )
    program = paramprog.loads(text)
    printed = paramprog.loads(program.gradient_program())
    value, gradient = printed().values()
    agree(value, program(), 1e-13)
    agree(gradient, program.grad()["w"], 1e-12)


UNWOUND = """
param w = [0.3, 0.2]
function f(x = [1.0, -1.0], n : int = 3) {
    t = tape(x)
    y = x
    for i in 0..n {
        t = push(t, y)
        FILL
    }
    g = y
    for i in 0..n {
        t, z = pop(t)
        TAKE
    }
    s = sum(g)
    return OPERATOR
}
"""

TURNS = {
    "straight": ("y = sin(y * w)", "g = g * z + w"),
    "a branch": (
        "if y[0] > 0.1 { y = sin(y * w) } else { y = cos(y * w) }",
        "if z[0] > 0.1 { g = g * z + w } else { g = g * w + x }",
    ),
    "uneven turns": (
        "while sum(y * y) > 0.1 { y = sin(y * w) }; y = y + w * i",
        "for j in 0..i { g = sin(g * z) * w + w }",
    ),
}


@pytest.mark.parametrize("operator", ["sum(square(jacobian(g, w)))", "sum(square(hessian(s, w)))"])
@pytest.mark.parametrize("turns", TURNS)
def test_derivatives_of_derivatives_through_a_tape(turns: str, operator: str):
    """Gradient and Hessian, by rows and by columns, against differences of the interpreter and of the gradient.

    Their loops carry sums over histories of the loops inside, as long as only the run tells, in the end turn by turn.
    """
    fill, take = TURNS[turns]
    text = UNWOUND.replace("FILL", fill).replace("TAKE", take).replace("OPERATOR", operator)
    program = paramprog.loads(text)
    assert program.verify().ok
    w, step = np.array([0.3, 0.2]), 1e-5
    expected = [
        (program.grad({"w": w + e})["w"] - program.grad({"w": w - e})["w"]) / (2 * step)
        for e in step * np.eye(2)
    ]
    for mode in ("forward", "reverse"):
        agree(program.hessian(mode=mode)["w"]["w"], np.array(expected), 1e-6)
        assert not np.any(program.hessian({"n": 0}, mode=mode)["w"]["w"])


@pytest.mark.parametrize("bound", [0.5, 1.5])
def test_a_jacobian_in_an_arm_through_a_tape_around_it(bound: float):
    """The history that it reads is made outside; where the other arm is taken, its cotangents are as many zeros."""
    text = UNWOUND.replace("FILL", "y = sin(y * w)").replace("TAKE", "g = sin(g * z + w)")
    arm = f"if x[0] > {bound} {{ J = jacobian(g, w); s = sum(square(J)) }}\n    return s"
    program = paramprog.loads(text.replace("return OPERATOR", arm))
    assert program.verify().ok
    forward, reverse = (program.hessian(mode=mode)["w"]["w"] for mode in ("forward", "reverse"))
    agree(forward, reverse, 1e-12)
