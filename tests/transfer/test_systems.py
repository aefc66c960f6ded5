"""Linear systems and factors: values by NumPy and SciPy, gradients by autograd, faults, conventions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg
from oracles import dense, differences

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint, tangent
from paramprog.graph import Graph
from paramprog.graph.region import ValueFault
from paramprog.op import OPS, Linear
from paramprog.types import ShapeError, Type
from paramprog.verify.factors import condition, push_lanes

VECTOR = {"transposed": False, "vector": True}


def drawn(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def definite(n: int, *lanes: int, seed: int = 0) -> Any:
    half = drawn(*lanes, n, n, seed=seed)
    return half @ np.swapaxes(half, -1, -2) + np.eye(n)


# ---- values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 7, 60])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("lanes", [(), (3,), (2, 2)])
def test_solutions_solve(n: int, transposed: bool, lanes: tuple[int, ...]):
    """A x = b, lane by lane, for vectors and for matrices of right sides; of triangles the other side is not read."""
    A = drawn(*lanes, n, n) + 2 * n * np.eye(n)
    for vector, b in ((True, drawn(*lanes, n, seed=1)), (False, drawn(*lanes, n, 3, seed=1))):
        column = (lambda x: x[..., None]) if vector else (lambda x: x)
        turned = np.swapaxes(A, -1, -2) if transposed else A
        x = OPS["solve"](A, b, transposed=transposed, vector=vector)
        assert x.shape == b.shape
        np.testing.assert_allclose(turned @ column(x), column(b), atol=1e-13)
        for upper, side in ((False, np.tril(A)), (True, np.triu(A))):
            turned = np.swapaxes(side, -1, -2) if transposed else side
            x = OPS["solve_triangular"](A, b, upper=upper, transposed=transposed, vector=vector)
            assert x.shape == b.shape
            np.testing.assert_allclose(turned @ column(x), column(b), atol=1e-13)


@pytest.mark.parametrize("n", [0, 1, 4, 30])
def test_inverses_determinants_and_factors(n: int):
    """The identities that define them; the determinant of no rows is 1, and log |det| has no sign."""
    A = drawn(n, n) + 2 * n * np.eye(n)
    np.testing.assert_allclose(OPS["inverse"](A) @ A, np.eye(n), atol=1e-13)
    np.testing.assert_allclose(OPS["logdet"](A), np.log(abs(scipy.linalg.det(A))) if n else 0, rtol=1e-13)
    if n:
        A[[0]] *= -1
        np.testing.assert_allclose(OPS["logdet"](A), np.log(abs(scipy.linalg.det(A))), rtol=1e-13)
    S = definite(n)
    L = OPS["cholesky"](S)
    np.testing.assert_allclose(L @ L.T, S, rtol=1e-13)
    np.testing.assert_array_equal(L, np.tril(L))
    assert (np.diagonal(L) > 0).all()


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1.0, 1e150, 1e300])
def test_determinants_out_of_range(size: float):
    """The logarithm of a determinant that overflows, or vanishes."""
    np.testing.assert_allclose(OPS["logdet"](size * np.eye(5)), 5 * np.log(size), rtol=1e-13, atol=1e-13)


def test_nothing_but_the_symmetric_part_is_read():
    """cholesky(A) = cholesky((A + A^T) / 2), also where the sum would overflow."""
    A = drawn(4, 4) + 9 * np.eye(4)
    expected = np.linalg.cholesky((A + A.T) / 2)
    np.testing.assert_allclose(OPS["cholesky"](A), expected, rtol=1e-14)
    np.testing.assert_allclose(OPS["cholesky"](np.diag([1.6e308, 1.0])), np.diag([1.6e308**0.5, 1]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_lanes_that_are_not_finite_are_nan(bad: float):
    """They do not stop the others."""
    A = definite(3, 2)
    A[1, 2, 0] = bad
    found = OPS["cholesky"](A)
    np.testing.assert_allclose(found[0], np.linalg.cholesky(A[0]), rtol=1e-14)
    np.testing.assert_array_equal(found[1], np.where(np.tril(np.ones((3, 3))), np.nan, 0))


# ---- gradients -----------------------------------------------------------------------------------------------------


def test_gradients_are_those_of_autograd():
    """Of a scalar made of all five, in every argument, to 1e-12."""
    pytest.importorskip("autograd", reason="autograd, the oracle of this test, is not installed")
    import autograd.numpy as anp
    from autograd import grad

    def twin(values: Any) -> Any:
        A, S, b, B = values
        L = anp.linalg.cholesky(S)
        y = anp.linalg.solve(L, B)
        x = anp.linalg.solve(A, b)
        u = anp.linalg.solve(anp.transpose(anp.tril(A)), x)
        return (
            anp.sum(y**3) + anp.linalg.slogdet(A)[1] * anp.sum(anp.sin(u)) + anp.sum(anp.linalg.inv(A) ** 2)
        )

    program = paramprog.loads(
        """
        dim n = 4
        function f(A : real[n, n], S : real[n, n], b : real[n], B : real[n, 3]) {
            L = cholesky(S)
            y = solve_triangular(L, B)
            x = solve(A, b)
            u = solve_triangular(A, x, transposed = true)
            return sum(y**3) + logdet(A) * sum(sin(u)) + sum(inverse(A)**2)
        }
        """
    )
    values = (drawn(4, 4) + 5 * np.eye(4), definite(4, seed=1), drawn(4, seed=2), drawn(4, 3, seed=3))
    expected = grad(twin)(values)
    for mode in ("reverse", "forward"):
        found = program.grad(dict(zip("ASbB", values, strict=True)), mode=mode)
        np.testing.assert_allclose(found.value, twin(values), rtol=1e-13)
        for name, wanted in zip("ASbB", expected, strict=True):
            wanted = (wanted + wanted.T) / 2 if name == "S" else wanted
            np.testing.assert_allclose(found[name], wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


def test_the_gradient_of_cholesky_is_symmetric():
    """Of log det A = 2 sum of log L[i, i] it is A^-1, of any function of L it is symmetric."""
    S = definite(5)
    program = paramprog.loads(
        "function f(S : real[5, 5]) { L = cholesky(S); return 2 * sum(log(diag(L))), sum(sin(L)) }"
    )
    np.testing.assert_allclose(program.grad(S=S, output="out0")["S"], np.linalg.inv(S), rtol=1e-12)
    found = program.grad(S=S, output="out1")["S"]
    np.testing.assert_allclose(found, found.T, rtol=0, atol=1e-16)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_derivatives_of_higher_order(order: int):
    """Of logdet, inverse, solve and cholesky of A + t B, by reverse over reverse, and forward over forward.

    d^k logdet = (-1)^(k-1) (k-1)! tr((A^-1 B)^k), d^k A^-1 b = (-1)^k k! (A^-1 B)^k A^-1 b.
    """
    from math import factorial

    A, B, b = definite(3), definite(3, seed=1), drawn(3, seed=2)
    C = np.linalg.solve(A, B)
    Ck = np.linalg.matrix_power(C, order)
    sign = (-1) ** order
    of_logdet = -sign * factorial(order - 1) * np.trace(Ck)
    wanted = [of_logdet, sign * factorial(order) * np.sum(Ck @ np.linalg.solve(A, b)), of_logdet]
    for mode in ("reverse", "forward"):
        graph = Graph()
        t, one = graph.leaf(Type("real", ())), graph.constant(1.0)
        matrix = graph.array(A) + t * graph.array(B)
        diagonal = OPS["diag"](OPS["cholesky"](matrix), of=2)
        results = [
            OPS["logdet"](matrix),
            OPS["sum"](OPS["solve"](matrix, graph.array(b), **VECTOR), axes=(0,), sizes=(3,)),
            OPS["sum"](OPS["log"](diagonal), axes=(0,), sizes=(3,)) * 2.0,
        ]
        for y, expected in zip(results, wanted, strict=True):
            for _ in range(order):
                y = adjoint(y, [t])[0] if mode == "reverse" else tangent(y, {t: one})
            np.testing.assert_allclose(evaluate([y], {t: np.float64(0.0)})[0], expected, rtol=1e-10)
        graph.check()


def test_an_ill_conditioned_system_is_differentiated_by_systems():
    """The adjoint of a Hilbert matrix is as exact as LAPACK's solution: no inverse is formed on the way."""
    H, b, g = scipy.linalg.hilbert(9), np.ones(9), drawn(9)
    x = OPS["solve"](H, b, **VECTOR)
    chain = OPS["solve"].local(1, x, H, b, **VECTOR)
    (lin,) = chain
    np.testing.assert_array_equal(lin.T(g), np.linalg.solve(H.T, g))


