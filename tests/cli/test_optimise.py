"""`paramprog optimise`."""

from __future__ import annotations

import numpy as np
import pytest

ROSENBROCK = """
function rosenbrock(x : real[2] = [-1.2, 1.0]) { return (1 - x[0])**2 + 100 * (x[1] - x[0]**2)**2 }
"""


def test_text_and_progress(cli, program):
    """The result on stdout, steps and why it ended on stderr; nothing there with -q."""
    name = program(ROSENBROCK)
    done = cli("optimise", name, "--wrt", "x", "--bounds", "x=-2,0.5")
    assert (done.code, done.out) == (0, "out0 = 0.25\nx    = [0.5  0.25]\n")
    assert done.err.startswith("step     1  value ")
    assert "note: ended after " in done.err
    assert cli("optimise", name, "--wrt", "x", "-q").err == ""


def test_json(cli, program):
    """The keys of the contract; what was varied stands among inputs or params."""
    name = program("param w = 1.0\nfunction f(x = 2.0) { return -(x - w) ** 2 }")
    found = cli("optimise", name, "--wrt", "x,w", "--bounds", "w=3,", "--maximise", "--json").json
    assert list(found) == ["schema", "function", "value", "inputs", "params", "steps", "converged", "reason"]
    assert found["value"] == pytest.approx(0, abs=1e-12)
    assert found["inputs"]["x"] == pytest.approx(found["params"]["w"])
    assert found["params"]["w"] >= 3
    assert found["converged"] is True


def test_out(cli, program, tmp_path):
    """What was found, as --inputs takes it."""
    name = program(ROSENBROCK)
    done = cli("optimise", name, "--wrt", "x", "--bounds", "x=,0.5", "--out", "o.npz")
    np.testing.assert_allclose(np.load(tmp_path / "o.npz")["x"], [0.5, 0.25])
    assert cli("run", name, "--inputs", "o.npz").out == done.out.splitlines()[0] + "\n"
    assert "error[data-format]" in cli("optimise", name, "--wrt", "x", "--out", "o.csv").err


def test_first_order(cli, program):
    """--optimizer, --lr, --steps; a run that stops early says so, exit 0."""
    done = cli(
        "optimise", program(ROSENBROCK), "--wrt", "x", "--optimizer", "adam", "--lr", "0.05", "--steps", "20"
    )
    assert done.code == 0
    assert [line.split()[1] for line in done.err.splitlines()[:-1]] == ["0", "1", "2", "5", "10", "20"]
    assert done.err.endswith("note: stopped after 20 steps: 20 steps\n")


@pytest.mark.parametrize("text", ["x", "x=1", "x=a,2", "x=nan,2", "=1,2", "x=1,2,3"])
def test_bad_bounds(cli, program, text):
    """A usage error."""
    assert cli("optimise", program(ROSENBROCK), "--wrt", "x", "--bounds", text).code == 2


def test_faults(cli, program):
    """A start that is not finite is a diagnostic with its place, exit 1."""
    name = program("function f(x = -1.0) {\n    return log(x)\n}")
    done = cli("optimise", name, "--wrt", "x")
    assert (done.code, done.out) == (1, "")
    assert "program.pp:2:12: error[optimise-start]: the value at the start is not finite" in done.err
    assert "--at x=..." in done.err
    for option in ("--lr", "--tolerance"):
        assert cli("optimise", name, "--wrt", "x", option, "0").code == 2


def test_memory(cli, program):
    """The same optimum with few states of the loop; how is told in a note and in the document."""
    name = program(
        "param w = 0.3\nfunction f() { h = w\n for i in 0..100 { h = sin(h + w) }\n return (h - 0.5) ** 2 }"
    )
    plain, kept = cli("optimise", name), cli("optimise", name, "--memory", "100B")
    assert (kept.code, kept.out) == (0, plain.out)
    assert "loops hold 96 B of 100 B" in kept.err
    assert cli("optimise", name, "--memory", "100B", "--json").json["memory"]["loops"][0]["turns"] == 100
    assert "error[memory-too-small]" in cli("optimise", name, "--memory", "9B").err
