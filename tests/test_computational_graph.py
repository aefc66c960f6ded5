"""The graph as in the lectures: forward, then backward."""

from __future__ import annotations

import networkx
import numpy as np
import pytest

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.resources import programs_dir


@pytest.fixture
def graph():
    return paramprog.load(programs_dir() / "running_example.pp").graph


def test_backward_gives_the_adjoint_of_every_named_point(graph):
    """The fact v_X of the lecture, for the running example in closed form."""
    R = graph.forward()
    v = graph.values()
    adjoint = graph.backward()
    E, F, B = v["E"], v["F"], v["B"]
    assert R == E * F
    expected = {
        "R": 1.0,
        "E": F,
        "F": E,
        "C": F * np.cos(v["C"]),
        "D": E * F * (1 - F),
    }
    expected["B"] = expected["C"] * -1.2 + expected["D"] * 0.8
    expected["A"] = expected["B"] * 0.7 / np.cosh(v["A"]) ** 2
    expected |= {"W0": expected["A"] * 0.3, "W1": expected["C"] * B, "W2": expected["D"] * B}
    for name, value in expected.items():
        assert adjoint[name] == pytest.approx(value, rel=1e-14), name
    assert set(adjoint) == set("PQABCDEFR") | {"W0", "W1", "W2"}


def test_it_agrees_with_the_program(graph):
    """`backward` is the analysis on numbers, `grad` runs the adjoint graph."""
    program = paramprog.load(programs_dir() / "running_example.pp")
    names = [*"PQABCDEF", "W0", "W1", "W2"]
    assert graph.forward({"P": 1.5, "W1": 0.25}) == program(P=1.5, params={"W1": 0.25})
    found, expected = graph.backward(), program.grad(P=1.5, W1=0.25, wrt=names)
    for name in names:
        assert found[name] == pytest.approx(expected[name], rel=1e-14), name


def test_each_run_replaces_the_last(graph):
    first = (graph.forward(), graph.backward()["W0"])
    graph.forward({"P": 2.0})
    assert graph.backward()["W0"] != first[1]
    assert (graph.forward(), graph.backward()["W0"]) == first


def test_backward_needs_a_run(graph):
    for ask in (graph.backward, graph.values, graph.path_counts):
        with pytest.raises(ValueError, match="forward"):
            ask()


def test_path_counts(graph):
    """B is used twice, so W0, P and Q have two paths to R."""
    graph.forward()
    counts = graph.path_counts()
    assert {k: counts[k] for k in ("W0", "W1", "W2", "P", "Q", "B", "R")} == {
        "W0": 2,
        "W1": 1,
        "W2": 1,
        "P": 2,
        "Q": 2,
        "B": 2,
        "R": 1,
    }


def test_points_that_the_output_does_not_depend_on_have_zeros():
    graph = paramprog.loads(
        "param W : real[2, 3]\nfunction f(x = 2.0) { y = sum(W); z = x * x; return z }"
    ).graph
    graph.forward()
    found = graph.backward()
    np.testing.assert_array_equal(found["W"], np.zeros((2, 3)))
    assert (found["y"], found["x"]) == (0, 4)


def test_it_can_be_looked_at(graph):
    """As a listing, its length, its nodes, a networkx multigraph with one edge per use."""
    assert len(graph) == len(graph.nodes) == 12
    assert "W0" in str(graph)
    assert "12" in repr(graph)
    network = graph.to_networkx()
    assert networkx.is_directed_acyclic_graph(network)
    assert (network.number_of_nodes(), network.number_of_edges()) == (12, 12)
    square = paramprog.loads("function f(x = 2.0) { return x * x }").graph.to_networkx()
    assert square.number_of_edges() == 2


def test_a_branch_runs_one_side():
    graph = paramprog.loads("function f(x = 2.0) { y = if x > 1 then x * x else log(x - 1); return y }").graph
    assert (graph.forward(), graph.backward()["x"]) == (4, 4)
    graph.forward({"x": 3.0})
    assert graph.backward()["x"] == 6


def test_forward_wants_known_names_and_one_output(graph):
    with pytest.raises(ProgramError):
        graph.forward({"PP": 1.0})
    with pytest.raises(ProgramError):
        paramprog.loads("function f(x = 1.0) { return x, 2 * x }").graph.forward()


def test_a_name_means_the_point_of_the_entry_function():
    """Also where a function that is called has an argument of that name."""
    graph = paramprog.loads(
        "param W = 3.0\nfunction g(W) { return W * W }\nfunction f(x = 1.0) { return g(W) + W }"
    ).graph
    graph.forward()
    assert graph.backward()["W"] == 7
