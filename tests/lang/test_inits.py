"""How params without a value are drawn."""

from __future__ import annotations

import numpy as np
import pytest

import paramprog
from paramprog.lang.inits import DRAWS, Draw, default_draw, draw, problem
from paramprog.types import Type

F = "function f(x = 1.0) { return x }"


def drawn(declaration: str, seed: int = 0) -> dict[str, np.ndarray]:
    return paramprog.loads(f"{declaration}\n{F}").point(seed=seed).params


def test_each_param_has_a_generator_of_its_own():
    """Adding a param, or changing the order, changes no other one; names and seeds do."""
    alone = drawn("param W : real[3, 4]")["W"]
    np.testing.assert_array_equal(drawn("param V : real[2, 2], W : real[3, 4]")["W"], alone)
    assert not np.array_equal(drawn("param V : real[3, 4]")["V"], alone)
    assert not np.array_equal(drawn("param W : real[3, 4]", seed=1)["W"], alone)
    np.testing.assert_array_equal(drawn("param W : real[3, 4]", seed=0)["W"], alone)


def test_the_default_depends_on_the_rank():
    """`glorot()` for matrices and more, `zeros()` for vectors, `normal(0, 1)` for scalars."""
    for shape, expected in [
        ((), "normal(0, 1)"),
        ((3,), "zeros()"),
        ((3, 4), "glorot()"),
        ((2, 3, 4), "glorot()"),
    ]:
        assert str(default_draw(Type("real", shape))) == expected
    np.testing.assert_array_equal(drawn("param b : real[3]")["b"], np.zeros(3))
    assert drawn("param s")["s"] != 0


@pytest.mark.parametrize(
    "how, mean, std, bound",
    [
        (Draw("normal", (2.0, 0.5)), 2.0, 0.5, np.inf),
        (Draw("uniform", (1.0, 3.0)), 2.0, 2 / np.sqrt(12), np.inf),
        (Draw("glorot"), 0.0, np.sqrt(2 / 700), np.sqrt(6 / 700)),
        (Draw("he"), 0.0, np.sqrt(2 / 400), np.inf),
        (Draw("zeros"), 0.0, 0.0, 0.0),
        (Draw("ones"), 1.0, 0.0, 1.0),
    ],
)
def test_draws_have_the_distribution_they_name(how, mean, std, bound):
    """Of a weight with 400 inputs and 300 outputs."""
    x = draw(how, "W", (300, 400), 0)
    assert x.shape == (300, 400)
    assert abs(x.mean() - mean) <= 0.01 * max(std, 1e-9) * 3 + 1e-12
    assert x.std() == pytest.approx(std, rel=0.02)
    assert np.abs(x).max() <= max(bound, 0) or bound == np.inf


def test_a_window_counts_for_the_fans():
    """A filter of 4 outputs, 3 inputs and 5 x 5 entries has 75 inputs and 100 outputs."""
    x = draw(Draw("glorot"), "K", (4, 3, 5, 5), 0)
    assert np.abs(x).max() <= np.sqrt(6 / 175)
    assert np.abs(x).max() > 0.9 * np.sqrt(6 / 175)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (5,)])
@pytest.mark.parametrize("init", sorted(DRAWS))
def test_any_shape_can_be_drawn(init, shape):
    arguments = (0.0, 1.0)[: len(DRAWS[init].arguments)]
    assert np.shape(draw(Draw(init, arguments), "W", shape, 0)) == shape


@pytest.mark.parametrize(
    "how, wrong",
    [
        (Draw("normal", (0.0, -1.0)), True),
        (Draw("normal", (0.0, 0.0)), False),
        (Draw("normal", (np.nan, 1.0)), True),
        (Draw("uniform", (1.0, 1.0)), False),
        (Draw("uniform", (2.0, 1.0)), True),
        (Draw("uniform", (-1e308, 1e308)), True),
        (Draw("uniform", (0.0, np.inf)), True),
        (Draw("glorot"), False),
    ],
)
def test_what_cannot_be_drawn(how, wrong):
    """NumPy would raise an error or give NaN."""
    assert (problem(how) is not None) == wrong
    if not wrong:
        assert np.isfinite(draw(how, "W", (4,), 0)).all()


def test_the_arguments_of_an_init_are_constants():
    x = drawn("dim n = 4\nconst s = 0.5\nparam W : real[n, n] ~ uniform(n - 4, hi = s / n)")["W"]
    assert x.min() >= 0
    assert x.max() <= 0.125


def test_what_is_drawn_is_told():
    """With the seed; inputs are drawn from a normal too."""
    point = paramprog.loads("param W : real[2, 2], b : real[2]\nfunction f(x) { return x }").point(seed=3)
    assert point.notes == [
        "x has no value; drawn from normal(0, 1) with seed 3",
        "W has no value; drawn from glorot() with seed 3",
        "b has no value; set to zeros",
    ]
