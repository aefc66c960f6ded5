"""The loss and its gradient at each step: the same as node by node, whatever was asked before."""

from __future__ import annotations

import numpy as np
import pytest

import paramprog
from paramprog.fitting.objective import Objective

PROGRAM = """
param w = [0.5, -1.0], unused = 2.0, b = 0.1
noise e : real ~ normal(0, 0.1)
function loss(x : real[2] = [1.0, 2.0], k = 1.0) { return (tanh(dot(w, x)) + b + k * e) ** 2 }
"""


@pytest.fixture
def objective():
    program = paramprog.loads(PROGRAM)
    return program, Objective(program.compiled(), ["x"], {"k": 0.0})


def expected(program, theta, x):
    """The mean of the gradients of the rows, one by one."""
    params = {"w": theta[:2], "unused": theta[2], "b": theta[3]}
    each = [program.grad(params=params, x=row, k=0.0, wrt=["w", "unused", "b"]) for row in x]
    value = np.mean([found.value for found in each])
    parts = [np.mean([found[name] for found in each], axis=0) for name in ("w", "unused", "b")]
    return value, np.concatenate([np.ravel(part) for part in parts])


def test_in_any_order(objective):
    """For several numbers of rows and several vectors in turn, changed in between."""
    program, objective = objective
    rng = np.random.default_rng(0)
    one, other = (
        objective.layout.vector({"w": w, "unused": 2.0, "b": 0.3}) for w in ([0.5, 1.0], [-1.0, 0.2])
    )
    for theta, size in [(one, 3), (one, 5), (other, 3), (one, 3), (other, 5), (one, 3)]:
        theta += rng.normal(size=4)
        x = rng.normal(size=(size, 2))
        value, gradient = objective.value_and_gradient(theta, {"x": x})
        v, g = expected(program, theta, x)
        assert value == pytest.approx(v, rel=1e-13)
        np.testing.assert_allclose(gradient, g, rtol=1e-12, atol=1e-14)


def test_the_gradient_is_one_vector(objective):
    """The next call overwrites it, also where there is no path and the caller has written something."""
    _, objective = objective
    theta, x = objective.layout.vector({"w": [0.5, -1.0], "unused": 2.0, "b": 0.1}), np.ones((4, 2))
    _, first = objective.value_and_gradient(theta, {"x": x})
    before = first.copy()
    first[:] = 7.0
    _, second = objective.value_and_gradient(theta, {"x": x})
    assert second is first
    np.testing.assert_array_equal(second, before)
    assert second[2] == 0.0


def test_noise_is_drawn_for_each_step():
    """A function of the step, not of what was computed before."""
    program = paramprog.loads(PROGRAM)
    objective = Objective(program.compiled(), ["x"], {"k": 1.0})
    theta, x = objective.layout.vector({"w": [0.5, -1.0], "unused": 2.0, "b": 0.1}), np.ones((4, 2))
    values = [objective.value_and_gradient(theta, {"x": x}, step)[0] for step in (0, 1, 0, 2, 1)]
    assert values[0] == values[2] != values[1] == values[4] != values[3]
