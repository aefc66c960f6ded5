"""The gradient analysis: meets, structural zeros, branches, all mixes of modes, random graphs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import differences
from strategies.graphs import Drawn, graphs

from paramprog.diagnostics import Source, Span
from paramprog.evaluate import evaluate, trace
from paramprog.gradient import adjoint, between, plain_or_none, pulled, pushed, tangent
from paramprog.graph import Graph, Node
from paramprog.op import OPS
from paramprog.transfer.branches import branch
from paramprog.transfer.facts import Masked
from paramprog.types import Type


def real(*shape: int) -> Type:
    return Type("real", shape)


def total(x: Node) -> Node:
    return OPS["sum"](x, axes=tuple(range(len(x.shape))), sizes=x.shape)


def by_numbers(output: Node, wrt: list[Node], inputs: dict[Node, Any]) -> list[Any]:
    """The gradient by the analysis on the numbers of the executed trace."""
    ran = trace([output], inputs, keep=wrt)
    facts = pulled(ran.nodes, ran.values, ran.of[output], np.ones(output.shape))
    return [plain_or_none(facts[ran.of[x]]) for x in wrt]


def by_nodes(output: Node, wrt: list[Node], inputs: dict[Node, Any]) -> list[Any]:
    """The gradient by the adjoint graph."""
    found = adjoint(output, wrt)
    output.graph.check()
    values = iter(evaluate([a for a in found if a is not None], inputs))
    return [None if a is None else next(values) for a in found]


# ---- the meet ----------------------------------------------------------------------------------------------


def test_weight_sharing_is_the_meet():
    """Pingali's running example: B is used twice, so v_B is a sum, and d/dW0 = v_A P."""
    g = Graph()
    W0, W1, W2, P, Q = (g.leaf(real(), n) for n in ("W0", "W1", "W2", "P", "Q"))
    B = OPS["tanh"](W0 * P) * Q
    E, F = OPS["sin"](W1 * B), OPS["sigmoid"](W2 * B)
    R = E * F
    at = dict(zip((W0, W1, W2, P, Q), map(np.float64, (0.5, -1.2, 0.8, 0.3, 0.7)), strict=True))
    b = np.tanh(0.15) * 0.7
    s, e = 1 / (1 + np.exp(-0.8 * b)), np.sin(-1.2 * b)
    v_B = np.cos(-1.2 * b) * s * -1.2 + e * s * (1 - s) * 0.8
    expected = [
        v_B * 0.7 / np.cosh(0.15) ** 2 * 0.3,
        np.cos(-1.2 * b) * s * b,
        e * s * (1 - s) * b,
        v_B,
    ]
    for found in (by_nodes(R, [W0, W1, W2, B], at), by_numbers(R, [W0, W1, W2, B], at)):
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_a_value_used_twice_by_one_operation():
    """x * x has two edges, so the gradient is 2x; x - x has a gradient of 0 that is no structural zero."""
    g = Graph()
    x = g.leaf(real())
    for mode in (by_nodes, by_numbers):
        assert mode(x * x, [x], {x: np.float64(3.0)}) == [6.0]
        assert mode(x - x, [x], {x: np.float64(3.0)}) == [0.0]


def test_the_ladder_of_diamonds():
    """y = y + y, 200 times: 2**200 paths, their sum exact, in as many nodes as there are rungs."""
    g = Graph()
    x = g.leaf(real())
    y = x
    for _ in range(200):
        y = y + y
    assert by_numbers(y, [x], {x: np.float64(1.0)}) == [2.0**200]
    before = len(g)
    assert by_nodes(y, [x], {x: np.float64(1.0)}) == [2.0**200]
    assert len(g) - before <= 201


def test_a_recurrence_shares_its_weights():
    """h = tanh(W h + b), unrolled: weight gradients are sums over the turns."""
    g = Graph()
    W, b, h0 = g.leaf(real(3, 3), "W"), g.leaf(real(3), "b"), g.leaf(real(3), "h0")
    h = h0
    for _ in range(4):
        h = OPS["tanh"](OPS["contract"](W, h, spec="ij,j->i", sizes=()) + b)
    out = total(h * h)
    rng = np.random.default_rng(0)
    at = {n: rng.standard_normal(n.shape) for n in (W, b, h0)}

    def run(W: Any, b: Any, h: Any) -> Any:
        for _ in range(4):
            h = np.tanh(W @ h + b)
        return np.sum(h * h)

    for k, found in enumerate(by_nodes(out, [W, b, h0], at)):
        xs = list(at.values())
        expected = differences(lambda t, k=k, xs=xs: run(*xs[:k], t, *xs[k + 1 :]), xs[k])
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


