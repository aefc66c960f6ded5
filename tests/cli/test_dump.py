"""`--dump STAGE`, and that the options know the stages."""

from __future__ import annotations

import pytest

from paramprog.cli.options import STAGES
from paramprog.lang.parse import parse
from paramprog.lang.pretty import pretty
from paramprog.lang.read import read_source
from paramprog.pipeline import STAGES as PIPELINE_STAGES


def test_the_stages_are_those_of_the_pipeline():
    """They are written twice because the pipeline imports NumPy."""
    assert STAGES == PIPELINE_STAGES


def test_tree(cli, shipped):
    """The canonical text, which parses to the same tree."""
    done = cli("check", shipped("max_pooling"), "--dump", "tree")
    assert done.code == 0
    assert done.out == pretty(parse(read_source(shipped("max_pooling"))))
    assert cli("run", "-", "--dump", "tree", stdin=done.out.encode()).out == done.out


def test_tree_of_a_program_that_does_not_check(cli, program):
    """Parsing is enough."""
    assert cli("check", program("function f(x) {return z}"), "--dump", "tree").code == 0


def test_types(cli, shipped):
    """Inputs, params and points with their types."""
    assert cli("check", shipped("relu_layer"), "--dump", "types").out == (
        "input  x : real[2]\nparam  W : real[3, 2]\nparam  b : real[3]\npoint  z : real[3]\npoint  y : real\n"
    )


def test_graph(cli, shipped):
    """One line a node."""
    assert cli("check", shipped("square_plus"), "--dump", "graph").out == (
        "%0 x = leaf() : real\n"
        "%1 full(value=1) : int\n"
        "%2 real(%1) : real\n"
        "%3 add(%0, %2) : real\n"
        "%4 y = mul(%0, %3) : real\n"
    )


def test_gradient(cli, shipped, program):
    """The graph with its adjoint, and which nodes are the gradients asked for."""
    done = cli("grad", shipped("running_example"), "--dump", "gradient", "--wrt", "W1")
    assert done.out.startswith(cli("check", shipped("running_example"), "--dump", "graph").out)
    last = done.out.splitlines()[-1]
    assert last.startswith("d/dW1 = %")
    assert f"\n{last.removeprefix('d/dW1 = ')} " in done.out
    name = program("function f(x = 1.0, y = 1.0) { return x * x }")
    assert cli("grad", name, "--dump", "gradient").out.endswith("d/dy = 0 (structurally zero)\n")


@pytest.mark.parametrize("command", ["check", "run", "grad", "verify"])
@pytest.mark.parametrize("stage", STAGES)
def test_every_command_dumps_every_stage(cli, shipped, command, stage):
    """Instead of its result, and without values being drawn."""
    done = cli(command, shipped("residual_block"), "--dump", stage)
    assert (done.code, done.err) == (0, "")
    assert done.out


@pytest.mark.parametrize("stage", STAGES)
def test_faulty_programs(cli, program, stage):
    """Exit 1 with a diagnostic."""
    done = cli("run", program("function f(x) { return x + }"), "--dump", stage)
    assert (done.code, done.out) == (1, "")
    assert "error[syntax]" in done.err
