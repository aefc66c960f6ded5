"""The shipped programs: value and gradients are those of an independent implementation, and verification holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checking import interpreted

import paramprog
from paramprog.lang.parse import parse
from paramprog.lang.pretty import pretty
from paramprog.lang.read import read_source
from paramprog.resources import programs_dir

PROGRAMS = programs_dir()
REFERENCE: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "reference_values.json").read_text(encoding="ascii")
)
NAMES = sorted(REFERENCE)
DIGITS = np.loadtxt(PROGRAMS / "data" / "digits.csv", delimiter=",", skiprows=1, dtype=np.int64)


def agree(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def defaults(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """What the text declares no value for must be given; the rest comes from the text."""
    program = paramprog.load(PROGRAMS / f"{name}.pp")
    checked = program.compiled().checked
    return {k: v for k, v in given.items() if k not in checked.values}


def test_every_shipped_program_has_reference_values():
    assert {p.stem for p in PROGRAMS.glob("*.pp")} >= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_value_and_gradients(name, mode):
    """At the defaults that the text declares, to 1e-12 of autograd's numbers."""
    expected, program = REFERENCE[name], paramprog.load(PROGRAMS / f"{name}.pp")
    given = defaults(name, {**expected["params"], **expected["inputs"]})
    found = program.grad(given, mode=mode)
    agree(found.value, expected["value"])
    assert found.gradients.keys() == expected["gradients"].keys()
    for wrt, gradient in expected["gradients"].items():
        agree(found[wrt], gradient)


@pytest.mark.parametrize("name", sorted(p.stem for p in PROGRAMS.glob("*.pp")))
def test_verification_holds(name):
    """Against the path sum, forward mode and differences; what has no default is drawn."""
    report = paramprog.load(PROGRAMS / f"{name}.pp").verify()
    assert report.ok, report.checks


@pytest.mark.parametrize("name", NAMES)
def test_the_interpreter_agrees(name):
    expected, program = REFERENCE[name], paramprog.load(PROGRAMS / f"{name}.pp")
    [found] = interpreted(program, {**expected["params"], **expected["inputs"]})
    agree(found, expected["value"])


@pytest.mark.parametrize("name", NAMES)
def test_the_printed_program_is_the_program(name):
    """parse(pretty(tree)) has the same value and gradients."""
    expected = REFERENCE[name]
    text = pretty(parse(read_source(str(PROGRAMS / f"{name}.pp"))))
    found = paramprog.loads(text).grad({**expected["params"], **expected["inputs"]})
    agree(found.value, expected["value"])
    for wrt, gradient in expected["gradients"].items():
        agree(found[wrt], gradient)


def test_both_spellings_are_one_program():
    """The lecture's `Function` and compact spelling: the same graph, bit for bit the same numbers."""
    plain, lecture = (
        paramprog.load(PROGRAMS / f"{n}.pp") for n in ("running_example", "running_example_lecture")
    )
    assert str(plain.compiled().built.graph) == str(lecture.compiled().built.graph)
    first, second = plain.grad(P=0.3, Q=0.7), lecture.grad(P=0.3, Q=0.7)
    assert (first.value, first.gradients) == (second.value, second.gradients)


# ---- digits ------------------------------------------------------------------------------------------------------


def row(k: int) -> dict[str, Any]:
    return {"x": DIGITS[k, :-1], "label": int(DIGITS[k, -1])}


def by_hand(inputs: dict[str, Any], p: dict[str, Any]) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and gradients of the digits classifier by the usual backpropagation."""
    x = np.asarray(inputs["x"]) / 16
    h = np.tanh(p["W1"] @ x + p["b1"])
    z = p["W2"] @ h + p["b2"]
    e = np.exp(z - z.max())
    delta = e / e.sum()
    loss = -np.log(delta[inputs["label"]])
    delta[inputs["label"]] -= 1
    inner = (p["W2"].T @ delta) * (1 - h * h)
    return loss, {"W2": np.outer(delta, h), "b2": delta, "W1": np.outer(inner, x), "b1": inner}


@pytest.fixture(scope="module")
def digits() -> paramprog.Program:
    return paramprog.load(PROGRAMS / "digits_mlp.pp")


@pytest.mark.parametrize("k", [0, 1, 3, 17, 500, 1796])
def test_digits(digits, k):
    """Real rows, drawn weights, against backpropagation by hand."""
    found = digits.grad(row(k), seed=k)
    loss, gradients = by_hand(row(k), found.point.params)
    assert found.value == pytest.approx(loss, rel=1e-12)
    for name, expected in gradients.items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("k", [3, 1000])
def test_digits_verify(digits, k):
    assert digits.verify(row(k), seed=1).ok


def test_the_row_beside_the_program_is_a_row_of_the_data(digits):
    """`--inputs digits_row.json`."""
    inputs = json.loads((PROGRAMS / "data" / "digits_row.json").read_text(encoding="ascii"))
    assert inputs == {"x": DIGITS[3, :-1].tolist(), "label": int(DIGITS[3, -1])}
    found = digits.grad(inputs)
    loss, gradients = by_hand(inputs, found.point.params)
    assert found.value == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(found["W1"], gradients["W1"], rtol=1e-11, atol=1e-14)
    assert digits.verify(inputs).ok


def test_the_default_sample_is_the_first_row(digits):
    point = digits.point()
    np.testing.assert_array_equal(point.inputs["x"], DIGITS[0, :-1])
    assert point.inputs["label"] == DIGITS[0, -1] == 0


@pytest.mark.parametrize("label", [10, -1])
def test_a_label_that_does_not_exist(digits, label):
    with pytest.raises(paramprog.ProgramError) as caught:
        digits(label=label)
    assert [d.code for d in caught.value.diagnostics] == ["index-range"]


def test_digits_of_other_sizes():
    """Images of 4 pixels, 3 hidden units: the dims follow --dim and the data."""
    program = paramprog.load(PROGRAMS / "digits_mlp.pp", dims={"h": 3, "c": 2})
    assert program.grad(x=[1.0, 2.0, 3.0, 4.0], label=1)["W1"].shape == (3, 4)
