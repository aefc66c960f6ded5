"""The shipped programs with loops: each against the same model in plain Python under autograd, and their graphs.

autograd (HIPS) shares no code with paramprog and knows no loops: it records each turn of the Python loops below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("autograd", reason="autograd, the oracle of these tests, is not installed")

import autograd.numpy as np
import numpy
from autograd import value_and_grad
from checking import interpreted

import paramprog
from paramprog.graph import Graph
from paramprog.resources import programs_dir

Values = dict[str, Any]


def sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def softmax(x: Any) -> Any:
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def horner(v: Values) -> Any:
    """By powers."""
    return sum(a * v["x"] ** i for i, a in enumerate(v["a"]))


def elman_rnn(v: Values) -> Any:
    h = np.zeros(len(v["b"]))
    for x in v["xs"]:
        h = np.tanh(np.dot(v["W"], h) + np.dot(v["U"], x) + v["b"])
    return np.sum((h - v["goal"]) ** 2) / 2.0


def lstm(v: Values) -> Any:
    n = v["W"].shape[1]
    h, c, xs, error = np.zeros(n), np.zeros(n), v["xs"], 0.0
    for x, following in pairwise(xs):
        z = np.reshape(np.dot(v["W"], h) + np.dot(v["U"], x) + v["b"], (4, n))
        c = sigmoid(z[1]) * c + sigmoid(z[0]) * np.tanh(z[2])
        h = sigmoid(z[3]) * np.tanh(c)
        error = error + np.mean((np.dot(v["V"], h) - following) ** 2)
    return error / (len(xs) - 1)


def newton(v: Values) -> Any:
    position, step = v["M"], 1.0
    while abs(step) > 1e-8:
        step = (position - v["e"] * np.sin(position) - v["M"]) / (1.0 - v["e"] * np.cos(position))
        position = position - step
    return position


def alignment(v: Values) -> Any:
    """Row by row, in lists: autograd has no updates."""
    before = [v["gap"] * j for j in range(len(v["y"]) + 1)]
    for i, x in enumerate(v["x"]):
        row = [v["gap"] * (i + 1)]
        for j, y in enumerate(v["y"]):
            costs = np.array([before[j] + (x - y) ** 2, before[j + 1] + v["gap"], row[j] + v["gap"]])
            least = np.min(costs)
            row.append(least - v["T"] * np.log(np.sum(np.exp((least - costs) / v["T"]))))
        before = row
    return before[-1]


def memory(v: Values) -> Any:
    def address(cells: Any, word: Any) -> Any:
        key = np.tanh(np.dot(v["to_key"], word))
        lengths = np.sqrt(np.sum(cells**2, axis=1)) * np.sqrt(np.sum(key**2))
        return softmax(v["strength"] * np.dot(cells, key) / (lengths + 0.001))

    cells, error, half = v["start"], 0.0, v["start"].shape[1] // 2
    for word in v["words"]:
        at = address(cells, word)
        gone = sigmoid(np.dot(v["to_gone"], word))
        cells = cells * (1.0 - np.outer(at, gone)) + np.outer(at, np.dot(v["to_new"], word))
    for word in v["words"]:
        recalled = np.dot(address(cells, np.concatenate([word[:half], np.zeros(half)])), cells)
        error = error + np.mean((recalled - word) ** 2)
    return error / len(v["words"])


def pendulum(v: Values, steps: int) -> Any:
    def motion(y: Any) -> Any:
        return np.array([y[1], -v["gravity"] / v["length"] * np.sin(y[0]) - v["damping"] * y[1]])

    y, h = np.array([v["angle"], v["speed"]]), v["time"] / steps
    for _ in range(steps):
        k1 = motion(y)
        k2 = motion(y + h * k1 / 2.0)
        k3 = motion(y + h * k2 / 2.0)
        k4 = motion(y + h * k3)
        y = y + h * (k1 + 2.0 * k2 + 2.0 * k3 + k4) / 6.0
    return (y[0] - v["goal"]) ** 2 / 2.0


def fluid(v: Values, steps: int, sweeps: int) -> Any:
    rows, columns = np.indices(v["smoke"].shape)

    def advect(f: Any, u: Any, w: Any) -> Any:
        x, y = rows - u, columns - w
        result = 0.0
        for down in (0, 1):
            for right in (0, 1):
                i, j = np.floor(x).astype(int) + down, np.floor(y).astype(int) + right
                corner = f[np.mod(i, len(rows)), np.mod(j, len(rows))]
                result = result + (1.0 - np.abs(x - i)) * (1.0 - np.abs(y - j)) * corner
        return result

    def slope(f: Any, axis: int) -> Any:
        return (np.roll(f, -1, axis) - np.roll(f, 1, axis)) / 2.0

    (u, w), smoke = v["velocity"], v["smoke"]
    for _ in range(steps):
        u, w = advect(u, u, w), advect(w, u, w)
        divergence, p = slope(u, 0) + slope(w, 1), np.zeros(u.shape)
        for _ in range(sweeps):
            p = (sum(np.roll(p, k, axis) for k in (-1, 1) for axis in (0, 1)) - divergence) / 4.0
        u, w = u - slope(p, 0), w - slope(p, 1)
        smoke = advect(smoke, u, w)
    return np.mean((smoke - v["goal"]) ** 2)


def kalman_filter(v: Values) -> Any:
    """All measurements at once: they are normal, with a mean and a covariance that the motion makes. No filter."""
    h, z = 0.5, v["z"]
    F = numpy.eye(4) + h * numpy.eye(4, k=2)
    G = numpy.kron([[h * h / 2.0], [h]], numpy.eye(2))
    H = numpy.eye(2, 4)
    mean, means, rows = v["start"], [], []
    spread = [numpy.eye(4)]
    for k in range(len(z)):
        mean = np.dot(F, mean)
        means.append(np.dot(H, mean))
        spread.append(F @ spread[-1] @ F.T + v["push"] ** 2 * np.dot(G, G.T))
        # the covariance of state k with state j <= k is F^(k - j) times that of state j
        moved = [np.dot(numpy.linalg.matrix_power(F, k - j), spread[j + 1]) for j in range(k + 1)]
        rows.append([np.dot(H, np.dot(m, H.T)) for m in moved])
    blocks = [[rows[k][j] if j <= k else rows[j][k].T for j in range(len(z))] for k in range(len(z))]
    S = np.concatenate([np.concatenate(row, axis=1) for row in blocks]) + v["sigma"] ** 2 * np.eye(2 * len(z))
    gap = np.reshape(z, (-1,)) - np.concatenate(means)
    fit = np.dot(gap, np.linalg.solve(S, gap)) + np.linalg.slogdet(S)[1]
    return fit / 2.0 + len(z) * np.log(2.0 * np.pi)


@dataclass(frozen=True)
class Case:
    """A program and its twin."""

    twin: Callable[..., Any]
    more: dict[str, int] = field(default_factory=dict)
    """Sizes that make more turns"""
    given: Values = field(default_factory=dict)
    """Inputs that make more turns"""
    unseen: dict[str, int] = field(default_factory=dict)
    """Sizes that the twin cannot tell from the arrays, with their defaults"""

    @property
    def name(self) -> str:
        return self.twin.__name__

    def program(self, **dims: int) -> paramprog.Program:
        return paramprog.load(programs_dir() / f"{self.name}.pp", dims=dims)


CASES = [
    Case(horner, given={"a": [0.3, -2.0, 0.25, 1.5, -0.75, 0.0, 0.5, 1.0]}),
    Case(elman_rnn, {"t": 40}),
    Case(lstm, {"t": 25}),
    Case(newton, given={"M": 0.2}),
    Case(alignment, {"m": 9, "n": 11}),
    Case(memory, {"t": 12}),
    Case(pendulum, {"steps": 50}, unseen={"steps": 6}),
    Case(kalman_filter, {"t": 20}),
    Case(fluid, {"steps": 6, "sweeps": 10}, unseen={"steps": 2, "sweeps": 3}),
]
WIDER = {"elman_rnn": {"n": 6}, "lstm": {"n": 5, "m": 3}, "memory": {"n": 6, "half": 2}, "fluid": {"n": 12}}
"""Sizes of the arrays in the body"""

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def agree(found: Any, expected: Any) -> None:
    """To 1e-10 of the largest entry."""
    scale = float(np.max(np.abs(expected), initial=0.0))
    numpy.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-10 * scale + 1e-15)


def check(case: Case, dims: dict[str, int], given: Values, mode: Any = "reverse") -> None:
    """Value and gradient, with respect to all inputs too where that takes one pass."""
    program = case.program(**dims)
    point = program.point(given)
    values = {k: np.asarray(v, np.float64) for k, v in {**point.inputs, **point.params}.items()}
    unseen = {name: dims.get(name, size) for name, size in case.unseen.items()}
    wrt = list(values if mode == "reverse" else point.params or point.inputs)
    value, gradients = value_and_grad(lambda v: case.twin(v, **unseen))(values)
    found = program.grad(given, wrt=wrt, mode=mode)
    agree(found.value, value)
    assert list(found.gradients) == wrt
    for name in wrt:
        agree(found[name], gradients[name])


@each
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_value_and_gradients(case, mode):
    """At the defaults that the text declares, to 1e-10 of autograd's."""
    check(case, {}, {}, mode)


