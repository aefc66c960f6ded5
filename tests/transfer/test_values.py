"""Values against independent truth: mpmath for functions of one and two numbers, NumPy for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.graph import Graph
from paramprog.graph.region import ValueFault
from paramprog.op import OPS, SURFACES, Op
from paramprog.transfer.contract import CONTRACT, product_spec
from paramprog.transfer.select import Cut
from paramprog.types import ShapeError, Type


@pytest.fixture(autouse=True)
def _silence():
    with np.errstate(all="ignore"):
        yield


# ---- functions of one number -------------------------------------------------------------------------------

ANYWHERE = [
    0.0,
    1e-300,
    1e-20,
    1e-8,
    1e-3,
    0.1,
    0.3,
    0.5,
    0.9,
    1.0,
    1.1,
    2.0,
    3.0,
    5.5,
    10.0,
    36.5,
    100.0,
    700.0,
]
ANYWHERE += [-x for x in ANYWHERE[1:]]
BELOW_ONE = [x for x in ANYWHERE if abs(x) < 1] + [0.999999, -0.999999]
POSITIVE = [x for x in ANYWHERE if x > 0] + [1e20, 1e300]
FAR = [*ANYWHERE, 1e20, -1e20, 1e300, -1e300]

m = mpmath
ONE_NUMBER: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "neg": (lambda x: -x, FAR),
    "copy": (lambda x: x, FAR),
    "stop": (lambda x: x, FAR),
    "real": (lambda x: x, FAR),
    "exp": (m.exp, [*ANYWHERE, -745.0, 709.7]),
    "recip": (lambda x: 1 / x, [x for x in FAR if abs(x) > 1e-299 and x]),
    "log": (m.log, POSITIVE),
    "log1p": (m.log1p, [x for x in FAR if x > -1]),
    "expm1": (m.expm1, ANYWHERE),
    "sin": (m.sin, FAR),
    "cos": (m.cos, FAR),
    "tan": (m.tan, FAR),
    "asin": (m.asin, BELOW_ONE),
    "acos": (m.acos, BELOW_ONE),
    "atan": (m.atan, FAR),
    "sinh": (m.sinh, ANYWHERE),
    "cosh": (m.cosh, ANYWHERE),
    "tanh": (m.tanh, FAR),
    "sech": (m.sech, ANYWHERE),
    "asinh": (m.asinh, FAR),
    "acosh": (m.acosh, [x for x in POSITIVE if x >= 1]),
    "atanh": (m.atanh, BELOW_ONE),
    "sigmoid": (lambda x: 1 / (1 + m.exp(-x)), ANYWHERE),
    "logsigmoid": (lambda x: -m.log1p(m.exp(-x)), [*ANYWHERE, 1e20, -1e20]),
    "softplus": (lambda x: m.log1p(m.exp(x)), [*ANYWHERE, 1e20, -1e20]),
    "relu": (lambda x: max(x, 0), FAR),
    "sqrt": (m.sqrt, POSITIVE),
    "cbrt": (lambda x: m.sign(x) * m.cbrt(abs(x)), FAR),
    "abs": (abs, FAR),
    "square": (lambda x: x * x, [x for x in FAR if 1e-150 < abs(x) < 1e150]),
    "erf": (m.erf, ANYWHERE),
    "lgamma": (lambda x: m.log(abs(m.gamma(x))), [x for x in POSITIVE if x <= 100] + [-0.5, -2.5, 1e6]),
    "digamma": (m.digamma, [x for x in POSITIVE if x > 1e-9] + [-0.5, -2.3]),
    "floor": (m.floor, [x for x in ANYWHERE if abs(x) > 1e-9]),
    "ceil": (m.ceil, [x for x in ANYWHERE if abs(x) > 1e-9]),
    "round": (m.nint, [x for x in ANYWHERE if abs(x) > 1e-9] + [1.5, 2.5, -0.5]),
    "sign": (m.sign, FAR),
    "step": (lambda x: int(x > 0), FAR),
}
LOOSE = {"lgamma": 16, "digamma": 16}
"""SciPy's own error near the zeros of these, in units of the last place of max(1, |value|)."""


