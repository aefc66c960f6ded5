"""`Program.optimise`: minima and maxima within bounds."""

from __future__ import annotations

import numpy as np
import pytest

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.fitting.optimisers import OPTIMISERS

ROSENBROCK = """
    function rosenbrock(x : real[2] = [-1.2, 1.0]) {
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    }
"""
BOWL = """
    param w = 3.0
    function bowl(x : real[2] = [5.0, -4.0], y = 1.0, k : int = 2) {
        s = (x[0] - w) ** 2 + 2 * (x[1] + 1) ** 2 + (y - w) ** 2
        return s
    }
"""


def test_rosenbrock():
    """L-BFGS finds the minimum at (1, 1)."""
    found = paramprog.loads(ROSENBROCK).optimise("x")
    assert found.converged
    np.testing.assert_allclose(found["x"], [1, 1], atol=1e-6)
    assert found.value < 1e-12


@pytest.mark.parametrize("optimizer, lr", [("lbfgs", None), ("adam", 0.02), ("gd", 1e-3), ("nesterov", 1e-4)])
def test_bounds_that_are_active(optimizer, lr):
    """With x[0] <= 0.5 the minimum is (0.5, 0.25): on the bound in the first entry, not in the second."""
    program = paramprog.loads(ROSENBROCK)
    bounds = {"x": ([-2.0, -np.inf], [0.5, np.inf])}
    seen = []

    def watch(step, value):
        seen.append((step, value))

    found = program.optimise(
        "x", bounds=bounds, optimizer=optimizer, lr=lr, steps=20_000, tolerance=1e-7, watch=watch
    )
    assert found.converged, found.reason
    assert found["x"][0] == 0.5
    assert found["x"][1] == pytest.approx(0.25, abs=1e-6)
    assert found.value == pytest.approx(0.25)
    steps = [step for step, _ in seen]
    assert steps == list(range(steps[0], found.steps + 1))
    assert seen[-1][1] == found.value


@pytest.mark.parametrize("optimizer", [*OPTIMISERS, "lbfgs"])
def test_every_optimiser(optimizer):
    """Each comes down to the minimum of a bowl, and the result is the same each time."""
    program = paramprog.loads(BOWL)
    first, second = (program.optimise("x,y", optimizer=optimizer, steps=3000) for _ in range(2))
    np.testing.assert_allclose(first["x"], [3, -1], atol=0.05)
    assert first["y"] == pytest.approx(3, abs=0.05)
    assert first["x"].tolist() == second["x"].tolist()
    assert first.point.inputs["k"] == 2


def test_a_hidden_unit_of_the_digits_network():
    """For a unit tanh(W x / 16 + b) the largest value has a pixel at 16 where its weight is positive, else at 0."""
    text = """
        param W : real[8, 64] ~ glorot(), b : real[8] ~ zeros()
        function unit(x : real[64] = zeros(64), k : int = 0) {
            hidden = tanh(W @ (x / 16) + b)
            return hidden[k]
        }
    """
    program = paramprog.loads(text)
    found = program.optimise("x", k=3, maximise=True, bounds={"x": (0, 16)})
    weights = found.point.params["W"][3]
    np.testing.assert_array_equal(found["x"], np.where(weights > 0, 16.0, 0.0))
    assert found.value == pytest.approx(np.tanh(weights[weights > 0].sum()))
    assert program(x=found["x"], k=3) == found.value


def test_params_can_be_varied():
    """By default all params are, from the values given, and inputs stay as they are."""
    found = paramprog.loads(BOWL).optimise(x=[2.0, -1.0], y=4.0, w=0.0)
    assert list(found.found) == ["w"]
    assert found["w"] == pytest.approx(3.0)
    assert found.point.inputs["x"].tolist() == [2.0, -1.0]


