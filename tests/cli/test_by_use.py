"""`paramprog grad --by-use`."""

from __future__ import annotations

import numpy as np
import pytest
from checking import MANY_PATHS

from paramprog.resources import programs_dir


@pytest.mark.parametrize("path", sorted(programs_dir().glob("*.pp")), ids=lambda path: path.stem)
@pytest.mark.parametrize("mode", ["reverse", "paths"])
def test_they_sum_to_the_gradient(cli, path, mode):
    """In every mode; each has a place in the text."""
    if mode == "paths" and path.stem in MANY_PATHS:
        pytest.skip("too many paths")
    found = cli("grad", path, "--by-use", "--mode", mode, "-q", "--json").json
    assert list(found["by_use"]) == list(found["gradients"])
    for name, uses in found["by_use"].items():
        total = sum((np.asarray(u["value"]) for u in uses), np.zeros(np.shape(found["gradients"][name])))
        np.testing.assert_allclose(total, found["gradients"][name], rtol=1e-11, atol=1e-13)
        assert all(u["line"] > 0 and u["col"] > 0 for u in uses)


def test_json(cli, shipped):
    """The three steps of a recurrence share W: one line, three points that it works for."""
    found = cli("grad", shipped("recurrence"), "--by-use", "--wrt", "W,h0", "--json").json["by_use"]
    assert [(u["line"], u["col"], u["source"], u["into"]) for u in found["W"]] == [
        (17, 17, "W @ h", "h1"),
        (17, 17, "W @ h", "h2"),
        (17, 17, "W @ h", "h3"),
    ]
    assert [(u["line"], u["through"]) for u in found["h0"]] == [(17, [{"line": 25, "col": 10}])]


def test_text(cli, shipped):
    """After the gradients, a table for each name."""
    lines = cli("grad", shipped("running_example"), "--by-use", "--wrt", "B").out.splitlines()
    assert lines[2:4] == ["", "uses of B:"]
    assert lines[4].split(" = ")[0].strip() == "18:9 W1 * B"
    assert lines[4].endswith("(into C)")
    assert lines[5].endswith("(into D)")


def test_without_it_nothing_changes(cli, shipped):
    """The key is absent."""
    assert "by_use" not in cli("grad", shipped("running_example"), "--json").json


NESTED = """param w = 0.5
function f(x = 1.5) {
    s = x
    for i in 0..2 {
        for j in reversed(0..2) { s = sin(w * s + j) }
    }
    k = 0
    while k < 3 { k = k + 1; if k > 1 { s = s * w } }
    return s * w
}
"""


def test_uses_in_loops_name_their_turns(cli, tmp_path):
    """Of all loops around, the outermost first; turns are counted in the order in which they run."""
    (tmp_path / "nested.pp").write_text(NESTED)
    found = cli("grad", tmp_path / "nested.pp", "--by-use", "--json").json["by_use"]["w"]
    turns = [[(t["line"], t["turn"]) for t in u["turns"]] for u in found]
    assert turns == [
        *([(4, i), (5, j)] for i in (0, 1) for j in (0, 1)),
        [(8, 1)],
        [(8, 2)],
        [],
    ]
    lines = cli("grad", tmp_path / "nested.pp", "--by-use").out.splitlines()
    remarks = [line.partition("(")[2] for line in lines[4:] if " = " in line]
    assert remarks[1].startswith("turn 0 of line 4, turn 1 of line 5; into ")
    assert remarks[4].startswith("turn 1 of line 8")
    assert remarks[-1] == ""
