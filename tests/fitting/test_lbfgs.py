"""L-BFGS-B: minima, bounds, and runs that are resumed bit for bit."""

from __future__ import annotations

from math import log, nan

import numpy as np
import pytest

from paramprog.diagnostics import ProgramError
from paramprog.fitting.lbfgs import Tape, minimise


def rosenbrock(theta):
    """sum 100 (y - x^2)^2 + (1 - x)^2 over neighbours; the minimum is 0 at (1, ..., 1)."""
    x, y = theta[:-1], theta[1:]
    g = np.zeros_like(theta)
    g[:-1] = -400 * x * (y - x**2) - 2 * (1 - x)
    g[1:] += 200 * (y - x**2)
    return float(np.sum(100 * (y - x**2) ** 2 + (1 - x) ** 2)), g


START = np.array([-1.2, 1.0, -1.2, 1.0])


class Counted:
    """A function that counts its calls, and stops a run at the one after `limit`."""

    def __init__(self, f, limit=None):
        self.f, self.calls, self.limit = f, 0, limit

    def __call__(self, theta):
        if self.calls == self.limit:
            raise KeyboardInterrupt
        self.calls += 1
        return self.f(theta)


def test_quadratic():
    """c (w - 3)^2 with c over four orders of magnitude; it has converged, and the gradient says so."""
    c = np.logspace(-2, 2, 9)
    found = minimise(
        lambda w: (float(np.sum(c * (w - 3) ** 2)), 2 * c * (w - 3)), np.zeros(9), tolerance=1e-9
    )
    assert found.converged
    assert found.reason == "no entry of the gradient exceeds 1e-09"
    np.testing.assert_allclose(found.iterate.theta, 3, atol=1e-6)
    assert np.max(np.abs(found.iterate.gradient)) <= 1e-9


def test_rosenbrock():
    """The curved valley is followed to its end, far below 1e-10; no iterate is above the one before."""
    values = []
    found = minimise(rosenbrock, START, callback=lambda i: values.append(i.value))
    assert found.converged
    assert found.iterate.value < 1e-14
    np.testing.assert_allclose(found.iterate.theta, 1, atol=1e-6)
    assert values == sorted(values, reverse=True)
    assert values[-1] == found.iterate.value


def test_iterates():
    """They are numbered from 1, each with f and its gradient there, and theirs to keep."""
    seen = []
    found = minimise(rosenbrock, START, callback=seen.append)
    assert [i.number for i in seen] == list(range(1, len(seen) + 1))
    for iterate in seen:
        value, gradient = rosenbrock(iterate.theta)
        assert iterate.value == value
        np.testing.assert_array_equal(iterate.gradient, gradient)
    assert found.iterate is seen[-1]


def test_the_array_of_the_gradient_may_be_reused():
    """f may return one buffer all the time, in float32 too."""
    buffer = np.empty(4, "float32")

    def f(theta):
        value, buffer[:] = rosenbrock(theta)
        return value, buffer

    def fresh(theta):
        value, g = rosenbrock(theta)
        return value, g.astype("float32")

    reused, expected = (minimise(x, START, max_iterations=15).iterate for x in (f, fresh))
    assert reused.number == 15
    assert reused.theta.tobytes() == expected.theta.tobytes()


def test_iterations_end():
    """After the number allowed it has not converged."""
    found = minimise(rosenbrock, START, max_iterations=3)
    assert (found.iterate.number, found.converged, found.reason) == (3, False, "3 iterations")


def test_callback_ends():
    """The callback that returns True sees the last iterate."""
    found = minimise(rosenbrock, START, callback=lambda i: i.number == 4)
    assert (found.iterate.number, found.converged, found.reason) == (4, False, "stopped")


def test_start_at_the_minimum():
    """Nothing to do: no iteration, and the callback is not called."""
    found = minimise(rosenbrock, np.ones(4), callback=lambda i: pytest.fail("called"))
    assert (found.iterate.number, found.converged) == (0, True)


def test_bounds():
    """The minimum is on the bounds where the free one is outside; the start is moved inside."""
    target = np.array([5.0, -5.0, 0.25])
    lower, upper = np.array([-1.0, -np.inf, 0.0]), np.array([1.0, np.inf, np.inf])
    asked = []

    def f(w):
        asked.append(w.copy())
        return float(np.sum((w - target) ** 2)), 2 * (w - target)

    found = minimise(f, np.array([9.0, 9.0, -9.0]), bounds=(lower, upper))
    np.testing.assert_allclose(found.iterate.theta, [1, -5, 0.25], atol=1e-7)
    assert found.converged
    assert all(np.all((lower <= w) & (w <= upper)) for w in asked)


def test_values_that_are_not_finite_are_avoided():
    """x - log x from 50: the line search jumps to where it is not finite, comes back, and finds 1."""
    bad = []

    def f(w):
        if w[0] <= 0:
            bad.append(w[0])
            return nan, np.array([nan])
        return w[0] - log(w[0]), 1 - 1 / w

    found = minimise(f, np.array([50.0]))
    assert bad
    assert found.converged
    np.testing.assert_allclose(found.iterate.theta, 1, atol=1e-7)


def test_a_first_trial_that_is_not_finite():
    """The next one is at a quarter of the way."""
    asked = []

    def f(w):
        asked.append(w[0])
        u = 10 * w[0]
        return (u - log(u), 10 - 1 / w) if u > 0 else (nan, np.array([nan]))

    found = minimise(f, np.array([0.5]))
    np.testing.assert_allclose(asked[:3], [0.5, -0.5, 0.25], rtol=1e-12)
    np.testing.assert_allclose(found.iterate.theta, 0.1, rtol=1e-6)


