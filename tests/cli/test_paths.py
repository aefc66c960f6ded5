"""`paramprog paths`."""

from __future__ import annotations

import pytest

LADDER = (
    "function f(y0 = 0.3) {{\n" + "\n".join(f"    y{k + 1} = sin(y{k}) + 0.5 * y{k}" for k in range(200))
).replace("{{", "{") + "\n    return y200\n}\n"


def test_text(cli, shipped):
    """The count, then a row for each path: the product, its share of the gradient, the points."""
    done = cli("paths", shipped("running_example"), "--wrt", "W0")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "2 paths from W0 to R"
    assert lines[2].split() == ["product", "share", "path"]
    assert lines[3].split(None, 3) == ["1.", "-0.127338", "96.1%", "W0 > A > B > C > E > R"]
    assert lines[4].split(None, 3) == ["2.", "-0.00511396", "3.86%", "W0 > A > B > D > F > R"]


def test_json(cli, shipped):
    """`count` and `paths[{points, weight}]`, and more."""
    found = cli("paths", shipped("running_example"), "--wrt", "W0,W1", "--top", 2, "--json").json
    assert list(found) == [
        *("schema", "function", "output", "count", "counts", "paths", "proved", "rest"),
    ]
    assert found["count"] == 3
    assert found["counts"] == {"W0": 2, "W1": 1}
    assert [p["points"][0] for p in found["paths"]] == ["W0", "W1"]
    assert found["paths"][0]["weight"] == pytest.approx(0.12733786974)
    assert found["paths"][0]["contribution"] == pytest.approx(-0.12733786974)
    assert found["paths"][0]["places"][1] == {"line": 16, "col": 9}
    assert found["proved"] == 2


def test_a_ladder(cli):
    """2^200 paths: a string in JSON, exact in text."""
    found = cli("paths", "-", "--json", "--top", 3, stdin=LADDER.encode()).json
    assert found["count"] == str(2**200)
    assert len(found["paths"]) == 3
    assert cli("paths", "-", stdin=LADDER.encode()).out.startswith(f"{2**200} paths from y0 to y200\n")


def test_at_another_point(cli, shipped):
    """--at, --output and notes on what was drawn work as elsewhere."""
    done = cli("paths", shipped("running_example_lecture"), "--at", "P=0.3", "--at", "Q=0.7", "--wrt", "W0")
    assert "-0.127338" in done.out
    done = cli("paths", shipped("running_example_lecture"))
    assert "note: P has no value" in done.err


@pytest.mark.parametrize(
    "options, code, message",
    [
        (["--wrt", "W9"], 1, "error[unknown-point]"),
        (["--top", "0"], 2, "it must be at least 1"),
        (["--output", "S"], 1, "error[unknown-output]"),
    ],
)
def test_faults(cli, shipped, options, code, message):
    """Of the program or point: 1; of usage: 2."""
    done = cli("paths", shipped("running_example"), *options)
    assert done.code == code
    assert message in done.err


def test_an_output_that_is_no_scalar(cli):
    """As for gradients."""
    done = cli("paths", "-", stdin=b"function f(x : real[2] = [1, 2]) { return x * x }")
    assert done.code == 1
    assert "error[not-scalar]" in done.err
