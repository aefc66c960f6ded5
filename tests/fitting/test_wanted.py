"""What an entry function takes from a data file, before sizes are known."""

from __future__ import annotations

import paramprog
from paramprog.fitting.columns import Wanted

TEXT = """
const m = 3
dim n, k = 2
param w : real[n, k] ~ ones()
function f(a, x : real[n, m], i : int = 0, b : bool[k], y : real[2 * n, 4], v = [1.0, 2.0]) {
    return sum(w)
}
"""


def test_kinds_sizes_and_defaults():
    """Numbers and consts are known; dims are for the data, also k; an expression is left open."""
    found, free = paramprog.loads(TEXT).wanted()
    assert found["a"] == Wanted("real", (), False)
    assert found["x"] == Wanted("real", ("n", 3), False)
    assert found["i"] == Wanted("int", (), True)
    assert found["b"] == Wanted("bool", ("k",), False)
    assert found["y"] == Wanted("real", (None, 4), False)
    assert free == {"n": None, "k": 2}


def test_dims_that_are_given():
    """They are not for the data; an argument without a type is as its default."""
    found, free = paramprog.loads(TEXT, dims={"n": 5}).wanted()
    assert found["x"] == Wanted("real", (5, 3), False)
    assert found["v"] == Wanted("real", (2,), True)
    assert free == {"k": 2}
