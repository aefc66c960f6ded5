"""Derivative operators in programs: `grad`, `jacobian`, `hessian`, `jvp`, `vjp`.

`value` compares each result of the graph with the tree interpreter, which takes derivatives by nested dual numbers.
"""

from __future__ import annotations

import numpy as np
import pytest
from checking import code, derivatives, hint, messages, told, value
from emitting import check

import paramprog
from paramprog.diagnostics import ProgramError, Source
from paramprog.pipeline import compile_module, read

MODES = ("forward", "reverse")


def mode(text: str, **modes: str) -> str:
    """The text with its modes, written in capitals, filled in."""
    for name, found in modes.items():
        text = text.replace(name, found)
    return text


# ---- what they are ------------------------------------------------------------------------------------------------

X = np.array([0.5, -0.3])
W = np.array([[1.0, 2.0], [0.5, -1.0], [0.2, 0.3]])

POINT = """
param W = [[1.0, 2.0], [0.5, -1.0], [0.2, 0.3]]
function f(x = [0.5, -0.3], a = 2.0) {
    v = sin(W @ x) * a
    y = sum(v * v)
    RESULT
}
"""


def jacobian_by_x() -> np.ndarray:
    return 2.0 * np.cos(W @ X)[:, None] * W


def hessian_by_x() -> np.ndarray:
    """Of y = 4 sum(sin(W x)^2), whose second derivative is 8 cos(2 W x)."""
    return W.T @ (8.0 * np.cos(2.0 * (W @ X))[:, None] * W)


@pytest.mark.parametrize("way", ["", ", mode = forward", ", mode = reverse"])
def test_closed_forms(way):
    """Each operator, in each mode, is what calculus says."""
    result = "g, ga = grad(y, x, aWAY); J = jacobian(v, xWAY); H = hessian(y, xWAY)\n"
    result += "t = jvp(v, x, a, [1.0, -2.0], 0.5WAY); u, ua = vjp(v, x, a, [1.0, 2.0, 3.0]WAY)\n"
    result += "return g, ga, J, H, t, u, ua"
    g, ga, J, H, t, u, ua = value(POINT.replace("RESULT", result).replace("WAY", way))
    s, D = np.sin(W @ X), jacobian_by_x()
    np.testing.assert_allclose(g, 2 * (2 * s) @ D, rtol=1e-13)
    np.testing.assert_allclose(ga, 4 * s @ s, rtol=1e-13)
    np.testing.assert_allclose(J, D, rtol=1e-13)
    np.testing.assert_allclose(H, hessian_by_x(), rtol=1e-12)
    np.testing.assert_allclose(t, D @ [1.0, -2.0] + 0.5 * s, rtol=1e-13)
    np.testing.assert_allclose(u, D.T @ [1.0, 2.0, 3.0], rtol=1e-13)
    np.testing.assert_allclose(ua, s @ [1.0, 2.0, 3.0], rtol=1e-13)


def test_several_names_give_several_results():
    """`hessian(y, a, b)` gives aa, ab, ba, bb, of shapes [*a, *b]; weights are names too."""
    aa, ab, ba, bb = value(POINT.replace("RESULT", "p, q, r, s = hessian(y, x, W); return p, q, r, s"))
    assert (aa.shape, ab.shape, ba.shape, bb.shape) == ((2, 2), (2, 3, 2), (3, 2, 2), (3, 2, 3, 2))
    np.testing.assert_allclose(aa, hessian_by_x(), rtol=1e-12)
    np.testing.assert_allclose(ba, np.moveaxis(ab, 0, -1), rtol=1e-12)
    np.testing.assert_allclose(bb, np.transpose(bb, (2, 3, 0, 1)), rtol=1e-12)


@pytest.mark.parametrize("way", MODES)
def test_a_name_given_twice(way):
    """Has its derivative twice; its tangents are added. A point depends on itself."""
    text = "function f(x = [0.5, -2.0]) { y = sum(x * x * x); a, b = grad(y, x, x, mode = WAY)\n"
    text += "t = jvp(y, x, x, x, 2 * x, mode = WAY); return a, b, t, grad(y, y, mode = WAY) }"
    a, b, t, one = value(mode(text, WAY=way))
    assert a.tolist() == b.tolist() == [0.75, 12.0]
    assert (t, one) == (3 * (0.75 * 0.5 - 24.0), 1.0)


