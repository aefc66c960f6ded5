"""The update rules, against the equations of their papers written with plain numbers."""

from __future__ import annotations

import re
from math import sqrt

import numpy as np
import pytest

from paramprog.fitting import optimisers
from paramprog.fitting.optimisers import BLOCK, OPTIMISERS, make

GRADIENTS = [[0.5, -2.0, 0.0], [1.5, 0.25, 1e-3], [-0.75, 3.0, -1e-3], [0.1, -0.2, 0.0]]
START = [1.0, -2.0, 0.5]


def gd(w, gradients, rate):
    for g in gradients:
        w = w - rate * g
    return w


def momentum(w, gradients, rate, mu=0.9):
    v = 0.0
    for g in gradients:
        v = mu * v + g
        w = w - rate * v
    return w


def nesterov(w, gradients, rate, mu=0.9):
    """Sutskever et al., equations 3 and 4: `p` are their params, the gradient is taken at p + mu v."""
    v, p = 0.0, w
    for g in gradients:
        v = mu * v - rate * g
        p = p + v
    return p + mu * v


def rmsprop(w, gradients, rate, rho=0.9, epsilon=1e-8):
    s = 0.0
    for g in gradients:
        s = rho * s + (1 - rho) * g * g
        w = w - rate * g / (sqrt(s) + epsilon)
    return w


def adam(w, gradients, rate, beta1=0.9, beta2=0.999, epsilon=1e-8, decoupled=0.0):
    """Algorithm 1 of the paper; algorithm 2 of the one about AdamW with `decoupled`."""
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        w = w - rate * (m_hat / (sqrt(v_hat) + epsilon) + decoupled * w)
    return w


def adamw(w, gradients, rate, weight_decay=0.01, **hyperparameters):
    return adam(w, gradients, rate, decoupled=weight_decay, **hyperparameters)


REFERENCES = {
    "gd": (gd, {}),
    "sgd": (gd, {}),
    "momentum": (momentum, {"momentum": ("mu", 0.5)}),
    "nesterov": (nesterov, {"momentum": ("mu", 0.5)}),
    "rmsprop": (rmsprop, {"rho": ("rho", 0.5), "epsilon": ("epsilon", 0.1)}),
    "adam": (adam, {"beta1": ("beta1", 0.5), "beta2": ("beta2", 0.7), "epsilon": ("epsilon", 0.1)}),
    "adamw": (adamw, {"weight_decay": ("weight_decay", 0.3), "beta1": ("beta1", 0.0)}),
}


def run(optimiser, theta, gradients, rate=0.1):
    for g in gradients:
        optimiser.step(theta, g, rate)
    return theta


def vectors(dtype="float64"):
    return np.array(START, dtype), [np.array(g, dtype) for g in GRADIENTS]


def test_all_have_a_reference():
    """No update rule goes untested."""
    assert list(REFERENCES) == list(OPTIMISERS)
    assert all(o.name == name for name, o in OPTIMISERS.items())


@pytest.mark.parametrize("changed", [False, True], ids=["defaults", "hyperparameters"])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_equations(name, changed):
    """Four steps are those of the paper, by default and with other hyperparameters."""
    reference, names = REFERENCES[name]
    given = {ours: value for ours, (_, value) in names.items()} if changed else {}
    theirs = dict(names.values()) if changed else {}
    theta, gradients = vectors()
    run(make(name, 3, "float64", **given), theta, gradients)
    expected = [reference(w, [g[i] for g in GRADIENTS], 0.1, **theirs) for i, w in enumerate(START)]
    np.testing.assert_allclose(theta, expected, rtol=1e-13)


def test_gd_is_exact():
    """`gd` is w - rate * dL/dw to the last bit, at the lecture's gradient -2/N sum (y - wx) x."""
    x, y, rate = np.array([0.3, 1.7, -2.2]), np.array([1.0, 0.5, 3.1]), 0.03
    w, theta = 0.7, np.array([0.7])
    optimiser = make("gd", 1, "float64")
    for _ in range(20):
        g = -2 / 3 * float(np.sum((y - w * x) * x))
        w = w - rate * g
        optimiser.step(theta, np.array([g]), rate)
        assert theta[0] == w


@pytest.mark.parametrize("name", [n for n in OPTIMISERS if n != "adamw"])
def test_weight_decay_is_the_gradient_of_a_penalty(name):
    """d * theta is added to the gradient, which itself is left alone."""
    plain, decayed = make(name, 3, "float64"), make(name, 3, "float64", weight_decay=0.25)
    expected, gradients = vectors()
    theta = expected.copy()
    for g in gradients:
        plain.step(expected, g + 0.25 * expected, 0.1)
        before = g.copy()
        decayed.step(theta, g, 0.1)
        np.testing.assert_array_equal(g, before)
    np.testing.assert_allclose(theta, expected, rtol=1e-13)


