"""What the gradient does not see: the analysis against the adjoint graph, and the warning about cut dependence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from strategies.programs import programs

import paramprog
from paramprog.analyses.unseen import unseen, unseen_paths
from paramprog.resources import programs_dir


def warned(text):
    return [d.span.text for d in paramprog.loads(text).compiled().checked.report.diagnostics]


def test_steps_that_cut_every_path_are_told():
    """Rounding, a comparison as the only use; the caret is under the step."""
    assert warned("param w = 2.5\nfunction f() { y = floor(w) * 2; return y }") == ["floor(w)"]
    assert warned("param w = 2.5\nfunction f() { return if w > 1 then 2.0 else 3.0 }") == ["w > 1"]
    assert warned("function f(x = 2.5) { return round(sin(x)) }") == ["round(sin(x))"]


def test_nothing_is_said_where_a_derivative_passes():
    """One smooth path is enough; a parameter that is not used at all is another matter."""
    assert warned("param w = 2.5\nfunction f() { return floor(w) * w }") == []
    assert warned("param w = 2.5, v = 1.0\nfunction f() { return if w > 1 then w else 3.0 }") == []
    assert warned("function f(x = 2.5, k : int = 1) { return x * k }") == []


def test_steps_in_bodies_are_seen():
    """In loops, branches, comprehensions, functions and base functions, where they cut every path."""
    assert warned(
        "param w = 2.5\nfunction f() { s = 0.0\n for i in 0..3 { s = s + floor(w) }\n return s }"
    ) == ["floor(w)"]
    assert warned("param w = 2.5\nfunction f(x = 1.0) { return if x > 0 then round(w) else 0.0 }") == [
        "round(w)"
    ]
    assert warned("param w = 2.5\nfunction f() { return sum(ceil(w) * i for i in 0..3) }") == ["ceil(w)"]
    assert warned("param w = 2.5\nbase g(a) = floor(a)\nfunction f() { return g(w) * 2 }") == ["g(w)"]
    assert warned("param w = 2.5\nfunction f() { n = 0.0\n while n < w { n = n + 1 }\n return n }") == [
        "n < w"
    ]


def test_a_carry_that_reaches_the_result_through_another_is_seen():
    """The fixed point of a loop: b gets w only by way of a, a turn later."""
    text = """param w = 2.5
function f() {
    a = 0.0
    b = 0.0
    for i in 0..3 { b = a; a = w }
    return b
}"""
    assert warned(text) == []


def unseen_in(text: str) -> list[tuple[str, list[str]]]:
    built = paramprog.loads(text).compiled().built
    starts = [*built.params.values(), *built.inputs.values()]
    found = unseen(built.graph.nodes, starts, built.outputs.values())
    return [(step.node.span.text, names) for step, names in unseen_paths(found, starts)]


def test_steps_on_some_paths_are_named_with_what_ends_there():
    """Also where the step is a condition, or a loop's test; not where nothing else passes, nor if it leads nowhere."""
    assert unseen_in("param w = 2.5\nfunction f(x = 1.0) { return floor(w * x) + w }") == [
        ("floor(w * x)", ["w"])
    ]
    assert unseen_in("function f(x = 1.0, y = 2.0) { return if x > y then x else y }") == [
        ("x > y", ["x", "y"])
    ]
    assert unseen_in("function f(x = 1.0) { y = x\n while y < 9 { y = y * 2 }\n return y }") == [
        ("y < 9", ["x"])
    ]
    assert unseen_in("function f(x = 1.0) { lost = floor(x)\n return x * x }") == []
    assert unseen_in("function f(x = 1.0) { return x * stop(x) }") == [("stop(x)", ["x"])]


def check(text: str) -> None:
    program = paramprog.loads(text)
    built = program.compiled().built
    starts = {k: n for k, n in {**built.params, **built.inputs}.items() if n.kind == "real"}
    found = unseen(list(built.graph.nodes), list(starts.values()), built.outputs.values())
    gradient = program.grad(wrt=starts)
    for k, name in enumerate(starts):
        if not found.smooth >> k & 1:
            assert name in gradient.structural_zero
        if not found.all >> k & 1:
            assert not gradient.gradients[name].any()


@settings(max_examples=100)
@given(programs(depth=1, regions=True))
def test_what_no_smooth_path_reaches_has_a_structurally_zero_gradient(text):
    """In random programs with loops, branches and comprehensions."""
    check(text)


@pytest.mark.slow
@settings(max_examples=2000)
@given(programs(regions=True))
def test_the_same_of_many_larger_programs(text):
    """As above."""
    check(text)


@pytest.mark.parametrize("path", sorted(programs_dir().glob("*.pp")), ids=lambda path: path.stem)
def test_structural_zeros_of_shipped_programs(path):
    """The analysis and the adjoint graph agree exactly: a start with a smooth path has a gradient."""
    compiled = paramprog.load(path).compiled()
    built = compiled.built
    starts = [n for n in {**built.params, **built.inputs}.values() if n.kind == "real"]
    nodes = list(built.graph.nodes)
    for y in built.outputs.values():
        if y.kind != "real" or y.shape:
            continue
        found = unseen(nodes, starts, [y])
        made = compiled.gradient(y, tuple(starts))
        assert [d is not None for d in made] == [bool(found.smooth >> k & 1) for k in range(len(starts))]
