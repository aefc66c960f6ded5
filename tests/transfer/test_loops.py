"""Loops: values and derivatives of rolled loops are those of the operations written out; few states are enough."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paramprog.evaluate import evaluate, trace
from paramprog.gradient import adjoint, plain_or_none, pulled, tangent
from paramprog.graph import Graph, Node, Result, demand, part
from paramprog.op import OPS
from paramprog.transfer.loop_replay import forward_turns, reversed_turns
from paramprog.transfer.loops import loop
from paramprog.types import Type

N = 4


def real(*shape: int) -> Type:
    return Type("real", shape)


def recurrent(turns: int, *, checkpoint: int | None = None, reverse: bool = False) -> tuple[Node, list[Node]]:
    """h = tanh(W h + x_t sin(t)) over the rows of x; the sum of the last h, and its leaves W, h, x."""
    g = Graph()
    W, start, rows = g.leaf(real(N, N), "W"), g.leaf(real(N), "h"), g.leaf(real(turns, N), "x")
    body = Graph(g)
    h, x, t = body.port("carry", start), body.port("scan", rows), body.port("index", None)
    product = OPS["contract"](body.own(W), h, spec="ij,j->i", sizes=())
    new = OPS["tanh"](product + x * OPS["sin"](OPS["real"](t)))
    made = loop(g, g.constant(turns, "int"), body, [(h, new)], reverse=reverse, checkpoint=checkpoint)
    return OPS["sum"](part(made, Result(0)), axes=(0,), sizes=(N,)), [W, start, rows]


def by_hand(W: Any, h: Any, x: Any, *, reverse: bool = False) -> Any:
    """The value and the gradients in W, h and x, turn by turn."""
    order = range(len(x))[::-1] if reverse else range(len(x))
    before = {}
    for t in order:
        before[t] = h
        h = np.tanh(W @ h + x[t] * np.sin(t))
        before[t, "after"] = h
    g, dW, dx = np.ones(N), np.zeros((N, N)), np.zeros_like(x)
    for t in reversed(order):
        a = g * (1 - before[t, "after"] ** 2)
        dW += np.outer(a, before[t])
        dx[t] = a * np.sin(t)
        g = W.T @ a
    return [h.sum(), dW, g, dx]


def point(turns: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=s) * 0.7 for s in ((N, N), (N,), (turns, N))]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("checkpoint", [None, 1, 2, 5])
@pytest.mark.parametrize("turns", [0, 1, 2, 7, 30])
def test_a_recurrent_network(turns: int, checkpoint: int | None, reverse: bool):
    """Value and gradients in a weight, the start and the rows, with all states recorded and with few."""
    y, leaves = recurrent(turns, checkpoint=checkpoint, reverse=reverse)
    gradients = adjoint(y, leaves)
    values = point(turns)
    asked = [n for n in gradients if n is not None]
    found = iter(evaluate([y, *asked], dict(zip(leaves, values, strict=True))))
    expected = by_hand(*values, reverse=reverse)
    np.testing.assert_allclose(next(found), expected[0], rtol=1e-13)
    for n, e in zip(gradients, expected[1:], strict=True):
        f = np.zeros_like(e) if n is None else next(found)
        np.testing.assert_allclose(f, e, rtol=1e-10, atol=1e-12)
    y.graph.check()


@pytest.mark.parametrize("checkpoint", [None, 2])
def test_second_order_and_forward_mode(checkpoint: int | None):
    """The derivative of the adjoint, and the tangent of the value, against differences of the gradient."""
    y, (W, start, rows) = recurrent(6, checkpoint=checkpoint)
    (d,) = adjoint(y, [W])
    assert d is not None
    square = OPS["sum"](d * d, axes=(0, 1), sizes=(N, N))
    (second,) = adjoint(square, [start])
    assert second is not None
    ones = {W: y.graph.constant(1.0, "real", (N, N))}
    pushed = tangent(square, ones)
    assert pushed is not None
    values = dict(zip((W, start, rows), point(6), strict=True))

    def moved(leaf: Node, by: Any) -> Any:
        return evaluate([square], {**values, leaf: values[leaf] + by})[0]

    h = 1e-5
    expected = [(moved(start, h * e) - moved(start, -h * e)) / (2 * h) for e in np.eye(N)]
    found, forward = evaluate([second, pushed], values)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(forward, (moved(W, h) - moved(W, -h)) / (2 * h), rtol=1e-6)


def test_the_graph_does_not_grow_with_the_turns():
    """Value, adjoint and second adjoint of 10 and of 100,000 turns have as many nodes."""
    sizes = []
    for turns in (10, 100_000):
        y, leaves = recurrent(turns)
        (d,) = adjoint(y, leaves[:1])
        assert d is not None
        adjoint(OPS["sum"](d, axes=(0, 1), sizes=(N, N)), leaves[:2])
        sizes.append(len(y.graph))
    assert sizes[0] == sizes[1]


def test_nothing_is_recorded_for_a_value():
    """Only parts that somebody wants are kept: a value alone needs no history."""
    y, leaves = recurrent(5)
    adjoint(y, leaves)
    region = next(n for n in y.graph.nodes if n.op.name == "loop")
    assert set(evaluate_keys(y)[region]) == {Result(0)}


def evaluate_keys(y: Node) -> Any:

    return demand(y.graph.nodes, [y])


def test_the_gradient_of_a_weight_is_one_product():
    """The sum over the turns of outer products is a contraction of histories, not a matrix carried along."""
    y, leaves = recurrent(5)
    (d,) = adjoint(y, leaves[:1])
    assert d is not None
    assert d.op.name == "contract"
    backward = next(n for n in y.graph.nodes[::-1] if n.op.name == "loop")
    assert all(len(t.shape) < 2 for t in backward.results)


def newton() -> tuple[Node, list[Node]]:
    """x = sqrt(a) by x <- (x + a / x) / 2 while |x^2 - a| > 1e-12."""
    g = Graph()
    a = g.leaf(real(), "a")
    body = Graph(g)
    x = body.port("carry", a)
    test = OPS["greater"](OPS["abs"](x * x - body.own(a)), 1e-12)
    made = loop(g, None, body, [(x, 0.5 * (x + body.own(a) / x))], test)
    return part(made, Result(0)), [a]


@pytest.mark.parametrize("a", [2.0, 9.0, 123.0])
def test_a_while_loop(a: float):
    """The gradient of Newton's iteration for a root is that of the root; second derivatives too."""
    x, leaves = newton()
    (d,) = adjoint(x, leaves)
    assert d is not None
    (dd,) = adjoint(d, leaves)
    assert dd is not None
    found = evaluate([x, d, dd], {leaves[0]: a})
    np.testing.assert_allclose(found, [a**0.5, 0.5 * a**-0.5, -0.25 * a**-1.5], rtol=1e-6)