def test_no_entries():
    """Arrays of size 0 have derivatives of that size."""
    text = "dim n = 0\nfunction f(x : real[n] = zeros(n), a = 1.0) { y = sum(x * x) + a; v = x * a\n"
    text += "return grad(y, x), hessian(y, x), jacobian(v, a), jacobian(v, a, mode = reverse) }"
    assert [found.shape for found in value(text)] == [(0,), (0, 0), (0,), (0,)]


def test_in_entries_and_lanes_of_what_is_outside():
    """An operator in a comprehension, or in an arm of a conditional per lane, of a point of the function."""
    text = "function f(x = [0.5, -2.0]) { y = sum(x * x * x); z = [grad(y, x)[i] * i for i in 0..2]\n"
    text += "w = if x > 0 then grad(y, x) * x else 1.0; s = sum(w); return z, w, hessian(s, x) }"
    z, w, H = value(text)
    assert z.tolist() == [0.0, 12.0]
    assert w.tolist() == [0.375, 1.0]
    assert H.tolist() == [[9.0, 0.0], [0.0, 0.0]]


def test_functions_that_differentiate_functions():
    """An argument of type function, a built-in one or one that differentiates; `map`."""
    text = """
        function slope(g : function, a) { y = g(a); return grad(y, a) }
        function cube(a) { return a ** 3 }
        function square(a) { return slope(cube, a) / 3 }
        function f(x = 0.5, v = [0.5, 2.0]) {
            m = map(square, v)
            return slope(cube, x), slope(square, x), slope(sin, x), m, jacobian(m, v)
        }
    """
    a, b, c, m, J = value(text)
    assert (a, b, c) == (0.75, 1.0, np.cos(0.5))
    assert m.tolist() == [0.25, 4.0]
    assert J.tolist() == [[1.0, 0.0], [0.0, 4.0]]


@pytest.mark.parametrize("way", MODES)
def test_loops_that_keep_few_states(way):
    """`checkpoint` changes nothing."""
    text = """
        function f(x = 0.5) {
            s = x
            for i in 0..6 checkpoint 2 { y = s * s * s; s = s - 0.1 * grad(y, s, mode = WAY) }
            d = grad(s, x, mode = WAY)
            return s, d, grad(d, x)
        }
    """
    found = value(mode(text, WAY=way))
    np.testing.assert_allclose(found, value(mode(text, WAY=way).replace("checkpoint 2", "")), rtol=1e-13)


def test_jacobians_have_the_shape_of_both():
    """Of a matrix by a matrix: [*shape(y), *shape(x)], whichever way."""
    text = "function f(A = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]) {\n"
    text += "B = transpose(A * A); J = jacobian(B, A); K = jacobian(B, A, mode = reverse)\n"
    text += "L = jacobian(B, A, mode = forward); return J, K, L }"
    for found in value(text):
        expected = np.zeros((3, 2, 2, 3))
        for i in range(3):
            for j in range(2):
                expected[i, j, j, i] = 2.0 * (1 + 3 * j + i)
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("shape", ["[0.7]", "[[0.7]]", "0.7"])
def test_arrays_of_one_entry(shape):
    """They keep their axes."""
    text = f"function f(x = {shape}) {{ v = 1.0 * sin(x) * x; y = sum([v]); "
    rank = shape.count("[")
    text += "g = grad(y, x); J = jacobian(v, x); K = jacobian(v, x, mode = forward); H = hessian(y, x)\n"
    text += "u = vjp(v, x, v, mode = forward); return g, J, K, H, u }"
    g, J, K, H, u = value(text.replace("sum([v])", "sum(v)" if rank else "v"))
    slope = np.cos(0.7) * 0.7 + np.sin(0.7)
    assert (g.shape, J.shape, K.shape, H.shape) == ((1,) * rank, *((1,) * (2 * rank),) * 3)
    np.testing.assert_allclose([g.sum(), J.sum(), K.sum()], slope)
    np.testing.assert_allclose(H.sum(), 2 * np.cos(0.7) - 0.7 * np.sin(0.7))
    np.testing.assert_allclose(u.sum(), slope * np.sin(0.7) * 0.7)


