"""Values from outside: types, and the dims that they bind."""

from __future__ import annotations

import numpy as np
import pytest

import paramprog
from paramprog.diagnostics import Diagnostic, ProgramError


def refused(text: str, dims: dict[str, int] | None = None, **given: object) -> Diagnostic:
    """What is said about the values."""
    program = paramprog.loads(text, dims=dims)
    with pytest.raises(ProgramError) as caught:
        program.run(given)
    [found] = caught.value.diagnostics
    return found


ONE = "function f(a : {}) {{ return 1.0 }}"


@pytest.mark.parametrize(
    "type, given",
    [
        ("real", 3),
        ("real", np.float32(0.5)),
        ("real", np.inf),
        ("real[2]", [1, 2.5]),
        ("real[2, 1]", ((1,), (2,))),
        ("real[0]", []),
        ("int", 3),
        ("int", 3.0),
        ("int", np.int8(3)),
        ("int", -(2**63) + 1024),
        ("int[2]", [1.0, 2.0]),
        ("int[0]", []),
        ("bool", True),
        ("bool[2]", [True, False]),
    ],
)
def test_what_fits_a_type(type, given):
    """A whole real is an int."""
    program = paramprog.loads(ONE.format(type))
    found = program.point({"a": given}).inputs["a"]
    assert np.array_equal(found, given)
    assert found.dtype == {"r": np.float64, "i": np.int64, "b": np.bool_}[type[0]]


@pytest.mark.parametrize(
    "type, given, code",
    [
        ("real", [1.0], "input-shape"),
        ("real[2]", 1.0, "input-shape"),
        ("real[2]", [1.0, 2.0, 3.0], "input-shape"),
        ("real[2]", [[1.0, 2.0]], "input-shape"),
        ("real[2]", [[1.0], 2.0], "input-value"),
        ("real", "one", "input-value"),
        ("real", None, "input-value"),
        ("real", 1 + 2j, "input-value"),
        ("real", True, "input-value"),
        ("real", {"a": 1}, "input-value"),
        ("int", 2.5, "input-value"),
        ("int", np.nan, "input-value"),
        ("int", np.inf, "input-value"),
        ("int", 1e300, "input-value"),
        ("int", 2**63, "input-value"),
        ("int", 2**70, "input-value"),
        ("int", True, "input-value"),
        ("bool", 1, "input-value"),
        ("bool", 0.0, "input-value"),
    ],
)
def test_what_does_not_fit_a_type(type, given, code):
    """The name of the input is in the message, the place is its declaration."""
    found = refused(ONE.format(type), a=given)
    assert found.code == code
    assert "`a`" in found.message
    assert found.span is not None
    assert found.span.text == "a"


def test_params_are_given_the_same_way():
    found = refused("param w : real[2] = 1.0\nfunction f(x) { return x * sum(w) }", w=[1.0])
    assert found.code == "input-shape"


def test_unknown_names_are_refused_with_a_suggestion():
    found = refused("param weight = 1.0\nfunction f(x) { return x * weight }", wieght=1.0)
    assert (found.code, found.hint) == ("unknown-input", "did you mean `weight`?")


def test_an_int_or_bool_without_default_must_be_given():
    """A real is drawn."""
    assert refused("function f(x, k : int) { return x * k }").code == "missing-input"
    assert refused("function f(x, b : bool) { return if b then x else 0 }").code == "missing-input"
    assert np.isfinite(paramprog.loads("function f(x, v : real[3]) { return x * sum(v) }")())


# ---- dims --------------------------------------------------------------------------------------------------------

SIZES = "dim n = 3, m\nparam W : real[m, n]\nfunction f(x : real[n], y : real[m]) { return dot(W @ x, y) }"


def sizes(program: paramprog.Program, **given: object) -> dict[str, tuple[int, ...]]:
    point = program.point(given)
    return {k: np.shape(v) for k, v in {**point.inputs, **point.params}.items()}