@pytest.mark.filterwarnings("error")
def test_a_function_without_minimum():
    """-(x^2 + y) falls until floats end: the run ends too, not converged, and without a warning of NumPy."""

    def f(w):
        with np.errstate(over="ignore"):
            return -float(w[0] * w[0] + w[1]), np.array([-2 * w[0], -1.0])

    found = minimise(f, np.array([-1.2, 0.1]))
    assert not found.converged
    assert found.iterate.value < -1e200
    assert np.isfinite(found.iterate.theta).all()


def test_gradients_that_are_not_finite_are_avoided():
    """A finite value with a gradient that is not is no better."""

    def f(w):
        g = 2 * (w - 3)
        return float(np.sum((w - 3) ** 2)), np.where(w > 3.5, nan, g)

    found = minimise(f, np.array([-1e4, 0.0]))
    assert found.converged
    np.testing.assert_allclose(found.iterate.theta, 3, atol=1e-6)


@pytest.mark.parametrize("value, g", [(nan, 1.0), (1.0, np.inf)])
def test_start_that_is_not_finite(value, g):
    """There is no way to go; it says so."""
    found = minimise(lambda w: (value, np.full(2, g)), np.zeros(2))
    assert (found.iterate.number, found.converged) == (0, False)
    assert found.reason == "the value or gradient at the start is not finite"


def test_faults_of_f_pass():
    """What f raises, the caller sees; the evaluations before are on the tape."""
    tape = Tape()
    with pytest.raises(KeyboardInterrupt):
        minimise(Counted(rosenbrock, 5), START, tape=tape)
    assert len(tape.evaluations) == 5


def logarithms(theta):
    """sum c (x - log x), the minimum of which is at (1, ..., 1); from far out, line searches leave its domain."""
    c, x = np.array([1.0, 2.0, 3.0, 4.0]), 40 + 10 * theta
    if np.any(x <= 0):
        return nan, np.full(4, nan)
    return float(np.sum(c * (x - np.log(x)))), 10 * c * (1 - 1 / x)


@pytest.mark.parametrize("f", [rosenbrock, logarithms])
def test_resumed_bit_for_bit_after_any_evaluation(f):
    """Interrupted after each number of evaluations and resumed from the arrays of its tape, a run takes the same
    steps, and computes nothing twice."""

    def run(f, tape):
        seen = []
        minimise(
            f,
            START,
            tape=tape,
            max_iterations=12,
            callback=lambda i: seen.append((i.number, i.theta.tobytes(), i.value)),
        )
        return seen

    tape = Tape()
    seen = run(f, tape)
    total = len(tape.evaluations)
    assert len(seen) == 12
    assert all(e.finite for e in tape.evaluations) == (f is rosenbrock)
    for stop in range(total):
        first = Tape()
        with pytest.raises(KeyboardInterrupt):
            run(Counted(f, stop), first)
        arrays = {name: a.copy() for name, a in first.to_arrays().items()}
        second, counted = Tape.from_arrays(arrays), Counted(f)
        assert run(counted, second) == seen
        assert counted.calls == total - stop
        for name, array in second.to_arrays().items():
            assert array.tobytes() == tape.to_arrays()[name].tobytes()


def test_more_iterations():
    """A run that ended by its number of iterations goes on with a larger one."""
    tape = Tape()
    minimise(rosenbrock, START, tape=tape, max_iterations=5)
    further = minimise(rosenbrock, START, tape=tape, max_iterations=9)
    assert (
        further.iterate.theta.tobytes()
        == minimise(rosenbrock, START, max_iterations=9).iterate.theta.tobytes()
    )


@pytest.mark.parametrize("at", [0, 3])
def test_a_run_that_differs(at):
    """A record of another point is never used: error[resume-differs], which names the evaluation."""
    tape = Tape()
    minimise(rosenbrock, START, tape=tape)
    start = START
    if at == 0:
        start = START + 1e-16 * np.array([0, 1, 0, 1]) + np.spacing(1.0)
    else:
        changed = tape.evaluations[at - 1]
        tape.evaluations[at - 1] = changed._replace(gradient=changed.gradient * (1 + 1e-15))
    with pytest.raises(ProgramError) as raised:
        minimise(rosenbrock, start, tape=tape)
    (found,) = raised.value.diagnostics
    assert found.code == "resume-differs"
    assert f"evaluation {at + 1} " in found.message


def test_an_empty_tape():
    """It has arrays too, for a run killed before its first evaluation."""
    assert Tape.from_arrays(Tape().to_arrays()) == Tape()


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("values"),
        lambda arrays: arrays.update(more=np.zeros(1)),
        lambda arrays: arrays.update(values=arrays["values"][:-1]),
        lambda arrays: arrays.update(gradients=arrays["gradients"][:-1]),
        lambda arrays: arrays.update(gradients=arrays["gradients"].ravel()),
        lambda arrays: arrays.update(gradients=arrays["gradients"].astype("float32")),
        lambda arrays: arrays.update(points=arrays["points"][:, :-1]),
    ],
)
def test_arrays_of_no_tape(change):
    """Arrays that do not fit together are refused."""
    tape = Tape()
    minimise(rosenbrock, START, tape=tape, max_iterations=2)
    arrays = tape.to_arrays()
    change(arrays)
    with pytest.raises(ValueError, match="tape"):
        Tape.from_arrays(arrays)
