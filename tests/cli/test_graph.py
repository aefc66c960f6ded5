"""`paramprog graph`."""

from __future__ import annotations

import shutil
import sys

import pytest

from paramprog.cli import graph
from paramprog.explain.render import FORMATS


def test_formats_are_those_of_the_renderer():
    """The command line repeats them, so as not to import it."""
    assert graph.FORMATS == FORMATS


def test_text(cli, shipped):
    """A row for each operation: point, type, line, users."""
    done = cli("graph", shipped("running_example"))
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "R, running_example.pp"
    assert lines[2].split() == ["point", "type", "line", "used", "by"]
    assert [line.split() for line in lines if line.startswith("B ")] == [
        ["B", "=", "f0(A,", "Q)", "real", "17", "C,", "D"]
    ]


def test_values_and_grads(cli, shipped):
    """At the point given."""
    done = cli("graph", shipped("square_plus"), "--values", "--grads", "--at", "x=2")
    row = next(line for line in done.out.splitlines() if line.startswith("x "))
    assert row.split()[:3] == ["x", "(input)", "real"]
    assert row.split()[4:] == ["2", "5", "%1,", "y"]


def test_levels(cli, shipped):
    """The schedule after the table."""
    out = cli("graph", shipped("running_example"), "--levels").out
    assert "forward: 12 points in 6 levels, up to 5 at once" in out
    assert "backward: 12 points in 6 levels, up to 3 at once" in out


def test_executed(cli, shipped):
    """A branch with both sides, or the one taken."""
    assert "if %4:" in cli("graph", shipped("guarded_log")).out
    assert "if %4:" not in cli("graph", shipped("guarded_log"), "--executed").out


def test_json(cli, shipped):
    """The vertices, with levels and adjoints if asked for."""
    found = cli("graph", shipped("guarded_log"), "--json", "--grads", "--levels").json
    assert list(found) == ["schema", "function", "nodes", "levels"]
    by_name = {n["name"]: n for n in found["nodes"]}
    assert by_name["v"]["adjoint"] == [2.0, 0.0, 0.0, 0.25]
    assert by_name["b"]["adjoint"] is None
    assert "value" not in by_name["a"]


def test_sizes_may_be_open_for_the_drawing_of_a_program(cli):
    """No values are drawn for it, so nothing is noted."""
    done = cli("graph", "-", stdin=b"function f(x : real[3]) { return sum(x) }")
    assert (done.code, done.err) == (0, "")
    assert "note: x has no value" in cli("graph", "-", "--values", stdin=b"function f(x) { return x }").err


def test_dot_and_mermaid(cli, shipped):
    """By name, or by the ending of the file."""
    assert cli("graph", shipped("running_example"), "--format", "dot").out.startswith('digraph "R, running')
    assert cli("graph", shipped("running_example"), "--format", "mermaid").out.startswith("flowchart TD\n")
    done = cli("graph", shipped("running_example"), "--out", "r.dot")
    assert done.out == "wrote r.dot\n"
    with open("r.dot", encoding="utf-8") as file:
        assert file.read().startswith("digraph")
    assert "error[unwritable]" in cli("graph", shipped("running_example"), "--out", "no/r.dot").err


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_pictures(cli, shipped):
    """SVG to stdout, PNG into a file."""
    assert "</svg>" in cli("graph", shipped("running_example"), "--format", "svg").out
    assert cli("graph", shipped("running_example"), "--out", "r.png").code == 0
    with open("r.png", "rb") as file:
        assert file.read(4) == b"\x89PNG"


def test_without_graphviz(cli, shipped, monkeypatch):
    """Exit 1, and how to get it."""
    monkeypatch.setenv("PATH", "")
    done = cli("graph", shipped("running_example"), "--format", "svg")
    assert done.code == 1
    assert "error[graphviz-missing]" in done.err
    assert "apt-get install graphviz" in done.err


def test_no_png_on_a_terminal(cli, shipped, monkeypatch):
    """It would garble it."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    done = cli("graph", shipped("running_example"), "--format", "png")
    assert done.code == 1
    assert "error[binary-output]" in done.err


def test_an_unknown_ending_is_refused(cli, shipped, tmp_path):
    """Text is not written into a file that seems to be something else, unless it is asked for."""
    out = str(tmp_path / "r.foo")
    done = cli("graph", shipped("running_example"), "--out", out)
    assert done.code == 1 and "`.foo` is no format of a drawing" in done.err
    assert cli("graph", shipped("running_example"), "--out", out, "--format", "text").code == 0
    assert cli("graph", shipped("running_example"), "--out", str(tmp_path / "r.txt")).code == 0
