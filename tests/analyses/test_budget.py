"""Budgets of memory: how many states loops keep, what is predicted, what is refused."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import paramprog
from paramprog.analyses.budget import bytes_text, note, parse_bytes, to_json
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.graph import Node
from paramprog.resources import programs_dir
from paramprog.transfer import branches, loop_run, loops
from paramprog.transfer.loop_replay import forward_turns

CHAIN = "param W = 0.3\nfunction f({argument}) {{ h = 0.1\n for i in 0..{turns} {{ h = sin(W + h) }}\n return h }}"


def chain(turns: int | str, argument: str = "") -> paramprog.Program:
    return paramprog.loads(CHAIN.format(turns=turns, argument=argument))


NESTED = """
param w = 0.8
function f(x = [0.4, -0.2, 0.7]) {
    h = x
    for i in 0..50 {
        for j in 0..40 { h = sin(w * h + i * 0.001) + h / (2 + j) }
        while sum(h * h) > 0.5 { h = h * 0.9 }
        h = h + 0.1
    }
    return sum(h)
}"""


def test_what_a_loop_records_is_predicted():
    """8 bytes a turn for cos(W + h), whose argument is what the pull reads."""
    found = chain(1000).grad(memory="1MB").memory
    assert found.predicted == found.recorded == 8000
    assert found.loops == []


def test_states_fill_the_budget_and_no_more():
    """Predictions stay within it, use it, and the turns run again are those of the schedule."""
    expected = chain(1000).grad()
    for budget in (24, 32, 100, 1000, 7999):
        found = chain(1000).grad(memory=budget)
        assert found["W"] == expected["W"]
        [loop] = found.memory.loops
        assert budget - 8 < found.memory.predicted <= budget
        assert (loop.turns, loop.runs) == (1000, forward_turns(1000, loop.states))
        assert loop.states == (budget - 16) // 8


def test_the_least_budget_is_named_and_enough():
    """For one loop, and for loops in loops, which then run turns again at both levels."""
    for program in (chain(1000), paramprog.loads(NESTED)):
        with pytest.raises(ProgramError) as raised:
            program.grad(memory=1)
        [told] = raised.value.diagnostics
        assert told.code == "memory-too-small" and told.span is not None
        least = int(told.hint.split()[1])
        assert program.grad(memory=least).memory.predicted == least
        with pytest.raises(ProgramError):
            program.grad(memory=least - 1)


@pytest.mark.parametrize("budget", ["1MB", "100kB", "5kB", "1kB", "400 B"])
def test_nested_loops(budget):
    """The gradient does not depend on the budget; a `while` inside counts as many turns as it takes at most."""
    program = paramprog.loads(NESTED)
    expected, found = program.grad(wrt=["w", "x"]), program.grad(wrt=["w", "x"], memory=budget)
    for name in "wx":
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-13)
    assert found.memory.predicted <= found.memory.budget


def test_numbers_of_turns_that_only_a_run_tells_are_counted_first():
    """A bound that is an input, and a `while`."""
    counted = chain("n", "n : int = 1000").grad({"n": 500}, memory="1kB").memory
    assert [loop.turns for loop in counted.loops] == [500]
    text = "param w = 0.9\nfunction f() { h = 9.0\n while h > 0.1 { h = h * w }\n return h }"
    program = paramprog.loads(text)
    found = program.grad(memory="100 B")
    [loop] = found.memory.loops
    assert loop.turns == 43
    assert found["w"] == pytest.approx(program.grad()["w"], rel=1e-13)


def test_a_budget_takes_the_place_of_checkpoint():
    """Room for all means that nothing is run again; `checkpoint 1` alone would."""
    text = CHAIN.format(turns="100 checkpoint 1", argument="")
    assert paramprog.loads(text).grad(memory="1MB").memory.loops == []


def test_many_samples():
    """The means over samples, whose rows are as many times as large; per sample everything is recorded, and told."""
    text = """param w = 0.3
