"""The gradient of straight lines of scalars is that of the adjoint graph, without the graph."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import arity

from paramprog import loads
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.graph import Graph, Node
from paramprog.op import OPS
from paramprog.scalars import scalar_adjoint
from paramprog.transfer.branches import branch
from paramprog.types import ShapeError, Type

ELEMENTWISE = sorted(name for name, op in OPS.items() if op.elementwise and name != "mask")
HARD = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -1.5, 3.0, 1e300, 1e-300, np.inf, -np.inf, np.nan]


@st.composite
def straight_lines(draw: Any) -> tuple[Node, dict[Node, Any]]:
    """A scalar made by any elementwise primitives of scalars and constants, often used again, at hard values."""
    graph = Graph()
    inputs: dict[Node, Any] = {
        graph.leaf(Type("real", ()), f"x{k}"): np.float64(draw(st.sampled_from(HARD) | st.floats(-3, 3)))
        for k in range(3)
    }
    inputs[graph.leaf(Type("int", ()), "i")] = np.int64(draw(st.integers(0, 3)))
    pool = list(inputs)
    for _ in range(draw(st.integers(1, 12))):
        op = OPS[draw(st.sampled_from(ELEMENTWISE))]
        number = st.sampled_from([0.0, 1.0, 2.0, 3.0, -1.0, 0.5])
        arguments = [
            draw(number) if k and draw(st.integers(0, 2)) == 0 else draw(st.sampled_from(pool))
            for k in range(arity(op))
        ]
        try:
            pool.append(op(*arguments, **(op.samples[0].attrs if op.samples else {})))
        except (ShapeError, TypeError):  # it wants other kinds, or another number of arguments
            continue
    reals = [n for n in pool if n.kind == "real"]
    output = reals[-1]
    for other in draw(st.lists(st.sampled_from(reals), max_size=2)):
        output = output + other
    return output, inputs


@given(drawn=straight_lines())
def test_the_gradient_of_scalars_on_numbers_is_that_of_the_adjoint_graph_to_the_bit(
    drawn: tuple[Node, dict[Node, Any]],
) -> None:
    """The same numbers, signs of zeros included, the same structural zeros, or the same error."""
    output, inputs = drawn
    wrt = [n for n in output.graph.nodes if n.kind == "real"]
    try:
        found = scalar_adjoint(output, wrt, inputs)
    except ProgramError as error:
        with pytest.raises(ProgramError, match=re.escape(str(error))):
            evaluate([output], inputs)
        return
    assert found is not None
    adjoints = adjoint(output, wrt)
    value, *expected = evaluate([output, *(n for n in adjoints if n is not None)], inputs)
    assert [g is None for g in found[1]] == [n is None for n in adjoints]
    for here, there in zip(
        [found[0], *(g for g in found[1] if g is not None)], [value, *expected], strict=True
    ):
        assert here == there or (np.isnan(here) and np.isnan(there)), f"{here!r} is not {there!r}"
        assert np.isnan(here) or np.signbit(here) == np.signbit(there)


def test_only_scalars_of_float64_are_differentiated_on_numbers() -> None:
    """Arrays, regions, base functions and float32 take the adjoint graph."""
    graph = Graph()
    x, a = graph.leaf(Type("real", ()), "x"), graph.leaf(Type("real", (2,)), "a")
    inputs = {x: np.float64(0.5), a: np.ones(2)}
    assert scalar_adjoint(OPS["sin"](x), [x], inputs) is not None
    assert scalar_adjoint(OPS["sum"](a, axes=(0,), sizes=(2,)) * x, [x], inputs) is None
    condition = OPS["greater"](x, 0.0)
    sides = [Graph(graph), Graph(graph)]
    chosen = branch(graph, condition, (sides[0], sides[1]), ([sides[0].own(x)], [sides[1].constant(1.0)]))[0]
    assert scalar_adjoint(chosen, [x], inputs) is None
    single = Graph(real="float32")
    y = single.leaf(Type("real", ()), "y")
    assert scalar_adjoint(OPS["sin"](y), [y], {y: np.float32(0.5)}) is None


def test_a_program_of_scalars_has_its_gradient_without_an_adjoint_graph() -> None:
    """`grad` makes none, and finds what the graph says; the value that is differentiated by may be any point."""
    program = loads("param w = 0.5\nfunction f(x = 0.3) { y = sin(x) * w + x; return y * y ** 2 + exp(-y) }")
    found = program.grad(wrt=["w", "x", "y"])
    compiled = program.compiled()
    assert not compiled.adjoints
    points = {**compiled.built.params, **compiled.built.inputs, **compiled.built.points}
    target = next(iter(compiled.built.outputs.values()))
    nodes = compiled.gradient(target, tuple(points[name] for name in found.gradients))
    leaves = program.point().leaves
    expected = evaluate([target, *(n for n in nodes if n is not None)], leaves)
    assert [found.value, *found.gradients.values()] == expected


def test_a_fault_in_a_line_has_its_place() -> None:
    """An operation without a value is told as when it is evaluated."""
    with pytest.raises(ProgramError, match="division-by-zero") as raised:
        loads("function f(x = 0.5, n: int = 0) { k = 7 // n; return x * k }").grad()
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.span is not None and diagnostic.span.text == "7 // n"
