"""Gaussian mixtures: that of ADBench, with whole covariances, and one with diagonal covariances, sample by sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.jax_peer import jax
from benchmarks.peers.paramprog_peer import PROGRAMS, ours
from benchmarks.workload import Workload

Squares = Callable[[Any, Any, Any, Any, Any], Any]
"""[n, k] of |Q[j] (x[i] - mean[j])|^2, from jax, jax.numpy, Q, mean and x."""


def _differences(jax: Any, jnp: Any, Q: Any, mean: Any, x: Any) -> Any:
    return (jnp.einsum("jrc,ijc->ijr", Q, x[:, None] - mean) ** 2).sum(2)


def _one_product(jax: Any, jnp: Any, Q: Any, mean: Any, x: Any) -> Any:
    k, d, _ = Q.shape
    return (((x @ Q.reshape(k * d, d).T).reshape(-1, k, d) - jnp.einsum("jrc,jc->jr", Q, mean)) ** 2).sum(2)


def _vmap(jax: Any, jnp: Any, Q: Any, mean: Any, x: Any) -> Any:
    return jax.vmap(lambda Q, mean: (((x - mean) @ Q.T) ** 2).sum(1))(Q, mean).T


def _scan(jax: Any, jnp: Any, Q: Any, mean: Any, x: Any) -> Any:
    turn = lambda _, given: (None, (((x - given[1]) @ given[0].T) ** 2).sum(1))
    return jax.lax.scan(turn, None, (Q, mean))[1].T


FORMS: dict[str, Squares] = {
    "jax, differences": _differences,
    "jax, one product": _one_product,
    "jax, vmap": _vmap,
    "jax, scan": _scan,
}
"""Which one is fastest depends on the sizes."""


def _posterior(n: int, d: int, k: int, squares: Squares) -> Any:
    """gamma = 1 and m = 0, as in ADBench's data."""
    column, row = np.triu_indices(d, 1)  # column after column
    p = d + 1
    gammas = d * (d - 1) / 4 * math.log(math.pi) + sum(math.lgamma((p - i) / 2) for i in range(d))
    constant = -n * d / 2 * math.log(2 * math.pi) - k * (-p * d * math.log(2) / 2 - gammas)

    def make(jax: Any, jnp: Any) -> Any:
        def loss(x: Any, alpha: Any, mean: Any, q: Any, below: Any) -> Any:
            Q = jnp.zeros((k, d, d)).at[:, row, column].set(below) + jnp.exp(q)[:, :, None] * jnp.eye(d)
            z = alpha + q.sum(1) - squares(jax, jnp, Q, mean, x) / 2
            prior = ((jnp.exp(q) ** 2).sum() + (below**2).sum()) / 2
            return jax.nn.logsumexp(z, 1).sum() - n * jax.nn.logsumexp(alpha) + prior + constant

        return loss

    return make


def adbench(n: int, d: int, k: int = 25) -> Workload:
    rng = np.random.default_rng(0)
    values = {
        "x": rng.normal(size=(n, d)),
        "alpha": rng.normal(size=k),
        "mean": rng.random((k, d)),
        "q": rng.normal(size=(k, d)) * 0.1,
        "below": rng.normal(size=(k, d * (d - 1) // 2)) * 0.1,
    }
    given = list(values.values())
    peers = {"ours": ours(PROGRAMS / "gmm.pp", values)}
    peers |= {name: jax(_posterior(n, d, k, form), given, (1, 2, 3, 4)) for name, form in FORMS.items()}
    return Workload(f"ADBench GMM, {n:,} points, d {d}, k {k}", peers)


DIAGONAL = """
dim d, k
param alpha : real[k], m : real[k, d], q : real[k, d]
function loss(x : real[d]) {
    z = [ alpha[j] + sum(q[j]) - 0.5 * sum(square(exp(q[j]) * (x - m[j]))) for j in 0..k ]
    return logsumexp(z) - logsumexp(alpha)
}
"""


def _diagonal_loss(jax: Any, jnp: Any) -> Any:
    def loss(x: Any, alpha: Any, m: Any, q: Any) -> Any:
        scaled = jnp.exp(q)[None] * (x[:, None] - m[None])
        z = alpha + q.sum(1) - 0.5 * (scaled**2).sum(2)
        return (jax.nn.logsumexp(z, 1) - jax.nn.logsumexp(alpha)).mean()

    return loss


def diagonal(n: int = 1000, d: int = 10, k: int = 25) -> Workload:
    rng = np.random.default_rng(0)
    alpha, m, q, x = (rng.normal(size=s) for s in ((k,), (k, d), (k, d), (n, d)))
    q *= 0.1
    return Workload(
        f"diagonal mixture, {n:,} points, d {d}, k {k}",
        {
            "ours": ours(DIAGONAL, {"x": x, "alpha": alpha, "m": m, "q": q}, ["x"]),
            "jax": jax(_diagonal_loss, [x, alpha, m, q], (1, 2, 3)),
        },
    )


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "gmm": lambda: adbench(1_000, 10),
    "gmm-32": lambda: adbench(1_000, 32),
    "gmm-10k": lambda: adbench(10_000, 10),
    "gmm-diagonal": diagonal,
}
