"""Groups of nodes that a plan computes together have the values that they have one by one."""

from __future__ import annotations

import numpy as np
import pytest

import paramprog
from paramprog.compile.numpy_plan import Plan
from paramprog.compile.shortcuts import CANCELS, logsumexp_of_rows, row_sums, square_of_sech, step
from paramprog.evaluate import evaluate
from paramprog.samples import Samples

LOSS = """
param W = [[0.4, -0.3], [0.2, 0.9], [-1.0, 0.1]]
function loss(x = [1.0, 2.0], label : int = 0) {
    z = W @ tanh(x)
    return logsumexp(z) - z[label]
}"""


def planned(text, rows, wrt):
    """The plan of a loss and of its gradients over all rows, and the values of its leaves."""
    program = paramprog.loads(text)
    built = program.compiled().built
    inputs = {built.inputs[name]: np.asarray(value) for name, value in rows.items()}
    params = program.point().params
    size = len(next(iter(rows.values())))
    of = {**built.inputs, **built.params}
    found = Samples(list(inputs)).mean_gradient(
        next(iter(built.outputs.values())), [of[n] for n in wrt], size
    )
    return found, {**inputs, **{built.params[k]: np.asarray(v) for k, v in params.items()}}


def agree(found, values):
    """With node-by-node evaluation of the same graph."""
    expected = evaluate(
        found.plan.outputs, dict(zip(found.plan.inputs, [values[n] for n in found.leaves], strict=True))
    )
    for f, e in zip(found.plan(*[values[n] for n in found.leaves]), expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("scale", [1.0, 5.0, 50.0, 800.0])
def test_the_gradient_of_a_classifier(scale):
    """exp and sum are made once, by logsumexp; the derivative of tanh is made of tanh."""
    rng = np.random.default_rng(0)
    text = LOSS.replace("z = W @ tanh(x)", "z = W @ tanh(V @ x)").replace(
        "param W", "param V = [[1, 2], [3, -4]], W"
    )
    rows = {"x": scale * rng.normal(size=(20, 2)), "label": np.arange(20) % 3}
    found, values = planned(text, rows, ["W", "V"])
    assert found.plan.source.count("exp") == 0  # generated names only
    names = {getattr(f, "__name__", "") for f in found.plan._run.__globals__.values()}
    assert {"logsumexp_of_rows", "square_of_sech"} <= names
    assert not {"exp", "cosh"} & names
    agree(found, values)


def test_rows_that_are_not_finite():
    """They, and no others, have the values that logsumexp has there."""
    with np.errstate(all="ignore"):
        rows = np.array(
            [[1.0, 2.0], [np.inf, 1.0], [1e308, 1e308], [np.nan, 0.0], [-np.inf, -np.inf], [3.0, 4.0]]
        )
        found, values = planned(
            "param w = 1.0\nfunction f(x = [1.0, 2.0]) { return logsumexp(w * x) }", {"x": rows[:1]}, ["w"]
        )
        agree(found, values)
        for k in range(len(rows)):
            agree(found, {n: rows[k : k + 1] if n.shape == (2,) else v for n, v in values.items()})


def test_logsumexp_of_rows():
    """And the shares that are made of what it leaves; also for entries whose squares overflow."""
    for scale in (1.0, 1e3, 1e200):
        x = scale * np.random.default_rng(1).normal(size=(7, 5))
        e = np.empty_like(x)
        with np.errstate(over="ignore"):
            y, s = logsumexp_of_rows(x, e)
        top = x.max(axis=1, keepdims=True)
        np.testing.assert_allclose(y, (top + np.log(np.exp(x - top).sum(1, keepdims=True)))[:, 0], rtol=1e-15)
        np.testing.assert_allclose(
            e / s[:, None], np.exp(x - top) / np.exp(x - top).sum(1, keepdims=True), rtol=1e-15
        )


@pytest.mark.parametrize("columns", [1, 10, 64, 65, 200])
def test_row_sums(columns):
    """Narrow rows and wide ones."""
    x = np.random.default_rng(2).normal(size=(9, columns))
    np.testing.assert_allclose(row_sums(x), x.sum(axis=1), rtol=1e-13)


@pytest.mark.parametrize("dtype, error", [("float64", 1e-14), ("float32", 1e-5)])
@pytest.mark.parametrize("high", [1.0, 3.0, 40.0])
def test_square_of_sech(dtype, error, high):
    """1/cosh^2 to the last bits but a few wherever it is, far out too, where 1 - tanh^2 is 0; few or many far out."""
    x = np.linspace(-high, high, 501).astype(dtype)
    h = np.tanh(x)
    out = np.empty_like(x)
    square_of_sech(x, h, out)
    expected = 1 / np.cosh(x.astype(np.float64)) ** 2
    np.testing.assert_allclose(out, expected, rtol=error)
    assert out.dtype == dtype
    square_of_sech(x, h, h)  # in the place of tanh
    np.testing.assert_array_equal(h, out)


def test_square_of_sech_at_the_ends():
    """Infinity has 0, NaN has NaN, and they change nothing else."""
    x = np.concatenate([np.linspace(-1, 1, 40), [np.inf, -np.inf, np.nan, 50.0]])
    out = np.empty_like(x)
    with np.errstate(all="ignore"):
        square_of_sech(x, np.tanh(x), out)
    assert out[40:43].tolist()[:2] == [0.0, 0.0] and np.isnan(out[42])
    np.testing.assert_allclose(out[43], 1 / np.cosh(50.0) ** 2, rtol=1e-15)
    assert (out[:40] >= CANCELS).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("special", [[], [np.nan], [np.inf, -np.inf]])
def test_step(dtype, special):
    """The derivative of relu, 0 at 0 and NaN at NaN; also in the place of its argument."""
    x = np.array([-2.0, -0.0, 0.0, 1e-30, 3.0, *special], dtype)
    expected = np.heaviside(x, 0.0)
    out = np.empty_like(x)
    step(x, out)
    np.testing.assert_array_equal(out, expected)
    step(x, x)
    np.testing.assert_array_equal(x, expected)


def test_rectifiers():
    """A layer of them, also at 0 and where a value is NaN."""
    text = """
    param W = [[0.4, -0.3], [0.2, 0.9], [-1.0, 0.1]]
    function loss(x = [1.0, 2.0]) { return sum(relu(W @ x) ** 2 + relu(W @ x)) }"""
    rows = {"x": np.array([[1.0, 2.0], [0.0, 0.0], [-3.0, 0.5]])}
    found, values = planned(text, rows, ["W"])
    assert "heaviside" not in {getattr(f, "__name__", "") for f in found.plan._run.__globals__.values()}
    agree(found, values)
    values = {n: np.where(v == 0.5, np.nan, v) if n.shape == (2,) else v for n, v in values.items()}
    agree(found, values)


def test_outputs_in_arrays_of_the_caller():
    """Computed there, or copied there: what is shared by outputs, a view, an argument, a scalar."""
    program = paramprog.loads(
        "function f(x = [[1.0, 2.0], [3.0, 4.0]]) {\n    a = 2 * x; b = transpose(a)\n"
        "    return a, b, a, x, sum(a), sum(a, axis = 0)\n}"
    )
    built = program.compiled().built
    outputs, (leaf,) = list(built.outputs.values()), built.inputs.values()
    into = {k: np.full(y.shape, np.nan) for k, y in enumerate(outputs)}
    plan = Plan(outputs, [leaf], into)
    x = np.array([[1.0, -2.0], [3.0, 5.0]])
    for value in (x, 3 * x):
        returned = [np.array(v) for v in plan(value)]
        for k, e in enumerate(evaluate(outputs, {leaf: value})):
            np.testing.assert_array_equal(into[k], e)
            np.testing.assert_array_equal(returned[k], e)
