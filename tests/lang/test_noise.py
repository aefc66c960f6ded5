"""`noise`: values that are drawn, from the seed, and are not fitted."""

from __future__ import annotations

import numpy as np
import pytest
from checking import told

import paramprog
from paramprog.cli import main
from paramprog.lang.inits import Draw, draw

PROGRAM = """
dim n = 4
param W = 2.0
noise e : real[n] ~ normal(0, 0.1), u ~ uniform(1, 2)
function f(x = 3.0) { y = W * x + sum(e) * u; return y }
"""


def test_noise_is_drawn_from_its_init():
    """By its name, like a param; what is drawn is told."""
    point = paramprog.loads(PROGRAM).point(seed=5)
    np.testing.assert_array_equal(point.params["e"], draw(Draw("normal", (0.0, 0.1)), "e", (4,), 5))
    np.testing.assert_array_equal(point.params["u"], draw(Draw("uniform", (1.0, 2.0)), "u", (), 5))
    assert 1 <= point.params["u"] <= 2
    assert point.notes == [
        "e has no value; drawn from normal(0, 0.1) with seed 5",
        "u has no value; drawn from uniform(1, 2) with seed 5",
    ]


def test_noise_is_fixed_by_the_seed():
    """For one seed always the same, in every way of computing; for another one something else."""
    program = paramprog.loads(PROGRAM)
    assert program() == program() == paramprog.loads(PROGRAM)() == program.grad().value
    assert program(seed=1) == program.grad(seed=1, mode="forward").value
    assert program(seed=1) != program()
    assert program.verify(seed=1).ok


def test_noise_is_not_differentiated_by_unless_it_is_named():
    """Only what is fitted is, by default."""
    program = paramprog.loads(PROGRAM)
    assert list(program.grad().gradients) == ["W"]
    found = program.grad(wrt=["e", "u", "x"], u=1.5)
    np.testing.assert_array_equal(found["e"], np.full(4, 1.5))
    assert found["u"] == pytest.approx(np.sum(found.point.params["e"]))
    assert program.verify(wrt=["e", "u"]).ok


def test_a_program_whose_only_params_are_noise():
    """Then the inputs are what it is differentiated by."""
    program = paramprog.loads("noise u ~ uniform(1, 2)\nfunction f(x = 3.0) { return u * x }")
    found = program.grad()
    assert list(found.gradients) == ["x"]
    assert found["x"] == found.point.params["u"]


def test_noise_can_be_given():
    """As an input or as a param, also with sizes that it binds."""
    program = paramprog.loads(PROGRAM)
    assert program(e=[1.0, 0.0, 0.0, 0.0], u=1.0) == 7
    assert program(params={"e": [1.0, 1.0], "u": 2.0}) == 10


def test_noise_can_be_given_on_the_command_line(tmp_path, capsys):
    """--at, with a note for what is drawn only."""
    file = tmp_path / "noise.pp"
    file.write_text(PROGRAM)
    assert main(["run", str(file), "--at", "e=[0.5, 0, 0, 0]", "--at", "u=2"]) == 0
    assert capsys.readouterr() == ("y = 7.0\n", "")
    assert main(["run", str(file), "--at", "u=2", "--seed", "3"]) == 0
    assert capsys.readouterr().err == "note: e has no value; drawn from normal(0, 0.1) with seed 3\n"


@pytest.mark.parametrize(
    "declaration, shape",
    [
        ("noise e", ()),
        ("noise e : real[3]", (3,)),
        ("noise e : real[n, 2] ~ normal(0, 1)", (4, 2)),
        ("noise e : real[2] = 1.5", (2,)),
        ("noise e = [1, 2, 3]", (3,)),
        ("noise e, u : real[n] ~ ones()", (4,)),
    ],
)
def test_noise_is_declared_like_a_param(declaration, shape):
    """With a type, an init, a value, or those of the next name; it is real."""
    program = paramprog.loads(f"dim n = 4\n{declaration}\nfunction f(x = 1.0) {{ return x * e }}")
    assert program().shape == shape
    assert program().dtype == np.float64


@pytest.mark.parametrize(
    "text, code, at",
    [
        ("noise e : int\nfunction f(x = 1.0) { return x }", "param-kind", "int"),
        ("noise e = true\nfunction f(x = 1.0) { return x }", "param-kind", "true"),
        ("noise e ~ gamma(1, 2)\nfunction f(x = 1.0) { return x }", "unknown-init", "gamma"),
        ("noise e ~ normal(0, -1)\nfunction f(x = 1.0) { return x }", "init-value", "normal(0, -1)"),
        ("param e\nnoise e\nfunction f(x = 1.0) { return x }", "duplicate-name", "e"),
        ("noise e\nfunction f(e = 1.0) { return e }", "duplicate-name", "e"),
        ("noise e\nconst c = e\nfunction f(x = 1.0) { return x }", "not-constant", "e"),
        ("noise e : real[2]\nfunction f(x = 1.0) { e[0] = x; return x }", "undefined-name", "e"),
    ],
)
def test_what_noise_cannot_be(text, code, at):
    """The rules for params hold: it is real, has a name of its own, and nothing constant depends on it."""
    assert told(text) == [(code, at)]
