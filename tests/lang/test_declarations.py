"""Declarations: dims, params, consts, their names and types; which names see which."""

from __future__ import annotations

import numpy as np
import pytest
from checking import code, findings, hint, told, value

import paramprog

F = "function f(x = 1.0) { return x }"


# ---- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, name",
    [
        ("dim n = 2, n = 3", "n"),
        ("param a = 1.0\nconst a = 2.0", "a"),
        ("const c = 1\ndim c = 1", "c"),
        ("param a, a", "a"),
        ("base b(x) = x\nbase b(y) = y", "b"),
        ("function g(x) { return x }\nbase g(x) = x", "g"),
        ("base f(x) = x", "f"),
        ("function f(x) { return x }", "f"),
        ("base b(x, x) = x", "x"),
    ],
)
def test_a_name_is_declared_once_in_its_namespace(text, name):
    """Dims, params and consts share one namespace, functions and bases the other."""
    assert told(f"{text}\n{F}") == [("duplicate-name", name)]


def test_an_argument_is_declared_once():
    """Also in a function that is called."""
    assert told("function f(x, x) { return x }") == [("duplicate-name", "x")]
    assert code("function g(x, y, x) { return x }\nfunction f(x) { return g(x, x, x) }") == "duplicate-name"


def test_values_and_functions_have_namespaces_of_their_own():
    """`R = f3(E, F)` inside R, `sum = sum(x)`, a param named as a function."""
    assert value("base f3(e, f) = e * f\nfunction R(E = 2.0, F = 3.0) { R = f3(E, F); return R }") == 6
    assert value("function f(x = [1.0, 2.0]) { sum = sum(x); sin = sum * 2; return sin }") == 6
    assert value("param g = 2.0\nfunction g(x) { return g * x }\nfunction f(x = 3.0) { return g(x) }") == 6


def test_functions_and_values_may_be_used_before_they_are_defined():
    text = "function g(x) { return h(x) * a }\nfunction f(x = 2.0) { return g(x) }\n"
    rest = "base h(x) = x * c\nparam a = 2.0\nconst c = b + 1, b = 2"
    program = paramprog.loads(f"{rest}\n{text}")
    assert program() == paramprog.loads(f"{text}\n{rest}")() == 12


def test_arguments_and_body_names_shadow_params_consts_and_dims():
    """A body name may even be computed from the param that it hides."""
    assert (
        value("param W = 2.0\nfunction g(W) { return W }\nfunction f(x = 3.0) { W = W * x; return g(W) }")
        == 6
    )
    assert value("dim n = 3\nparam b : real[n] = 1\nfunction f(n = 2.5) { return n * sum(b) }") == 7.5
    assert value("const c = 3\nfunction f(x = 2.0) { c = c * x; return c }") == 6
    assert value("function f(x = 2.0) { pi = 1.0; return pi * x }") == 2


def test_pi_is_a_constant_that_any_declaration_hides():
    assert value("function f(x = 2.0) { return pi * x }") == 2 * np.pi
    assert value("param pi = 3.0\nfunction f(x = 2.0) { return pi * x }") == 6
    assert value("const tau = 2 * pi\nfunction f(x = 1.0) { return tau * x }") == 2 * np.pi


def test_an_entry_argument_may_not_have_the_name_of_a_param():
    """They would be the same key; an argument of another function may."""
    assert told("param x = 1.0\nfunction f(x) { return x }") == [("duplicate-name", "x")]
    assert value("param x = 1.0\nfunction g(x) { return x }\nfunction f(y = 2.0) { return g(y) * x }") == 2


# ---- dims --------------------------------------------------------------------------------------------------------


def test_dims_are_ints_computed_at_compile_time():
    """In any order, with the ints of consts, also where these come from reals."""
    assert value("dim m = 2 * n, n = k // 2\nconst k = 7\nfunction f(x : real[m] = 1) { return sum(x) }") == 6
    assert value("dim n = int(sqrt(9.5))\nfunction f(x : real[n] = 1) { return sum(x) }") == 3
    assert value("dim n = 4\nfunction f(x = 1.0) { return x * n / 8 }") == 0.5


