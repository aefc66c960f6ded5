"""Rows of a data file as samples: which arguments take columns, what is scaled, and where in the file a fault is."""

from __future__ import annotations

import numpy as np
import pytest
from binding import from_text, refused

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.fitting.scaling import Scaling
from paramprog.tabular import rows

TABLE = from_text("x_0,x_1,t,label\n1,2,3,0\n4,5,6,1\n7,8,9,5\n")

PREDICTION = """
    dim n
    param w : real[n] ~ ones()
    function f(x : real[n], t, label : int) {
        z = dot(w, x)
        loss = (z - t) ** 2
        entry = x[label]
        return z, loss, entry
    }
"""


def test_only_what_the_output_needs_takes_columns():
    """The target need not be there, nor be a number, when the chosen output does not depend on it."""
    program = paramprog.loads(PREDICTION)
    assert rows(program, TABLE, {}, output="z").names == ("x",)
    assert rows(program, TABLE, {}, output="loss").names == ("x", "t")
    assert rows(program, TABLE, {}).names == ("x", "t", "label")
    text = from_text("x_0,x_1,t\n1,2,many\n")
    assert rows(program, text, {}, [("label", "none"), ("t", "t")], "z").names == ("x",)
    found = refused(rows, program, text, {}, (), "loss")
    assert (found.code, found.span.line) == ("data-number", 2)


def test_values_that_are_given_take_no_column():
    """And cannot be bound to one too."""
    program = paramprog.loads(PREDICTION)
    assert rows(program, TABLE, {"t": 0.0}, output="loss").names == ("x",)
    found = refused(rows, program, TABLE, {"t": 0.0}, [("t", "label")], "loss")
    assert found.code == "data-column"
    assert "a value is given for it too" in found.message


def test_sizes():
    """Those that given params bind hold; those that no chosen argument binds may come from another argument."""
    program = paramprog.loads(PREDICTION)
    found = refused(rows, program, TABLE, {"w": np.ones(3)}, (), "z")
    assert found.code == "data-width"
    two = paramprog.loads(
        "dim m, n\nparam W : real[m, n] ~ ones()\n"
        "function f(x : real[n], y : real[m]) {\n z = W @ x\n e = z - y\n return z, e\n}"
    )
    bound = rows(two, TABLE, {}, [("x", "x_0,x_1"), ("y", "t,label,x_0")], "z")
    assert bound.names == ("x",)
    assert bound.many({}, 0, "z").values([bound.program.compiled().built.outputs["z"]])[0].shape == (3, 3)
    error = refused(rows, two, TABLE, {}, [("x", "x_0,x_1")], "z")
    assert error.code == "dim-unbound"


def test_unknown_arguments_and_constant_outputs():
    """A binding of no argument is refused; so is an output that is the same in all rows."""
    program = paramprog.loads("function f(x) {\n y = 2.0 * x\n c = 1.0\n return y, c\n}")
    assert refused(rows, program, TABLE, {}, [("xx", "t")], "y").code == "unknown-input"
    found = refused(rows, program, TABLE, {}, (), "c")
    assert (found.code, "it would be the same for all rows" in found.message) == ("data-column", True)


def test_scaling():
    """Inputs are scaled as in training; what was scaled and is no input of this program is left alone."""
    program = paramprog.loads(PREDICTION)
    scaling = Scaling(
        {"x": np.array([1.0, 2.0]), "q": np.zeros(())}, {"x": np.array([2.0, 4.0]), "q": np.ones(())}
    )
    found = rows(program, TABLE, {}, (), "loss", scaling)
    assert found.scaled == ("x",)
    np.testing.assert_array_equal(found.inputs["x"], [[0, 0], [1.5, 0.75], [3, 1.5]])
    np.testing.assert_array_equal(found.inputs["t"], [3, 6, 9])
    narrow = Scaling({"x": np.zeros(3)}, {"x": np.ones(3)})
    assert refused(rows, program, TABLE, {}, (), "z", narrow).code == "data-width"


def test_a_row_without_a_value_is_shown_at_its_cell():
    """The cell of the int that the message names."""
    program = paramprog.loads(PREDICTION)
    found = rows(program, TABLE, {})
    many = found.many({}, 0, None)
    nodes = list(many.point.compiled.built.outputs.values())
    with pytest.raises(ProgramError) as caught, found.places():
        many.values(nodes)
    [error] = caught.value.diagnostics
    assert error.code == "index-range"
    assert (error.span.line, error.span.text) == (4, "5")
    assert "`label` is 5: index 5 is out of range for 2 entries (at <text>:7:" in error.message


def test_a_row_that_is_not_finite_is_named():
    """By its line in the file."""
    program = paramprog.loads("function f(t) {\n return log(t - 6)\n}")
    found = rows(program, TABLE, {})
    many = found.many({}, 0, None)
    nodes = list(many.point.compiled.built.outputs.values())
    [warning] = many.first_not_finite(nodes, many.values(nodes))
    assert found.of_row(warning).message.endswith("NaN here, for d.csv:2")