@each
def test_value_and_gradients_of_more_turns_on_larger_arrays(case):
    check(case, {**case.more, **WIDER.get(case.name, {})}, case.given)


@each
def test_the_interpreter_agrees(case):
    """The values of the tree, of which the differences in `verify` are made."""
    program = case.program()
    found = program.grad()
    [value] = interpreted(program, {**found.point.inputs, **found.point.params})
    agree(value, found.value)


IN_FLOATS = ("systems of equations are solved in floats", {"kalman_filter"})
"""Why programs have no adjoints in exact arithmetic"""

TINY = {
    "alignment": {"m": 1, "n": 2},
    "kalman_filter": {"t": 3},
    "pendulum": {"steps": 1},
    "fluid": {"n": 2, "steps": 1, "sweeps": 1},
}
"""Sizes at which there are few enough paths to walk all, where there are too many at the defaults"""


@each
def test_every_check_of_verify_decides(case):
    """The sums over all paths too, in floating point and exactly."""
    report = case.program(**TINY.get(case.name, {})).verify(exact=True)
    why, programs = IN_FLOATS
    left = {c.name: c.detail for c in report.checks if c.ok is not True}
    assert bool(left) == (case.name in programs)
    assert all(why in detail for detail in left.values())


# ---- what the graph looks like -----------------------------------------------------------------------------------


def sizes(program: paramprog.Program, given: Values) -> tuple[int, int]:
    """The nodes of the program, then with those of its adjoint; loops with their bodies."""
    graph: Graph = program.compiled(given).built.graph
    before = len(graph)
    program.grad(given)
    return before, len(graph)


@each
def test_more_turns_do_not_make_the_graph_larger(case):
    """Neither that of the program nor that of its adjoint."""
    assert sizes(case.program(), {}) == sizes(case.program(**case.more), case.given)
