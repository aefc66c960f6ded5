"""When compiling pays: a function of program, sizes and runs, the same on every machine."""

from __future__ import annotations

import pytest

import paramprog
from paramprog.compile import backend
from paramprog.compile.numpy_plan import Plan
from paramprog.graph import Graph
from paramprog.op import OPS
from paramprog.types import Type


def chain(length: int, size: int = 1):
    graph = Graph()
    x = graph.leaf(Type("real", (size,)))
    y = x
    for _ in range(length):
        y = OPS["sin"](y) + x
    return [y], [x]


def test_one_run_never_pays():
    """What runs once is interpreted, however large."""
    assert not backend.pays(chain(1000, 1000)[0], 1)


def test_many_runs_pay_at_some_point():
    """More runs, and larger arrays, can only speak for compiling."""
    outputs, _ = chain(10)
    decisions = [backend.pays(outputs, 10**k) for k in range(8)]
    assert decisions == sorted(decisions) and decisions[-1]
    assert backend.pays(chain(10, 10**6)[0], 1000) and not backend.pays(chain(10)[0], 1000)


def test_very_long_programs_are_interpreted():
    """Compiling them takes longer than anyone wants to wait without having asked."""
    assert not backend.pays(chain(backend.MOST)[0], 10**9)


def test_no_clock_is_asked(monkeypatch):
    """The decision is the same however busy the machine is."""
    for name in ("time", "perf_counter", "monotonic", "process_time"):
        monkeypatch.setattr(f"time.{name}", lambda: pytest.fail("a clock decides"))
    assert backend.pays(chain(10)[0], 10**7)


def test_numpy_is_numpy():
    """Asked for, it is not second-guessed."""
    chosen = backend.choose(*chain(3), backend="numpy", runs=10**9)
    assert isinstance(chosen.plan, Plan) and chosen.backend == "numpy" and chosen.toolchain == ""


def test_a_fault_of_the_compiler_ends_nothing(monkeypatch):
    """Where C is not asked for, NumPy computes what our compiler fails on, and a note says so; else it is told."""

    def broken(*given: object) -> None:
        raise KeyError("part31")

    monkeypatch.setattr(backend, "_compiled", broken)
    program = paramprog.loads("param W = 2.0\nfunction f(x = 0.5) { return tanh(W * x) }")
    fast = program.compile()
    assert fast.backend == "numpy" and "fault of paramprog" in fast.note and "KeyError" in fast.note
    assert fast() == program()
    with pytest.raises(KeyError):
        program.compile(backend="c")
