"""The built graph: one node per operation as written, points, copies, one node per call of a base, calls made once."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from checking import returning, value

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.graph import Graph, Node

LECTURE = """
param W0 = 0.5, W1 = -1.2, W2 = 0.8
base f0(a, q) = tanh(a) * q
base f1(c) = sin(c)
base f2(d) = sigmoid(d)
base f3(e, f) = e * f
function R(P = 0.3, Q = 0.7) {
    A = W0 * P
    B = f0(A, Q)
    C = W1 * B
    D = W2 * B
    E = f1(C)
    F = f2(D)
    R = f3(E, F)
    return R
}
"""


def graph_of(text: str) -> Graph:
    graph = paramprog.loads(text).compiled().built.graph
    graph.check()
    return graph


def named(graph: Graph, name: str) -> Node:
    """The only node of this name."""
    [node] = [n for n in graph.nodes if n.name == name]
    return node


def operations(expression: str, arguments: str = "x = 2.0", before: str = "") -> list[str]:
    """The primitives of a program, without its inputs and constants, in order."""
    graph = graph_of(before + returning(expression, arguments))
    return [n.op.name for n in graph.nodes if n.op.name not in ("leaf", "full", "array")]


def test_the_running_example_is_the_graph_of_the_lecture():
    """Twelve nodes, each assignment one of them, with the edges of the drawing."""
    graph = graph_of(LECTURE)
    assert [n.name for n in graph.nodes] == ["P", "Q", "W0", "W1", "W2", "A", "B", "C", "D", "E", "F", "R"]
    edges = {(a.name, n.name) for n in graph.nodes for a in n.args}
    drawn = ["W0A", "PA", "AB", "QB", "W1C", "BC", "W2D", "BD", "CE", "DF", "ER", "FR"]
    assert edges == {(e[:-1], e[-1]) for e in drawn}
    assert [named(graph, n).op.name for n in "ABCDEFR"] == ["mul", "f0", "mul", "mul", "f1", "f2", "f3"]


def test_the_spelling_of_the_lecture_is_the_same_graph():
    compact = (
        LECTURE.replace(" = ", "=").replace("function", "Function").replace(", ", ",").replace(" * ", "*")
    )
    assert str(graph_of(compact)) == str(graph_of(LECTURE))


def test_a_call_of_a_base_is_one_node_whatever_its_body():
    base = "base b(x, y) = if x > 0 then log(x) * y ** 2 else sin(x + y) / 2\n"
    assert operations("b(x, x)", before=base) == ["b"]
    assert operations("b(v, 1.0)", "v = [1.0, 2.0]", before=base) == ["spread", "b"]


def test_each_operation_is_a_node_as_written():
    """Nothing is simplified: neither 0 * x nor x - x, and `a + b` twice is two nodes."""
    assert operations("0 * x + (x - x) + (x + 1) + (x + 1)") == [
        "real",
        "mul",
        "sub",
        "add",
        "real",
        "add",
        "add",
        "real",
        "add",
        "add",
    ]


def test_a_product_with_itself_has_two_edges():
    graph = graph_of(returning("x * x"))
    product = graph.nodes[-1]
    assert product.args == (graph.nodes[0], graph.nodes[0])
    assert paramprog.loads(returning("x * x")).grad()["x"] == 4


def test_every_assignment_is_a_point():
    """`a = b` is a copy, also of an input or a param; what is computed carries its name itself."""
    graph = graph_of("param w = 1.0\nfunction f(x = 2.0) { a = x; b = a; c = w; d = b * c; e = d; return e }")
    assert [(n.name, n.op.name) for n in graph.nodes[2:]] == [
        ("a", "copy"),
        ("b", "copy"),
        ("c", "copy"),
        ("d", "mul"),
        ("e", "copy"),
    ]


def test_every_argument_of_a_call_is_a_point():
    """`f(x, x)` has two of them; an expression as argument is its point."""
    graph = graph_of(
        "function g(a, b) { return a * b }\nfunction f(x = 2.0) { return g(x, x) + g(x + 1, x) }"
    )
    assert [(n.name, n.op.name) for n in graph.nodes if n.name in ("a", "b")] == [
        ("a", "copy"),
        ("b", "copy"),
        ("a", "add"),
        ("b", "copy"),
    ]


def test_the_gradient_at_a_point_is_of_that_point():
    """A copy is a path of its own."""
    program = paramprog.loads("function f(x = 3.0) { a = x; return a * x }")
    found = program.grad(wrt=["a", "x"])
    assert (found["a"], found["x"]) == (3, 6)


def test_points_are_the_names_of_the_entry_function():
    """Not those of functions called; ints known at compile time are no points."""
    text = "function g(a) { inner = a * 2; return inner }\nfunction f(x = 2.0) { k = 3; y = g(x); z = k * y; return z }"
    assert list(paramprog.loads(text).compiled().built.points) == ["y", "z"]


# ---- calls made once ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["base g(x) = tanh(x)\n", "function g(x) { return tanh(x) }\n"])
def test_a_call_with_the_points_of_an_earlier_call_is_that_call(kind):
    """The same points, not equal values: `x + 1` written twice is two points."""
    once = Counter(operations("g(x)", before=kind))
    assert Counter(operations("g(x) + g(x)", before=kind)) == once + Counter(["add"])
    twice = Counter(operations("g(x + 1) + g(x + 1)", before=kind))
    assert twice["g"] + twice["tanh"] == 2
    named_points = operations("g(x)", before=f"{kind}function h(x) {{ a = x; return g(a) + g(a) }}\n")
    assert Counter(named_points) == once


def test_a_call_on_a_copy_is_another_call():
    text = "base g(x) = tanh(x)\nfunction f(x = 2.0) { a = x; return g(a) * g(x) }"
    assert Counter(n.op.name for n in graph_of(text).nodes)["g"] == 2


def test_calls_that_select_the_same_entries_are_one():
    """Constant indices are composed first: `v[1:][0]` is `v[1]`."""
    base = "function g(x) { return tanh(x) }\n"
    assert operations("g(v[1]) + g(v[1]) + g(v[1:][0])", "v = [1.0, 2.0]", base).count("tanh") == 1
    assert operations("g(v[0]) + g(v[1])", "v = [1.0, 2.0]", base).count("tanh") == 2


def test_a_call_made_in_one_arm_is_not_used_in_the_other():
    """What one arm computes does not exist in the other; what was computed before the branch does."""
    base = "base g(x) = tanh(x)\n"
    assert value(base + returning("if x > 1 then g(x) else 2 * g(x)")) == np.tanh(2.0)
    assert value(base + returning("if x > 9 then g(x) else 2 * g(x)")) == 2 * np.tanh(2.0)
    graph = graph_of(f"{base}function f(x = 2.0) {{ a = g(x); return if x > 1 then g(x) + a else 3 * g(x) }}")
    assert len([n for n in graph.nodes if n.op.name == "g"]) == 1
    assert not [n for b in graph.nodes[-2].attrs["bodies"] for n in b.nodes if n.op.name == "g"]


def test_shared_calls_keep_the_graph_linear():
    """2^40 paths, some 80 nodes."""
    text = "".join(f"function f{i}(x) {{ return f{i + 1}(x) + f{i + 1}(x) }}\n" for i in range(40))
    program = paramprog.loads(f"{text}function f40(x) {{ return x }}\nfunction f(x = 1.0) {{ return f0(x) }}")
    assert len(program.compiled().built.graph) < 200
    assert program.grad()["x"] == 2.0**40


# ---- limits ------------------------------------------------------------------------------------------------------


def test_a_graph_beyond_the_limit_is_refused():
    """With the option that raises it."""
    text = "".join(f"function f{i}(x) {{ return f{i + 1}(x) + f{i + 1}(x + 1) }}\n" for i in range(12))
    text += "function f12(x) { return x }\nfunction f(x = 1.0) { return f0(x) }"
    with pytest.raises(ProgramError) as caught:
        paramprog.program.Program(paramprog.diagnostics.Source("t", text), max_nodes=1000)
    [found] = caught.value.diagnostics
    assert found.code == "graph-limit"
    assert "--max-nodes" in (found.hint or "")
    assert paramprog.loads(text)() > 0


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 900 + "x" + ")" * 900,
        "sin(" * 900 + "x" + ")" * 900,
        "-" * 900 + "x",
        "x**" * 300 + "1.0",
        "x + " * 5000 + "x",
        "".join(f"if x > {200 - i} then {i} * x else " for i in range(100)) + "x",
        "if x > 0 then (" * 60 + "x * x" + ") else x" * 60,
        "[" * 60 + "x" + "]" * 60 + "[0]" * 60,
    ],
)
def test_deep_and_long_programs(expression):
    """No recursion of Python's depends on the program; the gradient comes out both ways."""
    program = paramprog.loads(returning(expression, "x = 0.5"))
    assert np.isfinite(program())
    reverse, forward = program.grad()["x"], program.grad(mode="forward")["x"]
    assert reverse == pytest.approx(forward, rel=1e-12)


