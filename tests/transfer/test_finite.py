"""Which nodes are finite wherever the inputs are: known operations, known numbers, bodies."""

from __future__ import annotations

import pytest

import paramprog
from paramprog.transfer.finite import Finite

BASES = """
base smooth(a) = sin(a) * a
base given(a) = sin(a) derivative (cos(a))
base root(a) = sqrt(a * a + 1)
"""


@pytest.mark.parametrize(
    "expression, finite",
    [
        ("sin(x) * x[i]", True),
        ("gather(x, [i])", True),
        ("x / 16", True),
        ("x / 16 ** 0.5", False),
        ("x / x[0]", False),
        ("x ** 2", True),
        ("x ** 0.5", False),
        ("exp(x)", False),
        ("sin(exp(x))", False),
        ("smooth(x)", True),
        ("smooth(log(x))", False),
        ("given(x)", False),
        ("root(x)", False),
        ("if x > 0 then x * x else sin(x)", True),
        ("if x > 0 then log(x) else sin(x)", False),
        ("if i > 0 then x else log(x)", False),
    ],
)
def test_finite_nodes(expression, finite):
    """The result is finite with its derivatives, but for overflow, if everything that it is made of is."""
    text = f"{BASES}function f(x = [1.0, 2.0], i = 1) {{ y = {expression}\n return sum(y) }}"
    program = paramprog.loads(text)
    assert Finite()(program.compiled().built.points["y"]) is finite
