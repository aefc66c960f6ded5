"""`Program`, the public object: values, gradients, verification, choices, warnings."""

from __future__ import annotations

import re

import numpy as np
import pytest

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.resources import programs_dir

RUNNING = programs_dir() / "running_example.pp"
NET = "param W : real[2, 3] = [[1, 2, 3], [4, 5, 6]], b : real[2] = 0.5\n"
NET += "function f(x : real[3] = [1, 0, -1], k : int = 2) {\n"
NET += "    h = tanh(W @ x + b)\n    y = k * sum(h)\n    return y\n}"


def code(action) -> str:
    """The code of the only error."""
    with pytest.raises(ProgramError) as caught:
        action()
    [found] = caught.value.diagnostics
    return found.code


# ---- loading -----------------------------------------------------------------------------------------------------


def test_a_program_is_loaded_from_a_file_or_a_text():
    program = paramprog.load(RUNNING)
    assert program.function == "R"
    assert repr(program) == f"<Program R of {RUNNING}>"
    again = paramprog.loads(RUNNING.read_text(encoding="utf-8"), name="example.pp")
    assert again() == program()
    assert "example.pp" in repr(again)
    assert isinstance(program, paramprog.Program)


def test_what_is_no_file(tmp_path):
    assert code(lambda: paramprog.load(tmp_path / "no.pp")) == "unreadable-file"
    assert code(lambda: paramprog.load(tmp_path)) == "unreadable-file"


def test_errors_are_raised_when_loading():
    """All of them, in order, rendered in the message."""
    with pytest.raises(ProgramError) as caught:
        paramprog.loads("function f(x) { a = b; c = d; return tahn(x) }", name="bad.pp")
    assert [d.code for d in caught.value.diagnostics] == [
        "undefined-name",
        "undefined-name",
        "undefined-function",
    ]
    assert "bad.pp:1:21: error[undefined-name]" in str(caught.value)
    assert "did you mean `tanh`?" in str(caught.value)


def test_errors_besides_a_missing_function_are_told_too():
    """A file without a function may have other errors."""
    with pytest.raises(ProgramError) as caught:
        paramprog.loads("base f(x) = y\nfunction f(x) { return x }")
    assert [d.code for d in caught.value.diagnostics] == ["undefined-name", "duplicate-name"]


# ---- values ------------------------------------------------------------------------------------------------------


def test_calling_a_program():
    """Inputs by name, params as a mapping; the rest at their defaults. Several outputs come as a dict."""
    program = paramprog.load(RUNNING)
    assert program() == program(P=0.3, Q=0.7) == program(params={"W0": 0.5}, P=0.3)
    assert program(P=0.0) == 0
    assert program(params={"W0": 0.0}) == 0
    both = paramprog.loads("function f(x = 2.0) { y = x * x; return y, x > 1 }")()
    assert both == {"y": 4.0, "out1": True}


def test_outputs_have_the_types_of_the_program():
    outputs = (
        paramprog.loads("function f(x = 2.0) { return x, 3, x > 1, [x, 1], zeros(0) }").run().outputs.values()
    )
    assert [(np.asarray(v).dtype.kind, np.shape(v)) for v in outputs] == [
        ("f", ()),
        ("i", ()),
        ("b", ()),
        ("f", (2,)),
        ("f", (0,)),
    ]


def test_values_drawn_are_seeded():
    program = paramprog.loads("param w\nfunction f(x) { return w * x }")
    assert program() == program(seed=0) != program(seed=1)
    assert len(program.run().point.notes) == 2


def test_running_does_not_change_what_is_given():
    x = np.array([1.0, 2.0, 3.0])
    paramprog.loads(NET).grad(x=x)
    np.testing.assert_array_equal(x, [1, 2, 3])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_reals_have_the_chosen_width(dtype):
    program = paramprog.loads(NET, dtype=dtype)
    found = program.grad()
    assert np.asarray(found.value).dtype == np.asarray(found["W"]).dtype == np.dtype(dtype)
    assert program.verify().ok


# ---- gradients ---------------------------------------------------------------------------------------------------