def test_higher_derivatives_of_a_scalar():
    """Of exp(sin(x)): the first four, by nesting, in every mix of modes."""
    x = 0.7
    s, c = np.sin(x), np.cos(x)
    e = np.exp(s)
    expected = [
        e * c,
        e * (c * c - s),
        e * (c**3 - 3 * s * c - c),
        e * (c**4 - 6 * s * c * c - 4 * c * c + 3 * s * s + s),
    ]
    for mix in range(16):
        lines, of = [], "y"
        for k in range(4):
            lines.append(f"d{k} = grad({of}, x, mode = {MODES[mix >> k & 1]})")
            of = f"d{k}"
        text = "function f(x = 0.7) { y = exp(sin(x)); " + "; ".join(lines) + "; return d0, d1, d2, d3 }"
        np.testing.assert_allclose(value(text), expected, rtol=1e-12)


# ---- perturbation confusion ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", MODES)
@pytest.mark.parametrize("outer", MODES)
def test_no_perturbation_confusion(inner, outer):
    """d/dx (x * d/dy (x + y)) = 1, where confused perturbations would give 2."""
    text = """
        function slope(x, y) { s = x + y; return grad(s, y, mode = INNER) }
        function f(x = 3.0) { z = x * slope(x, 1.0); return grad(z, x, mode = OUTER) }
    """
    assert value(mode(text, INNER=inner, OUTER=outer)) == 1.0


@pytest.mark.parametrize("inner", MODES)
@pytest.mark.parametrize("outer", MODES)
def test_the_same_point_inside_and_outside(inner, outer):
    """The inner function differentiates by its own argument, though that is the x of the outer one."""
    text = """
        function square_slope(x) { y = x * x * x; return grad(y, x, mode = INNER) }
        function f(x = 2.0) {
            y = x * square_slope(x)
            p = grad(y, x, mode = OUTER)
            return p, grad(p, x, mode = INNER)
        }
    """
    assert value(mode(text, INNER=inner, OUTER=outer)) == (36.0, 36.0)


def test_arguments_are_independent():
    """Inside a function called with x and 2 x, the derivative by one is not that by both."""
    text = """
        param W = 3.0
        function slope(a, b) { y = a * b * W; p, q, r = grad(y, a, b, W); return p, q, r }
        function f(x = 2.0) { p, q, r = slope(x * W, W * x * W); s = p + q + r; return p, q, r, grad(s, x) }
    """
    p, q, r, s = value(text)
    a, b = 6.0, 18.0
    assert (p, q, r) == (b * 3, a * 3, a * b)
    assert s == pytest.approx(9 * 3 + 3 * 3 + 2 * 2 * 27)


def test_an_earlier_call_outside_does_not_hide_a_dependence():
    """`g(W)` was computed before the function that differentiates by W calls it again."""
    text = """
        param W = 0.4
        function g(a) { return a * a }
        function k(c) { t = g(W); y = t * c; return grad(y, W) }
        function f(x = 0.5) { u = g(W); return u + k(x) }
    """
    assert value(text) == pytest.approx(0.16 + 0.4)


def test_descent_inside_a_derivative():
    """What an inner descent ends with, differentiated twice, in all four mixes of modes."""
    text = """
        function inner(w, target) {
            u = w
            for j in 0..4 { y = (u * u - target) ** 2; u = u - 0.05 * grad(y, u, mode = INNER) }
            return u
        }
        function f(w = 0.9) {
            z = (inner(w, 2.0) - 1.0) ** 2
            d = grad(z, w, mode = OUTER)
            return z, d, grad(d, w, mode = INNER)
        }
    """
    found = [value(mode(text, INNER=i, OUTER=o)) for i in MODES for o in MODES]

    def z(w: float) -> float:
        u = w
        for _ in range(4):
            u -= 0.05 * 4 * u * (u * u - 2.0)
        return (u - 1.0) ** 2

    h = 1e-5
    np.testing.assert_allclose(found, [found[0]] * 4, rtol=1e-12)
    assert found[0][0] == pytest.approx(z(0.9))
    assert found[0][1] == pytest.approx((z(0.9 + h) - z(0.9 - h)) / (2 * h), rel=1e-7)
    assert found[0][2] == pytest.approx((z(0.9 + h) - 2 * z(0.9) + z(0.9 - h)) / h**2, rel=1e-4)


