"""Sizes from counts of columns."""

from __future__ import annotations

from math import prod

import pytest
from binding import refused, table, wanted
from hypothesis import given
from hypothesis import strategies as st

from paramprog.fitting.column_sizes import Found, solve

FILE = table("a", "b")


def found(have):
    """A count of columns, or the shape of the cells of one column."""
    return Found(["c"], have) if isinstance(have, tuple) else Found([f"c{k}" for k in range(have)], ())


def solved(needs, defaults=None):
    """`solve`, from a text and what is found for each argument."""
    types = {name: wanted(type) for name, (type, _) in needs.items()}
    return solve(FILE, types, {name: found(have) for name, (_, have) in needs.items()}, defaults or {})


@pytest.mark.parametrize(
    "needs, shapes, sizes",
    [
        ({"x": ("real", 1)}, [()], {}),
        ({"x": ("real", ())}, [()], {}),
        ({"x": ("real[3]", 3)}, [(3,)], {}),
        ({"x": ("real[n]", 3)}, [(3,)], {"n": 3}),
        ({"x": ("real[?]", 3)}, [(3,)], {}),
        ({"x": ("real[n]", (3,))}, [(3,)], {"n": 3}),
        ({"x": ("real[n, ?]", (3, 2))}, [(3, 2)], {"n": 3}),
        ({"x": ("real[n, 3]", 12)}, [(4, 3)], {"n": 4}),
        ({"x": ("real[n, n]", 64)}, [(8, 8)], {"n": 8}),
        ({"x": ("real[n, 2, n, n]", 54)}, [(3, 2, 3, 3)], {"n": 3}),
        ({"x": ("real[m, n]", 6), "y": ("real[n]", 2)}, [(3, 2), (2,)], {"n": 2, "m": 3}),
        ({"x": ("real[m, n]", 6), "y": ("real[n]", (2,))}, [(3, 2), (2,)], {"n": 2, "m": 3}),
        ({"x": ("real[n, ?]", 6), "y": ("real[n]", 2)}, [(2, 3), (2,)], {"n": 2}),
        (
            {"x": ("real[l, m]", 15), "y": ("real[m, n]", 10), "z": ("real[n]", 2)},
            [(3, 5), (5, 2), (2,)],
            {"n": 2, "m": 5, "l": 3},
        ),
    ],
)
def test_sizes(needs, shapes, sizes):
    """One unknown size is a quotient or a root; arguments help one another, in any order."""
    assert solved(needs) == (dict(zip(needs, shapes, strict=True)), sizes)


def test_defaults():
    """Are taken where columns leave several sizes open, and fit; data that determine a size win."""
    assert solved({"x": ("real[h, w]", 12)}, {"h": 3, "w": 4}) == ({"x": (3, 4)}, {"h": 3, "w": 4})
    assert solved({"x": ("real[h]", 12)}, {"h": 3}) == ({"x": (12,)}, {"h": 12})
    found = refused(solved, {"x": ("real[h, w]", 14)}, {"h": 3, "w": 4})
    assert found.message == "`x` is real[h, w], and 14 columns do not determine its sizes"
    assert found.hint == "give sizes, as in --dim h=N"
    assert refused(solved, {"x": ("real[h, w]", 12)}, {"h": 3, "w": None}).code == "data-width"
    assert refused(solved, {"x": ("real[?, ?]", 12)}).hint is None


@pytest.mark.parametrize(
    "needs, message",
    [
        ({"x": ("real", 2)}, "`x` is real, and 2 columns are bound to it"),
        ({"x": ("real[3]", 1)}, "`x` is real[3], and one column, `c0`, is bound to it"),
        ({"x": ("int[3]", 4)}, "`x` is int[3], and 4 columns are bound to it"),
        ({"x": ("real[n, 3]", 4)}, "`x` is real[n, 3], and 4 columns are bound to it"),
        ({"x": ("real[n, n]", 8)}, "`x` is real[n, n], and 8 columns are bound to it"),
        ({"x": ("real[n, 0]", 8)}, "`x` is real[n, 0], and 8 columns are bound to it"),
        ({"x": ("real[n]", 2), "y": ("real[n]", 3)},
         "`y` is real[n], and 3 columns are bound to it; n = 2 by the columns of `x`"),
        ({"x": ("real[n]", (2,)), "y": ("real[n]", (3,))},
         "`y` is real[n], and the cells of its column have shape [3]; n = 2 by the columns of `x`"),
        ({"x": ("real[n, n]", (2, 3))},
         "`x` is real[n, n], and the cells of its column have shape [2, 3]; n = 2 by the columns of `x`"),
        ({"x": ("real[4]", (3,))}, "`x` is real[4], and the cells of its column have shape [3]"),
        ({"x": ("real", (1,))}, "`x` is real, and the cells of `c` have shape [1]"),
        ({"x": ("real[4]", (2, 2))}, "`x` is real[4], and the cells of `c` have shape [2, 2]"),
    ],
)  # fmt: skip
def test_what_does_not_fit(needs, message):
    """The argument, its type, what is bound to it, and which argument gave a size."""
    found = refused(solved, needs)
    assert (found.code, found.message) == ("data-width", message)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.data())
def test_the_size_that_is_missing(shape, data):
    """Any one size of a shape follows from the product and the others."""
    at = data.draw(st.integers(0, len(shape) - 1))
    dims = ", ".join("n" if k == at else str(size) for k, size in enumerate(shape))
    count = prod(shape)
    assert solved({"x": (f"real[{dims}]", count)}) == ({"x": tuple(shape)}, {"n": shape[at]})
