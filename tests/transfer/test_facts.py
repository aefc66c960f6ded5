"""Facts: what is left out of a selection, or overwritten, is a structural zero through every map, and costs little."""

from __future__ import annotations

import numpy as np
import pytest

import paramprog
from paramprog.gradient import adjoint
from paramprog.graph import Graph
from paramprog.graph.graph import bodies
from paramprog.op import OPS, Linear
from paramprog.transfer.facts import Later, Masked, on, plain, plus, pull_fact, push_fact, with_nodes
from paramprog.transfer.linear import MASK
from paramprog.transfer.select import Cut
from paramprog.types import Type


def real(*shape: int) -> Type:
    return Type("real", shape)


SLICE = Linear(OPS["slice"], attrs={"cuts": (Cut(0, 1, None, 1, 3),)})


def mask(*kept: bool) -> Linear:
    return Linear(MASK, 1, (np.array(kept, np.bool_),))


# ---- lanes that are known at once --------------------------------------------------------------------------------


def test_known_lanes_stay_an_array_beside_a_node():
    """Static lanes are no nodes until something needs them: the entries of a slice of them are known too."""
    x = Graph().leaf(real(3))
    fact = pull_fact((mask(False, True, True),), x)
    assert isinstance(fact, Masked) and isinstance(fact.lanes, np.ndarray)
    np.testing.assert_array_equal(fact.lanes, [False, True, True])


def test_lanes_that_all_hold_are_no_lanes():
    """A mask that keeps everything is left out; a slice of kept entries alone is a plain value."""
    x = Graph().leaf(real(3))
    assert pull_fact((mask(True, True, True),), x) is x
    fact = push_fact((mask(False, True, True), SLICE), x)
    assert not isinstance(fact, Masked) and fact.op is OPS["slice"]


def test_lanes_of_which_none_holds_are_a_structural_zero():
    """Of nodes; of arrays the zero is a number, since whether there are paths does not depend on numbers."""
    x = Graph().leaf(real(3))
    assert push_fact((mask(False, False, False),), x) is None
    assert push_fact((mask(True, False, True), SLICE), x) is None
    assert push_fact((mask(True, False, True), SLICE), np.ones(3)).value == 0


def test_the_sum_of_two_facts_has_the_lanes_of_both():
    """And none where every entry is in one of them."""
    x = Graph().leaf(real(3))
    a, b, c = (pull_fact((mask(*lanes),), x) for lanes in ([1, 0, 0], [0, 1, 0], [0, 1, 1]))
    np.testing.assert_array_equal(plus(a, b).lanes, [True, True, False])
    assert not isinstance(plus(a, c), Masked)


def test_regions_get_lanes_as_nodes():
    """`on` makes nodes of them, in the graph of the value."""
    graph = Graph()
    x = graph.leaf(real(3))
    fact = with_nodes(pull_fact((mask(False, True, True),), x))
    assert fact.lanes.graph is graph and fact.lanes.kind == "bool"
    copied = on(pull_fact((mask(False, True, True),), x), OPS["copy"])
    assert copied.lanes.args[0].op is OPS["array"]


# ---- selections --------------------------------------------------------------------------------------------------


def test_what_a_slice_leaves_out_is_known_if_it_is_asked_for():
    """Only then: beside functions that are finite everywhere nobody needs to know."""
    g = Graph().leaf(real())
    assert not isinstance(pull_fact((SLICE,), g), Masked)
    np.testing.assert_array_equal(pull_fact((SLICE,), g, selects=True).lanes, [False, True, False])


def test_what_an_index_leaves_out_is_computed_only_when_something_infinite_is_near():
    """The lanes of a gather at an index of run time are `Later`: one more map of them emits nothing."""
    graph = Graph()
    i, g = graph.leaf(Type("int", ())), graph.leaf(real())
    gather = Linear(OPS["gather"], 0, (i,), {"axis": 0, "size": 6})
    fold = Linear(OPS["reshape"], attrs={"of": (2, 3), "to": (6,)})
    fact = pull_fact((fold, gather), g, selects=True)
    assert isinstance(fact.lanes, Later)
    before = len(graph.nodes)
    again = pull_fact((Linear(OPS["neg"]),), fact)
    assert len(graph.nodes) == before + 1 and again.lanes is fact.lanes
    pull_fact((Linear(OPS["mul"], 1, (graph.leaf(real(2, 3)),)),), fact)
    assert fact.lanes.node() is fact.lanes.node()
    assert any(n.op is OPS["spared"] for n in graph.nodes)


