"""Functions of arrays against NumPy and SciPy: running sums, order, matrices, placing, convolutions."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from oracles import dense

from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.graph import Graph
from paramprog.graph.region import ValueFault
from paramprog.op import OPS, SURFACES, Op
from paramprog.transfer.select import Cut
from paramprog.types import ShapeError, Type


def called(name: str, *xs: Any, **options: Any) -> Any:
    """The value of a function of the language on arrays, its shape checked against the rule."""
    op, surface = next((o, s) for o, s in SURFACES[name] if len(s.values) == len(xs))
    kinds: dict[str, Any] = {"f": "real", "i": "int", "b": "bool"}
    types = tuple(Type(kinds[x.dtype.kind], x.shape) for x in map(np.asarray, xs))
    attrs = surface.attrs(types, {**surface.options, "rest": (), **options})
    shape = op.shape(*(t.shape for t in types), **attrs)
    y = op.value(*map(np.asarray, xs), **attrs)
    assert np.shape(y) == shape
    return y


def draw(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


# ---- running sums and products -------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_running_sums_and_products(axis: int):
    """Along every axis, backwards, and without the entry itself."""
    x = draw(2, 3, 4)
    np.testing.assert_array_equal(called("cumsum", x, axis=axis), np.cumsum(x, axis))
    np.testing.assert_array_equal(called("cumprod", x, axis=axis), np.cumprod(x, axis))
    reverse = np.flip(np.cumsum(np.flip(x, axis), axis), axis)
    np.testing.assert_array_equal(called("cumsum", x, axis=axis, reverse=True), reverse)
    before = np.roll(np.cumprod(x, axis), 1, axis)
    np.moveaxis(before, axis, 0)[0] = 1.0
    np.testing.assert_array_equal(called("cumprod", x, axis=axis, exclusive=True), before)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "sort", "argsort"])
def test_what_runs_along_an_axis(name: str):
    """A vector needs no axis, a matrix does, a scalar has none; nothing is left out and nothing becomes real."""
    assert called(name, np.array([3, 1, 2])).dtype == np.int64
    assert called(name, np.zeros((2, 0)), axis=1).shape == (2, 0)
    assert called(name, np.zeros(0)).shape == (0,)
    with pytest.raises(ShapeError, match="needs `axis = k`"):
        called(name, np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="no axis 2"):
        called(name, np.zeros((2, 3)), axis=2)
    with pytest.raises(ShapeError, match="a scalar"):
        called(name, np.float64(1.0))


def test_recurrence_is_a_filter():
    """With one coefficient it is scipy.signal.lfilter; the first coefficient is never read."""
    b = draw(3, 6)
    a = np.full_like(b, 0.7)
    a[:, 0] = np.nan
    expected = scipy.signal.lfilter([1.0], [1.0, -0.7], b, axis=1)
    np.testing.assert_allclose(called("recurrence", a, b, axis=1), expected, rtol=1e-14)
    expected = np.flip(scipy.signal.lfilter([1.0], [1.0, -0.7], np.flip(b, 1), axis=1), 1)
    np.testing.assert_allclose(called("recurrence", a, b, axis=1, reverse=True), expected, rtol=1e-14)


@pytest.mark.parametrize("x", [[2.0, 3.0, 5.0, 7.0], [2.0, 0.0, 5.0, 7.0], [0.0, 3.0, 0.0, 0.0], [0.0] * 4])
def test_cumprod_is_differentiated_exactly_in_every_order(x: list[float]):
    """A sum of products of distinct entries: every derivative is the sum of the products of the others."""
    w = np.array([1.0, -2.0, 4.0, 8.0])

    def exact(at: tuple[int, ...]) -> float:
        spans = [k for k in range(4) if k >= max(at)]
        return sum(w[k] * np.prod([x[j] for j in range(k + 1) if j not in at]) for k in spans)

    graph = Graph()
    leaf = graph.leaf(Type("real", (4,)))
    weighted = OPS["cumprod"](leaf, axis=0, exclusive=False) * graph.leaf(Type("real", (4,)), "w")
    y = OPS["sum"](weighted, axes=(0,), sizes=(4,))
    inputs = {leaf: np.array(x), weighted.args[1]: w}
    (gradient,) = adjoint(y, [leaf])
    for order in (1, 2, 3):
        for at in permutations(range(4), order):
            node = gradient
            for j in at[:-1]:
                (node,) = adjoint(OPS["slice"](node, cuts=(Cut(0, j, None, 1, 4),)), [leaf])
            assert evaluate([node], inputs)[0][at[-1]] == exact(at), at


# ---- order ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=8), st.booleans())
def test_order_with_ties(entries: list[int], two: bool):
    """sort and argsort are stable; the flat order says where each entry comes from in the whole array."""
    x = np.array(entries, np.float64)
    if two:
        x = np.stack([x, -x])
    axis = x.ndim - 1
    order = called("argsort", x, axis=axis)
    np.testing.assert_array_equal(order, np.argsort(x, axis, kind="stable"))
    y = called("sort", x, axis=axis)
    np.testing.assert_array_equal(y, np.sort(x, axis))
    np.testing.assert_array_equal(x.ravel()[called("argsort", x, axis=axis, flat=True)], y)
    J = dense(OPS["sort"].local(0, y, x, axis=axis), x.shape, x.shape)
    expected = np.eye(x.size)[called("argsort", x, axis=axis, flat=True).ravel()]
    np.testing.assert_array_equal(J.reshape(x.size, x.size), expected)


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=7))
def test_median_is_that_of_numpy(entries: list[int]):
    """Its gradient is the mean of the indicators of the entries in the middle of the stable order."""
    x = np.array(entries, np.float64)
    assert called("median", x) == np.median(x)
    order = np.argsort(x, kind="stable")
    middle = {order[(len(x) - 1) // 2], order[len(x) // 2]}
    expected = [1 / len(middle) if k in middle else 0.0 for k in range(len(x))]
    np.testing.assert_array_equal(called("middle", x), expected)


def test_median_along_axes():
    """Over all entries, or along one axis."""
    x = draw(4, 3, 5)
    assert called("median", x) == np.median(x)
    for axis in range(3):
        np.testing.assert_allclose(called("median", x, axis=axis), np.median(x, axis), rtol=1e-15)
        weights = called("middle", x, axis=axis)
        np.testing.assert_allclose(np.sum(x * weights, axis), np.median(x, axis), rtol=1e-15)
    assert called("median", np.float32([1, 2, 4, 3])).dtype == np.float32
    assert called("median", np.float64(3.0)) == 3.0
    assert called("middle", np.float64(3.0)) == 1.0


# ---- matrices ------------------------------------------------------------------------------------------------------


def test_parts_of_matrices():
    """Diagonals, triangles and the trace, of square matrices and (the triangles) of others."""
    A, B, v = draw(4, 4), draw(2, 5), draw(3)
    np.testing.assert_array_equal(called("diag", A), np.diag(A))
    np.testing.assert_array_equal(called("diag", v), np.diag(v))
    np.testing.assert_allclose(called("trace", A), np.trace(A), rtol=1e-15)
    for X in (A, B):
        np.testing.assert_array_equal(called("tril", X), np.tril(X))
        np.testing.assert_array_equal(called("triu", X), np.triu(X))
    assert called("trace", np.array([[1, 2], [3, 4]])) == 5
    np.testing.assert_array_equal(called("tril", np.array([[1.0, np.nan], [2.0, 3.0]])), [[1, 0], [2, 3]])


@pytest.mark.parametrize(
    "name, shape, message",
    [
        ("diag", (2, 3), "square matrix"),
        ("diag", (), "a vector or a square matrix"),
        ("diag", (2, 2, 2), "a vector or a square matrix"),
        ("trace", (2, 3), "square matrix"),
        ("trace", (3,), "square matrix"),
        ("tril", (3,), "takes a matrix"),
        ("triu", (2, 3, 3), "takes a matrix"),
    ],
)
def test_what_is_no_matrix(name: str, shape: tuple[int, ...], message: str):
    """Refused, with the shape found."""
    with pytest.raises(ShapeError, match=message):
        called(name, np.zeros(shape))


def test_cross_product():
    """Of vectors of three entries, nothing else."""
    a, b = draw(3), draw(3, seed=1)
    np.testing.assert_array_equal(called("cross", a, b), np.cross(a, b))
    for shapes in ([(2,), (2,)], [(3,), (2,)], [(3, 3), (3, 3)], [(), (3,)]):
        with pytest.raises(ShapeError, match="two vectors of 3 entries"):
            called("cross", *map(np.zeros, shapes))


# ---- moving and placing --------------------------------------------------------------------------------------------


def test_rolling_and_padding():
    """As NumPy's, by any number of places."""
    x = draw(3, 4)
    for k in (-5, -1, 0, 2, 4):
        for axis in (0, 1):
            np.testing.assert_array_equal(called("roll", x, rest=(k,), axis=axis), np.roll(x, k, axis))
    np.testing.assert_array_equal(called("pad", x, rest=(1, 2), axis=1), np.pad(x, ((0, 0), (1, 2))))
    np.testing.assert_array_equal(called("pad", x, rest=(0, 0)), x)
    np.testing.assert_array_equal(called("full", np.float64(2.5), rest=(2, 3)), np.full((2, 3), 2.5))


