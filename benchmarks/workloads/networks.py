"""Tanh networks with softmax cross-entropy, and the matrix products in them alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.peers.autograd_peer import autograd
from benchmarks.peers.jax_peer import jax
from benchmarks.peers.paramprog_peer import ours
from benchmarks.peers.torch_peer import torch
from benchmarks.workload import Peer, Step, Steps, Workload


def program(sizes: list[int]) -> str:
    """For one sample."""
    lines, x = [], "x"
    for k, (m, n) in enumerate(pairwise(sizes), 1):
        lines.append(f"param W{k} : real[{n}, {m}] ~ glorot(), b{k} : real[{n}] ~ zeros()")
    lines.append(f"function loss(x : real[{sizes[0]}], label : int = 0) {{")
    for k in range(1, len(sizes)):
        z = f"W{k} @ {x} + b{k}"
        lines.append(f"    h{k} = {f'tanh({z})' if k < len(sizes) - 1 else z}")
        x = f"h{k}"
    return "\n".join([*lines, f"    return logsumexp({x}) - {x}[label]", "}"])


def _jax_loss(jax: Any, jnp: Any) -> Any:
    def loss(x: Any, labels: Any, *params: Any) -> Any:
        h = x
        for k in range(0, len(params), 2):
            h = h @ params[k].T + params[k + 1]
            h = jnp.tanh(h) if k + 2 < len(params) else h
        return (jax.nn.logsumexp(h, 1) - jnp.take_along_axis(h, labels[:, None], 1)[:, 0]).mean()

    return loss


def _torch_loss(torch: Any) -> Any:
    def loss(*given: Any) -> Any:
        *params, x, labels = given
        h = x
        for k in range(0, len(params), 2):
            h = torch.nn.functional.linear(h, params[k], params[k + 1])
            h = torch.tanh(h) if k + 2 < len(params) else h
        return torch.nn.functional.cross_entropy(h, labels)

    return loss


def by_numpy(x: Any, labels: Any, params: list[Any]) -> Peer:
    """What one writes by hand."""
    rows = np.arange(len(labels))

    def forward() -> tuple[list[Any], Any, Any]:
        hs = [x]
        for k in range(0, len(params), 2):
            z = hs[-1] @ params[k].T + params[k + 1]
            hs.append(np.tanh(z) if k + 2 < len(params) else z)
        z = hs.pop()
        z -= z.max(1, keepdims=True)
        e = np.exp(z)
        s = e.sum(1, keepdims=True)
        return hs, e / s, (np.log(s[:, 0]) - z[rows, labels]).mean()

    def gradient() -> Any:
        hs, dz, value = forward()
        dz[rows, labels] -= 1
        dz /= len(labels)
        found = []
        for k in reversed(range(0, len(params), 2)):
            h = hs[k // 2]
            found += [dz.sum(0), dz.T @ h]
            if k:
                dz = (dz @ params[k]) * (1 - h * h)
        return value, *reversed(found)

    return Peer(lambda: Steps(gradient, lambda: lambda: forward()[2]))


def products(sizes: list[int], rows: int, dtype: str) -> Peer:
    """The matrix products of value and gradients, by NumPy's BLAS, into memory that is there: nothing can be faster."""

    def step(gradients: bool) -> Step:
        rng = np.random.default_rng(0)
        calls = []
        for k, (m, n) in enumerate(pairwise(sizes)):
            shapes = ((rows, m), (n, m), (rows, n))
            h, W, z = (rng.normal(size=s).astype(dtype) for s in shapes)
            dW, dh = np.empty_like(W), np.empty_like(h)
            calls.append(partial(np.matmul, h, W.T, out=z))
            if gradients:
                calls.append(partial(np.matmul, z.T, h, out=dW))
                calls += [partial(np.matmul, z, W, out=dh)] if k else []
        return lambda: [call() for call in calls]

    return Peer(lambda: Steps(step(True), lambda: step(False)), checked=False)


def network(title: str, sizes: list[int], rows: int, dtype: str, more: bool = True) -> Workload:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, sizes[0])).astype(dtype)
    labels = rng.integers(0, sizes[-1], rows)
    params: dict[str, Any] = {}
    for k, (m, n) in enumerate(pairwise(sizes), 1):
        params[f"W{k}"] = (rng.normal(size=(n, m)) * (2 / (m + n)) ** 0.5).astype(dtype)
        params[f"b{k}"] = np.zeros(n, dtype)
    given = {"x": x, "label": labels, **params}
    weights = list(params.values())

    def autograd_loss(anp: Any) -> Any:
        def loss(*params: Any) -> Any:
            h = x
            for k in range(0, len(params), 2):
                h = anp.dot(h, params[k].T) + params[k + 1]
                h = anp.tanh(h) if k + 2 < len(params) else h
            top = anp.max(h, axis=1)
            total = anp.log(anp.sum(anp.exp(h - top[:, None]), axis=1)) + top
            return anp.mean(total - h[np.arange(rows), labels])

        return loss

    peers = {
        "ours": ours(program(sizes), given, ["x", "label"], dtype),
        "jax": jax(_jax_loss, [x, labels, *weights], tuple(range(2, 2 + len(params)))),
        "torch": torch(_torch_loss, [x, labels], weights),
        "matrix products alone": products(sizes, rows, dtype),
    }
    if more:
        peers["NumPy by hand"] = by_numpy(x, labels, weights)
        peers["autograd"] = autograd(autograd_loss, weights)
        peers["our NumPy back end"] = ours(program(sizes), given, ["x", "label"], dtype, backend="numpy")
    return Workload(title, peers, tolerance=1e-9 if dtype == "float64" else 1e-4)


DIGITS = [64, 128, 10]

WORKLOADS: dict[str, Callable[[], Workload]] = {
    "digits-64-f32": lambda: network("digits 64-128-10, 64 rows, float32", DIGITS, 64, "float32"),
    "digits-64-f64": lambda: network("digits 64-128-10, 64 rows, float64", DIGITS, 64, "float64"),
    "digits-full-f32": lambda: network("digits 64-128-10, 1,797 rows, float32", DIGITS, 1797, "float32"),
    "digits-full-f64": lambda: network("digits 64-128-10, 1,797 rows, float64", DIGITS, 1797, "float64"),
    "wide-f32": lambda: network(
        "784-1024-1024-10, 256 rows, float32", [784, 1024, 1024, 10], 256, "float32", more=False
    ),
}