# ---- where they stand ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", MODES)
def test_in_loops(way):
    """A turn differentiates by itself: what it begins with is a point of its own."""
    text = """
        function f(w = 0.8, v = [0.1, 0.2]) {
            s = 0.0 * v
            for i in 0..3 {
                u = s * w + v
                for j in 0..2 {
                    y = sum(sin(u * w)) * (j + 1)
                    u = u - 0.1 * grad(y, u, mode = WAY)
                }
                L = sum(u * u)
                s = s + grad(L, u, mode = WAY) * 0.2
            }
            n = sum(s)
            return n
        }
    """
    derivatives(mode(text, WAY=way))


def test_in_while():
    """Newton's method: the derivative of a cube root, and its derivatives."""
    text = """
        function root(a = 3.0) {
            x, step = 1.0, 1.0
            while abs(step) > 0.0000000001 { y = x * x * x - a; step = y / grad(y, x); x = x - step }
            d = grad(x, a)
            return x, d, grad(d, a)
        }
    """
    x, d, dd = value(text)
    assert x == pytest.approx(3 ** (1 / 3), rel=1e-12)
    assert d == pytest.approx(3 ** (-2 / 3) / 3, rel=1e-9)
    assert dd == pytest.approx(-2 / 9 * 3 ** (-5 / 3), rel=1e-5)


@pytest.mark.parametrize("way", MODES)
def test_in_arms(way):
    """In an arm, of what was computed there or before; after it; and lazily: the other side is not differentiated."""
    text = """
        param W = 0.7
        function f(x = 1.2, c = 0.5) {
            v = x * x
            y = v * W
            if c > 0.1 { z = v * y + x; g = grad(z, x, mode = WAY); k = grad(y, x, mode = WAY) }
            else { z = sqrt(0.0 * x); g = grad(z, x, mode = WAY); k = 0.0 }
            h = if c > 2.0 then 1 / grad(y, W, mode = WAY) else grad(z, x, mode = WAY)
            r = g + 2.0 * k + 3.0 * h
            return r
        }
    """
    x, w = 1.2, 0.7
    slope = 4 * w * x**3 + 1
    assert value(mode(text, WAY=way)) == pytest.approx(4 * slope + 4 * w * x)
    derivatives(mode(text, WAY=way))


def test_in_comprehensions():
    """A derivative for each entry: batched, not unrolled."""
    text = """
        param W = [0.4, 0.2]
        function k(a) { y = sin(a * W[0]) * W[1]; return grad(y, W) }
        function f(x = [0.8, 1.0, 2.0]) { G = [k(x[i]) for i in 0..3]; J = jacobian(G, x); return G, J }
    """
    x = np.array([0.8, 1.0, 2.0])
    G, J = value(text)
    np.testing.assert_allclose(G, np.stack([0.2 * x * np.cos(0.4 * x), np.sin(0.4 * x)], 1))
    expected = np.stack([0.2 * (np.cos(0.4 * x) - 0.4 * x * np.sin(0.4 * x)), 0.4 * np.cos(0.4 * x)], 1)
    np.testing.assert_allclose(np.einsum("iki->ik", J), expected)
    assert np.count_nonzero(J) == 6


ENTRIES = {
    "one axis": "sin(x * i) for i in 0..3",
    "two axes": "sin(x * i + j * x) for i in 0..3, j in 0..2",
    "the same in all entries": "3 * x for i in 0..3",
    "what an entry sums": "sum(cos(x * i * a)) for i in 0..3",
    "arms": "if x * i > 1 then sin(x * i) else x * x * j for i in 0..3, j in 0..2",
    "an arm that is never taken": "if x * i > 9 then sin(x * i) else x * x * j for i in 0..3, j in 0..2",
    "lanes that are never taken": "sum(if a * i > 9 then sin(x * a) else x * a) for i in 0..3",
}