# ---- boundaries --------------------------------------------------------------------------------------------


def test_the_output_is_its_own_adjoint():
    """v_output = 1, and points of the inside are as good as inputs."""
    g = Graph()
    x = g.leaf(real())
    y = OPS["exp"](x)
    z = y * y
    assert by_nodes(z, [z, y], {x: np.float64(0.0)}) == [1.0, 2.0]


def test_what_does_not_reach_the_output_is_a_structural_zero():
    """None, and no node is made for it: not a zero that might meet an infinity later."""
    g = Graph()
    x, other = g.leaf(real()), g.leaf(real())
    late = OPS["exp"](other)
    y = OPS["sin"](x)
    cut = y * OPS["floor"](other) + OPS["stop"](other)
    assert adjoint(y, [other, late]) == [None, None]
    assert adjoint(cut, [other]) == [None]
    assert tangent(y, {other: g.constant(1.0)}) is None
    assert tangent(cut, {other: g.constant(1.0)}) is None
    assert by_numbers(cut, [other], {x: np.float64(1.0), other: np.float64(2.5)}) == [None]


def test_a_zero_seed_is_not_a_structural_zero():
    """A cotangent that happens to be 0 meets what is there: 0 * inf is NaN, as in any arithmetic."""
    g = Graph()
    x, seed = g.leaf(real()), g.leaf(real())
    (a,) = adjoint(OPS["log"](x), [x], seed)
    with np.errstate(all="ignore"):
        assert np.isnan(evaluate([a], {x: np.float64(0.0), seed: np.float64(0.0)})[0])


def test_products_with_a_cotangent():
    """With a seed of the output's shape, the result is J^T seed; its transpose is the tangent."""
    g = Graph()
    x, u, t = g.leaf(real(3)), g.leaf(real(2)), g.leaf(real(3))
    A = np.arange(6.0).reshape(2, 3)
    W = g.leaf(real(2, 3))
    y = OPS["contract"](W, OPS["square"](x), spec="ij,j->i", sizes=())
    at = {x: np.array([1.0, -2.0, 3.0]), u: np.array([0.5, 2.0]), t: np.array([1.0, 1.0, -1.0]), W: A}
    J = A * 2 * at[x]
    (back,) = adjoint(y, [x], u)
    np.testing.assert_allclose(evaluate([back], at)[0], at[u] @ J)
    np.testing.assert_allclose(evaluate([tangent(y, {x: t})], at)[0], J @ at[t])


def test_only_the_nodes_between_are_looked_at():
    """`between` is what is after some start and before some end; the adjoint costs no more than these."""
    g = Graph()
    x, other = g.leaf(real()), g.leaf(real())
    a = OPS["sin"](x)
    b = OPS["sin"](other)
    c = a * b
    dead = OPS["exp"](c)
    assert between(g.nodes, [x], [c]) == [x, a, c]
    assert between(g.nodes, [x], [other]) == []
    assert between(g.nodes, [a, other], [dead]) == [other, a, b, c, dead]


def test_int_arguments_have_structural_zeros():
    """An int that is used as a real is not differentiated, nor an index."""
    g = Graph()
    x, n = g.leaf(real(3)), g.leaf(Type("int", ()))
    y = OPS["gather"](x, n, axis=0, size=3) * n
    at = {x: np.array([1.0, 2.0, 4.0]), n: np.int64(2)}
    for mode in (by_nodes, by_numbers):
        dx, dn = mode(y, [x, n], at)
        np.testing.assert_array_equal(dx, [0, 0, 2])
        assert dn is None


def test_adjoint_nodes_carry_the_place_they_came_from():
    """A node of the adjoint has the span of the operation that it differentiates."""
    g = Graph()
    x = g.leaf(real())
    span = Span(Source("test.pp", "sin(x)"), 0, 6)
    with g.at(span):
        y = OPS["sin"](x)
    before = len(g.nodes)
    adjoint(y, [x])
    made = [n for n in g.nodes[before:] if n.op.name != "full"]
    assert made
    assert all(n.span is span for n in made)


