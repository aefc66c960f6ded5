"""Histories that are not kept, as the turn backwards computes them again; and sums of what is scattered."""

from __future__ import annotations

import re
from typing import Any

import pytest
from compiling import check, gradients, needs_compiler
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies.programs import programs

import paramprog
from paramprog.compile import recomputed
from paramprog.compile.source import CSource, c_source, lower, prepared
from paramprog.diagnostics import ProgramError
from paramprog.gradient import adjoint
from paramprog.graph import Node
from paramprog.op import OPS
from paramprog.resources import programs_dir
from paramprog.transfer.pair import ADD


def source_of(program: paramprog.Program) -> CSource:
    outputs, leaves, _ = gradients(program)
    return c_source(lower(*prepared(outputs, leaves)))


def histories(source: CSource, turns: int, entries: int) -> int:
    """How many arrays a turn writes a row of."""
    forward = source.run.split("for (; ")[1].split("for (; ")[0]
    assert f"{turns}" in source.run
    return len(set(re.findall(rf"\((\w+) \+ \w+ \* {entries}\)", forward)))


def loop(body: str, turns: int = 7, entries: int = 50) -> str:
    return (
        f"param w : real[{entries}] ~ normal(0, 1), v : real[{entries}] ~ normal(0, 1)\n"
        f"function f() {{\n    x = v\n    for k in 0..{turns} {{\n{body}\n    }}\n    return sum(x * x)\n}}\n"
    )


@pytest.mark.parametrize(
    "body, kept",
    [
        ("        x = sin(x)", 1),  # x
        ("        a = sin(x)\n        x = a * (1 - a)", 2),  # x and a; not 1 - a
        (
            "        a = sin(x)\n        b = cos(x)\n        x = (a + b) * (a - b)",
            3,
        ),  # x, a, b; neither sum nor difference
        ("        a = sin(x)\n        x = a * exp(a * 0.5)", 3),  # x, a, exp
    ],
)
def test_what_is_kept(body: str, kept: int):
    """What follows from other histories by sums and products is computed again, and nothing that is dear."""
    assert histories(source_of(paramprog.loads(loop(body))), 7, 50) <= kept


def test_small_values_are_kept():
    """Of a few numbers a history costs nothing."""
    body = "        a = sin(x)\n        x = a * (1 - a)"
    assert histories(source_of(paramprog.loads(loop(body, entries=5))), 7, 5) == 3


def test_a_fluid_keeps_thirteen_histories_less():
    """Weights 1 - a, which some terms read twice, and the sums of the interpolation are computed again."""
    sizes = {"n": 10, "steps": 20, "sweeps": 3}
    source = source_of(paramprog.load(programs_dir() / "fluid.pp", dims=sizes))
    rows = 20 * 100 * 8
    assert 24 * rows < source.arena < 26 * rows


def second(program: paramprog.Program) -> tuple[list[Node], list[Node], list[dict[Node, Any]]]:
    """The gradient of a sum over the gradients as well."""
    outputs, leaves, points = gradients(program)
    total = None
    for d in outputs[1:]:
        term = d * 0.7 if not d.shape else OPS["sum"](d * d, axes=tuple(range(len(d.shape))), sizes=d.shape)
        total = term if total is None else ADD(total, term)
    if total is None:
        return outputs, leaves, points
    more = [d for d in adjoint(total, [n for n in leaves if n.kind == "real"]) if d is not None]
    return [*outputs, *more], leaves, points


BODIES = [
    "        a = sin(x)\n        x = 0.4 * a * (1 - a) + w",
    "        a = sin(0.2 * x * w)\n        b = (a + 0.1 * w) * (a - 0.1 * k)\n        x = 0.2 * b * a + 0.3 * x",
    "        i = int(floor(x * 9))\n        a = gather(w, mod(i, 50))\n        x = 0.1 * a * (1 - x) * (x * 9 - i)",
    "        s = 0.0 * x\n        for j in 0..3 {\n            b = sin(s + x)\n"
    "            s = 0.2 * b * (1 - b) * (2 - b)\n        }\n        x = 0.5 * s * (1 + s)",
]
"""They settle down, so float32 says something about them."""


@needs_compiler
@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("body", BODIES)
def test_loops(body: str, real: Any):
    """Value, gradients and their gradients are as node by node."""
    check(*second(paramprog.loads(loop(body), dtype=real)))


@needs_compiler
@settings(max_examples=25, deadline=None)
@given(programs(depth=1, regions=True, tapes=True), st.sampled_from(["float64", "float32"]))
def test_random_programs(text: str, real: Any):
    """Whatever is computed again: here small values as well."""
    try:
        program = paramprog.loads(text, dtype=real)
    except ProgramError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recomputed, "LEAST", 1)
        patch.setattr(recomputed, "EACH", 1000)
        check(*gradients(program))
        if real == "float64":
            check(*second(program))


# ---- sums of what is scattered -----------------------------------------------------------------------------------

CORNERS = """
param w : real[{size}] ~ normal(0, 1)
function f(i = [0, 3, 3, {last}, 2, 3, 0]) {{
    a = gather(w, i)
    b = gather(w, mod(i + 1, {size}))
    c = gather(w, mod(i + 2, {size}))
    return sum(a * b + b * c + sin(a * c) * [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
}}
"""


def test_what_is_scattered_is_added_at_once():
    """Three lookups in one array need one array for their gradient."""
    source = source_of(paramprog.loads(CORNERS.format(size=9, last=4)))
    assert source.run.count("pp_scatter_add") == 1 and "pp_scatter_add_3_f64(" in source.run


@needs_compiler
@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("last", [4, 9, -1])
def test_sums_of_what_is_scattered(last: int, real: Any):
    """Indices that are the same, and one that is out of range."""
    check(*gradients(paramprog.loads(CORNERS.format(size=9, last=last), dtype=real)))


@needs_compiler
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 9, 17])
def test_any_number_of_terms(count: int):
    """More terms than one routine takes, rows instead of numbers, and what is read elsewhere as well."""
    terms = " + ".join(f"sum(sin(gather(w, mod(i + {k}, 5)) * {k + 1}.0))" for k in range(count))
    for shape in ("5", "5, 3"):
        text = f"param w : real[{shape}] ~ normal(0, 1)\nfunction f(i = [0, 3, 1, 1, 4, 2]) {{ return {terms} }}\n"
        check(*second(paramprog.loads(text)))
