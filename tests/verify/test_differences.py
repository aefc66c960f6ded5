"""Differences: a right gradient never fails, a derivative wrong by 5e-5 always does, kinks and poles decide
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from paramprog.diagnostics import fail
from paramprog.verify.check import Check
from paramprog.verify.differences import difference_check


def check(f: Callable[[Any], Any], x: Any, gradient: Any, **options: Any) -> Check:
    with np.errstate(all="ignore"):
        (found,) = difference_check(lambda v: f(v["x"]), {"x": x}, {"x": gradient}, **options)
    return found


SMOOTH: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "exp": (np.exp, np.exp),
    "sin": (np.sin, np.cos),
    "fast": (lambda x: np.sin(100 * x), lambda x: 100 * np.cos(100 * x)),
    "pole": (lambda x: 1 / x, lambda x: -1 / x**2),
    "log": (lambda x: np.log(np.abs(x)), lambda x: 1 / x),
    "power": (lambda x: x**7, lambda x: 7 * x**6),
    "offset": (lambda x: 1e6 + np.sin(x), np.cos),
    "linear": (lambda x: 2 * x + 1, lambda x: 2 + 0 * x),
    "near kinks": (lambda x: np.abs(x) + np.maximum(x, 0.3), lambda x: np.sign(x) + (x > 0.3)),
    "branch": (lambda x: x * x if x > 0.5 else np.sin(x), lambda x: 2 * x if x > 0.5 else np.cos(x)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_a_right_gradient_passes_and_a_wrong_one_does_not(name: str) -> None:
    """At points of sizes 1e-3 to 100: f' passes; f' (1 + 5e-5) is noticed."""
    f, slope = SMOOTH[name]
    rng = np.random.default_rng(1)
    for size in (1e-3, 0.1, 1.0, 100.0):
        for x in size * rng.standard_normal(5):
            assert check(f, x, slope(x)).ok is True, x
            if slope(x) != 0 and not (name == "power" and size < 0.5):  # x^7 is as good as constant there
                assert check(f, x, slope(x) * (1 + 5e-5)).ok is False, x


def test_a_wrong_function_among_several_is_noticed() -> None:
    """One of 20 terms has a derivative wrong by 5e-5, so the sum is wrong by some 1e-6: still noticed."""
    w = np.linspace(0.5, 1.5, 20)

    def f(x: Any) -> Any:
        return np.sum(np.tanh(w * x))

    right = w / np.cosh(w * 0.7) ** 2
    wrong = right.copy()
    wrong[7] *= 1 + 5e-5
    assert check(f, 0.7, right.sum()).ok is True
    found = check(f, 0.7, wrong.sum())
    assert found.ok is False
    assert found.tolerance < 1e-7


def test_every_coordinate_of_a_small_input_is_checked() -> None:
    """One entry of a gradient wrong by 5e-5 is named."""
    x = np.linspace(-1, 1, 12).reshape(3, 4)
    gradient = np.cos(x)
    assert check(lambda v: np.sum(np.sin(v)), x, gradient).ok is True
    gradient[1, 2] *= 1 + 5e-5
    found = check(lambda v: np.sum(np.sin(v)), x, gradient)
    assert found.ok is False
    assert "in entry 6" in found.detail


def test_large_inputs_are_checked_along_random_directions() -> None:
    """10,000 entries take a few hundred evaluations, and a wrong entry that is not large is noticed."""
    rng = np.random.default_rng(0)
    x, calls = rng.standard_normal(10_000), 0

    def f(v: Any) -> Any:
        nonlocal calls
        calls += 1
        return np.sum(np.sin(v))

    assert check(f, x, np.cos(x)).ok is True
    assert calls < 500
    wrong = np.cos(x)
    wrong[int(np.argsort(np.abs(wrong))[5000])] *= 1.01
    found = check(f, x, wrong)
    assert found.ok is False
    assert "random direction" in found.detail


def test_several_inputs_are_checked_one_by_one() -> None:
    """Only the input whose gradient is wrong fails."""
    at = {"a": np.float64(0.3), "b": np.array([1.0, 2.0])}
    gradients = {
        "a": np.float64(np.sum(np.cos(0.3 * at["b"]) * at["b"])),
        "b": 0.3 * np.cos(0.3 * at["b"]) * 1.001,
    }
    a, b = difference_check(lambda v: float(np.sum(np.sin(v["a"] * v["b"]))), at, gradients)
    assert (a.of, a.ok, b.of, b.ok) == ("a", True, "b", False)


KINKS: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    "relu": (lambda x: np.maximum(x, 0), 0.0, 0.0),
    "relu, almost": (lambda x: np.maximum(x, 0), 1e-12, 1.0),
    "abs": (np.abs, 0.0, 0.0),
    "max with 0": (lambda x: np.maximum(x, 0), 0.0, 0.5),
    "a tie": (np.max, np.array([1.0, 1.0, 0.0]), np.array([0.5, 0.5, 0.0])),
    "three tie": (np.max, np.array([1.0, 1.0, 1.0]), np.full(3, 1 / 3)),
    "norm": (lambda x: np.sqrt(np.sum(x * x)), np.zeros(2), np.zeros(2)),
    "steep": (lambda x: 1e3 * np.abs(x) + np.sin(x), 0.0, 1.0),
}


@pytest.mark.parametrize("name", KINKS)
def test_kinks_do_not_fail(name: str) -> None:
    """A gradient between the one-sided derivatives is not called wrong."""
    f, x, gradient = KINKS[name]
    assert check(f, x, gradient).ok is not False


def test_a_kink_is_recognised_and_said() -> None:
    """relu at 0 with derivative 0: the central difference is 1/2, and the report says why that proves
    nothing.
    """
    found = check(lambda x: np.maximum(x, 0), 0.0, 0.0)
    assert found.ok is None
    assert "kink" in found.detail


@pytest.mark.parametrize("gap", [1e-13, 1e-11, 1e-10, 3e-10, 1e-9, 1e-8, 1e-6])
def test_a_kink_that_only_the_finest_steps_do_not_reach_over_is_no_failure(gap: float) -> None:
    """max(1, 1 - gap + t): the derivative is 0; coarse differences say 1/2. A gradient that is wrong stays wrong."""

    def f(x: Any) -> Any:
        return np.maximum(1.0, x)

    assert check(f, 1.0 - gap, 0.0).ok is not False
    for wrong in (-0.3, 1.2):
        found = check(f, 1.0 - gap, wrong)
        assert found.ok is False or "do not settle" in found.detail


def test_a_point_that_most_steps_reach_over_decides_nothing() -> None:
    """Within 1e-8 of 0 the slope is 1, elsewhere -1.6: what is claimed is what the finest steps see, or it is wrong."""

    def f(x: Any) -> Any:
        return -1.6 * x if x * x + 0.75 > 0.75 else x

    assert check(f, 0.0, 1.0).ok is None
    assert check(f, 0.0, 0.3).ok is False


def test_a_gradient_outside_the_one_sided_derivatives_is_wrong_at_a_kink_too() -> None:
    """relu at 0 has derivatives 0 and 1; 1.2 is neither, nor between them."""
    assert check(lambda x: np.maximum(x, 0), 0.0, 1.2).ok is False
    assert check(lambda x: np.maximum(x, 0), 0.0, -0.2).ok is False


def test_points_without_a_value_decide_nothing() -> None:
    """log(-1), an oracle that refuses the point, an infinite gradient: undecided, with the reason."""

    def refuses(x: Any) -> Any:
        raise fail("index-range", "index 3 is out of range for 3 entries")

    for f, x, gradient, reason in (
        (np.log, -1.0, np.nan, "not finite at this point"),
        (refuses, 1.0, 1.0, "not finite at this point"),
        (np.sqrt, 0.0, np.inf, "not finite at this point: inf"),
        (np.cbrt, 0.0, np.inf, "not finite at this point: inf"),
        (lambda x: x * np.sin(x), 0.1, np.nan, "differences: 0.19"),
        (np.sqrt, 0.0, 1.0, "no finite values around"),
    ):
        found = check(f, x, gradient)
        assert found.ok is None
        assert reason in found.detail


def test_noise_is_inconclusive_and_not_an_error() -> None:
    """A function with rounding errors of 1e-4 settles nowhere: the check says so, whatever the gradient."""

    def noisy(x: Any) -> Any:
        return np.sin(x) + 1e-4 * np.sin(1e9 * x)

    found = check(noisy, 0.3, np.cos(0.3))
    assert found.ok is None
    assert "do not settle" in found.detail


def test_noise_decides_nothing_that_is_larger_than_it() -> None:
    """Values rounded to 1e-10: a derivative wrong by a thousandth is noticed all the same, a right one passes."""
    assert check(np.sin, 0.3, np.cos(0.3), noise=lambda: 1e-10).ok is True
    assert check(np.sin, 0.3, 1.001 * np.cos(0.3), noise=lambda: 1e-10).ok is False


def test_the_edge_of_a_domain_is_approached() -> None:
    """log at 1e-4: the first steps leave the domain, smaller ones do not."""
    assert check(np.log, 1e-4, 1e4).ok is True
    assert check(np.log, 1e-4, 1e4 * (1 + 5e-5)).ok is False


def test_rounding_errors_of_the_gradient_are_allowed_for() -> None:
    """A gradient computed in float32 is right to 1e-7; its caller says so."""
    x = 0.3
    rounded = float(np.float32(np.cos(x)))
    assert check(np.sin, x, rounded).ok is False
    assert check(np.sin, x, rounded, rounding={"x": 1e-6}).ok is True


@pytest.mark.parametrize(
    "f, x, slope",
    [
        (np.sin, 1e12, float(np.cos(1e12))),
        (lambda x: np.mod(x, 3.0), 1e16, 1.0),
        (lambda x: np.mod(x, 0.7), 1e12, 1.0),
        (lambda b: np.mod(1e12, b), 0.7, -float(np.floor(1e12 / 0.7))),
    ],
)
def test_a_function_that_varies_faster_than_the_steps_decides_nothing(f: Any, x: float, slope: float) -> None:
    """The shortest step leaps over many periods: a right derivative is not called wrong."""
    found = check(f, x, slope)
    assert found.ok is None
    assert "smaller scale" in found.detail


@pytest.mark.parametrize(
    "f, x, wrong",
    [
        (np.sin, 1e4, 1.5 * np.cos(1e4)),
        (np.tanh, 1e12, 1e-11),
        (np.square, 1e12, 2.1e12),
        (np.sqrt, 1e-6, 501.0),
        (lambda x: 1e-3 * np.sin(1e4 * x) + x, 0.5, 1.0 + 11 * np.cos(5e3)),
    ],
)
def test_a_wrong_derivative_is_not_excused_by_the_scale(f: Any, x: float, wrong: float) -> None:
    """Where steps are short enough, a wrong derivative is one: large arguments, small ones, fast ripples."""
    found = check(f, x, wrong)
    assert found.ok is False or (found.ok is None and "smaller scale" not in found.detail)
