"""Plans: straight NumPy code computes what node-by-node evaluation computes, call after call."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import CASES, Case
from strategies.programs import programs

import paramprog
from paramprog.compile.numpy_plan import Plan
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.graph import Graph, Node
from paramprog.op import OPS
from paramprog.resources import programs_dir
from paramprog.samples import Samples
from paramprog.simplify import simplify

SHIPPED = sorted(p.stem for p in programs_dir().glob("*.pp"))


def close(found: Any, expected: Any) -> None:
    expected = np.asarray(expected)
    assert np.shape(found) == expected.shape
    assert np.asarray(found).dtype == expected.dtype
    finite = np.isfinite(expected) if expected.dtype.kind == "f" else np.ones(expected.shape, bool)
    scale = max(1.0, float(np.max(np.abs(expected), where=finite, initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * scale)


def outcome(run: Any) -> Any:
    """What it returns, or the message of its fault."""
    try:
        return run()
    except ProgramError as error:
        return str(error)


def check(outputs: list[Node], leaves: list[Node], points: list[dict[Node, Any]]) -> None:
    """At several points, there and back again: nothing stays in a buffer."""
    plan = Plan(outputs, leaves)
    with np.errstate(all="ignore"):
        for values in [*points, *points[::-1]]:
            expected = outcome(lambda values=values: evaluate(outputs, values))
            if isinstance(expected, str):
                assert outcome(lambda values=values: plan(*[values[leaf] for leaf in leaves])) == expected
                continue
            before = {leaf: np.array(values[leaf]) for leaf in leaves}
            for f, e in zip(plan(*[values[leaf] for leaf in leaves]), expected, strict=True):
                close(f, e)
            for leaf in leaves:
                np.testing.assert_array_equal(values[leaf], before[leaf], "an argument was changed")


def gradients(program: paramprog.Program) -> tuple[list[Node], list[Node], list[dict[Node, Any]]]:
    """The value and its gradients, as simplified; the leaves; two points."""
    point = program.point()
    built = point.compiled.built
    y = next(iter(built.outputs.values()))
    wrt = [n for n in built.params.values() if n.kind == "real"]
    found = [d for d in adjoint(y, wrt) if d is not None] if not y.shape and y.kind == "real" else []
    made = simplify([y, *found])
    rng = np.random.default_rng(3)
    points = []
    for _ in range(2):
        values = {
            n: v + rng.normal(size=n.shape) * 0.1 if n.kind == "real" else v for n, v in point.leaves.items()
        }
        points.append({made.of[n]: v for n, v in values.items() if n in made.of})
    return list(made.outputs), list(points[0]), points


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_programs(name: str):
    """Value and gradients of every shipped program."""
    check(*gradients(paramprog.load(programs_dir() / f"{name}.pp")))


@settings(max_examples=100, deadline=None)
@given(programs(3))
def test_random_programs(text: str):
    """Value and gradients of random programs, simplified and as built."""
    try:
        program = paramprog.loads(text)
        program()
    except ProgramError:
        return
    check(*gradients(program))
    point = program.point()
    check(list(point.compiled.built.outputs.values()), list(point.leaves), [point.leaves])


@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("case", [c for c in CASES if c.types], ids=str)
def test_every_primitive(case: Case, real: Any):
    """Each primitive alone, between elementwise operations of reals, and as an output together with what uses it."""
    graph = Graph(real=real)
    leaves = [graph.leaf(t) for t in case.types]
    copies = [n + 0.5 if n.kind == "real" and case.op.elementwise and n.shape else n for n in leaves]
    y = case.op(*copies, **case.attrs)
    outputs = [y, -y, y * y] if y.kind == "real" else [y]
    points = [dict(zip(leaves, case.sample(seed, np.dtype(real)), strict=True)) for seed in (0, 1)]
    if case.integers:
        points = points[:1]
    plan = Plan(outputs, leaves)
    with np.errstate(all="ignore"):
        for values in points:
            for f, e in zip(plan(*values.values()), evaluate(outputs, values), strict=True):
                np.testing.assert_allclose(f, e, rtol=1e-12 if real == "float64" else 1e-5, atol=1e-6)
                assert np.asarray(f).dtype == np.asarray(e).dtype


WORDS = ["", "i", "j", "ij", "ji", "jk", "bij", "bjk", "bi", "b"]


@given(st.sampled_from(WORDS), st.sampled_from(WORDS), st.data())
@settings(max_examples=300, deadline=None)
def test_every_product(a: str, b: str, data: st.DataObject):
    """Contractions of any words, with the result's letters in any order."""
    letters = sorted(set(a + b))
    kept = data.draw(st.lists(st.sampled_from(letters), unique=True)) if letters else []
    sizes = {"i": 2, "j": 3, "k": 4, "b": 2}
    spec = f"{a},{b}->{''.join(kept)}"
    alone = tuple((c, sizes[c]) for c in sorted((set(a) ^ set(b)) - set(kept)))
    graph = Graph()
    rng = np.random.default_rng(0)
    xs = [rng.normal(size=tuple(sizes[c] for c in w)) for w in (a, b)]
    leaves = [graph.leaf(OPS["leaf"].result(type=_type(x.shape))) for x in xs]
    y = OPS["contract"](*leaves, spec=spec, sizes=alone)
    check([y, y + 1.0], leaves, [dict(zip(leaves, xs, strict=True))])


def _type(shape: tuple[int, ...]) -> Any:
    from paramprog.types import Type

    return Type("real", shape)


def test_no_text_of_a_program_is_in_the_code():
    """The code consists of generated names: `x0`, `v1`, `b2`, `c3`, `f4`, `s5`, methods of arrays, and numbers."""
    for name in SHIPPED:
        outputs, leaves, _ = gradients(paramprog.load(programs_dir() / f"{name}.pp"))
        words = set(re.findall(r"[A-Za-z_]\w*", Plan(outputs, leaves).source))
        assert {w for w in words if not re.fullmatch(r"[xvbcfs]\d+", w)} <= {
            "def", "run", "return", "out", "reshape", "transpose", "T", "astype", "None", "take", "fill", "dot",
        }  # fmt: skip


def test_samples_are_planned_once():
    """The graph for a number of samples is made once; another number is another graph."""
    program = paramprog.load(programs_dir() / "digits_mlp.pp")
    built = program.compiled().built
    samples = Samples(list(built.inputs.values()))
    y = next(iter(built.outputs.values()))
    first = samples.values([y], 4)
    assert samples.values([y], 4) is first
    assert samples.values([y], 5) is not first


def test_a_result_that_is_an_argument_keeps_its_buffer():
    """A base function that returns its argument, a diagonal, a part of a branch: views, whose arrays are not reused."""
    program = paramprog.loads("""
        param u = [0.3, -0.5], W = [[1.0, 2.0], [3.0, 4.0]]
        base same(a) = a
        function f(x = [1.0, 2.0]) {
            a = u * x
            b = same(a)
            c = a + 1.0
            d = if sum(x) > 0 then c else a
            e = c * 3.0
            D = diag(W * W)
            g = D + e
            return sum(b * c * d * e * D * g)
        }""")
    check(*gradients(program))
