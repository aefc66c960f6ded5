"""DESIGN section 6, one test for each row: the gradient where there is none, or where arithmetic gives in.

Each point is asked twice: of the adjoint graph, evaluated, and of the analysis on the numbers of the trace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from paramprog.evaluate import evaluate, trace
from paramprog.gradient import adjoint, plain_or_none, pulled
from paramprog.graph import Graph, Node
from paramprog.op import OPS, SURFACES
from paramprog.transfer.select import Cut
from paramprog.types import ShapeError, Type

INF, NAN = np.inf, np.nan


def call(name: str, *xs: Node, **options: Any) -> Node:
    """A function of the language, found by its name and the number of its arguments."""
    op, surface = next((o, s) for o, s in SURFACES[name] if len(s.values) == len(xs))
    given = {**surface.options, "rest": (), **options}
    return op(*xs, **surface.attrs(tuple(x.type for x in xs), given))


def gradient(f: Callable[..., Node], *xs: Any) -> tuple[Any, list[Any]]:
    """The value of f(xs) and the gradients of its sum, the same from nodes and from numbers."""
    graph = Graph()
    arrays = [np.asarray(x, np.float64) for x in xs]
    leaves = [graph.leaf(Type("real", x.shape)) for x in arrays]
    y = f(*leaves)
    seed = graph.constant(1.0, "real", y.shape)
    inputs = dict(zip(leaves, arrays, strict=True))
    adjoints = adjoint(y, leaves, seed)
    graph.check()
    value, *found = evaluate([y, *(a for a in adjoints if a is not None)], inputs)
    rest = iter(found)
    by_nodes = [None if a is None else next(rest) for a in adjoints]
    ran = trace([y], inputs, keep=leaves)
    facts = pulled(ran.nodes, ran.values, ran.of[y], np.ones(y.shape))
    by_numbers = [plain_or_none(facts[ran.of[leaf]]) for leaf in leaves]
    for a, b in zip(by_nodes, by_numbers, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_array_equal(a, b)
    return value, by_nodes


def expect(f: Callable[..., Node], xs: list[Any], value: Any, *gradients: Any) -> None:
    found, grads = gradient(f, *xs)
    np.testing.assert_array_equal(found, value)
    assert len(grads) == len(gradients)
    for g, e in zip(grads, gradients, strict=True):
        if e is None:
            assert g is None
        else:
            np.testing.assert_array_equal(g, e)


def of(name: str, **options: Any) -> Callable[..., Node]:
    return lambda *xs: call(name, *xs, **options)


# ---- ties and corners --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max", "min"])
def test_ties_of_two_are_shared(name: str):
    """max(a, b) and min(a, b) at a tie: 1/2 each."""
    expect(of(name), [3.0, 3.0], 3.0, 0.5, 0.5)
    expect(of(name), [[1.0, -0.0], [1.0, 0.0]], [1.0, 0.0], [0.5, 0.5], [0.5, 0.5])


@pytest.mark.parametrize("name, sign", [("max", 1.0), ("min", -1.0)])
def test_ties_of_k_are_shared(name: str, sign: float):
    """reduce max and min with k winners: 1/k each, along an axis too, and exactly."""
    x = sign * np.array([2.0, 5.0, 5.0, 1.0, 5.0])
    expect(of(name), [x], sign * 5.0, np.array([0, 1, 1, 0, 1]) / 3)
    x = sign * np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    expect(of(name, axis=0), [x], sign * np.ones(2), [[0.5, 0.5], [0, 0.5], [0.5, 0]])
    expect(of(name), [sign * np.array([INF, 1.0, INF])], sign * INF, [0.5, 0, 0.5])


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_corners_at_zero(zero: float):
    """relu(0) and abs(0) have gradient 0, max(x, 0) has 1/2."""
    expect(of("relu"), [zero], 0.0, 0.0)
    expect(of("abs"), [zero], 0.0, 0.0)
    expect(lambda x: OPS["maximum"](x, 0.0), [zero], 0.0, 0.5)
    expect(of("leaky_relu", slope=0.25), [zero], 0.0, 0.25)


def test_lengths_at_zero():
    """norm(0), std of a constant and hypot(0, 0) have gradient 0."""
    expect(of("norm"), [np.zeros(3)], 0.0, np.zeros(3))
    expect(of("norm", axis=1), [[[0.0, 0.0], [3.0, 4.0]]], [0.0, 5.0], [[0, 0], [3 / 5, 4 / 5]])
    expect(of("std"), [np.full(3, 2.5)], 0.0, np.zeros(3))
    expect(of("hypot"), [0.0, 0.0], 0.0, 0.0, 0.0)


def test_clip_at_a_bound():
    """0 at a bound and outside, 1 inside, also with infinite bounds; the bounds get the rest."""
    clip = of("clip")
    x = [-2.0, -1.0, 0.0, 1.0, 2.0]
    lo, hi = np.full(5, -1.0), np.full(5, 1.0)
    expect(clip, [x, lo, hi], [-1, -1, 0, 1, 1], [0, 0, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1])
    expect(clip, [7.0, -INF, INF], 7.0, 1.0, 0.0, 0.0)


def test_clip_of_bounds_in_the_wrong_order():
    """clip(x, lo, hi) = min(max(x, lo), hi): for lo > hi it is hi, and so is the gradient's."""
    for x in (-3.0, 1.5, 3.0):
        expect(of("clip"), [x, 2.0, 1.0], 1.0, 0.0, 0.0, 1.0)


