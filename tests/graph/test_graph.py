"""The flow graph: emitting, ports, parts, invariants, printing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from paramprog.diagnostics import ProgramError, Source, Span
from paramprog.evaluate import evaluate
from paramprog.graph import Graph, Node, Result, cone, demand, execute, part, replay
from paramprog.graph.networks import to_networkx
from paramprog.op import OPS
from paramprog.transfer.branches import branch
from paramprog.types import ShapeError, Size, Type


def real(*shape: int) -> Type:
    return Type("real", shape)


def small() -> tuple[Graph, Node, Node]:
    """x * x + 1, its graph, leaf and result."""
    g = Graph()
    x = g.leaf(real(2), "x")
    return g, x, x * x + 1.0


def branching(lanes: bool = False) -> tuple[Graph, Node, Node]:
    """if x > 0 then sin(x) else x * y, with y = cos(x) outside."""
    g = Graph()
    x = g.leaf(real(3) if lanes else real(), "x")
    y = OPS["cos"](x)
    bodies = Graph(g, lane_rank=int(lanes)), Graph(g, lane_rank=int(lanes))
    results = (OPS["sin"](bodies[0].own(x)),), (bodies[1].own(x) * bodies[1].own(y),)
    (z,) = branch(g, OPS["greater"](x, 0.0), bodies, results)
    return g, x, z


# ---- emitting ----------------------------------------------------------------------------------------------


def test_numbers_become_constants_of_the_kind_beside_them():
    """2 beside a real is real, beside an int it is int; a broken number makes an int real."""
    g = Graph()
    x, n = g.leaf(real()), g.leaf(Type("int", ()))
    assert (x * 2).args[1].kind == "real"
    assert (2 * n).kind == "int"
    assert (n + 0.5).kind == "real"
    assert [a.op.name for a in (n + 0.5).args] == ["real", "full"]


def test_ints_are_converted_where_reals_are_wanted():
    """The conversion is a node, and nothing else is implicit."""
    g = Graph()
    n, c = g.leaf(Type("int", ())), g.leaf(Type("bool", ()))
    y = OPS["exp"](n)
    assert y.kind == "real"
    assert y.args[0].op is OPS["real"]
    for op in ("exp", "neg"):
        with pytest.raises(ShapeError, match="not a number"):
            OPS[op](c)


def test_scalars_are_spread_beside_arrays():
    """An explicit node, so that adjoints never guess; arrays of different shapes do not join."""
    g = Graph()
    x, s, other = g.leaf(real(2, 3)), g.leaf(real()), g.leaf(real(3))
    y = s * x
    assert y.args[0].op is OPS["spread"]
    assert y.args[0].args == (s,)
    assert y.shape == (2, 3)
    with pytest.raises(ShapeError, match=r"\[2, 3\] and \[3\] differ"):
        _ = x * other


def test_a_refused_call_leaves_the_result_out():
    """After a ShapeError the graph is still sound."""
    g = Graph()
    x, other = g.leaf(real(2)), g.leaf(real(3))
    with pytest.raises(ShapeError):
        _ = x + other
    g.check()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_constants_have_the_precision_of_the_graph(dtype: Any):
    """Literals, zeros, constants of every kind and shape."""
    g = Graph(real=dtype)
    made = [g.constant(0.1), g.constant(3, "real", (2,)), g.zeros(g.leaf(real(2, 2)))]
    for node, value in zip(made, evaluate(made, {}), strict=True):
        assert value.dtype == dtype
        assert value.shape == node.shape
    bools, ints = evaluate([g.constant(True), g.constant(7)], {})
    assert bools.dtype == np.bool_
    assert ints.dtype == np.int64


def test_converted_ints_have_the_precision_of_the_graph():
    """An int in a program of single precision does not make it double."""
    g = Graph(real="float32")
    n, x = g.leaf(Type("int", (2,))), g.leaf(real(2))
    (y,) = evaluate([n * x], {n: np.array([1, 2]), x: np.array([0.5, 1.5], np.float32)})
    assert y.dtype == np.float32


def test_spans_are_those_of_the_statement():
    """Every node made inside `at` comes from there, and the place before comes back after it."""
    g = Graph()
    source = Source("test.pp", "a + b")
    outer, inner = Span(source, 0, 5), Span(source, 0, 1)
    with g.at(outer):
        with g.at(inner):
            a = g.constant(1.0)
        b = g.constant(2.0)
    assert (a.span, b.span, g.constant(0.0).span) == (inner, outer, None)


# ---- bodies ------------------------------------------------------------------------------------------------


def test_own_finds_or_makes_the_port():
    """One port for a value, however often it is used; the node itself at home."""
    g = Graph()
    x = g.leaf(real(4), "x")
    body = Graph(g)
    inside = body.own(x)
    assert body.own(x) is inside
    assert body.own(inside) is inside
    assert g.own(x) is x
    assert (inside.name, inside.type) == ("x", x.type)
    assert body.ports[inside].outer is x
    assert body.ports[inside].kind == "free"


def test_own_goes_through_all_the_graphs_between():
    """A body in a body sees an outermost value through two ports."""
    g = Graph()
    x = g.leaf(real())
    middle = Graph(g)
    inner = Graph(middle)
    found = inner.own(x)
    between = inner.ports[found].outer
    assert between is middle.own(x)
    assert middle.ports[between].outer is x
    assert [h.depth for h in (g, middle, inner)] == [0, 1, 2]


def test_own_refuses_strangers():
    """A node of a graph that is not around this one."""
    with pytest.raises(ValueError, match="belongs to no graph around"):
        Graph().own(Graph().leaf(real()))


def test_ports_of_lanes_and_scans_lose_axes():
    """Per lane, an array enters as one entry; a scan enters as one row; an index is an int."""
    g = Graph()
    x = g.leaf(real(5, 2))
    assert Graph(g, lane_rank=1).own(x).shape == (2,)
    assert Graph(g, lane_rank=2).own(x).shape == ()
    assert Graph(g).port("scan", x).shape == (2,)
    assert Graph(g).port("index", None).type == Type("int", ())


def test_precision_is_that_of_the_outermost_graph():
    """A body cannot differ."""
    assert Graph(Graph(real="float32")).real == "float32"


def test_one_part_for_a_key():
    """A result or a history is taken out of a region once."""
    g, _, z = branching()
    region = z.args[0]
    assert part(region, Result(0)) is z
    inside = region.attrs["results"][0][0]
    assert part(region, inside) is part(region, inside)
    assert part(region, inside) is not z
    assert len(g.parts) == 2
    g.check()


# ---- invariants --------------------------------------------------------------------------------------------


def test_order_is_topological():
    """Nodes come after their arguments, in bodies too; `check` says so."""
    for graph in (small()[0], branching()[0], branching(lanes=True)[0]):
        graph.check()
        for n in graph.nodes:
            assert all(a.id < n.id for a in n.args)


def swap(g: Graph) -> None:
    g.nodes[0], g.nodes[-1] = g.nodes[-1], g.nodes[0]


def foreign(g: Graph) -> None:
    last = g.nodes[-1]
    last.args = (Graph().leaf(last.args[0].type), *last.args[1:])


def cyclic(g: Graph) -> None:
    last = g.nodes[-1]
    last.args = (last, *last.args[1:])


def mistyped(g: Graph) -> None:
    g.nodes[-1].results = (real(7),)


def adopted(g: Graph) -> None:
    g.nodes[-1].graph = Graph()


@pytest.mark.parametrize("corrupt", [swap, foreign, cyclic, mistyped, adopted], ids=lambda f: f.__name__)
def test_check_finds_corruption(corrupt: Any):
    """Order, ownership, types."""
    g, _, _ = small()
    corrupt(g)
    with pytest.raises(AssertionError, match="%"):
        g.check()


def test_check_looks_into_bodies_and_at_ports():
    """A mistake in an arm, or a port without an argument."""
    g, _, z = branching()
    mistyped(z.args[0].attrs["bodies"][1])
    with pytest.raises(AssertionError):
        g.check()
    g, _, z = branching()
    z.args[0].args = z.args[0].args[:-1]
    with pytest.raises(AssertionError, match="ports"):
        g.check()


def test_check_compares_static_sizes_with_shapes():
    """A reduction that speaks of a size its argument has not."""
    g = Graph()
    x = g.leaf(real(3))
    g.append(OPS["sum"], (x,), {"axes": (0,), "sizes": (4,)}, (real(),))
    with pytest.raises(ShapeError, match="4 and 3"):
        g.check()


def test_length_counts_bodies():
    """`len` is the size of the program, regions included."""
    g, _, z = branching()
    bodies = z.args[0].attrs["bodies"]
    assert len(g) == len(g.nodes) + sum(len(b.nodes) for b in bodies)


# ---- looking -----------------------------------------------------------------------------------------------


def test_print_of_a_node_is_short():
    """One that showed the arguments would be exponential in the graph."""
    g = Graph()
    x = g.leaf(real(), "x")
    for _ in range(100):
        x = x + x
    assert repr(x) == "%100:add"
    assert repr(g.nodes[0]) == "%0:x"


def test_print_of_a_graph():
    """A line a node; bodies are indented below their region."""
    assert str(small()[0]).splitlines() == [
        "%0 x = leaf() : real[2]",
        "%1 mul(%0, %0) : real[2]",
        "%2 full(value=1.0) : real",
        "%3 spread(%2, axes=(0,), sizes=(2,)) : real[2]",
        "%4 add(%1, %3) : real[2]",
    ]
    text = str(branching()[0])
    assert "\n    %1 sin(%0) : real\n" in text


def test_networkx():
    """One edge for each use, so x * x has two; edges from outside of the nodes given are left out."""
    g, x, y = small()
    drawing = to_networkx(g.nodes)
    square = y.args[0]
    assert drawing.number_of_nodes() == 5
    assert drawing.number_of_edges(x, square) == 2
    assert set(drawing[x][square]) == {0, 1}
    assert drawing.nodes[x] == {"label": "x", "op": "leaf", "shape": (2,)}
    assert drawing.nodes[square]["label"] == "mul"
    assert to_networkx(g.nodes[1:]).number_of_edges() == 3
    g.check()


# ---- running and copying -----------------------------------------------------------------------------------


def test_demand_is_what_the_roots_need():
    """Dead nodes are not in it, and of a region only the ports and results that are used."""
    g, x, y = small()
    dead = OPS["exp"](y)
    assert dead not in demand(g.nodes, [y])
    assert list(demand(g.nodes, [x])) == [x]
    g, x, z = branching()
    region = z.args[0]
    history = region.attrs["results"][0][0]
    only_sine = part(region, history)
    assert demand(g.nodes, [z])[region] == {Result(0)}
    assert demand(g.nodes, [only_sine, z])[region] == {Result(0), history}
    cosine = next(n for n in g.nodes if n.op.name == "cos")
    assert cosine in demand(g.nodes, [z])
    assert cosine not in demand(g.nodes, [only_sine])


def test_a_cone_has_every_argument():
    """What a copy needs: also what no live part of a region uses."""
    g, _, z = branching()
    region = z.args[0]
    only_sine = part(region, region.attrs["results"][0][0])
    cosine = next(n for n in g.nodes if n.op.name == "cos")
    assert cosine in cone(g.nodes, [only_sine])
    dead = OPS["exp"](z)
    assert dead not in cone(g.nodes, [z])


@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_copy_computes_the_same(shape: tuple):
    """Of scalars as they are, and as arrays: the branch becomes one per lane, its bodies are shared."""
    g, x, z = branching()
    other = Graph()
    leaf = other.leaf(real(*shape))
    env = replay(g.nodes, {x: leaf}, other)
    other.check()
    at = np.array([0.5, -1.0, 2.0]) if shape else np.float64(-1.0)
    (found,) = evaluate([env[z]], {leaf: at})
    np.testing.assert_allclose(found, np.where(at > 0, np.sin(at), at * np.cos(at)), rtol=1e-15)
    assert env[z].args[0].attrs["bodies"] is z.args[0].attrs["bodies"]


UNEVEN = [[np.ones(1), np.ones(2)], np.ones((2, 3))]
"""A history whose turns have different shapes, one turn of which is such a history itself."""


def test_elementwise_operations_on_uneven_histories():
    """They are done turn by turn."""
    g = Graph()
    x = g.leaf(real(Size(), Size(), Size()))
    y = x + x
    (first, second), third = execute(demand(g.nodes, [y]), {x: UNEVEN})[y]
    assert [*first, *second] == [2.0, 2.0, 2.0]
    np.testing.assert_array_equal(np.asarray(third), np.full((2, 3), 2.0))


def test_other_operations_on_uneven_histories():
    """They are refused, at their place."""
    g = Graph()
    x = g.leaf(real(Size(), Size(), Size()))
    with g.at(Span(Source("test.pp", "y = sum(x)"), 4, 10)):
        y = OPS["sum"](x, axes=(1, 2), sizes=x.shape[1:])
    with pytest.raises(ProgramError) as refused:
        evaluate([y], {x: UNEVEN})
    (found,) = refused.value.diagnostics
    assert (found.code, found.span and found.span.text) == ("not-built", "sum(x)")


def test_zeros_of_a_shape_that_a_run_tells():
    """They have its entries, and so has what is true everywhere; a constant would have none."""
    g = Graph()
    x = g.leaf(real(Size(), 2))
    at = np.array([[1.0, np.nan], [np.inf, 0.0], [2.0, 3.0]])
    zeros, nowhere, everywhere = evaluate([g.zeros(x), g.zeros(x, "bool"), g.everywhere(x)], {x: at})
    np.testing.assert_array_equal(zeros, np.zeros((3, 2)))
    assert nowhere.shape == everywhere.shape == (3, 2)
    assert not nowhere.any()
    assert everywhere.all()
