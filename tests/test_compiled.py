"""`Program.compile`: value and gradient, of one sample and of many, as `grad` has them."""

from __future__ import annotations

import gc
import json

import numpy as np
import pytest
from compiling import needs_compiler

import paramprog
from paramprog.cli import main
from paramprog.compile import bound, builder
from paramprog.diagnostics import ProgramError
from paramprog.resources import programs_dir

PROGRAM = """
param W : real[2, 3] = [[1, 2, 3], [4, 5, 6]], b : real = 0.5, unused : real = 1.0
function f(x : real[3] = [0.1, 0.2, 0.3], k : int = 1) { return sum(tanh(W @ x + b)) + x[k] }
"""

backends = pytest.mark.parametrize("backend", [pytest.param("c", marks=needs_compiler), "numpy"])


@backends
def test_value_and_gradient(backend):
    """Arguments left out keep their values; a structural zero is zeros."""
    program = paramprog.loads(PROGRAM)
    fast = program.compile(backend=backend)
    for given in ({}, {"b": 0.2}, {"x": [1, 2, 3], "k": 2}):
        expected = program.grad(**given)
        value, gradients = fast.value_and_gradient(**given)
        np.testing.assert_allclose(value, expected.value, rtol=1e-12)
        np.testing.assert_allclose(fast(**given), expected.value, rtol=1e-12)
        assert gradients.keys() == expected.gradients.keys()
        for name, g in gradients.items():
            np.testing.assert_allclose(g, expected.gradients[name], rtol=1e-12)
    assert fast.backend == backend and bool(fast.toolchain) == (backend == "c")


@backends
def test_many_samples(backend):
    """The mean over the samples and its gradient, for several numbers of samples."""
    program = paramprog.loads(PROGRAM)
    rng = np.random.default_rng(0)
    fast = program.compile(batch=["x"], x=rng.normal(size=(5, 3)), backend=backend)
    for n in (5, 1, 8):
        x = rng.normal(size=(n, 3))
        expected = program.grad(batch=["x"], x=x)
        value, gradients = fast.value_and_gradient(x=x)
        np.testing.assert_allclose(value, expected.value, rtol=1e-12)
        np.testing.assert_allclose(gradients["W"], expected.gradients["W"], rtol=1e-12)


@backends
def test_positional_calls(backend):
    """`call` takes the arguments in the order of `names`, and returns the value and the gradients."""
    program = paramprog.load(programs_dir() / "running_example.pp")
    fast = program.compile(backend=backend)
    values = {"P": 0.3, "Q": 0.7, "W0": 1.0, "W1": -1.2, "W2": 0.8}
    value, *gradients = fast.call(*(values[name] for name in fast.names))
    expected = program.grad(**values)
    np.testing.assert_allclose(
        [value, *gradients], [expected.value, *expected.gradients.values()], rtol=1e-12
    )


@backends
def test_faults(backend):
    """Unknown names, values that do not fit, indices out of range: messages with codes."""
    fast = paramprog.loads(PROGRAM).compile(backend=backend)
    with pytest.raises(ProgramError, match="unknown-input"):
        fast(y=1.0)
    with pytest.raises(ProgramError):
        fast(x=[1.0, 2.0])
    with pytest.raises(ProgramError, match="index-range"):
        fast(k=3)


UNEVEN = """
param w : real[2] = [0.3, 0.2]
function f(x : real[2] = [1.0, -1.0], n : int = 3) {
    t = tape(x)
    y = x
    for i in 0..n {
        t = push(t, y)
        for j in 0..i { y = sin(y * w) + x }
    }
    g = y
    for i in 0..n {
        t, z = pop(t)
        for j in 0..n { g = g * z * w + w }
    }
    J = jacobian(g, w)
    return sum(J * J)
}
"""


def test_histories_that_differ_in_length():
    """What neither C nor an array of NumPy can hold is computed node by node."""
    program = paramprog.loads(UNEVEN)
    fast = program.compile()
    expected = program.grad()
    for _ in range(2):
        value, gradients = fast.value_and_gradient()
        np.testing.assert_allclose(value, expected.value, rtol=1e-12)
        np.testing.assert_allclose(gradients["w"], expected["w"], rtol=1e-12)
    assert fast.backend == "numpy" and fast.note


@backends
@pytest.mark.parametrize("layouts", [True, False])
def test_bound_calls(backend, layouts, monkeypatch):
    """What is written into the arguments is what the next call computes with; the arrays outlive the program."""
    if not layouts:
        monkeypatch.setattr(bound, "layouts_hold", lambda: False)
    program = paramprog.loads(PROGRAM)
    made = program.compile(backend=backend).bound(b=0.2)
    for given in ({}, {"x": [1, 2, 3], "k": 2}, {"W": np.ones((2, 3)), "b": -0.5}):
        for name, value in given.items():
            made.arguments[name][...] = value
        gc.collect()
        made()
        expected = program.grad(
            {name: a[()] for name, a in made.arguments.items() if name in "xk"}, made.arguments
        )
        np.testing.assert_allclose(made.value, expected.value, rtol=1e-12)
        assert made.gradients.keys() == expected.gradients.keys()
        for name, g in made.gradients.items():
            np.testing.assert_allclose(g, expected.gradients[name], rtol=1e-12)


