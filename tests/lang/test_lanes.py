"""Conditionals per lane: only the lanes that are selected are computed, forwards and backwards."""

from __future__ import annotations

import numpy as np
import pytest
from checking import code, computed, returning, value

import paramprog
from paramprog.verify.report import Check

ARGUMENTS = (
    "v = [4.0, -1.0, 0.0, 2.0], w = [1.0, 2.0, 3.0, 4.0], k = [2, 0, 5, 0], M = [[1.0, 2.0], [3.0, 4.0]]"
)
ARGUMENTS += ", x = 2.0, i = 1"


def gradients(expression: str) -> dict[str, np.ndarray]:
    """By all modes and the path sum, which agree; and with differences, says verify."""
    program = paramprog.loads(returning(f"sum({expression})", ARGUMENTS))
    program.compiled().built.graph.check()
    found = program.grad()
    program.compiled().built.graph.check()
    for mode in ("forward", "paths"):
        other = program.grad(mode=mode)
        for name, expected in found.gradients.items():
            np.testing.assert_allclose(
                other[name], expected, rtol=1e-12, atol=1e-13, err_msg=f"{mode} {name}"
            )
    report = program.verify()
    assert report.ok, [c for c in report.checks if isinstance(c, Check) and not c.ok]
    return found.gradients


