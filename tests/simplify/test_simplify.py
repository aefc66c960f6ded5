"""The whole: what is kept, what is gone, how large and how fast."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from effort import calls
from simplifying import simplified_exactly

import paramprog
from paramprog import choose
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.graph import Graph, Node, demand
from paramprog.op import OPS
from paramprog.program import Point, Program
from paramprog.resources import programs_dir
from paramprog.simplify import simplify
from paramprog.transfer.base import BaseOp
from paramprog.types import Type


def leaf(g: Graph, name: str, *shape: int) -> Node:
    return g.leaf(Type("real", shape), name)


# ---- what is kept ------------------------------------------------------------------------------------------


def test_the_built_graph_is_not_changed() -> None:
    program = paramprog.loads(
        "param W = 0.5\nfunction f(x = 2.0) { y = W * x\n return y * 1 + (if x > 0 then y else -y) }"
    )
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
    doubled = OPS["neg"](-(x * 2.0))
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


def test_the_pipeline_simplifies_once() -> None:
    """The output comes first, then the gradient without its structural zeros."""
    program = paramprog.loads("param W = 0.5, V = 1.0\nfunction f(x = 2.0) { return sin(W * x) * 1 }")
    compiled = program.compiled()
    [y] = compiled.built.outputs.values()
    wrt = tuple(compiled.built.params.values())
    s = compiled.simplified_gradient(y, wrt)
    assert compiled.simplified_gradient(y, wrt) is s
    value, gradient = evaluate(s.outputs, s.inputs(program.point().leaves))
    assert value == np.sin(1.0)
    assert gradient == 2.0 * np.cos(1.0)


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
    output = choose.output(compiled, None)
    gradient = compiled.gradient(output, tuple(choose.wrt(compiled, None).values()))
    return [output, *(n for n in gradient if n is not None)], point


def test_the_digits_network() -> None:
    """41 nodes for loss and gradient as built, 38 simplified: 5 products, and the forward pass once."""
    outputs, point = gradient_of(paramprog.load(programs_dir() / "digits_mlp.pp"))
    built = demand(outputs[0].graph.nodes, outputs)
    s = simplified_exactly(outputs, point.leaves)
    count = [n.op.name for n in s.graph.nodes].count
    assert len(s.graph) <= 38 < len(built)
    assert count("contract") == 5
    assert count("tanh") == count("logsumexp") == count("sech") == 1


def test_the_determinant() -> None:
    """Cofactors of cofactors: slices of slices of concatenations become slices of the matrix."""
    outputs, point = gradient_of(paramprog.load(programs_dir() / "determinant.pp"))
    s = simplified_exactly(outputs, point.leaves)
    assert len(s.graph) < 0.6 * len(demand(outputs[0].graph.nodes, outputs))
    assert "concat" not in {n.op.name for n in s.graph.nodes}


SHIPPED = sorted(p.name for p in programs_dir().glob("*.pp"))


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("inline_bases", [False, True])
def test_shipped_programs(name: str, inline_bases: bool) -> None:
    """Loss and gradient, simplified, are what was built."""
    outputs, point = gradient_of(paramprog.load(programs_dir() / name))
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


def written_out(y: Node) -> tuple[int, int]:
    """Symbols in the expression of y and in that of dy/dx, both written out: nothing is shared in an expression.

    The chain rule by the book: a term `partial * (derivative of the argument)` for each argument, a plus between two.
    """
    size: dict[Node, int] = {}
    derivative: dict[Node, int] = {}
    for n in demand(y.graph.nodes, [y]):
        args = [size[a] for a in n.args]
        size[n] = 1 + sum(args)
        derivative[n] = 1 if n.op is OPS["leaf"] else 0
        partials = {
            "exp": lambda u: [1 + u],  # exp(u)
            "log": lambda u: [2 + u],  # 1 / u
            "add": lambda a, b: [0, 0],
            "sub": lambda a, b: [1, 1],
            "mul": lambda a, b: [b, a],
        }.get(n.op.name, list)(*args)
        terms = [p + 1 + derivative[a] for p, a in zip(partials, n.args, strict=True) if derivative[a]]
        derivative[n] += sum(terms) + max(len(terms) - 1, 0)
    return size[y], derivative[y]


def composed(layer: Callable[[Node], Node], depth: int) -> tuple[int, int]:
    """The size of the derivative of `layer` composed with itself: written out, and as nodes of value and adjoint."""
    g = Graph()
    x = y = leaf(g, "x")
    for _ in range(depth):
        y = layer(y)
    _, expression = written_out(y)
    [derivative] = adjoint(y, [x])
    assert derivative is not None
    return expression, len(simplify([y, derivative]).graph)


def soft_relu(u: Node) -> Node:
    return OPS["log"](1.0 + OPS["exp"](u))


def gated_soft_relu(u: Node) -> Node:
    return u * soft_relu(u)


def test_adjoints_grow_linearly_expressions_do_not() -> None:
    """Soft ReLUs stacked: an expression repeats what is inside in each factor of its derivative.

    log(1 + exp(u)) has its argument once, so the expression grows quadratically; where a layer has it twice, as
    u log(1 + exp(u)), exponentially. The adjoint grows by the same few nodes with each layer.
    """
    depths = [1, 2, 3, 10, 20, 40]
    plain = [composed(soft_relu, n) for n in depths]
    gated = [composed(gated_soft_relu, n) for n in depths]
    for sizes in (plain, gated):
        per_layer = np.diff([nodes for _, nodes in sizes[1:]]) / np.diff(depths[1:])
        assert np.all(per_layer == per_layer[0])
        assert per_layer[0] < 12
    assert 3.5 < plain[-1][0] / plain[-2][0] < 4.5
    assert gated[-1][0] / gated[-2][0] > 2**20


# ---- time --------------------------------------------------------------------------------------------------


def effort(n: int) -> tuple[int, int]:
    """The work of building the adjoint of n statements, and of simplifying it together with the value."""
    lines = [f" x{k + 1} = sin(x{k}) * W + x{max(k - 1, 0)}" for k in range(n)]
    program = paramprog.loads(
        "\n".join(["param W = 0.5", "function f(x0 = 0.3) {", *lines, f" return x{n}", "}"])
    )
    compiled = program.compiled()
    [y] = compiled.built.outputs.values()
    wrt = tuple(compiled.built.params.values())
    building = calls(lambda: compiled.gradient(y, wrt))
    gradient = compiled.gradient(y, wrt)
    return building, calls(lambda: simplify([y, *(a for a in gradient if a is not None)]))


@pytest.mark.slow
def test_simplification_is_linear() -> None:
    """16,000 statements: about the work of building the adjoint, and four times that for 4,000."""
    adjoints, simplified = effort(16_000)
    assert simplified < 3 * adjoints
    assert simplified < 4.5 * effort(4_000)[1]
