"""Which functions say that the turns of their loops are to run side by side, and that this changes no bit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from compiling import needs_compiler

import paramprog
from paramprog.compile import source
from paramprog.compile.toolchain import toolchain

CHAIN = """
param a = 1.3, b = 0.7
function f(x : real, y : real) { return tanh(a * x) * sin(b * y) * sigmoid(a * y) + exp(-x * x) }
"""


def overlapping(text: str) -> set[str]:
    """The names of the functions marked."""
    return set(re.findall(r"^PP_OVERLAP static (?:PP_APART )?void (\w+)\(", text, re.MULTILINE))


@needs_compiler
def test_loops_of_vector_math_run_side_by_side():
    """In the function that has the loop; not in the one that computes far arguments, which is not vectorised."""
    x = np.linspace(-2, 2, 1001)
    text = paramprog.loads(CHAIN).compile(batch=["x", "y"], x=x, y=x).source
    found = overlapping(text)
    assert found and not any("_far" in name for name in found)
    bodies = {
        name: text.split(f"void {name}(")[1].split("\n}\n")[0] for name in re.findall(r"void (k\w+)\(", text)
    }
    for name, body in bodies.items():
        has = "#pragma omp simd" in body and "pp_tanh_f64(" in body and "_far" not in name
        assert (name in found) == has, name


@needs_compiler
@pytest.mark.parametrize(
    "program, given",
    [
        (CHAIN, {"x": 0.3, "y": 0.4}),
        ("param a = 1.3\nfunction f(x : real[40]) { return sum(square(a * x)) }", {"x": np.ones(40)}),
    ],
)
def test_other_code_stays_as_it_is(program, given):
    """Scalar code and loops of a few operations gain nothing."""
    assert not overlapping(paramprog.loads(program).compile(**given).source)


def test_lookups_are_marked():
    """Functions whose loops read doubles at computed places, and no others: of floats gcc vectorises less then."""
    lookup = "gather(w, mod(int(floor(x)), 40))"
    for read, dtype, marked in (
        (lookup, "float64", True),
        (lookup, "float32", False),
        ("w", "float64", False),
    ):
        text = f"param w : real[40] ~ normal(0, 1)\nfunction f(x : real[40]) {{ return sum({read} * x) }}"
        found = paramprog.loads(text, dtype=dtype).compile(x=np.ones(40), backend="c").source
        assert bool(re.search(r"^PP_LOOKUPS static", found, re.MULTILINE)) == marked


@needs_compiler
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n", [1, 31, 1000, 40_000])
def test_side_by_side_or_not_the_bits_are_the_same(dtype, n, monkeypatch, tmp_path):
    """Value and gradients of any number of samples are those of turns one after the other."""
    monkeypatch.setenv("PARAMPROG_CACHE", str(tmp_path))
    rng = np.random.default_rng(n)
    at = {"x": rng.normal(size=n).astype(dtype), "y": rng.normal(size=n).astype(dtype)}

    def bits() -> list[bytes]:
        program = paramprog.loads(CHAIN, dtype=dtype)
        value, gradients = program.compile(batch=["x", "y"], threads=1, **at).value_and_gradient()
        return [np.asarray(a).tobytes() for a in (value, *gradients.values())]

    found = bits()
    monkeypatch.setattr(source, "HEAD", re.sub(r"__attribute__\(\(optimize\(.*?\)\)\)", "", source.HEAD))
    assert "optimize" not in source.HEAD
    assert bits() == found


@needs_compiler
def test_only_gcc_is_told_how_many_turns():
    """Other compilers do not know the limits of its unrolling."""
    found = toolchain()
    assert found is not None
    assert ("max-unroll-times=4" in found.flags) == found.gcc