def same(found: Any, exact: Any, ulps: float, floor: float = 0.0) -> bool:
    """Within `ulps` units in the last place of the exact number (of `floor`, where that is larger)."""
    rounded = float(exact)
    if not np.isfinite(found) or not np.isfinite(rounded):
        return bool(found == rounded)
    return abs(m.mpf(float(found)) - exact) <= ulps * float(np.spacing(max(abs(rounded), floor)))


def test_every_function_of_one_number_has_a_truth():
    """A new function of one real number is added to the table above."""
    unary = {
        op.name
        for op in OPS.values()
        if op.elementwise and not op.samples and op.surfaces and len(op.surfaces[0].values) == 1
    }
    assert unary - {"int"} <= set(ONE_NUMBER)


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_function_of_one_number(name: str):
    """Within 4 units in the last place of the exact value, from tiny to huge arguments."""
    truth, points = ONE_NUMBER[name]
    found = OPS[name](np.array(points))
    with m.workdps(400):
        wrong = [
            (x, float(f), m.nstr(truth(m.mpf(x)), 20))
            for x, f in zip(points, found, strict=True)
            if not same(f, truth(m.mpf(x)), LOOSE.get(name, 4), float(name in LOOSE))
        ]
    assert not wrong


@pytest.mark.parametrize("k", [0, 1, 2, 5])
def test_polygamma(k: int):
    """The k-th derivative of digamma."""
    points = [0.1, 0.5, 1.0, 2.5, 10.0, 100.0]
    found = OPS["polygamma"](np.array(points), k=k)
    np.testing.assert_allclose(found, [float(m.polygamma(k, x)) for x in points], rtol=1e-14)


def test_leaky_relu():
    """The slope is that of the negative side."""
    np.testing.assert_array_equal(OPS["leaky_relu"](np.array([-2.0, 0.0, 3.0]), slope=0.25), [-0.5, 0, 3])


# ---- functions of two numbers ------------------------------------------------------------------------------

PAIRS = [-700.0, -3.5, -1.0, -1e-9, 1e-9, 0.5, 1.0, 2.0, 40.0, 700.0]
TWO_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "div0": lambda a, b: a / b,
    "xdivy": lambda a, b: a / b,
    "hypot": m.hypot,
    "atan2": m.atan2,
    "logaddexp": lambda a, b: max(a, b) + m.log1p(m.exp(-abs(a - b))),
    "maximum": max,
    "minimum": min,
    "mod": lambda a, b: a - b * m.floor(a / b),
    "intdiv": lambda a, b: m.floor(a / b),
}


@pytest.mark.parametrize("name", TWO_NUMBERS)
def test_function_of_two_numbers(name: str):
    """Within 4 units in the last place of the exact value (where it cancels, of the larger argument)."""
    with m.workdps(400):
        for a in PAIRS:
            for b in PAIRS:
                found = OPS[name](np.float64(a), np.float64(b))
                floor = max(abs(a), abs(b)) if name in ("logaddexp", "mod") else 0.0
                assert same(found, TWO_NUMBERS[name](m.mpf(a), m.mpf(b)), 4, floor), (a, b)


def test_powers_and_logs():
    """x ** y and its derivatives in x and y, for positive and (with whole exponents) negative bases."""
    with m.workdps(50):
        for x in (1e-3, 0.5, 2.0, 30.0):
            for y in (-3.0, -0.5, 0.0, 0.5, 1.0, 4.0):
                assert same(OPS["pow"](np.float64(x), np.float64(y)), m.power(x, y), 4)
                for dx, dy in ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (2, 1)):
                    found = OPS["power_partial"](np.float64(x), np.float64(y), dx=dx, dy=dy)
                    exact = m.diff(m.power, (x, y), (dx, dy))
                    assert abs(found - exact) <= 1e-13 * (abs(exact) + x ** (y - dx) * abs(m.log(x)) ** dy), (
                        x,
                        y,
                        dx,
                        dy,
                    )
                assert same(OPS["xlogy"](np.float64(y), np.float64(x)), y * m.log(x), 4)
    assert OPS["pow"](np.float64(-2.0), np.float64(3.0)) == -8


