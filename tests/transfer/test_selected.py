"""Places where a condition holds, and what gathers by them."""

from __future__ import annotations

import numpy as np
import pytest

import paramprog
import paramprog.transfer  # fills OPS
from paramprog.diagnostics import ProgramError
from paramprog.op import OPS
from paramprog.types import ShapeError

TEXT = """
param w : real[4] = [1.0, -2.0, 3.0, 0.5]
function f(x : real[4] = [1.0, 2.0, 3.0, 4.0]) {
    y = compress(x * w, w > 0, 3)
    z = expand(y * y, w > 0)
    return sum(z * w)
}
"""


def test_each_row_has_its_places():
    """In order, along the last axis."""
    c = np.array([[True, False, True], [False, True, True]])
    np.testing.assert_array_equal(OPS["selected"](c, count=2), [[0, 2], [1, 2]])
    np.testing.assert_array_equal(OPS["selected"](np.zeros(3, bool), count=0), [])


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_places_is_a_fault(count):
    """Too few as well as too many, in any row; the message has the true number and the place in the text."""
    text = f"function f(x = [1.0, -1.0, 2.0]) {{ return sum(compress(x, x > 0, {count})) }}"
    with pytest.raises(ProgramError, match=rf"f\.pp:1:\d+: .*holds at 2 places, not at {count}"):
        paramprog.loads(text, name="f.pp")()


def test_more_places_than_entries_are_refused_when_the_program_is_checked():
    """As is a scalar condition."""
    with pytest.raises(ShapeError, match="3 entries does not hold at 4"):
        OPS["selected"].shape((3,), count=4)
    with pytest.raises(ShapeError, match="scalar"):
        OPS["selected"].shape((), count=0)


def test_the_gradient_is_exact_and_prints():
    """sum over w > 0 of x^2 w^3: the derivatives are 2 x w^3 and 3 x^2 w^2; a printed gradient gives them too."""
    program = paramprog.loads(TEXT)
    w, x = np.array([1.0, -2.0, 3.0, 0.5]), np.arange(1.0, 5.0)
    found = program.grad(wrt="w,x")
    np.testing.assert_allclose(found["w"], np.where(w > 0, 3 * x**2 * w**2, 0), rtol=1e-14)
    np.testing.assert_allclose(found["x"], np.where(w > 0, 2 * x * w**3, 0), rtol=1e-14)
    assert program.verify(exact=True).ok
    again = paramprog.loads(program.gradient_program(wrt="w,x")).run().outputs
    np.testing.assert_allclose(list(again.values())[1], found["w"], rtol=1e-14)


def test_samples_select_their_own():
    """Each sample of a batch has its own places, as many as the others."""
    program = paramprog.loads("function f(x : real[3]) { return sum(compress(x * x, x > 0, 2)) }")
    x = np.array([[1.0, -1.0, 2.0], [-3.0, 1.0, 1.0]])
    found = program.grad(x=x, wrt=["x"], batch=["x"], per_sample=True)
    np.testing.assert_array_equal(found["x"], np.where(x > 0, 2 * x, 0))
