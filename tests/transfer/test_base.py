"""Base functions: primitives that a program defines, with partials derived from the body or given by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from oracles import differences

from paramprog.evaluate import evaluate, trace
from paramprog.gradient import adjoint, plain_or_none, pulled, tangent
from paramprog.graph import Graph, Node
from paramprog.op import OPS
from paramprog.transfer.base import Body, base_op
from paramprog.transfer.branches import branch
from paramprog.types import Type

SCALAR = Type("real", ())


def base(name: str, count: int, f: Callable[..., Node]) -> Any:
    """The primitive of `f`, its partials derived."""
    graph = Graph()
    arguments = tuple(graph.leaf(SCALAR, f"a{k}") for k in range(count))
    result = graph.own(f(*arguments))
    body = Body(graph, arguments, result)
    body.partials = adjoint(result, arguments)
    return base_op(name, "a test", body)


def gated(a: Node, q: Node) -> Node:
    return OPS["tanh"](a) * q


def guarded(a: Node) -> Node:
    """if a > 0 then log(a) else 0."""
    bodies = Graph(a.graph), Graph(a.graph)
    taken = OPS["log"](bodies[0].own(a))
    return branch(a.graph, OPS["greater"](a, 0.0), bodies, ((taken,), (bodies[1].constant(0.0),)))[0]


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_values_and_both_modes(shape: tuple):
    """One node in the graph; elementwise on any shape; first and second derivatives."""
    op = base("f0", 2, gated)
    g = Graph()
    a, q, t = (g.leaf(Type("real", shape)) for _ in range(3))
    y = op(a, q)
    assert (y.op, len(g.nodes)) == (op, 4)
    rng = np.random.default_rng(0)
    at = {n: rng.standard_normal(shape) for n in (a, q, t)}
    np.testing.assert_allclose(evaluate([y], at)[0], np.tanh(at[a]) * at[q], rtol=1e-15)
    da, dq = adjoint(y, [a, q], g.constant(1.0, "real", shape))
    slope = 1 / np.cosh(at[a]) ** 2
    np.testing.assert_allclose(evaluate([da], at)[0], slope * at[q], rtol=1e-14)
    np.testing.assert_allclose(evaluate([dq], at)[0], np.tanh(at[a]), rtol=1e-14)
    np.testing.assert_allclose(evaluate([tangent(y, {a: t})], at)[0], slope * at[q] * at[t], rtol=1e-14)
    np.testing.assert_allclose(
        evaluate([tangent(da, {a: t})], at)[0], -2 * slope * np.tanh(at[a]) * at[q] * at[t], rtol=1e-13
    )
    ran = trace([y], at)
    facts = pulled(ran.nodes, ran.values, y, np.ones(shape))
    np.testing.assert_allclose(plain_or_none(facts[a]), slope * at[q], rtol=1e-14)
    g.check()


@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_branch_in_a_base_function(shape: tuple):
    """Written for a scalar, it becomes a branch per lane: the guarded logarithm has no NaN in any order."""
    op = base("safe_log", 1, guarded)
    g = Graph()
    x = g.leaf(Type("real", shape))
    y = op(x)
    for at in (np.array([-1.0, 0.0, 2.0]),) if shape else map(np.float64, (-1.0, 0.0, 2.0)):
        with np.errstate(all="ignore"):
            expected = [np.where(at > 0, v, 0.0) for v in (np.log(at), 1 / at, -1 / at**2)]
        ran = trace([y], {x: at})
        facts = pulled(ran.nodes, ran.values, y, np.ones(shape))
        np.testing.assert_array_equal(ran.values[y], expected[0])
        np.testing.assert_array_equal(plain_or_none(facts[x]), expected[1])
        node = y
        for order in range(3):
            np.testing.assert_array_equal(evaluate([node], {x: at})[0], expected[order])
            (node,) = adjoint(node, [x], g.constant(1.0, "real", shape))
        assert not np.any(np.isnan(evaluate([node], {x: at})[0]))
    g.check()


def test_constants_fill_the_shape():
    """A body, or a partial, that does not depend on its arguments."""
    flat = base("flat", 1, lambda a: a.graph.constant(3.0))
    double = base("double", 1, lambda a: a + a)
    g = Graph()
    x = g.leaf(Type("real", (2,)))
    at = {x: np.array([1.0, 5.0])}
    np.testing.assert_array_equal(evaluate([flat(x)], at)[0], [3, 3])
    assert adjoint(flat(x), [x], g.constant(1.0, "real", (2,))) == [None]
    (d,) = adjoint(double(x), [x], g.constant(1.0, "real", (2,)))
    np.testing.assert_array_equal(evaluate([d], at)[0], [2, 2])
    g.check()


def test_base_functions_in_base_functions():
    """The body of one calls another."""
    inner = base("inner", 1, lambda a: OPS["sin"](a) * a)
    outer = base("outer", 2, lambda a, b: inner(a * b) + inner(b))
    g = Graph()
    a, b = g.leaf(SCALAR), g.leaf(SCALAR)
    y = outer(a, b)
    at = {a: np.float64(0.7), b: np.float64(-1.3)}
    for x, d in zip((a, b), adjoint(y, [a, b]), strict=True):
        slope = differences(lambda v, x=x: evaluate([y], {**at, x: v})[0], at[x])
        np.testing.assert_allclose(evaluate([d], at)[0], slope, rtol=1e-9)


def test_partials_given_by_hand_are_taken_as_given():
    """`derivative (..)` is believed (verification checks it); without partials there is no gradient."""
    graph = Graph()
    a = graph.leaf(SCALAR)
    body = Body(graph, (a,), OPS["sin"](a))
    op = base_op("wrong", "a test", body)
    g = Graph()
    x = g.leaf(SCALAR)
    with pytest.raises(ValueError, match="partials of wrong"):
        adjoint(op(x), [x])
    body.partials = [graph.constant(42.0)]
    (d,) = adjoint(op(x), [x])
    assert evaluate([d], {x: np.float64(0.0)}) == [42.0]
    body.partials = [None]
    assert adjoint(op(x), [x]) == [None]
