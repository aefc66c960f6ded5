"""Evaluation of what is needed, and the executed trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from strategies.graphs import Drawn, graphs

from paramprog.diagnostics import ProgramError, Source, Span
from paramprog.evaluate import evaluate, trace
from paramprog.graph import PART, Graph, Node, Region
from paramprog.op import OPS
from paramprog.transfer.branches import branch, mapped
from paramprog.types import Type


def real(*shape: int) -> Type:
    return Type("real", shape)


def picky(lanes: bool = False) -> tuple[Graph, Node, Node, Node]:
    """if i < 3 then x[i] else 0: outside of the range, the index is not used."""
    g = Graph()
    x, i = g.leaf(real(3), "x"), g.leaf(Type("int", ()), "i")
    bodies = Graph(g), Graph(g)
    taken = OPS["gather"](bodies[0].own(x), bodies[0].own(i), axis=0, size=3)
    (y,) = branch(g, OPS["less"](i, 3), bodies, ((taken,), (bodies[1].constant(0.0),)))
    return g, x, i, y


def test_only_what_is_needed_is_computed():
    """An operation without a value does no harm where nothing depends on it, nor does a missing input."""
    g = Graph()
    x, i = g.leaf(real(3)), g.leaf(Type("int", ()))
    y = OPS["sin"](x)
    OPS["gather"](x, i, axis=0, size=3)
    np.testing.assert_array_equal(evaluate([y], {x: np.zeros(3)})[0], np.zeros(3))
    assert evaluate([], {}) == []


def test_a_missing_input_is_named():
    """A leaf that is needed and was given no value."""
    g = Graph()
    x = g.leaf(real(3))
    with pytest.raises(ValueError, match=r"real\[3\] was given no value"):
        evaluate([OPS["sin"](x)], {})


@pytest.mark.parametrize("run", [lambda y, at: evaluate([y], at), lambda y, at: trace([y], at)])
def test_a_fault_has_its_place(run: Any):
    """The diagnostic points at the operation that has no value."""
    g = Graph()
    x, i = g.leaf(real(3)), g.leaf(Type("int", ()))
    span = Span(Source("test.pp", "x[i]"), 0, 4)
    with g.at(span):
        y = OPS["gather"](x, i, axis=0, size=3)
    with pytest.raises(ProgramError) as caught:
        run(y, {x: np.zeros(3), i: np.int64(5)})
    (found,) = caught.value.diagnostics
    assert (found.code, found.span) == ("index-range", span)


@pytest.mark.parametrize("index", [1, 3, -1])
def test_the_side_not_taken_is_not_evaluated(index: int):
    """In values and in traces; on the side taken, the fault is there."""
    _, x, i, y = picky()
    at = {x: np.array([1.0, 2.0, 3.0]), i: np.int64(index)}
    if index < 0:
        with pytest.raises(ProgramError):
            evaluate([y], at)
        with pytest.raises(ProgramError):
            trace([y], at)
        return
    expected = [1.0, 2.0, 3.0, 0.0][index]
    assert evaluate([y], at) == [expected]
    ran = trace([y], at)
    assert ran.values[ran.of[y]] == expected


def test_no_warnings_for_what_is_diagnosed_later():
    """Infinities and NaNs are values; NumPy is not asked for its opinion."""
    g = Graph()
    x = g.leaf(real(2))
    with np.errstate(all="raise"):
        (y,) = evaluate([OPS["log"](x)], {x: np.array([-1.0, 0.0])})
        trace([OPS["log"](x)], {x: np.array([-1.0, 0.0])})
    assert np.isnan(y[0])
    assert np.isneginf(y[1])


# ---- traces ------------------------------------------------------------------------------------------------


def test_the_trace_of_a_flat_graph_is_what_was_needed():
    """The very nodes, without what is dead."""
    g = Graph()
    x = g.leaf(real())
    y = OPS["sin"](x)
    dead = OPS["exp"](x)
    ran = trace([y], {x: np.float64(0.5)})
    assert list(ran.nodes) == [x, y]
    assert ran.of[y] is y
    assert dead not in ran.of
    assert dead in trace([y], {x: np.float64(0.5)}, keep=[dead]).of


def test_the_trace_of_a_branch_is_the_side_taken():
    """Its operations with their names, and not those of the other side."""
    g = Graph()
    x = g.leaf(real(), "x")
    bodies = Graph(g), Graph(g)
    a, b = OPS["sin"](bodies[0].own(x)), OPS["cos"](bodies[1].own(x))
    a.name, b.name = "A", "B"
    (y,) = branch(g, OPS["greater"](x, 0.0), bodies, ((a,), (b,)))
    y.name = "Y"
    before = len(g)
    for at, name, op in ((0.5, "A", "sin"), (-0.5, "B", "cos")):
        ran = trace([y], {x: np.float64(at)})
        made = ran.of[y]
        assert (made.name, made.op.name) == (name, op)
        assert {n.op.name for n in ran.nodes} == {"leaf", "full", "greater", op}
    assert len(g) == before


def test_the_trace_of_lanes_has_both_sides_on_their_lanes():
    """compress, the arm on its lanes, expand, and the sum of both; one side alone runs on whole arrays."""
    g = Graph()
    x = g.leaf(real(3), "x")
    bodies = Graph(g, lane_rank=1), Graph(g, lane_rank=1)
    results = ((OPS["log"](bodies[0].own(x)),), (bodies[1].constant(7.0),))
    (y,) = branch(g, OPS["greater"](x, 0.0), bodies, results)
    ran = trace([y], {x: np.array([1.0, -1.0, np.e])})
    np.testing.assert_array_equal(ran.values[ran.of[y]], [0, 7, 1])
    logs = [n for n in ran.nodes if n.op.name == "log"]
    assert [n.shape for n in logs] == [(2,)]
    whole = trace([y], {x: np.ones(3)})
    assert not {"compress", "expand"} & {n.op.name for n in whole.nodes}
    np.testing.assert_array_equal(whole.values[whole.of[y]], np.zeros(3))
    none = trace([y], {x: -np.ones(3)})
    np.testing.assert_array_equal(none.values[none.of[y]], np.full(3, 7.0))


def test_lanes_of_an_empty_array():
    """No lanes, no operations, an empty result."""
    g = Graph()
    x = g.leaf(real(0))
    bodies = Graph(g, lane_rank=1), Graph(g, lane_rank=1)
    results = ((OPS["log"](bodies[0].own(x)),), (bodies[1].own(x),))
    (y,) = branch(g, OPS["greater"](x, 0.0), bodies, results)
    assert evaluate([y], {x: np.zeros(0)})[0].shape == (0,)
    ran = trace([y], {x: np.zeros(0)})
    assert ran.values[ran.of[y]].shape == (0,)


@pytest.mark.parametrize("kind", ["bool", "int"])
def test_lanes_of_other_kinds(kind: Any):
    """Branches give ints and bools as well as reals."""
    g = Graph()
    c, a, b = g.leaf(Type("bool", (3,))), g.leaf(Type(kind, (3,))), g.leaf(Type(kind, (3,)))
    bodies = Graph(g, lane_rank=1), Graph(g, lane_rank=1)
    (y,) = branch(g, c, bodies, ((bodies[0].own(a),), (bodies[1].own(b),)))
    at = {c: np.array([True, False, True]), a: np.array([1, 1, 0]), b: np.array([0, 1, 1])}
    at = {k: v.astype(bool) if k.kind == "bool" else v for k, v in at.items()}
    expected = np.where(at[c], at[a], at[b])
    (found,) = evaluate([y], at)
    ran = trace([y], at)
    for value in (found, ran.values[ran.of[y]]):
        np.testing.assert_array_equal(value, expected)
        assert value.dtype == expected.dtype


@given(graphs())
def test_the_trace_computes_what_evaluation_computes(drawn: Drawn):
    """On random graphs: same value, no regions, a sound graph, and the program untouched."""
    before = len(drawn.graph)
    ran = trace([drawn.output], drawn.inputs, keep=drawn.leaves)
    (value,) = evaluate([drawn.output], drawn.inputs)
    np.testing.assert_array_equal(ran.values[ran.of[drawn.output]], value)
    assert not any(isinstance(n.op, Region) or n.op is PART for n in ran.nodes)
    assert len(drawn.graph) == before
    seen: set[Node] = set()
    for n in ran.nodes:
        assert seen.issuperset(n.args)
        seen.add(n)
        assert np.shape(ran.values[n]) == n.shape


def test_an_array_as_long_as_the_lanes_may_be_the_entry_of_each():
    """[x for i in 0..2] with x of two entries is a matrix, also in the trace."""
    g = Graph()
    x = g.leaf(real(2), "x")
    body = Graph(g, lane_rank=1, shared=True)
    (rows,) = mapped(g, (2,), body, [x])
    run = trace([rows], {x: np.array([1.0, 2.0])})
    np.testing.assert_array_equal(run.values[run.of[rows]], [[1.0, 2.0], [1.0, 2.0]])
