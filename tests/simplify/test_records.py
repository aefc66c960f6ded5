"""What loops record for their adjoints: derivatives instead of arguments, never more, and not a bit changes."""

from __future__ import annotations

import inspect
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from strategies.programs import programs

import paramprog
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.graph import Graph, Node, demand
from paramprog.op import OPS
from paramprog.simplify import simplify
from paramprog.transfer.loops import LOOP
from paramprog.types import Size

CELL = """
    dim T = 5, n = 3
    param W : real[2, n] ~ glorot(), b : real[n] ~ uniform(0, 1)
    function f(xs : real[T, n]) {
        h = zeros(n)
        c = zeros(n)
        for t in 0..T {
            c = c * sigmoid(W[0] * xs[t] + b) + tanh(W[1] * h + b)
            h = sigmoid(b * h) * tanh(c)
        }
        return sum(h * c)
    }"""

LOOPS = {
    "while": """
        param w = 0.7
        function f(z = 3.0) {
            x = z
            while x > 0.1 { x = x * sigmoid(w * x) }
            return x * x
        }""",
    "reversed": """
        param w : real[4] ~ uniform(0, 1)
        function f(z : real[4] = 0.3) {
            x = z
            for t in reversed(1..4) { x = tanh(w * x + t) }
            return sum(x)
        }""",
    "what is read in another loop too": """
        param w : real[4] ~ uniform(0, 1)
        function f(z : real[4] = 0.3) {
            x = z
            s = 0.0
            for t in 0..3 {
                x = tanh(w * x)
                s = s + sum(exp(x))
            }
            return s
        }""",
    "a branch in a loop": """
        param w = 0.7
        function f(z = 0.5) {
            x = z
            for t in 0..4 { if x > 0.6 { x = sin(w * x) } else { x = exp(w * x) } }
            return x
        }""",
    "a loop in a loop": """
        param w = 0.7
        function f(z = 0.5) {
            x = z
            for t in 0..3 { for k in 0..t { x = sin(w * x + k) } }
            return x
        }""",
    "no turn": """
        param w = 0.7
        function f(z = 0.5) {
            x = z
            for t in 0..0 { x = sin(w * x) }
            return x * w
        }""",
}
TEXTS = {name: inspect.cleandoc(text) for name, text in {"cell": CELL, **LOOPS}.items()}


def both(text: str) -> tuple[list[Node], list[Node], list[np.ndarray], list[np.ndarray]]:
    """Outputs and their values, without and with `records`."""
    program = paramprog.loads(text)
    built = program.compiled().built
    output = next(iter(built.outputs.values()))
    leaves = [*built.inputs.values(), *built.params.values()]
    ends = [output, *(n for n in adjoint(output, leaves) if n is not None)]
    values = program.point().leaves
    made = [simplify(ends), simplify(ends, records=True)]
    found = [evaluate(s.outputs, s.inputs(values)) for s in made]
    return list(made[0].outputs), list(made[1].outputs), found[0], found[1]


def loops(outputs: list[Node]) -> list[tuple[Graph, list[Node]]]:
    """The bodies of the loops around everything, and whose histories are wanted."""
    live = demand(outputs[0].graph.nodes, outputs)
    return [
        (n.attrs["bodies"][0], [k for k in keys if isinstance(k, Node)])
        for n, keys in live.items()
        if n.op is LOOP
    ]


def recorded(outputs: list[Node]) -> int:
    """Bytes a turn."""
    nodes = [n for _, found in loops(outputs) for n in found]
    width = {"bool": 1, "int": 8, "real": 8}
    return sum(width[n.kind] * prod(0 if isinstance(k, Size) else k for k in n.shape) for n in nodes)


def ops(outputs: list[Node], which: int) -> set[str]:
    body, found = loops(outputs)[which]
    (region,) = {n for n in outputs[0].graph.nodes if n.op is LOOP and n.attrs["bodies"][0] is body}
    roots = [*found, *(n for _, n in region.attrs["next"])]
    return {n.op.name for n in demand(body.nodes, roots)}


@pytest.mark.parametrize("name", TEXTS)
def test_every_bit_stays(name: str):
    """Of values and gradients, of loops of all kinds."""
    _, _, found, expected = both(TEXTS[name])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_adjoint_computes_no_function():
    """All of sech and sigmoid are computed by the loop itself, and as much is recorded as before."""
    before, after, *_ = both(TEXTS["cell"])
    assert {"sech", "sigmoid"} <= ops(before, 1)
    assert not {"sech", "sigmoid", "tanh"} & ops(after, 1)
    assert {"sech", "sigmoid", "tanh"} <= ops(after, 0)
    assert recorded(after) == recorded(before)


def test_what_is_kept_anyway_is_not_recorded_twice():
    """exp(x) and x of `s + sum(exp(x))` are read by the adjoint; nothing is recorded beside what was."""
    before, after, *_ = both(TEXTS["what is read in another loop too"])
    assert recorded(after) <= recorded(before)


@settings(deadline=None)
@given(programs(regions=True))
def test_random_programs(text: str):
    """No bit changes, and never is more recorded."""
    before, after, found, expected = both(text)
    assert recorded(after) <= recorded(before)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", [n for n in TEXTS if n != "no turn"])
def test_the_result_can_be_differentiated(name: str):
    """The gradient of a gradient, through what is recorded instead."""
    program = paramprog.loads(TEXTS[name])
    built = program.compiled().built
    output, leaves = next(iter(built.outputs.values())), list(built.params.values())
    ends = [n for n in adjoint(output, leaves) if n is not None]
    values = program.point().leaves
    found = []
    for records in (False, True):
        made = simplify(ends, records=records)
        params = [made.of[p] for p in leaves]
        y = made.outputs[0]
        total = OPS["sum"](y, axes=tuple(range(len(y.shape))), sizes=y.shape)
        second = [n for n in adjoint(total, params) if n is not None]
        found.append(evaluate(second, made.inputs(values)))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
