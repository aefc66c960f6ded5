"""The whole: what is kept, what is gone, how large and how fast."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from simplifying import simplified_exactly

import paramprog
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.graph import Graph, Node, demand
from paramprog.op import OPS
from paramprog.program import Point, Program
from paramprog.resources import programs
from paramprog.simplify import simplify
from paramprog.transfer.base import BaseOp
from paramprog.types import Type


def leaf(g: Graph, name: str, *shape: int) -> Node:
    return g.leaf(Type("real", shape), name)


# ---- what is kept ------------------------------------------------------------------------------------------


def test_the_built_graph_is_not_changed() -> None:
    program = paramprog.loads("param W = 0.5\nfunction f(x = 2.0) { y = W * x\n return y * 1 + (if x > 0 then y else -y) }")
    compiled = program.compiled()
    [y] = compiled.built.outputs.values()
    outputs = [y, *(n for n in compiled.gradient(y, tuple(compiled.built.params.values())) if n is not None)]
    before = str(compiled.built.graph)
    s = simplify(outputs)
    assert str(compiled.built.graph) == before
    assert {n.graph for n in s.outputs} == {s.graph}


def test_names_and_spans_stay_with_the_first() -> None:
    text = "function f(x = 2.0) {\n a = sin(x)\n b = sin(x)\n c = a\n k = 2.0\n return a * b * c * k }"
    compiled = paramprog.loads(text).compiled()
    [y] = compiled.built.outputs.values()
    s = simplify([y])
    points = compiled.built.points
    a = s.of[points["a"]]
    assert a.name == "a"
    assert a.span is not None
    assert a.span.line == 2
    assert s.of[points["b"]] is a
    assert s.of[points["c"]] is a
    # a shared number is not the point that was given this number
    assert s.of[points["k"]].name is None


def test_a_name_passes_to_what_has_none() -> None:
    g = Graph()
    x = leaf(g, "x")
    y = OPS["copy"](OPS["exp"](x))
    y.name = "y"
    assert simplify([y]).outputs[0].name == "y"
    z = OPS["copy"](x)
    z.name = "z"
    assert simplify([z]).outputs[0].name == "x"


def test_of_has_what_is_left() -> None:
    g = Graph()
    x, y = leaf(g, "x"), leaf(g, "y")
    doubled = -(-(x * 2.0))
    s = simplify([doubled])
    assert s.of[x].name == "x"
    assert s.of[doubled] is s.outputs[0]
    assert y not in s.of
    assert s.inputs({x: 1.0, y: 2.0}) == {s.of[x]: 1.0}
    assert {n.op.name for n in s.graph.nodes} == {"leaf", "full", "mul"}


def test_nothing_to_simplify() -> None:
    s = simplify([])
    assert s.outputs == []
    assert len(s.graph) == 0


def test_outputs_may_be_leaves_constants_and_equal() -> None:
    g = Graph()
    x = leaf(g, "x")
    s = simplified_exactly([x, x, g.constant(2.0), x * 1.0], {x: np.float64(3.0)})
    assert s.outputs[0] is s.outputs[1] is s.outputs[3]


def test_chains_of_any_length() -> None:
    """No recursion over the length of a program, and no chain is walked twice."""
    g = Graph()
    x = leaf(g, "x", 4)
    y, z = x, x
    for _ in range(20_000):
        y = -y
        z = OPS["transpose"](z, axes=(0,))
    s = simplify([y, z])
    assert len(s.graph) == 1


# ---- base functions ----------------------------------------------------------------------------------------


BASES = """
base half(x) = x / 2
base bump(x) = if x > 0 then half(x) * exp(-half(x)) else 0
param W = 0.5
function f(v : real[3] = [1, -1, 2], x = 2.0) { return sum(bump(W * v)) + bump(x) * half(half(x)) }
"""


def test_bases_are_calls_or_bodies() -> None:
    program = paramprog.loads(BASES)
    compiled = program.compiled()
    [y] = compiled.built.outputs.values()
    outputs = [y, *(n for n in compiled.gradient(y, tuple(compiled.built.params.values())) if n is not None)]
    leaves = program.point().leaves
    assert any(isinstance(n.op, BaseOp) for n in simplified_exactly(outputs, leaves).graph.nodes)
    inlined = simplified_exactly(outputs, leaves, inline_bases=True)
    assert not any(isinstance(n.op, BaseOp) for n in inlined.graph.nodes)


def test_inlining_shares_with_partials() -> None:
    """A base function that computes what its derivative needs: the exponential is computed once."""
    program = paramprog.loads("base f0(x) = exp(x) + x\nfunction f(x = 2.0) { return f0(x) }")
    compiled = program.compiled()
    [y] = compiled.built.outputs.values()
    outputs = [y, *(n for n in compiled.gradient(y, (compiled.built.inputs["x"],)) if n is not None)]
    s = simplify(outputs, inline_bases=True)
    assert sorted(n.op.name for n in s.graph.nodes) == ["add", "add", "exp", "full", "leaf"]


def test_inlining_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bases that call the one before twice are exponentially long: at some length, calls stay calls."""
    lines = ["base b0(x) = sin(x)"]
    lines += [f"base b{k + 1}(x) = b{k}(x) * b{k}(x + {k + 1})" for k in range(12)]
    program = paramprog.loads("\n".join([*lines, "function f(x = 2.0) { return b12(x) }"]))
    [y] = program.compiled().built.outputs.values()
    monkeypatch.setattr("paramprog.simplify.run.MAX_INLINED", 200)
    assert 200 <= len(simplified_exactly([y], program.point().leaves, inline_bases=True).graph) < 400


