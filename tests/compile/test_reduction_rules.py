"""Reductions that share what they compute."""

from __future__ import annotations

import numpy as np
import pytest
from compiling import check, gradients, needs_compiler

import paramprog
from paramprog.compile.source import c_source, lower, prepared
from paramprog.types import Real

TEXT = """
param x : real[3, 4, 5] ~ normal(0, 3), w : real[3, 5] ~ normal(0, 1)
function f() { return sum(w * logsumexp(x, axis = 1)) + sum(logsumexp(w, axis = 1)) }
"""

OTHERS = """
param x : real[4, 5] ~ normal(0, 1), y : real[4] ~ normal(0, 1)
function f() {
    e = exp(x - spread(y, 5, axis = 1))
    g = exp(x - spread(logsumexp(x, axis = 1), 5, axis = 1))
    return sum(square(e / spread(sum(e, axis = 1), 5, axis = 1))) + sum(square(g / spread(sum(g, axis = 0), 4)))
}
"""
"""A quotient whose shift is no logsumexp, and one whose sums are along another axis."""


def points_of(program: paramprog.Program, *odd: float):
    outputs, leaves, points = gradients(program)
    for k, bad in enumerate(odd):
        point = {leaf: np.array(v) for leaf, v in points[0].items()}
        for value in point.values():
            value.reshape(-1)[k::7] = bad
        points.append(point)
    return outputs, leaves, points


@needs_compiler
@pytest.mark.parametrize("real", ["float64", "float32"])
def test_the_derivative_of_logsumexp_makes_no_exponentials(real: Real):
    """It has those of the value, along any axis; where entries are infinite or NaN it is what exp(x - y) / sum has."""
    outputs, leaves, points = points_of(paramprog.loads(TEXT, dtype=real), np.inf, -np.inf, np.nan, 1e30)
    for point in list(points):
        points.append({leaf: np.full_like(v, -np.inf) for leaf, v in point.items()})
    text = c_source(lower(*prepared(outputs, leaves))).text()
    calls = text.split("pp_run")[0].split("static void k", 1)[-1].count("= pp_exp_")
    assert calls == 2
    check(outputs, leaves, points)


@needs_compiler
def test_other_quotients_of_exponentials_are_left_alone():
    """Only the sum that logsumexp itself has made is used."""
    outputs, leaves, points = points_of(paramprog.loads(OTHERS), np.inf, np.nan)
    check(outputs, leaves, points)
