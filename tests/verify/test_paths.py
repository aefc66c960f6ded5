"""The path sum: every path once, structural zeros on none, exact counts, and what happens when there are too
many.
"""

from __future__ import annotations

import subprocess
import sys
from inspect import signature
from typing import Any

import numpy as np
import pytest

import paramprog.transfer  # noqa: F401  fills OPS
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import Trace, trace
from paramprog.gradient import pulled
from paramprog.graph import Graph, Node
from paramprog.op import OPS, Linear, Op, push
from paramprog.transfer.branches import branch
from paramprog.transfer.facts import plain
from paramprog.transfer.tape import TAPES
from paramprog.types import Type
from paramprog.verify.factors import TooLargeError, factors
from paramprog.verify.paths import PathSum, count_paths, gradient_by_paths, path_sum


def real(*shape: int) -> Type:
    return Type("real", shape)


def total(x: Node) -> Node:
    return OPS["sum"](x, axes=tuple(range(len(x.shape))), sizes=x.shape)


def ladder(rungs: int) -> tuple[Node, Node, Trace]:
    """y = y * 0.5 + y, again and again: every rung doubles the paths."""
    graph = Graph()
    x = graph.leaf(real(), "x")
    y: Any = x
    for _ in range(rungs):
        y = y * 0.5 + y
    return x, y, trace([y], {x: np.float64(2.0)})


def agrees(found: PathSum, run: Trace, start: Node, output: Node, covector: Any) -> None:
    """The path sum equals the one-pass solution to rounding errors."""
    expected = plain(pulled(run.nodes, run.values, output, covector)[start])
    if found.value is not None:
        np.testing.assert_array_less(np.abs(found.value - expected), 1e-12 * found.magnitude + 1e-300)
    for p in found.projections:
        assert abs(p.value - np.vdot(expected, p.tangent)) <= 1e-12 * p.magnitude
    assert found.value is not None or found.projections


def test_a_square_is_two_paths() -> None:
    """x * x uses x at two ports: two edges, two paths, derivative 2x."""
    graph = Graph()
    x = graph.leaf(real(), "x")
    run = trace([y := x * x], {x: np.float64(3.0)})
    found = path_sum(run, x, y)
    assert (found.paths, found.value, found.magnitude, found.how) == (2, 6.0, 6.0, "dense")


def test_the_output_itself_is_one_empty_path() -> None:
    """d(output)/d(output) = 1, times the covector."""
    graph = Graph()
    x = graph.leaf(real(2), "x")
    found = path_sum(trace([x], {x: np.ones(2)}), x, x, np.array([2.0, 3.0]))
    assert found.paths == 1
    np.testing.assert_array_equal(found.value, [2.0, 3.0])


def test_diamonds_double() -> None:
    """n diamonds one after the other are 2^n paths, and all are walked."""
    x, y, run = ladder(12)
    found = path_sum(run, x, y)
    assert found.paths == 2**12
    assert found.value == pytest.approx(1.5**12, rel=1e-14)
    assert found.magnitude == pytest.approx(1.5**12, rel=1e-14)


def test_sums_of_many_equal_paths_do_not_drift() -> None:
    """2^16 paths of one weight: added in pairs, so the error does not grow with their number."""
    x, y, run = ladder(16)
    assert path_sum(run, x, y).value == pytest.approx(1.5**16, rel=2e-15)


def test_a_ladder_is_counted_exactly() -> None:
    """200 diamonds are 2^200 paths, counted in one pass."""
    x, y, run = ladder(200)
    assert count_paths(run, x, y) == 2**200


def test_too_many_paths_are_refused_with_a_prediction() -> None:
    """Over the limit nothing is walked but a sample; the exact count, the magnitude and the predicted time
    remain.
    """
    x, y, run = ladder(200)
    found = path_sum(run, x, y)
    assert (found.paths, found.value) == (2**200, None)
    assert found.magnitude == pytest.approx(1.5**200, rel=1e-12)
    assert found.predicted is not None
    assert found.predicted > 1e40
    assert path_sum(*_of(ladder(12)), max_paths=2**12).value is not None
    assert path_sum(*_of(ladder(12)), max_paths=2**12 - 1).value is None