def test_zeros_win_where_the_name_says_so():
    """0 * inf, 0 / 0 and 0 log 0 of the primitives that define them; NaN is not covered up."""
    z, inf, nan = np.float64(0.0), np.float64(np.inf), np.float64(np.nan)
    assert OPS["div0"](inf, z) == 0
    assert OPS["xdivy"](z, z) == 0
    assert OPS["xlogy"](z, z) == 0
    assert np.isnan(OPS["xlogy"](z, nan))
    assert np.isnan(OPS["xdivy"](z, nan))


# ---- ints --------------------------------------------------------------------------------------------------


@given(st.integers(-50, 50), st.integers(-50, 50).filter(bool))
def test_int_division_is_that_of_python(a: int, b: int):
    """`//` rounds down and mod has the sign of the divisor."""
    x, y = np.int64(a), np.int64(b)
    assert OPS["intdiv"](x, y) == a // b
    assert OPS["mod"](x, y) == a % b


@pytest.mark.parametrize(
    "name, args, code",
    [
        ("intdiv", (7, 0), "division-by-zero"),
        ("mod", ([7, 8], [1, 0]), "division-by-zero"),
        ("pow", (2, -1), "negative-power"),
        ("int", (np.nan,), "number-range"),
        ("int", ([1.0, np.inf],), "number-range"),
        ("int", (1e19,), "number-range"),
    ],
)
def test_ints_that_do_not_exist_are_faults(name: str, args: tuple[Any, ...], code: str):
    """NumPy would return 0, or the smallest int, and a program would go on with it."""
    with pytest.raises(ValueFault) as caught:
        OPS[name].value(*map(np.asarray, args))
    assert caught.value.code == code


def test_int_is_toward_zero():
    """int(-2.7) is -2; an int stays what it is, beyond 2**53 too."""
    np.testing.assert_array_equal(OPS["int"](np.array([-2.7, 2.7, -0.0, 9e18])), [-2, 2, 0, 9 * 10**18])
    assert OPS["int"](np.int64(2**53 + 1)) == 2**53 + 1


# ---- reductions --------------------------------------------------------------------------------------------

REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "mean": np.mean,
    "var": np.var,
    "std": np.std,
    "norm": lambda x, axis: np.sqrt(np.sum(x * x, axis=axis)),
    "logsumexp": lambda x, axis: np.log(np.sum(np.exp(x), axis=axis)),
    "argmax": lambda x, axis: np.argmax(_rows(x, axis), -1),
    "argmin": lambda x, axis: np.argmin(_rows(x, axis), -1),
    "any": lambda x, axis: np.any(x, axis=axis),
    "all": lambda x, axis: np.all(x, axis=axis),
}


