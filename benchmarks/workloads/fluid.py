"""programs/fluid.pp: advection by interpolation at run-time indices, and sweeps of a pressure solver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.jax_peer import jax
from benchmarks.peers.paramprog_peer import ours
from benchmarks.workload import Workload

PROGRAM = Path(__file__).parents[2] / "programs" / "fluid.pp"


def _loss(n: int, steps: int, sweeps: int) -> Any:
    def make(jax: Any, jnp: Any) -> Any:
        row, column = jnp.meshgrid(jnp.arange(n), jnp.arange(n), indexing="ij")

        def advect(f: Any, u: Any, v: Any) -> Any:
            x, y = row - u, column - v
            i, j = jnp.floor(x).astype(int), jnp.floor(y).astype(int)
            a, b = x - i, y - j

            def cell(i: Any, j: Any) -> Any:
                return f.reshape(-1)[n * (i % n) + j % n]

            upper = (1 - b) * cell(i, j) + b * cell(i, j + 1)
            lower = (1 - b) * cell(i + 1, j) + b * cell(i + 1, j + 1)
            return (1 - a) * upper + a * lower

        def slope(f: Any, k: int) -> Any:
            return (jnp.roll(f, -1, k) - jnp.roll(f, 1, k)) / 2

        def project(u: Any, v: Any) -> Any:
            divergence = slope(u, 0) + slope(v, 1)

            def sweep(p: Any, _: Any) -> Any:
                around = jnp.roll(p, 1, 0) + jnp.roll(p, -1, 0) + jnp.roll(p, 1, 1) + jnp.roll(p, -1, 1)
                return (around - divergence) / 4, None

            p = jax.lax.scan(sweep, jnp.zeros((n, n)), None, length=sweeps)[0]
            return u - slope(p, 0), v - slope(p, 1)

        def loss(velocity: Any, smoke: Any, goal: Any) -> Any:
            def step(state: Any, _: Any) -> Any:
                u, v, moved = state
                u, v = project(advect(u, u, v), advect(v, u, v))
                return (u, v, advect(moved, u, v)), None

            start = (velocity[0], velocity[1], smoke)
            moved = jax.lax.scan(step, start, None, length=steps)[0][2]
            return ((moved - goal) ** 2).mean()

        return loss

    return make


def fluid(n: int = 40, steps: int = 20, sweeps: int = 10) -> Workload:
    velocity = np.random.default_rng(0).normal(size=(2, n, n)) * 0.5
    smoke = np.repeat([[1.0], [0.0]], n // 2, 0) * np.ones((1, n))
    sizes = {"n": n, "steps": steps, "sweeps": sweeps}
    peers = {
        "ours": ours(PROGRAM, {"velocity": velocity}, dims=sizes),
        "jax scan": jax(_loss(n, steps, sweeps), [velocity, smoke, smoke.T], (0,)),
    }
    return Workload(f"fluid {n} x {n}, {steps} steps", peers)


WORKLOADS: dict[str, Callable[[], Workload]] = {"fluid": fluid}
