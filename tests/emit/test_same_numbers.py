"""The printed program has the numbers of the program, where expressions that look equal are not, and its names."""

from __future__ import annotations

import numpy as np
import pytest
from emitting import by_python

import paramprog


def printed(text: str, **at: float) -> tuple[dict[str, object], dict[str, object], str]:
    """The outputs of the printed program, those that it should have, and its text."""
    program = paramprog.loads(text)
    wrt = [k for k, n in program.compiled().built.inputs.items() if n.kind == "real"]
    found = program.grad(wrt=wrt, inputs=at)
    source = program.gradient_program(wrt=wrt)
    outputs = paramprog.loads(source).run(inputs=at).outputs
    (name,) = program.compiled().built.outputs
    return outputs, {name: found.value, **{f"d{k}": g for k, g in found.gradients.items()}}, source


@pytest.mark.parametrize("x", [1e308, -1e308, 5e-324, 0.1, -0.0, np.inf, np.nan])
@pytest.mark.parametrize(
    "expression",
    ["2 * x / 2", "x / 2 * 2", "x / 2 + x / 2", "0.5 * x ** 2 * 2", "x ** 1", "(x + x) * 0.5", "x ** 0"],
)
def test_every_bit(expression, x):
    """An overflow, an underflow and a NaN on the way are printed as well, in the value and in the gradient."""
    found, expected, _ = printed(f"function f(x : real) {{ y = {expression}\n return y }}", x=x)
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("value", ["x", "1 * x", "x - 0.0"])
def test_an_output_that_is_an_input_keeps_its_name(value):
    """y = x is returned as y, in either language."""
    text = f"function f(x = 3.0) {{ y = {value}; return y }}"
    found, _, source = printed(text, x=4.0)
    assert found == {"y": 4.0, "dx": 1.0}
    assert source.startswith("# y and its gradient with respect to x")
    assert "return y, dx" in paramprog.loads(text).gradient_program(language="python")


def test_an_input_that_is_returned_needs_no_other_name():
    """Nothing is assigned to itself."""
    source = paramprog.loads("function f(x = 3.0) { return x }").gradient_program()
    assert "return x, dx" in source and "x = x" not in source


@pytest.mark.parametrize("place", ["p[0]", "p[argmax(p) - argmax(p)]"])
def test_an_array_of_ints_that_reals_replace(place):
    """The array is converted where the update starts, since a variable keeps its kind."""
    text = "function g(p : real[k]) { p[i] = p[1]; return sum(p * p) }\n".replace("p[i]", place)
    text += "function f(x = 0.5, ks : int[3] = [1, 2, 3]) { return x * g(if ks != 0 then 7 // ks else 2) }"
    source = paramprog.loads(text, function="f").gradient_program()
    assert list(paramprog.loads(source).run().outputs.values()) == [11, 22]


def test_products_deviations_and_sigmoid_far_out_in_python():
    """NumPy's own would overflow on the way or end early; what is printed does not."""
    text = """
function f(x : real[3] = [1e200, 1e200, 1e-200], z = -720.0) {
    y = prod(x) * sigmoid(z) + std(x) + cumprod(x)[2] + softplus(z) * 1e300
    return y
}
"""
    program = paramprog.loads(text)
    found = program.grad(wrt=["x", "z"])
    for v, expected in zip(
        by_python(program, ["x", "z"]), [found.value, found["x"], found["z"]], strict=True
    ):
        np.testing.assert_array_equal(v, expected)
    assert np.isfinite(found.value)
