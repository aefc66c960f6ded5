"""The way into compiled code: it takes what fits, makes the rest fit, refuses what cannot; many threads at once."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from compiling import needs_compiler

import paramprog
from paramprog.compile import c_plan
from paramprog.compile.c_plan import CPlan
from paramprog.evaluate import evaluate
from paramprog.graph import Graph
from paramprog.op import OPS
from paramprog.types import Type

pytestmark = needs_compiler


def example(real: Any = "float64") -> tuple[CPlan, list[Any]]:
    """(a x + i, c ? x : 0, sum x) of a real vector, a real, an int and a bool."""
    graph = Graph(real=real)
    x, a = graph.leaf(Type("real", (3,)), "x"), graph.leaf(Type("real", ()), "a")
    i, c = graph.leaf(Type("int", ()), "i"), graph.leaf(Type("bool", ()), "c")
    outputs = [
        x * a + OPS["real"](i),
        OPS["mask"](c, OPS["sum"](x, axes=(0,), sizes=(3,))),
        OPS["greater"](x, 0.0),
        i + 1,
    ]
    return CPlan(outputs, [x, a, i, c]), [np.array([1.0, -2.0, 3.5], real), 2.0, 4, True]


def same(found: Any, expected: Any) -> None:
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=1e-12)
        assert np.asarray(f).dtype == np.asarray(e).dtype


@pytest.fixture(params=["fast", "slow"])
def entry(request, monkeypatch):
    """Both entries: the built-in function, and ctypes."""
    if request.param == "slow":
        monkeypatch.setattr(c_plan, "layouts_hold", lambda: False)
    elif not c_plan.layouts_hold():
        pytest.skip("arrays look different here")


@pytest.mark.parametrize("real", ["float64", "float32"])
def test_values_of_all_kinds(entry, real):
    """Arrays, reals, ints and bools go in and come out with their dtypes."""
    plan, values = example(real)
    point = dict(
        zip(plan.inputs, [np.asarray(v, d) for v, d in zip(values, plan.dtypes, strict=True)], strict=True)
    )
    same(plan(*values), evaluate(plan.outputs, point))


@pytest.mark.parametrize(
    "x",
    [
        np.array([1, -2, 3]),
        [1.0, -2.0, 3.0],
        np.array([1.0, 0, -2, 0, 3, 0])[::2],
        np.array([1.0, -2.0, 3.0], ">f8"),
        np.array([1.0, -2.0, 3.0], np.float32),
        np.frombuffer(b"\0" + np.array([1.0, -2.0, 3.0]).tobytes(), np.uint8)[1:].view(np.float64),
    ],
    ids=["ints", "list", "strided", "big-endian", "float32", "unaligned"],
)
def test_what_does_not_fit_is_made_to_fit(entry, x):
    """Other kinds, orders, steps and places in memory are converted, never read as they are."""
    plan, (_, *rest) = example()
    same(plan(x, *rest), plan(np.array([1.0, -2.0, 3.0]), *rest))


def test_wrong_shapes_are_refused(entry):
    """Nothing is read beyond an array."""
    plan, (_, *rest) = example()
    for x in (np.zeros(2), np.zeros((3, 1)), np.zeros(4), 1.0):
        with pytest.raises(ValueError, match="has shape"):
            plan(x, *rest)


def test_a_wrong_number_of_arguments_is_refused(entry):
    """Neither too few nor too many."""
    plan, values = example()
    with pytest.raises((TypeError, ValueError)):
        plan(*values[:-1])


def test_results_are_new_arrays(entry):
    """What a call returned stays what it was."""
    plan, values = example()
    first = plan(*values)[0].copy(), plan(*values)[0]
    plan(np.zeros(3), *values[1:])
    np.testing.assert_array_equal(*first)


def test_results_are_written_into_arrays(entry):
    """`into` names the arrays of some of the outputs; strided ones too."""
    graph = Graph()
    x = graph.leaf(Type("real", (3,)), "x")
    room, wide = np.zeros(3), np.zeros(6)
    plan = CPlan([x * 2.0, x + 1.0, OPS["sum"](x, axes=(0,), sizes=(3,))], [x], {0: room, 1: wide[::2]})
    found = plan(np.array([1.0, 2.0, 3.0]))
    assert found[0] is room and room.tolist() == [2, 4, 6] and wide.tolist() == [2, 0, 3, 0, 4, 0]


def test_many_threads(entry):
    """A plan may be entered by several threads at once, arrays between them and all."""
    program = paramprog.load(paramprog.resources.programs_dir() / "fluid.pp")
    point = program.point()
    y = next(iter(point.compiled.built.outputs.values()))
    leaves = list(point.leaves)
    plan = CPlan([y], leaves)
    values = [
        [np.asarray(v) * (1 + 0.01 * k) if leaf.kind == "real" else v for leaf, v in point.leaves.items()]
        for k in range(8)
    ]
    expected = [plan(*v)[0] for v in values]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            assert list(pool.map(lambda v: plan(*v)[0], values)) == expected


def test_nothing_is_leaked(entry):
    """Neither references nor results stay behind, faults included."""
    plan, values = example()
    x = values[0]
    before = sys.getrefcount(x)
    for _ in range(1000):
        plan(*values)
    gc.collect()
    assert sys.getrefcount(x) == before


def test_a_fault_is_told_as_numpy_tells_it(entry):
    """Code, message and place are those of node-by-node evaluation."""
    program = paramprog.loads("function f(x : real[3], i : int) { return x[i] }")
    point = program.point(x=[1.0, 2.0, 3.0], i=7)
    (y,) = point.compiled.built.outputs.values()
    plan = CPlan([y], list(point.leaves))
    with pytest.raises(paramprog.ProgramError) as compiled:
        plan(*point.leaves.values())
    with pytest.raises(paramprog.ProgramError) as evaluated:
        evaluate([y], point.leaves)
    assert str(compiled.value) == str(evaluated.value) and "index-range" in str(compiled.value)


def test_layouts_are_tested():
    """The fast entry is used only where arrays look as it expects."""
    if c_plan.layouts_hold():
        assert c_plan._array_looks_right(np.arange(6.0).reshape(2, 3))
