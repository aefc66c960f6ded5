"""Constant arrays: large ones are functions of the index, to the bit; others are written into the text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiling import needs_compiler

from paramprog.compile.builder import NotLowered
from paramprog.compile.c_plan import CPlan
from paramprog.compile.source import lower
from paramprog.graph import Graph

pytestmark = needs_compiler

RNG = np.random.default_rng(1)

COMPUTED = {
    "range": np.arange(1_200_000),
    "steps along two axes": 7 - 3 * np.arange(90)[:, None] + 500 * np.arange(70),
    "reals": 0.5 + 0.25 * np.arange(5000),
    "identity": np.eye(90, 70),
    "bools on a diagonal": np.eye(80) > 0.5,
    "the same along an axis": np.broadcast_to(RNG.normal(size=(1, 3, 1)), (200, 3, 20)),
    "one number": np.full((100, 100), 2.5),
}


@pytest.mark.parametrize("name", COMPUTED)
def test_functions_of_the_index(name: str):
    """The same bits, and hardly any text."""
    array = np.array(COMPUTED[name])
    graph = Graph()
    plan = CPlan([graph.array(array)], [])
    np.testing.assert_array_equal(plan()[0], array)
    is_written = "_data[" in plan.source
    assert is_written == (name == "the same along an axis")


@pytest.mark.parametrize(
    "array", [RNG.normal(size=5000), RNG.integers(0, 9, (70, 70)), RNG.normal(size=7) > 0]
)
def test_others_are_written_out(array: Any):
    """Irregular ones, and small ones."""
    plan = CPlan([Graph().array(array)], [])
    np.testing.assert_array_equal(plan()[0], array)
    assert "_data[" in plan.source


def test_float32_steps():
    """What is a range in float32 is computed in float32."""
    array = (np.float32(0.1) + np.float32(0.3) * np.arange(5000, dtype=np.float32)).astype(np.float64)
    graph = Graph(real="float32")
    found = CPlan([graph.array(array)], [])()[0]
    np.testing.assert_array_equal(found, array.astype(np.float32))


def test_large_and_irregular():
    """More than a million entries have no place in a text."""
    with pytest.raises(NotLowered, match="a constant array has 1,100,000 entries"):
        lower([Graph().array(RNG.normal(size=1_100_000))], [])