def test_the_adjoint_grows_linearly():
    """Ten times the program, ten times the adjoint; and the second derivative is a constant factor more."""
    sizes = []
    for n in (20, 200):
        g = Graph()
        x = g.leaf(real())
        y = x
        for _ in range(n):
            y = OPS["sin"](y) * y
        (d,) = adjoint(y, [x])
        adjoint(d, [x])
        sizes.append(len(g))
    assert sizes[1] <= 10.5 * sizes[0]


# ---- branches ----------------------------------------------------------------------------------------------

Arm = Callable[[Graph], Node]


def choose(condition: Node, then: Arm, other: Arm) -> Node:
    """`if condition then ... else ...`, per lane when the condition is an array."""
    g: Graph = condition.graph
    bodies = (Graph(g, lane_rank=len(condition.shape)), Graph(g, lane_rank=len(condition.shape)))
    return branch(g, condition, bodies, ((then(bodies[0]),), (other(bodies[1]),)))[0]


def positive(x: Node) -> Node:
    return OPS["greater"](x, 0.0)


def log_inside(x: Node) -> Node:
    """if x > 0 then log(x) else 0."""
    return choose(positive(x), lambda b: OPS["log"](b.own(x)), lambda b: b.constant(0.0))


def log_outside(x: Node) -> Node:
    """A = log(x); if x > 0 then A else 0."""
    A = OPS["log"](x)
    return choose(positive(x), lambda b: b.own(A), lambda b: b.constant(0.0))


def log_far_outside(x: Node) -> Node:
    """The guard comes several operations after the logarithm."""
    A = OPS["sqrt"](OPS["log"](x) + 5.0) * x
    return choose(positive(x), lambda b: b.own(A) * b.own(x), lambda b: b.constant(0.0))


def both_arms(x: Node) -> Node:
    """if x > 0 then x log(x) else exp(x)."""
    return choose(
        positive(x),
        lambda b: OPS["log"](b.own(x)) * b.own(x),
        lambda b: OPS["exp"](b.own(x)),
    )


def nested(x: Node) -> Node:
    """if x > 0 then (if x > 1 then log(x) else sqrt(x)) else x * x, with x's square computed outside."""
    square = x * x

    def inner(b: Graph) -> Node:
        inside = b.own(x)
        return choose(
            OPS["greater"](inside, 1.0),
            lambda c: OPS["log"](c.own(inside)),
            lambda c: OPS["sqrt"](c.own(inside)),
        )

    return choose(positive(x), inner, lambda b: b.own(square))


def in_sequence(x: Node) -> Node:
    """The result of one branch guards and feeds another."""
    y = log_inside(x)
    return choose(
        OPS["less"](y, 0.0),
        lambda b: OPS["square"](b.own(y)) + b.own(x),
        lambda b: OPS["sqrt"](b.own(y) + 1.0) * b.own(y),
    )


GUARDED: dict[Callable[[Node], Node], list[Callable[[float], float]]] = {
    log_inside: [
        lambda x: np.log(x) if x > 0 else 0.0,
        lambda x: 1 / x if x > 0 else 0.0,
        lambda x: -1 / x**2 if x > 0 else 0.0,
    ],
    log_outside: [
        lambda x: np.log(x) if x > 0 else 0.0,
        lambda x: 1 / x if x > 0 else 0.0,
        lambda x: -1 / x**2 if x > 0 else 0.0,
    ],
    log_far_outside: [
        lambda x: np.sqrt(np.log(x) + 5) * x**2 if x > 0 else 0.0,
        lambda x: x / (2 * np.sqrt(np.log(x) + 5)) + 2 * x * np.sqrt(np.log(x) + 5) if x > 0 else 0.0,
        lambda x: (
            (r := np.sqrt(np.log(x) + 5)) and (1 / (2 * r) - 1 / (4 * r**3) + 1 / r + 2 * r) if x > 0 else 0.0
        ),
    ],
    both_arms: [
        lambda x: x * np.log(x) if x > 0 else np.exp(x),
        lambda x: np.log(x) + 1 if x > 0 else np.exp(x),
        lambda x: 1 / x if x > 0 else np.exp(x),
    ],
    nested: [
        lambda x: np.log(x) if x > 1 else np.sqrt(x) if x > 0 else x * x,
        lambda x: 1 / x if x > 1 else 0.5 / np.sqrt(x) if x > 0 else 2 * x,
        lambda x: -1 / x**2 if x > 1 else -0.25 * x**-1.5 if x > 0 else 2.0,
    ],
    in_sequence: [
        lambda x: 0.0 if x <= 0 else np.log(x) ** 2 + x if x < 1 else np.sqrt(np.log(x) + 1) * np.log(x),
        lambda x: (
            0.0
            if x <= 0
            else 2 * np.log(x) / x + 1
            if x < 1
            else (0.5 * np.log(x) / np.sqrt(np.log(x) + 1) + np.sqrt(np.log(x) + 1)) / x
        ),
    ],
}
POINTS = np.array([-1.0, 0.0, -0.0, 2.0, 0.5, -300.0, 1.5])