def _of(made: tuple[Node, Node, Trace]) -> tuple[Trace, Node, Node]:
    return made[2], made[0], made[1]


def test_a_gradient_by_paths_is_an_array_a_structural_zero_or_a_refusal() -> None:
    """What `--mode paths` shows: the sum in the dtype of the point, None without a path, or an error."""
    x, y, run = ladder(12)
    assert gradient_by_paths(run, x, y) == pytest.approx(1.5**12)
    with pytest.raises(ProgramError, match=r"4,096 paths lead from `x` to the output(.|\n)*--max-paths"):
        gradient_by_paths(run, x, y, max_paths=4095)
    graph = Graph(real="float32")
    a, b = graph.leaf(real(2), "a"), graph.leaf(real(), "b")
    run = trace([z := total(a * 2.0)], {a: np.ones(2, np.float32), b: np.float32(1)}, keep=[b])
    assert gradient_by_paths(run, b, z) is None
    assert gradient_by_paths(run, a, z).dtype == np.float32


def test_the_time_of_more_paths_than_floats_can_say() -> None:
    """2^3000 paths: the count stays exact, the predicted time is infinite, and nothing overflows."""
    x, y, run = ladder(3000)
    found = path_sum(run, x, y)
    assert found.paths == 2**3000
    assert found.predicted == float("inf")


def test_long_paths_need_no_recursion() -> None:
    """A chain of 20,000 operations is one path."""
    graph = Graph()
    x = graph.leaf(real(), "x")
    y: Any = x
    for _ in range(20_000):
        y = OPS["sin"](y)
    run = trace([y], {x: np.float64(1.0)})
    found = path_sum(run, x, y)
    assert found.paths == 1
    agrees(found, run, x, y, np.float64(1.0))


def test_a_shared_weight_has_a_path_for_each_use() -> None:
    """h = tanh(W h + b), three times: W is reached by 3 uses, each from both of the paths of log(max(h * h) +
    1).
    """
    graph = Graph()
    W, b, h0 = graph.leaf(real(3, 3), "W"), graph.leaf(real(3), "b"), graph.leaf(real(3), "h0")
    h: Any = h0
    for _ in range(3):
        h = OPS["tanh"](OPS["contract"](W, h, spec="ij,j->i", sizes=()) + b)
    y = OPS["log"](OPS["max"](h * h, axes=(0,), sizes=(3,)) + 1.0)
    rng = np.random.default_rng(0)
    run = trace([y], {n: rng.standard_normal(n.shape) for n in (W, b, h0)})
    for x, paths in ((W, 6), (b, 6), (h0, 2)):
        found = path_sum(run, x, y)
        assert found.paths == paths
        agrees(found, run, x, y, np.float64(1.0))


def test_a_vector_output_is_weighed() -> None:
    """With covector c the sum is c^T J."""
    graph = Graph()
    x = graph.leaf(real(3), "x")
    y = OPS["exp"](x) * x
    c, at = np.array([1.0, -2.0, 0.5]), np.array([0.1, 0.2, 0.3])
    found = path_sum(trace([y], {x: at}), x, y, c)
    np.testing.assert_allclose(found.value, c * (np.exp(at) * at + np.exp(at)), rtol=1e-14)


def test_structural_zeros_carry_no_path() -> None:
    """Through a comparison and into the condition of a mask no derivative flows, so there is no path to
    count.
    """
    graph = Graph()
    x = graph.leaf(real(3), "x")
    y = total(OPS["mask"](OPS["greater"](x, 0.0), x * x))
    run = trace([y], {x: np.array([-1.0, 0.0, 2.0])})
    found = path_sum(run, x, y)
    assert found.paths == 2
    np.testing.assert_array_equal(found.value, [0.0, 0.0, 4.0])
    z = total(OPS["floor"](x))
    nothing = path_sum(trace([z], {x: np.ones(3)}), x, z)
    assert (nothing.paths, nothing.how) == (0, "dense")
    np.testing.assert_array_equal(nothing.value, np.zeros(3))


