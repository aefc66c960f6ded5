"""Cells of text as numbers: the fast way and the exact one agree."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.data.cells import CHUNK, LONGEST, convert, fault


def converted(texts, kind="real"):
    """`convert` on the texts one after the other."""
    parts = [text.encode() for text in texts]
    ends = np.array(list(accumulate(map(len, parts))), np.int64)
    return convert(b"".join(parts), ends - [len(p) for p in parts], ends, kind)


@pytest.mark.parametrize(
    "kind, text, value",
    [
        ("real", "-1.5e-3", -1.5e-3),
        ("real", " +.5\t", 0.5),
        ("real", "5.", 5.0),
        ("real", "0.1000000000000000055511151231257827021181583404541015625", 0.1),
        ("real", "0" * 200 + "1", 1.0),
        ("real", "5e-324", 5e-324),
        ("int", "3.0", 3),
        ("int", "3e2", 300),
        ("int", "-0", 0),
        ("int", "9223372036854775807", 2**63 - 1),
        ("int", "-9223372036854775808", -(2**63)),
        ("int", "9007199254740993", 2**53 + 1),
        ("int", "900719925474099300e-2", 2**53 + 1),
        ("bool", "TRUE", True),
        ("bool", " false ", False),
        ("bool", "0", False),
    ],
)
def test_spellings(kind, text, value):
    """Values are the nearest floats; ints are exact over the whole range."""
    [found] = converted([text], kind)
    assert found == value
    assert found.dtype == {"real": np.float64, "int": np.int64, "bool": np.bool_}[kind]
    assert fault(text, kind, "c") is None


@pytest.mark.parametrize(
    "kind, text, code",
    [
        ("real", "", "data-cell-empty"),
        ("real", " \t", "data-cell-empty"),
        ("real", "-", "data-number"),
        ("real", "1 2", "data-number"),
        ("real", "1_0", "data-number"),
        ("real", "0x10", "data-number"),
        ("real", "1e", "data-number"),
        ("real", "\u0661", "data-number"),
        ("real", "\xa01", "data-number"),
        ("real", "true", "data-number"),
        ("real", "+Infinity", "data-nonfinite"),
        ("real", "-1e309", "data-nonfinite"),
        ("real", "9" * 400, "data-nonfinite"),
        ("int", "9223372036854775808", "data-number"),
        ("int", "9007199254740992.5", "data-number"),
        ("int", "-1e-400", "data-number"),
        ("int", "1e99999999999999999999", "data-nonfinite"),
        ("int", "9007199254740993e-99999999999999999999", "data-number"),
        ("bool", "yes", "data-number"),
        ("bool", "1.0", "data-number"),
        ("bool", "nan", "data-nonfinite"),
    ],
)
def test_faults(kind, text, code):
    """Other spellings that Python reads are refused as well."""
    found = fault(text, kind, "c")
    assert found is not None
    assert found.code == code
    assert converted(["1", text], kind) is None


def test_long_cells_are_shown_shortened():
    """A message holds at most the beginning of a cell."""
    found = fault("x" * 10_000, "real", "c")
    assert len(found.message) < 100
    assert "xxx..." in found.message


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**65), 2**65).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
)
LIKE_NUMBERS = st.text(alphabet="0123456789+-.eE \t_naif", max_size=8)


@given(
    st.lists(st.one_of(NUMBERS, LIKE_NUMBERS), min_size=1, max_size=4),
    st.sampled_from(["real", "int", "bool"]),
)
def test_both_ways_agree(texts, kind):
    """`convert` gives up exactly if `fault` finds one, and else gives what Python makes of the text."""
    found = converted(texts, kind)
    faults = [fault(text, kind, "c") for text in texts]
    assert (found is None) == any(faults)
    if found is not None and kind == "real":
        assert found.tolist() == [float(text) for text in texts]


def test_many_rows():
    """Cells of any width, in more than one chunk."""
    texts = [str(k / 7) for k in range(CHUNK + 10)]
    assert converted(texts).tolist() == [k / 7 for k in range(CHUNK + 10)]
    texts[-1] = "0" * LONGEST + "1.5"
    assert converted(texts)[-2:].tolist() == [(CHUNK + 8) / 7, 1.5]
    texts[-1] = "x"
    assert converted(texts) is None
