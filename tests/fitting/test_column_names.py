"""Texts that mean columns."""

from __future__ import annotations

import re

import pytest
from binding import refused, table
from hypothesis import given
from hypothesis import strategies as st

from paramprog.fitting.column_names import by_name, by_number, select

FILE = table("id", "x_0", "x_10", "x_2", "a,b", "y", "w*", "x_1", "z..", "label")


@pytest.mark.parametrize(
    "text, names",
    [
        ("y", "y"),
        ("y, id", "y id"),
        ("a,b", "a,b"),
        ("w*", "w*"),
        ("z..", "z.."),
        ("x_*", "x_0 x_1 x_2 x_10"),
        ("x_?", "x_0 x_1 x_2"),
        ("x_[12]*", "x_1 x_2 x_10"),
        ("x_0..x_2", "x_0 x_1 x_2"),
        ("x_1 .. x_1", "x_1"),
        ("id..x_2", "id x_0 x_10 x_2"),
        ("y..label", "y w* x_1 z.. label"),
        ("label,x_0..x_1,y", "label x_0 x_1 y"),
        ("?[!_]*", "id a,b w* z.. label"),
    ],
)
def test_what_a_text_means(text, names):
    """Names come first, whatever characters they have; then ranges, both ends included; then globs."""
    assert select(FILE, "x", text) == names.split()


@pytest.mark.parametrize("text", ["*", "*, y", "y,*"])
def test_the_rest(text):
    """A lone star leaves out what others take; a glob does not."""
    rest = ["x_0", "x_1", "x_2", "a,b", "w*", "x_10", "z.."]
    expected = {"*": rest, "*, y": [*rest, "y"], "y,*": ["y", *rest]}[text]
    assert select(FILE, "x", text, {"id", "label", "y"}) == expected
    assert select(FILE, "x", "x_*", {"x_0"}) == ["x_0", "x_1", "x_2", "x_10"]


@pytest.mark.parametrize(
    "text, words",
    [
        ("lable", "the file has no column `lable`, to which `x` is bound"),
        ("", "the file has no column ``"),
        ("y,", "the file has no column ``"),
        ("pixel_*", "no column of the file fits `pixel_*`, to which `x` is bound"),
        ("x_0..x_9", "the file has no column `x_9`"),
        ("x_0..x_10", "`x_0..x_10`, to which `x` is bound, needs one column numbered 3"),
        ("x_2..x_0", "`x_2..x_0` is empty"),
        ("label..y", "column `label` stands after `y`, so `label..y` is empty"),
        ("x_*,x_0", "`x` is bound to column `x_0` twice, by `x_*,x_0`"),
    ],
)
def test_texts_that_mean_nothing(text, words):
    """The part at fault is named, at the header of the file."""
    found = refused(select, FILE, "x", text)
    assert (found.code, found.span.line) == ("data-column", 1)
    assert words in found.message


def test_ranges_of_numbers_with_zeros():
    """Numbers are compared, not their digits; the same number twice is a fault."""
    assert select(table("p00", "p02", "p01"), "x", "p00..p02") == ["p00", "p01", "p02"]
    assert "numbered 2" in refused(select, table("p1", "p01", "p2"), "x", "p1..p2").message


@pytest.mark.parametrize(
    "names, array, found",
    [
        ("x x_0", True, "x"),
        ("x x_0", False, "x"),
        ("x_0", False, ""),
        ("x_1 x_0 x_2", True, "x_0 x_1 x_2"),
        ("x2 y x1", True, "x1 x2"),
        ("x1 x0 x_0 x_1", True, "x_0 x_1"),
        ("ax_0 x_0a x_", True, ""),
    ],
)
def test_columns_by_name(names, array, found):
    """The name itself, or for arrays the name and numbers from 0 or 1."""
    assert by_name(table(*names.split()), "x", array=array) == found.split()


@pytest.mark.parametrize(
    "names, wrong", [("x_0 x_2", "x_2"), ("x_2 x_3", "x_2"), ("x_0 x_1 x_01", "x_01"), ("x1 x2 x4", "x4")]
)
def test_columns_by_name_with_gaps(names, wrong):
    """Leave it open which are meant; all of them are chosen by a glob."""
    found = refused(by_name, table(*names.split()), "x", array=True)
    assert (found.code, f"`{wrong}` is out of order" in found.message) == ("data-column", True)
    assert "--bind x='x" in found.hint


@given(st.lists(st.from_regex(r"[ab]_?[0-9]{0,3}", fullmatch=True), unique=True))
def test_order_by_number(names):
    """A permutation in which stems stay where they were, and numbers ascend for each stem."""
    found = by_number(names)
    assert sorted(found) == sorted(names)
    split = [re.fullmatch(r"(\D*)(\d*)", name).groups() for name in found]
    before = [re.fullmatch(r"(\D*)(\d*)", name).groups() for name in names]
    assert [(stem, bool(number)) for stem, number in split] == [
        (stem, bool(number)) for stem, number in before
    ]
    for stem, _ in split:
        numbers = [int(number) for s, number in split if s == stem and number]
        assert numbers == sorted(numbers)
