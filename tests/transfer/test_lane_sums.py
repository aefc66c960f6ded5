"""Cotangents of what all lanes share: summed after values are in their places, exactly as before."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import paramprog

N = 5

PROGRAMS = {
    "gather": "sum(sin(x[k[i]] * x[i]) for i in 0..n)",
    "rows": "sum(sum(tanh(W @ A[i])) for i in 0..n)",
    "columns": "sum(sum(tanh(A[i] @ B)) for i in 0..n)",
    "slices": "sum(sum(x[1:3] * A[k[i], 0:2]) for i in 0..n)",
    "matrix entries": "sum(exp(B[mod(i, 3), j] * x[k[i]]) for i in 0..n, j in 0..2)",
    "shifted": "sum(x[i + 1] ** 2 * x[i] for i in 0..n - 1)",
    "the same entry": "sum(x[2] * A[i, 0] for i in 0..n)",
    "guarded": "sum((if x[i] > 0 then log(x[i]) * x[k[i]] else 0) for i in 0..n)",
    "nested": "sum(sum(x[k[j]] * x[i] * A[i, 1] for j in 0..3) for i in 0..n)",
    "twice": "sum(sin(y[k[i]]) + y[i] for i in 0..n)",
    "two indices": "sum(sin(x[i] * x[j + 1]) * B[j, 1] for i in 0..n, j in 0..3)",
    "entries and rows": "sum(exp(A[i, j] * x[i]) * sum(B[j]) for i in 0..n, j in 0..3)",
}


def program(body: str) -> paramprog.Program:
    return paramprog.loads(
        f"dim n = {N}\n"
        "function f(x : real[n], A : real[n, 3], B : real[3, 2], W : real[2, 3], k : int[n]) {\n"
        f"    y = x * x\n    return {body}\n}}"
    )


def values(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    shapes = {"x": (N,), "A": (N, 3), "B": (3, 2), "W": (2, 3)}
    return {name: rng.standard_normal(s) for name, s in shapes.items()} | {"k": rng.integers(0, N, N)}


@pytest.mark.parametrize("body", PROGRAMS.values(), ids=PROGRAMS)
def test_gradients_are_exact(body: str) -> None:
    """Against the sum over all paths in rational arithmetic, forward mode and differences; printed ones too."""
    made, given = program(body), values()
    wrt = ["x", "A", "B", "W"]
    report = made.verify(given, wrt=wrt, exact=True)
    assert report.ok, [c for c in report.checks if c.ok is False]
    found = made.grad(given, wrt=wrt)
    printed = list(paramprog.loads(made.gradient_program(given, wrt=wrt)).run(given).outputs.values())
    for name, g in zip(wrt, printed[1:], strict=True):
        np.testing.assert_allclose(g, found[name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("body", PROGRAMS.values(), ids=PROGRAMS)
def test_second_derivatives(body: str) -> None:
    """The Hessian by x is symmetric and equal to that of differences of the gradient."""
    made, given = program(body), values(1)
    H = made.hessian(given, wrt=["x"])["x"]["x"]
    step = 1e-5
    columns = []
    for e in np.eye(N):
        ahead, behind = (
            made.grad({**given, "x": given["x"] + s * step * e}, wrt=["x"])["x"] for s in (1, -1)
        )
        columns.append((ahead - behind) / (2 * step))
    np.testing.assert_allclose(H, np.stack(columns, -1), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(H, H.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("body", PROGRAMS.values(), ids=PROGRAMS)
def test_many_samples(body: str) -> None:
    """The gradient of each sample of a batch is its own."""
    made = program(body)
    each = [values(seed) for seed in range(3)]
    stacked = {name: np.stack([v[name] for v in each]) for name in each[0]}
    found = made.grad(stacked, wrt=["x", "W"], batch=True, per_sample=True)
    for s, given in enumerate(each):
        alone = made.grad(given, wrt=["x", "W"])
        for name in ("x", "W"):
            np.testing.assert_allclose(found[name][s], alone[name], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("body", ["sum(sin(x[k[i]]) for i in 0..n)", "sum(x[i] * x[k[i]] for i in 0..n)"])
def test_memory_grows_with_the_entries_not_with_their_square(body: str) -> None:
    """No array that is needed for the gradient has an entry for each lane and each entry of x."""
    n = 1000
    made = paramprog.loads(f"dim n = {n}\nfunction f(x : real[n], k : int[n]) {{ return {body} }}")
    rng = np.random.default_rng(0)
    x, k = rng.standard_normal(n), rng.integers(0, n, n)
    tracked = peak(lambda: made.grad(x=x, k=k, wrt=["x"]))
    assert tracked < n * n * 8


def peak(call: Any) -> int:
    """The largest memory in use during a call, in bytes; the second call, when all has been compiled."""
    call()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
