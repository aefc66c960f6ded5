"""Exact verification: recursion and path sum are equal, and every deliberate fault is caught and named."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from strategies.graphs import Drawn, graphs

import paramprog
from paramprog.cli import main
from paramprog.diagnostics import Source, Span
from paramprog.evaluate import trace
from paramprog.gradient import Derivative
from paramprog.graph import Graph, Node
from paramprog.op import OPS, Linear, Op
from paramprog.transfer.branches import branch
from paramprog.transfer.map import diagonal
from paramprog.types import Type
from paramprog.verify import rationals
from paramprog.verify.exact import ANALYSIS, FORWARD, GRADIENT, RECURSION, REVERSE
from paramprog.verify.local import TRANSPOSES
from paramprog.verify.partials import PARTIALS
from paramprog.verify.paths import Paths
from paramprog.verify.rationals import WORK, ExactGradient, Rationals
from paramprog.verify.report import Check, Problem, Report, verify

BY_NAME = (RECURSION, REVERSE, ANALYSIS, FORWARD, GRADIENT)
EXACT = (*BY_NAME, TRANSPOSES, PARTIALS)


def real(*shape: int) -> Type:
    return Type("real", shape)


def total(x: Node) -> Node:
    return OPS["sum"](x, axes=tuple(range(len(x.shape))), sizes=x.shape)


def run(output: Node, values: Mapping[str, tuple[Node, Any]], **options: Any) -> Report:
    """Verify `output` exactly, by all of `values`."""
    return verify(
        Problem(
            output,
            {name: x for name, (x, _) in values.items()},
            {x: np.asarray(v, x.graph.real) for x, v in values.values() if x.op.name == "leaf"},
            exact=True,
            **options,
        )
    )


def one(function: Callable[[Node], Node], at: Any, **options: Any) -> Report:
    """A program of one input x."""
    graph = Graph(real=options.pop("real", "float64"))
    x = graph.leaf(real(*np.shape(at)), "x")
    return run(function(x), {"x": (x, at)}, **options)


def exact(report: Report) -> dict[str, Check]:
    """The exact checks by title."""
    return {c.title: c for c in report.checks if c.name in EXACT}


def verdicts(report: Report) -> dict[str, bool | None]:
    """By kind of check: the worst."""
    found: dict[str, bool | None] = {}
    for c in exact(report).values():
        found[c.name] = min(found.get(c.name, True), c.ok, key=[False, None, True].index)
    return found


def gradient(output: Node, start: Node, at: Mapping[Node, Any], **options: Any) -> ExactGradient:
    made = trace([output], at)
    rng = np.random.default_rng(0)
    limits = {"max_paths": 10**5, "budget": WORK} | options
    found = Rationals(Paths(made, made.of[output]))
    return found.gradient(made.of[start], limits["max_paths"], limits["budget"], rng)


def numbers(found: ExactGradient) -> list[Fraction]:
    assert found.value is not None
    scale = Fraction(2) ** found.value.power
    return [found.value.values.get(k, 0) * scale for k in found.entries]


ALL_OK = dict.fromkeys(EXACT, True)

# ---- what is equal -------------------------------------------------------------------------------------------


def test_the_recursion_is_the_product_of_fractions() -> None:
    """d(x * 0.1 * (x * 0.1))/dx at 0.3, as fractions of the floats 0.1 and 0.3 and of their rounded product."""
    graph = Graph()
    x = graph.leaf(real(), "x")
    u = x * 0.1
    found = gradient(u * u, x, {x: np.float64(0.3)})
    assert numbers(found) == [2 * Fraction(0.3 * 0.1) * Fraction(0.1)]
    assert (found.paths, found.unequal) == (2, [])


def test_every_shipped_program_is_exact() -> None:
    """All entries of all parameters, digits_mlp with its 32 x 64 weights too, in a few seconds."""
    from paramprog.resources import programs_dir

    files = sorted(programs_dir().glob("*.pp"))
    assert files
    for file in files:
        report = paramprog.load(file).verify(exact=True)
        assert report.ok, file
        found = exact(report)
        # more paths than are enumerated lead through some loops, and systems are solved in floats; everything else is
        # decided
        reasons = ("--max-paths", "systems of equations are solved in floats")
        if file.stem == "particle":  # the adjoint of derivatives in a `while` computes some factors in floats
            reasons = (*reasons, "rounded on the way")
        assert all(c.ok or any(r in c.detail for r in reasons) for c in found.values()), (file, found)
        assert not any("drawn" in c.detail for c in found.values()), file


@given(graphs())
def test_random_graphs_are_exact(drawn: Drawn) -> None:
    """Shared values, products, selections, branches, scalar and per lane: equal without tolerance."""
    report = run(drawn.output, {f"x{k}": (x, drawn.inputs[x]) for k, x in enumerate(drawn.leaves)})
    bad = {
        t: c
        for t, c in exact(report).items()
        if c.ok is False or (c.ok is None and c.name not in (REVERSE, PARTIALS))
    }
    assert not bad


def test_a_vector_output_and_float32() -> None:
    """Weighed by a covector; in float32 the local Jacobians are float32 numbers, and as exact as any."""
    for precision in ("float64", "float32"):
        report = one(lambda x: OPS["exp"](x) * x, [0.1, -0.7, 2.0], real=precision)
        assert verdicts(report) == ALL_OK


def test_a_point_without_paths() -> None:
    """No path: everything is 0."""
    graph = Graph()
    x, z = graph.leaf(real(), "x"), graph.leaf(real(2), "z")
    report = run(x * x, {"x": (x, 2.0), "z": (z, [1.0, 2.0])})
    assert verdicts(report) == ALL_OK
    assert "0 paths" in exact(report)[f"{RECURSION}: z"].detail


def test_lanes_that_are_not_selected_do_not_exist() -> None:
    """A guarded log at x <= 0: infinite and NaN partials of lanes not selected are multiplied by nothing."""
    graph = Graph()
    x = graph.leaf(real(4), "x")
    A, c = OPS["log"](x), OPS["greater"](x, 0.0)
    some, none = Graph(graph, lane_rank=1), Graph(graph, lane_rank=1)
    (y,) = branch(graph, c, (some, none), ((some.own(A) * some.own(x),), (none.constant(0.0),)))
    report = run(total(y), {"x": (x, [-1.0, 0.0, 2.0, 0.5])})
    found = verdicts(report)
    assert found.pop(TRANSPOSES) is not False
    assert found.pop(PARTIALS) is not False
    assert set(found.values()) == {True}


def test_an_op_that_adds_products_is_exact_too() -> None:
    """cumprod: its Jacobian is made of products, found by pushing exact unit vectors."""
    report = paramprog.loads(
        "function f(x : real[5] = [0.1, 0.7, -1.3, 0.0, 2.1]) { return sum(cumprod(x) * cumsum(x)) }"
    ).verify(exact=True)
    assert verdicts(report) == ALL_OK


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e150, 1e308])
def test_subnormals_and_huge_numbers(size: float) -> None:
    """Where products of floats would underflow or overflow, the exact ones do not."""
    graph = Graph()
    x = graph.leaf(real(2), "x")
    y = x * size * 0.5
    found = gradient(total(y * y + y), x, {x: np.array([1.0, 0.3])})
    assert found.unequal == []
    slopes = [Fraction(size) * Fraction(0.5) * (2 * Fraction(float(v * size * 0.5)) + 1) for v in (1.0, 0.3)]
    assert numbers(found) == slopes


def test_a_gradient_that_overflows_is_said_not_failed() -> None:
    """1e200 * 1e200 * 1e-300: infinite in floats, 1e100 exactly."""
    report = one(lambda x: x * 1e-300 * 1e200 * 1e200, 1.0)
    found = exact(report)
    assert found[f"{RECURSION}: x"].ok is True
    assert found[f"{GRADIENT}: x"].ok is None


def test_cancellation_has_no_error_and_its_ulps_are_told() -> None:
    """1e8 x - 1e8 x + x: the recursion is exact, the float gradient is off by as much as was added."""
    report = one(lambda x: (x * 1.1e8 - x * 1.1e8 + x) * 0.3, 0.7)
    assert verdicts(report) == ALL_OK
    assert "equal" in exact(report)[f"{GRADIENT}: x"].detail
    report = one(lambda x: x * 0.1 + x * 0.2 - x * 0.3, 0.7)
    assert "ulp" in exact(report)[f"{GRADIENT}: x"].detail


# ---- deliberate faults ---------------------------------------------------------------------------------------


def diamonds(x: Node) -> Node:
    y: Any = x
    for _ in range(4):
        y = y * 0.5 + OPS["sin"](y)
    return y


@pytest.mark.parametrize("fault", ["drops", "duplicates"])
def test_a_wrong_recursion_is_caught(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """A meet that drops or duplicates an edge: the recursion is not the path sum."""
    right = rationals.plus
    wrong = (lambda a, b: a) if fault == "drops" else (lambda a, b: right(a, right(b, b)))
    monkeypatch.setattr(rationals, "plus", wrong)
    check = exact(one(diamonds, 0.7))[f"{RECURSION}: x"]
    assert check.ok is False
    assert check.error > 0.01
    assert "differ" in check.detail


@pytest.mark.parametrize("size", [1.0, 1e-30])
def test_a_wrong_meet_is_caught_without_tolerance(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    """The analysis keeps the last edge of a value only: caught even where the other contributes 1e-30 of the sum."""
    right = Derivative.meet

    def wrong(self: Derivative, node: Node, facts: Any) -> Any:
        return right(self, node, facts[-1:] if self.backward else facts)

    monkeypatch.setattr(Derivative, "meet", wrong)
    found = exact(one(lambda x: x + x * size, 0.7))
    assert found[f"{RECURSION}: x"].ok is True
    assert found[f"{ANALYSIS}: x"].ok is False
    assert found[f"{FORWARD}: x"].ok is True
    assert (found[f"{GRADIENT}: x"].ok is False) == (size > 1e-12)


def running(transpose: Callable[[Linear], Linear]) -> Op:
    """Running sums, with a transpose that may be wrong."""
    op = Op(
        "running",
        "",
        np.cumsum,
        shape_rule=lambda s: s,
        jacobian=lambda port, y, x: (Linear(op),),
        transpose=transpose,
    )
    return op


def test_a_wrong_transpose_is_caught_and_named() -> None:
    """Running sums claimed to be their own transpose: named with the place, the entry and both numbers."""
    op = running(lambda lin: lin)
    source = Source("sums.pp", "y = running(x)\n")

    def program(x: Node) -> Node:
        with x.graph.at(Span(source, 4, 14)):
            y = x.graph.emit(op, x)
        y.name = "y"
        return total(y * x)

    report = one(program, [1.0, 2.0, 3.0])
    check = exact(report)[TRANSPOSES]
    assert check.ok is False
    assert "`running` (y) at sums.pp:1:5: pull gives 1 in entry (0, 1), not 0" in check.detail
    assert verdicts(report)[RECURSION] is True
    assert verdicts(report)[PARTIALS] is True
    assert not report.ok


@pytest.mark.parametrize("size", [1e-6, 1e-3])
@pytest.mark.parametrize("port", [0, 1])
def test_a_wrong_partial_is_caught_and_named(size: float, port: int) -> None:
    """A partial of a product that is wrong by a relative 1e-6: every path has it, differences of the value do not."""

    def jacobian(wrong: int, y: Any, a: Any, b: Any) -> Any:
        return diagonal((b, a)[wrong] * (1 + (size if wrong == port else 0)))

    times = replace(OPS["mul"], name="times", jacobian=jacobian)
    report = one(
        lambda x: total(OPS["tanh"](x.graph.emit(times, OPS["sin"](x), OPS["exp"](x)))), [0.3, -0.8, 1.4]
    )
    assert [c.name for c in report.checks if c.ok is False] == [PARTIALS]
    check = exact(report)[PARTIALS]
    assert f"`times`, argument {port + 1}: " in check.detail
    assert "`times`, argument" not in check.detail.replace(f"argument {port + 1}", "")


def test_a_wrong_partial_of_one_lane_of_many_is_caught() -> None:
    """Of 64 lanes all are differenced, each alone."""
    off = np.ones(64)
    off[37] += 1e-6
    wrong = replace(OPS["sin"], jacobian=lambda port, y, x: diagonal(np.cos(x) * off))
    graph = Graph()
    x = graph.leaf(real(64), "x")
    y = graph.emit(wrong, x)
    made = trace([total(y)], {x: np.linspace(-1, 1, 64)})
    from paramprog.verify.local import Local
    from paramprog.verify.partials import partials

    found = partials(Local(Rationals(Paths(made, made.nodes[-1])), [x], "float64", 1e-12))
    assert found.ok is False


def test_a_missing_derivative_is_caught() -> None:
    """A structural zero where the value does vary; `stop` alone may do that."""
    wrong = replace(OPS["sin"], jacobian=None)
    report = one(lambda x: x.graph.emit(wrong, x) + x, 0.7)
    assert exact(report)[PARTIALS].ok is False
    assert verdicts(one(lambda x: OPS["stop"](x) * x, 0.7)) == ALL_OK
    assert verdicts(one(lambda x: OPS["floor"](x) * x, 0.7)) == ALL_OK


def test_a_wrong_partial_of_a_base_function_is_named_with_its_place() -> None:
    """A derivative given by hand that is wrong by 1e-6."""
    text = """
    base f(a, b) = a * sin(b) derivative (sin(b), 1.000001 * a * cos(b))
    function main(x = 0.3, y = 0.7) {
        z = f(x, y) * x
        return z
    }
    """
    report = paramprog.loads(text, name="wrong.pp").verify(exact=True)
    check = exact(report)[PARTIALS]
    assert check.ok is False
    assert "`f` at wrong.pp:4:13, argument 2: " in check.detail
    assert verdicts(paramprog.loads(text.replace("1.000001 * ", "")).verify(exact=True)) == ALL_OK


# ---- hard points ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function, at",
    [
        (OPS["relu"], 0.0),
        (OPS["abs"], 0.0),
        (lambda x: OPS["max"](x, axes=(0,), sizes=(3,)), [1.0, 1.0, 0.0]),
        (lambda x: OPS["norm"](x, axes=(0,), sizes=(2,)), [0.0, 0.0]),
        (lambda x: OPS["clip"](x, -1.0, 1.0), 1.0),
    ],
)
def test_kinks_are_recognised(function: Callable[[Node], Node], at: Any) -> None:
    """The matrices are what they are, so the exact checks decide; differences say where a kink leaves them open."""
    report = one(function, at)
    found = verdicts(report)
    assert report.ok
    assert {found[name] for name in BY_NAME} == {True}
    central = np.ndim(at) or function is OPS["abs"]  # the central difference happens to be the gradient
    assert found[PARTIALS] is (True if central else None)
    assert central or "kink" in exact(report)[PARTIALS].detail


def test_ties_inside_a_base_function() -> None:
    """max(a, min(a, b)) is a, but at a = b the shares of the two ties do not add up to 1: said, not failed."""
    text = "base f(a, b) = max(a, min(a, b))\nfunction main(x = 1.0, y = 1.0) { return f(x, y) }"
    report = paramprog.loads(text).verify(exact=True)
    check = exact(report)[PARTIALS]
    assert check.ok is not False
    assert "kink; right nearby" in check.detail


@pytest.mark.parametrize("op, at", [("log", -1.0), ("log", 0.0), ("sqrt", 0.0), ("sqrt", -2.0)])
def test_points_that_are_not_finite_decide_nothing(op: str, at: float) -> None:
    """NaN and infinite Jacobians are no rational numbers."""
    with np.errstate(all="ignore"):
        report = one(OPS[op], at)
    assert report.ok
    found = exact(report)
    for name in (RECURSION, REVERSE, ANALYSIS, GRADIENT):
        assert found[f"{name}: x"].ok is None
        assert "not finite" in found[f"{name}: x"].detail
    assert found[TRANSPOSES].ok is None


def test_some_entries_may_be_finite() -> None:
    """sqrt at 0 and at 4: one entry is compared, one is not finite."""
    with np.errstate(all="ignore"):
        report = one(lambda x: total(OPS["sqrt"](x)), [0.0, 4.0])
    assert report.ok
    check = exact(report)[f"{RECURSION}: x"]
    assert check.ok is True
    assert "1 not finite" in check.detail


# ---- limits --------------------------------------------------------------------------------------------------


def ladder(rungs: int) -> tuple[Node, Node]:
    graph = Graph()
    x = graph.leaf(real(), "x")
    y: Any = x
    for _ in range(rungs):
        y = y * 0.5 + y
    return x, y


def test_more_paths_than_allowed() -> None:
    """200 diamonds are 2^200 paths: the recursion is exact all the same, the enumeration is undecided."""
    x, y = ladder(200)
    found = gradient(y, x, {x: np.float64(2.0)})
    assert found.paths == 2**200
    assert found.by_paths is None
    assert numbers(found) == [Fraction(3, 2) ** 200]
    report = run(y, {"x": (x, 2.0)})
    checks = exact(report)
    assert report.ok
    assert checks[f"{RECURSION}: x"].ok is None
    assert "--max-paths" in checks[f"{RECURSION}: x"].detail
    for name in (REVERSE, ANALYSIS, FORWARD, GRADIENT):
        assert checks[f"{name}: x"].ok is True


def test_a_part_of_the_entries_where_all_are_too_much() -> None:
    """With a budget of 40,000 multiply-adds the paths of some entries are walked, and these are equal."""
    graph = Graph()
    x = graph.leaf(real(400), "x")
    y: Any = x
    for _ in range(6):
        y = OPS["sin"](y) + y * y
    at = {x: np.linspace(-1, 0.5, 400)}
    some = gradient(total(y), x, at, budget=40_000)
    assert 0 < len(some.path_entries) < 100
    assert some.unequal == []
    every = gradient(total(y), x, at)
    assert len(every.path_entries) == 400
    assert every.unequal == []
    power = min(some.value.power, every.value.power)
    for k in some.path_entries:
        a, b = (g.by_paths.values[k] << g.by_paths.power - power for g in (some, every))
        assert a == b


def test_a_large_weight_is_checked_in_part() -> None:
    """1.2 million weights: some columns of the Jacobians are enough for some of the entries."""
    graph = Graph()
    rng = np.random.default_rng(0)
    W, x = graph.leaf(real(1100, 1100), "W"), graph.leaf(real(1100), "x")
    y = total(OPS["tanh"](OPS["contract"](W, x, spec="ij,j->i", sizes=())))
    values = {"W": (W, rng.standard_normal(W.shape) / 30), "x": (x, rng.standard_normal(1100))}
    report = run(y, values)
    assert report.ok
    check = exact(report)[f"{RECURSION}: W"]
    assert check.ok is True
    assert "64 entries drawn out of 1210000" in check.detail


def test_a_long_chain() -> None:
    """1000 multiplications by 0.99: a number of 53,000 bits."""
    graph = Graph()
    x = graph.leaf(real(), "x")
    y: Any = x
    for _ in range(1000):
        y = y * 0.99
    found = gradient(y, x, {x: np.float64(1.0)})
    assert numbers(found) == [Fraction(0.99) ** 1000]
    assert found.unequal == []


def test_the_oracle_imports_neither_gradient_nor_solver() -> None:
    """Loaded alone, not even through others."""
    code = (
        "import sys, paramprog.verify.rationals, paramprog.verify.partials;"
        "print([m for m in ('paramprog.gradient', 'paramprog.dataflow.solve') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`verify --exact --json` lists the exact checks; a wrong derivative ends it with 1."""
    file = tmp_path / "f.pp"
    text = "base f(a) = sin(a) derivative ({}cos(a))\nfunction main(x = 0.7) {{ return f(x) * x }}\n"
    for factor, code in (("", 0), ("1.000001 * ", 1)):
        file.write_text(text.format(factor))
        assert main(["verify", str(file), "--exact", "--json"]) == code
        found = json.loads(capsys.readouterr().out)
        by_title = {c["name"]: c["ok"] for c in found["checks"]}
        assert by_title[f"{RECURSION}: x"] is True
        assert by_title[PARTIALS] is (code == 0)
