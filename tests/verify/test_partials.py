"""Local Jacobians against differences, near kinks too: what a kink hides is undecided, what is wrong fails."""

from __future__ import annotations

import pytest

import paramprog
from paramprog.verify.check import Check
from paramprog.verify.partials import PARTIALS

BESIDE = [
    ("abs(x)", 1e-9),
    ("abs(x)", -1e-9),
    ("abs(x)", 1e-12),
    ("abs(x)", 1e-300),
    ("relu(x)", 1e-9),
    ("relu(x)", -1e-9),
    ("relu(x - 1)", 1.0000000001),
    ("leaky_relu(x)", 1e-9),
    ("leaky_relu(x)", -1e-9),
    ("max(x, 0)", 1e-9),
    ("max(x, 0)", -1e-9),
    ("max([x, 0, -1])", 1e-9),
    ("max([x, 0, -1])", -1e-9),
    ("clip(x, 0, 1)", 1e-9),
    ("clip(x, 0, 1)", -1e-9),
    ("dot(sort([x, 0]), [1, 2])", 1e-9),
    ("dot(sort([x, 0]), [1, 2])", -1e-9),
    ("median([x, 0, 1])", 1e-9),
    ("median([x, 0, 1])", -1e-9),
    ("std([x, 0])", 1e-9),
    ("std([x, 0])", -1e-9),
    ("mod(x, 3)", 1e16),
    ("sin(x)", 1e12),
]


@pytest.mark.parametrize("expression, x", BESIDE)
def test_a_kink_beside_the_point_fails_no_check(expression: str, x: float) -> None:
    """The gradient is right, and the steps reach over the kink, or over whole periods."""
    report = paramprog.loads(f"function f(x : real) {{ return {expression} }}").verify(
        inputs={"x": x}, exact=True
    )
    assert report.ok, [(c.title, c.detail) for c in report.checks if c.ok is False]


def local(text: str, x: float) -> Check:
    report = paramprog.loads(text).verify(inputs={"x": x}, exact=True)
    return next(c for c in report.checks if c.name == PARTIALS)


@pytest.mark.parametrize("x", [0.3, 1e-9, -1e-9])
@pytest.mark.parametrize("slope", ["2 * step(a) - 0.8", "0.7 * sign(a)"])
def test_a_wrong_rule_is_caught_beside_a_kink(slope: str, x: float) -> None:
    """A base function with a derivative that is wrong on one side, or on both: nearby it is wrong as well."""
    text = f"base g(a) = abs(a) derivative ({slope})\nfunction f(x : real) {{ return g(x) * 2 }}"
    found = local(text, x)
    assert found.ok is False
    assert "`g`" in found.detail


@pytest.mark.parametrize(
    "given, ok", [("", None), (" derivative (cos(a) / a - sin(a) / a ** 2 + 0.001)", False)]
)
def test_terms_that_cancel_in_float32_are_no_wrong_rule(given: str, ok: bool | None) -> None:
    """The partial of sin(a) / a at 0.0025 is the difference of two terms of size 400; a wrong one is still found."""
    text = f"base sinc(a) = sin(a) / a{given}\nfunction f(x : real = 0.0025) {{ return sinc(x) }}"
    report = paramprog.loads(text, dtype="float32").verify(wrt=["x"], exact=True)
    (found,) = (c for c in report.checks if c.name == PARTIALS)
    assert found.ok is ok


@pytest.mark.parametrize(
    "given, ok", [("", None), (" derivative (cos(a) / a - sin(a) / a ** 2 + 0.001)", False)]
)
def test_so_is_a_gradient_of_such_partials(given: str, ok: bool | None) -> None:
    """What float32 loses is said, with both numbers; a gradient that is wrong in float64 too still fails."""
    text = f"base sinc(a) = sin(a) / a{given}\nfunction f(x : real = 0.0025) {{ return sinc(x) }}"
    report = paramprog.loads(text, dtype="float32").verify(wrt=["x"])
    (found,) = (c for c in report.checks if c.name == "reverse = differences")
    assert found.ok is ok and " against -0.00083333" in found.detail
