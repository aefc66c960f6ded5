"""C functions that are not those of C: quotients of ints rounded down, at the limits of ints too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiling import needs_compiler

from paramprog.compile.c_plan import CPlan
from paramprog.graph import Graph
from paramprog.op import OPS
from paramprog.types import Type

pytestmark = needs_compiler

EDGES = [s * (2**k + d) for k in (0, 1, 2, 5, 31, 52, 53, 61, 62, 63) for d in (-1, 0, 1) for s in (1, -1)]
INTS = sorted({n for n in EDGES if -(2**63) <= n < 2**63} | {40, -40, 7})


def pairs() -> tuple[list[int], list[int]]:
    """All pairs of limits, numbers of all sizes, and numbers beside multiples."""
    rng = np.random.default_rng(0)
    found = [(a, b) for a in INTS for b in INTS]
    for _ in range(20_000):
        a, b = (int(rng.integers(-(2**63), 2**63 - 1)) >> int(rng.integers(0, 63)) for _ in "ab")
        found += [(a, b), (int(rng.integers(-5000, 5000)) * b + int(rng.integers(-1, 2)), b)]
    kept = [(a, b) for a, b in found if b and -(2**63) <= a < 2**63]
    return [a for a, _ in kept], [b for _, b in kept]


def as_int64(n: int) -> int:
    return (n + 2**63) % 2**64 - 2**63


def compiled(operands: Any, count: int) -> tuple[Any, Any]:
    """The quotients and remainders of arrays; an int is a constant of the code."""
    graph = Graph()
    leaves = [graph.leaf(Type("int", (count,))) for x in operands if not isinstance(x, int)]
    a, b = leaves[0], leaves[1] if len(leaves) > 1 else graph.constant(operands[1], "int", (count,))
    plan = CPlan([OPS["intdiv"](a, b), OPS["mod"](a, b)], leaves)
    quotient, remainder = plan(*(np.array(x, np.int64) for x in operands if not isinstance(x, int)))
    return quotient, remainder


def test_quotients_and_remainders_of_ints() -> None:
    """a // b and mod(a, b) of Python, for every int64; -2^63 // -1 wraps around as it does in NumPy."""
    a, b = pairs()
    quotients, remainders = compiled((a, b), len(a))
    assert quotients.tolist() == [as_int64(x // y) for x, y in zip(a, b, strict=True)]
    assert remainders.tolist() == [as_int64(x % y) for x, y in zip(a, b, strict=True)]


@pytest.mark.parametrize("b", [40, -40, 1, -1, 2**62 + 1, -(2**63)])
def test_by_a_constant(b: int) -> None:
    a, _ = pairs()
    quotients, remainders = compiled((a, b), len(a))
    assert quotients.tolist() == [as_int64(x // b) for x in a]
    assert remainders.tolist() == [x % b for x in a]


@pytest.mark.parametrize("real", [np.float64, np.float32])
def test_floor(real: Any) -> None:
    """To the sign of zero, at whole numbers, beside them, and where all numbers are whole."""
    halves = np.arange(-9, 9, dtype=real) / 2
    x = np.array([*halves, *np.nextafter(halves, real(9)), *np.nextafter(halves, real(-9)), 1e30, -1e30])
    x = np.append(x, [0.0, -0.0, np.inf, -np.inf, np.nan, 2.0**52 + 0.5, 2.0**23 + 0.5]).astype(real)
    graph = Graph(real="float64" if real is np.float64 else "float32")
    leaf = graph.leaf(Type("real", x.shape))
    (found,) = CPlan([OPS["floor"](leaf)], [leaf])(x)
    np.testing.assert_array_equal(found, np.floor(x))
    np.testing.assert_array_equal(np.signbit(found), np.signbit(np.floor(x)))