@pytest.mark.parametrize("name", ENTRIES)
def test_of_comprehensions(name):
    """The executed trace has them too: the derivative of the derivative in every mode, and verified; and printed."""
    text = f"""function f(x = 0.7, a = [0.4, 1.1]) {{
        v = [{ENTRIES[name]}]
        y = sum(v) * x
        g = grad(y, x)
        return g
    }}"""
    program = paramprog.loads(text)
    assert program.verify(wrt=["x"]).ok
    first, *others = (program.grad(wrt=["x"], mode=m) for m in ("reverse", "forward", "paths"))
    assert first.value == pytest.approx(value(text))
    for found in others:
        assert (found.value, found["x"]) == pytest.approx((first.value, first["x"]))
    check(program, ["x"])


def test_in_unrolled_loops():
    """The turns of an unrolled loop are turns: names carried into them are independent points."""
    text = """
        function r(x, k : int) { return if k == 0 then x else sin(r(x, k - 1)) * x }
        function f(x = 0.8) {
            s = x
            for i in 0..3 { y = r(s, i) * s; s = s + 0.1 * grad(y, s) }
            return s
        }
    """
    derivatives(text)


def test_through_updates():
    """`x[i] = e` makes a new point of that name; a derivative by it is by all its entries."""
    text = """
        function f(x = [0.8, -1.0, 2.0]) {
            a = 1.0 * x
            a[1] = x[0] * x[2]
            y = sum(a * a)
            g, h = grad(y, x, a)
            b = zeros(3)
            for i in 0..3 { b[i] = a[i] ** 2 * x[0] }
            return g, h, jacobian(b, x)
        }
    """
    g, h, J = value(text)
    np.testing.assert_allclose(g, [2 * 0.8 + 2 * 1.6 * 2.0, 0.0, 4.0 + 2 * 1.6 * 0.8])
    np.testing.assert_allclose(h, [1.6, 3.2, 4.0])
    np.testing.assert_allclose(J[1], [2 * 1.6 * 2.0 * 0.8 + 1.6**2, 0.0, 2 * 1.6 * 0.8 * 0.8])


def test_of_base_functions():
    """Partials derived and given, and their derivatives."""
    text = """
        base b(x, y) = sin(x) * y
        base given(x, y) = x * x * y derivative (2 * x * y, x * x)
        function f(x = [0.7, 0.2], a = 2.0) {
            y = sum(b(x, a) + given(a, x))
            p, q, r, s = hessian(y, x, a)
            return grad(y, x), p, q, r, s
        }
    """
    x = np.array([0.7, 0.2])
    g, p, q, r, s = value(text)
    np.testing.assert_allclose(g, 2 * np.cos(x) + 4)
    np.testing.assert_allclose(p, np.diag(-2 * np.sin(x)))
    np.testing.assert_allclose(q, np.cos(x) + 4)
    np.testing.assert_allclose(r, q)
    assert s == pytest.approx(2 * x.sum())


def test_a_program_may_define_a_function_of_that_name():
    """A function added to the language never breaks a program."""
    assert value("function grad(a, b) { return a - b }\nfunction f(x = 2.0) { return grad(x, 0.5) }") == 1.5


# ---- hard points --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", MODES)
def test_lanes_that_are_not_selected(way):
    """They do not exist, in derivatives of any order: no NaN from sqrt at 0 or below."""
    text = """
        function f(x = [0.8, -1.0, 2.0, 0.0]) {
            y = sum(if x > 0.0 then sqrt(x) * x else x * x)
            g = grad(y, x, mode = WAY)
            return g, hessian(y, x, mode = WAY)
        }
    """
    g, H = value(mode(text, WAY=way))
    np.testing.assert_allclose(g, [1.5 * np.sqrt(0.8), -2.0, 1.5 * np.sqrt(2.0), 0.0])
    np.testing.assert_allclose(H, np.diag([0.75 / np.sqrt(0.8), 2.0, 0.75 / np.sqrt(2.0), 2.0]))


@pytest.mark.parametrize("way", MODES)
def test_infinite_derivatives_stay_where_they_are(way):
    """The column of an entry is not made NaN by the infinite derivative at another one."""
    text = "function f(x = [0.0, 4.0]) { v = sqrt(x); return jacobian(v, x, mode = WAY) }"
    found = paramprog.loads(mode(text, WAY=way))()
    np.testing.assert_array_equal(found, [[np.inf, 0.0], [0.0, 0.25]])


