"""Batching: the graph of all lanes computes what the graph of one sample computes for each, and so do its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies.graphs import Drawn, graphs
from strategies.programs import programs

import paramprog
from paramprog.batch import batch
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint, tangent
from paramprog.graph import Node
from paramprog.op import OPS
from paramprog.program import Program
from paramprog.simplify import simplify
from paramprog.types import Type

SIZE = 4


class Batched:
    """A program, some of whose inputs have lanes, with values for them."""

    def __init__(
        self, text: str, values: dict[str, Any] | None = None, seed: int = 0, size: int = SIZE
    ) -> None:
        self.program: Program = paramprog.loads(text)
        self.size, self.built = size, self.program.compiled().built
        self.point = self.program.point({k: v[0] for k, v in (values or {}).items()})
        rng = np.random.default_rng(seed)
        self.rows: dict[str, Any] = dict(values or {})
        if values is None:
            for name, leaf in self.built.inputs.items():
                if rng.random() < 0.7:
                    self.rows[name] = self._varied(self.point.inputs[name], leaf, rng)
        graph = self.built.graph
        self.leaves = {
            k: graph.leaf(Type(self.built.inputs[k].kind, (size, *self.built.inputs[k].shape)), k)
            for k in self.rows
        }
        self.inputs = {self.built.inputs[k]: leaf for k, leaf in self.leaves.items()}
        self.values = {**self.point.leaves, **{self.leaves[k]: v for k, v in self.rows.items()}}

    def _varied(self, value: Any, leaf: Node, rng: np.random.Generator) -> Any:
        each = np.stack([value] * self.size)
        if leaf.kind == "real":
            return each + rng.normal(size=each.shape) * (rng.random(self.size) < 0.7).reshape(
                -1, *[1] * leaf.type.shape.__len__()
            )
        if leaf.kind == "bool":
            return rng.random(each.shape) < 0.5
        return each

    def over_lanes(self, nodes: list[Node]) -> list[Any]:
        return self.both_ways(batch(nodes, self.inputs, self.size))

    def both_ways(self, nodes: list[Node]) -> list[Any]:
        """The values, which are those of the simplified graph."""
        values = evaluate(nodes, self.values)
        simplified = simplify(nodes)
        simplified.graph.check()
        for f, e in zip(evaluate(simplified.outputs, simplified.inputs(self.values)), values, strict=True):
            close(f, e)
        return values

    def one_by_one(self, nodes: list[Node]) -> list[Any]:
        each = []
        for lane in range(self.size):
            leaves = {**self.point.leaves, **{self.built.inputs[k]: v[lane] for k, v in self.rows.items()}}
            each.append(evaluate(nodes, leaves))
        return [np.stack(values) for values in zip(*each, strict=True)]


def close(found: Any, expected: Any) -> None:
    finite = np.isfinite(expected)
    scale = max(1.0, float(np.max(np.abs(expected), where=finite, initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * scale)


def twice(b: Batched, nodes: list[Node]) -> list[Any]:
    """Lanes of lanes: the rows, and the rows in the opposite order."""
    graph = b.built.graph
    outer = {leaf: graph.leaf(Type(leaf.kind, (2, *leaf.shape))) for leaf in b.inputs.values()}
    values = {x: np.stack([b.values[leaf], b.values[leaf][::-1]]) for leaf, x in outer.items()}
    return evaluate(batch(batch(nodes, b.inputs, b.size), outer, 2), {**b.values, **values})


def check(b: Batched) -> None:
    """Value, mean gradient, gradient of each sample, and a second derivative."""
    y = next(iter(b.built.outputs.values()))
    real = [n for n in b.built.params.values() if n.kind == "real"]
    (found,) = b.over_lanes([y])
    (expected,) = b.one_by_one([y])
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)
    (both,) = twice(b, [y])
    np.testing.assert_allclose(both, [expected, expected[::-1]], rtol=1e-11, atol=1e-11)
    if y.shape or y.kind != "real":
        return
    gradients = [(w, d) for w, d in zip(real, adjoint(y, real), strict=True) if d is not None]
    each = b.one_by_one([d for _, d in gradients]) if gradients else []
    for f, e in zip(b.over_lanes([d for _, d in gradients]) if gradients else [], each, strict=True):
        close(f, e)
    for f, e in zip(twice(b, [d for _, d in gradients]) if gradients else [], each, strict=True):
        close(f, np.stack([e, e[::-1]]))
    (lanes,) = batch([y], b.inputs, b.size)
    total = OPS["sum"](lanes, axes=(0,), sizes=(b.size,))
    sums = adjoint(total, [w for w, _ in gradients])
    assert None not in sums
    for f, e in zip(b.both_ways(sums) if sums else [], each, strict=True):
        close(f, e.sum(0))
    for w, d in gradients[:2]:
        square = OPS["sum"](d * d, axes=tuple(range(len(d.shape))), sizes=d.shape) if d.shape else d * d
        (second,) = adjoint(square, [w])
        (squares,) = batch([square], b.inputs, b.size)
        (batched,) = adjoint(OPS["sum"](squares, axes=(0,), sizes=(b.size,)), [w])
        if second is None or batched is None:
            assert second is None
            assert batched is None
            continue
        close(b.both_ways([batched])[0], b.one_by_one([second])[0].sum(0))
        ones = {w: b.built.graph.constant(1.0, "real", w.shape)}
        forward, forwards = tangent(y, ones), tangent(total, ones)
        assert forward is not None
        assert forwards is not None
        close(b.both_ways([forwards])[0], b.one_by_one([forward])[0].sum(0))


@settings(max_examples=120, deadline=None)
@given(programs(3), st.integers(0, 3))
def test_random_programs(text: str, seed: int):
    """Of value, gradients, second derivatives and tangents: all lanes at once are the lanes one by one."""
    try:
        b = Batched(text, seed=seed)
        b.one_by_one(list(b.built.outputs.values()))
    except ProgramError:
        return
    with np.errstate(all="ignore"):
        check(b)


PROGRAMS = {
    "products in the arms": """
        param W : real[3, 4] ~ normal(0, 1), V : real[3, 4] ~ normal(0, 1), w = 0.3
        function f(x : real[4], k : int) -> real {
            h = if sum(x) > 0 then W @ x else tanh(V @ x) * w
            return sum(h * h) + h[k]
        }""",
    "a branch in a branch": """
        param W : real[3, 4] ~ normal(0, 1), w = 0.3
        function f(x : real[4], k : int) -> real {
            h = if sum(x) > 0 then (if x[0] > 0.5 then W @ x else W @ (x * w)) else x[0:3] * w
            return norm(h) + (if h > 0.1 then log(h) else h * w)[k]
        }""",
    "the index per lane, into an array that all share": """
        param W : real[3, 4] ~ normal(0, 1)
        function f(x : real[4], k : int) -> real {
            row = gather(W, k)
            column = gather(W, k, axis = 1)
            return dot(row, x) + sum(column) + gather(x, [k, 0])[0] + put(x, k, 2.0 * x[1])[k]
        }""",
    "orders and products of all entries": """
        param W : real[3, 4] ~ normal(0, 1)
        function f(x : real[4], k : int) -> real {
            A = W * spread(x, 3)
            s = sort(A, axis = 1)
            return s[0, k] + prod(A) + median(A) + sum(cumprod(A, axis = 1)[:, k]) + max(A) * min(s) + std(A)
        }""",
    "windows": """
        param K : real[2, 1, 2, 2] ~ normal(0, 1)
        function f(x : real[4], k : int) -> real {
            y = conv(reshape(x, 1, 2, 2), K, pad = 1)
            return sum(tanh(y)) + y[0, 1, k]
        }""",
    "what no sample varies": """
        param w = 0.3, W : real[2, 2] ~ normal(0, 1)
        function f(x : real[4], k : int) -> real {
            return logsumexp(W) * w + trace(W @ W) + 0.0 * x[k]
        }""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str):
    """Weights shared by all samples inside arms and selections; a label and a vector for each sample."""
    rng = np.random.default_rng(1)
    x, k = rng.normal(size=(SIZE, 4)), rng.integers(0, 2, SIZE)
    check(Batched(PROGRAMS[name], {"x": x, "k": k}))
    check(Batched(PROGRAMS[name].replace("k : int", "k : int = 1"), {"x": x}))