def test_one_sided_bounds_and_the_start():
    """None is no bound; a start beyond the bounds is moved onto them."""
    found = paramprog.loads(BOWL).optimise("y", y=-9.0, bounds={"y": (4.0, None)})
    assert found["y"] == 4.0
    found = paramprog.loads(BOWL).optimise("y", y=9.0, bounds={"y": (None, 2.0)}, optimizer="adam")
    assert found["y"] == 2.0


def test_float32():
    """What is found has the dtype of the program."""
    found = paramprog.loads(BOWL, dtype="float32").optimise("x", tolerance=1e-3)
    assert {found["x"].dtype, found.value.dtype} == {np.dtype("float32")}
    np.testing.assert_allclose(found["x"], [3, -1], atol=1e-3)


def test_the_best_point_is_the_result():
    """A rate that is too large walks off; the result is the best point seen, and says that it is no optimum."""
    found = paramprog.loads("function f(x = 1.0) { return x ** 4 }").optimise("x", optimizer="gd", lr=10.0)
    assert not found.converged
    assert found["x"] == 1.0
    [warning] = found.warnings
    assert "not finite" in warning.message
    few = paramprog.loads(ROSENBROCK).optimise("x", optimizer="adam", steps=5)
    assert (few.converged, few.steps, few.reason) == (False, 5, "5 steps")


@pytest.mark.parametrize(
    "options, code, message",
    [
        ({"wrt": "s"}, "optimise-wrt", "`s` is computed"),
        ({"wrt": "q"}, "unknown-point", "`q`"),
        ({"wrt": "k"}, "not-real", "`k` is int"),
        ({"wrt": "x", "bounds": {"y": (0, 1)}}, "optimise-bounds", "`y`, which is not varied"),
        ({"wrt": "x", "bounds": {"x": (1, 0)}}, "optimise-bounds", "no value of `x` lies within"),
        ({"wrt": "x", "bounds": {"x": ([0, 0, 0], None)}}, "optimise-bounds", "arrays of its shape [2]"),
        ({"wrt": "x", "optimizer": "adan"}, "settings", "there is no optimizer `adan`"),
        ({"wrt": "x", "lr": 1.0}, "settings", "`lr` has no meaning here"),
        ({"wrt": "x", "x": [np.inf, 0.0]}, "optimise-start", "the value at the start is not finite"),
    ],
)
def test_faults(options, code, message):
    """A diagnostic that names what is at fault."""
    with pytest.raises(ProgramError) as caught:
        paramprog.loads(BOWL).optimise(**options)
    assert caught.value.diagnostics[0].code == code
    assert message in caught.value.diagnostics[0].message


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_what_has_no_optimum(optimizer):
    """Warned of with a hint at bounds, for what has none on that side; not for what has an optimum, or bounds."""
    text = "function f(x = 1.0, y = 1.0) { return exp(x) + exp(-y) * (if y > 0 then y * y else 0) }"
    program = paramprog.loads(text)
    [warning] = program.optimise(
        "x,y", maximise=True, optimizer=optimizer, lr=None if optimizer == "lbfgs" else 0.3
    ).warnings
    assert (warning.code, warning.severity) == ("optimise-unbounded", "warning")
    assert warning.message.startswith("the value rose to ")
    assert warning.message.endswith("with no end in sight: has it a largest value?")
    assert "--bounds x=LO,HI" in warning.hint
    within = {"x": (None, 2), "y": (0, 1)}
    assert program.optimise("x,y", maximise=True, bounds=within, optimizer=optimizer).warnings == []
    assert paramprog.loads(ROSENBROCK).optimise("x", optimizer=optimizer, steps=3).warnings == []


def test_a_start_where_the_gradient_is_not_finite():
    """It is told with the place in the program."""
    program = paramprog.loads("function f(x = 0.0) {\n    y = sqrt(x)\n    return y\n}")
    with pytest.raises(ProgramError) as caught:
        program.optimise("x")
    [error] = caught.value.diagnostics
    assert (error.code, error.span.line) == ("optimise-start", 2)
    assert "the gradient at the start is not finite" in error.message
