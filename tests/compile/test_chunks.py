"""Loops in chunks compute what whole loops compute: sums, ties, NaN, faults; what cannot be cut is not."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from compiling import check, gradients, needs_compiler, prints, sanitizers
from hypothesis import HealthCheck, given, settings
from strategies.graphs import Drawn, graphs
from strategies.hard_graphs import HardGraph, hard_graphs

import paramprog
from paramprog.compile import chunks
from paramprog.compile.builder import NotLowered
from paramprog.compile.c_plan import CPlan
from paramprog.compile.chunks import cut, rows_of
from paramprog.compile.kernel import AddProduct, Buf, Chunks, Fold, For, Kernel, Load, Start, Store
from paramprog.compile.source import c_source, lower, prepared
from paramprog.compile.tensor import Place
from paramprog.compile.toolchain import toolchain
from paramprog.gradient import adjoint
from paramprog.graph import Graph
from paramprog.op import OPS
from paramprog.resources import programs_dir
from paramprog.types import Type

KEEP = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def tiny(monkeypatch):
    """Every loop of two turns or more is cut, in at most three chunks."""
    for name, value in {"WORK": 1, "PAYS": 2, "MOST": 3, "LINE": 1, "ENTRIES": 1 << 30}.items():
        monkeypatch.setattr(chunks, name, value)


def mean_and_gradients(n: int) -> tuple[list[Any], list[Any], list[Any]]:
    """The mean over n samples of sin(w tanh(x)), its gradients by w and x, the leaves, their values."""
    graph = Graph()
    x, w = graph.leaf(Type("real", (n,)), "x"), graph.leaf(Type("real", ()), "w")
    y = OPS["mean"](OPS["sin"](w * OPS["tanh"](x)), axes=(0,), sizes=(n,))
    values = [np.random.default_rng(0).normal(size=n), np.float64(1.3)]
    return [y, *adjoint(y, [w, x])], [x, w], values


def source_of(outputs: list[Any], leaves: list[Any]) -> str:
    return c_source(lower(*prepared(outputs, leaves))).text()


def is_cut(*body: Any, extent: int = 10**7, starts: tuple[Start, ...] = ()) -> Chunks | None:
    """How a loop of these statements is cut."""
    loop = For(0, extent, list(body))
    cut(Kernel("k", [*starts, loop]), lambda kind, shape: Buf("room", kind, shape))
    return loop.chunks


# ---- what is cut -------------------------------------------------------------------------------------------------


def test_small_loops_are_as_before():
    """Code of small programs has no chunks in it, and that of large ones has."""
    for n, found in ((1000, False), (10**6, True)):
        outputs, leaves, _ = mean_and_gradients(n)
        assert ("pp_chunks" in source_of(outputs, leaves)) == found


A, B = Buf("a", "real", (10**6,)), Buf("b", "real", (10**6,))
HERE, NEXT, FIRST = (Place(0),), (Place(0, offset=1),), (Place(-1),)


def test_turns_that_read_what_others_write_are_not_cut():
    """Each turn may write its own entries and read them; not those of another, nor one of all."""
    assert is_cut(Load("v", A, HERE), Store(B, HERE, "v"))
    assert is_cut(Store(B, HERE, "v"), Load("v", B, HERE))
    assert not is_cut(Load("v", B, NEXT), Store(B, HERE, "v"))
    assert not is_cut(Load("v", A, HERE), Store(B, FIRST, "v"))
    assert not is_cut(Load("v", A, HERE), Store(B, ("i",), "v"))
    assert not is_cut(Load("v", B, ("i",)), Store(B, HERE, "v"))


def test_sums_of_chunks():
    """Accumulators and small arrays to which all turns add have one for each chunk; an array that is read has not."""
    small = Buf("s", "real", (10,))
    start = Start("t", "real", "+")
    summed = is_cut(Load("v", A, HERE), Fold("t", "real", "+", "v"), starts=(start,))
    assert summed is not None and summed.sums == [start]
    inner = For(1, 10, [AddProduct(small, (Place(1),), "v", "v")])
    added = is_cut(Load("v", A, HERE), inner)
    assert added is not None and added.arrays[small][0].shape == (added.most, 10)
    assert not is_cut(Load("v", A, HERE), inner, For(1, 10, [Load("w", small, (Place(1),))]))
    large = For(1, 10**6, [AddProduct(A, (Place(1),), "v", "v")])
    assert not is_cut(large), "sums would take more memory than the program"


def test_turns_of_a_chunk():
    """Chunks are whole vectors, at most so many, never shorter than what pays, whatever the number of turns."""
    cut = Chunks(least=1000, rows=320, line=64, most=16, sums=[])
    for n in (0, 1, 999, 1000, 1001, 5119, 5120, 10**6, 10**9 + 7):
        rows = rows_of(n, cut)
        assert rows == n if n < 1000 else rows % 64 == 0 and rows >= 320 and -(-n // rows) <= 16


# ---- what is computed --------------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("name", ["digits_mlp", "lstm", "kmeans_newton", "gaussian_process"])
def test_shipped_programs(tiny, name: str):
    """Value and gradients of shipped programs, every loop of them in chunks."""
    path = programs_dir() / f"{name}.pp"
    if not path.exists():
        pytest.skip("no such program")
    plan = check(*gradients(paramprog.load(path)))
    assert "pp_chunks(" in plan.source or name == "running_example"


@needs_compiler
@KEEP
@given(drawn=graphs())
def test_random_graphs(tiny, drawn: Drawn):
    """Value and gradients of random graphs with loops, branches and mapped bodies."""
    found = [d for d in adjoint(drawn.output, drawn.leaves) if d is not None]
    with suppress(NotLowered):
        check([drawn.output, *found], drawn.leaves, [drawn.inputs])


@needs_compiler
@KEEP
@given(drawn=hard_graphs())
def test_hard_graphs(tiny, drawn: HardGraph):
    """Infinities, NaN, zeros of both signs, ties, truth values: entry by entry as in NumPy."""
    check(drawn.outputs, list(drawn.inputs), [drawn.inputs], exact=True)


HARD = [
    [3.0, 1.0, 3.0, 1.0, 1.0, 3.0, 2.0],
    [1.0, 2.0, np.nan, 3.0, 3.0, 0.0, np.nan],
    [-np.inf, -np.inf, -np.inf, np.inf, np.inf, 1.0, 1.0],
    [0.0, -0.0, -0.0, 0.0, 0.0, -0.0, 0.0],
    [np.nan] * 7,
]


@needs_compiler
@pytest.mark.parametrize("x", HARD, ids=str)
def test_ties_and_nan(tiny, x: list[float]):
    """The first of equal entries, and NaN before all numbers, whatever chunks they are in."""
    text = (
        "function f(x : real[7]) { return max(x), min(x), argmax(x), argmin(x), any(x > 1.5), all(x > 1.5) }"
    )
    point = paramprog.loads(text).point(x=x)
    found = CPlan(list(point.compiled.built.outputs.values()), list(point.leaves))(np.array(x))
    x_ = np.array(x)
    expected = [np.max(x_), np.min(x_), np.argmax(x_), np.argmin(x_), np.any(x_ > 1.5), np.all(x_ > 1.5)]
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(f, e)


@needs_compiler
@pytest.mark.parametrize("n", [1, 2, 6, 7, 8])
def test_numbers_of_turns(tiny, n: int):
    """Chunks that end early, and chunks of one turn."""
    outputs, leaves, values = mean_and_gradients(n)
    check(outputs, leaves, [dict(zip(leaves, values, strict=True))])


@needs_compiler
def test_far_arguments(tiny):
    """Where one chunk finds arguments that the near forms are not for, all is computed by the whole functions."""
    graph = Graph()
    x = graph.leaf(Type("real", (7,)), "x")
    y = OPS["sum"](OPS["sin"](x), axes=(0,), sizes=(7,))
    points = [np.array([0.1, -0.2, 0.3, 1.0, far, 0.5, 0.6]) for far in (2.0, 2e6, 1e300, np.inf, np.nan)]
    plan = check([y, *adjoint(y, [x])], [x], [{x: p} for p in points])
    assert "_far" in plan.source


@needs_compiler
def test_faults(tiny):
    """An index out of range is found in any chunk, and told as without."""
    program = paramprog.loads(
        "function f(x : real[5], i : int[7]) { return sum([ square(x[i[k]]) for k in 0..7 ]) }"
    )
    for bad in (0, 3, 6):
        index = np.zeros(7, int)
        index[bad] = 5
        point = program.point(x=np.ones(5), i=index)
        (y,) = point.compiled.built.outputs.values()
        check([y], list(point.leaves), [point.leaves])


@needs_compiler
def test_sums_are_closer():
    """A sum of a million equal numbers, of which one alone would lose digits at each step."""
    outputs, leaves, _ = mean_and_gradients(10**6)
    found = CPlan(outputs, leaves)(np.full(10**6, 0.1), 0.7)[0]
    np.testing.assert_allclose(found, np.sin(0.7 * np.tanh(0.1)), rtol=2e-14)


@needs_compiler
def test_exported_source_has_the_same_chunks(tmp_path, monkeypatch):
    """It is C99 without warnings, clean under sanitizers, needs no threads, and computes the same, to the bit."""
    monkeypatch.setattr(chunks, "WORK", 1 << 8)
    monkeypatch.setattr(chunks, "PAYS", 1 << 10)
    text = "function f(x : real[500]) { return sum([ sin(x[k]) * exp(x[k]) for k in 0..500 ]) }"
    program = paramprog.loads(text)
    x = np.random.default_rng(1).normal(size=500)
    exported = program.export(x=x)
    assert "pp_chunks(" in exported and "pthread" not in exported
    printed = prints(exported, tmp_path, *sanitizers())
    assert printed is not None
    np.testing.assert_allclose(printed[0], [program(x=x)], rtol=1e-12)
    (tmp_path / "f.c").write_text(exported)
    tool = toolchain()
    assert tool is not None
    flags = [flag for flag in tool.flags if flag not in ("-shared", "-fPIC")]
    words = [*tool.command, *flags, str(tmp_path / "f.c"), "-o", str(tmp_path / "f"), "-lm"]
    subprocess.run(words, check=True)
    done = subprocess.run([tmp_path / "f"], capture_output=True, text=True, check=True)
    value, gradient = [np.array(line.split(":")[1].split(), float) for line in done.stdout.splitlines()]
    fast = program.compile(backend="c", x=x)
    for found, expected in zip((value[0], gradient), fast.call(x), strict=True):
        np.testing.assert_array_equal(found, expected)
