"""The terms of the meet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from strategies.graphs import Drawn, graphs

import paramprog
from paramprog.analyses.uses import uses
from paramprog.evaluate import trace
from paramprog.gradient import plain_or_none, pulled
from paramprog.resources import programs_dir


@given(graphs())
def test_they_sum_to_the_gradient(drawn: Drawn) -> None:
    """At every real node of a trace, relative to the size of what is added."""
    run = trace([drawn.output], drawn.inputs, keep=drawn.leaves)
    end = run.of[drawn.output]
    facts = pulled(run.nodes, run.values, end, np.ones(()))
    points = {str(k): n for k, n in enumerate(run.nodes) if n.kind == "real"}
    found = uses(run, points, end, facts, {})
    for name, n in points.items():
        v = plain_or_none(facts[n])
        total: Any = sum((u.value for u in found[name]), np.zeros(n.shape))
        size: Any = sum((np.abs(u.value) for u in found[name]), np.zeros(n.shape))
        assert all(np.shape(u.value) == n.shape for u in found[name])
        assert np.all(np.abs(total - (0.0 if v is None else v)) <= 1e-12 * size)
        assert bool(found[name]) == (v is not None)


@pytest.mark.parametrize("path", sorted(programs_dir().glob("*.pp")), ids=lambda path: path.stem)
def test_shipped_programs(path: Any) -> None:
    """Also for inputs and named points."""
    program = paramprog.load(path)
    point = program.point()
    names = [*point.compiled.built.points, *point.params, *point.inputs]
    known = {**point.compiled.built.points, **point.compiled.built.params, **point.compiled.built.inputs}
    found = program.grad(wrt=[n for n in names if known[n].kind == "real"], by_use=True)
    assert found.by_use is not None
    for name, terms in found.by_use.items():
        total: Any = sum((u.value for u in terms), np.zeros(np.shape(found[name])))
        np.testing.assert_allclose(total, found[name], rtol=1e-12, atol=1e-14)


def places(
    text: str, wrt: str, **inputs: Any
) -> list[tuple[int | None, str | None, float, list[int], str | None]]:
    """Line, source, value, lines of the copies and point reached, of each use."""
    found = paramprog.loads(text).grad(wrt=[wrt], by_use=True, **inputs).by_use
    assert found is not None
    return [
        (
            u.span and u.span.line,
            u.span and u.span.text,
            float(np.sum(u.value)),
            [s.line for s in u.through],
            u.into,
        )
        for u in found[wrt]
    ]


def test_each_use_has_its_place() -> None:
    """A weight used directly, and in a product with itself: two edges, two uses."""
    text = "param w = 3.0\nfunction f(x = 2.0) {\n  a = w * x\n  b = w * w\n  return a + b\n}"
    assert places(text, "w") == [
        (3, "w * x", 2.0, [], "a"),
        (4, "w * w", 3.0, [], "b"),
        (4, "w * w", 3.0, [], "b"),
    ]


def test_arguments_are_followed_into_functions() -> None:
    """Handing a weight on is no use of it; the operation inside is, once for each call, with the line of the call."""
    text = """param w = 2.0
function g(v, x) { return sin(v * x) }
function h(u, x) {
  s = g(u, x)
  return s
}
function f(x = 0.5) {
  a = h(w, x)
  b = g(w, a)
  other = w
  return b * other
}"""
    found = places(text, "w")
    assert [(line, source, via, into) for line, source, _, via, into in found] == [
        (2, "v * x", [8, 4], "a"),
        (2, "v * x", [9], "b"),
        (11, "b * other", [10], None),
    ]
    total = sum(value for _, _, value, _, _ in found)
    assert total == pytest.approx(float(paramprog.loads(text).grad(wrt=["w"])["w"]))


def test_uses_without_a_derivative_are_not_listed() -> None:
    """A comparison, and the side of a branch that was not taken."""
    text = "param w = 2.0\nfunction f(x = 0.5) {\n  y = if w > 1 then w * x else w * w\n  return y\n}"
    assert places(text, "w") == [(3, "w * x", 0.5, [], "y")]


def test_inside_lanes_the_operation_is_the_use() -> None:
    """A scalar weight in a branch per lane is spread and compressed on its way; neither is a use."""
    text = """param w = 2.0
function f(x : real[3] = [1.0, -1.0, 3.0]) {
  y = if x > 0 then w * x else x - w
  return sum(y)
}"""
    assert places(text, "w") == [(3, "w * x", 4.0, [], "y"), (3, "x - w", -1.0, [], "y")]


def test_broadcasting_is_no_use() -> None:
    """A scalar beside an array."""
    text = "param w = 2.0\nfunction f(x : real[2] = [1.0, 3.0]) {\n  return sum(w * x)\n}"
    assert places(text, "w") == [(3, "w * x", 4.0, [], None)]


def test_the_output_itself() -> None:
    """Returning a point is a use of it, by 1."""
    assert places("function f(x = 3.0) {\n  y = x * 2\n  return y\n}", "y") == [(2, "x * 2", 1.0, [], "y")]


def test_calls_in_one_expression_are_told_apart() -> None:
    """By what is given to them; calls of calls as far as that goes. What other remarks tell apart has none."""

    def given_to(text: str) -> list[str | None]:
        found = (
            paramprog.loads(f"param w = 0.5\nfunction g(a) {{ return a * w }}\n{text}")
            .grad(by_use=True)
            .by_use
        )
        assert found is not None
        return [None if u.given is None else u.given.text for u in found["w"]]

    entry = "function f(x = 1.0, y = 2.0) {"
    assert given_to(f"{entry} return sin(g(x) * g(y)) + g(x + y) }}") == ["g(x)", "g(y)", "x + y"]
    assert given_to(f"{entry} return g(g(x) + y) }}") == ["g(x)", "g(x) + y"]
    assert given_to(f"{entry} a = g(x)\n b = g(y)\n return a * b }}") == [None, None]
    assert given_to(f"{entry} return g(x) }}") == [None]
    deep = "function h(a) { return sin(a * a + 1) * w }\n"
    assert given_to(f"{deep}{entry} return h(h(h(x))) + y }}") == ["h(x)", None, None]