def net_gradient() -> dict[str, np.ndarray]:
    """Of NET, in closed form."""
    W, x, b = np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([1.0, 0, -1]), 0.5
    delta = 2 / np.cosh(W @ x + b) ** 2
    return {"W": np.outer(delta, x), "b": delta, "x": W.T @ delta}


@pytest.mark.parametrize("mode", ["reverse", "forward", "paths"])
def test_all_modes_agree_with_the_closed_form(mode):
    found = paramprog.loads(NET).grad(wrt=["W", "b", "x"], mode=mode)
    for name, expected in net_gradient().items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-12)
    assert found.value == pytest.approx(2 * np.sum(np.tanh([-1.5, -1.5])))


def test_by_default_by_all_params_else_by_all_real_inputs():
    assert list(paramprog.loads(NET).grad().gradients) == ["W", "b"]
    assert list(
        paramprog.loads("function f(x = 1.0, k = 2, y = 3.0) { return x * y * k }").grad().gradients
    ) == ["x", "y"]


def test_a_gradient_by_any_point_of_the_entry_function():
    found = paramprog.loads(NET).grad(wrt=["h", "y", "W"])
    np.testing.assert_array_equal(found["h"], [2, 2])
    assert found["y"] == 1


def test_a_name_that_hides_a_param_leaves_the_param_its_gradient():
    program = paramprog.loads("param W = 3.0\nfunction f(x = 2.0) { W = W * x; return W * W }")
    assert program.grad()["W"] == 2 * 6 * 2


def test_structural_zeros_are_listed():
    """Zeros because the output does not depend on it, unlike zeros that were computed."""
    program = paramprog.loads(
        "param a = 1.0, b = [1.0, 2.0], c = 3.0\nfunction f(x = 0.0) { return a * 0 + floor(c) * a }"
    )
    for mode in ("reverse", "forward"):
        found = program.grad(mode=mode)
        assert found.structural_zero == ["b", "c"]
        assert found["a"] == 3
        np.testing.assert_array_equal(found["b"], [0, 0])


def test_one_of_several_outputs():
    program = paramprog.loads(
        "param w = 3.0\nfunction f(x = 2.0) { y = w * x; z = w * w; return y, z, [y, z] }"
    )
    assert program.grad(output="y")["w"] == 2
    assert program.grad(output="z")["w"] == 6
    assert program.verify(output="out2").ok


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({}, "which-output"),
        ({"output": "zz"}, "unknown-output"),
        ({"output": "out2"}, "not-scalar"),
        ({"output": "out3"}, "not-scalar"),
        ({"output": "y", "wrt": ["u"]}, "unknown-point"),
        ({"output": "y", "wrt": ["k"]}, "not-real"),
        ({"output": "y", "q": 1.0}, "unknown-input"),
        ({"output": "y", "inputs": {"q": 1.0}}, "unknown-input"),
    ],
)
def test_choices_that_cannot_be(arguments, expected):
    program = paramprog.loads(
        "param w = 3.0\nfunction f(x = 2.0, k = 1) { y = w * x; return y, w, [y, w], 3 }"
    )
    assert code(lambda: program.grad(**arguments)) == expected


def test_nothing_to_differentiate_by():
    program = paramprog.loads("function f(k = 1) { return 1.0 * k }")
    assert code(program.grad) == "no-wrt"


def test_a_mode_that_does_not_exist():
    with pytest.raises(ValueError, match="mode"):
        paramprog.load(RUNNING).grad(mode="sideways")  # type: ignore[arg-type]


# ---- warnings ----------------------------------------------------------------------------------------------------


def test_a_value_that_is_not_finite_is_diagnosed():
    """With the operation where it was born."""
    program = paramprog.loads("function f(x = -1.0) { y = log(x); return y * 2 }")
    [warning] = program.run().warnings
    assert (warning.severity, warning.span.text if warning.span else "") == ("warning", "log(x)")
    assert np.isnan(program())
    [warning] = program.grad().warnings
    assert warning.span is not None
    assert warning.span.text == "log(x)"