# ---- lanes ---------------------------------------------------------------------------------------------------------


def test_one_matrix_for_all_lanes_is_factored_once(monkeypatch: pytest.MonkeyPatch):
    """The right sides of a batch are columns of one system, for vectors and for matrices."""
    calls: list[Any] = []
    real = np.linalg.solve
    monkeypatch.setattr(np.linalg, "solve", lambda A, b: calls.append(A.shape) or real(A, b))
    for columns, shape in (("", (5, 3)), (", 2", (5, 3, 2))):
        program = paramprog.loads(
            f"param A : real[3, 3] = [[4, 1, 0], [1, 3, 1], [0, 1, 2]]\n"
            f"function f(b : real[3{columns}]) {{ return solve(A, b) }}"
        )
        b = drawn(*shape)
        calls.clear()
        found = program(b=b, batch=["b"])
        assert calls == [(3, 3)]
        A = program.point({"b": b[0]}).params["A"]
        np.testing.assert_allclose(found, np.stack([real(A, one) for one in b]), rtol=1e-14)


def test_lanes_that_are_not_selected_are_not_solved():
    """A singular matrix there is no fault, in the value and in the gradient."""
    program = paramprog.loads(
        """
        function f(a : real[3] = [2, 0, 1]) {
            y = [if a[i] > 0 then solve([[a[i], 1], [0, a[i]]], [1, 1])[0] else 0 for i in 0..3]
            return sum(y)
        }
        """
    )
    found = program.grad()
    assert found.value == 0.25
    np.testing.assert_allclose(found["a"], [-1 / 4 + 2 / 8, 0, -1 + 2])
    assert program.verify().ok


