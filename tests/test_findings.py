"""What `check` warns of: what the gradient does not see, and what is not used; and what it says nothing about."""

from __future__ import annotations

import pytest

import paramprog
from paramprog.resources import programs_dir
from paramprog.verify import partial_run


def found(text: str, **given) -> list[tuple[str, str]]:
    """Code and text of each warning."""
    return [(d.code, d.span.text) for d in paramprog.loads(text).check(given)]


@pytest.mark.parametrize("path", sorted(programs_dir().glob("*.pp")), ids=lambda path: path.stem)
def test_no_false_alarms_about_shipped_programs(path):
    """They have branches, floors, maxima, loops and guards, and all their parameters count."""
    assert paramprog.load(path).check() == []


BRANCHES = {
    # arms that differ at the boundary, by a constant, by a slope, in a loop, in lanes, in a function
    "return if w > 1 then w + 2 else w": ["w > 1"],
    "return if w * x > 1 then 3 * w else w": ["w * x > 1"],
    "h = w\n for i in 0..3 { h = if h > 2 then h - 1 else h * 1.5 }\n return h": ["h > 2"],
    "return sum(if w * v > 1 then w * v else 0 * w)": ["w * v > 1"],
    "return sum(if w > v[i] then w else 0 * w for i in 0..3)": ["w > v[i]"],
    "return g(w) + g(w * 2)": ["a > 1"],
    "y = w\n if w > 2 { y = w * w } else { y = 3 * w }\n return y": ["w > 2"],
    # arms that meet, with the same slope or not; a guard; a condition on what has no gradient
    "return if w > 1 then w else 2 - w": [],
    "return if w > 2 then w * w else 4 * w - 4": [],
    "return if w > 0 then log(w) else 0 * w": [],
    "return if x > 0 then w else 2 * w": [],
    "return if w == 1 then w * w else w": [],
    "return max(w, 1) + relu(w) + abs(w)": [],
}


@pytest.mark.parametrize("body", BRANCHES)
def test_branches_whose_arms_differ(body):
    """Measured at the boundary nearest to the defaults; other branches are left in peace."""
    text = f"""param w = 1.4
function g(a) {{ return if a > 1 then a else 0 * a }}
function f(x = 0.3, v = [0.5, 1.0, 2.0]) {{
    used = x * sum(v)
    {body.replace("return ", "result = ")}
    return result + 0 * used
}}"""
    assert found(text) == [("branch-jump", c) for c in BRANCHES[body]]


STEPS = {
    "floor(w) + w": ["floor(w)"],
    "int(w * 2) * w": ["int(w * 2)"],
    "w * round(w)": ["round(w)"],
    "sign(w - 1) * w": ["sign(w - 1)"],
    "[1.0, 2.0][argmax([w, 1.5])] * w": ["argmax([w, 1.5])"],
    "w * stop(w)": ["stop(w)"],
    # an interpolation, whose pieces meet; a step on something else
    "(w - floor(w)) * u[int(floor(w)) + 1] + (1 - w + floor(w)) * u[int(floor(w))]": [],
    "floor(x) * w": [],
    "softmax([w, 1.0])[0]": [],
}


@pytest.mark.parametrize("expression", STEPS)
def test_roundings_and_stops(expression):
    """Told where the value jumps, and where `stop` is; not for pieces that meet."""
    text = f"""param w = 1.4
function f(x = 0.3, u = [1.0, 3.0, 2.0, 5.0]) {{ return {expression} + 0 * (x + sum(u)) }}"""
    assert found(text) == [("cut-path", c) for c in STEPS[expression]]


def test_the_message_names_the_jump_and_whose_gradient_it_is():
    [warning] = paramprog.loads(
        "param a = 1.2, b = 1.0, c = 2.0\nfunction f() { return (if a * b * c > 1 then 2.0 else 0.5) + a + b + c }"
    ).check()
    assert warning.message == (
        "the value jumps by 1.5 where `a * b * c > 1` changes, which the gradient of `a` and 2 more does not see"
    )
    assert warning.severity == "warning"


def test_what_is_not_used():
    """A param, an argument, and one from which a point is computed that is not returned; noise and dims are none."""
    text = """dim n = 2
param w = 1.0, v = 2.0
noise e ~ normal(0, 1)
function f(x = 1.0, y : real[n] = [1.0, 2.0], k : int = 3) {
    lost = k * 2
    return w * x
}"""
    assert found(text) == [("unused-parameter", name) for name in ("v", "y", "k")]
    whys = [d.message for d in paramprog.loads(text).check()]
    assert whys[0].startswith("nothing is computed from `v`")
    assert whys[2].startswith("nothing that is returned depends on `k`")


def test_params_of_imported_files_may_be_unused(tmp_path):
    (tmp_path / "lib.pp").write_text("param a = 1.0, b = 2.0\nfunction g(x) { return a * x }")
    (tmp_path / "main.pp").write_text('import "lib.pp"\nfunction f(x = 1.0) { return g(x) }')
    assert paramprog.load(tmp_path / "main.pp").check() == []