# ---- poles and domains -------------------------------------------------------------------------------------


def test_poles():
    """sqrt(0) and log(0) have gradient inf; 1/0 has -inf; 0/0 has NaN."""
    expect(of("sqrt"), [0.0], 0.0, INF)
    expect(of("log"), [0.0], -INF, INF)
    expect(of("cbrt"), [0.0], 0.0, INF)
    expect(lambda x: 1.0 / x, [0.0], INF, -INF)
    expect(of("recip"), [0.0], INF, -INF)
    expect(lambda a, b: a / b, [1.0, 0.0], INF, INF, -INF)
    value, (_, db) = gradient(lambda a, b: a / b, 0.0, 0.0)
    assert np.isnan(value)
    assert np.isnan(db)


@pytest.mark.parametrize(
    "name, x",
    [("log", -1.0), ("sqrt", -1.0), ("log1p", -2.0), ("asin", 2.0), ("acos", -2.0), ("acosh", 0.5)]
    + [("acosh", -2.0), ("atanh", 2.0), ("relu", NAN), ("abs", NAN), ("softplus", NAN), ("sin", INF)],
)
def test_no_value_no_gradient(name: str, x: float):
    """log(-1), relu(NaN) and their like: NaN, value and gradient."""
    expect(of(name), [x], NAN, NAN)


def test_xlogy_of_nan():
    """Neither derivative is a number beside a NaN value, though log(2) is one."""
    expect(of("xlogy"), [NAN, 2.0], NAN, NAN, NAN)


@pytest.mark.parametrize("size", [1e-200, 3e200, 1e300, 1e308, 1.7e308])
def test_std_is_scaled(size: float):
    """As norm is: squares neither overflow nor vanish, and the gradient of std([x, -x]) is 1/2, -1/2."""
    expect(of("std"), [np.array([size, -size])], size, np.array([0.5, -0.5]))
    expect(of("std"), [np.full(4, size)], 0.0, np.zeros(4))


@pytest.mark.parametrize("name", ["max", "min"])
def test_nan_among_candidates(name: str):
    """A NaN in a maximum is its value and all of its gradient."""
    expect(of(name), [1.0, NAN], NAN, NAN, NAN)
    expect(of(name), [[1.0, NAN, 2.0]], NAN, [NAN, NAN, NAN])
    expect(of("clip"), [NAN, 0.0, 1.0], NAN, NAN, NAN, NAN)


def test_the_angle_of_the_origin():
    """atan2(0, 0) has gradient NaN."""
    expect(of("atan2"), [0.0, 0.0], 0.0, NAN, NAN)