guarded = pytest.mark.parametrize("f", GUARDED, ids=lambda f: f.__name__)
lanes = pytest.mark.parametrize("as_lanes", [True, False], ids=["lanes", "scalar"])


def points(as_lanes: bool) -> list[Any]:
    return [POINTS] if as_lanes else [np.asarray(x) for x in POINTS]


@guarded
@lanes
@pytest.mark.parametrize("modes", ["", "r", "f", "rr", "rf", "fr", "ff", "rrr", "ffr", "rff"])
def test_guarded_functions_in_every_order_and_mix(f: Callable[[Node], Node], as_lanes: bool, modes: str):
    """What is not selected does not exist: no NaN in any order and mix of modes (the innermost first)."""
    for at in points(as_lanes):
        g = Graph()
        x = g.leaf(real(*at.shape))
        y: Node | None = f(x)
        for mode in modes:
            assert y is not None
            if mode == "f":
                y = tangent(y, {x: g.constant(1.0, "real", at.shape)})
            else:
                (y,) = adjoint(total(y), [x])
        g.check()
        (found,) = evaluate([y], {x: at})
        assert not np.any(np.isnan(found))
        if len(modes) < len(GUARDED[f]):
            with np.errstate(all="ignore"):
                expected = [GUARDED[f][len(modes)](v) for v in np.ravel(at)]
            np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-13, atol=1e-14)


@guarded
@lanes
def test_guarded_functions_on_numbers(f: Callable[[Node], Node], as_lanes: bool):
    """The same from the trace: forward and reverse on the operations that ran."""
    for at in points(as_lanes):
        g = Graph()
        x = g.leaf(real(*at.shape))
        y = f(x)
        ran = trace([y], {x: at}, keep=[x])
        np.testing.assert_array_equal(ran.values[ran.of[y]], evaluate([y], {x: at})[0])
        backward = pulled(ran.nodes, ran.values, ran.of[y], np.ones(at.shape))[ran.of[x]]
        forward = pushed(ran.nodes, ran.values, {ran.of[x]: np.ones(at.shape)}).get(ran.of[y])
        with np.errstate(all="ignore"):
            expected = [GUARDED[f][1](v) for v in np.ravel(at)]
        for fact in (backward, forward):
            value = np.zeros(at.shape) if fact is None else plain_or_none(fact)
            np.testing.assert_allclose(np.ravel(value), expected, rtol=1e-13, atol=1e-14)


def test_unselected_lanes_are_masked_facts():
    """The fact at the input of a guarded log says which lanes are structural zeros."""
    g = Graph()
    x = g.leaf(real(3))
    y = log_outside(x)
    ran = trace([y], {x: np.array([-1.0, 0.0, 2.0])}, keep=[x])
    fact = pulled(ran.nodes, ran.values, ran.of[y], np.ones(3))[ran.of[x]]
    assert isinstance(fact, Masked)
    np.testing.assert_array_equal(fact.lanes, [False, False, True])
    np.testing.assert_array_equal(fact.value, [0, 0, 0.5])


