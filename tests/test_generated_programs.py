"""Random programs: the graph computes what the tree says, and all ways to differentiate it agree."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies.programs import programs

import paramprog
from paramprog import choose
from paramprog.diagnostics import ProgramError, Source
from paramprog.evaluate import trace
from paramprog.gradient import plain_or_none, pulled
from paramprog.lang.interpret import interpret
from paramprog.lang.parse import parse
from paramprog.lang.pretty import pretty
from paramprog.program import Point, Program
from paramprog.resources import programs_dir

STEP = 1e-5
WRT = ["w", "u", "W", "x", "v", "y", "A"]


def oracle(point: Point, **changed: Any) -> Any:
    """The result by the tree interpreter."""
    values = {**point.inputs, **point.params, **changed}
    inputs, params = ({k: values[k] for k in names} for names in (point.inputs, point.params))
    [found] = interpret(point.compiled.checked.entry, inputs, params)
    return found


def magnitudes(program: Program, point: Point) -> tuple[float, float]:
    """The largest value, and the largest adjoint, of a run: what rounding errors are measured against."""
    target = choose.output(point.compiled, None)
    recorded = trace([target], point.leaves)
    facts = pulled(recorded.nodes, recorded.values, recorded.of[target], np.ones(()))
    plain = [plain_or_none(facts.get(n)) for n in recorded.nodes]
    return largest(recorded.values.values()), largest(p for p in plain if p is not None)


def largest(arrays: Any) -> float:
    return max(
        [1.0, *(float(np.max(np.abs(a), initial=0.0)) for a in arrays if np.asarray(a).dtype.kind == "f")]
    )


def slopes(f: Any, x: Any) -> Any:
    """Central differences, and NaN where two step sizes, or the two sides, disagree: at kinks and steps."""
    x = np.asarray(x)
    out = np.zeros(x.shape)
    for at in np.ndindex(x.shape):

        def along(h: float, at: tuple[int, ...] = at) -> float:
            moved = x.copy()
            moved[at] += h
            return float(f(moved[()]))

        middle = along(0.0)
        right, left = (along(STEP) - middle) / STEP, (middle - along(-STEP)) / STEP
        coarse = (along(10 * STEP) - along(-10 * STEP)) / (20 * STEP)
        fine = (right + left) / 2
        smooth = abs(right - left) + abs(fine - coarse) < 1e-3 * (1 + abs(fine))
        out[at] = fine if smooth else np.nan
    return out


def check(text: str) -> None:
    program = paramprog.loads(text)
    point = program.point()
    graph = point.compiled.built.graph
    graph.check()

    value = program()
    expected = oracle(point)
    scale, adjoint_scale = magnitudes(program, point)
    assert np.shape(value) == np.shape(expected) == ()
    assert abs(value - expected) <= 1e-12 * scale

    reverse = program.grad(wrt=WRT)
    graph.check()
    forward = program.grad(wrt=WRT, mode="forward")
    tolerance = 1e-10 * adjoint_scale * scale
    for name in WRT:
        assert np.all(np.abs(reverse[name] - forward[name]) <= tolerance), name
        differences = slopes(
            lambda moved, name=name: oracle(point, **{name: moved}), {**point.inputs, **point.params}[name]
        )
        smooth = ~np.isnan(differences)
        bound = 1e-3 * (1 + np.abs(differences)) + 1e-8 * scale  # of a kink that passes for smooth
        assert np.all(np.abs(reverse[name] - differences)[smooth] <= bound[smooth]), name

    again = paramprog.loads(pretty(parse(Source("t", text))))
    assert again() == value
    assert str(again.compiled().built.graph) == str(paramprog.loads(text).compiled().built.graph)


@given(programs())
def test_graph_interpreter_and_derivatives_agree(text):
    """Graph = tree to 1e-12; reverse = forward to 1e-10; reverse = differences of the tree where it is smooth.

    The graph is well formed before and after, and the printed program is the same program.
    """
    check(text)


@pytest.mark.slow
@settings(max_examples=2000)
@given(programs(depth=3))
def test_many_larger_programs(text):
    """As above."""
    check(text)


@settings(max_examples=15)
@given(programs(depth=1))
def test_verification_holds(text):
    """On any program, says `verify`: against the path sum, forward mode and differences."""
    report = paramprog.loads(text).verify(wrt=WRT)
    assert report.ok, [c for c in report.checks if c.ok is False]


# ---- fuzzing -----------------------------------------------------------------------------------------------------

TOKEN = re.compile(r"[A-Za-z_]\w*|\d+\.?\d*(?:e-?\d+)?|\.\.|\*\*|//|->|[<>=!]=|\"[^\"\n]*\"|\S|\n")
SHIPPED = [
    p.read_text(encoding="utf-8")
    for p in sorted(programs_dir().glob("*.pp"))
    if p.stem not in ("digits_mlp", "determinant")
]
BAD = [
    p.read_text(encoding="utf-8")
    for p in sorted((programs_dir() / "bad").glob("*.pp"))
    if p.stem
    not in ("not-utf8", "nesting-limit", "name-too-long", "element-limit", "endless-loop", "unroll-limit")
]
TEXTS = [TOKEN.findall(re.sub("#.*", "", text)) for text in SHIPPED + BAD]


def sort_of(token: str) -> str:
    """Tokens of one sort can stand for one another."""
    if re.match(r"[A-Za-z_]", token):
        reserved = [
            "function",
            "dim",
            "param",
            "const",
            "base",
            "derivative",
            "noise",
            "import",
            "if",
            "then",
            "else",
            "for",
            "in",
            "while",
            "return",
            "not",
        ]
        return token if token in reserved else "operator" if token in ("and", "or") else "name"
    return (
        "number"
        if token[0].isdigit()
        else "operator"
        if token in ["+", "-", "*", "/", "//", "**", "@", "<", ">", "==", "<="]
        else token
    )


FUNCTIONS = [
    "sum",
    "max",
    "gather",
    "transpose",
    "reshape",
    "map",
    "reduce",
    "stack",
    "mod",
    "int",
    "argmax",
    "norm",
    "softmax",
    "grad",
    "zeros",
    "concat",
]
SORTS: dict[str, list[str]] = {
    "name": [*FUNCTIONS, "real", "int", "bool", "axis", "n", "pi"],
    "number": ["0", "1", "2", "true", "3.5"],
}
for _token in [t for text in TEXTS for t in text]:
    if _token not in SORTS.setdefault(sort_of(_token), []):
        SORTS[sort_of(_token)].append(_token)


@st.composite
def mutated(draw: Any) -> str:
    """A program with a few tokens replaced by others of their sort, wrapped, copied or left out."""
    tokens = list(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(tokens) - 1))
        how = draw(st.sampled_from(["replace"] * 6 + ["call", "list", "operate", "drop", "copy"]))
        sort = sort_of(tokens[at])
        if how == "replace":
            tokens[at] = draw(st.sampled_from(SORTS[sort]))
        elif how == "drop" and len(tokens) > 1:
            del tokens[at]
        elif how == "copy":
            tokens[at:at] = tokens[at : at + draw(st.integers(1, 8))]
        elif sort in ("name", "number"):
            new = {
                "call": [draw(st.sampled_from(FUNCTIONS)), "(", tokens[at], ")"],
                "list": ["[", tokens[at], ",", draw(st.sampled_from(SORTS["number"])), "]"],
                "operate": [
                    "(",
                    tokens[at],
                    draw(st.sampled_from(SORTS["operator"])),
                    draw(st.sampled_from(SORTS["name"])),
                    ")",
                ],
            }
            tokens[at : at + 1] = new.get(how, [tokens[at]])
    return " ".join(tokens)


def survives(text: str) -> None:
    with suppress(ProgramError):
        program = paramprog.loads(text)
        program.run()
        program.grad()
        program.compiled().built.graph.check()


@settings(max_examples=400)
@given(mutated())
def test_a_mutated_program_is_a_program_or_told_so(text):
    """Never another exception."""
    survives(text)


@pytest.mark.slow
@settings(max_examples=20_000)
@given(mutated())
def test_many_mutated_programs(text):
    """As above."""
    survives(text)