def test_adamw_decay_is_decoupled():
    """Without a gradient the params shrink by 1 - rate * weight_decay, which Adam's scaling does not touch."""
    theta = np.array([2.0, -3.0])
    make("adamw", 2, "float64", weight_decay=0.5).step(theta, np.zeros(2), 0.1)
    np.testing.assert_allclose(theta, [1.9, -2.85], rtol=1e-15)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_rates_change_from_step_to_step(name):
    """The rate of a step scales that step: with rate 0 nothing moves, but what is remembered goes on."""
    theta, gradients = vectors()
    optimiser = make(name, 3, "float64")
    optimiser.step(theta, gradients[0], 0.0)
    np.testing.assert_array_equal(theta, START)
    assert optimiser.steps == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_resumed_bit_for_bit(name, dtype):
    """Saved after two steps and loaded into a new optimiser, the run goes on with the same bits."""
    theta, gradients = vectors(dtype)
    whole = run(make(name, 3, dtype), theta.copy(), gradients)
    first = make(name, 3, dtype)
    half = run(first, theta.copy(), gradients[:2])
    saved = first.state()
    run(first, half.copy(), gradients)  # what was saved is a copy
    second = make(name, 3, dtype)
    second.load(saved)
    resumed = run(second, half, gradients[2:])
    assert resumed.dtype == dtype
    assert resumed.tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", OPTIMISERS)
def test_blocks_do_not_show(name, monkeypatch):
    """The result is the same, to the last bit, whatever the length of the blocks."""
    rng = np.random.default_rng(0)
    size = 2 * BLOCK + 5
    start, gradients = rng.normal(size=size), [rng.normal(size=size) for _ in range(3)]
    blocked = run(make(name, size, "float64", weight_decay=0.1), start.copy(), gradients)
    monkeypatch.setattr(optimisers, "BLOCK", 4 * BLOCK)
    whole = run(make(name, size, "float64", weight_decay=0.1), start.copy(), gradients)
    assert blocked.tobytes() == whole.tobytes()
    assert not np.any(blocked == start)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_no_params(name):
    """A program without params has nothing to update."""
    run(make(name, 0, "float64"), np.empty(0), [np.empty(0)])


@pytest.mark.parametrize("name", OPTIMISERS)
def test_minimises_a_quadratic(name):
    """sum c (w - 3)^2 with c from 0.5 to 2, by the defaults of each, the rate fading out."""
    c = np.linspace(0.5, 2, 6)
    theta = np.zeros(6)
    optimiser = make(name, 6, "float64", weight_decay=0.0)
    steps = 4000
    for k in range(steps):
        optimiser.step(theta, 2 * c * (theta - 3), OPTIMISERS[name].rate * (1 - k / steps))
    np.testing.assert_allclose(theta, 3, atol=1e-3)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_nan_stays(name):
    """A gradient that is NaN makes its own param NaN, and no other one."""
    theta, _ = vectors()
    make(name, 3, "float64").step(theta, np.array([1.0, np.nan, 1.0]), 0.1)
    assert np.isnan(theta).tolist() == [False, True, False]


@pytest.mark.parametrize(
    "name, given, said",
    [
        ("adma", {}, "no optimiser `adma`; did you mean `adam`?"),
        ("newton", {}, "there are gd, sgd"),
        ("adam", {"beta_1": 0.5}, "adam has no hyperparameter `beta_1`; did you mean `beta1`?"),
        ("sgd", {"momentum": 0.9}, "sgd has no hyperparameter `momentum`; it has weight_decay"),
        ("momentum", {"momentum": 1.0}, "`momentum` of momentum is 1.0; it is a number from 0 on, below 1"),
        ("adam", {"beta2": float("nan")}, "`beta2` of adam is nan"),
        ("adam", {"epsilon": 0.0}, "above 0"),
        ("gd", {"weight_decay": -1.0}, "from 0 on"),
    ],
)
def test_bad_hyperparameters(name, given, said):
    """Unknown names get a hint, values out of range are refused."""
    with pytest.raises(ValueError, match=re.escape(said)):
        make(name, 3, "float64", **given)


@pytest.mark.parametrize("theta", [np.zeros(4), np.zeros((3, 1)), np.zeros(3, "float32")])
def test_vectors_that_do_not_fit(theta):
    """Another size, rank or dtype is refused, also for the gradient, and is no step."""
    optimiser = make("adam", 3, "float64")
    for pair in [(theta, np.zeros(3)), (np.zeros(3), theta)]:
        with pytest.raises(ValueError, match="was made for 3 entries of float64"):
            optimiser.step(*pair, 0.1)
    assert optimiser.steps == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("squares"),
        lambda state: state.update(velocity=np.zeros(3)),
        lambda state: state.update(squares=np.zeros(4)),
        lambda state: state.update(squares=np.zeros(3, "float32")),
        lambda state: state.update(steps=np.array(-1)),
    ],
)
def test_states_that_do_not_fit(change):
    """A state of another optimiser, size or dtype is refused, and nothing has changed."""
    optimiser = make("adam", 3, "float64")
    optimiser.step(np.zeros(3), np.ones(3), 0.1)
    state = optimiser.state()
    other = make("adam", 3, "float64").state()
    change(other)
    with pytest.raises(ValueError, match="the state of adam"):
        optimiser.load(other)
    for name, array in optimiser.state().items():
        np.testing.assert_array_equal(array, state[name])