def test_a_program_that_cannot_be_run_is_not_measured():
    """An int without default: branches are left in peace, roundings are told as they stand."""
    text = "param w = 1.4\nfunction f(k : int) { return floor(w) * k + (if w > 1 then w else 5 * w) }"
    assert found(text) == [("cut-path", "floor(w)")]
    assert found(text, k=2) == [("cut-path", "floor(w)"), ("branch-jump", "w > 1")]


LOOPS = {
    # the whole is run: a jump in a turn, a bound known at run time, a condition of the loop itself, a rounding
    "while h < 100 { h = if h > 2 then h + 5 else h * 1.5 }": [
        ("branch-jump", "h > 2", "the value jumps by -1 ")
    ],
    "for i in 0..k { h = if h > 2 then h - 1 else h * 1.5 }": [
        ("branch-jump", "h > 2", "the value jumps by ")
    ],
    "while h > 0.01 { h = h * 0.5 }": [("branch-jump", "h > 0.01", "the value jumps by -0.005 ")],
    "while h < 100 { h = h * 2 + floor(h) }": [
        ("cut-path", "floor(h)", "`floor` ends the derivative on this path, where the value jumps by 4: ")
    ],
    # arms that meet; an iteration that converges
    "while h < 100 { h = if h > 2 then 2 * h else 4 * h - 4 }": [
        ("branch-jump", "h < 100", "the value jumps by ")
    ],
    "while abs(h * h - 2 * w) > 1e-3 { h = 0.5 * (h + 2 * w / h) }": [],
    # the first turns are run, of what never ends or goes on for long
    "while h > 0 { h = if h > 1.2 then h * 0.5 else h + w }": [
        ("branch-jump", "h > 1.2", "the value, when no loop makes more than 8 turns, jumps by ")
    ],
    "while w > 0 { h = if h > 1.2 then h * 0.5 else h + w }": [
        ("branch-jump", "h > 1.2", "the value, when no loop makes more than 8 turns, jumps by ")
    ],
    "for i in 0..k * 1000000 { h = if h > 2 then h - 1 else h * 1.5 }": [
        ("branch-jump", "h > 2", "the value, when no loop makes more than 8 turns, jumps by ")
    ],
    "for i in reversed(0..1000000) { h = if h > 2 then h - 1 else h * 1.5 }": [
        ("branch-jump", "h > 2", "the value, when no loop makes more than 8 turns, jumps by ")
    ],
    # nothing to tell of loops that never end, at the point or beside it
    "while w > 0 { h = h + w }": [],
    "while w > 0 { }": [],
    "while w > 1.4 { h = h + 1 }": [],
    # too much for the first turns as well
    "for i in 0..999 { for j in 0..999 { for a in 0..999 { for b in 0..9 { h = if h > 1 then w else h } } } }": [],
}


@pytest.mark.parametrize("loop", LOOPS)
def test_loops_are_run_as_far_as_is_affordable(loop):
    """What is told was found in the part that was run, and says so."""
    text = f"param w = 1.4\nfunction f(k : int = 4) {{\n h = w\n {loop}\n return h + 0.001 * w + 0 * k\n}}"
    warnings = [d for d in paramprog.loads(text).check() if d.code in ("branch-jump", "cut-path")]
    assert [(d.code, d.span.text) for d in warnings] == [(code, span) for code, span, _ in LOOPS[loop]]
    for d, (_, _, said) in zip(warnings, LOOPS[loop], strict=True):
        assert d.message.startswith(said)


def test_tapes_are_run_too():
    """What they cost is known in the run, though their length is no part of their type: here they are filled, and taken
    apart by a `for` over turns that were counted; large values weigh more."""
    text = """param p = 0.4
function f(x = SEED) {
    y = x
    T = tape(y)
    k = 0
    while sum(y) < 5 * sum(x - x + 1) {
        T = push(T, y)
        y = p + y
        k = k + 1
    }
    s = y
    for i in 0..k {
        T, z = pop(T)
        s = s * z
    }
    return sum(s) + p
}"""
    [warning] = paramprog.loads(text.replace("SEED", "0.3")).check()
    assert warning.code == "branch-jump"
    assert warning.message.startswith("the value jumps by -6.313e+04 ")
    large = paramprog.loads(text.replace("x = SEED", "x : real[1000000] = 0.3"))
    assert large.check() == []


def test_turns_that_an_inner_derivative_goes_back_through_are_not_left_out():
    """The derivative runs through as many turns as were recorded: the first ones alone would not be enough."""
    text = """param w = 1.4
function f() {
    h = w
    s = 0.0
    for i in 0..100000 { s = s + h * (if h > 1 then h else 2 * h)
        h = h * 0.99
    }
    return grad(s, w) + w
}"""
    assert [c for c, _ in found(text)] == []


def test_many_large_arrays_are_costly(monkeypatch):
    """Operations count by their sizes: a few turns of these are too long."""
    monkeypatch.setattr(partial_run, "crossings", None)
    text = """param w = 1.4
function f(x : real[100000] = 1.0) {
    h = w * x
    while h[0] > 0 { h = if h > 1 then sin(h) else cos(h) }
    return sum(h) + w
}"""
    assert found(text) == []


def test_cut_dependence_is_still_told_once():
    """Where every path is cut there is that warning, and no other."""
    assert found("param w = 2.5\nfunction f() { return floor(w) * 2 }") == [("cut-dependence", "floor(w)")]