def test_an_arm_that_no_sample_takes_does_not_exist():
    """log of a weight that is 0, in an arm that no sample selects: gradients are finite, of all orders."""
    text = """
        param w = 0.0, u = 2.0
        function f(x) -> real { return if x > 0 then log(w) * x else u * x * x }"""
    b = Batched(text, {"x": np.array([-1.0, -2.0, 0.0, -0.5])})
    check(b)
    (y,) = b.built.outputs.values()
    (lanes,) = batch([y], b.inputs, b.size)
    w = b.built.params["w"]
    (d,) = adjoint(OPS["sum"](lanes, axes=(0,), sizes=(b.size,)), [w])
    assert d is not None
    assert evaluate([d], b.values) == [0.0]


def test_a_fault_in_one_sample_is_told_with_its_place():
    """An index out of range for one of the samples."""
    b = Batched(PROGRAMS["windows"], {"x": np.ones((2, 4)), "k": np.array([0, 7])}, size=2)
    (y,) = b.built.outputs.values()
    with pytest.raises(ProgramError, match="index 7 is out of range for 3 entries"):
        b.over_lanes([y])


def test_the_gradient_of_a_weight_is_one_product():
    """In the gradient of a mean loss nothing is larger than the weights or the activations of all samples."""
    text = """
        param W1 : real[50, 40], W2 : real[10, 50]
        function f(x : real[40], label : int) -> real {
            z = W2 @ tanh(W1 @ x)
            return logsumexp(z) - z[label]
        }"""
    size = 64
    program = paramprog.loads(text)
    built = program.compiled().built
    graph = built.graph
    (y,) = built.outputs.values()
    leaves = {n: graph.leaf(Type(n.kind, (size, *n.shape))) for n in built.inputs.values()}
    first = len(graph.nodes)
    (lanes,) = batch([y], leaves, size)
    adjoint(OPS["mean"](lanes, axes=(0,), sizes=(size,)), list(built.params.values()))
    assert max(np.prod(n.shape) for n in graph.nodes[first:]) <= max(size * 50, 50 * 40)