def test_atan2_neither_overflows_nor_vanishes():
    """The squares of the arguments are never formed."""
    for size in (1e-300, 1e300):
        expect(of("atan2"), [size, 0.0], np.pi / 2, 0.0, -1 / size)


# ---- powers ------------------------------------------------------------------------------------------------


def test_powers_at_zero():
    """0**0 is 1 with partials 0, 0; x**2 at 0 has 0, 0; x**1 has 1; x**0.5 has inf; x**-1 has -inf."""
    power = OPS["pow"]
    expect(power, [0.0, 0.0], 1.0, 0.0, 0.0)
    expect(power, [0.0, 2.0], 0.0, 0.0, 0.0)
    expect(power, [0.0, 1.0], 0.0, 1.0, 0.0)
    expect(power, [0.0, 0.5], 0.0, INF, 0.0)
    assert gradient(power, 0.0, -1.0)[1][0] == -INF
    expect(lambda x: power(x, 2), [-3.0], 9.0, -6.0)
    expect(lambda x: power(x, 3.0), [-2.0], -8.0, 12.0)
    expect(of("xlogy"), [0.0, 0.0], 0.0, -INF, 0.0)


def test_powers_at_zero_in_every_order():
    """The n-th derivative of x**k at 0 is k! for n = k, else 0: also once the factor k - n has become 0."""
    for k in range(4):
        graph = Graph()
        x = graph.leaf(Type("real", ()))
        y = OPS["pow"](x, float(k))
        for n in range(4):
            expected = float(np.prod(np.arange(1, k + 1))) if n == k else 0.0
            assert evaluate([y], {x: np.float64(0.0)}) == [expected]
            (derivative,) = adjoint(y, [x])
            y = graph.constant(0.0) if derivative is None else derivative


def test_power_without_a_value():
    """(-1) ** 0.5 is NaN and so are both partials; x ** 1 at NaN has no finite gradient."""
    expect(OPS["pow"], [-1.0, 0.5], NAN, NAN, NAN)
    value, (dx, _) = gradient(OPS["pow"], NAN, 1.0)
    assert np.isnan(value)
    assert np.isnan(dx)


@pytest.mark.parametrize(
    "x",
    [[2.0, 3.0, 4.0], [0.0, 3.0, 4.0], [0.0, 3.0, 0.0], [0.0], [5.0], [2.0, 3.0], [1e200, 1e200], [INF, 2.0]]
    + [[2.0, 0.0, 3.0, 4.0, 5.0], [1.0] * 7, [3.0, -1.0, 2.0, 0.5, 0.0, 4.0]],
)
def test_prod_with_zeros(x: list[float]):
    """The partial is the product of the others, with zeros among them or not, overflow or not."""
    with np.errstate(over="ignore"):
        others = [np.prod(x[:k] + x[k + 1 :]) for k in range(len(x))]
        expect(of("prod"), [x], np.prod(x), others)


def test_prod_along_an_axis_and_of_nothing():
    """Several products at once; the product of no entries is 1, and its gradient is as empty."""
    x = np.array([[2.0, 0.0, 3.0], [5.0, 7.0, 0.0]])
    expect(of("prod", axis=1), [x], [0.0, 0.0], [[0, 6, 0], [0, 0, 35]])
    expect(of("prod", axis=0), [x], [10.0, 0.0, 0.0], [[5, 7, 0], [2, 0, 3]])
    expect(of("prod"), [np.zeros(0)], 1.0, np.zeros(0))
    expect(of("prod", axis=0), [np.zeros((0, 2))], np.ones(2), np.zeros((0, 2)))


@pytest.mark.parametrize(
    "x", [[2.0, 3.0, 4.0], [0.0, 3.0, 4.0], [2.0, 0.0, 4.0], [0.0, 0.0, 4.0], [0.0, 3.0, 0.0], [5.0], []]
)
def test_cumprod_with_zeros(x: list[float]):
    """The partials are the products of the others; the sum of each column is the gradient of the sum."""
    n = len(x)
    others = [sum(np.prod(x[:i] + x[i + 1 : k + 1]) for k in range(i, n)) for i in range(n)]
    expect(of("cumprod"), [x], np.cumprod(x), np.array(others))


