"""Jacobians: reverse = forward = differences, shapes, structural zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies.graphs import Drawn, graphs

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.graph import Region
from paramprog.jacobian import jacobians
from paramprog.resources import programs_dir


def by_differences(drawn: Drawn, output: Any, x: Any) -> Any:
    """Central differences, one entry of x at a time."""
    size, h = int(np.prod(x.shape)), 1e-5
    columns = []
    for k in range(size):
        step = np.zeros(size)
        step[k] = h
        step = step.reshape(x.shape)
        ahead, back = (evaluate([output], {**drawn.inputs, x: drawn.inputs[x] + s})[0] for s in (step, -step))
        columns.append((ahead - back) / (2 * h))
    return np.stack(columns, axis=-1).reshape((*output.shape, *x.shape))


@given(graphs(), st.data())
def test_both_modes_agree_with_differences(drawn: Drawn, data: Any) -> None:
    """For an output of any shape, by all leaves; in the shape [*output, *x]."""
    real = [n for n in drawn.graph.nodes if n.kind == "real" and not isinstance(n.op, Region)]
    output = data.draw(st.sampled_from(real))
    wrt = {x.name or "": x for x in drawn.leaves}
    reverse = jacobians(output, wrt, drawn.inputs, "reverse").found
    forward = jacobians(output, wrt, drawn.inputs, "forward").found
    drawn.graph.check()
    for name, x in wrt.items():
        assert (reverse[name] is None) == (forward[name] is None)
        expected = by_differences(drawn, output, x)
        if reverse[name] is None:
            assert not expected.any()
            continue
        assert reverse[name].shape == forward[name].shape == (*output.shape, *x.shape)
        np.testing.assert_allclose(reverse[name], forward[name], rtol=1e-9, atol=1e-11)
        scale = 1 + np.abs(reverse[name]).max(initial=0)
        np.testing.assert_allclose(reverse[name], expected, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize("path", sorted(programs_dir().glob("*.pp")), ids=lambda path: path.stem)
def test_of_a_scalar_it_is_the_gradient(path: Any) -> None:
    """All shipped programs have one scalar output; "auto" is reverse, the value is the same."""
    program = paramprog.load(path)
    jacobian, gradient = program.jacobian(), program.grad()
    assert jacobian.mode == "reverse"
    assert jacobian.value == gradient.value
    for name, found in gradient.gradients.items():
        np.testing.assert_allclose(jacobian[name], found, rtol=1e-12, atol=1e-14)


MAP = """
param W : real[3, 2] = [[1, 2], [3, 4], [5, 6]]
function f(x : real[2] = [0.5, -1], unused : real[2] = [0, 0]) {
    h = W @ x
    y = h * h
    return y
}
"""


@pytest.mark.parametrize("mode", ["reverse", "forward", "auto"])
def test_shapes_and_values(mode: Any) -> None:
    """dy_i/dW_jk = 2 h_i x_k [i = j], dy_i/dx_k = 2 h_i W_ik; also by a point in the middle."""
    found = paramprog.loads(MAP).jacobian(wrt=["W", "x", "h", "y"], mode=mode)
    W, x = np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([0.5, -1])
    h = W @ x
    np.testing.assert_allclose(found["W"], np.einsum("i,ij,k->ijk", 2 * h, np.eye(3), x))
    np.testing.assert_allclose(found["x"], 2 * h[:, None] * W)
    np.testing.assert_allclose(found["h"], np.diag(2 * h))
    np.testing.assert_array_equal(found["y"], np.eye(3))
    np.testing.assert_allclose(found.value, h * h)


def test_auto_takes_the_fewer_runs() -> None:
    """Three entries of y against two of x, or six of W."""
    program = paramprog.loads(MAP)
    assert program.jacobian(wrt=["x"]).mode == "forward"
    assert program.jacobian(wrt=["W"]).mode == "reverse"


def test_structural_zeros() -> None:
    """What the output does not depend on is listed, and zero in the right shape."""
    for mode in ("reverse", "forward"):
        found = paramprog.loads(MAP).jacobian(wrt=["unused", "x"], mode=mode)  # type: ignore[arg-type]
        assert found.structural_zero == ["unused"]
        np.testing.assert_array_equal(found["unused"], np.zeros((3, 2)))


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_an_infinite_derivative_stays_in_its_row(mode: Any) -> None:
    """The other entries of a unit vector are no zeros to multiply infinity by; the warning says where it is."""
    text = "function f(x : real[3] = [0, 1, 4]) { return concat(sqrt(x), 2 * x) }"
    found = paramprog.loads(text).jacobian(mode=mode)
    expected = np.concatenate([np.diag([np.inf, 0.5, 0.25]), 2 * np.eye(3)])
    np.testing.assert_array_equal(found["x"], expected)
    assert [w.code for w in found.warnings] == ["non-finite"]


def test_forward_gradients_too() -> None:
    """`grad` in forward mode pushes unit tangents, with the same care."""
    text = "function f(x : real[2] = [0, 1]) { return sum(sqrt(x)) }"
    np.testing.assert_array_equal(paramprog.loads(text).grad(mode="forward")["x"], [np.inf, 0.5])


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_lanes(mode: Any) -> None:
    """A branch per lane, whose condition selects other operations."""
    text = """function f(x : real[3] = [2, -1, 0.5]) {
      y = if x > 0 then log(x) else x * x
      return y
    }"""
    found = paramprog.loads(text).jacobian(mode=mode)
    np.testing.assert_allclose(found["x"], np.diag([0.5, -2, 2]))


def test_float32() -> None:
    """In the precision of the program."""
    found = paramprog.loads(MAP, dtype="float32").jacobian(wrt=["x", "unused"])
    assert {np.asarray(v).dtype for v in found.jacobians.values()} == {np.dtype("float32")}


def test_a_second_call_adds_nothing_to_the_graph() -> None:
    """Products are made once; other values give other Jacobians."""
    program = paramprog.loads(MAP)
    first = program.jacobian(wrt=["x"])
    graph = program.compiled().built.graph
    size = len(graph)
    second = program.jacobian(wrt=["x"], x=np.array([1.0, 1.0]))
    assert len(graph) == size
    assert not np.array_equal(first["x"], second["x"])


def test_several_outputs_and_faults() -> None:
    """One is chosen by name; an int has no Jacobian; too large ones are refused before they are made."""
    program = paramprog.loads(
        "function f(x : real[2] = [1, 2]) {\n a = x * x\n n = argmax(x)\n return a, n\n}"
    )
    np.testing.assert_array_equal(program.jacobian(output="a")["x"], np.diag([2.0, 4.0]))
    for output, code in ((None, "which-output"), ("n", "not-scalar"), ("z", "unknown-output")):
        with pytest.raises(ProgramError) as error:
            program.jacobian(output=output)
        assert error.value.diagnostics[0].code == code
    large = paramprog.loads("function f(x : real[20000]) { return x * x }")
    with pytest.raises(ProgramError) as error:
        large.jacobian()
    assert error.value.diagnostics[0].code == "element-limit"
