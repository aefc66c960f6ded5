"""The functions that the language promises are there, in programs, and documented."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.graph import PART, Region
from paramprog.lang.operators import COMPARISONS, OPERATORS
from paramprog.op import OPS, SURFACES, Op

DOCS = Path(__file__).resolve().parents[2] / "docs"

# ---- every name --------------------------------------------------------------------------------------------

PROMISED = {
    "map": "neg exp log log1p expm1 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid logsigmoid"
    " relu leaky_relu softplus sqrt cbrt abs sign square recip erf lgamma digamma polygamma floor ceil round clip int"
    " stop",
    "binary": "max min atan2 hypot pow mod logaddexp xlogy any all",
    "reduce": "sum prod max min mean var std norm logsumexp median argmax argmin cumsum cumprod sort argsort",
    "linear and shape": "dot outer cross trace diag transpose reshape concat stack pad roll gather scatter_add put"
    " spread contract tril triu conv zeros ones full eye slice compress expand",
    "linear algebra": "cholesky solve solve_triangular logdet inverse",
}
"""The built-in functions of the language by the kinds of its list; `map` and `reduce` are part of the compiler."""

NOT_YET = {
    "slice": "its start is known at run time only; static ranges are written x[a:b]",
    "compress": "a function of the prelude, on top of `selected`",
    "expand": "a function of the prelude, on top of `selected`",
} | dict.fromkeys(PROMISED["linear algebra"].split(), "linear algebra is not built yet")
"""Functions that are still missing, and why. A function leaves this list when it comes."""


@pytest.mark.parametrize("kind", PROMISED)
def test_every_function_that_the_language_lists_is_there(kind: str):
    """All of them can be called, but for those that wait for a reason."""
    names = set(PROMISED[kind].split())
    assert names - set(SURFACES) <= set(NOT_YET)


SPELLED_OTHERWISE = {
    "leaf": "an argument or a parameter",
    "array": "a list [a, b], or `eye`",
    "copy": "an assignment b = a",
    "slice": "an index x[i, a:b]",
    "replace": "an update x[i, a:b] = v",
    "not": "the operator `not`",
    "lone": "`push(tape(0.0), x)`",
    "deeper": "`push(t, 0.0)`",
    "part": "a result of a block",
    "branch": "an `if`",
    "compress": "the lanes of an `if` in an executed trace; no program computes with it",
    "expand": "the lanes of an `if` in an executed trace; no program computes with it",
} | dict.fromkeys([*OPERATORS.values(), *COMPARISONS.values()], "an operator")
"""Operations without a function of their own, and how programs spell them."""


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_every_operation_can_be_spelled(op: Op):
    """So an adjoint, which is made of operations, prints as a program."""
    functions = [s for s in op.surfaces if s.name.isidentifier()]
    assert functions or op.name in SPELLED_OTHERWISE or isinstance(op, Region) or op is PART


# ---- in programs -------------------------------------------------------------------------------------------

X = np.array([0.5, -1.5, 2.5, 0.75])
A = np.array([[0.3, -0.7, 1.1], [2.0, 0.4, -0.2], [0.9, 1.6, 0.8]])
W = np.arange(1.0, 13.0)


def run(body: str, inputs: dict[str, Any], arguments: str = "x : real[4]") -> Any:
    """The gradient of `body` in its real argument, after its verification."""
    program = paramprog.loads(f"function f({arguments}) {{\n{body}\n}}")
    report = program.verify(inputs=inputs)
    assert report.ok, str(report)
    return program.grad(inputs=inputs)


@pytest.mark.parametrize(
    "body, value, gradient",
    [
        ("y = sum(x * cumsum(x)); return y", X @ np.cumsum(X), X.sum() + X),
        ("return sum(cumprod(x))", np.cumprod(X).sum(), None),
        ("return sum(cumsum(x, reverse = true) * x)", X @ np.cumsum(X[::-1])[::-1], X.sum() + X),
        ("s = sort(x); return s[0] + 10 * s[3]", -1.5 + 25.0, [0, 1, 10, 0]),
        ("i = argsort(x); return sum(gather(x, i) * [1, 2, 3, 4])", np.sort(X) @ W[:4], [2, 1, 4, 3]),
        ("return median(x)", 0.625, [0.5, 0, 0, 0.5]),
        ("return x[argmax(x)] - x[argmin(x)]", 4.0, [0, -1, 1, 0]),
        ("return if any(x > 2) and not all(x > 0) then sum(x) else 0", X.sum(), np.ones(4)),
        ("return sum(roll(x, 1) * [1, 2, 3, 4])", np.roll(X, 1) @ W[:4], [2, 3, 4, 1]),
        ("return sum(pad(x, 1, 2) * pad(x, 2, 1))", X[1:] @ X[:-1], None),
        ("return sum(put(x, 1, x[0] * x[2]))", 0.5 + 1.25 + 2.5 + 0.75, [3.5, 0, 1.5, 1]),
        ("return sum(diag(x) @ x) + trace(diag(x * x))", 2 * X @ X, 4 * X),
        ("return sum(full(x[0], 2, 3)) + neg(x[1])", 3.0 + 1.5, [6, -1, 0, 0]),
        (
            "return sum(embed(x, 1, 9, step = 2) * cumsum(ones(9))) + sum(embed_at(x, 1, 2))",
            None,
            [3, 5, 7, 9],
        ),
    ],
)
def test_functions_of_a_vector(body: str, value: float | None, gradient: Any):
    """Value and gradient, and the path sum, forward mode and differences by `verify`."""
    found = run(body, {"x": X})
    if value is not None:
        np.testing.assert_allclose(found.value, value, rtol=1e-14)
    if gradient is not None:
        np.testing.assert_allclose(found.gradients["x"], gradient, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    "body, value",
    [
        ("return sum(sort(A, axis = 1)[0] * [1, 2, 3])", np.sort(A, 1)[0] @ W[:3]),
        ("return sum(median(A, axis = 0))", np.median(A, 0).sum()),
        ("return sum(cumprod(A, axis = 0) * A)", np.sum(np.cumprod(A, 0) * A)),
        ("return sum(tril(A) * triu(A)) + trace(A)", np.sum(np.diag(A) ** 2 + np.diag(A))),
        ("return sum(cross(A[0], A[1]) * A[2])", np.linalg.det(A)),
        ("return sum(diag(A) ** 2)", np.sum(np.diag(A) ** 2)),
        (
            "K = reshape(A[0:2, 0:2], 1, 1, 2, 2); return sum(conv(reshape(A, 1, 3, 3), K, pad = 1) ** 2)",
            None,
        ),
    ]
    + [
        (f"return sum({name}(A, axis = {axis}))", function(A, axis).sum())
        for axis in (0, 1)
        for name, function in {
            "sum": np.sum,
            "prod": np.prod,
            "max": np.max,
            "min": np.min,
            "mean": np.mean,
            "var": np.var,
            "std": np.std,
            "median": np.median,
            "norm": lambda x, axis: np.linalg.norm(x, axis=axis),
            "logsumexp": np.logaddexp.reduce,
        }.items()
    ],
)
def test_functions_of_a_matrix(body: str, value: float | None):
    """The same, and every reduction along every axis."""
    found = run(body, {"A": A}, "A : real[3, 3]")
    if value is not None:
        np.testing.assert_allclose(found.value, value, rtol=1e-14)


def test_reductions_to_indices_and_truth_values():
    """argmax, argmin, any, all along an axis, as NumPy's; argmax and argmin over all entries, also in lanes."""
    program = paramprog.loads(
        """
        function f(A : real[3, 3]) {
            first = argmax(A, axis = 0)
            last = argmin(A, axis = 1)
            some = any(A > 1, axis = 0)
            every = all(A > -0.5, axis = 1)
            return first, last, some, every, argmax(A), argmin(A), [argmin([A, -A][k]) for k in 0..2]
        }
        """
    )
    found = program(A=A)
    expected = (np.argmax(A, 0), np.argmin(A, 1), np.any(A > 1, 0), np.all(A > -0.5, 1))
    expected = (*expected, np.argmax(A), np.argmin(A), [np.argmin(A), np.argmin(-A)])
    for got, wanted in zip(found.values() if isinstance(found, dict) else found, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


INDICES = "i : int[3], j : int[2, 2]"


def test_arrays_of_indices_as_inputs():
    """gather and scatter_add with int arrays of the caller: rows, columns, repeats, several axes of indices."""
    inputs = {"A": A, "i": [2, 0, 2], "j": [[0, 1], [1, 2]]}
    found = run(
        """
        rows = gather(A, i)
        columns = gather(A, j, axis = 1)
        back = scatter_add(i, rows, 4)
        return sum(rows * rows) + sum(columns * columns * columns) + sum(back * back)
        """,
        inputs,
        f"A : real[3, 3], {INDICES}",
    )
    i, j = np.array(inputs["i"]), np.array(inputs["j"])
    back = np.zeros((4, 3))
    np.add.at(back, i, A[i])
    expected = np.sum(A[i] ** 2) + np.sum(A[:, j] ** 3) + np.sum(back**2)
    np.testing.assert_allclose(found.value, expected, rtol=1e-14)
    by_hand = np.zeros((3, 3))
    np.add.at(by_hand, i, 2 * A[i] + 2 * back[i])
    np.add.at(by_hand, (slice(None), j), 3 * A[:, j] ** 2)
    np.testing.assert_allclose(found.gradients["A"], by_hand, rtol=1e-13)


def test_put_at_indices_of_the_caller():
    """The last of equal indices counts."""
    inputs = {"A": A, "i": [1, 1, 0], "j": [[0, 1], [1, 2]]}
    found = run("B = put(A, i, A * A); return sum(B * B)", inputs, f"A : real[3, 3], {INDICES}")
    B = np.stack([A[2] ** 2, A[1] ** 2, A[2]])
    np.testing.assert_allclose(found.value, np.sum(B * B), rtol=1e-14)


@pytest.mark.parametrize(
    "body, said",
    [
        ("return sum(cumsum(A))", "needs `axis = k` for an array that is not a vector"),
        ("return sum(gather(x, x))", "an index is int, not real"),
        ("return sum(put(x, 1, x))", "the entries put there have shape scalar, not [4]"),
        ("return sum(pad(x, 1))", "takes 2 ints known at compile time, `before` and `after`"),
        ("return sum(cross(x, x))", "takes two vectors of 3 entries, not [4]"),
        ("return trace(x)", "takes a square matrix, not [4]"),
        ("return sum(conv(A, A))", "the image has axes [c, h, w]; this is [3, 3]"),
        ("return median(x[0:0])", "the median of an empty array [0] does not exist"),
        ("return sum(roll(x, 1, axis = 1))", "there is no axis 1 in an array of 1 axes"),
        ("return sum(eye(0 - 2))", "a size is negative"),
        ("return sum(full(x, 2))", "fills an array with one scalar"),
    ],
)
def test_calls_that_do_not_fit_are_explained(body: str, said: str):
    """As a diagnostic with its place, never a traceback."""
    with pytest.raises(ProgramError) as caught:
        paramprog.loads(f"function f(x : real[4], A : real[3, 3]) {{ {body} }}")
    assert said in str(caught.value)
    assert ":1:" in str(caught.value)


# ---- the document ------------------------------------------------------------------------------------------


def test_the_table_of_functions_is_up_to_date():
    """docs/functions.md is what docs/make_functions.py writes."""
    command = [sys.executable, str(DOCS / "make_functions.py"), "--check"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(n for n in SURFACES if n.isidentifier()))
def test_the_table_has_every_function(name: str):
    """Each with its usage."""
    text = (DOCS / "functions.md").read_text(encoding="utf-8")
    for _, surface in SURFACES[name]:
        assert f"| `{surface.usage}` |" in text