@settings(max_examples=150, deadline=None)
@given(graphs(), st.integers(0, 2**32 - 1))
def test_random_graphs(drawn: Drawn, seed: int):
    """Loops, while loops, mapped bodies and branches in one another: value and gradients of the lanes, one by one."""
    rng = np.random.default_rng(seed)
    chosen = [leaf for leaf in drawn.leaves if rng.random() < 0.7]
    rows = {leaf: drawn.inputs[leaf] * rng.choice([-1.0, 1.0], (SIZE, *leaf.shape)) for leaf in chosen}
    wide = {leaf: drawn.graph.leaf(Type("real", (SIZE, *leaf.shape))) for leaf in chosen}
    values = {**drawn.inputs, **{wide[leaf]: v for leaf, v in rows.items()}}
    gradients = [d for d in adjoint(drawn.output, drawn.leaves) if d is not None]
    nodes = [drawn.output, *gradients]
    each = [
        evaluate(nodes, {**drawn.inputs, **{x: v[lane] for x, v in rows.items()}}) for lane in range(SIZE)
    ]
    lanes = batch(nodes, wide, SIZE)
    for found, *expected in zip(evaluate(lanes, values), *each, strict=True):
        close(found, np.stack(expected))
    total = OPS["sum"](lanes[0], axes=(0,), sizes=(SIZE,))
    shared = [leaf for leaf in drawn.leaves if leaf not in wide]
    sums = adjoint(total, shared)
    alone = adjoint(drawn.output, shared)
    made = [(s, a) for s, a in zip(sums, alone, strict=True) if a is not None]
    simplified = simplify([s for s, _ in made]) if made else None
    for k, (s, a) in enumerate(made):
        assert s is not None
        expected = sum(
            evaluate([a], {**drawn.inputs, **{x: v[lane] for x, v in rows.items()}})[0]
            for lane in range(SIZE)
        )
        close(evaluate([s], values)[0], expected)
        assert simplified is not None
        close(evaluate([simplified.outputs[k]], simplified.inputs(values))[0], expected)
