"""What is not selected does not exist: guarded functions in every place, batched, in all modes, and of second order.

Each guard keeps out a value or a derivative that is not finite, or an index out of range; at the points tested both
sides of it occur, and 0 itself, where an arithmetic select would make 0 * infinity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import paramprog
from paramprog.evaluate import evaluate
from paramprog.gradient import tangent
from paramprog.op import OPS

X = np.array([0.5, 0.0, -2.0, 4.0])
W = np.array([1.0, -2.0, 3.0, 0.25])


class Guard(NamedTuple):
    """A condition on `a` with two arms, and the value and two derivatives of the first arm, where it holds."""

    condition: str
    first: str
    otherwise: str
    holds: Callable[[Any], Any]
    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    curve: Callable[[Any], Any]


def positive(a: Any) -> Any:
    return a > 0


GUARDS = {
    "log": Guard("a > 0", "log(a)", "0.0", positive, np.log, lambda a: 1 / a, lambda a: -1 / a**2),
    "sqrt": Guard(
        "a > 0", "sqrt(a)", "0.0", positive, np.sqrt, lambda a: 0.5 / np.sqrt(a), lambda a: -0.25 / a**1.5
    ),
    "1 / a": Guard(
        "a != 0", "1 / a", "0.0", lambda a: a != 0, lambda a: 1 / a, lambda a: -1 / a**2, lambda a: 2 / a**3
    ),
    "power": Guard(
        "not (a <= 0)", "a ** 0.5 * a", "0.0", positive, lambda a: a**1.5,
        lambda a: 1.5 * a**0.5, lambda a: 0.75 * a**-0.5,
    ),
    "index": Guard(
        "a > 0", "a * gather([10.0, 20.0, 30.0], int(a) // 2)", "0.0", positive,
        lambda a: a * np.array([10.0, 20.0, 30.0])[np.int64(a) // 2],
        lambda a: np.array([10.0, 20.0, 30.0])[np.int64(a) // 2], lambda a: 0 * a,
    ),
    "a guard in a guard": Guard(
        "a > 0", "(if log(a) < 0 then sqrt(-log(a)) * 0.0 + a * a else log(a))", "0.0", positive,
        lambda a: np.where(a < 1, a * a, np.log(a)),
        lambda a: np.where(a < 1, 2 * a, 1 / a), lambda a: np.where(a < 1, 2.0, -1 / a**2),
    ),
}  # fmt: skip

PLACES = {
    "scalars": "return w[0] * g(x[0]) + w[1] * g(x[1]) + w[2] * g(x[2]) + w[3] * g(x[3])",
    "statements": "return w[0] * s(x[0]) + w[1] * s(x[1]) + w[2] * s(x[2]) + w[3] * s(x[3])",
    "lanes": "return sum(w * g(x))",
    "lanes of a matrix": "return sum(w * reshape(g(reshape(x, 2, 2)), 4))",
    "a comprehension": "y = [w[i] * g(x[i]) for i in 0..4]\n return sum(y)",
    "a comprehension of statements": "y = [w[i] * s(x[i]) for i in 0..4]\n return sum(y)",
    "a fold": "return sum(w[i] * g(x[i]) for i in 0..4)",
    "mapped": "return sum(w * map(g, x))",
    "a loop": "y = 0.0\n for i in 0..4 { y = y + w[i] * g(x[i]) }\n return y",
    "a loop backwards": "y = 0.0\n for i in reversed(0..4) { y = y + w[i] * s(x[i]) }\n return y",
    "a loop with checkpoint": "y = 0.0\n for i in 0..4 checkpoint 1 { y = y + w[i] * g(x[i]) }\n return y",
    "lanes in a loop": "y = 0.0 * x\n for i in 0..2 { y = y + w * g(x) / 2 }\n return sum(y)",
    "a loop in a comprehension": "y = [r(w[i], x[i]) for i in 0..4]\n return sum(y)",
    "a while": "y = 0.0\n i = 0\n while i < 4 { y = y + w[i] * g(x[i]); i = i + 1 }\n return y",
    "updates": "y = 0 * x\n for i in 0..4 { y[i] = w[i] * g(x[i]) }\n return sum(y)",
}


def text(guard: Guard, place: str) -> str:
    condition, first, otherwise = guard.condition, guard.first, guard.otherwise
    return f"""function g(a) {{ return if {condition} then {first} else {otherwise} }}