@pytest.mark.parametrize("real", ["float32", "float64"])
def test_precision(real: Any):
    """Single precision stays single, through comprehensions and batches."""
    program = paramprog.loads(
        """
        function f(S : real[2, 2], b : real[2]) {
            L = cholesky(S)
            return sum(solve_triangular(L, b)) + logdet(S) + sum(inverse(S)) + sum(solve(S, b))
        }
        """,
        dtype=real,
    )
    S, b = definite(2, 3), drawn(3, 2)
    assert program.grad(S=S[0], b=b[0])["S"].dtype == real
    many = program.grad(S=S, b=b, batch=["S", "b"], per_sample=True)
    assert many["S"].dtype == real
    each = [program.grad(S=s, b=c)["S"] for s, c in zip(S, b, strict=True)]
    np.testing.assert_allclose(many["S"], each, rtol=1e-12 if real == "float64" else 1e-4)


# ---- faults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, code, message",
    [
        ("solve(A, b)", "singular-matrix", "the matrix [2, 2] is singular"),
        ("inverse(A)[0]", "singular-matrix", "the matrix [2, 2] is singular: it has no inverse"),
        ("logdet(A) + b", "singular-matrix", "the matrix [2, 2] is singular: its determinant is 0"),
        (
            "solve_triangular(A - [[0, 0], [0, 4]], b)",
            "singular-matrix",
            "the matrix [2, 2] is singular: the entry [1, 1] of its diagonal is 0",
        ),
        (
            "cholesky(A)[0]",
            "not-positive-definite",
            "the matrix [2, 2] is not positive definite: its leading 2 x 2 block is not",
        ),
        (
            "cholesky(-A)[0]",
            "not-positive-definite",
            "the matrix [2, 2] is not positive definite: its entry [0, 0] is -1",
        ),
    ],
)
def test_faults_have_their_place(call: str, code: str, message: str):
    """A run-time fault points at the call, in value, gradient, trace and interpreter alike."""
    program = paramprog.loads(
        f"function f(A : real[2, 2] = [[1, 2], [2, 4]], b : real[2] = [1, 1]) {{ return sum({call}) }}"
    )
    for run in (program.run, program.grad, program.verify):
        with pytest.raises(ProgramError) as caught:
            run()
        (found,) = caught.value.diagnostics
        assert (found.code, found.message) == (code, message)
        at = found.span.source.text[found.span.start : found.span.end]
        assert call.startswith(at)
        assert "(A" in at or "(-A" in at


def test_a_fault_names_the_first_block_without_a_factor():
    """By bisection, in the first lane that has none."""
    A = definite(6, 3)
    A[1, 3, 3] = -1.0
    A[2, 0, 0] = -1.0
    with pytest.raises(ValueFault, match="its leading 4 x 4 block"):
        OPS["cholesky"](A)


@pytest.mark.parametrize(
    "call, message",
    [
        ("solve(v, v)", r"takes a square matrix, not \[3\]"),
        ("solve(R, v)", r"takes a square matrix, not \[3, 2\]"),
        ("solve(A, [1, 2])", r"the right side of a system of 3 equations is \[3\] or \[3, k\], not \[2\]"),
        ("solve_triangular(A, 1)", r"of 3 equations is \[3\] or \[3, k\], not scalar"),
        ("cholesky(R)", r"takes a square matrix, not \[3, 2\]"),
        ("inverse(v)", r"takes a square matrix, not \[3\]"),
        ("logdet([[[1]]])", r"takes a square matrix, not \[1, 1, 1\]"),
    ],
)
def test_arguments_that_do_not_fit(call: str, message: str):
    """They are told before anything runs."""
    with pytest.raises(ProgramError, match=message) as caught:
        paramprog.loads(
            f"function f(A : real[3, 3], R : real[3, 2], v : real[3]) {{ return sum({call}) }}"
        ).compiled()
    assert [d.code for d in caught.value.diagnostics] == ["shape-mismatch"]


