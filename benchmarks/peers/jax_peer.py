"""jax: value_and_grad under jit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.workload import Peer, Step, Steps


def jax(
    loss: Callable[[Any, Any], Callable[..., Any]], arguments: Sequence[Any], wrt: tuple[int, ...]
) -> Peer:
    """`loss(jax, jax.numpy)` is the function of `arguments`, which are put where jax has its arrays beforehand."""

    def make() -> Steps:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        given = [jnp.asarray(a) for a in arguments]
        value = loss(jax, jnp)

        def step(function: Any) -> Step:
            run = jax.jit(function)
            return lambda: jax.block_until_ready(run(*given))

        return Steps(step(jax.value_and_grad(value, wrt)), lambda: step(value))

    return Peer(make, ("jax", "jax.numpy"))