function f(x) {
    h = x
    for i in 0..100 { h = sin(w + h) }
    return h
}"""
    rows = np.linspace(0.0, 1.0, 10)
    expected = paramprog.loads(text).grad({"x": rows}, batch=["x"])
    found = paramprog.loads(text).grad({"x": rows}, batch=["x"], memory="2kB")
    assert found["w"] == pytest.approx(expected["w"], rel=1e-12)
    assert found.memory.recorded == 8000 and found.memory.predicted <= 2000
    assert [loop.turns for loop in found.memory.loops] == [100]


def test_many_samples_whose_turns_only_a_run_tells_are_refused():
    """With the place of the loop."""
    text = "param w = 0.9\nfunction f(x) { h = x\n while h > 0.1 { h = h * w }\n return h }"
    with pytest.raises(ProgramError) as raised:
        paramprog.loads(text).grad({"x": [1.0, 2.0]}, batch=["x"], memory="1kB")
    [told] = raised.value.diagnostics
    assert told.code == "memory-turns" and told.span.line == 3


def test_only_the_reverse_mode_has_a_budget():
    with pytest.raises(ProgramError) as raised:
        chain(10).grad(mode="forward", memory="1kB")
    assert raised.value.diagnostics[0].code == "memory-mode"


@pytest.mark.parametrize(
    "given,size", [("64MB", 64_000_000), ("1.5 GiB", 3 * 2**29), ("640", 640), ("1kb", 1000), (12, 12)]
)
def test_amounts(given, size):
    """Units of 1000 and of 1024, and plain bytes."""
    assert parse_bytes(given) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1XB", "1e3", "nan", "0.1 B", True, 0, 1.5, "9" * 400])
def test_what_is_no_amount(text):
    """Nothing, signs, exponents, other units, less than a byte, numbers that are not whole."""
    with pytest.raises(ValueError, match="memory"):
        parse_bytes(text)


def test_what_people_and_programs_are_told():
    """One line, and JSON in bytes and turns."""
    found = chain(1000).grad(memory="1kB").memory
    assert note(found) == (
        "loops hold 1 kB of 1 kB for the gradient (8 kB if all were recorded): "
        "the loop at line 3 keeps 123 states for 1,000 turns and runs 1,874 turns again"
    )
    assert to_json(found) == {
        "budget": 1000,
        "predicted": 1000,
        "recorded": 8000,
        "loops": [{"line": 3, "col": 2, "turns": 1000, "states": 123, "runs": 1874}],
    }
    assert [bytes_text(n) for n in (12, 1240, 2_500_000)] == ["12 B", "1.24 kB", "2.5 MB"]


def test_histories_are_arrays_of_their_turns():
    """What is held is what is predicted: no list of small objects, whose bytes nobody counts."""
    program = paramprog.loads(CHAIN.format(turns=20_000, argument=""))
    program.grad()
    tracemalloc.start()
    try:
        program.grad()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * 8 * 20_000


def test_a_history_of_unknown_length_grows(monkeypatch):
    """A `while` doubles the array; its rows are all there."""
    monkeypatch.setattr(loop_run, "FIRST", 2)
    text = "param w = 0.9\nfunction f() { h = 9.0\n while h > 0.1 { h = h * w }\n return h }"
    assert paramprog.loads(text).grad()["w"] == pytest.approx(9 * 43 * 0.9**42, rel=1e-12)


@pytest.mark.parametrize("name", ["elman_rnn", "lstm", "fluid", "alignment", "memory", "newton", "pendulum"])
def test_the_prediction_is_what_the_histories_take(name, monkeypatch):
    """The bytes of all arrays that the regions of a shipped program hand out for pulls, counted as they run.

    Regions inside of loops hold some more while a turn runs.
    """
    program = paramprog.load(programs_dir() / f"{name}.pp")
    held, depth = [0], [0]

    def counting(run):
        def counted(node, args, keys, live):
            depth[0] += 1
            found = run(node, args, keys, live)
            depth[0] -= 1
            if not depth[0]:
                held[0] += sum(np.asarray(found[k]).nbytes for k in keys if isinstance(k, Node))
            return found

        return counted

    monkeypatch.setattr(loops, "run_loop", counting(loops.run_loop))
    monkeypatch.setattr(branches, "run_branch", counting(branches.run_branch))
    predicted = program.grad(memory="1GB").memory.predicted
    compiled, point = program.compiled(), program.point()
    (y,) = compiled.built.outputs.values()
    wrt = tuple(compiled.built.params.values() or compiled.built.inputs.values())
    present = [d for d in compiled.gradient(y, wrt, {}) if d is not None]
    held[0] = 0
    evaluate([y, *present], point.leaves)
    more = {"alignment": 192}
    assert predicted == held[0] + more.get(name, 0) > 0
