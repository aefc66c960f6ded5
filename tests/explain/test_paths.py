"""The list of heavy paths: names, shares, the table."""

from __future__ import annotations

import pytest

import paramprog
from paramprog.explain.paths import table, to_json
from paramprog.resources import programs_dir


def test_the_running_example() -> None:
    """W0 has two paths, by C and by D; what they contribute is signed, and adds up to the gradient."""
    program = paramprog.load(programs_dir() / "running_example.pp")
    found = program.paths(wrt=["W0"])
    assert found.count == 2
    assert [str(p) for p in found.paths] == ["W0 > A > B > C > E > R", "W0 > A > B > D > F > R"]
    assert sum(p.contribution for p in found.paths) == pytest.approx(program.grad()["W0"], rel=1e-12)
    assert sum(p.share or 0 for p in found.paths) == pytest.approx(1)
    lines = [span.line if span else None for span in found.paths[0].places]
    assert lines == [9, 16, 17, 18, 20, 22]


def test_the_table() -> None:
    """Counts first, then a row a path."""
    text = "function square_plus(x = 17.0) {\n    y = x * (x + 1)\n    return y\n}"
    assert str(paramprog.loads(text).paths()) == (
        "2 paths from x to y\n\n    product  share  path\n1.       18  51.4%  x > y\n2.       17  48.6%  x > add:2 > y"
    )


def test_uses_of_one_point_twice_are_told_apart() -> None:
    """By the argument."""
    found = paramprog.loads("function f(x = 3.0) { return x * x }").paths()
    assert [p.points[-1] for p in found.paths] == ["mul:1[1]", "mul:1[2]"]


def test_several_starts() -> None:
    """Their counts, and one list of them all."""
    found = paramprog.load(programs_dir() / "running_example.pp").paths(wrt=["W1", "B"], top=2)
    assert found.counts == {"W1": 1, "B": 2}
    assert found.count == 3
    assert [p.points[0] for p in found.paths] == ["B", "W1"]
    assert "3 paths in all" in table(found)


def test_no_path() -> None:
    """A count of zero, and no table."""
    found = paramprog.loads("function f(x = 3.0, y = 1.0) { return x * floor(y) }").paths(wrt=["y"])
    assert found.count == 0
    assert str(found) == "0 paths from y to out0"


def test_a_zero_gradient_has_no_shares() -> None:
    """x - x: two paths that cancel."""
    found = paramprog.loads("function f(x = 3.0) { return x - x }").paths()
    assert [p.share for p in found.paths] == [None, None]
    assert [p.contribution for p in found.paths] == [1.0, -1.0]


def matrices(rungs: int) -> str:
    """Alternating products of two matrices are large, while powers of one vanish: norms say nothing."""
    steps = "\n".join(f"    h{k + 1} = W @ h{k} + V @ h{k}" for k in range(rungs))
    return f"""param W = [[0.0, 2.0], [0.0, 0.1]], V = [[0.1, 0.0], [2.0, 0.0]]
function f(h0 : real[2] = [1.0, 1.0]) {{
{steps}
    return sum(h{rungs})
}}"""


def test_more_are_weighed_until_the_heaviest_is_proved() -> None:
    """All 64 paths, where the first candidates by their bounds are far from the heaviest."""
    one = paramprog.loads(matrices(6)).paths(wrt=["h0"], top=1)
    every = paramprog.loads(matrices(6)).paths(wrt=["h0"], top=64)
    assert one.count == every.count == 64
    assert one.proved == 1
    assert every.proved == 64
    assert one.paths[0].points == every.paths[0].points
    weights = [p.weight for p in every.paths]
    assert weights == pytest.approx(sorted(weights, reverse=True))


def test_what_is_not_proved_is_said() -> None:
    """A million paths whose bounds are equal: in bounded time, and no claim."""
    found = paramprog.loads(matrices(20)).paths(wrt=["h0"], top=3)
    assert found.count == 2**20
    assert found.proved < 3
    assert found.rest > found.paths[-1].weight
    assert "proved to be the heaviest; a path not weighed here has at most" in str(found)


def test_long_paths_are_elided_in_text_only() -> None:
    """200 rungs: the first row shows its ends, the others where they differ from it."""
    rungs = "\n".join(f"    y{k + 1} = y{k} * 0.5 + y{k}" for k in range(200))
    found = paramprog.loads(f"function f(y0 = 1.0) {{\n{rungs}\n    return y200\n}}").paths(top=2)
    rows = str(found).splitlines()
    assert rows[0] == f"{2**200} paths from y0 to y200"
    assert "... 185 more ..." in rows[3]
    assert rows[4].endswith("as 1. up to y0 > mul:2 > y1, then as 1.")
    assert len(found.paths[0].points) == 201


def test_products_beyond_floats_are_shown() -> None:
    """1e-200 ten times is no zero."""
    rungs = "\n".join(f"    y{k + 1} = y{k} * 1e-200" for k in range(10))
    found = paramprog.loads(f"function f(y0 = 1.0) {{\n{rungs}\n    return y10\n}}").paths()
    assert found.paths[0].weight == 0.0
    assert "+-1e-2000" in str(found)


def test_json() -> None:
    """The contract's keys, and counts beyond 2^53 as strings."""
    rungs = "\n".join(f"    y{k + 1} = y{k} * 0.5 + y{k}" for k in range(60))
    found = to_json(paramprog.loads(f"function f(y0 = 1.0) {{\n{rungs}\n    return y60\n}}").paths(top=1))
    assert found["count"] == str(2**60)
    assert found["counts"] == {"y0": str(2**60)}
    assert set(found["paths"][0]) == {"points", "weight", "contribution", "share", "places"}
    assert found["paths"][0]["places"][1] == {"line": 2, "col": 10}