@pytest.mark.parametrize(
    "dim, code_, at",
    [
        ("3 / 2", "not-static", "3 / 2"),
        ("2.0", "not-static", "2.0"),
        ("true", "not-static", "true"),
        ("w", "not-constant", "w"),
        ("x", "not-constant", "x"),
        ("2 - 3", "dim-value", "n"),
        ("1 // 0", "division-by-zero", "1 // 0"),
        ("2 ** -1", "negative-power", "2 ** -1"),
        ("2 ** 63", "number-range", "2 ** 63"),
        ("k", "undefined-name", "k"),
        ("n", "circular-definition", "n"),
    ],
)
def test_what_is_no_dim(dim, code_, at):
    """Reals, also those that are whole; params; negative sizes; what has no value."""
    assert told(f"dim n = {dim}\nparam w = 1.0\n{F}") == [(code_, at)]


def test_a_division_in_a_dim_gets_the_hint():
    assert "`//`" in (hint(f"dim n = 3 / 2\n{F}") or "")


def test_circles_of_definitions_are_found():
    assert code(f"dim n = m, m = n\n{F}") == "circular-definition"
    assert code(f"const a = b + 1, b = 2 * a\n{F}") == "circular-definition"
    assert code(f"base a(x) = b(x)\nbase b(x) = a(x)\n{F}") == "circular-definition"
    assert code(f"param W : real[n]\ndim n = n\n{F}") == "circular-definition"


def test_a_dim_without_a_value_waits_for_data():
    """Loading is fine; running says which dim is missing."""
    text = "dim n\nfunction f(x : real[n]) { return sum(x) }"
    program = paramprog.loads(text)
    assert program(x=[1.0, 2.0]) == 3
    assert program(x=[1.0, 2.0, 3.0]) == 6
    assert told(text) == [("dim-unbound", "n")]
    assert findings(text, {"n": 4}) == []


# ---- params ------------------------------------------------------------------------------------------------------


def params(declaration: str) -> dict[str, tuple[int, ...]]:
    """The shapes of the params of a declaration."""
    checked = paramprog.loads(f"dim n = 2, m = 3\n{declaration}\n{F}").compiled().checked
    assert {t.kind for t in checked.params.values()} == {"real"}
    return {name: t.shape for name, t in checked.params.items()}


def test_a_param_has_the_type_it_declares_or_that_of_its_value():
    """A value without a type gives its shape, as real; neither gives a scalar."""
    assert params("param a : real[n, m], b = 1, c = [1, 2, 3], e : real[n] = 0.5, d") == {
        "a": (2, 3),
        "b": (),
        "c": (3,),
        "d": (),
        "e": (2,),
    }


def test_a_name_alone_takes_type_and_init_of_the_next_that_has_one():
    """But never the value; the example of the language definition."""
    declaration = "param Wq, Wk : real[n, m] ~ he(), bias : real[m], scale = 1.0"
    assert params(declaration) == {"Wq": (2, 3), "Wk": (2, 3), "bias": (3,), "scale": ()}
    checked = paramprog.loads(f"dim n = 2, m = 3\n{declaration}\n{F}").compiled().checked
    assert {k: str(v) for k, v in checked.inits.items()} == {"Wq": "he()", "Wk": "he()", "bias": "zeros()"}
    assert checked.values.keys() == {"scale", "x"}


def test_a_name_alone_takes_the_shape_of_the_next_value_too():
    assert params("param a, b = [1.0, 2.0]") == {"a": (2,), "b": (2,)}
    checked = paramprog.loads(f"param a, b = [1.0, 2.0]\n{F}").compiled().checked
    assert str(checked.inits["a"]) == "zeros()"
    assert params("param a, b ~ zeros(), c : real[n], d") == {"a": (), "b": (), "c": (2,), "d": ()}


def test_an_int_value_of_a_param_is_real():
    """Params are real, so `/` and `**` are those of reals."""
    assert value("param k = 2\nfunction f(x = 1.0) { return x * k ** -1 }") == 0.5


def test_a_scalar_value_fills_a_shape():
    assert value("param w : real[2, 3] = 0.5\nfunction f(x = 2.0) { return x * sum(w) }") == 6


