"""Tapes as values and as linear maps: a vector space counted from the top; popping is the transpose of pushing."""

from __future__ import annotations

import numpy as np
import pytest

from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.graph import Graph
from paramprog.op import OPS
from paramprog.simplify import simplify
from paramprog.transfer.pair import ADD
from paramprog.transfer.stack import Tape
from paramprog.transfer.step import OR, REAL
from paramprog.transfer.tape import DEEPER, LONE, PUSH, REST, TAPE, TOP
from paramprog.types import LENGTH, ShapeError, Type


def tape(*values, below=0.0):
    """The last value is on top."""
    made = Tape(np.float64(below))
    for x in values:
        made = made.push(np.float64(x))
    return made


def listed(t):
    """From the top."""
    return [listed(x) if isinstance(x, Tape) else x for x in t]


def inner(a, b):
    """The product of two tapes, counted from the top; below the shorter one there are zeros."""
    return sum(
        (inner(x, y) if isinstance(x, Tape) else np.sum(x * y) for x, y in zip(a, b, strict=False)), 0.0
    )


def test_a_tape_does_not_change():
    """Two tapes may share what lies below."""
    t = tape(1, 2)
    assert listed(t.push(3)) == [3, 2, 1]
    assert listed(t.push(4)) == [4, 2, 1]
    assert listed(t) == [2, 1]
    assert listed(t.rest.rest.rest) == []
    assert tape(below=7).top == 7


def test_a_long_tape_is_made_and_dropped():
    """Nothing recurses over its length."""
    t = tape()
    for k in range(200_000):
        t = t.push(k)
    assert len(t) == 200_000
    assert ADD(t, t).top == 2 * 199_999
    del t


@pytest.mark.parametrize(
    "a, b, total",
    [
        (tape(1, 2), tape(10, 20), [22, 11]),
        (tape(1, 2, 3), tape(10), [13, 2, 1]),
        (tape(), tape(1, 2), [2, 1]),
        (tape(1, below=1), tape(10, 20, below=2), [21, 11]),
        (Tape(tape()).push(tape(1)), Tape(tape()).push(tape(1, 2)).push(tape(3)), [[4], [2, 1]]),
    ],
)
def test_sums_count_from_the_top(a, b, total):
    """In both orders; what lies below the shorter one is added too."""
    assert listed(ADD(a, b)) == total
    assert listed(ADD(b, a)) == total


def test_a_sum_with_a_short_tape_costs_its_length():
    """The rest is shared, not copied, so that the meet of a pop's adjoints takes constant time."""
    long = tape(*range(100))
    assert ADD(long, tape(1.0)).rest is long.rest
    assert OR(Tape(False), Tape(False).push(True)).top


def test_deeper_puts_a_zero_on_top():
    """Whatever lies below: simplification calls `push(t, 0)` by this name."""
    assert listed(DEEPER(tape(1, below=7))) == [0, 1]
    assert listed(DEEPER(Tape(tape(below=7)).push(tape(1)))) == [[], [1]]
    assert DEEPER(Tape(tape(below=7))).top.below == 0


@pytest.mark.parametrize(
    "op, attrs, x, g",
    [
        (TOP, {"endless": True}, tape(1, 2, 3), np.float64(5)),
        (TOP, {"endless": True}, tape(), np.float64(5)),
        (REST, {"endless": True}, tape(1, 2, 3), tape(4, 5, 6)),
        (REST, {"endless": True}, tape(1), tape(4, 5)),
        (
            LONE,
            {},
            np.array([1.0, 2.0]),
            Tape(np.zeros(2)).push(np.array([1.0, -1])).push(np.array([3.0, 4])),
        ),
        (LONE, {}, tape(1, 2), Tape(tape()).push(tape(3, 4, 5))),
        (DEEPER, {}, tape(1, 2), tape(4, 5, 6)),
        (DEEPER, {}, tape(1, 2), tape()),
    ],
)
def test_transposes(op, attrs, x, g):
    """<J x, g> = <x, J^T g>, and the transpose of the transpose is the map."""
    (lin,) = op.local(0, None, x, **attrs) or ()
    product = inner if isinstance(g, Tape) else lambda a, b: np.sum(a * b)
    before = inner if isinstance(x, Tape) else lambda a, b: np.sum(a * b)
    assert product(lin(x), g) == before(x, lin.T(g))
    assert lin.T.T.op is op