@pytest.mark.parametrize("way", MODES)
def test_kinks(way):
    """The conventions of `grad` outside of programs: 0 for relu and abs at 0, halves for max at a tie."""
    text = "function f(x = 0.0) { a = relu(x); b = abs(x); c = max(x, 0.0)\n"
    text += "p = grad(a, x, mode = WAY); q = grad(b, x, mode = WAY); return p, q, grad(c, x, mode = WAY) }"
    assert value(mode(text, WAY=way)) == (0.0, 0.0, 0.5)


# ---- warnings and errors ------------------------------------------------------------------------------------------


def warnings(text: str) -> list[tuple[str, str]]:
    report = paramprog.loads(text).check()
    return [(d.code, d.span.text) for d in report if d.span is not None and d.code == "independent"]


def test_a_derivative_that_is_zero_is_told():
    """If y does not depend on x, wherever the function is inlined; the result is an array of zeros."""
    text = "function f(x = [1.0, 2.0], z = 1.0) { y = sum(x); g, h = grad(y, x, z); return g, h, jacobian(y, x) }"
    assert warnings(text) == [("independent", "z")]
    g, h, _ = value(text)
    assert (g.tolist(), h) == ([1.0, 1.0], 0.0)
    inlined = "function s(x, k : int) { y = if k == 0 then 1.0 else x * k; return grad(y, x) }\n"
    assert warnings(inlined + "function f(x = 2.0) { return s(x, 0) + s(x, 1) }") == []
    assert warnings(inlined + "function f(x = 2.0) { return s(x, 0) + s(2 * x, 0) }") == [
        ("independent", "x")
    ]


def f(body: str, arguments: str = "x = 2.0") -> str:
    return f"param W = 1.0\nconst c = 2.0\nfunction f({arguments}) {{ {body} }}"


@pytest.mark.parametrize(
    "body, expected",
    [
        ("y = x * x; return grad(y * y, x)", ("derivative-name", "y * y")),
        ("y = x * x; return grad(y, x * 1)", ("derivative-name", "x * 1")),
        ("y = x * x; return grad(y, 2.0)", ("derivative-name", "2.0")),
        ("y = x * c; return grad(y, c)", ("derivative-name", "c")),
        ("return grad(x, x)", ("derivative-scope", "x")),
        ("return grad(W, x)", ("derivative-scope", "W")),
        ("y = [grad(i, x) for i in 0..3]; return y", ("derivative-scope", "i")),
        ("y = x * x; return grad(y, z)", ("undefined-name", "z")),
        ("y = [x, x]; return grad(y, x)", ("shape-mismatch", "y")),
        ("y = [x, x]; return hessian(y, x)", ("shape-mismatch", "y")),
        ("y = 3; return grad(y, x)", ("type-mismatch", "y")),
        ("k = 3; y = x * k; return grad(y, k)", ("type-mismatch", "k")),
        ("b = x > 1; y = x * x; return grad(y, b)", ("type-mismatch", "b")),
        ("y = x * x; return jvp(y, x, [1.0, 2.0])", ("shape-mismatch", "[1.0, 2.0]")),
        ("y = x * x; return vjp(y, x, true)", ("type-mismatch", "true")),
        ("y = [x, x]; return vjp(y, x, 1.0)", ("shape-mismatch", "1.0")),
        ("y = x * x; return grad(y)", ("argument-count", "grad(y)")),
        ("y = x * x; return jvp(y, x)", ("argument-count", "jvp(y, x)")),
        ("y = x * x; return jvp(y, x, x, 1.0)", ("argument-count", "jvp(y, x, x, 1.0)")),
        ("y = x * x; return vjp(y, x)", ("argument-count", "vjp(y, x)")),
        ("y = x * x; return grad(y, x, mode = sideways)", ("unknown-argument", "mode = sideways")),
        ("y = x * x; return grad(y, x, mod = forward)", ("unknown-argument", "mod")),
        (
            "y = x * x; return grad(y, x, mode = forward, mode = reverse)",
            ("unknown-argument", "mode = reverse"),
        ),
        ("y = x * x; return grad(y, mode = forward, x)", ("unknown-argument", "x")),
        ("y = x * x; g, h, k = grad(y, x, x); return g", ("assign-count", "g, h, k = grad(y, x, x)")),
        ("y = x * x; return 1.0 + grad(y, x, W)", ("result-count", "grad(y, x, W)")),
        ("z = x; y = x * x; z = 2.0; return grad(y, z)", ("assigned-twice", "z")),
        ("y = x * x; z = x + y; return grad(y, z)", ("derivative-order", "z")),
        (
            "s = x; for i in 0..3 { y = s * s; s = 0.5 * s; t = grad(y, s) }; return s",
            ("derivative-order", "s"),
        ),
        ("y = x * x; g = y; if x > 1 { z = 2.0 * x; g = grad(y, z) }; return g", ("derivative-order", "z")),
        ("y = x * x; s = x; for i in 0..3 { s = s * grad(y, x) }; return s", ("derivative-scope", "y")),
        ("y = x * x; s = x; for i in 0..3 { s = s * grad(s, x) }; return s", ("derivative-scope", "s")),
        (
            "s = 1.0; for i in 0..3 { y = s * x * x; s = grad(y, x) }; return s",
            ("grad-crosses-iteration", "x"),
        ),
        ("s = x; for i in 0..3 { y = s * W; s = s + grad(y, x) }; return s", ("grad-crosses-iteration", "x")),
        (
            "s = 1.0; for i in 0..3 { y = s * W; z = y * x; s = z; h = grad(y, W) }; return s",
            ("grad-crosses-iteration", "W"),
        ),
    ],
)
def test_errors(body, expected):
    """Each with its place; nothing else is said."""
    assert told(f(body)) == [expected]


