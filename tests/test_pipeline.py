"""The stages in order."""

from __future__ import annotations

import pytest

from paramprog.diagnostics import ProgramError, Source
from paramprog.pipeline import compile_module, read

TEXT = """
dim n = 3
param w : real[n] = 2.0
base cube(x) = x ** 3
base square(x) = x * x derivative (2 * x)
function f(x : real[n] = 1.0) { y = cube(w) * square(x); return sum(y) }
"""


def compiled(text=TEXT, dims=None, **options):
    return compile_module(read(Source("t", text)), None, dims or {}, **options)


def test_a_text_becomes_a_graph_with_partials():
    """Those of base functions are derived unless they are given."""
    made = compiled()
    made.built.graph.check()
    assert sorted(op.name for op in made.built.bases) == ["cube", "square"]
    for op in made.built.bases:
        assert op.body.partials is not None
        assert len(op.body.partials) == 1
        op.body.graph.check()


def test_a_gradient_is_made_once():
    """Asking again gives the same nodes, and the graph stays well formed."""
    made = compiled()
    [output] = made.built.outputs.values()
    wrt = (made.built.params["w"], made.built.inputs["x"])
    first = made.gradient(output, wrt)
    size = len(made.built.graph)
    assert made.gradient(output, wrt) is first
    assert len(made.built.graph) == size
    made.built.graph.check()


def test_only_the_bases_that_are_called_are_built():
    assert [
        op.name
        for op in compiled("base a(x) = x\nbase b(x) = x\nfunction f(x = 1.0) { return a(x) }").built.bases
    ] == ["a"]


def test_a_module_is_compiled_for_any_sizes():
    """The tree is not changed by compiling it."""
    module = read(Source("t", TEXT))
    for n in (1, 3, 5, 3):
        built = compile_module(module, None, {"n": n}).built
        assert built.inputs["x"].shape == built.params["w"].shape == (n,)


def test_reals_have_the_chosen_width():
    built = compiled(real="float32").built
    assert built.graph.real == "float32"


@pytest.mark.parametrize(
    "stage", ["f(", "function f(x) { return y }", "dim n\nfunction f(x : real[n]) { return x }"]
)
def test_each_stage_raises_program_errors(stage):
    with pytest.raises(ProgramError):
        compiled(stage)


def test_the_limit_of_nodes():
    with pytest.raises(ProgramError) as caught:
        compiled(max_nodes=2)
    assert [d.code for d in caught.value.diagnostics] == ["graph-limit"]
