"""Partials given by hand are checked at every call, whatever the gradient is taken by."""

import pytest

import paramprog
from paramprog.verify.given import GIVEN


def given(text, **options):
    """The checks of given partials: `f, x` -> ok."""
    report = paramprog.loads(text, **options).verify()
    found = {c.of: c.ok for c in report.checks if c.name == GIVEN}
    assert report.ok is all(ok is not False for ok in found.values())
    return found


@pytest.mark.parametrize("factor", [1.00005, 0.99995, 5.0])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "use",
    [
        "g(w, u)",
        "g(w, 0.3) + u",
        "w * g(u, u)",
        "g(w, u) - g(w, u * 1.0) + w",
        "sum(g([w, 2.0 * w, u], u)) + 1e6 * w",
    ],
)
def test_a_wrong_partial_is_noticed_wherever_it_is_called(factor, use, dtype):
    """In the argument that no parameter reaches too, and where errors cancel in the gradient."""
    base = f"base g(a, b) = sin(a) * exp(b) derivative (cos(a) * exp(b), {factor} * sin(a) * exp(b))"
    program = f"{base}\nparam w = 0.7\nfunction f(u = 0.4) {{ return {use} }}"
    found = given(program, dtype=dtype)
    assert found["g, a"] is True
    assert found["g, b"] is False


def test_a_base_function_inside_another_is_looked_at_too():
    """What h is made of is nowhere in the graph but in the body of h."""
    bases = "base g(x) = sin(x) derivative (1.00005 * cos(x))\nbase h(x) = 2 * g(x)"
    found = given(f"{bases}\nparam w = 0.7\nfunction f(u = 0.4) {{ return w * h(u) }}")
    assert found == {"h, x": False}


def test_right_partials_pass():
    """Also at a kink, where differences decide nothing."""
    text = "param w = 0.7\nfunction f(u = 0.0) { return g(w) + g(u) }"
    assert given(f"base g(x) = x * x derivative (2 * x)\n{text}") == {"g, x": True}
    assert given(f"base g(x) = relu(x) derivative (step(x))\n{text}") == {"g, x": True}


def test_a_partial_that_is_not_finite_fails_where_the_derivative_is():
    """0/0 is no derivative of x."""
    text = "param w = 0.7\nfunction f() { return g(w) }"
    assert given(f"base g(x) = x derivative (0 / 0 * x)\n{text}") == {"g, x": False}
    assert given(
        "base g(x) = sqrt(x) derivative (0.5 / sqrt(x))\nparam w = 0.0\nfunction f() { return g(w) }"
    ) == {"g, x": None}
