"""The nearest boundaries, and what happens across them, against what was worked out by hand."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest

import paramprog
from paramprog.graph import Graph
from paramprog.op import OPS, Sample
from paramprog.types import Type
from paramprog.verify.boundaries import RULES, boundaries
from paramprog.verify.crossing import Crossing, Crossings


def near(text: str, count: int = 10, **given: Any) -> Crossings:
    found = paramprog.loads(text).verify(given, kinks=count).crossings
    assert found is not None
    return found


def only(text: str, **given: Any) -> Crossing:
    [found] = near(text, **given).found
    return found


def test_a_branch_that_jumps():
    """c = x y - 1 at (0.5, 1): |c| / |(y, x)|; on the boundary at (x, y) the arms differ by 5 + x y - x y = 5."""
    found = only("function f(x = 0.5, y = 1.0) { return if x * y > 1 then x * y + 5 else x * y }")
    assert found.margin == pytest.approx(-0.5)
    assert found.distance == pytest.approx(0.5 / sqrt(1.25))
    assert found.verdict == "jump"
    assert found.value_jump == pytest.approx(5, rel=1e-9)
    assert found.gradient_jump == pytest.approx(0, abs=1e-5)
    assert found.span is not None and found.span.text == "x * y > 1"


def test_a_branch_with_a_kink():
    """The arms meet, their slopes 1 and 3 do not."""
    found = only("function f(x = 0.5) { return if x > 2 then 3 * x - 4 else x }")
    assert (found.verdict, found.value_jump) == ("kink", 0)
    assert found.gradient_jump == pytest.approx(2)
    assert found.distance == pytest.approx(1.5)


def test_a_branch_that_is_smooth():
    """Value and slope agree where the condition changes: the two forms of one function."""
    found = only("function f(x = 0.5) { return if x > 2 then x * x else 4 * x - 4 }")
    assert (found.verdict, found.value_jump, found.gradient_jump) == ("smooth", 0, 0)


def test_a_guard_of_a_singularity_has_no_limit():
    found = only("function f(x = 0.5) { return if x > 0 then log(x) else 0 }")
    assert (found.verdict, found.value_jump) == ("unbounded", None)


def test_curved_boundaries():
    """x^2 + y^2 = 4 from (1, 0): to first order 1.5 away; the jump is that of the point of the circle, 2."""
    found = only("function f(x = 1.0, y = 0.0) { return if x**2 + y**2 > 4 then x else 0.0 }")
    assert found.distance == pytest.approx(1.5)
    assert found.value_jump == pytest.approx(2)


def test_a_boundary_that_is_never_reached():
    """x^2 + 1 > 0 always holds."""
    assert only("function f(x = 1.0) { return if x * x + 1 > 0 then x else 0.0 }").verdict == "not reached"


def test_conditions_that_do_not_vary_are_left_out():
    """Ints, constants, and names that are not asked for."""
    text = "param w = 2.0\nfunction f(x = 1.0, k : int = 3) { return if k > 2 then (if x > 0 then w else x) else w }"
    assert near(text).count == 0


KINKS = {
    "relu(x)": ("kink", 0.7, 1),
    "abs(x)": ("kink", 0.7, 2),
    "leaky_relu(x)": ("kink", 0.7, 0.99),
    "max(x, 3 * x - 2)": ("kink", 0.3, 2),
    "min(x, 3 * x - 2)": ("kink", 0.3, 2),
    "clip(x, 0, 0.8)": ("kink", 0.1, 1),
    "floor(x)": ("jump", 0.3, 1),
    "ceil(x)": ("jump", 0.3, 1),
    "round(x)": ("jump", 0.2, 1),
    "int(x) * 1.0": ("jump", 0.3, 1),
    "sign(x)": ("jump", 0.7, 2),
    "mod(x, 0.5)": ("jump", 0.2, -0.5),
    "1.0 * argmax([x, 1.0])": ("jump", 0.3, -1),
    "max([x, 1.0])": ("kink", 0.3, 1),
    "min([x, 1.0])": ("kink", 0.3, 1),
    "sum(sort([x, 1.0]) * [1, 2])": ("kink", 0.3, 1),
    "median([x, 1.0, 2.0])": ("kink", 0.3, 1),
    "x * x": None,
}


@pytest.mark.parametrize("expression", KINKS)
def test_kinks_of_operations(expression):
    """Where they are from x = 0.7, and by how much value or slope jump."""
    found = near(f"function f(x = 0.7) {{ return {expression} }}").found
    if KINKS[expression] is None:
        assert not found
        return
    verdict, distance, jump = KINKS[expression]
    first = found[0]
    assert (first.verdict, first.distance) == (verdict, pytest.approx(distance))
    if verdict == "kink":
        assert first.gradient_jump == pytest.approx(jump)
    else:
        assert abs(first.value_jump) == pytest.approx(abs(jump))


def test_kinks_inside_base_functions():
    """A call is one operation; its boundaries are those of its body."""
    found = only("base r(a, b) = max(a * b, 1) * 2\nfunction f(x = 0.5, y = 1.0) { return r(x, y) }")
    assert found.distance == pytest.approx(0.5 / sqrt(1.25))
    assert found.verdict == "kink"


@pytest.mark.parametrize(
    "text",
    [
        "function f(x = [3.0, 0.2, -1.0]) { return sum(relu(x)) }",
        "function f(x = [3.0, 0.2, -1.0]) { return sum(if x > 0 then x else 0 * x) }",
        "function f(x = [3.0, 0.2, -1.0]) { return sum(max(x[i], 0) for i in 0..3) }",
    ],
)
def test_the_nearest_entries_of_arrays(text):
    """In order; each is a boundary of its own."""
    found = near(text, 2).found
    assert [(c.entry, c.distance) for c in found] == [(1, pytest.approx(0.2)), (2, pytest.approx(1))]
    assert [c.gradient_jump for c in found] == pytest.approx([1, 1])


def test_turns_of_a_loop():
    """Each turn's condition is a boundary: h < 3 with h = x + k w after k turns; n jumps by one turn."""
    text = "param w = 0.5\nfunction f(x = 0.3) { h = x\n n = 0.0\n while h < 3 { h = h + w; n = n + 1 }\n return n }"
    found = near(text, 3).found
    assert [c.distance for c in found] == pytest.approx([0.2 / 5, 0.3 / 6, 0.7 / 4])
    assert [abs(c.value_jump) for c in found] == pytest.approx([1, 1, 1])