def test_embedding():
    """In steps, backwards, as one entry of a new axis; several cuts are one call each."""
    x = draw(2, 3)
    steps = np.zeros((2, 8))
    steps[:, 1:8:3] = x
    np.testing.assert_array_equal(called("embed", x, rest=(1, 8), axis=1, step=3), steps)
    back = np.zeros((4, 3))
    back[[2, 1]] = x
    np.testing.assert_array_equal(called("embed", x, rest=(2, 4), step=-1), back)
    entry = np.zeros((2, 5, 3))
    entry[:, 4] = x
    np.testing.assert_array_equal(called("embed_at", x, rest=(4, 5), axis=1), entry)
    at_once = OPS["embed"](x, cuts=(Cut(0, 1, None, 1, 3), Cut(1, 2, 2, 1, 5), Cut(2, 0, 3, 2, 6)))
    one_by_one = called("embed_at", x, rest=(1, 3))
    one_by_one = called("embed", one_by_one, rest=(2, 5), axis=1)
    one_by_one = called("embed", one_by_one, rest=(0, 6), axis=2, step=2)
    np.testing.assert_array_equal(at_once, one_by_one)


@pytest.mark.parametrize(
    "name, rest, message",
    [
        ("pad", (1,), "takes 2 ints known at compile time, `before` and `after`, after the values; found 1"),
        ("pad", (-1, 0), "`before` is at least 0, not -1"),
        ("roll", (), "takes one int known at compile time, `k`"),
        ("embed", (2, 4), "3 entries from 2 in steps of 1 do not lie within 0:4"),
        ("embed_at", (4, 4), "index 4 is out of range for 4 entries"),
        ("spread", (2, 2), "takes one int"),
        ("spread", (-2,), "a size is negative"),
        ("reshape", (-1, -3), "a size is negative"),
    ],
)
def test_static_ints_that_do_not_fit(name: str, rest: tuple[int, ...], message: str):
    """Their number and their range."""
    with pytest.raises(ShapeError, match=message):
        called(name, np.zeros(3), rest=rest)