@backends
def test_bound_calls_over_samples(backend):
    """The number of samples is that of what they were bound with."""
    program = paramprog.loads(PROGRAM)
    rng = np.random.default_rng(0)
    fast = program.compile(batch=["x"], x=rng.normal(size=(5, 3)), backend=backend)
    for n in (5, 2):
        made = fast.bound(x=rng.normal(size=(n, 3)))
        made()
        expected = program.grad(batch=["x"], x=made.arguments["x"])
        np.testing.assert_allclose(made.value, expected.value, rtol=1e-12)
        np.testing.assert_allclose(made.gradients["W"], expected.gradients["W"], rtol=1e-12)


@backends
@pytest.mark.parametrize("layouts", [True, False])
def test_faults_of_bound_calls(backend, layouts, monkeypatch):
    """With the place, as in any other call; the next call is right."""
    if not layouts:
        monkeypatch.setattr(bound, "layouts_hold", lambda: False)
    made = paramprog.loads(PROGRAM).compile(backend=backend).bound()
    made.arguments["k"][...] = 3
    with pytest.raises(ProgramError, match=r"<text>:3:.*index 3 is out of range for 3 entries"):
        made()
    made.arguments["k"][...] = 2
    made()
    np.testing.assert_allclose(made.value, paramprog.loads(PROGRAM)(k=2), rtol=1e-12)


@needs_compiler
def test_the_command_line(capsys):
    """`grad --backend c` prints what `--backend numpy` prints, for one sample and for rows of a file."""
    path = str(programs_dir() / "digits_mlp.pp")
    data = str(programs_dir() / "data" / "digits.csv")
    for more in ([], ["--data", data, "--bind", "x=pixel_*", "--bind", "label=label"]):
        found = []
        for backend in ("c", "numpy"):
            assert main(["grad", path, "--backend", backend, "--wrt", "b2", "-q", "--json", *more]) == 0
            made = json.loads(capsys.readouterr().out)
            found.append([made["value"], *made["gradients"]["b2"]])
        np.testing.assert_allclose(found[0], found[1], rtol=1e-12, atol=1e-14)


def test_what_has_no_c_form_is_run_by_numpy(monkeypatch):
    """An array too large for the text, as if a small one were; `auto` says why it is not compiled, `c` refuses."""
    monkeypatch.setattr(builder, "MAX_TABLE", 4)
    program = paramprog.loads(
        "param w : real = 0.9\nfunction f(x : real = 0.3) { return sum(sin(w * x * [3.0, 1.0, 4.0, 1.5, 9.0])) }"
    )
    fast = program.compile()
    assert fast.backend == "numpy" and "a constant array has 5 entries" in fast.note
    np.testing.assert_allclose(fast.value_and_gradient()[1]["w"], program.grad().gradients["w"], rtol=1e-12)
    with pytest.raises(ProgramError, match="no-c-backend"):
        program.compile(backend="c")


@needs_compiler
def test_run_is_compiled_too(capsys):
    """`run --backend c` prints the values of `--backend numpy`; what is not compiled says so."""
    path = str(programs_dir() / "lstm.pp")
    found = []
    for backend in ("c", "numpy"):
        assert main(["run", path, "--backend", backend, "-q", "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out)["value"])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
    for command in (["verify", path], ["grad", path, "--mode", "forward"]):
        assert main([*command, "--backend", "c"]) == 1
        assert "no-c-backend" in capsys.readouterr().err


@backends
def test_gradients_by_inputs_with_samples(backend):
    """By an input that has samples the gradient of the mean has an entry for each; zeros do too."""
    program = paramprog.loads("param w = 2.0\nfunction f(x = 1.0, a = 0.3, z = 1.0) { return w * x * a }")
    given = {"a": np.array([0.3, 0.4]), "z": np.ones(2)}
    fast = program.compile(batch=["a", "z"], wrt=["a", "w", "z"], backend=backend, **given)
    for values in (given, {"a": np.array([0.1, 0.2, 0.3]), "z": np.ones(3)}):
        expected = program.grad(batch=["a", "z"], wrt=["a", "w", "z"], **values)
        value, found = fast.value_and_gradient(**values)
        bound = fast.bound(**values)
        bound()
        np.testing.assert_allclose(value, expected.value)
        for name in ("a", "w", "z"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-14)
            np.testing.assert_allclose(bound.gradients[name], expected[name], rtol=1e-14)
            assert np.shape(found[name]) == np.shape(expected[name])