def test_contractions_keep_the_rows_that_are_structural_zeros():
    """G = e_1 u^T through G C^T: the letter of the rows is kept, the other summed over; of W^T g nothing is zero."""
    c = np.full((3, 3), np.inf)
    row = Masked(
        np.array([[0.0, 0, 0], [1, 2, 3], [0, 0, 0]]), np.array([[False] * 3, [True] * 3, [False] * 3])
    )
    rows = Linear(OPS["contract"], 0, (c,), {"spec": "ik,jk->ij", "sizes": ()})
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(push_fact((rows,), row).lanes, row.lanes)
        columns = Linear(OPS["contract"], 1, (c,), {"spec": "ij,ik->jk", "sizes": ()})
        assert not isinstance(push_fact((columns,), row), Masked)


AT_ZERO = {
    "sqrt(a)[1]": [0, 0.5],
    "sqrt(a)[i]": [0, 0.5],
    "-log(a)[i]": [0, -1],
    "sum(sqrt(a)[1:2])": [0, 0.5],
    "sum(gather(sqrt(a), [i, 1]))": [0, 1],
    "log(sin(a) ** 2 / a)[i] * 0 + sqrt(a)[i]": [0, 0.5],
    "reshape(sqrt(a), 2, 1)[i, 0]": [0, 0.5],
    "outer(sqrt(a), [3.0, 4.0])[i, 0]": [0, 1.5],
    "outer(sqrt(a), [3.0, 4.0])[1, 1]": [0, 2],
    "(outer(sqrt(a), [3.0, 4.0]) @ [1.0, 1.0])[1]": [0, 3.5],
    "transpose(outer(sqrt(a), [3.0, 4.0]))[0, i]": [0, 1.5],
    "(sqrt(a) * 2 + 1)[1]": [0, 1],
    "(-sqrt(a))[1] + (3 * sqrt(a))[i]": [0, 1],
}


@pytest.mark.parametrize("mode", ["reverse", "forward", "paths"])
@pytest.mark.parametrize("expression", AT_ZERO)
def test_an_entry_that_is_not_selected_is_a_structural_zero(expression, mode):
    """Where its derivative is infinite as well: 0 times infinity does not arise."""
    program = paramprog.loads(f"function f(a = [0.0, 1.0], i = 1) {{ return {expression} }}")
    found = program.grad(wrt=["a"], mode=mode)
    np.testing.assert_allclose(found["a"], AT_ZERO[expression], rtol=1e-14)
    assert found.warnings == []


@pytest.mark.parametrize("expression", AT_ZERO)
def test_verification_agrees_about_entries_that_are_not_selected(expression):
    """The sum over paths has its own account of them, in floats and in rational numbers."""
    program = paramprog.loads(f"function f(a = [0.0, 1.0], i = 1) {{ return {expression} }}")
    report = program.verify(wrt=["a"], exact=True)
    by_paths = [c for c in report.checks if "path sum" in c.name]
    assert len(by_paths) == 6 and all(c.ok for c in by_paths), [c.detail for c in by_paths]
    assert report.ok


def test_padding_gives_its_zeros_no_tangent():
    """sqrt of a padded array: the tangent of the zeros is a structural zero forwards."""
    program = paramprog.loads("function f(a = [4.0, 1.0]) { return sum(sqrt(pad(a, 1, 1))) }")
    for mode in ("reverse", "forward"):
        np.testing.assert_array_equal(program.grad(mode=mode)["a"], [0.25, 0.5])
    assert program.verify(exact=True).ok


def test_ordinary_adjoints_have_no_masks():
    """Beside functions that are finite everywhere a zero is a zero, so nothing is masked; beside others one mask is."""

    def printed(expression: str) -> str:
        return paramprog.loads(f"function f(a : real[3], i = 1) {{ return {expression} }}").gradient_program()

    for expression in ("sin(2 * a)[1]", "tanh(a / 4)[i]", "(a ** 2 - logsumexp(a))[i]", "a[0] * a[2]"):
        assert "mask" not in printed(expression) and "spared" not in printed(expression)
    assert printed("exp(sin(-2 * a))[i]").count("mask") == 1
    assert printed("exp(sin(-2 * a))[1]").count("mask") == 1
    assert "mask" not in printed("dot(exp(a)[0:2], [2.0, 1.0]) + exp(a)[2]")


def operations(graph: Graph) -> set[str]:
    """The names of all operations of a graph and of the bodies in it."""
    return {n.op.name for n in graph.nodes}.union(*(operations(b) for n in graph.nodes for b in bodies(n)))


def test_loops_do_not_carry_what_was_selected():
    """A recursion on the entries of an array, of which each turn takes some: its adjoint has no lanes to carry."""
    text = """
function f(x = [0.5, 1.5, 2.5], y = 0.3) {
    d = zeros(4)
    for i in 0..3 {
        d[i + 1] = log(2 + d[i] / y) + x[i]
    }
    return d[3]
}
"""
    program = paramprog.loads(text)
    built = program.compiled().built
    (output,) = built.outputs.values()
    before = operations(output.graph)
    adjoint(output, [built.inputs["x"], built.inputs["y"]])
    assert "or" not in operations(output.graph) - before
    assert program.verify(wrt=["x", "y"], exact=True).ok


