"""Branches: bodies are simplified, what both sides share moves out, equal branches are one, lanes stay lanes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from simplifying import simplified_exactly

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.graph import PART, Graph, Node
from paramprog.op import OPS
from paramprog.simplify import Simplified, simplify
from paramprog.transfer.branches import BRANCH, branch
from paramprog.types import Type


def real(*shape: int) -> Type:
    return Type("real", shape)


def chosen(graph: Graph, condition: Node, arms: Any, outer: list[Node], results: int = 1) -> list[Node]:
    """A branch whose arms are functions of the values of `outer` inside."""
    rank = len(condition.shape)
    bodies = (Graph(graph, lane_rank=rank), Graph(graph, lane_rank=rank))
    made = []
    for body, arm in zip(bodies, arms, strict=True):
        found = arm(body, *(body.own(x) for x in outer))
        made.append(found if isinstance(found, tuple) else (found,))
    return branch(graph, condition, bodies, (made[0], made[1]))


def branches(s: Simplified) -> list[Node]:
    return [n for n in s.graph.nodes if n.op is BRANCH]


@pytest.fixture
def g() -> Graph:
    return Graph()


@pytest.mark.parametrize("x", [0.3, -0.3])
def test_bodies_are_simplified(g: Graph, x: float) -> None:
    leaf = g.leaf(real(), "x")
    arms = (
        lambda b, x: OPS["neg"](-(x * 1.0)) * (2.0 * b.constant(3.0)),
        lambda b, x: OPS["sin"](x) + OPS["sin"](x),
    )
    [y] = chosen(g, OPS["greater"](leaf, 0.0), arms, [leaf])
    [made] = branches(simplified_exactly([y], {leaf: np.float64(x)}))
    assert [[n.op.name for n in body.nodes] for body in made.attrs["bodies"]] == [
        ["leaf", "full", "mul"],
        ["leaf", "sin", "add"],
    ]


def test_results_that_nobody_needs_are_gone(g: Graph) -> None:
    """And so are the ports that only they use."""
    x, y = g.leaf(real(), "x"), g.leaf(real(), "y")
    arms = (lambda b, x, y: (OPS["exp"](x), OPS["sin"](y)), lambda b, x, y: (x, y))
    first, _ = chosen(g, OPS["greater"](x, 0.0), arms, [x, y])
    s = simplified_exactly([first], {x: np.float64(0.5), y: np.float64(2.0)})
    [made] = branches(s)
    assert len(made.results) == 1
    assert [n.name for n in s.graph.nodes if n.op is OPS["leaf"]] == ["x"]


@pytest.mark.parametrize("truth", [True, False])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_constant_condition_selects_its_side(g: Graph, truth: bool, shape: tuple[int, ...]) -> None:
    x = g.leaf(real(*shape), "x")
    arms = (lambda b, x: OPS["exp"](x) + 1.0, lambda b, x: b.constant(2.5))
    condition = OPS["less"](g.constant(0.0, "real", shape), 1.0 if truth else -1.0)
    [y] = chosen(g, condition, arms, [x])
    s = simplified_exactly([y], {x: np.ones(shape)})
    assert not branches(s)
    assert (s.outputs[0].op is OPS["full"]) != truth


def test_a_fault_in_front_of_the_side_not_taken_stays() -> None:
    """`a` is computed before the branch, whichever side is taken."""
    text = "function f(v : real[2] = [1, 2], i : int = 5, x = 1.0) { a = v[i]\n return if x < x + 1 then x else a }"
    program = paramprog.loads(text)
    built = program.compiled().built
    g, [output] = built.graph, built.outputs.values()
    condition = g.constant(True)
    gather = next(n for n in g.nodes if n.op is OPS["gather"])
    [y] = chosen(g, condition, (lambda b, x, a: x, lambda b, x, a: a), [built.inputs["x"], gather])
    for node in (output, y):
        with pytest.raises(ProgramError, match="out of range"):
            evaluate([node], program.point().leaves)
        s = simplify([node])
        with pytest.raises(ProgramError, match="out of range"):
            evaluate(s.outputs, s.inputs(program.point().leaves))


@pytest.mark.parametrize("faults", ["no", "condition", "port", "body"])
def test_a_branch_is_left_out_if_it_cannot_fault(g: Graph, faults: str) -> None:
    """One branch in front of another, on its side not taken; a choice may come before, in or behind the fault."""
    x, v, i = g.leaf(real(), "x"), g.leaf(real(3), "v"), g.leaf(Type("int", ()), "i")

    def entry(v: Node, i: Node) -> Node:
        return v.graph.emit(OPS["gather"], v, i, axis=0, size=3)

    condition = OPS["greater"](entry(v, i) if faults == "condition" else x, 0.0)
    port = entry(v, i) if faults == "port" else OPS["exp"](x)
    arms = (
        lambda b, p, v, i: p * (entry(v, i) if faults == "body" else p),
        lambda b, p, v, i: b.constant(2.5),
    )
    [first] = chosen(g, condition, arms, [port, v, i])
    [y] = chosen(g, g.constant(True), (lambda b, x, p: x, lambda b, x, p: p), [x, first])
    s = simplified_exactly([y], {x: np.float64(0.5), v: np.ones(3), i: np.int64(2)})
    assert bool(branches(s)) == (faults != "no")


@pytest.mark.parametrize("shape", [(), (3,)])
def test_what_both_sides_give_moves_out(g: Graph, shape: tuple[int, ...]) -> None:
    x, y = g.leaf(real(*shape), "x"), g.leaf(real(*shape), "y")
    arms = (lambda b, x, y: (OPS["neg"](-y), b.constant(1.5)), lambda b, x, y: (y, b.constant(1.5)))
    found = chosen(g, OPS["greater"](x, 0.0), arms, [x, y])
    s = simplified_exactly(found, {x: np.ones(shape), y: np.full(shape, -2.0)})
    assert not branches(s)
    assert [n.name or n.op.name for n in s.outputs] == ["y", "full"]


@pytest.mark.parametrize("shape", [(), (3,)])
def test_true_or_false_is_the_condition(g: Graph, shape: tuple[int, ...]) -> None:
    """The lanes of an adjoint that only one side has."""
    c = g.leaf(Type("bool", shape), "c")
    arms = (lambda b: (b.constant(True), b.constant(False)), lambda b: (b.constant(False), b.constant(True)))
    s = simplified_exactly(chosen(g, c, arms, []), {c: np.ones(shape, bool)})
    assert [n.op.name for n in s.outputs] == ["leaf", "not"]


def test_equal_branches_are_one(g: Graph) -> None:
    """Also inside branches, and whatever the order of commuting operands."""
    x, y = g.leaf(real(), "x"), g.leaf(real(), "y")

    def nested(left: bool) -> Node:
        def inner(b: Graph, x: Node, y: Node) -> Node:
            arms = (
                lambda b, x, y: OPS["exp"](x * y if left else y * x),
                lambda b, x, y: OPS["exp"](OPS["copy"](x)),
            )
            return chosen(b, OPS["greater"](y, 1.0), arms, [x, y])[0]

        return chosen(g, OPS["greater"](x, 0.0), (inner, lambda b, x, y: y), [x, y])[0]

    s = simplified_exactly([nested(True) + nested(False)], {x: np.float64(1.0), y: np.float64(2.0)})
    assert len(branches(s)) == 1


def test_different_histories_of_one_branch(g: Graph) -> None:
    """The adjoint of a branch reads values from inside it; equal branches may share them."""
    x = g.leaf(real(), "x")
    arms = (lambda b, x: OPS["sigmoid"](x * x) * x, lambda b, x: OPS["tanh"](x) * x)
    outputs = []
    for _ in range(2):
        [y] = chosen(g, OPS["greater"](x, 0.0), arms, [x])
        outputs += [y, *(a for a in adjoint(y, [x]) if a is not None)]
    for at in (0.7, -0.7):
        s = simplified_exactly(outputs, {x: np.float64(at)})
        assert s.outputs[0] is s.outputs[2]
        assert s.outputs[1] is s.outputs[3]
        assert len(branches(s)) == 2


def test_parts_know_their_region(g: Graph) -> None:
    """Every part that is left is the one that its graph knows, so that a derivative finds it."""
    x = g.leaf(real(), "x")
    [y] = chosen(g, OPS["greater"](x, 0.0), (lambda b, x: OPS["exp"](x), lambda b, x: x), [x])
    s = simplify([y, *(a for a in adjoint(y, [x]) if a is not None)])
    parts = {n for n in s.graph.nodes if n.op is PART}
    assert set(s.graph.parts.values()) == parts
    assert all(s.graph.parts[n.args[0], n.attrs["of"]] is n for n in parts)


def test_chains_of_arms() -> None:
    """Each arm is a branch inside the one before."""
    arms = "\n".join(f"else if x < {k} then x * {k + 1} + exp(x)" for k in range(1, 60))
    program = paramprog.loads(
        f"function f(x = 50.5) {{ return if x < 0 then x\n{arms}\nelse x }}".replace("\n", " ")
    )
    compiled = program.compiled()
    [y] = compiled.built.outputs.values()
    gradient = [a for a in compiled.gradient(y, (compiled.built.inputs["x"],)) if a is not None]
    simplified_exactly([y, *gradient], program.point().leaves)
