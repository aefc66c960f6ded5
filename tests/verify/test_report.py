"""The report: every check that can be made, the verdicts on deliberate faults, and how it is shown."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import paramprog
from paramprog.graph import Graph, Node
from paramprog.op import OPS, Linear, Op
from paramprog.transfer.branches import branch
from paramprog.transfer.map import diagonal
from paramprog.types import Type
from paramprog.verify.check import agreement
from paramprog.verify.report import Check, Problem, Report, table, to_json, verify
from paramprog.verify.table import duration, exact


def real(*shape: int) -> Type:
    return Type("real", shape)


def total(x: Node) -> Node:
    return OPS["sum"](x, axes=tuple(range(len(x.shape))), sizes=x.shape)


def run(
    output: Node,
    values: Mapping[str, tuple[Node, Any]],
    oracle: Callable[[dict[str, Any]], Any] | None = None,
    **options: Any,
) -> Report:
    """Verify `output` by all of `values`."""
    with np.errstate(all="ignore"):
        return verify(
            Problem(
                output,
                {name: x for name, (x, _) in values.items()},
                {x: np.asarray(v, x.graph.real) for x, v in values.values() if x.op.name == "leaf"},
                oracle,
                **options,
            )
        )


def verdicts(report: Report) -> dict[str, bool | None]:
    return {c.title: c.ok for c in report.checks}


def one(
    function: Callable[[Node], Node], at: Any, oracle: Callable[[Any], Any] | None = None, **options: Any
) -> Report:
    """A program of one input x."""
    graph = Graph(real=options.pop("real", "float64"))
    x = graph.leaf(real(*np.shape(at)), "x")
    f = None if oracle is None else lambda values: oracle(values["x"])
    return run(function(x), {"x": (x, at)}, f, **options)


def recurrent() -> tuple[Node, dict[str, tuple[Node, Any]], Callable[[dict[str, Any]], Any]]:
    """Three steps of h = tanh(W h + b) with shared weights, and all of h as the result."""
    graph = Graph()
    rng = np.random.default_rng(0)
    leaves = {n: graph.leaf(real(*s), n) for n, s in (("W", (3, 3)), ("b", (3,)), ("h", (3,)))}
    h: Any = leaves["h"]
    for _ in range(3):
        h = OPS["tanh"](OPS["contract"](leaves["W"], h, spec="ij,j->i", sizes=()) + leaves["b"])

    def oracle(v: dict[str, Any]) -> Any:
        h = v["h"]
        for _ in range(3):
            h = np.tanh(v["W"] @ h + v["b"])
        return h

    return h, {n: (x, rng.standard_normal(x.shape)) for n, x in leaves.items()}, oracle


def test_a_right_program_passes_every_check() -> None:
    """A vector output is weighed with a seeded covector; each point has four checks."""
    y, values, oracle = recurrent()
    report = run(y, values, oracle)
    assert report.ok
    assert report.paths == 3 + 3 + 1
    kinds = ("reverse = path sum", "analysis = path sum", "forward = reverse", "reverse = differences")
    expected = {f"{kind}: {name}" for kind in kinds for name in values} | {"forward = reverse: all together"}
    assert verdicts(report) == dict.fromkeys(expected, True)
    y.graph.check()


def test_the_same_seed_gives_the_same_report() -> None:
    """Covector, tangents and directions come from the seed alone."""
    assert to_json(run(*recurrent(), seed=3)) == to_json(run(*recurrent(), seed=3))


def test_points_inside_the_program_are_verified_but_not_varied() -> None:
    """For a named point every check but the differences is made."""
    graph = Graph()
    x = graph.leaf(real(), "x")
    A = OPS["sin"](x)
    report = run(A * A * x, {"x": (x, 0.5), "A": (A, None)}, lambda v: np.sin(v["x"]) ** 2 * v["x"])
    found = verdicts(report)
    assert report.ok
    assert found.pop("reverse = differences: A") is None
    assert set(found.values()) == {True}


def test_a_point_the_output_does_not_depend_on() -> None:
    """No path: gradient, path sum, tangent and differences are all 0."""
    graph = Graph()
    x, z = graph.leaf(real(), "x"), graph.leaf(real(2), "z")
    report = run(x * x, {"x": (x, 2.0), "z": (z, [1.0, 2.0])}, lambda v: v["x"] ** 2)
    assert report.ok
    assert set(verdicts(report).values()) == {True}
    assert report.paths == 2


def test_lanes_branches_and_structural_zeros() -> None:
    """A guarded log at x <= 0: everything agrees on 0 there."""
    graph = Graph()
    x = graph.leaf(real(4), "x")
    A, c = OPS["log"](x), OPS["greater"](x, 0.0)
    some, none = Graph(graph, lane_rank=1), Graph(graph, lane_rank=1)
    (y,) = branch(graph, c, (some, none), ((some.own(A) * some.own(x),), (none.constant(0.0),)))
    report = run(
        total(y),
        {"x": (x, [-1.0, -0.1, 2.0, 0.5])},
        lambda v: np.sum(np.where(v["x"] > 0, np.log(np.abs(v["x"])) * v["x"], 0)),
    )
    assert set(verdicts(report).values()) == {True}


# ---- faults ------------------------------------------------------------------------------------------------


def test_a_wrong_transpose_is_caught() -> None:
    """Running sums whose transpose is claimed to be themselves: reverse disagrees with paths, forward,
    differences.
    """
    op = Op(
        "running",
        "",
        np.cumsum,
        shape_rule=lambda s: s,
        jacobian=lambda port, y, x: (Linear(op),),
        transpose=lambda lin: lin,
    )
    at = np.array([1.0, 2.0, 3.0])
    report = one(lambda x: total(x.graph.emit(op, x) * x), at, lambda x: np.cumsum(x) @ x)
    assert not report.ok
    assert set(verdicts(report).values()) == {False}


@pytest.mark.parametrize("alone", [True, False])
def test_a_wrong_partial_is_caught_by_differences_only(alone: bool) -> None:
    """A derivative wrong by 5e-5 is the same in every mode and on every path; an interpreter does not share
    it.
    """
    sin = OPS["sin"]
    wrong = replace(sin, jacobian=lambda port, y, x: diagonal(OPS["cos"](x) * (1 + 5e-5)))

    def program(x: Node) -> Node:
        y = x.graph.emit(wrong, x)
        return y if alone else y * OPS["exp"](x) + OPS["tanh"](x * x) + x

    def oracle(x: Any) -> Any:
        return np.sin(x) if alone else np.sin(x) * np.exp(x) + np.tanh(x * x) + x

    report = one(program, 0.7, oracle)
    assert [c.title for c in report.checks if c.ok is False] == ["reverse = differences: x"]


def test_a_wrong_partial_in_a_branch_is_caught_beside_a_kink() -> None:
    """A kink elsewhere excuses nothing: nearby, where there is none, the error is still there."""
    wrong = replace(OPS["sin"], jacobian=lambda port, y, x: diagonal(OPS["cos"](x) * 1.001))
    graph = Graph()
    x, z = graph.leaf(real(), "x"), graph.leaf(real(), "z")
    report = run(
        OPS["relu"](z) + graph.emit(wrong, x),
        {"x": (x, 0.7), "z": (z, 0.0)},
        lambda v: np.maximum(v["z"], 0) + np.sin(v["x"]),
    )
    found = verdicts(report)
    assert found["reverse = differences: x"] is False
    assert found["reverse = differences: z"] is True


def test_too_many_paths_are_said_not_failed() -> None:
    """2^60 paths: the path sum is undecided and says how many there are and how long they would take."""

    def program(x: Node) -> Node:
        y: Any = x
        for _ in range(60):
            y = y * 0.5 + y
        return y

    report = one(program, 1.0, lambda x: 1.5**60 * x)
    assert report.ok
    assert report.paths == 2**60
    (refused,) = [c for c in report.checks if c.ok is None]
    assert "1152921504606846976 paths" in refused.detail
    assert "--max-paths 100000" in refused.detail
    assert "years" in refused.detail
    assert to_json(report)["paths"] == "1152921504606846976"


def test_projections_of_a_large_weight_are_compared() -> None:
    """1.2 million weights: the checks are made on random tangents and random directions, and say so."""
    graph = Graph()
    rng = np.random.default_rng(0)
    W, x = graph.leaf(real(1100, 1100), "W"), graph.leaf(real(1100), "x")
    y = total(OPS["tanh"](OPS["contract"](W, x, spec="ij,j->i", sizes=())))
    values = {"W": (W, rng.standard_normal(W.shape) / 30), "x": (x, rng.standard_normal(1100))}
    report = run(y, values, lambda v: np.sum(np.tanh(v["W"] @ v["x"])))
    assert set(verdicts(report).values()) == {True}
    assert "projected on 3 random tangents" in report.checks[0].detail


# ---- hard points -------------------------------------------------------------------------------------------

KINKS: dict[str, tuple[Callable[[Node], Any], Any, Callable[[Any], Any]]] = {
    "relu": (OPS["relu"], 0.0, lambda x: np.maximum(x, 0)),
    "abs": (OPS["abs"], 0.0, np.abs),
    "tie": (lambda x: OPS["max"](x, axes=(0,), sizes=(3,)), [1.0, 1.0, 0.0], np.max),
    "identity": (
        lambda x: OPS["relu"](x) - OPS["relu"](-x),  # is x, but the rule at 0 gives 0
        0.0,
        lambda x: x,
    ),
    "dead": (
        lambda x: total(OPS["relu"](x) * OPS["sin"](x + 1.0)),
        [0.0, 0.0],
        lambda x: np.sum(np.maximum(x, 0) * np.sin(x + 1)),
    ),
}


@pytest.mark.parametrize("name", KINKS)
def test_kinks_are_checked_nearby(name: str) -> None:
    """At a kink the gradient is one of many; it is compared with differences at a point nearby instead."""
    function, at, oracle = KINKS[name]
    report = one(function, np.array(at), oracle)
    assert set(verdicts(report).values()) == {True}
    if name == "identity":
        assert "kink at `relu`; checked nearby" in report.checks[-1].detail


@pytest.mark.parametrize("op, at", [("log", -1.0), ("log", 0.0), ("sqrt", 0.0), ("sqrt", -2.0)])
def test_points_that_are_not_finite_are_reported(op: str, at: float) -> None:
    """NaN and infinity agree with themselves, nothing fails, and the report says so."""
    with np.errstate(all="ignore"):
        report = one(OPS[op], at, getattr(np, op))
    assert report.ok
    details = {c.name: c.detail for c in report.checks}
    assert "not finite at this point" in details["reverse = path sum"]
    assert "not finite at this point" in details["reverse = differences"]
    json.dumps(to_json(report), allow_nan=False)


def test_a_gradient_that_is_not_finite_alone_is_an_error() -> None:
    """NaN against a number is a disagreement, and names the entry."""
    found = agreement("a = b", "x", [1.0, np.nan], [1.0, 2.0], [1.0, 2.0], 1e-12)
    assert found.ok is False
    assert "nan against 2 in entry 1" in found.detail


def test_beside_a_value_that_is_not_finite_nothing_is_decided() -> None:
    """NaN against a number is undecided, with the reason; what is wrong elsewhere is wrong."""
    why = "a value is not finite: `cumprod` gives inf here"
    found = agreement("a = b", "x", [1.0, np.nan], [1.0, 2.0], [1.0, 2.0], 1e-12, infinite=why)
    assert found.ok is None
    assert found.detail == f"nan against 2 in entry 1; {why}"
    assert agreement("a = b", "x", [1.1, np.nan], [1.0, 2.0], [1.0, 2.0], 1e-12, infinite=why).ok is False


NOT_FINITE = [
    ("cumprod(a)[0]", [1e200, 1e200, 1e200]),
    ("cumprod(a)[1]", [1e200, 1e200, 1e200]),
    ("cumprod(a)[1]", [1.0, math.nan, 2.0]),
    ("cumprod(a)[1]", [1.0, 3.0, math.nan]),
    ("cumprod(a)[1]", [1.0, 3.0, math.inf]),
    ("clip(a, 0, 1)[0]", [1.0, math.nan, 0.5]),
    ("clip(a, 0, 1)[0]", [0.7, math.nan, 0.5]),
    ("sin(a)[0] + prod(a)", [0.7, math.inf, 0.5]),
    ("sum(a * a)", [1e200, 1.0, 2.0]),
]


@pytest.mark.parametrize("expression, at", NOT_FINITE)
def test_a_program_with_a_value_that_is_not_finite_fails_no_check(expression: str, at: list[float]) -> None:
    """Whichever way the zeros beside it are counted, and in rational numbers too."""
    program = paramprog.loads(f"function f(a : real[3]) {{ return {expression} }}")
    report = program.verify(inputs={"a": at}, exact=True)
    assert report.ok, [(c.title, c.detail) for c in report.checks if c.ok is False]


def test_cancellation_is_measured_against_what_was_added() -> None:
    """1e8 x - 1e8 x + x: the gradient is 1 up to roundings of 1e8."""
    report = one(lambda x: (x * 1.1e8 - x * 1.1e8 + x) * 0.3, 0.7, lambda x: 0.3 * x)
    assert report.ok


HIDDEN = [
    ("sin(x) + 1e20 - 1e20", 0.5),
    ("sin(x) + 1e14 - 1e14", 0.5),
    ("softplus(1e308) + sigmoid(x) + logsigmoid(-1e308)", 0.0),
]


@pytest.mark.parametrize("expression, at", HIDDEN)
def test_what_roundings_inside_hide_from_differences_is_undecided(expression: str, at: float) -> None:
    """In float64 these do not change with x: differences agree about 0, which is no evidence against the gradient."""
    program = paramprog.loads(f"function f(x : real) {{ return {expression} }}")
    report = program.verify(inputs={"x": at}, exact=True)
    assert verdicts(report)["reverse = differences: x"] is None
    assert report.ok, [(c.title, c.detail) for c in report.checks if c.ok is False]


def test_float32_programs_have_float32_tolerances() -> None:
    """The gradient of a float32 program is compared with 5e-4 of what was added."""
    rng = np.random.default_rng(0)
    at = rng.standard_normal(5)

    def program(x: Node) -> Node:
        return total(OPS["exp"](OPS["sin"](x) * x))

    report = one(program, at, lambda x: np.sum(np.exp(np.sin(x) * x)), real="float32")
    assert report.ok
    assert report.checks[0].tolerance == 5e-4
    assert 0 < report.checks[-1].error < 1e-5


# ---- showing -----------------------------------------------------------------------------------------------


def test_the_table_is_aligned_plain_text() -> None:
    """One row a check; columns line up; the last line counts paths."""
    report = Report(
        False,
        1234567,
        [
            Check("reverse = path sum", True, 1.5e-16, 1e-12, "1,234,567 paths, dense", "W"),
            Check("reverse = differences", False, 1e-3, 1e-9, "1 against 2", "bias"),
            Check("reverse = path sum", None, math.nan, math.nan, "too many", "x"),
        ],
    )
    assert table(report).splitlines() == [
        "check                                  error  tolerance",
        "reverse = path sum: W        ok      1.5e-16    1.0e-12  1,234,567 paths, dense",
        "reverse = differences: bias  FAILED  1.0e-03    1.0e-09  1 against 2",
        "reverse = path sum: x        -                           too many",
        "paths: 1,234,567",
    ]


def test_a_long_table_shows_the_worst_of_each_kind() -> None:
    """With many points there is one row a kind; JSON keeps them all."""
    checks = [Check("reverse = path sum", True, k * 1e-16, 1e-12, "", f"p{k}") for k in range(40)]
    checks[7] = Check("reverse = path sum", False, 1e-3, 1e-12, "1 against 2", "p7")
    report = Report(False, 1, checks)
    assert len(table(report).splitlines()) == 3
    assert "FAILED" in table(report)
    assert "40 of 40 made, worst: p7; 1 against 2" in table(report)
    assert len(to_json(report)["checks"]) == 40


def test_json_has_no_number_that_json_has_not() -> None:
    """NaN and infinity are strings, counts beyond 2^53 too, however long."""
    report = Report(True, 2**20000, [Check("a", None, math.nan, math.inf)])
    found = json.loads(json.dumps(to_json(report), allow_nan=False))
    expected = {"name": "a", "ok": None, "error": "NaN", "tolerance": "Infinity", "detail": ""}
    assert found["checks"][0] == expected
    assert len(found["paths"]) == 6021
    assert "about 10^6020" in table(report)


def test_exact_digits_and_durations() -> None:
    """All digits of any count; times in the largest fitting unit."""
    assert exact(10**9000 + 7) == "1" + "0" * 8999 + "7"
    assert exact(12) == "12"
    assert [duration(s) for s in (0.5, 300.0, 86400.0 * 3, 1e7, 1e9, 1e60, math.inf)] == [
        "0.5 s",
        "5 minutes",
        "72 hours",
        "116 days",
        "32 years",
        "10^52 years",
        "more than 10^300 years",
    ]