# ---- sizes -------------------------------------------------------------------------------------------------


def gradient_of(program: Program) -> tuple[list[Node], Point]:
    point = program.point()
    compiled = point.compiled
    output = program.output(compiled, None)
    gradient = compiled.gradient(output, tuple(program.wrt(compiled, None).values()))
    return [output, *(n for n in gradient if n is not None)], point


def test_the_digits_network() -> None:
    """41 nodes for loss and gradient as built, 38 simplified; 7 contractions are matrix products, none is added."""
    outputs, point = gradient_of(paramprog.load(programs() / "digits_mlp.pp"))
    built = demand(outputs[0].graph.nodes, outputs)
    s = simplified_exactly(outputs, point.leaves)
    count = [n.op.name for n in s.graph.nodes].count
    assert len(s.graph) <= 38 < len(built)
    assert count("contract") == 5
    assert count("tanh") == count("logsumexp") == count("sech") == 1


def test_the_determinant() -> None:
    """Cofactors of cofactors: slices of slices of concatenations become slices of the matrix."""
    outputs, point = gradient_of(paramprog.load(programs() / "determinant.pp"))
    s = simplified_exactly(outputs, point.leaves)
    assert len(s.graph) < 0.6 * len(demand(outputs[0].graph.nodes, outputs))
    assert "concat" not in {n.op.name for n in s.graph.nodes}


SHIPPED = sorted(p.name for p in programs().iterdir() if p.name.endswith(".pp"))


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("inline_bases", [False, True])
def test_shipped_programs(name: str, inline_bases: bool) -> None:
    """Loss and gradient, simplified, are what was built."""
    outputs, point = gradient_of(paramprog.load(programs() / name))
    simplified_exactly(outputs, point.leaves, inline_bases=inline_bases)


def test_gradient_of_a_gradient_shares_it() -> None:
    """Value, gradient and Hessian in one graph: each tanh and sech is computed once."""
    g = Graph()
    x = leaf(g, "x")
    y = OPS["tanh"](OPS["sin"](x))
    [first] = adjoint(y, [x])
    assert first is not None
    [second] = adjoint(first, [x])
    assert second is not None
    names = [n.op.name for n in simplified_exactly([y, first, second], {x: np.float64(0.4)}).graph.nodes]
    assert [names.count(n) for n in ("tanh", "sech", "sin", "cos")] == [1, 1, 1, 1]


def symbolic_size(depth: int) -> int:
    """Operations in the derivative of x -> log(1 + exp(x)), composed `depth` times, written out as an expression.

    With u the inner expression, (log(1 + exp(u)))' = exp(u) / (1 + exp(u)) * u', so both u are written out again.
    """
    size, derivative = 1, 1  # of x, and of 1
    for _ in range(depth):
        derivative = 2 * (size + 1) + 4 + derivative
        size += 4
    return size + derivative


def symbolic_size_expanded(depth: int) -> int:
    """The same where the derivative is of the whole expression by the sum over its uses, nothing being shared.

    Each layer is log(z) + log(1 + 1 / z) with z = exp(u), which uses z twice: d(layer) = two products with z', each with
    its own copy of z' written out.
    """
    size, derivative = 1, 1
    for _ in range(depth):
        derivative = 2 * derivative + 4 * size + 12
        size = 2 * size + 7
    return size + derivative


def soft_relus(depth: int) -> list[Node]:
    """log(z) + log(1 + 1 / z) with z = exp(u), a soft ReLU, composed; and its derivative."""
    g = Graph()
    x = u = leaf(g, "x")
    for _ in range(depth):
        z = OPS["exp"](u)
        u = OPS["log"](z) + OPS["log"](1.0 + 1.0 / z)
    [derivative] = adjoint(u, [x])
    assert derivative is not None
    return [u, derivative]


def test_symbolic_derivatives_grow_exponentially_adjoints_linearly() -> None:
    """Stacked soft ReLUs: the expression of the derivative doubles with each layer; the adjoint adds as many nodes."""
    sizes = [len(simplify(soft_relus(n)).graph) for n in (1, 2, 3, 10, 20)]
    steps = np.diff(sizes) / np.diff([1, 2, 3, 10, 20])
    assert np.all(steps == steps[0])
    assert sizes[-1] < 500
    assert symbolic_size_expanded(20) > 10**6
    assert symbolic_size_expanded(20) / symbolic_size_expanded(19) > 1.9


# ---- time --------------------------------------------------------------------------------------------------


def seconds(n: int) -> tuple[float, float]:
    """How long the adjoint of n statements takes to build, and to simplify together with the value."""
    lines = [f" x{k + 1} = sin(x{k}) * W + x{max(k - 1, 0)}" for k in range(n)]
    program = paramprog.loads("\n".join(["param W = 0.5", "function f(x0 = 0.3) {", *lines, f" return x{n}", "}"]))
    compiled = program.compiled()
    [y] = compiled.built.outputs.values()
    began = perf_counter()
    gradient = compiled.gradient(y, tuple(compiled.built.params.values()))
    built = perf_counter()
    simplify([y, *(a for a in gradient if a is not None)])
    return built - began, perf_counter() - built


@pytest.mark.slow
def test_simplification_is_linear() -> None:
    """16,000 statements: about as long as building the adjoint, and four times as long as for 4,000."""
    short = min(seconds(4_000)[1] for _ in range(3))
    adjoints, simplified = min((seconds(16_000) for _ in range(3)), key=lambda pair: pair[1])
    assert simplified < 3 * adjoints
    assert simplified < 8 * short