def test_a_gradient_that_is_not_finite_is_diagnosed():
    """Where the value is finite."""
    found = paramprog.loads("function f(x = 0.0) { return sqrt(x) + 1 }").grad()
    assert (found.value, found["x"]) == (1, np.inf)
    [warning] = found.warnings
    assert warning.severity == "warning"
    assert paramprog.load(RUNNING).grad().warnings == []


# ---- verification ------------------------------------------------------------------------------------------------


def test_verify_compares_with_every_oracle():
    report = paramprog.load(RUNNING).verify()
    assert report.ok
    assert {c.name.split(" = ")[-1] for c in report.checks} >= {"path sum", "reverse", "differences"}
    assert report.paths == 4


def test_verify_takes_points_params_and_inputs():
    report = paramprog.loads(NET).verify(wrt=["W", "b", "x"], x=[0.1, 0.2, 0.3])
    assert report.ok


def test_a_program_of_an_array_is_verified_with_a_covector():
    assert paramprog.loads("param w = [1.0, 2.0]\nfunction f(x = 2.0) { return tanh(w * x) }").verify().ok


# ---- settings that are no settings -------------------------------------------------------------------------------

SQUARES = "function f(x : real[n]) { return dot(x, x) }"


@pytest.mark.parametrize(
    "action, message",
    [
        (lambda: paramprog.loads(SQUARES, dims={"n": 1.5}), "dim n is a whole number, not 1.5"),
        (lambda: paramprog.loads(SQUARES, dims={"n": True}), "dim n is a whole number, not True"),
        (lambda: paramprog.loads(SQUARES, dtype="float16"), "dtype is float64 or float32, not 'float16'"),
        (lambda: paramprog.loads(SQUARES, dims={"n": 2}).grad(seed=-1), "the seed is not negative; it is -1"),
        (lambda: paramprog.loads(SQUARES, dims={"n": 2})(seed=0.5), "the seed is a whole number, not 0.5"),
    ],
)
def test_what_is_no_size_no_precision_and_no_seed_is_refused(action, message):
    """Whether or not it would be used."""
    with pytest.raises(ValueError, match=re.escape(message)):
        action()


def test_sizes_may_be_numpys():
    assert paramprog.loads(SQUARES, dims={"n": np.int64(2)}).grad(x=[1.0, 2.0]).value == 5


@pytest.mark.parametrize("k", [2**63 - 1, -(2**63), float(2**62)])
def test_the_largest_ints(k):
    """As a default and as a given value."""
    written = f"{int(k)}" if k > 0 else f"{k + 1} - 1"  # -2^63 itself cannot be written
    text = f"function f(x = 1.0, k : int) {{ return if k == {written} then x else 0.0 }}"
    assert paramprog.loads(text)(k=k) == 1
    if isinstance(k, int) and k > 0:
        assert paramprog.loads(text.replace("k : int", f"k = {k}"))() == 1


@pytest.mark.parametrize(
    "k, message", [(2**63, "beyond 64 bits"), (1e300, "beyond 64 bits"), (0.5, "not whole")]
)
def test_numbers_that_are_no_ints(k, message):
    with pytest.raises(ProgramError, match=message):
        paramprog.loads("function f(x = 1.0, k : int) { return k * x }")(k=k)


def test_warnings_speak_as_programs_do():
    """An operation without a name is called what the program calls it; an infinite derivative is not called NaN."""
    found = paramprog.loads("function f(x = 0.0) { return sum(sqrt([x, 1.0]) * [0.0, 1.0]) }").grad()
    assert "the derivative of `sqrt` is not finite here (inf)" in str(found.warnings[0])
    assert "`//` gives inf" in str(
        paramprog.loads("function f(x = 0.0) { return 1.0 // x }").grad().warnings[0]
    )
    assert "`/` gives" in str(paramprog.loads("function f(x = 0.0) { return 1 / x }").grad().warnings[0])


def test_verification_warns_of_nothing(recwarn):
    """What overflows is reported, and NumPy's warnings do not leak."""
    paramprog.loads("function f(x = 1e308) { return prod([x, x]) + x * x }").verify(exact=True)
    assert not recwarn.list
