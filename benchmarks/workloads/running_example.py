"""The running example: one sample, where the call is what takes time, and a million."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.c_peer import by_hand
from benchmarks.peers.casadi_peer import casadi
from benchmarks.peers.jax_peer import jax
from benchmarks.peers.paramprog_peer import ours
from benchmarks.peers.torch_peer import torch
from benchmarks.workload import Workload

PROGRAM = """
param W0 : real = 1.0, W1 : real = -1.2, W2 : real = 0.8
function R(P : real, Q : real) {
    B = tanh(W0 * P) * Q
    return sin(W1 * B) * sigmoid(W2 * B)
}
"""

WEIGHTS = (1.0, -1.2, 0.8)


def _jax_loss(jax: Any, jnp: Any) -> Any:
    def loss(P: Any, Q: Any, W0: Any, W1: Any, W2: Any) -> Any:
        B = jnp.tanh(W0 * P) * Q
        return (jnp.sin(W1 * B) * jax.nn.sigmoid(W2 * B)).mean()

    return loss


def _torch_loss(torch: Any) -> Any:
    def loss(W0: Any, W1: Any, W2: Any, P: Any, Q: Any) -> Any:
        B = torch.tanh(W0 * P) * Q
        return (torch.sin(W1 * B) * torch.sigmoid(W2 * B)).mean()

    return loss


def _casadi_expressions(casadi: Any, x: Any) -> tuple[Any, Any]:
    P, Q, *W = (x[k] for k in range(5))
    B = casadi.tanh(W[0] * P) * Q
    R = casadi.sin(W[1] * B) / (1 + casadi.exp(-W[2] * B))
    return R, casadi.gradient(R, x)[2:]


def one_sample() -> Workload:
    at = {"P": 0.3, "Q": 0.7}
    return Workload(
        "running example, one sample",
        {
            "ours": ours(PROGRAM, at, buffers=True),
            "our call with arguments": ours(PROGRAM, at),
            "casadi": casadi(_casadi_expressions, [*at.values(), *WEIGHTS]),
            "jax": jax(_jax_loss, [*at.values(), *WEIGHTS], (2, 3, 4)),
        },
    )


def many_samples(n: int = 10**6) -> Workload:
    rng = np.random.default_rng(0)
    P, Q = rng.normal(size=n), rng.normal(size=n)
    weights = [np.float64(w) for w in WEIGHTS]
    return Workload(
        f"running example, {n:,} samples",
        {
            "ours": ours(PROGRAM, {"P": P, "Q": Q}, ["P", "Q"]),
            "jax": jax(_jax_loss, [P, Q, *WEIGHTS], (2, 3, 4)),
            "torch.compile": torch(_torch_loss, [P, Q], weights, compiled=True),
            "torch": torch(_torch_loss, [P, Q], weights),
            "C by hand": by_hand("running_example.c", [P, Q, np.array(WEIGHTS)], [(), (), ()], [n]),
        },
    )


WORKLOADS: dict[str, Callable[[], Workload]] = {"one-sample": one_sample, "many-samples": many_samples}