def test_dims_take_the_sizes_of_data_and_parameters():
    """Else --dim, else their default; params that are not given follow."""
    program = paramprog.loads(SIZES)
    assert sizes(program, y=np.ones(2)) == {"x": (3,), "y": (2,), "W": (2, 3)}
    assert sizes(program, y=np.ones(2), x=np.ones(5)) == {"x": (5,), "y": (2,), "W": (2, 5)}
    assert sizes(program, W=np.ones((4, 6))) == {"x": (6,), "y": (4,), "W": (4, 6)}
    assert sizes(paramprog.loads(SIZES, dims={"m": 7})) == {"x": (3,), "y": (7,), "W": (7, 3)}


def test_each_combination_of_sizes_is_compiled_once():
    program = paramprog.loads(SIZES)
    first, second = program.point({"y": np.ones(2)}), program.point({"y": np.ones(2), "x": np.ones(5)})
    assert program.point({"y": np.zeros(2)}).compiled is first.compiled
    assert second.compiled is not first.compiled


def test_sizes_must_agree():
    """Among the data, and with --dim."""
    found = refused(SIZES, x=np.ones(2), W=np.ones((4, 3)))
    assert found.code == "dim-conflict"
    assert found.message == "`W` has n = 3, but `x` gives n = 2"
    assert refused(SIZES, {"n": 4, "m": 1}, x=np.ones(2)).message == "`x` has n = 2, but --dim gives n = 4"
    assert (
        refused("function f(x : real[n], y : real[n]) { return x @ y }", x=[1.0], y=[1.0, 2.0]).code
        == "dim-conflict"
    )
    assert refused("function f(A : real[n, n]) { return sum(A) }", A=np.ones((2, 3))).code == "dim-conflict"


def test_a_missing_size_is_told():
    found = refused(SIZES, x=np.ones(2))
    assert (found.code, found.hint) == ("dim-unbound", "give one: `--dim m=8`")


def test_unknown_dims_are_refused():
    with pytest.raises(ProgramError) as caught:
        paramprog.loads("dim size = 3\nfunction f(x : real[size]) { return sum(x) }", dims={"sise": 4})
    [found] = caught.value.diagnostics
    assert (found.code, found.hint) == ("undefined-name", "did you mean `size`?")


def test_names_in_types_of_the_entry_function_need_no_declaration():
    """Data, or --dim, bind them; other size expressions are then checked."""
    text = "function f(x : real[n], y : real[2 * n]) { return sum(x) + sum(y) }"
    assert paramprog.loads(text)(x=[1.0, 2.0], y=[1.0] * 4) == 7
    assert sizes(paramprog.loads(text, dims={"n": 3})) == {"x": (3,), "y": (6,)}
    assert refused(text, x=[1.0, 2.0], y=[1.0] * 3).code == "input-shape"


def test_a_const_is_not_bound_by_data():
    """It is a size like a number."""
    text = "const n = 2\nfunction f(x : real[n]) { return sum(x) }"
    assert paramprog.loads(text)(x=[1.0, 2.0]) == 3
    assert refused(text, x=[1.0, 2.0, 3.0]).code == "input-shape"


def test_a_size_given_by_data_decides_conditions():
    text = "function f(x : real[n]) { return if n > 2 then x[2] else x[0] }"
    program = paramprog.loads(text)
    assert program(x=[1.0, 2.0]) == 1
    assert program(x=[1.0, 2.0, 3.0]) == 3


@pytest.mark.parametrize("n", [-1, 2**40])
def test_sizes_that_cannot_be(n):
    with pytest.raises(ProgramError) as caught:
        paramprog.loads("dim n\nfunction f(x : real[n]) { return sum(x) }", dims={"n": n})
    assert [d.code for d in caught.value.diagnostics] == ["dim-value" if n < 0 else "element-limit"]


def test_empty_data():
    program = paramprog.loads("function f(x : real[n], k : int = 1) { return sum(x) + k }")
    assert program(x=[]) == 1
    assert program.grad(x=[])["x"].shape == (0,)
