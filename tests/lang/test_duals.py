"""Nested tagged dual numbers, by which the interpreter differentiates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracles import CASES, Case, differences

from paramprog.lang.duals import Dual, Tag, each, is_dual, like, primal, tangent
from paramprog.op import OPS

SMOOTH = [c for c in CASES if c.op.jacobian is not None and c.real_ports]


@pytest.fixture(autouse=True)
def _silence():
    with np.errstate(all="ignore"):
        yield


def along(case: Case, xs: list[Any], ts: list[Any], tag: Tag) -> Any:
    """The value of a primitive where each real argument is perturbed."""
    given = [
        Dual(tag, x, t) if p in case.real_ports else x for p, (x, t) in enumerate(zip(xs, ts, strict=True))
    ]
    return case.op(*given, **case.attrs)


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_tangents_of_each_primitive(case):
    """Once, and twice by nesting: the derivatives along a line through the sample, by differences."""
    xs = [np.asarray(x)[()] for x in case.sample()]
    rng = np.random.default_rng(1)
    ts = [rng.normal(size=np.shape(x))[()] for x in xs]

    def moved(s: Any) -> list[Any]:
        return [x + s * t if p in case.real_ports else x for p, (x, t) in enumerate(zip(xs, ts, strict=True))]

    def slope(s: Any) -> Any:
        tag = Tag()
        return tangent(along(case, moved(s), ts, tag), tag)

    value = case.value(*xs)
    found = slope(0.0)
    assert np.shape(found) == np.shape(value)
    size = 1.0 + np.max(np.abs(found), initial=0.0)
    np.testing.assert_allclose(
        found, differences(lambda s: case.value(*moved(s)), 0.0), rtol=1e-7, atol=1e-7 * size
    )
    outer, inner = Tag(), Tag()
    twice = along(
        case,
        [
            Dual(outer, x, t) if p in case.real_ports else x
            for p, (x, t) in enumerate(zip(xs, ts, strict=True))
        ],
        ts,
        inner,
    )
    second = tangent(tangent(twice, inner), outer)
    size = 1.0 + np.max(np.abs(second), initial=0.0)
    np.testing.assert_allclose(second, differences(slope, 0.0), rtol=1e-6, atol=1e-6 * size)


def test_tags_are_told_apart():
    """d/dx (x * d/dy (x + y)) = 1: with one e for both it would be 2."""
    outer, inner = Tag(), Tag()
    x = Dual(outer, 3.0, 1.0)
    y = Dual(inner, 1.0, 1.0)
    slope = tangent(x + y, inner)
    assert slope == 1.0
    assert tangent(x * slope, outer) == 1.0
    assert tangent(x, inner) == 0.0


def test_the_later_tag_is_outside():
    """However the operands are ordered."""
    older, later = Tag(), Tag()
    a, b = Dual(older, 2.0, 1.0), Dual(later, 3.0, 1.0)
    for product in (a * b, b * a):
        assert is_dual(product, later)
        assert primal(primal(product, later), older) == 6.0
        assert tangent(tangent(product, later), older) == 1.0


def test_what_has_no_derivative_is_no_dual():
    """Comparisons, roundings."""
    x = Dual(Tag(), np.array([1.5, 2.5]), np.ones(2))
    assert OPS["greater"](x, 2.0).tolist() == [False, True]
    assert OPS["floor"](x).tolist() == [1.0, 2.0]


def test_what_does_not_vary_contributes_nothing():
    """Also where the derivative is infinite."""
    tag = Tag()
    found = OPS["sqrt"](Dual(tag, np.array([0.0, 4.0]), np.array([0.0, 1.0])))
    assert tangent(found, tag).tolist() == [0.0, 0.25]


def test_linear_functions_of_duals():
    """Indexing, joining and repeating, tag by tag; plain values among duals do not vary."""
    older, later = Tag(), Tag()
    x = Dual(later, Dual(older, np.arange(3.0), np.ones(3)), np.array([1.0, 2.0, 3.0]))
    assert (x.shape, x.ndim, x.size, x.dtype) == ((3,), 1, 3, np.dtype(np.float64))
    assert tangent(x[1], later) == 2.0
    assert tangent(primal(x[1:], later), older).tolist() == [1.0, 1.0]
    joined = each(lambda a, b: np.concatenate([a, b]), x, np.array([9.0]))
    assert tangent(joined, later).tolist() == [1.0, 2.0, 3.0, 0.0]
    assert tangent(like(x[2], np.zeros((2, 2))), later).tolist() == [[3.0, 3.0]] * 2
    assert each(np.add, 1.0, 2.0) == 3.0


def test_arithmetic_of_numbers_and_arrays():
    """On either side."""
    tag = Tag()
    x = Dual(tag, 2.0, 1.0)
    a = np.array([1.0, 3.0])
    assert [tangent(e, tag) for e in (1 - x, x - 1, 3 * x, x / 4, 1 / x, -x)] == [-1, 1, 3, 0.25, -0.25, -1]
    assert tangent(a * x, tag).tolist() == [1.0, 3.0]
    assert tangent(x + a, tag).tolist() == [1.0, 1.0]
