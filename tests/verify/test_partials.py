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