def test_what_a_loop_carries_but_does_not_reach_is_fine():
    """`s` carries what depends on x, and y does not depend on `s`: no turn but this one counts."""
    text = f("s, q = 0.0, 1.0; for i in 0..3 { q = q * 1.5; y = sin(x * q); s = s + grad(y, x) }; return s")
    assert value(text) == pytest.approx(sum(1.5**k * np.cos(2 * 1.5**k) for k in (1, 2, 3)))


def test_through_what_was_computed_before_the_loop():
    """x reaches y through a point outside the loop as well: that counts."""
    text = f("v = x * x; s = 0.0; for i in 0..2 { y = v * x * (i + 1); s = s + grad(y, x) }; return s")
    assert value(text) == 9 * 4.0


def test_unrolled_loops_are_checked_as_others():
    recursive = "function r(x, k : int) { return if k == 0 then x else r(x * 2, k - 1) }\n"
    body = "s = 1.0; for i in 0..3 { y = r(s, i) * x * x; s = grad(y, x) }; return s"
    assert code(recursive + f(body)) == "grad-crosses-iteration"
    outside = "y = x * x; s = x; for i in 0..3 { s = r(s, i) * grad(y, x) }; return s"
    assert code(recursive + f(outside)) == "derivative-scope"


def test_hints_help():
    """The way out, in the words of the program."""
    assert hint(f("y = [x, x]; return grad(y, x)")) == "take `sum(y)`, or all derivatives: `jacobian(y, ...)`"
    assert hint(f("return grad(x, x)")) == "call a function that computes it, and name the result: `y = f(x)`"
    assert "as many tangents as names" in (hint(f("y = x; return jvp(y, x, x, 1.0)")) or "")
    [(_, _, message, _)] = messages(f("s = x; for i in 0..3 { y = s * W; s = s + grad(y, x) }; return s"))
    assert message == "`x` also reaches `y` through earlier turns of the loop in line 3"


def test_too_large_a_jacobian():
    """Is refused before it is built."""
    with pytest.raises(ProgramError) as refused:
        paramprog.loads("function f(x : real[20000]) { v = sin(x); J = jacobian(v, x); return sum(J) }").run()
    assert [d.code for d in refused.value.diagnostics] == ["element-limit"]


def test_the_limit_of_nodes_counts_derivatives():
    text = "function f(x = 1.0) { y = sin(sin(sin(x))); a = grad(y, x); b = grad(a, x); return grad(b, x) }"
    module = read(Source("f.pp", text))
    nodes = len(compile_module(module, None, {}).built.graph)
    with pytest.raises(ProgramError) as refused:
        compile_module(module, None, {}, max_nodes=nodes // 2)
    assert [d.code for d in refused.value.diagnostics] == ["graph-limit"]
