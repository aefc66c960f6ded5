"""Any number of threads computes the same, to the bit; calls share the pool, faults and forks included."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiling import needs_compiler
from small_runs import CLASSES, table, write_csv

import paramprog
from paramprog.cli import main
from paramprog.compile import c_plan, chunks, limits, sized_plan, threads
from paramprog.compile.c_plan import CPlan
from paramprog.compile.limits import limited, usable
from paramprog.diagnostics import ProgramError
from paramprog.gradient import adjoint
from paramprog.graph import Graph
from paramprog.op import OPS
from paramprog.types import Type

N = 300_000


def example() -> tuple[list[Any], list[Any], list[Any]]:
    """Sums, arrays, rows added up, the largest entry, far arguments of sin: (outputs, leaves, values)."""
    graph = Graph()
    x, w = graph.leaf(Type("real", (N,)), "x"), graph.leaf(Type("real", ()), "w")
    rows = graph.leaf(Type("real", (N, 3)), "rows")
    y = OPS["sum"](OPS["sin"](w * x) * OPS["exp"](-x * x), axes=(0,), sizes=(N,))
    outputs = [y, *adjoint(y, [w, x])]
    outputs += [OPS["argmax"](x, axes=(0,)), OPS["max"](x, axes=(0,), sizes=(N,))]
    outputs.append(OPS["sum"](OPS["tanh"](rows), axes=(0,), sizes=(N,)))
    rng = np.random.default_rng(7)
    return outputs, [x, w, rows], [rng.normal(size=N), np.float64(1.5), rng.normal(size=(N, 3))]


def made(count: int) -> CPlan:
    outputs, leaves, _ = example()
    with limited(count):
        return CPlan(outputs, leaves)


def same(found: Any, expected: Any) -> bool:
    return all(np.array_equal(f, e, equal_nan=True) for f, e in zip(found, expected, strict=True))


@pytest.fixture(params=["fast", "slow"])
def entry(request, monkeypatch):
    """Both entries: the built-in function, and ctypes."""
    if request.param == "slow":
        monkeypatch.setattr(c_plan, "layouts_hold", lambda: False)
    elif not c_plan.layouts_hold():
        pytest.skip("arrays look different here")


@needs_compiler
def test_any_number_of_threads_computes_the_same(entry):
    """1, 2, 3 and 4 threads, near and far arguments, call after call."""
    values = example()[2]
    plans = {count: made(count) for count in (1, 2, 3, 4)}
    assert [plan.threads for plan in plans.values()] == [1, 2, 3, 4] and "pp_chunks(" in plans[1].source
    for w in (1.5, 1e9):
        values[1] = np.float64(w)
        expected = plans[1](*values)
        for _ in range(3):
            assert all(same(plan(*values), expected) for plan in plans.values())


@needs_compiler
def test_compiled_programs_take_a_number_of_threads():
    """`Program.compile(threads=...)`: one sample and many, the value alone and its gradient."""
    text = "param w = 1.3\nfunction f(x : real) { return sin(w * x) * exp(-x * x) }"
    program = paramprog.loads(text)
    x = np.random.default_rng(0).normal(size=N)
    found = [program.compile(backend="c", batch=["x"], threads=k, x=x) for k in (1, 2, 3)]
    values = [(f(), *f.value_and_gradient(w=0.7)[1].values()) for f in found]
    assert same(values[1], values[0]) and same(values[2], values[0])
    with pytest.raises(ValueError, match="threads"):
        program.compile(threads=0, x=0.5)


@needs_compiler
def test_calls_share_the_pool():
    """Calls by many threads at once, each of which asks for more."""
    plan, values = made(3), example()[2]
    expected = plan(*values)
    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(lambda _: same(plan(*values), expected), range(40)))


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_has_a_pool_of_its_own():
    """The child has none of the threads of its parent, and computes the same; so does the parent afterwards."""
    plan, values = made(3), example()[2]
    expected = plan(*values)
    child = os.fork()
    if child == 0:
        os._exit(0 if same(plan(*values), expected) and same(plan(*values), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert same(plan(*values), expected)


@needs_compiler
def test_faults_are_the_same():
    """The operation that is named does not depend on who finds its fault first."""
    text = """function f(x : real[5], i : int[100000], j : int[100000]) {
        return sum([ sin(x[i[k]]) * exp(x[j[k]]) for k in 0..100000 ])
    }"""
    i, j = np.zeros((2, 100_000), int)
    i[99_999] = j[3] = 7
    point = paramprog.loads(text).point(x=np.ones(5), i=i, j=j)
    y = list(point.compiled.built.outputs.values())
    messages = set()
    for count in (1, 2, 4):
        with limited(count):
            plan = CPlan(y, list(point.leaves))
        assert plan.threads == count
        for _ in range(3):
            with pytest.raises(paramprog.ProgramError) as fault:
                plan(*point.leaves.values())
            messages.add(str(fault.value))
            with pytest.raises(ArithmeticError) as number:
                plan.call(*point.leaves.values())
            messages.add(str(number.value))
    assert len(messages) == 2


@needs_compiler
def test_threads_compute_with_the_numbers_of_the_caller():
    """Subnormal numbers are kept, or not, by all threads as by the one that calls."""
    graph = Graph()
    x = graph.leaf(Type("real", (N,)), "x")
    outputs = [OPS["exp"](x) * 1e-320 + OPS["sin"](x) * 1e-310]
    values = np.linspace(-1, 1, N)
    with limited(3):
        plan = CPlan(outputs, [x])
    np.testing.assert_array_equal(plan(values)[0], CPlan(outputs, [x])(values)[0])
    assert np.count_nonzero(plan(values)[0]) > N - 10


@needs_compiler
def test_training_does_not_depend_on_threads(tmp_path, monkeypatch):
    """`train --threads N` with the compiled step writes the same params, to the byte."""
    monkeypatch.setattr(chunks, "WORK", 1 << 8)
    monkeypatch.setattr(chunks, "PAYS", 1 << 10)
    monkeypatch.setattr(chunks, "LINE", 1)
    (tmp_path / "p.pp").write_text(CLASSES)
    data = write_csv(tmp_path / "d.csv", table(200))
    asked = []
    for module in (c_plan, sized_plan):
        monkeypatch.setattr(module, "usable", lambda: asked.append(usable()) or asked[-1])
    written = []
    for count in ("1", "2", "3", "4"):
        run = tmp_path / f"run{count}"
        words = ["train", str(tmp_path / "p.pp"), "--data", str(data), "--out", str(run), "--backend", "c"]
        words += ["--loss", "cross_entropy", "--target", "label", "--bind", "x=x_0,x_1", "--epochs", "5"]
        assert main([*words, "--batch", "64", "--threads", count, "--quiet"]) == 0
        written.append((run / "params.npz").read_bytes())
    assert set(written) == {written[0]} and set(asked) == {1, 2, 3, 4}


@needs_compiler
@pytest.mark.parametrize("real", ["float32", "float64"])
def test_products_share_their_rows(real):
    """In every layout, of sizes that no tile fits: each entry is the same sum, whoever computes it."""
    rng = np.random.default_rng(0)
    for spec, shapes in {
        "ij,jk->ik": ((301, 203), (203, 131)),
        "ji,jk->ik": ((203, 301), (203, 131)),
        "ij,kj->ik": ((301, 203), (131, 203)),
        "ji,kj->ki": ((203, 301), (131, 203)),
        "bij,bjk->bik": ((2, 301, 203), (2, 203, 131)),
    }.items():
        graph = Graph(real=real)
        leaves = [graph.leaf(Type("real", shape)) for shape in shapes]
        made = OPS["contract"](*leaves, spec=spec, sizes=())
        values = [rng.normal(size=shape).astype(real) for shape in shapes]
        found = []
        for count in (1, 2, 3, 7):
            with limited(count):
                plan = CPlan([made], leaves)
                assert plan.threads == count
                found.append(plan(*values)[0].tobytes())
        assert set(found) == {found[0]}


@needs_compiler
def test_without_a_pool_one_thread_computes(monkeypatch):
    """Where there are no threads of POSIX, the same comes out."""
    expected = made(2)(*example()[2])
    monkeypatch.setattr(threads, "pool", lambda: 0)
    plan = made(2)
    plan.library.handle.pp_use_pool(None)
    try:
        assert same(plan(*example()[2]), expected)
    finally:
        monkeypatch.undo()
        threads.connect(plan.library.handle)


@needs_compiler
def test_long_calls_let_other_threads_run():
    """Those with large arrays or with much to compute; short ones do not, as that takes longer than they."""
    lets = {}
    for turns in (10, 100_000):
        text = f"function f(x = 0.5) {{ s = x\n for t in 0..{turns} {{ s = sin(s) }}\n return s }}"
        lets[turns] = "state = PyEval_SaveThread()" in paramprog.loads(text).compile(backend="c").source
    assert lets == {10: False, 100_000: True}
    assert "state = PyEval_SaveThread()" in made(1).source


def test_how_many_threads(monkeypatch):
    """What is asked for, else $PARAMPROG_THREADS, else the CPUs of the process; nonsense is refused."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 5}, raising=False)
    for said, count in {"": 3, " ": 3, "2": 2, " 7 ": 7, "9999": limits.MOST}.items():
        monkeypatch.setenv("PARAMPROG_THREADS", said)
        assert usable() == count
        with limited(4), limited(None):
            assert usable() == 4
    for said in ("0", "-1", "many", "1e3", "\u00b2"):
        monkeypatch.setenv("PARAMPROG_THREADS", said)
        with pytest.raises(ProgramError, match="bad-threads"):
            usable()
        with limited(4):
            assert usable() == 4
    with pytest.raises(ValueError, match="not 0"), limited(0):
        pass


@needs_compiler
def test_the_option(tmp_path: Path, capsys):
    """`--threads` is where `--backend` is; it takes a number from 1."""
    (tmp_path / "p.pp").write_text("function f(x = 0.5) { return sin(x) }")
    for command in ("run", "grad"):
        assert main([command, str(tmp_path / "p.pp"), "--backend", "c", "--threads", "2"]) == 0
        assert main([command, str(tmp_path / "p.pp"), "--threads", "0"]) == 2
    assert "--threads" in capsys.readouterr().err
