"""Sparse Jacobians: the entries are those of dense ones, patterns are exact, and the work is that of the entries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies.graphs import Drawn, graphs
from strategies.hard_graphs import HardGraph, hard_graphs
from strategies.programs import programs

import paramprog
from paramprog import choose, sparse
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate, trace
from paramprog.gradient import tangent
from paramprog.graph import Region
from paramprog.jacobian import jacobians
from paramprog.resources import programs_dir
from paramprog.sparse import found_pattern, sparse_jacobians

WRT = ["w", "u", "W", "x", "v", "y", "A"]


def agree(output: Any, wrt: Any, leaves: Any) -> None:
    """Each entry that is missing is 0 in the dense Jacobian, all others are equal, in both modes.

    It may be NaN there: within an operation the dense one multiplies zeros of a unit vector by what may be infinite.
    """
    for mode in ("reverse", "forward"):
        dense = jacobians(output, wrt, leaves, mode).found
        found = sparse_jacobians(output, wrt, leaves, mode)
        for name, x in wrt.items():
            wanted = np.zeros((*output.shape, *x.shape)) if dense[name] is None else dense[name]
            made = found.found[name].dense()
            assert made.shape == wanted.shape
            absent = np.ones(found.found[name].shape, np.bool_)
            absent[found.found[name].rows, found.found[name].columns] = False
            wanted = np.where(np.isnan(wanted) & absent.reshape(wanted.shape), 0, wanted)
            tolerance = 1e-12 if made.dtype == np.float64 else 1e-4
            scale = tolerance * np.max(np.abs(wanted), initial=0.0, where=np.isfinite(wanted))
            np.testing.assert_allclose(made, wanted, rtol=tolerance, atol=scale)


@given(graphs(), st.data())
def test_random_graphs(drawn: Drawn, data: Any):
    """With branches and loops, for outputs of any shape."""
    real = [n for n in drawn.graph.nodes if n.kind == "real" and not isinstance(n.op, Region)]
    output = data.draw(st.sampled_from(real))
    agree(output, {x.name or "": x for x in drawn.leaves}, drawn.inputs)
    drawn.graph.check()


@settings(max_examples=60)
@given(programs(depth=1, regions=True))
def test_random_programs(text: str):
    """Comprehensions, updates, gathers, loops and branches: by every name at once."""
    program = paramprog.loads(text)
    dense, found = program.jacobian(wrt=WRT), program.jacobian(wrt=WRT, sparse=True)
    for name in WRT:
        np.testing.assert_allclose(found[name].dense(), dense[name], rtol=1e-9, atol=1e-9)


# ---- patterns --------------------------------------------------------------------------------------------------------

PATTERNS = {
    "a stencil": (
        "function f(x : real[6]) { return [x[i] * x[i + 2] - sin(x[i + 1]) for i in 0..4] }",
        [[1, 1, 1, 0, 0, 0], [0, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1]],
    ),
    "indices at the point": (
        "function f(x : real[4], i : int[3] = [3, 0, 3]) { return [x[i[k]] ** 2 for k in 0..3] }",
        [[0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 1]],
    ),
    "lanes that are selected": (
        "function f(x : real[3] = [-1, 1, 2]) { return if x > 0 then x * x[0] else sin(x) }",
        [[1, 0, 0], [1, 1, 0], [1, 0, 1]],
    ),
    "the side that is taken": (
        "function f(x : real[3] = [1, 2, 3]) { y = x; if x[0] > 0 { y = x * x[1] } else { y = x * x[2] }; return y }",
        [[1, 1, 0], [0, 1, 0], [0, 1, 1]],
    ),
    "a loop that carries": (
        "function f(x : real[4]) { s = 0.0; y = x; for i in 0..4 { s = s + x[i] ** 2; y[i] = s }; return y }",
        np.tril(np.ones((4, 4))),
    ),
    "the turns of a while": (
        "function f(x : real[3] = [4, 1, 2]) "
        "{ y = x; while y[0] > 1 { y = y / 2 * [1, x[0], 1] }; return y }",
        [[1, 0, 0], [1, 1, 0], [0, 0, 1]],
    ),
    "entries that are replaced": (
        "function f(x : real[4]) { y = x * x; y[1:3] = [0, x[0]]; return y }",
        [[1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]],
    ),
    "the order that is found": (
        "function f(x : real[3] = [2, 3, 1]) { return sort(x) }",
        [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
    ),
    "matrix products": (
        "function f(x : real[2, 2]) { return x @ [[1, 2], [3, 4]] }",
        [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]],
    ),
    "a triangular system": (
        "function f(x : real[3]) { return solve_triangular([[1, 0, 0], [1, 1, 0], [1, 1, 1]], x) }",
        np.tril(np.ones((3, 3))),
    ),
    "values that lie on tapes": (
        "function f(x : real[2]) { t = push(push(tape(x), x * x), x * x[0]); u, a = pop(t); return a * top(u) }",
        [[1, 0], [1, 1]],
    ),
    "tapes that a while fills": (
        "function f(x : real[3] = [1, 2, 3]) { t = tape(x); n = 0; y = x; "
        "while y[0] < 20 { t = push(t, y); y = 2 * y + x; n = n + 1 }; s = zeros(3); "
        "for k in 0..n { t, v = pop(t); s = s / 2 + v * x[0] }; return s }",
        [[1, 0, 0], [1, 1, 0], [1, 0, 1]],
    ),
    "numbers have no part in it": ("function f(x : real[2]) { return 0 * x }", np.eye(2)),
    "what is constant does": ("function f(x : real[2]) { return floor(x) + stop(x) }", np.zeros((2, 2))),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_are_exact(name: str):
    """No entry too many, none missing, and what is there is what the dense Jacobian has."""
    text, wanted = PATTERNS[name]
    program = paramprog.loads(text)
    for mode in ("auto", "forward", "reverse"):
        found = program.jacobian(sparse=True, wrt=["x"], mode=mode)["x"]
        pattern = np.zeros(found.shape)
        np.add.at(pattern, (found.rows, found.columns), 1)
        np.testing.assert_array_equal(pattern, wanted)
        np.testing.assert_allclose(found.dense(), program.jacobian(wrt=["x"])["x"], rtol=1e-14)


def test_the_pattern_is_that_of_the_point():
    """Another index, another entry; nothing that was made for the first point is wrong for the second."""
    program = paramprog.loads("function f(x : real[3], i : int) { return [x[i], x[0]] * x[1] }")
    for i, entries in ((0, 4), (2, 4), (1, 3)):
        found = program.jacobian(x=[1, 2, 3], i=i, sparse=True)["x"]
        assert found.nnz == entries
        np.testing.assert_array_equal(found.dense(), program.jacobian(x=[1, 2, 3], i=i)["x"])


def test_an_infinite_entry_spoils_no_other():
    """Entries beside it in a compressed product are structural zeros: no 0 times infinity."""
    program = paramprog.loads("function f(x : real[3] = [0, 4, 0]) { return sqrt(x) + [0, x[0], 0] }")
    found = program.jacobian(sparse=True)
    np.testing.assert_array_equal(found["x"].dense(), [[np.inf, 0, 0], [1, 0.25, 0], [0, 0, np.inf]])
    assert [w.code for w in found.warnings] == ["non-finite"]


@given(hard_graphs())
def test_hard_points(drawn: HardGraph):
    """At zeros, infinities and far out, in both precisions."""
    output = drawn.outputs[-1]
    if output.kind == "real":
        agree(output, {x.name or "": x for x in drawn.inputs if x.kind == "real"}, drawn.inputs)


# ---- colours and effort ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, mode, colours",
    [
        ("function f(x : real[50]) { return [x[i] * x[i + 1] for i in 0..49] }", "forward", 2),
        ("function f(x : real[50]) { return concat([sum(x * x)], [x[0]], axis = 0) }", "reverse", 2),
        ("function f(x : real[50]) { return [x[0] * x[i] for i in 0..50] }", "forward", 2),
        ("function f(x : real[50]) { return [sum(x[i:i + 1]) ** 3 for i in 0..50] }", "forward", 1),
        ("function f(x : real[3]) { return floor(x) }", "forward", 0),
    ],
)
def test_the_fewer_colours_are_taken(text: str, mode: str, colours: int):
    """Of columns, or of rows."""
    found = paramprog.loads(text).jacobian(sparse=True)
    assert (found.mode, found.colours) == (mode, colours)


def test_the_columns_of_several_names_share_colours():
    """Two diagonal Jacobians whose rows are apart take one product together."""
    program = paramprog.loads("function f(x : real[4], y : real[4]) { return concat(x * x, sin(y)) }")
    found = program.jacobian(sparse=True)
    assert (found.mode, found.colours) == ("forward", 1)
    dense = program.jacobian()
    for name in "xy":
        np.testing.assert_array_equal(found[name].dense(), dense[name])


def observations(n: int) -> tuple[Any, Any, Any]:
    """Bundle adjustment of n observations: the residuals, the params and the values of the leaves."""
    dims = {"cameras": 20, "points": n // 5, "n": n}
    program = paramprog.load(programs_dir() / "bundle_adjustment.pp", "residuals", dims=dims)
    point = program.point()
    return choose.output(point.compiled, None, scalar=False), choose.wrt(point.compiled, None), point.leaves


def test_bundle_adjustment_is_its_dense_jacobian():
    """Blocks of 2 x 10 (each coordinate has its own centre of the image), 2 x 3 and 2 x 1, and a diagonal."""
    program = paramprog.load(programs_dir() / "bundle_adjustment.pp", "residuals")
    found, dense = program.jacobian(sparse=True), program.jacobian()
    assert {name: found[name].nnz for name in "CXw"} == {"C": 6 * 2 * 10, "X": 6 * 2 * 3, "w": 6 * 3}
    for name in "CXw":
        np.testing.assert_allclose(found[name].dense(), dense[name], rtol=1e-13, atol=1e-15)


def test_ten_times_the_rows_take_ten_times_the_work():
    """The number of products stays, the sets united grow with the entries: nothing grows with rows times columns."""
    united, entries = [], []
    for n in (400, 4000):
        output, wrt, leaves = observations(n)
        nodes = list(wrt.values())
        pattern = found_pattern(trace([output], leaves, keep=nodes), output, nodes)
        assert pattern.entries == 2 * n * 14 + n
        assert sparse.coloured(pattern, "auto")[1].count == 14
        united.append(pattern.sets.members)
        entries.append(pattern.entries)
    assert united[0] < 4 * entries[0]
    assert united[1] < 1.05 * 10 * united[0]


def test_a_hundred_thousand_rows():
    """Against one product that has all columns: J t by the tangent graph, for a random t."""
    n = 34_000
    dims = {"cameras": 50, "points": n // 5, "n": n}
    program = paramprog.load(programs_dir() / "bundle_adjustment.pp", "residuals", dims=dims)
    found = program.jacobian(sparse=True)
    assert (found.mode, found.colours) == ("forward", 14)
    assert found["C"].shape == (3 * n, 50 * 11)
    point = program.point()
    output, wrt = choose.output(point.compiled, None, scalar=False), choose.wrt(point.compiled, None)
    rng = np.random.default_rng(0)
    directions = {name: rng.standard_normal(x.shape) for name, x in wrt.items()}
    seeds = {x: x.graph.leaf(x.type) for x in wrt.values()}
    values = {seeds[x]: directions[name] for name, x in wrt.items()}
    pushed = evaluate([tangent(output, seeds)], {**point.leaves, **values})[0]
    made = sum(found[name].scipy() @ np.ravel(t) for name, t in directions.items())
    np.testing.assert_allclose(made, pushed, rtol=0, atol=1e-12 * np.abs(pushed).max())


def test_products_are_made_once_and_computed_together(monkeypatch: pytest.MonkeyPatch):
    """A second point appends nothing to the graph; small ones take one run for all colours."""
    runs: list[int] = []
    real = sparse._Steps.__call__
    monkeypatch.setattr(
        sparse._Steps, "__call__", lambda self, chosen, count: runs.append(count) or real(self, chosen, count)
    )
    program = paramprog.loads("function f(x : real[9]) { return [x[i] * x[i + 1] * x[i + 2] for i in 0..7] }")
    program.jacobian(x=np.ones(9), sparse=True)
    assert runs == [4]
    graph = program.compiled().built.graph
    size = len(graph)
    program.jacobian(x=np.arange(9.0), sparse=True)
    assert len(graph) == size
    monkeypatch.setattr(sparse, "TOGETHER", 1)
    found = program.jacobian(x=np.arange(9.0), sparse=True)
    assert runs[2:] == [1, 1, 1]
    np.testing.assert_array_equal(found["x"].dense(), program.jacobian(x=np.arange(9.0))["x"])


# ---- the interface ---------------------------------------------------------------------------------------------------


def test_what_is_found():
    """Coordinates in order, the dense array, SciPy's matrix; names within the program, and one twice."""
    program = paramprog.loads(
        "function f(x : real[2, 2] = [[1, 2], [3, 4]], z = 1.0) { y = x * x; s = y[0]; return y @ s }"
    )
    found = program.jacobian(wrt=["x", "y", "z"], sparse=True)
    assert found.structural_zero == ["z"]
    made, dense = found["x"], program.jacobian(wrt=["x", "y", "z"])
    assert made.shape == (2, 4)
    assert list(zip(made.rows.tolist(), made.columns.tolist(), strict=True)) == sorted(
        zip(made.rows.tolist(), made.columns.tolist(), strict=True)
    )
    for name in "xyz":
        np.testing.assert_allclose(found[name].dense(), dense[name], rtol=1e-14)
        np.testing.assert_array_equal(
            found[name].scipy().toarray(), found[name].dense().reshape(found[name].shape)
        )
    np.testing.assert_array_equal(found.value, dense.value)


def test_two_names_for_one_point():
    """Both have the whole Jacobian."""
    program = paramprog.loads("function f(x : real[3] = [1, 2, 3]) { return [x[i] * x[0] for i in 0..3] }")
    point = program.point()
    x, output = point.compiled.built.inputs["x"], choose.output(point.compiled, None, scalar=False)
    for mode in ("forward", "reverse"):
        found = sparse_jacobians(output, {"a": x, "b": x}, point.leaves, mode).found
        for made in found.values():
            np.testing.assert_array_equal(made.dense(), [[2, 0, 0], [2, 1, 0], [3, 0, 1]])


def test_single_precision():
    """Entries are as precise as the program."""
    program = paramprog.loads("function f(x : real[3] = [1, 2, 3]) { return exp(x) }", dtype="float32")
    assert program.jacobian(sparse=True)["x"].values.dtype == np.float32


def test_faults_are_those_of_a_run():
    """With their place."""
    program = paramprog.loads("function f(x : real[2], i : int) { return [x[i]] }")
    with pytest.raises(ProgramError, match="index-range"):
        program.jacobian(x=[1, 2], i=2, sparse=True)