def test_only_so_many_are_shown():
    """The nearest of a layer of 500, and how many operations there are; few runs, however many boundaries."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=500)
    found = near("function f(x : real[500]) { y = relu(x)\n return sum(y * y) + max(x) }", 5, x=x)
    assert found.count == 2
    distances = np.sort(np.concatenate([np.abs(x), [np.diff(np.sort(x))[-1] / sqrt(2)]]))
    assert [c.distance for c in found.found] == pytest.approx(distances[:5])


def test_arrays_are_weighed():
    """An output that is no scalar has the jumps of its product with the seeded covector."""
    found = only("function f(x = 0.3) { return [x, if x > 1 then 2.0 else 0.0] }")
    weight = np.random.default_rng(0).standard_normal(2)[1]
    assert found.value_jump == pytest.approx(2 * weight)


def test_single_precision():
    """A jump is found in float32 as well."""
    program = paramprog.loads("function f(x = 0.3) { return if x > 1 then x + 2 else x }", dtype="float32")
    [found] = program.verify(kinks=3).crossings.found
    assert found.verdict == "jump"
    assert found.value_jump == pytest.approx(2, rel=1e-3)


# ---- every operation with a kink has a rule ----------------------------------------------------------------------

PORTS = {"clip": 3} | dict.fromkeys(
    ("maximum", "minimum", "mod", "intdiv", "greater", "greater_equal", "less", "less_equal"), 2
)


@pytest.mark.parametrize("op", RULES, ids=lambda op: op.name)
def test_boundaries_are_where_a_rule_says(op):
    """c is zero exactly where the result, or its Jacobian, jumps: from either side of a random point's boundaries."""
    rng = np.random.default_rng(5)
    graph = Graph()
    sample = op.samples[-1] if op.samples else Sample(((4,),) * PORTS.get(op.name, 1), {})
    leaves = [graph.leaf(Type("real", shape)) for shape in sample.shapes]
    shape = leaves[0].shape
    node = op(*leaves, **sample.attrs)
    values = [rng.normal(size=shape) * 3 for _ in leaves]
    made = boundaries(node, values)
    assert made is not None
    moved = [v + rng.normal(size=shape) * 1e-7 for v in values]
    change = sum(
        t.coefficient * (np.ravel(moved[t.port]) - np.ravel(values[t.port]))[t.index] for t in made.terms
    )
    np.testing.assert_allclose(boundaries(node, moved).margins - made.margins, change, atol=1e-14)


def test_every_operation_that_jumps_has_a_rule():
    """All primitives that choose, order or round: those whose Jacobian is made of steps, and those without one."""
    stepping = {
        "relu",
        "leaky_relu",
        "abs",
        "maximum",
        "minimum",
        "clip",
        "max",
        "min",
        "sort",
        "median",
        "mod",
    }
    without = {"floor", "ceil", "round", "int", "sign", "argmax", "argmin", "argsort", "intdiv"}
    compared = {"greater", "greater_equal", "less", "less_equal"}
    assert {op.name for op in RULES} == stepping | without | compared
    assert {op.name for op in RULES} <= OPS.keys()
