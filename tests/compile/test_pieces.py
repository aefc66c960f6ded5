"""Elementwise values of rolled and joined arrays: made piece by piece, with nothing rolled in memory, and the same."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from compiling import check, gradients, needs_compiler
from hypothesis import given, settings
from hypothesis import strategies as st

import paramprog
from paramprog.compile.source import CSource, c_source, lower, prepared

SWEEPS = """
dim n = 12
param d : real[n, n] ~ normal(0, 1)
function f() {
    p = zeros(n, n)
    for k in 0..5 {
        p = (roll(p, 1, axis = 0) + roll(p, -1, axis = 0) + roll(p, 1, axis = 1) + roll(p, -1, axis = 1) - d) / 4
    }
    return sum(p * p)
}
"""


def source_of(text: str) -> CSource:
    """The value and its gradients."""
    outputs, leaves, _ = gradients(paramprog.loads(text))
    return c_source(lower(*prepared(outputs, leaves)))


def kernels_of(source: CSource) -> list[str]:
    return [k for k in source.kernels if "for (" in k]


def test_a_sweep_reads_its_neighbours_where_they_are():
    """Its kernel has the values before, the divergence and the values after as arrays, and none for what is rolled."""
    sweep = next(k for k in kernels_of(source_of(SWEEPS)) if "(T)4.0" in k)
    assert len(re.findall(r"restrict a\d+", sweep.splitlines()[0])) == 3
    assert "i1 < 10" in sweep and "i0 < 10" in sweep and "%" not in sweep


@needs_compiler
@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("n", [1, 2, 3, 12, 37])
def test_sweeps(n: int, real: Any):
    """The same as node by node, also where an axis is shorter than the reach of the neighbours."""
    check(*gradients(paramprog.loads(SWEEPS.replace("n = 12", f"n = {n}"), dtype=real)))


@needs_compiler
def test_many_samples_of_sweeps():
    """Samples are one more axis, of any length."""
    text = SWEEPS.replace("function f()", "function f(x : real[n, n])").replace("- d)", "- d * x)")
    program = paramprog.loads(text)
    rng = np.random.default_rng(0)
    fast = program.compile(batch=["x"], x=rng.normal(size=(3, 12, 12)))
    for count in (1, 2, 7):
        x = rng.normal(size=(count, 12, 12))
        value, slopes = fast.value_and_gradient(x=x)
        each = [program.grad(x=one) for one in x]
        np.testing.assert_allclose(value, np.mean([e.value for e in each]), rtol=1e-12)
        np.testing.assert_allclose(
            slopes["d"], np.mean([e.gradients["d"] for e in each], 0), rtol=1e-11, atol=1e-13
        )


@needs_compiler
def test_any_number_of_threads():
    """Pieces of long loops are cut into chunks; the bits are the same."""
    text = "param x : real[1500, 1500] ~ normal(0, 1)\nfunction f() {\n"
    text += " y = roll(x, 1, axis = 0) * roll(x, -1, axis = 1)\n z = y * exp(y)\n return sum(z * y)\n}"
    found = [paramprog.loads(text).compile(threads=n).value_and_gradient() for n in (1, 2, 3)]
    for value, slopes in found[1:]:
        assert value == found[0][0]
        np.testing.assert_array_equal(slopes["x"], found[0][1]["x"])


@st.composite
def stencils(draw: st.DrawFn) -> str:
    """Sums and products of an array rolled and joined in several ways, in a loop and outside."""
    shape = draw(st.sampled_from([(5,), (1,), (4, 3), (2, 6), (3, 2, 4)]))
    axes = st.integers(0, len(shape) - 1)

    def term(of: str) -> str:
        axis, kind = draw(axes), draw(st.integers(0, 4))
        if kind < 3:
            return f"roll({of}, {draw(st.integers(-3, 3))}, axis = {axis})"
        if kind == 3:
            n = shape[axis]
            at = draw(st.integers(0, n))
            before = ", ".join(":" for _ in range(axis))
            cut = f"{before}, " if before else ""
            return f"concat({of}[{cut}{at}:{n}], {of}[{cut}0:{at}], axis = {axis})" if 0 < at < n else of
        return draw(st.sampled_from([of, "w", f"sin({of})", f"({of} * 0.5 - w)"]))

    lines = []
    for name, of in (("a", "x"), ("b", "a"), ("c", "b")):
        terms = [term(of) for _ in range(draw(st.integers(2, 4)))]
        signs = [draw(st.sampled_from([" + ", " - ", " * "])) for _ in terms[1:]]
        lines.append(
            f"{name} = 0.3 * ({terms[0]}{''.join(s + t for s, t in zip(signs, terms[1:], strict=True))})"
        )
    dims = ", ".join(map(str, shape))
    return (
        f"param x : real[{dims}] ~ normal(0, 1), w : real[{dims}] ~ normal(0, 1)\n"
        f"function f() {{\n    {lines[0]}\n    for k in 0..2 {{\n        {lines[1]}\n        a = b * 0.5 + a\n    }}\n"
        f"    {lines[1]}\n    {lines[2]}\n    return sum(c * b) + sum(a)\n}}\n"
    )


@needs_compiler
@settings(max_examples=25, deadline=None)
@given(stencils(), st.sampled_from(["float64", "float32"]))
def test_random_stencils(text: str, real: Any):
    """Value and gradients, in both precisions."""
    check(*gradients(paramprog.loads(text, dtype=real)))