def test_cumprod_beside_an_infinity():
    """No quotient is formed: inf is not divided by itself."""
    expect(of("cumprod"), [[INF, 2.0]], [INF, INF], [3.0, INF])
    expect(of("cumprod"), [[1e200, 1e200]], [1e200, INF], [1.0 + 1e200, 1e200])
    expect(of("cumprod", axis=1), [[[0.0, 5.0], [2.0, 0.0]]], [[0, 0], [2, 0]], [[6, 0], [1, 2]])


# ---- order ---------------------------------------------------------------------------------------------------


def test_sort_with_ties():
    """Stable: of equal entries the first comes first, so the third smallest of (1, 0, 1, 1) is entry 2."""
    x = np.array([1.0, 0.0, 1.0, 1.0])
    for rank, entry in enumerate([1, 0, 2, 3]):
        third = lambda x, rank=rank: OPS["slice"](call("sort", x), cuts=(Cut(0, rank, None, 1, 4),))
        expect(third, [x], np.sort(x)[rank], np.eye(4)[entry])
    expect(of("sort", axis=1), [[[2.0, 2.0], [3.0, 1.0]]], [[2, 2], [1, 3]], np.ones((2, 2)))
    expect(of("sort"), [[-0.0, 0.0]], [0.0, 0.0], [1.0, 1.0])


def test_sort_with_nan():
    """NaN comes last; every entry goes where it goes, with its gradient: sorting is no arithmetic."""
    expect(of("sort"), [[NAN, 2.0, -INF]], [-INF, 2.0, NAN], [1.0, 1.0, 1.0])


def test_median():
    """The middle entry, or both; the first of equal ones is lower; NaN is the value and all of its gradient."""
    expect(of("median"), [[3.0, 1.0, 2.0]], 2.0, [0, 0, 1])
    expect(of("median"), [[4.0, 1.0, 3.0, 2.0]], 2.5, [0, 0, 0.5, 0.5])
    expect(of("median"), [[5.0, 5.0, 5.0]], 5.0, [0, 1, 0])
    expect(of("median"), [[1.0, 1.0, 1.0, 1.0]], 1.0, [0, 0.5, 0.5, 0])
    expect(of("median", axis=0), [[[1.0, 5.0], [2.0, 5.0]]], [1.5, 5.0], np.full((2, 2), 0.5))
    expect(of("median"), [[1e308, 1.5e308]], 1.25e308, [0.5, 0.5])
    expect(of("median"), [[INF, 1.0, INF, INF]], INF, [0.5, 0, 0.5, 0])
    expect(of("median"), [[1.0, NAN, 2.0]], NAN, [NAN, NAN, NAN])
    expect(of("median", axis=1), [[[1.0, NAN], [2.0, 4.0]]], [NAN, 3.0], [[NAN, NAN], [0.5, 0.5]])


def test_what_is_replaced_is_no_zero_times_anything():
    """put(x, i, v): an infinity that is replaced leaves no trace, in the value or in the gradient."""

    def f(x: Node) -> Node:
        i = OPS["int"](x.graph.constant(1.0))
        return call("put", OPS["log"](x), i, x.graph.constant(7.0))

    expect(f, [[1.0, 0.0]], [0.0, 7.0], [1.0, 0.0])


# ---- far out -----------------------------------------------------------------------------------------------


def exactly(f: Callable[[Any], Any], x: float) -> float:
    with mpmath.workdps(60):
        return float(f(mpmath.mpf(x)))


