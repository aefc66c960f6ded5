"""`program.hessian`: all second derivatives of an output, and Jacobians of many samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from oracles import differences
from strategies.programs import programs

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.resources import programs_dir

TEXT = """
param a = 0.5, W = [[1.0, 2.0], [0.5, -1.0]]
function f(x = [0.3, 0.7], z = 1.0) {
    y = sum(tanh(W @ x)) * a ** 2 + z
    return y
}
"""


def test_closed_form():
    """Of a quadratic form it is the symmetric part of its matrix, twice."""
    program = paramprog.loads("function f(x = [1.0, 2.0]) { A = [[1.0, 3.0], [0.0, 2.0]]; return x @ A @ x }")
    found = program.hessian()
    assert found.value == 15.0
    assert found.gradients["x"].tolist() == [8.0, 11.0]
    assert found["x"]["x"].tolist() == [[2.0, 3.0], [3.0, 4.0]]


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_blocks(mode):
    """`hessians[a][b]` has the shape [*a, *b], is the transpose of `[b][a]`, and the Jacobian of the gradient."""
    program = paramprog.loads(TEXT)
    names = ["a", "W", "x", "z"]
    found = program.hessian(wrt=names, mode=mode)
    point = {**found.point.inputs, **found.point.params}
    for a in names:
        np.testing.assert_allclose(found.gradients[a], program.grad(wrt=[a])[a], rtol=1e-14)
        for b in names:
            block, rank = found[a][b], np.ndim(point[a])
            assert np.shape(block) == np.shape(point[a]) + np.shape(point[b])
            moved = np.transpose(
                found[b][a], [*range(np.ndim(point[b]), np.ndim(block)), *range(np.ndim(point[b]))]
            )
            np.testing.assert_allclose(block, moved, rtol=1e-12, atol=1e-14)
            expected = differences(lambda v, a=a, b=b: program.grad({b: v}, wrt=[a])[a], point[b])
            np.testing.assert_allclose(block, expected, rtol=1e-8, atol=1e-9, err_msg=f"{a} {b} {rank}")
    assert [pair for pair in found.structural_zero if "z" not in pair] == []
    assert ("z", "x") in found.structural_zero


def test_named_points():
    """A point of the program can be differentiated by, twice."""
    text = "function f(x = 2.0) { u = x * x; y = u * u * u; return y }"
    assert paramprog.loads(text).hessian(wrt=["u"])["u"]["u"] == 6 * 4.0
    assert paramprog.loads(text).hessian(wrt=["x"])["x"]["x"] == 30 * 2.0**4


def test_it_is_that_of_the_language():
    """`hessian(y, W, a)` in the program."""
    program = paramprog.loads(TEXT)
    inside = paramprog.loads(TEXT.replace("return y", "p, q, r, s = hessian(y, W, a); return p, q, r, s"))
    found = program.hessian(wrt=["W", "a"])
    for block, (a, b) in zip(
        inside().values(), [("W", "W"), ("W", "a"), ("a", "W"), ("a", "a")], strict=True
    ):
        np.testing.assert_allclose(block, found[a][b], rtol=1e-13)


def test_where_it_is_not_finite():
    """The warning of the gradient; other entries are not touched."""
    found = paramprog.loads("function f(x = [0.0, 4.0]) { return sum(x ** 1.5) }").hessian()
    assert found["x"]["x"][1, 1] == pytest.approx(0.375)
    assert found["x"]["x"][0, 1] == found["x"]["x"][1, 0] == 0.0
    assert np.isinf(found["x"]["x"][0, 0])


def test_faults():
    """An output that is no scalar; an unknown name."""
    with pytest.raises(ProgramError) as refused:
        paramprog.loads("function f(x = [0.0, 4.0]) { return x * x }").hessian()
    assert refused.value.diagnostics[0].code == "not-scalar"
    with pytest.raises(ProgramError) as refused:
        paramprog.loads(TEXT).hessian(wrt=["v"])
    assert refused.value.diagnostics[0].code == "unknown-point"


@settings(max_examples=25)
@given(programs(depth=1, regions=True))
def test_random_programs(text):
    """Symmetric, and the same by both modes."""
    program = paramprog.loads(text)
    forward, reverse = (program.hessian(wrt=["w", "u", "x"], mode=mode) for mode in ("forward", "reverse"))
    for a, row in forward.hessians.items():
        for b, block in row.items():
            np.testing.assert_allclose(reverse[a][b], block, rtol=1e-8, atol=1e-8)
            np.testing.assert_allclose(np.transpose(reverse[b][a]), block, rtol=1e-8, atol=1e-8)


# ---- many samples -------------------------------------------------------------------------------------------------

SAMPLE = """
param W = [[1.0, 2.0], [0.5, -1.0], [0.2, 0.3]]
function f(x : real[2] = [0.3, 0.7]) {
    v = sin(W @ x) * x[0]
    J = jacobian(v, x)
    return J
}
"""


def test_a_jacobian_of_each_sample():
    """A `jacobian` in a program of one sample, run on many, gives the blocks of a block-diagonal Jacobian."""
    x = np.random.default_rng(0).normal(size=(7, 2))
    W = np.array([[1.0, 2.0], [0.5, -1.0], [0.2, 0.3]])
    found = paramprog.loads(SAMPLE)(x=x, batch=["x"])
    expected = np.cos(x @ W.T)[:, :, None] * W * x[:, :1, None]
    expected[:, :, 0] += np.sin(x @ W.T)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_gradients_of_many_samples():
    """The mean over samples of what is made of Jacobians, differentiated by the params."""
    text = SAMPLE.replace("return J", "return sum(J * J)")
    x = np.random.default_rng(1).normal(size=(5, 2))
    program = paramprog.loads(text)
    whole = program.grad(x=x, batch=["x"])
    each = [program.grad(x=row)["W"] for row in x]
    np.testing.assert_allclose(whole["W"], np.mean(each, axis=0), rtol=1e-12)


@pytest.mark.parametrize("name", ["hyperparameters", "kmeans_newton"])
def test_shipped_programs(name):
    """Symmetric at the defaults."""
    found = paramprog.load(programs_dir() / f"{name}.pp").hessian()
    names = list(found.hessians)
    size = sum(np.size(found.point.params[n]) for n in names)
    whole = np.block(
        [[np.reshape(found[a][b], (np.size(found.gradients[a]), -1)) for b in names] for a in names]
    )
    assert whole.shape == (size, size)
    np.testing.assert_allclose(whole, whole.T, rtol=1e-10, atol=1e-11)
