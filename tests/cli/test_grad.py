"""`paramprog grad`."""

from __future__ import annotations

import numpy as np
import pytest
from checking import MANY_PATHS

import paramprog
from paramprog.resources import programs_dir


@pytest.mark.parametrize("path", sorted(programs_dir().glob("*.pp")), ids=lambda path: path.stem)
@pytest.mark.parametrize("mode", ["reverse", "forward", "paths"])
def test_shipped_programs(cli, path, mode):
    """Every mode gives the gradients of the Python interface; exit 0. What has too many paths says so."""
    if mode == "paths" and path.stem in MANY_PATHS:
        refused = cli("grad", path, "--mode", mode, "-q")
        assert refused.code == 1
        assert "path-limit" in refused.err
        return
    found = cli("grad", path, "--mode", mode, "-q", "--json").json
    expected = paramprog.load(path).grad()
    assert list(found["gradients"]) == list(expected.gradients)
    np.testing.assert_allclose(found["value"], expected.value, rtol=1e-14)
    for name, gradient in expected.gradients.items():
        np.testing.assert_allclose(found["gradients"][name], gradient, rtol=1e-11, atol=1e-13)


def test_text(cli, shipped):
    """The value, then each gradient, the `=` aligned; scalars with all digits."""
    lines = cli("grad", shipped("running_example")).out.splitlines()
    assert [line.partition("=")[0] for line in lines] == ["R      ", "dR/dW0 ", "dR/dW1 ", "dR/dW2 "]
    gradient = paramprog.load(shipped("running_example")).grad()["W1"]
    assert lines[2] == f"dR/dW1 = {float(gradient)!r}"


def test_arrays(cli, shipped):
    """A matrix starts on the next line."""
    assert cli("grad", shipped("relu_layer")).out == (
        "y     = 1.25\ndy/dW =\n  [[ 1.  -0.5]\n   [ 0.   0. ]\n   [ 0.   0. ]]\ndy/db = [1. 0. 0.]\n"
    )


def test_json(cli, shipped):
    """The keys of the contract, and no others."""
    found = cli("grad", shipped("two_layer_tanh"), "--json").json
    assert list(found) == [
        *("schema", "function", "value", "gradients", "inputs", "params", "structural_zero")
    ]
    assert found["function"] == "loss"
    assert found["inputs"] == {"x0": [1.0, 0.1], "y": 0.5}
    assert found["params"] == {"W0": [[1.0, -3.0], [0.2, 1.0]], "W1": [1.0, -1.0]}
    assert np.shape(found["gradients"]["W0"]) == (2, 2)
    assert found["structural_zero"] == []


def test_wrt(cli, shipped):
    """Params, inputs and points in the middle; repeated or separated by commas; in the order asked for."""
    found = cli("grad", shipped("running_example"), "--wrt", "B,P", "--wrt", "W0,B", "--json").json
    assert list(found["gradients"]) == ["B", "P", "W0"]
    done = cli("grad", shipped("running_example"), "--wrt", "W9")
    assert done.code == 1
    assert "error[unknown-point]" in done.err
    assert "points are A, B, C" in done.err


def test_structural_zeros(cli, program):
    """A gradient that no path carries is marked, in text and in JSON."""
    name = program("function f(x = 2.0, v : real[2] = [1.0, 1.0], A = [[1.0]]) { y = x * x\n return y }")
    assert cli("grad", name).out == (
        "y     = 4.0\n"
        "dy/dx = 4.0\n"
        "dy/dv = [0. 0.]  (structurally zero)\n"
        "dy/dA = [[0.]]  (structurally zero)\n"
    )
    assert cli("grad", name, "--json").json["structural_zero"] == ["v", "A"]


def test_outputs(cli, program):
    """With several outputs one must be chosen, and it must be a real scalar."""
    name = program("function f(x = 2.0) { y = x * x\n z = [x, x]\n return y, z }")
    done = cli("grad", name)
    assert (done.code, done.out) == (1, "")
    assert "--output NAME" in done.err
    assert cli("grad", name, "--output", "y").out == "y     = 4.0\ndy/dx = 4.0\n"
    done = cli("grad", name, "--output", "z")
    assert done.code == 1
    assert "error[not-scalar]" in done.err
    assert "jacobian" in done.err


def test_too_many_paths(cli, shipped):
    """--max-paths bounds the enumeration, and the message names it."""
    done = cli("grad", shipped("running_example"), "--mode", "paths", "--max-paths", "1")
    assert done.code == 1
    assert "--max-paths" in done.err
    assert cli("grad", shipped("running_example"), "--mode", "paths", "--max-paths", "2").code == 0


def test_float32(cli, shipped):
    """It is less precise than float64 and prints fewer digits."""
    single, double = (
        cli("grad", shipped("running_example"), "--dtype", dtype).out for dtype in ("float32", "float64")
    )
    assert len(single) < len(double)
    assert single[:14] == double[:14]


def test_gradients_that_are_not_finite(cli, program):
    """A warning with the place, exit 0, and a string in JSON."""
    name = program("function f(x = 0.0) {\n    y = sqrt(x)\n    return y\n}\n")
    done = cli("grad", name)
    assert (done.code, done.out) == (0, "y     = 0.0\ndy/dx = inf\n")
    assert "program.pp:2:9: warning[non-finite]" in done.err
    assert cli("grad", name, "--json").json["gradients"] == {"x": "Infinity"}
    assert cli("grad", name, "-q").err == ""


def test_notes(cli, shipped):
    """What was drawn is on stderr, so that stdout is the result alone."""
    done = cli("grad", shipped("residual_block"))
    assert "note: W1 has no value; drawn from he() with seed 0\n" in done.err
    assert "note" not in done.out


def test_the_printed_program_as_json(cli, shipped):
    """`--emit` with `--json` is one document, with the program in it."""
    found = cli("grad", shipped("running_example"), "--emit", "pp", "--json").json
    assert (found["schema"], found["function"], found["language"]) == (1, "R", "pp")
    assert found["program"] == cli("grad", shipped("running_example"), "--emit", "pp").out


CHAIN = """param W = 0.3
function f() { h = 0.1
    for i in 0..1000 { h = sin(W + h) }
    return h }
"""


def test_memory(cli, tmp_path):
    """The numbers are the same; how the loops keep to it is told on stderr, and in the document."""
    path = tmp_path / "chain.pp"
    path.write_text(CHAIN)
    plain, kept = cli("grad", path), cli("grad", path, "--memory", "1kB")
    assert kept.out == plain.out
    assert plain.err == ""
    assert kept.err == (
        "note: loops hold 1 kB of 1 kB for the gradient (8 kB if all were recorded): "
        "the loop at line 3 keeps 123 states for 1,000 turns and runs 1,874 turns again\n"
    )
    assert cli("grad", path, "--memory", "1kB", "-q").err == ""
    found = cli("grad", path, "--memory", "1kB", "--json").json["memory"]
    assert (found["budget"], found["predicted"], found["recorded"]) == (1000, 1000, 8000)
    assert "memory" not in cli("grad", path, "--json").json


def test_memory_that_is_too_small(cli, tmp_path):
    """Exit 1 with the loop and the least that is enough; what is no amount is a usage error."""
    path = tmp_path / "chain.pp"
    path.write_text(CHAIN)
    done = cli("grad", path, "--memory", "10B")
    assert done.code == 1
    assert "chain.pp:3:5: error[memory-too-small]" in done.err
    assert "hint: allow 24 bytes or more" in done.err
    assert cli("grad", path, "--memory", "ten").code == 2
    assert cli("grad", path, "--memory", "1kB", "--mode", "forward").code == 1