def s(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


@pytest.mark.parametrize(
    "x",
    [
        -800.0,
        -745.0,
        -720.0,
        -710.0,
        -700.0,
        -80.0,
        -40.0,
        -1.0,
        -1e-9,
        0.0,
        0.5,
        37.0,
        40.0,
        700.0,
        710.0,
        720.0,
        800.0,
    ],
)
def test_sigmoid_and_softplus_far_out(x: float):
    """sigmoid' = s(x) s(-x), softplus' = s(x), logsigmoid' = s(-x): relatively, with no threshold."""
    cases = {
        "sigmoid": (s, lambda x: s(x) * s(-x)),
        "softplus": (lambda x: mpmath.log1p(mpmath.exp(x)), s),
        "logsigmoid": (lambda x: -mpmath.log1p(mpmath.exp(-x)), lambda x: s(-x)),
    }
    for name, (value, slope) in cases.items():
        found, (g,) = gradient(of(name), x)
        np.testing.assert_allclose(found, exactly(value, x), rtol=1e-15, atol=5e-324, err_msg=name)
        np.testing.assert_allclose(g, exactly(slope, x), rtol=1e-15, atol=5e-324, err_msg=name)


@pytest.mark.parametrize("x", [50.0, -50.0, 20.0, 1e-8, 300.0, 400.0, 1000.0])
def test_tanh_far_out(x: float):
    """tanh'(50) = 1/cosh(50)**2, not 1 - 1."""
    _, (g,) = gradient(of("tanh"), x)
    np.testing.assert_allclose(g, exactly(lambda x: 1 / mpmath.cosh(x) ** 2, x), rtol=4e-15, atol=5e-324)


def test_logsumexp_far_out():
    """Exact shares however large the entries, and -inf for entries that do not take part."""
    f = of("logsumexp")
    expect(f, [[1e308, 1e308]], 1e308, [0.5, 0.5])
    value, (g,) = gradient(f, [-1e308, -1e308, -INF])
    assert value == -1e308
    np.testing.assert_array_equal(g, [0.5, 0.5, 0])
    expect(f, [[[0.0, -1e308], [1e308, 1e308]]], 1e308, [[0, 0], [0.5, 0.5]])
    expect(of("logaddexp"), [1e308, 1e308], 1e308, 0.5, 0.5)
    expect(of("logaddexp"), [1e308, -1e308], 1e308, 1.0, 0.0)


def test_shares_of_logsumexp_are_those_of_the_exact_entries():
    """At 1000 too, where the result rounds off what the shares would need."""
    _, (g,) = gradient(of("logsumexp"), [1000.0, 1001.0, 999.0])
    e = np.exp([0.0, 1.0, -1.0])
    np.testing.assert_allclose(g, e / e.sum(), rtol=1e-15)


# ---- structural zeros --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["floor", "ceil", "round", "sign", "stop"])
def test_steps_have_no_gradient(name: str):
    """A structural zero: no node, not a node that holds 0."""
    assert gradient(of(name), 2.6)[1] == [None]


@pytest.mark.parametrize(
    "name",
    ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "argmax", "argmin", "int"],
)
def test_results_that_are_not_real_have_no_gradient(name: str):
    """What comes after a comparison or an index does not depend on what was compared."""

    def f(x: Node) -> Node:
        op = OPS[name]
        chosen = op(x, axes=(0,)) if name.startswith("arg") else op(x) if name == "int" else op(x, 0.5)
        return OPS["real"](chosen) * 2.0

    assert gradient(f, np.array([0.2, 0.7]))[1] == [None]


def test_a_real_as_real_is_itself():
    """real(x) cuts only what comes from an int or a bool."""
    expect(of("real"), [[2.0, -1.0]], [2.0, -1.0], [1.0, 1.0])


# ---- empty arrays ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["max", "min", "mean", "median", "var", "std", "logsumexp", "argmax", "argmin"]
)
def test_reductions_without_a_value_for_nothing(name: str):
    """The mean or the maximum of an empty array is rejected by the shape rule, along an axis too."""
    x = Graph().leaf(Type("real", (0,)))
    with pytest.raises(ShapeError, match="empty"):
        call(name, x)
    wide = Graph().leaf(Type("real", (3, 0)))
    with pytest.raises(ShapeError, match="empty"):
        call(name, wide, axis=1)
    assert call(name, Graph().leaf(Type("real", (3, 0))), axis=0).shape == (0,)


@pytest.mark.parametrize("name, value", [("sum", 0.0), ("prod", 1.0), ("norm", 0.0)])
def test_reductions_of_nothing(name: str, value: float):
    """Sum, product and norm of an empty array exist."""
    expect(of(name), [np.zeros(0)], value, np.zeros(0))