def test_masks_survive_spreading_and_sums():
    """A scalar under lanes that are all unselected, and rows of which some are selected."""
    g = Graph()
    s, x = g.leaf(real()), g.leaf(real(2, 2))
    rows = OPS["logsumexp"](OPS["log"](x) * OPS["log"](s), axes=(1,), sizes=(2,))
    flags = g.leaf(Type("bool", (2,)))
    y = choose(flags, lambda b: b.own(rows), lambda b: b.constant(0.0))
    at = {s: np.float64(0.0), x: np.array([[1.0, 2.0], [-1.0, 0.0]]), flags: np.array([False, False])}
    for mode in (by_nodes, by_numbers):
        ds, dx = mode(total(y), [s, x], at)
        assert ds is None or ds == 0
        assert dx is None or not np.any(dx)
    at[s], at[flags] = np.float64(3.0), np.array([True, False])
    for mode in (by_nodes, by_numbers):
        ds, dx = mode(total(y), [s, x], at)
        l = np.log(2.0) * np.log(3.0)
        share = np.exp(l) / (1 + np.exp(l))
        np.testing.assert_allclose(ds, share * np.log(2.0) / 3.0, rtol=1e-13)
        np.testing.assert_allclose(
            dx, [[(1 - share) * np.log(3.0), share * np.log(3.0) / 2], [0, 0]], rtol=1e-13
        )


@lanes
def test_a_constant_arm_has_no_gradient(as_lanes: bool):
    """Both arms constant: a structural zero. One: the lanes of the other."""
    g = Graph()
    x = g.leaf(real(2) if as_lanes else real())
    flat = choose(positive(x), lambda b: b.constant(1.0), lambda b: b.constant(2.0))
    assert adjoint(total(flat), [x]) == [None]
    assert tangent(flat, {x: g.constant(1.0, "real", x.shape)}) is None


@lanes
def test_int_and_bool_ports(as_lanes: bool):
    """Ints and bools enter arms as reals do, and get no gradient."""
    g = Graph()
    shape = (2,) if as_lanes else ()
    x, n, c = g.leaf(Type("real", shape)), g.leaf(Type("int", shape)), g.leaf(Type("bool", shape))
    y = choose(c, lambda b: b.own(x) * b.own(n), lambda b: OPS["real"](b.own(n)) + 0.0 * b.own(x))
    at = {x: np.full(shape, 2.0), n: np.full(shape, 3), c: np.full(shape, True)}
    if as_lanes:
        at[c] = np.array([True, False])
    expected = np.where(at[c], 3.0, 0.0)
    for mode in (by_nodes, by_numbers):
        dx, dn = mode(total(y), [x, n], at)
        np.testing.assert_array_equal(dx, expected)
        assert dn is None


def test_a_branch_with_several_results():
    """Results of one branch are differentiated together, also if only one of them is used."""
    g = Graph()
    x = g.leaf(real())
    bodies = (Graph(g), Graph(g))
    results = []
    for body, (first, second) in zip(bodies, (("sin", "exp"), ("cos", "square")), strict=True):
        inside = body.own(x)
        results.append((OPS[first](inside), OPS[second](inside)))
    a, b = branch(g, positive(x), bodies, (results[0], results[1]))
    for at, fa, fb in ((0.7, np.cos, np.exp), (-0.7, lambda v: -np.sin(v), lambda v: 2 * v)):
        inputs = {x: np.float64(at)}
        for mode in (by_nodes, by_numbers):
            np.testing.assert_allclose(mode(a, [x], inputs), [fa(at)], rtol=1e-14)
            np.testing.assert_allclose(mode(b, [x], inputs), [fb(at)], rtol=1e-14)
            np.testing.assert_allclose(mode(a * 2.0 + b, [x], inputs), [2 * fa(at) + fb(at)], rtol=1e-14)


def test_an_outer_value_in_both_arms_of_arrays():
    """A scalar condition between whole arrays, with a matrix product in one arm."""
    g = Graph()
    W, x, s = g.leaf(real(2, 2)), g.leaf(real(2)), g.leaf(real())
    y = choose(
        positive(s),
        lambda b: OPS["contract"](b.own(W), b.own(x), spec="ij,j->i", sizes=()),
        lambda b: b.own(x) * b.own(s),
    )
    values = {W: np.array([[1.0, 2.0], [3.0, 4.0]]), x: np.array([5.0, 6.0])}
    for at, dW, dx, ds in (
        (1.0, [[5, 6], [5, 6]], [4, 6], 0),
        (-2.0, [[0, 0], [0, 0]], [-2, -2], 11),
    ):
        inputs = {**values, s: np.float64(at)}
        for mode in (by_nodes, by_numbers):
            for found, expected in zip(mode(total(y), [W, x, s], inputs), (dW, dx, ds), strict=True):
                np.testing.assert_array_equal(0 if found is None else found, expected)