def test_pushing_is_linear_in_both():
    t, x, u = tape(1, 2), np.float64(3), tape(4, 5, 6)
    (in_t,), (in_x,) = (PUSH.local(port, None, t, x) for port in (0, 1))
    assert listed(ADD(in_t(t), in_x(x))) == listed(PUSH(t, x))
    assert inner(PUSH(t, x), u) == inner(t, in_t.T(u)) + x * in_x.T(u)


def test_an_empty_tape_is_a_fault_with_its_place():
    graph = Graph()
    t = graph.emit(TAPE, graph.constant(0.0))
    for op in (TOP, REST):
        with pytest.raises(ProgramError, match="tape-empty"):
            evaluate([graph.emit(op, t, endless=False)], {})


def test_shapes_and_kinds():
    """A tape knows what lies on it; an int joins a tape of reals."""
    graph = Graph()
    t = graph.emit(TAPE, graph.constant(0.0, "real", (3,)))
    assert t.type == Type("real", (LENGTH, 3))
    assert str(t.type) == "a tape of real[3]"
    assert graph.emit(TOP, t, endless=False).shape == (3,)
    assert str(graph.emit(TAPE, t).type) == "a tape of a tape of real[3]"
    with pytest.raises(ShapeError, match="shape"):
        graph.emit(PUSH, t, graph.constant(1.0))
    with pytest.raises(ShapeError, match=r"tape\(0\.0\)"):
        graph.emit(PUSH, graph.emit(TAPE, graph.constant(0)), graph.constant(1.0))
    with pytest.raises(ShapeError, match="takes a tape"):
        graph.emit(TOP, graph.constant(1.0), endless=False)
    reals = graph.emit(PUSH, graph.emit(TAPE, graph.constant(0.0)), graph.constant(2))
    assert reals.kind == "real"
    graph.check()
    assert listed(REAL(Tape(np.int64(0)).push(np.int64(3)))) == [3.0]


def made(build):
    """What a node becomes, for a tape and a number as leaves."""
    graph = Graph()
    t = graph.leaf(Type("real", (LENGTH,)), "t")
    x = graph.leaf(Type("real", ()), "x")
    return simplify([build(graph, t, x)]).outputs[0]


@pytest.mark.parametrize(
    "build, op",
    [
        (lambda g, t, x: g.emit(TOP, g.emit(PUSH, t, x), endless=False), "leaf"),
        (lambda g, t, x: g.emit(REST, g.emit(PUSH, t, x), endless=False), "leaf"),
        (lambda g, t, x: g.emit(ADD, g.emit(DEEPER, t), g.emit(LONE, x)), "push"),
        (lambda g, t, x: g.emit(ADD, g.constant(0.0, "real", (LENGTH,)), t), "leaf"),
        (lambda g, t, x: g.emit(PUSH, t, g.constant(0.0)), "deeper"),
        (lambda g, t, x: g.emit(PUSH, g.emit(TAPE, g.constant(0.0)), x), "lone"),
        (lambda g, t, x: g.emit(TAPE, g.constant(2.0)), "full"),
        (lambda g, t, x: g.emit(TAPE, x), "tape"),
        (lambda g, t, x: g.emit(PUSH, g.emit(TAPE, g.constant(1.0)), x), "push"),
    ],
)
def test_simplification(build, op):
    """What adjoints make of a push is one push; what was pushed is on top."""
    assert made(build).op is OPS[op]