def test_functions_nest_to_the_limit_of_calls():
    text = "".join(f"function f{i}(x) {{ return f{i + 1}(x) * 1.0 }}\n" for i in range(950))
    program = paramprog.loads(
        f"{text}function f950(x) {{ return x }}\nfunction f(x = 0.5) {{ return f0(x) }}"
    )
    assert program.grad()["x"] == 1


# ---- branches ----------------------------------------------------------------------------------------------------


def test_a_conditional_decided_at_run_time_is_one_region():
    """With the operations of both arms inside; the condition outside."""
    graph = graph_of(returning("if x > 1 then sin(x) else cos(x)"))
    assert [n.op.name for n in graph.nodes] == ["leaf", "full", "real", "greater", "branch", "part"]
    first, second = graph.nodes[4].attrs["bodies"]
    assert [n.op.name for n in first.nodes] == ["leaf", "sin"]
    assert [n.op.name for n in second.nodes] == ["leaf", "cos"]


def test_a_conditional_decided_at_compile_time_is_no_node():
    assert operations("if 2 > 1 then sin(x) else cos(x)") == ["sin"]


def test_spans_lead_back_to_the_text():
    """Of operations, arguments and params."""
    graph = graph_of("param w = 2.0\nfunction f(x = 1.0) { y = w * x + 1; return y }")
    spans = {n.op.name: n.span.text for n in graph.nodes if n.span is not None}
    assert spans["mul"] == "w * x"
    assert spans["add"] == "w * x + 1"
    assert [n.span.text for n in graph.nodes[:2] if n.span is not None] == ["x", "w"]