@pytest.mark.parametrize(
    "expression, dv",
    [
        ("if v > 0 then log(v) else 0", [0.25, 0, 0, 0.5]),
        ("if v > 0 then sqrt(v) else -v", [0.25, -1, -1, 0.5 / np.sqrt(2)]),
        ("if v > 0 then v * w else 0", [1, 0, 0, 4]),
        ("if v > 0 then w / v else w", [-1 / 16, 0, 0, -1]),
        ("if v > 0 then x * v else v * v", [2, -2, 0, 2]),
        ("if v < 0 then 1 / (v + 1) else v", [1, -np.inf, 1, 1]),
        ("if v > 0 then (if w > 2 then log(v) else v) else 0", [1, 0, 0, 0.5]),
        ("if v > 0 then log(v) else if v < 0 then log(-v) else 0", [0.25, -1, 0, 0.5]),
        ("if v > 100 then log(v) else 0", [0, 0, 0, 0]),
        ("if v > -100 then 3 * v else log(v)", [3, 3, 3, 3]),
        ("if v > 0 then sum(v) + v else 0", [3, 2, 2, 3]),
        ("if v > 0 then dot(v, w) * v else v", [16, 13, 19, 34]),
        ("if w > 2 then 1.0 else 2.0", [0, 0, 0, 0]),
        ("if x > 0 then (if v > 0 then log(v) else 0) else v", [0.25, 0, 0, 0.5]),
        ("if v > 0 then (if x > 3 then w else v) else 0", [1, 0, 0, 1]),
        ("if v > 0 then (if x > 1 then v * sum(v) else w) else v", [11, 7, 7, 11]),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_gradients_of_selected_lanes(expression, dv):
    """What is not selected has a structural zero: no 0 * infinity from log or sqrt at 0."""
    if np.isfinite(dv).all():
        np.testing.assert_allclose(gradients(expression)["v"], dv, rtol=1e-12)
    else:
        found = paramprog.loads(returning(f"sum({expression})", ARGUMENTS)).grad()
        np.testing.assert_array_equal(found["v"], dv)


@pytest.mark.parametrize(
    "expression",
    [
        "if k > 0 then 10 // k else 0",
        "if k > 0 then mod(7, k) * v else 0",
        "if k > 9 then v * w[i + 7] else v",
        "if k == 2 then v * w[i] else 0",
        "if v > 0 then int(log(v)) * w else w",
        "if k < 5 then v ** k else 0",
        "if k > 0 then b(k, v) else 0",
        "b(k, v)",
        "g(v, k)",
        "if v > 0 then g(w, k) else 0",
        "if v > 0 then (M @ [x, 1])[0] * v else 0",
        "if v > 0 then (if k > 0 then 10 // k else 3) else 0",
        "if M > 2 then log(M - 2) else M",
        "if x > 0 then M else 2 * M",
    ],
)
def test_values_agree_with_the_interpreter(expression):
    """Faults of lanes that are not selected do not exist in either."""
    before = "base b(k, v) = if k > 0 then mod(7, int(k)) * v else v\n"
    before += "function g(v, k) { a = if k > 0 then 10 // k else 1; return a * v }\n"
    assert np.isfinite(value(before + returning(expression, ARGUMENTS))).all()


def test_faults_of_selected_lanes_do_exist():
    """With their place."""
    for expression, found in [
        ("if v > -2 then 10 // k else 0", "division-by-zero"),
        ("if v > 3 then v * w[i + 7] else v", "index-range"),
        ("if v > 0 then int(v * 1e300) else 0", "number-range"),
    ]:
        assert code(returning(expression, ARGUMENTS)) == found


def test_what_all_lanes_share_is_computed_once():
    """A sum or a matrix product has no lanes: it stands in front of the branch if it cannot fail."""
    program = paramprog.loads(returning("if v > 0 then sum(sin(w)) * v else 0", ARGUMENTS))
    names = [n.op.name for n in program.compiled().built.graph.nodes]
    assert names.count("sin") == names.count("sum") == 1


def test_what_all_lanes_share_is_not_computed_if_no_lane_is_selected():
    assert computed("sum(if v > 100 then w[i + 7] * v else v)", ARGUMENTS) == 5


def test_shared_faults_of_nested_conditionals():
    """Only lanes that both conditions select count."""
    computed("if v > 0 then (if v < 0 then w * w[i + 7] else 2.0) else 0.0", ARGUMENTS)


def test_inner_conditions_without_a_value():
    """An inner condition has no value outside the lanes of the outer one, so it cannot fail there."""
    for inner in (
        "w * w[i]",
        "(if 20 // k > 9 then w * w[i] else w[i])",
        "(if 20 // k > w[i] then 1 else w * w[i])",
    ):
        computed(f"if k > 0 then (if 10 // k > 1 then {inner} else 2.0) else 0.0", ARGUMENTS)


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("if v > 0 then sum(if v < 0 then log(sum(w)) else 0.0) else 0.0", [np.log(10), 0, 0, np.log(10)]),
        ("if v > 0 then v + sum(if w > 3 then w[i] * w else 0.0) else 0.0", [12, 0, 0, 10]),
        ("if v > 0 then (if w > 1 then v * sum(if v == 0 then w[i] * w else 0) else v) else w", [4, 2, 3, 12]),
        ("if v > 0 then (if w < 4 then 10 // k[i - 1] else 7 // k[3]) else 0", None),
        ("if w < 4 then (if w < 3 then (if w < 2 then w[i + 2] else w[i + 1]) else w[i]) else w[i - 1]", [4, 3, 2, 1]),
        ("if w > 9 then 1.0 else if w > 8 then w[i + 7] else if w > 7 then w[i + 8] * w else w", [1, 2, 3, 4]),
    ],
)  # fmt: skip
def test_lanes_inside_a_sum_are_not_those_around_it(expression, expected):
    """A shared part of an inner conditional runs if any of its lanes is wanted: by a sum, or by the lanes around."""
    if expected is None:
        assert code(returning(expression, ARGUMENTS)) == "division-by-zero"
    else:
        np.testing.assert_allclose(computed(expression, ARGUMENTS), expected)
        gradients(expression)


def test_the_graph_of_a_chain_of_lanes_does_not_explode():
    """Each condition, each value, with a part that all lanes share and that can fail."""
    sizes = []
    for length in (5, 10, 20):
        chain = "".join(f"if w > w[i + 2] + {k} then w[i] * {k} else " for k in range(length, 0, -1))
        program = paramprog.loads(returning(f"sum({chain} w)", ARGUMENTS))
        assert program() == 10
        sizes.append(len(program.compiled().built.graph))
    assert sizes[2] < 9 * sizes[1] < 81 * sizes[0]