@pytest.mark.parametrize(
    "declaration, code_, at",
    [
        ("param k : int = 2", "param-kind", "int"),
        ("param k = true", "param-kind", "true"),
        ("param k : real[2] = [1, 2, 3]", "shape-mismatch", "[1, 2, 3]"),
        ("param k : rael", "unknown-type", "rael"),
        ("param k : function", "unknown-type", "function"),
        ("param k : real[2 - 3]", "dim-value", "2 - 3"),
        ("param k : real[1.5]", "not-static", "1.5"),
        ("param k : real[j]", "dim-unbound", "j"),
        ("param k = j", "undefined-name", "j"),
        ("param j = 1.0, k = j", "not-constant", "j"),
        ("param k ~ nromal(0, 1)", "unknown-init", "nromal"),
        ("param k ~ normal(1)", "argument-count", "normal(1)"),
        ("param k ~ zeros(1)", "argument-count", "zeros(1)"),
        ("param k ~ normal(0, sd = 1)", "unknown-argument", "sd"),
        ("param k ~ normal([0, 1], 1)", "type-mismatch", "[0, 1]"),
        ("param k ~ normal(0, true)", "type-mismatch", "true"),
        ("param k ~ normal(0, -1)", "init-value", "normal(0, -1)"),
        ("param k ~ uniform(1, 0)", "init-value", "uniform(1, 0)"),
        ("param k ~ uniform(0, 1 / 0)", "init-value", "uniform(0, 1 / 0)"),
        ("param k ~ uniform(-1e308, 1e308)", "init-value", "uniform(-1e308, 1e308)"),
        ("param k : real[16384, 16385]", "element-limit", "real[16384, 16385]"),
    ],
)
def test_what_is_no_param(declaration, code_, at):
    assert told(f"{declaration}\n{F}") == [(code_, at)]


# ---- consts ------------------------------------------------------------------------------------------------------


def test_a_const_may_use_consts_dims_functions_and_bases():
    text = "dim n = 3\nfunction sq(x) { return x * x }\nbase twice(x) = 2 * x\n"
    text += "const a = sq(1.5) + twice(n), b = [a, 1], c = sum(b)\nfunction f(x = 1.0) { return x * c }"
    assert value(text) == 9.25


@pytest.mark.parametrize(
    "const, expression, expected",
    [
        ("c : real[3] = 2", "x * sum(c)", 6),
        ("c : real = 2", "x * c ** -1", 0.5),
        ("c : real[2] = [1, 2]", "x * sum(c / 4)", 0.75),
        ("c : int[2] = 7", "x * sum(c // 2)", 6),
        ("c = [7, 8]", "x * sum(c // 2)", 7),
        ("c : bool = 1 < 2", "if c then x else nonsense", 1),
        ("c = 0.5", "if c > 0.25 and true then x else nonsense", 1),
        ("c = int(2.5)", "if c == 2 then x else nonsense", 1),
    ],
)
def test_a_const_is_what_it_declares(const, expression, expected):
    """A scalar fills a shape, an int becomes real if declared so; conditions on consts, also real ones, are decided."""
    assert value(f"const {const}\nfunction f(x = 1.0) {{ return {expression} }}") == expected


def test_recursion_on_a_real_const_ends():
    text = "const c = 0.5\nfunction g(x, n : int) { return if n < 2.5 * c then x else 2 * g(x, n - 1) }\n"
    assert value(text + "function f(x = 1.0) { return g(x, 3) }") == 4


@pytest.mark.parametrize(
    "const, code_, at",
    [
        ("c : int = 2.5", "type-mismatch", "2.5"),
        ("c : bool = 1", "type-mismatch", "1"),
        ("c : real = true", "type-mismatch", "true"),
        ("c : real[2] = [1, 2, 3]", "shape-mismatch", "[1, 2, 3]"),
        ("c = w", "not-constant", "w"),
        ("c = x", "not-constant", "x"),
        ("c = g(1.0)", "not-constant", "g(1.0)"),
        ("c = g2(1.0)", "not-constant", "g2(1.0)"),
        ("c = 1 // 0", "division-by-zero", "1 // 0"),
        ("c = [1, 2][2]", "index-range", "2"),
        ("c = zeros(16384, 16385)", "element-limit", "zeros(16384, 16385)"),
        ("c = nothing", "undefined-name", "nothing"),
    ],
)
def test_what_is_no_const(const, code_, at):
    """Params and inputs may not stand in one, neither directly nor in a function that it calls."""
    text = f"param w = 2.0\nfunction g(x) {{ return w * x }}\nfunction g2(x) {{ return g(x) }}\nconst {const}\n{F}"
    assert told(text) == [(code_, at)]