def test_sizes_of_constants():
    """A negative size, and an identity matrix that no machine holds, are refused before they are made."""
    for rest, message in (((-1,), "negative"), ((10**6,), "more than"), ((), "one int")):
        with pytest.raises(ShapeError, match=message):
            called("eye", rest=rest)
    with pytest.raises(ShapeError, match="fills an array with one scalar"):
        called("full", np.zeros(2), rest=(3,))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.integers(0, 1))
def test_put_is_assignment_one_after_the_other(indices: list[int], axis: int):
    """The last of equal indices counts, in the value and in both Jacobians."""
    i = np.array(indices)
    x = draw(4, 2) if axis == 0 else draw(2, 4)
    v = draw(len(i), 2, seed=1) if axis == 0 else draw(2, len(i), seed=1)

    def assigned(x: Any, v: Any) -> Any:
        out = x.copy()
        for k, place in enumerate(indices):
            np.moveaxis(out, axis, 0)[place] = np.moveaxis(v, axis, 0)[k]
        return out

    attrs = {"axis": axis, "size": 4}
    y = called("put", x, i, v, axis=axis)
    np.testing.assert_array_equal(y, assigned(x, v))
    op = OPS["put"]
    for port, (t, expected) in {
        0: (x, lambda t: assigned(t, np.zeros_like(v))),
        2: (v, lambda t: assigned(np.zeros_like(x), t)),
    }.items():
        J = dense(op.local(port, y, x, i, v, **attrs), t.shape, y.shape)
        units = np.eye(t.size).reshape(t.size, *t.shape)
        columns = np.stack([expected(unit) for unit in units], -1).reshape(*y.shape, *t.shape)
        np.testing.assert_array_equal(J, columns)