def test_the_trace_is_the_turns_written_out():
    """The executed trace of a loop has no region, the same value, and the same gradient by the analysis on numbers."""
    y, leaves = recurrent(6)
    values = dict(zip(leaves, point(6), strict=True))
    recorded = trace([y], values)
    assert not any(n.op.name in ("loop", "part") for n in recorded.nodes)
    assert sum(n.op.name == "tanh" for n in recorded.nodes) == 6
    facts = pulled(recorded.nodes, recorded.values, recorded.of[y], np.ones(()))
    for leaf, expected in zip(leaves, by_hand(*values.values())[1:], strict=True):
        np.testing.assert_allclose(plain_or_none(facts[recorded.of[leaf]]), expected, rtol=1e-12, atol=1e-14)


# ---- schedules ---------------------------------------------------------------------------------------------------


@cache
def fewest(turns: int, states: int) -> int:
    """The fewest turns run forwards, by trying all splits; `states` are kept, the first one among them."""
    if turns <= 1:
        return 0
    if states == 1:
        return turns * (turns - 1) // 2
    return min(j + fewest(turns - j, states - 1) + fewest(j, states) for j in range(1, turns))


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 8))
def test_the_schedule_is_the_best_one(turns: int, states: int):
    """Every turn is pulled once, from the last to the first, with the fewest turns run again and few states kept."""
    pulls: list[int] = []
    runs = 0

    def advance(state: int, t: int) -> int:
        nonlocal runs
        assert state == t
        runs += 1
        return t + 1

    def pull(state: int, t: int) -> None:
        assert state == t
        pulls.append(t)

    reversed_turns(0, turns, states, advance, pull)
    assert pulls == list(range(turns - 1, -1, -1))
    assert runs == fewest(turns, states + 1) == forward_turns(turns, states)


def test_states_grow_with_the_logarithm():
    """A million turns with 20 states run fewer than 7 times each."""
    assert forward_turns(1_000_000, 20) < 7 * 1_000_000