# ---- random graphs -----------------------------------------------------------------------------------------


def scale(drawn: Drawn) -> float:
    """The size of what is added up on the way: adjoints of all points."""
    ran = trace([drawn.output], drawn.inputs, keep=drawn.leaves)
    facts = pulled(ran.nodes, ran.values, ran.of[drawn.output], np.ones(()))
    return 1.0 + sum(
        float(np.max(np.abs(plain_or_none(f)), initial=0.0)) for f in facts.values() if f is not None
    )


def filled(values: list[Any], leaves: list[Node]) -> list[Any]:
    return [np.zeros(n.shape) if v is None else v for v, n in zip(values, leaves, strict=True)]


@given(graphs())
def test_all_modes_agree_on_random_graphs(drawn: Drawn):
    """Reverse on nodes = reverse on numbers = forward on nodes = forward on numbers = differences."""
    drawn.graph.check()
    size, leaves, output = scale(drawn), drawn.leaves, drawn.output
    nodes = filled(by_nodes(output, leaves, drawn.inputs), leaves)
    numbers = filled(by_numbers(output, leaves, drawn.inputs), leaves)
    ran = trace([output], drawn.inputs, keep=leaves)
    for leaf, a, b in zip(leaves, nodes, numbers, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * size)
        for at in np.ndindex(leaf.shape):
            t = np.zeros(leaf.shape)
            t[at] = 1.0
            forward = plain_or_none(pushed(ran.nodes, ran.values, {ran.of[leaf]: t}).get(ran.of[output]))
            np.testing.assert_allclose(forward or 0.0, a[at], rtol=0, atol=1e-12 * size)
        slopes = differences(
            lambda v, leaf=leaf: evaluate([output], {**drawn.inputs, leaf: v})[0], drawn.inputs[leaf]
        )
        np.testing.assert_allclose(a, slopes, rtol=0, atol=1e-7 * size)
    direction = {leaf: drawn.graph.leaf(leaf.type) for leaf in leaves}
    along = tangent(output, direction)
    rng = np.random.default_rng(0)
    at = drawn.inputs | {t: rng.standard_normal(t.shape) for t in direction.values()}
    expected = sum(np.sum(a * at[direction[leaf]]) for leaf, a in zip(leaves, nodes, strict=True))
    found = 0.0 if along is None else evaluate([along], at)[0]
    assert abs(found - expected) <= 1e-11 * size
    drawn.graph.check()


@settings(max_examples=25)
@given(graphs(steps=6), st.integers(0, 2**32 - 1))
def test_second_order_agrees_on_random_graphs(drawn: Drawn, seed: int):
    """t^T H t in all four mixes of modes, and by differences of the gradient along t."""
    rng = np.random.default_rng(seed)
    leaves, output, g = drawn.leaves, drawn.output, drawn.graph
    direction = {leaf: g.leaf(leaf.type) for leaf in leaves}
    t = {direction[leaf]: rng.standard_normal(leaf.shape) for leaf in leaves}
    inputs = drawn.inputs | t

    def first(y: Node, mode: str) -> Node | None:
        if mode == "f":
            return tangent(y, direction)
        terms = [
            total(a * direction[leaf])
            for leaf, a in zip(leaves, adjoint(y, leaves), strict=True)
            if a is not None
        ]
        return sum(terms[1:], terms[0]) if terms else None

    found = []
    for inner, outer in product("fr", repeat=2):
        along = first(output, inner)
        twice = None if along is None else first(along, outer)
        found.append(0.0 if twice is None else float(evaluate([twice], inputs)[0]))
    g.check()
    size = scale(drawn) * 10
    np.testing.assert_allclose(found, found[0], rtol=0, atol=1e-11 * size * (1 + abs(found[0])))

    def slope(s: Any) -> Any:
        moved = {leaf: drawn.inputs[leaf] + s * t[direction[leaf]] for leaf in leaves}
        along = first_at[0]
        return evaluate([along], inputs | moved)[0] if along is not None else 0.0

    first_at = [first(output, "r")]
    # a step along t moves each entry by less than its distance from the threshold of the conditions
    np.testing.assert_allclose(
        found[0], differences(slope, 0.0), rtol=0, atol=1e-6 * size * (1 + abs(found[0]))
    )