def lanes_of_log() -> tuple[Graph, Node, Node]:
    """sum of `if x > 0 { log(x) * A } else { 0 }`, lane by lane; A = log(x) is computed for all."""
    graph = Graph()
    x = graph.leaf(real(4), "x")
    A, c = OPS["log"](x), OPS["greater"](x, 0.0)
    some, none = Graph(graph, lane_rank=1), Graph(graph, lane_rank=1)
    taken = some.emit(OPS["log"], some.own(x)) * some.own(A)
    (y,) = branch(graph, c, (some, none), ((taken,), (none.constant(0.0),)))
    return graph, x, total(y)


def test_lanes_that_are_not_selected_are_structural_zeros() -> None:
    """A guarded log at x <= 0 has derivative 0 there, not 0 * infinity = NaN, nor is its magnitude NaN."""
    _, x, y = lanes_of_log()
    at = np.array([-1.0, 0.0, 2.0, 0.5])
    run = trace([y], {x: at})
    found = path_sum(run, run.of[x], run.of[y])
    assert found.paths == 2
    expected = np.where(at > 0, 2 * np.log(np.abs(at) + (at == 0)) / np.where(at > 0, at, 1), 0)
    np.testing.assert_allclose(found.value, expected, rtol=1e-14)
    assert np.isfinite(found.magnitude).all()


def test_pushed_lanes_are_structural_zeros_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """sqrt of lanes that a branch left at 0: the partial is infinite there, the tangent a structural zero."""
    graph = Graph()
    x = graph.leaf(real(3), "x")
    some, none = Graph(graph, lane_rank=1), Graph(graph, lane_rank=1)
    c = OPS["greater"](x, 0.0)
    (y,) = branch(graph, c, (some, none), ((some.own(x) * 2.0,), (none.constant(0.0),)))
    z = total(OPS["sqrt"](y))
    run = trace([z], {x: np.array([-1.0, 2.0, 8.0])})
    rows = path_sum(run, run.of[x], run.of[z])
    np.testing.assert_allclose(rows.value, [0.0, 0.5, 0.25])
    monkeypatch.setattr("paramprog.verify.paths.MAX_NONZEROS", 0)
    found = path_sum(run, run.of[x], run.of[z])
    assert found.how == "projected"
    for p in found.projections:
        assert p.value == pytest.approx(np.vdot(rows.value, p.tangent), rel=1e-14)
        assert p.magnitude == pytest.approx(np.vdot(rows.magnitude, np.abs(p.tangent)), rel=1e-14)


def test_a_scalar_branch_is_the_side_taken() -> None:
    """The trace holds the operations of one side, so only its paths are counted."""
    graph = Graph()
    x = graph.leaf(real(), "x")
    yes, no = Graph(graph), Graph(graph)
    p, q = yes.own(x), no.own(x)
    (y,) = branch(graph, OPS["greater"](x, 0.0), (yes, no), ((p * p * p,), (OPS["log"](q),)))
    for at, paths, slope in ((2.0, 3, 12.0), (-1.0, 1, np.nan)):
        run = trace([y], {x: np.float64(at)})
        found = path_sum(run, run.of[x], run.of[y])
        assert found.paths == paths
        np.testing.assert_equal(float(found.value), slope)


def test_a_long_vector_needs_no_dense_matrix() -> None:
    """Elementwise chains, slices and sums over 2000 entries are sparse: their nonzeros fit where 2000^2 would
    not.
    """
    graph = Graph()
    x = graph.leaf(real(2000), "x")
    y: Any = x
    for _ in range(10):
        y = OPS["sin"](y) + y * y
    y = total(OPS["mean"](OPS["reshape"](y, of=(2000,), to=(40, 50)), axes=(1,), sizes=(50,)))
    run = trace([y], {x: np.linspace(-1, 0.5, 2000)})
    found = path_sum(run, x, y)
    assert (found.paths, found.how) == (3**10, "sparse")
    agrees(found, run, x, y, np.float64(1.0))