def test_put_of_one_entry_and_of_none():
    """A scalar index replaces one entry; no index, nothing; an index outside is a fault."""
    x = draw(3, 2)
    expected = x.copy()
    expected[2] = 7.0
    np.testing.assert_array_equal(called("put", x, np.int64(2), np.full(2, 7.0)), expected)
    np.testing.assert_array_equal(called("put", x, np.zeros(0, np.int64), np.zeros((0, 2))), x)
    with pytest.raises(ValueFault, match="index 3 is out of range for 3 entries"):
        called("put", x, np.int64(3), np.zeros(2))
    with pytest.raises(ShapeError, match=r"put there have shape \[2\], not \[3\]"):
        called("put", x, np.int64(0), np.zeros(3))
    with pytest.raises(ShapeError, match="an index is int, not real"):
        OPS["put"].kinds("real", "real", "real")


# ---- convolutions --------------------------------------------------------------------------------------------------


def correlated(x: Any, K: Any, stride: int, pad: int) -> Any:
    """By scipy.signal, image by image."""
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    return np.stack(
        [
            sum(scipy.signal.correlate2d(image, k, "valid") for image, k in zip(x, kernel, strict=True))
            for kernel in K
        ]
    )[:, ::stride, ::stride]


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("pad", [0, 1, 2])
@pytest.mark.parametrize(
    "shapes", [((2, 5, 6), (3, 2, 2, 3)), ((1, 4, 4), (1, 1, 4, 4)), ((3, 3, 5), (2, 3, 1, 1))]
)
def test_convolution_and_its_transposes(shapes: Any, stride: int, pad: int):
    """Values by SciPy; the three primitives are the derivatives of one trilinear form, so their products agree."""
    x, K = draw(*shapes[0]), draw(*shapes[1], seed=1)
    y = called("conv", x, K, stride=stride, pad=pad)
    np.testing.assert_allclose(y, correlated(x, K, stride, pad), rtol=0, atol=1e-13)
    g = draw(*y.shape, seed=2)
    back = called("conv_input", g, K, rest=x.shape[1:], stride=stride, pad=pad)
    kernel = called("conv_kernel", x, g, rest=K.shape[2:], stride=stride, pad=pad)
    np.testing.assert_allclose([np.sum(back * x), np.sum(kernel * K)], np.sum(g * y), rtol=0, atol=1e-12)
    for op, args in ((OPS["conv"], (x, K)), (OPS["conv_input"], (g, K)), (OPS["conv_kernel"], (x, g))):
        attrs = {"size": x.shape[1:], "window": K.shape[2:], "stride": stride, "pad": pad}
        assert_transposes(op, args, attrs)


def assert_transposes(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    """In each argument the transpose agrees with the map, and the transpose of the transpose is the map."""
    y = op(*args, **attrs)
    u = np.random.default_rng(3).standard_normal(y.shape)
    for port, t in enumerate(args):
        (lin,) = op.local(port, y, *args, **attrs)
        np.testing.assert_allclose(np.sum(u * lin(t)), np.sum(lin.T(u) * t), rtol=0, atol=1e-12)
        assert lin == lin.T.T


@pytest.mark.parametrize(
    "shapes, options, message",
    [
        (((5, 6), (3, 2, 2, 3)), {}, r"the image has axes \[c, h, w\]; this is \[5, 6\]"),
        (((2, 5, 6), (3, 2, 2)), {}, r"the kernel has axes \[o, c, p, q\]"),
        (((2, 5, 6), (3, 4, 2, 2)), {}, r"the kernel has shape \[any, 2, 2, 2\], not \[3, 4, 2, 2\]"),
        (((2, 2, 2), (3, 2, 3, 1)), {}, "a window of 3 x 1 does not fit into 2 x 2 with pad 0"),
        (((2, 5, 6), (3, 2, 2, 3)), {"stride": 0}, "`stride` is at least 1, not 0"),
        (((2, 5, 6), (3, 2, 2, 3)), {"pad": -1}, "`pad` is at least 0, not -1"),
    ],
)
def test_convolutions_that_do_not_fit(shapes: Any, options: dict[str, int], message: str):
    """What is wrong is said."""
    with pytest.raises(ShapeError, match=message):
        called("conv", *map(np.zeros, shapes), **options)