def _rows(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The entries along the axes as the last one."""
    kept = [k for k in range(x.ndim) if k not in axes]
    return np.transpose(x, (*kept, *axes)).reshape(*(x.shape[k] for k in kept), -1)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_the_flat_index_of_an_extremum(name: str):
    """Ties and NaN as NumPy has them: the first one, row by row."""
    for rows in (
        [[1, 3, 0], [3, 2, 0]],
        [[1, np.nan, 0], [3, np.nan, 0]],
        [[2, 2, 2], [2, 2, 2]],
        [[-np.inf, np.inf]],
    ):
        x = np.array(rows, float)
        assert OPS[name](x, axes=(0, 1)) == getattr(np, name)(x)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction(name: str):
    """Along each axis, along several and over all, as NumPy has it."""
    op, x = OPS[name], np.random.default_rng(0).standard_normal((2, 3, 4))
    if name in ("any", "all"):
        x = x > 0
    for axes in [(0,), (1,), (2,), (0, 2), (0, 1, 2)]:
        attrs: dict[str, Any] = {"axes": axes, "sizes": tuple(x.shape[a] for a in axes)}
        if name in ("argmax", "argmin", "any", "all"):
            del attrs["sizes"]
        np.testing.assert_allclose(op(x, **attrs), REDUCTIONS[name](x, axis=axes), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_norm_neither_overflows_nor_vanishes(size: float):
    """The norm of (3, 4) is 5 at every scale; of an infinite vector inf, of NaN NaN."""
    attrs = {"axes": (0,), "sizes": (2,)}
    np.testing.assert_allclose(OPS["norm"](size * np.array([3.0, 4.0]), **attrs), 5 * size, rtol=1e-15)
    assert OPS["norm"](np.array([np.inf, 1.0]), **attrs) == np.inf
    assert np.isnan(OPS["norm"](np.array([np.nan, 1.0]), **attrs))


def test_logsumexp_at_infinities():
    """Nothing but -inf gives -inf, an inf gives inf."""
    f = OPS["logsumexp"]
    attrs = {"axes": (0,), "sizes": (2,)}
    assert f(np.array([-np.inf, -np.inf]), **attrs) == -np.inf
    assert f(np.array([np.inf, 0.0]), **attrs) == np.inf


# ---- contractions ------------------------------------------------------------------------------------------


@st.composite
def contractions(draw: Any) -> tuple[str, tuple[int, ...], tuple[int, ...], dict[str, int]]:
    """Any two words without repeats and a result from their letters, perhaps with a letter of neither."""
    letters = "ijklm"
    word = st.lists(st.sampled_from(letters), unique=True, max_size=4).map("".join)
    a, b = draw(word), draw(word)
    known = sorted(set(a + b))
    kept = draw(st.lists(st.sampled_from(known), unique=True)) if known else []
    if draw(st.booleans()):
        kept.insert(draw(st.integers(0, len(kept))), "z")
    dims = {c: draw(st.integers(0, 3)) for c in [*known, "z"]}
    return (
        f"{a},{b}->{''.join(kept)}",
        tuple(dims[c] for c in a),
        tuple(dims[c] for c in b),
        dims,
    )


@given(contractions(), st.integers(0, 2**32 - 1))
def test_contraction_is_einsum(case: Any, seed: int):
    """Every spec: transposed, outer, batched, one-sided sums, scalars, empty axes, new letters."""
    spec, a_shape, b_shape, dims = case
    words, result = spec.split("->")
    once = sorted(
        c for c in set(words + result) - {","} if sum(c in w for w in (*words.split(","), result)) == 1
    )
    attrs = {"spec": spec, "sizes": tuple((c, dims[c]) for c in once)}
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal(a_shape), rng.standard_normal(b_shape)
    found = CONTRACT(a, b, **attrs)
    bare = result.replace("z", "")
    expected = np.einsum(f"{words}->{bare}", a, b)
    if "z" in result:
        at = result.index("z")
        expected = np.repeat(np.expand_dims(expected, at), dims["z"], at)
    assert CONTRACT.shape(a_shape, b_shape, **attrs) == found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * (1 + a.size) * (1 + b.size))
    # <u, C(t, b)> = <C^T u, t>, in both operands, and the transpose of the transpose is the contraction
    u = rng.standard_normal(found.shape)
    for port, t in enumerate((a, b)):
        lin = CONTRACT.local(port, found, a, b, **attrs)[0]
        back = lin.T(u)
        assert back.shape == t.shape
        np.testing.assert_allclose(np.sum(u * found), np.sum(back * t), rtol=0, atol=1e-11)
        np.testing.assert_array_equal(lin.T.T(t), lin(t))


@pytest.mark.parametrize(
    "spec, shapes, message",
    [
        ("ij,j", [(2, 3), (3,)], "not of the form"),
        ("i j,j->i", [(2, 3), (3,)], "not of the form"),
        ("ii,i->i", [(2, 2), (2,)], "twice"),
        ("ij,j->k", [(2, 3), (3,)], "stands in no word"),
        ("ij,j->i", [(2, 3, 4), (3,)], "2 letters"),
        ("ij,j->i", [(2, 3), (4,)], "differ"),
    ],
)
def test_contractions_that_do_not_fit(spec: str, shapes: list[tuple[int, ...]], message: str):
    """What is wrong with a specification is said."""
    _, surface = SURFACES["contract"][0]
    graph = Graph()
    a, b = (graph.leaf(Type("real", s)) for s in shapes)
    with pytest.raises(ShapeError, match=message):
        graph.emit(CONTRACT, a, b, **surface.attrs((a.type, b.type), {"spec": spec}))


def test_matrix_products():
    """`@` of vectors and matrices, and of nothing else."""
    assert product_spec((3,), (3,)) == "i,i->"
    with pytest.raises(ShapeError, match="vectors and matrices"):
        product_spec((), (3,))
    with pytest.raises(ShapeError, match="2 and 3"):
        product_spec((3, 2), (3, 4))


# ---- rearranging and selecting -----------------------------------------------------------------------------


def run(op: Op, *xs: Any, **attrs: Any) -> Any:
    """The value, with its shape checked against the rule."""
    y = op.value(*xs, **attrs)
    assert np.shape(y) == op.shape(*map(np.shape, xs), **attrs)
    return y


@st.composite
def cuts(draw: Any) -> tuple[tuple[int, ...], tuple[Cut, ...], tuple[Any, ...]]:
    """A shape, cuts of some of its axes, and the same as a NumPy index."""
    shape = tuple(draw(st.lists(st.integers(1, 5), max_size=3)))
    found, index = [], []
    for axis, size in enumerate(shape):
        what = draw(st.sampled_from(["all", "one", "range"]))
        start, step = draw(st.integers(0, size - 1)), draw(st.integers(1, 3))
        length = draw(st.integers(0, (size - 1 - start) // step + 1))
        if what == "one":
            found.append(Cut(axis, start, None, 1, size))
            index.append(start)
        elif what == "range":
            found.append(Cut(axis, start, length, step, size))
            index.append(slice(start, start + length * step, step))
        else:
            index.append(slice(None))
    return shape, tuple(found), tuple(index)


@given(cuts())
def test_slices_and_their_transposes(case: Any):
    """A slice is NumPy's; the transpose puts its entries back among zeros."""
    shape, where, index = case
    x = 1.0 + np.arange(np.prod(shape)).reshape(shape)
    y = run(OPS["slice"], x, cuts=where)
    np.testing.assert_array_equal(y, x[index])
    back = run(OPS["embed"], y, cuts=where)
    expected = np.zeros(shape)
    expected[index] = x[index]
    np.testing.assert_array_equal(back, expected)


@pytest.mark.parametrize(
    "cut", [Cut(0, 5, None, 1, 5), Cut(0, 3, 2, 2, 5), Cut(1, 0, 1, 1, 5), Cut(0, 0, 1, 1, 4)]
)
def test_slices_outside_the_array(cut: Cut):
    """An index or range outside is rejected by the shape rule."""
    with pytest.raises(ShapeError):
        OPS["slice"].shape((5,), cuts=(cut,))


def test_reversed_slices():
    """A negative step runs backwards, down to the first entry."""
    x = np.arange(5.0)
    for cut in (Cut(0, 4, 5, -1, 5), Cut(0, 3, 2, -2, 5), Cut(0, 0, 1, -1, 5)):
        y = run(OPS["slice"], x, cuts=(cut,))
        expected = x[[cut.start + k * cut.step for k in range(cut.length)]]
        np.testing.assert_array_equal(y, expected)


def test_gather_and_scatter_add():
    """gather takes rows, columns or single entries; scatter_add adds what meets at one place."""
    x = np.arange(12.0).reshape(3, 4)
    i = np.array([2, 0, 2])
    np.testing.assert_array_equal(run(OPS["gather"], x, i, axis=0, size=3), x[i])
    np.testing.assert_array_equal(run(OPS["gather"], x, i, axis=1, size=4), x[:, i])
    np.testing.assert_array_equal(run(OPS["gather"], x, np.int64(1), axis=1, size=4), x[:, 1])
    grid = np.array([[0, 1], [1, 3]])
    np.testing.assert_array_equal(run(OPS["gather"], x, grid, axis=1, size=4), x[:, grid])
    np.testing.assert_array_equal(
        run(OPS["scatter_add"], i, np.array([1.0, 10.0, 100.0]), axis=0, size=4), [10, 0, 101, 0]
    )


@pytest.mark.parametrize("index", [-1, 3])
def test_indices_outside_the_array_are_faults(index: int):
    """With the place in the program, when they are met in a run."""
    with pytest.raises(ValueFault, match=f"index {index} is out of range for 3 entries"):
        OPS["gather"].value(np.arange(3.0), np.asarray([1, index]), axis=0, size=3)
    graph = Graph()
    x, i = graph.leaf(Type("real", (3,))), graph.leaf(Type("int", ()))
    y = OPS["gather"](x, i, axis=0, size=3)
    with pytest.raises(ProgramError):
        evaluate([y], {x: np.arange(3.0), i: np.asarray(index)})


def test_lanes():
    """compress keeps the lanes where the condition holds; expand puts them back among zeros."""
    x, c = np.arange(8.0).reshape(2, 2, 2), np.array([[True, False], [True, True]])
    y = run(OPS["compress"], x, c, lanes=(2, 2), count=3)
    np.testing.assert_array_equal(y, x[c])
    np.testing.assert_array_equal(run(OPS["expand"], y, c, lanes=(2, 2), count=3), x * c[:, :, None])


def test_masks_hide_what_is_not_a_number():
    """A mask is a selection, not a product: 0 where the condition fails, NaN and infinity included."""
    c = np.array([True, False, False])
    np.testing.assert_array_equal(run(OPS["mask"], c, np.array([1.0, np.nan, np.inf])), [1, 0, 0])
    np.testing.assert_array_equal(run(OPS["mask"], c, np.array([3, 4, 5])), [3, 0, 0])


def test_conditions_are_bools():
    """A number is no condition."""
    x = Graph().leaf(Type("real", (3,)))
    for op, args, attrs in (
        (OPS["mask"], (x, x), {}),
        (OPS["compress"], (x, x), {"lanes": (3,), "count": 1}),
        (OPS["and"], (x, x), {}),
    ):
        with pytest.raises(ShapeError, match="expects a bool"):
            op(*args, **attrs)


def test_joining():
    """concat and stack, along every axis."""
    a, b = np.arange(6.0).reshape(2, 3), np.arange(3.0).reshape(1, 3)
    np.testing.assert_array_equal(run(OPS["concat"], a, b, axis=0), np.concatenate([a, b]))
    np.testing.assert_array_equal(run(OPS["concat"], a, a, axis=1), np.concatenate([a, a], 1))
    for axis in (0, 1, 2):
        np.testing.assert_array_equal(run(OPS["stack"], a, -a, axis=axis), np.stack([a, -a], axis))
    for name, shapes, axis in (("concat", [(2, 3), (2, 4)], 0), ("concat", [(2,), (3,)], 1)):
        with pytest.raises(ShapeError):
            OPS[name].shape(*shapes, axis=axis)
    with pytest.raises(ShapeError):
        OPS["stack"].shape((2,), (3,), axis=0)


@given(st.permutations([0, 1, 2]))
def test_transposing(axes: list[int]):
    """All orders of three axes; what is no order is refused."""
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(run(OPS["transpose"], x, axes=tuple(axes)), np.transpose(x, axes))
    with pytest.raises(ShapeError):
        OPS["transpose"].shape((2, 3, 4), axes=(0, 1, 1))


def test_reshaping():
    """Row by row; only to as many entries."""
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(run(OPS["reshape"], x, of=(2, 3), to=(3, 2)), x.reshape(3, 2))
    with pytest.raises(ShapeError, match="not as many"):
        OPS["reshape"].shape((2, 3), of=(2, 3), to=(4,))
