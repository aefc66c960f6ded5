"""`checkpoint` in loops of every nesting: the same gradients from few states, counted where they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, log2
from typing import Any

import numpy as np
import pytest

import paramprog
from paramprog.evaluate import evaluate, trace
from paramprog.graph import Graph
from paramprog.graph.graph import bodies
from paramprog.transfer import loop_replay
from paramprog.transfer.loop_replay import Shelf, forward_turns
from paramprog.types import Type

NESTS = {
    "a loop in a loop": """
        h = x
        for i in 0..5 OUTER {
            for j in 0..4 INNER { h = sin(w * h + i * 0.1) + h / (2 + j) }
            h = h * w
        }
        y = sum(h)""",
    "three deep": """
        h = x
        for i in 0..3 OUTER {
            for j in 0..3 INNER { for k in 0..3 INNER { h = tanh(w * h + h * h / 3) } }
        }
        y = sum(h)""",
    "in a branch": """
        h = x
        if w > 0 { for i in 0..6 INNER { h = sin(w * h) + h / 3 } } else { h = x * w }
        y = sum(h)""",
    "in a branch of a loop": """
        h = x
        for i in 0..5 OUTER {
            if h[0] > 0.1 { for j in 0..4 INNER { h = sin(w * h) - 0.3 } } else { h = cos(h) * w }
        }
        y = sum(h)""",
    "in a comprehension": "y = sum(turned(x[i], w, 7) for i in 0..3)",
    "in a comprehension, of different lengths": "y = sum(turned(x[i], w, i * 2 + 1) for i in 0..3)",
    "in a comprehension in a loop": """
        h = x
        for i in 0..4 OUTER { h = [turned(h[j], w, 5) for j in 0..3] }
        y = sum(h)""",
    "in lanes of a condition": "y = sum(if x > 0 then turned_all(x, w) else x)",
    "in mapped calls": "y = sum(map(each, x * w))",
    "around a while": """
        h = x
        for i in 0..5 OUTER {
            while sum(h * h) > 0.5 { h = h * w }
            h = h + sin(h) + x * w
        }
        y = sum(h)""",
    "backwards, by rows": """
        h = x
        for i in reversed(0..3) OUTER { for j in reversed(1..4) INNER { h = sin(h * w + x[i]) * h[j - 1] } }
        y = sum(h)""",
}
FUNCTIONS = """
function turned(s, w, n : int) { h = s; for j in 0..n INNER { h = sin(w * h) + h / 3 }; return h }
function each(s) { h = s; for j in 0..5 INNER { h = sin(h) + h / 3 }; return h }
function turned_all(s : real[3], w) { h = s; for j in 0..3 INNER { h = sin(w * h) + h / 3 }; return h }
"""


def program(name: str, outer: int | None, inner: int | None) -> paramprog.Program:
    text = f"param w = 0.8\n{FUNCTIONS}\nfunction f(x = [0.4, -0.2, 0.7]) {{{NESTS[name]}\n return y }}"
    for word, states in (("OUTER", outer), ("INNER", inner)):
        text = text.replace(word, "" if states is None else f"checkpoint {states}")
    return paramprog.loads(text)


def gradients(made: paramprog.Program, **how: Any) -> dict[str, Any]:
    return made.grad(wrt=["w", "x"], **how).gradients


@pytest.mark.parametrize("states", [(None, 2), (2, None), (1, 1), (3, 2)])
@pytest.mark.parametrize("name", NESTS)
def test_gradients_are_those_of_loops_that_record_all(name, states):
    """Also turned into lanes, in branches, and with states kept at several levels."""
    expected = gradients(program(name, None, None))
    made = program(name, *states)
    found = gradients(made)
    for key, g in expected.items():
        np.testing.assert_allclose(found[key], g, rtol=1e-13, atol=1e-15)
    made.compiled().built.graph.check()


@pytest.mark.parametrize("name", NESTS)
def test_second_order(name):
    """The derivative of an adjoint that runs turns again, against that of one that records."""

    def second(made: paramprog.Program) -> Any:
        compiled = made.compiled()
        wrt = compiled.built.params["w"]
        (once,) = compiled.gradient(next(iter(compiled.built.outputs.values())), (wrt,))
        (twice,) = compiled.gradient(once, (wrt,))
        return evaluate([twice], made.point().leaves)[0]

    np.testing.assert_allclose(second(program(name, 2, 2)), second(program(name, None, None)), rtol=1e-11)


@pytest.mark.parametrize("name", NESTS)
def test_many_samples(name):
    """The mean over samples of a program that keeps few states, and its gradient, are those of one that records."""
    rows = np.random.default_rng(1).normal(size=(4, 3)) * 0.5
    for each in (False, True):
        found, expected = (
            program(name, *states).grad({"x": rows}, wrt=["w", "x"], batch=["x"], per_sample=each)
            for states in ((2, 2), (None, None))
        )
        for key, g in expected.gradients.items():
            np.testing.assert_allclose(found.gradients[key], g, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", NESTS)
def test_the_trace_of_an_adjoint(name):
    """Turns that are run again are written out as if they had been recorded."""
    made = program(name, 2, 2)
    compiled, point = made.compiled(), made.point()
    (d,) = compiled.gradient(next(iter(compiled.built.outputs.values())), (compiled.built.params["w"],))
    recorded = trace([d], point.leaves)
    np.testing.assert_allclose(recorded.values[recorded.of[d]], evaluate([d], point.leaves)[0], rtol=1e-12)


# ---- what is kept ------------------------------------------------------------------------------------------------


def replays(graph: Graph) -> Iterator[Any]:
    for n in graph.nodes:
        if n.op.name == "replay":
            yield n
        for body in bodies(n):
            yield from replays(body)


def test_an_inner_loop_keeps_few_states():
    """In a loop that records, it runs its turns again; only what enters it is recorded."""
    made = program("a loop in a loop", None, 2)
    gradients(made)
    assert [n.attrs["states"] for n in replays(made.compiled().built.graph)] == [2]


@pytest.mark.parametrize("turns", [10, 100, 1000, 10_000])
def test_states_kept_are_counted(turns, monkeypatch):
    """log2(turns) states beside the start, and every turn run at most so many times before its pull."""
    states = ceil(log2(turns))
    places: list[int] = []
    rows: list[int] = []

    class Counted(Shelf):
        def put(self, place, state):
            super().put(place, state)
            places.append(place)
            assert self.rows is not None
            rows.extend(map(len, self.rows.values()))

    monkeypatch.setattr(loop_replay, "Shelf", Counted)
    text = f"param W = 0.3\nfunction f() {{ h = 0.1\n for i in 0..{turns} checkpoint {states} {{ h = sin(W + h) }}\n"
    found = paramprog.loads(f"{text} return h }}").grad()
    h, dh = 0.1, 0.0
    for _ in range(turns):
        h, dh = np.sin(0.3 + h), np.cos(0.3 + h) * (1 + dh)
    assert found["W"] == pytest.approx(dh, rel=1e-13)
    assert max(places) == max(rows) == states
    assert forward_turns(turns, states) <= states * turns


def test_a_state_is_not_changed_by_what_is_kept_later():
    """The rows of a shelf are written again; what was taken of it stays as it was."""
    c = Graph().leaf(Type("real", (2,)))
    shelf = Shelf({c: np.zeros(2)}, 2)
    shelf.put(1, {c: np.ones(2)})
    taken = shelf.get(1)
    shelf.put(1, {c: np.full(2, 2.0)})
    assert taken[c].tolist() == [1, 1]
    assert shelf.get(1)[c].tolist() == [2, 2]
    assert shelf.get(0)[c].tolist() == [0, 0]


def test_states_of_other_kinds_are_kept_as_they_are():
    """Such as tapes, or the number of a test of the schedule."""
    shelf = Shelf("start", 3)
    for place, state in ((1, "a"), (2, "b"), (2, "c"), (1, "d")):
        shelf.put(place, state)
    assert [shelf.get(k) for k in range(2)] == ["start", "d"]
