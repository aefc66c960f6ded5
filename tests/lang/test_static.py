"""What is decided at compile time, and statements: assigned once, returned last."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from checking import code, computed, findings, hint, returning, told, value
from oracles import arity

from paramprog.diagnostics import ProgramError, Source, Span
from paramprog.graph.region import ValueFault
from paramprog.lang.static import FOLDS, fold
from paramprog.op import OPS

NOWHERE = Span(Source("nowhere", ""), 0, 0)

# ---- static conditions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "condition",
    [
        "n == 4",
        "n > 3 and c",
        "not (n < 4)",
        "r > 0.25",
        "n / 8 >= r",
        "c",
        "mod(n, 3) == 1",
        "max(n, 9) == 9",
        "two(n) == 8",
    ]
    + [
        "int(n * r) == 2",
        "sum([1, n]) == 5",
        "k[1] == 7",
        "n == 4 or nonsense",
        "twice(r) == 1.0",
        "abs(0 - n) == 4",
    ]
    + [
        "(if r > 0.3 then n else nonsense) == 4",
        "-n < 0 and true or nonsense",
        "clip(n, 0, 2) == 2",
        "pi > 3",
    ],
)
def test_a_condition_on_constants_is_decided(condition):
    """Dims, consts (also real ones) and literals, functions of them: the other arm may be nonsense."""
    text = "dim n = 4\nconst c = true, r = 0.5, k = [5, 7]\nfunction two(n) { return 2 * n }\nbase twice(x) = 2 * x\n"
    assert (
        value(text + returning(f"if {condition} then x else nonsense(1)[2] + 'x'".replace(" + 'x'", ""))) == 2
    )
    block = f"if {condition} {{ y = x }} else {{ y = nonsense }}"
    assert value(f"{text}function f(x = 2.0) {{ {block}\n return y }}") == 2


@pytest.mark.parametrize(
    "condition", ["x > 1", "w > 0.5", "k == 2", "g(x) > 1", "v[0] > 0 and true", "c and x > 1", "h() > 0"]
)
def test_a_condition_on_inputs_and_params_is_not_decided(condition):
    """Directly, by a name, or in a function: both arms are typed."""
    text = "param w = 1.0\nconst c = true\nfunction g(x) { return x }\nfunction h(k = 1) { return w }\n"
    arguments = "x = 2.0, k = 2, v = [1.0]"
    assert told(text + returning(f"if {condition} then x else nonsense", arguments)) == [
        ("undefined-name", "nonsense")
    ]
    assert value(text + returning(f"if {condition} then x else 0", arguments)) == 2


def test_arms_are_cut_off_one_by_one():
    """What is known false goes, what is known true ends the chain."""
    assert computed("if 1 > 2 then nonsense else if x > 1 then 5 else if 2 > 1 then 6 else nonsense") == 5
    assert computed("if x > 3 then 5 else if 2 > 1 then 6 else if nonsense then 7 else 8") == 6
    assert computed("if 1 > 2 then nonsense else x") == 2


def test_a_decided_condition_gives_the_type_of_its_arm():
    assert computed("[1, 2, 3][if 2 > 1 then 1 else 0.5]") == 2


def test_names_of_static_ints_stay_static():
    """Through assignments, arguments and results."""
    text = "function g(n) { m = n + 1; return m }\n"
    text += "function f(v = [1.0, 2.0, 3.0]) { a, b = 1, g(0); return v[a + b] + sum(v[g(0):]) }"
    assert value(text) == 8


@pytest.mark.parametrize("expression", ["true or nonsense", "false and nonsense", "true or nonsense or x"])
def test_logic_that_is_decided_leaves_the_rest(expression):
    """The right side is not even typed."""
    assert computed(expression) == ("or" in expression)


INTS = [-7, -2, 0, 1, 3, 5]


@pytest.mark.parametrize("name", sorted({*FOLDS, "pow"}))
def test_folding_agrees_with_the_primitive(name):
    """An int or bool computed at compile time is what the primitive computes at run time, or both refuse."""
    op = OPS[name]
    domain = [False, True] if name in ("and", "or", "not") else INTS
    for args in product(domain, repeat=arity(op)):
        assert op.kinds(*["bool" if isinstance(a, bool) else "int" for a in args])[1] in ("int", "bool")
        try:
            expected = op.value(*map(np.asarray, args))
        except ValueFault:
            with pytest.raises(ProgramError):
                fold(name, args, NOWHERE)
        else:
            assert fold(name, args, NOWHERE) == expected


# ---- statements --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body, at",
    [
        ("y = 1; y = 2; return y", "y"),
        ("y, y = 1, 2; return y", "y"),
        ("x = 2; return x", "x"),
        ("y, x = 1, 2; return x", "x"),
        ("if 2 > 1 { y = 2 } else { y = 3 }\n y = 1; return y", "y"),
        ("if 2 > 1 { y = 2 }\n y = 1; return y", "y"),
        ("h = 2; return x", "h"),
    ],
)
def test_a_name_is_assigned_once(body, at):
    """Params aside, which a name hides; arguments never, not even those that are functions."""
    text = f"function g(x, h : function) {{ {body} }}\nfunction f(x = 1.0) {{ return g(x, sin) }}"
    assert told(text) == [("assigned-twice", at)]


def test_the_counts_of_an_assignment_agree():
    for statement in ("a, b = x", "a = x, x", "a, b, c = x, x"):
        [found] = findings(f"function f(x) {{ {statement}; return x }}")
        assert (found.code, found.span.text if found.span else "") == ("assign-count", statement)
    [found] = findings("function f(x) { a, b = x; return a }")
    assert found.message == "2 names for 1 value"


def test_the_right_side_does_not_see_the_left_one():
    """`W = W * x` means the param on its right; other names do not exist yet."""
    assert value("param W = 2.0\nfunction f(x = 3.0) { W = W * x; return W }") == 6
    assert told("function f(x) { y = y + 1; return y }") == [("undefined-name", "y")]
    assert value("function f(x = 1.0, y = 2.0) { a, b = y, x; c, d = b, a; return c * 10 + d }") == 12


@pytest.mark.parametrize(
    "body, found",
    [
        ("", "no-return"),
        ("y = x", "no-return"),
        ("if 2 > 1 { y = x }", "no-return"),
        ("if 1 > 2 { return x }", "no-return"),
        ("return x; y = 2", "return-position"),
        ("return x; return x", "return-position"),
        ("if 2 > 1 { return x }\n return 2 * x", "return-position"),
        ("if 1 > 2 { return x }\n return 2 * x", "return-position"),
        ("if 2 > 1 { return x; y = 2 } else { return x }", "return-position"),
    ],
)
def test_return_is_the_last_statement(body, found):
    """Of a function or of every arm of an `if` that is; whichever arm is taken, and even if nothing calls it."""
    assert found in [c for c, _ in told(f"function f(x = 1.0) {{ {body}\n }}")]
    if found == "return-position":
        assert code(f"function g(x) {{ {body}\n }}\n{returning('x')}") == found


def test_return_in_the_arms_of_a_static_if():
    text = "function g(x, n : int) {\n"
    text += "if n == 0 { return x } else if n == 1 { y = x * 2; return y } else { return x * 3 } }\n"
    for n, expected in enumerate((2, 4, 6)):
        assert value(text + returning(f"g(x, {n})")) == expected


def test_names_of_a_static_if_are_visible_after_it():
    """Those of the arm that was taken."""
    assert value("function f(x = 2.0) { if 1 > 2 { y = 1 } else { z = x; y = z * 2 }\n return y + z }") == 6
    assert told("function f(x = 2.0) { if 1 > 2 { y = 1 }\n return y }") == [("undefined-name", "y")]


def test_a_static_if_changes_names_of_blocks_around_it():
    """They stay known at compile time, and an int that becomes real is real."""
    text = "const big = true\nfunction f(v = [1.0, 2.0, 3.0]) { k = 1\n if big { k = 2 }\n return v[k] + sum(v[k:]) }"
    assert value(text) == 6
    text = "const big = true\nfunction f(x = 2.0) { y = 1\n if big { y = x } else { y = nonsense }\n return y / 4 }"
    assert value(text) == 0.5
    found = code("function f(x = 2.0) { y = 1\n if 2 > 1 { y = [x] }\n return y }")
    assert found == "shape-mismatch"


def test_what_is_not_known_at_compile_time_says_what_is():
    [found] = findings(returning("zeros(k)", "k = 2"))
    assert "changes at run time" in found.message
    assert hint(returning("zeros(4 / 2)")) == "write `//` for a whole number"
