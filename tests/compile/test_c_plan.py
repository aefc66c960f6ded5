"""Compiled C computes what node-by-node evaluation and NumPy plans compute, call after call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiling import check, gradients, needs_compiler
from hypothesis import given, settings
from oracles import CASES
from strategies.graphs import Drawn, graphs
from strategies.hard_graphs import HardGraph, hard_graphs
from strategies.programs import programs

import paramprog
from paramprog.batch import batch
from paramprog.compile.c_plan import CPlan
from paramprog.compile.functions import REALS
from paramprog.compile.routines import ROUTINES
from paramprog.compile.rules import RULES
from paramprog.compile.vmath import library
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.graph import PART, Graph, Region
from paramprog.op import OPS, Op
from paramprog.resources import programs_dir
from paramprog.samples import Samples
from paramprog.transfer.source import LEAF, dtype_of
from paramprog.types import Type

SHIPPED = sorted(p.stem for p in programs_dir().glob("*.pp"))

pytestmark = needs_compiler


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_every_primitive_has_one_lowering(op: Op):
    """A text in its record, or a rule; never both."""
    ways = [op.elementwise and op.c is not None, op in RULES]
    structural = isinstance(op, Region) or op in (LEAF, PART)
    assert sum(ways) == (0 if structural else 1)


COMPUTING = {c.op: [d for d in CASES if d.op is c.op] for c in CASES if c.types}


@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("op", COMPUTING, ids=lambda op: op.name)
def test_every_primitive(op: Op, real: Any):
    """Each case of each primitive, between elementwise operations and as an output beside what uses it."""
    graph = Graph(real=real)
    outputs: list[Any] = []
    leaves: list[Any] = []
    points: list[dict[Any, Any]] = [{}, {}]
    for case in COMPUTING[op]:
        own = [graph.leaf(t) for t in case.types]
        copies = [n + 0.5 if n.kind == "real" and op.elementwise and n.shape else n for n in own]
        y = op(*copies, **case.attrs)
        outputs += [y, -y, y * y] if y.kind == "real" else [y]
        leaves += own
        for seed, point in enumerate(points):
            found = case.sample(0 if case.integers else seed, np.dtype(real))
            point.update(zip(own, found, strict=True))
    plan = CPlan(outputs, leaves)
    rtol, atol = (1e-12, 1e-13) if real == "float64" else (1e-5, 1e-6)
    for point in points:
        for f, e in zip(plan(*point.values()), evaluate(outputs, point), strict=True):
            np.testing.assert_allclose(f, e, rtol=rtol, atol=atol)
            assert np.asarray(f).dtype == np.asarray(e).dtype


HARD = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -1.5, 50.0, -800.0, 1e300, 5e-324, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize(
    "op", [op for op in OPS.values() if op.elementwise and op.c is not None], ids=lambda op: op.name
)
def test_hard_points(op: Op):
    """At zeros of both signs, infinities, NaN and far out the values are those of NumPy, conventions included."""
    case = next(c for c in CASES if c.op is op)
    hard = [x for x in HARD if op.name != "lgamma" or x != 5e-324]  # where SciPy overflows
    kinds = [t.kind for t in case.types]
    grid = np.meshgrid(*[np.array(hard if k == "real" else [0, 1]) for k in kinds])
    columns = [g.ravel().astype(dtype_of(t, "float64")) for g, t in zip(grid, case.types, strict=True)]
    graph = Graph()
    leaves = [graph.leaf(Type(k, (c.size,))) for k, c in zip(kinds, columns, strict=True)]
    y = op(*leaves, **case.attrs)
    plan = CPlan([y], leaves)
    point = dict(zip(leaves, columns, strict=True))
    try:
        (expected,) = evaluate([y], point)
    except ProgramError as fault:
        with pytest.raises(ProgramError, match=str(fault.diagnostics[0].code)):
            plan(*columns)
        return
    np.testing.assert_allclose(plan(*columns)[0], expected, rtol=1e-12, atol=1e-320)


def test_helpers_have_names_that_vector_math_does_not_have():
    """All stand in one C file, so a product may be beside any function of its factors."""
    assert {f"pp_{name}_f64" for name in [*REALS, *ROUTINES]}.isdisjoint(library.functions())
    text = "function f(x = [0.4, 0.9]) { return prod(x) * exp(x[0]) + sum(cumprod(sinh(x))) }"
    check(*gradients(paramprog.loads(text)))


ENDLESS = {("newton_minimum", "float32")}
"""Its `while` waits for a gradient that is smaller than the rounding of float32."""


@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_programs(name: str, real: Any):
    """The value of every shipped program, and its gradients by every param and input."""
    if (name, real) in ENDLESS:
        pytest.skip("it does not end")
    check(*gradients(paramprog.load(programs_dir() / f"{name}.pp", dtype=real)))


@settings(max_examples=30, deadline=None)
@given(programs(3))
def test_random_programs(text: str):
    """Value and gradients of random programs."""
    try:
        program = paramprog.loads(text)
        program()
    except ProgramError:
        return
    check(*gradients(program))


@settings(max_examples=30, deadline=None)
@given(graphs())
def test_random_graphs(drawn: Drawn):
    """Value and gradients of random graphs with loops, branches and mapped bodies."""
    found = [d for d in adjoint(drawn.output, drawn.leaves) if d is not None]
    check([drawn.output, *found], drawn.leaves, [drawn.inputs])


@settings(max_examples=50, deadline=None)
@given(hard_graphs())
def test_hard_graphs(drawn: HardGraph):
    """Infinities, NaN, zeros of both signs, ties, truth values: entry by entry as in NumPy."""
    check(drawn.outputs, list(drawn.inputs), [drawn.inputs], exact=True)


def batched(name: str) -> tuple[list[Any], list[Any], list[dict[Any, Any]]]:
    """The mean over three samples and its gradients, of a program that has real inputs; nothing of others."""
    program = paramprog.load(programs_dir() / f"{name}.pp")
    point = program.point()
    built = point.compiled.built
    y = next(iter(built.outputs.values()))
    rows = [n for n in built.inputs.values() if n.kind == "real"]
    if not rows or y.shape or y.kind != "real":
        return [], [], []
    wrt = [n for n in built.params.values() if n.kind == "real"] or rows
    samples = Samples(rows)
    outputs = [n for n in samples.mean_nodes(y, wrt if built.params else (), 3) if n is not None]
    wide = samples.leaves(3)
    rng = np.random.default_rng(5)
    values = {}
    for leaf, value in point.leaves.items():
        if leaf in wide:
            value = np.stack([value * (1 + 0.05 * rng.normal(size=np.shape(value))) for _ in range(3)])
        values[wide.get(leaf, leaf)] = value
    return outputs, list(values), [values]


@pytest.mark.parametrize("name", SHIPPED)
def test_many_samples_of_shipped_programs(name: str):
    """Graphs of many samples, in whose branches and loops each may go its own way."""
    outputs, leaves, points = batched(name)
    if not outputs:
        pytest.skip("it has no real input, or no real scalar output")
    check(outputs, leaves, points)


@settings(max_examples=20, deadline=None)
@given(graphs(steps=8))
def test_random_graphs_of_many_samples(drawn: Drawn):
    """The mean over three samples, some inputs being shared, and its gradients."""
    wide = {x: drawn.graph.leaf(Type("real", (3, *x.shape))) for x in drawn.leaves[::2]}
    (y,) = batch([drawn.output], wide, 3)
    mean = OPS["mean"](y, axes=(0,), sizes=(3,))
    leaves = [wide.get(x, x) for x in drawn.leaves]
    found = [d for d in adjoint(mean, leaves) if d is not None]
    values = {
        wide.get(x, x): np.stack([v * s for s in (1.0, -0.7, 1.3)]) if x in wide else v
        for x, v in drawn.inputs.items()
    }
    check([mean, *found], leaves, [values])