function s(a) {{
    if {condition} {{ y = {first} }} else {{ y = {otherwise} * 1.0 }}
    return y
}}
function r(b, a) {{
    y = 0.0
    for k in 0..2 {{ y = y + b * g(a) / 2 }}
    return y
}}
function f(x = {X.tolist()}, w = {W.tolist()}) {{
    {PLACES[place]}
}}"""


def selected(guard: Guard, part: Callable[[Any], Any], x: Any) -> Any:
    """The value or derivative of the guarded function, entry by entry."""
    holds = guard.holds(x)
    return np.where(holds, part(np.where(holds, x, 1.0)), 0.0)


def close(found: Any, expected: Any) -> None:
    """Which NaN never is."""
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


everywhere = pytest.mark.parametrize("place", PLACES)
every = pytest.mark.parametrize("name", GUARDS)


@every
@everywhere
def test_values_and_gradients(name, place):
    """In reverse, forward and as a sum over paths; by the interpreter's differences too, away from 0."""
    guard = GUARDS[name]
    program = paramprog.loads(text(guard, place))
    for mode in ("reverse", "forward", "paths"):
        found = program.grad(wrt=["x", "w"], mode=mode)
        close(found.value, W @ selected(guard, guard.value, X))
        close(found["x"], W * selected(guard, guard.slope, X))
        close(found["w"], selected(guard, guard.value, X))
        assert found.warnings == []
    away = np.array([0.4, 1.3, -0.7, 2.5])
    assert program.verify({"x": away}).ok


@every
@everywhere
def test_second_order(name, place):
    """The adjoint of each entry of the adjoint, and the tangent of the adjoint along x."""
    guard = GUARDS[name]
    program = paramprog.loads(text(guard, place))
    compiled, point = program.compiled(), program.point()
    (y,), x = compiled.built.outputs.values(), compiled.built.inputs["x"]
    (d,) = compiled.gradient(y, (x,))
    weights = np.arange(1.0, 5.0)
    weighed = OPS["sum"](d * d.graph.array(weights), axes=(0,), sizes=(4,))
    (twice,) = compiled.gradient(weighed, (x,))
    expected = weights * W * selected(guard, guard.curve, X)
    found = np.zeros(4) if twice is None else evaluate([twice], point.leaves)[0]
    close(found, expected)
    t = x.graph.array(weights)
    pushed = tangent(d, {x: t})
    close(np.zeros(4) if pushed is None else evaluate([pushed], point.leaves)[0], expected)


@every
@everywhere
def test_many_samples(name, place):
    """Lanes with their own sides: the mean and its gradients, and those of each sample."""
    guard = GUARDS[name]
    rows = np.stack([X, X[::-1], np.full(4, -1.0), np.array([1.0, 3.0, 0.0, 2.0]), np.zeros(4)])
    program = paramprog.loads(text(guard, place))
    values, slopes = selected(guard, guard.value, rows), selected(guard, guard.slope, rows)
    mean = program.grad({"x": rows}, wrt=["w", "x"], batch=["x"])
    close(mean.value, np.mean(values @ W))
    close(mean["w"], values.mean(axis=0))
    close(mean["x"], W * slopes / len(rows))
    each = program.grad({"x": rows}, wrt=["w", "x"], batch=["x"], per_sample=True)
    close(each["w"], values)
    close(each["x"], W * slopes)


@every
@pytest.mark.parametrize("place", [p for p in PLACES if "checkpoint" not in p])
def test_the_printed_gradient(name, place):
    """As a program, which gives the same, and differentiated once more."""
    guard = GUARDS[name]
    printed = paramprog.loads(text(guard, place)).gradient_program(wrt=["x"])
    program = paramprog.loads(printed)
    value, gradient = program.run().outputs.values()
    close(value, W @ selected(guard, guard.value, X))
    close(gradient, W * selected(guard, guard.slope, X))
    [_, name_of_gradient] = program.run().outputs
    jacobian = program.jacobian(wrt=["x"], output=name_of_gradient)["x"]
    close(jacobian, np.diag(W * selected(guard, guard.curve, X)))