@pytest.mark.parametrize("form", ["if c then {} else x", "if x > 0 then {} else x"])
def test_branches_of_finite_operations_need_no_masks(form):
    """What enters the body is known to be finite, so entries that are taken of it are not masked."""
    text = f"function f(x = [0.5, 1.5], c = true) {{ y = {form.format('x * x[0] * x[1]')}\n return y[0] * y[1] }}"
    assert "mask" not in paramprog.loads(text).gradient_program()


# ---- updates -----------------------------------------------------------------------------------------------------

UPDATES = {
    "scalars into zeros": "function f(x = 0.7) { t = zeros(3); t[1] = 2 * x; t[2] = x; return sum(t) }",
    "vector times scalar": "function f(s = 0.7, u = [1.0, 2.0]) { y = u * sin(s); y[0] = 0.0; return sum(y) }",
    "vector plus scalar": "function f(s = 0.7, u = [1.0, 2.0]) { y = u + 2 * s; y[0] = 0.0; return sum(sin(y)) }",
    "full": "function f(s = 0.7) { y = full(2 * s, 3); y[0] = 0.0; return sum(y * y) }",
    "all of it": "function f(s = 0.7) { y = full(2 * s, 3); y[:] = s; return sum(y * y) }",
    "lanes": "function f(x = [1.0, 2.0]) { y = if x > 0 then x * x else 0.0; y[0] = 0.0; return sum(y) }",
    "arms": "function f(x = 0.3) { y = if x > 0 then [x, 2 * x] else zeros(2); y[1] = 0.5; return sum(y * y) }",
    "log": "function f(x = [0.0, 2.0]) { y = if x >= 0 then log(x) else x; y[0] = x[1]; return sum(y) }",
}


@pytest.mark.parametrize("name", UPDATES)
def test_static_updates_of_what_a_scalar_or_a_branch_made(name):
    """What is overwritten meets sums, slices and regions: every mode, each use, the printed program, all checks."""
    program = paramprog.loads(UPDATES[name])
    wrt = list(program.compiled().built.inputs)
    found = program.grad(wrt=wrt, by_use=True)
    for mode in ("forward", "paths"):
        other = program.grad(wrt=wrt, mode=mode).gradients
        for k, g in found.gradients.items():
            np.testing.assert_allclose(other[k], g, rtol=1e-13)
            assert sum(use.value for use in found.by_use[k]) == pytest.approx(g)
    report = program.verify(wrt=wrt, exact=True)
    assert report.ok and all(c.ok for c in report.checks if "path sum" in c.name)
    for language in ("pp", "python"):
        text = program.gradient_program(wrt=wrt, language=language)
        if language == "pp":
            outputs = list(paramprog.loads(text).run().outputs.values())[1:]
            for g, v in zip(found.gradients.values(), outputs, strict=True):
                np.testing.assert_allclose(v, g, rtol=1e-13)


def test_second_derivatives_of_running_products():
    """d2/dx2 of x * x^2 * sin x, by differentiating the printed gradient once more, and that one's."""
    program = paramprog.loads("function f(x = 0.7) { return cumprod([x, x * x, sin(x)])[2] }")
    x = 0.7
    again = paramprog.loads(program.gradient_program()).grad(output="dx")
    second = 6 * x * np.sin(x) + 6 * x**2 * np.cos(x) - x**3 * np.sin(x)
    np.testing.assert_allclose(again["x"], second, rtol=1e-13)
    third = paramprog.loads(paramprog.loads(program.gradient_program()).gradient_program(output="dx"))
    name = [n for n in third.compiled().built.outputs if n.startswith("d")][-1]
    expected = 6 * np.sin(x) + 18 * x * np.cos(x) - 9 * x**2 * np.sin(x) - x**3 * np.cos(x)
    np.testing.assert_allclose(third.grad(output=name)["x"], expected, rtol=1e-12)


def test_entries_that_a_cross_product_mixes_are_no_structural_zeros():
    """The lanes of a result are those that it may depend on, whatever the signs of what is added."""
    a, b = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    g = np.array([1.0, 1.0, 0.0])
    found = pull_fact(OPS["cross"].local(0, np.cross(a, b), a, b), Masked(g, g != 0))
    np.testing.assert_array_equal(plain(found), np.cross(b, g))
    assert not isinstance(found, Masked)
    found = pull_fact(OPS["cross"].local(0, np.cross(a, b), a, b), Masked(g * [1, 0, 0], g * [1, 0, 0] != 0))
    np.testing.assert_array_equal(found.lanes, [False, True, True])