def test_a_large_weight_is_projected() -> None:
    """1500 x 1500 weights have 2.25 million nonzeros: the sum is compared along random tangents instead."""
    graph = Graph()
    W, x = graph.leaf(real(1500, 1500), "W"), graph.leaf(real(1500), "x")
    h = OPS["tanh"](OPS["contract"](W, x, spec="ij,j->i", sizes=()))
    y = total(OPS["contract"](W, h, spec="ij,j->i", sizes=()) * h)
    rng = np.random.default_rng(0)
    run = trace([y], {W: rng.standard_normal(W.shape) / 40, x: rng.standard_normal(1500)})
    for start, paths in ((W, 3), (x, 2)):
        found = path_sum(run, start, y)
        assert (found.how, found.paths) == ("projected", paths)
        agrees(found, run, start, y, np.float64(1.0))


def cumulative() -> Op:
    """Running sums: a linear primitive of a structure that nothing knows."""

    def jacobian(port: int, y: Any, x: Any) -> Any:
        return (Linear(op),)

    op = Op("running", "", np.cumsum, shape_rule=lambda s: s, jacobian=jacobian)
    return op


def test_unknown_primitives_are_pushed_over_a_basis() -> None:
    """The Jacobian of an op of the user's own is found column by column; its transpose is never asked for."""
    graph = Graph()
    x = graph.leaf(real(100), "x")
    y = graph.emit(cumulative(), x)
    found = path_sum(trace([y], {x: np.ones(100)}), x, y, np.ones(100))
    np.testing.assert_array_equal(found.value, np.arange(100, 0, -1))
    assert found.how == "sparse"


LINEAR = [
    op
    for op in OPS.values()
    if op.transpose is not None
    and (op.samples or op.elementwise)
    and op not in TAPES  # no path goes through these
]


@pytest.mark.parametrize("op", LINEAR, ids=lambda op: op.name)
def test_factors_are_the_maps_that_push_applies(op: Op) -> None:
    """For every linear primitive and hole, the product of the factors times t is push(chain, t)."""
    rng = np.random.default_rng(0)
    arity = (
        len(signature(op.value).parameters) if op.elementwise and not isinstance(op.value, np.ufunc) else 0
    )
    arity = op.value.nargs - 1 if isinstance(op.value, np.ufunc) else arity
    shapes = [((3,),) * arity] if op.elementwise else [s.shapes for s in op.samples]
    samples = op.samples or (None,) * len(shapes)
    for sample, argument_shapes in zip(samples, shapes, strict=True):
        attrs = sample.attrs if sample else {}
        integers = list(sample.integers) if sample else []
        xs: list[Any] = [rng.standard_normal(s) for s in argument_shapes]
        if op.name == "mask":
            xs[0] = np.array([True, False, True])
        if integers:
            at = 0 if op.name == "scatter_add" else 1
            dtype = bool if op.name in ("compress", "expand") else int
            xs[at] = np.reshape(integers[0], argument_shapes[at]).astype(dtype)
        for port in range(len(xs)):
            chain = op.local(port, op(*xs, **attrs), *xs, **attrs)
            if chain is None:
                continue
            t = rng.standard_normal(np.shape(xs[port]))
            expected = push(chain, t)
            c = rng.standard_normal(np.shape(expected))
            row, lanes = np.ravel(c), None
            for factor in factors(chain, t.shape, 10**6):
                row, lanes = factor.row(row, lanes)
            assert np.vdot(row, t) == pytest.approx(np.vdot(c, expected), rel=1e-12)


def test_the_limit_is_checked_before_the_matrix_is_formed() -> None:
    """An outer product as a map of a vector of 10^5 entries has 10^10 nonzeros; refusing it takes no time."""
    chain = (Linear(OPS["contract"], 0, (np.ones(10**5),), {"spec": "i,j->ij", "sizes": ()}),)
    with pytest.raises(TooLargeError):
        factors(chain, (10**5,), 10**6)
    with pytest.raises(TooLargeError):
        factors((Linear(cumulative()),), (10**5,), 10**6)


def test_the_oracle_imports_neither_gradient_nor_solver() -> None:
    """Loaded alone, the path sum brings neither module in, not even through others."""
    code = (
        "import sys, paramprog.verify.paths, paramprog.verify.differences;"
        "print([m for m in ('paramprog.gradient', 'paramprog.dataflow.solve') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