def test_shapes_with_lanes_that_do_not_fit():
    """The rule of the primitive itself, which batching relies on."""
    for A, b, vector in (((2, 3, 3), (3,), True), ((2, 3, 3), (3, 3), True), ((3, 3), (2, 3), False)):
        with pytest.raises(ShapeError, match="the right side of a system of 3 equations"):
            OPS["solve"].shape(A, b, vector=vector, transposed=False)


def test_the_other_triangle_has_no_part_in_the_derivative():
    """Its columns of the dense Jacobian are zeros, and differences agree."""
    L, b = drawn(3, 3) + 3 * np.eye(3), drawn(3, seed=1)
    attrs = {"upper": False, **VECTOR}
    x = OPS["solve_triangular"](L, b, **attrs)
    J = dense(OPS["solve_triangular"].local(0, x, L, b, **attrs), (3, 3), (3,))
    np.testing.assert_array_equal(J[:, 0, 1:], 0)
    np.testing.assert_allclose(J, differences(lambda L: OPS["solve_triangular"](L, b, **attrs), L), atol=1e-9)


# ---- verification --------------------------------------------------------------------------------------------------

KERNEL = """
dim n = 8
param length = 0.9
function loss(y : real[n] = [sin(i) - i / 9 for i in 0..n]) {
    K = [exp(-square(0.3 * (i - j) / length) / 2) for i in 0..n, j in 0..n] + %g * eye(n)
    white = solve_triangular(cholesky(K), y)
    return dot(white, white) / 2 + logdet(K) + dot(y, solve(K, y))
}
"""


@pytest.mark.parametrize("jitter", [1e-2, 1e-6, 1e-9])
def test_ill_conditioned_programs_verify(jitter: float):
    """Rounding that the condition of a system explains, up to 1e10 here, is no fault of a rule."""
    report = paramprog.loads(KERNEL % jitter).verify(exact=True)
    assert [c for c in report.checks if c.ok is False] == []
    assert all(c.ok or "systems of equations" in c.detail for c in report.checks)


@pytest.mark.parametrize("name", ["solve", "solve_triangular"])
def test_a_wrong_transpose_is_found(name: str):
    """With its place: the system of A instead of that of A^T."""
    op = OPS[name]
    right = op.transpose
    object.__setattr__(op, "transpose", lambda lin: lin)
    try:
        text = f"function f(b : real[2] = [1, 2]) {{ return sum({name}([[2, 0], [1, 3]], b)) }}"
        report = paramprog.loads(text).verify(exact=True)
    finally:
        object.__setattr__(op, "transpose", right)
    wrong = {c.name: c.detail for c in report.checks if c.ok is False}
    assert "reverse = differences" in wrong
    assert f"`{name}` at <text>:1:" in wrong["pull, push = Jacobian (ulps)"]


def test_sizes_of_what_is_added():
    """A matrix whose absolute values are singular has a size of its terms all the same, for paths walked one by one."""
    text = "function f(b : real[2] = [1, 2]) { x = solve([[1, -1], [1, 1]], b); return sum(x * x) }"
    report = paramprog.loads(text).verify(exact=True)
    assert report.ok
    assert all(c.ok or "systems of equations" in c.detail for c in report.checks)


def test_sizes_are_those_of_the_inverse():
    """|A^-1| t, for vectors, columns, lanes and transposed triangles; the condition is n |A| |A^-1|."""
    A, lanes = np.array([[1.0, -1.0], [1.0, 1.0]]), np.stack([np.eye(2), 2 * np.eye(2)])
    for vector, t in ((True, np.array([1.0, 2.0])), (False, np.ones((2, 3)))):
        lin = Linear(OPS["solve"], 1, (A,), {"transposed": False, "vector": vector})
        size, _ = push_lanes((lin,), t, None, size=True)
        np.testing.assert_allclose(size, np.abs(np.linalg.inv(A)) @ t)
        np.testing.assert_allclose(condition((lin,)), 2 * 2 * 1)
    attrs = {"upper": False, "transposed": True, "vector": True}
    lin = Linear(OPS["solve_triangular"], 1, (lanes + [[0, 9], [1, 0]],), attrs)
    size, _ = push_lanes((lin,), np.ones((2, 2)), None, size=True)
    np.testing.assert_allclose(size, [[2, 1], [0.75, 0.5]])
    np.testing.assert_allclose(condition((lin,)), 2 * 2 * 2)
    assert condition(()) == 0
