"""Three programs with loops against jax and torch: values and gradients by all params and inputs, to 1e-10.

    python benchmarks/loop_peers.py

Each peer is written with what it brings for the purpose, so that nothing is shared but the mathematics: the fluid with
`jax.scipy.ndimage.map_coordinates` and `jax.lax.scan`, the Elman network with `torch.nn.RNN` and with `lax.scan`, the
LSTM with `torch.nn.LSTM` and with `lax.scan`. The exit code is 1 where one differs by more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax.scipy.ndimage import map_coordinates

import paramprog
from paramprog.resources import programs_dir

jax.config.update("jax_enable_x64", True)

TOLERANCE = 1e-10
Values = Mapping[str, Any]


# ---- jax ---------------------------------------------------------------------------------------------------------


def fluid(v: Values, steps: int, sweeps: int) -> Any:
    rows, columns = jnp.indices(v["smoke"].shape)

    def advect(f: Any, u: Any, w: Any) -> Any:
        return map_coordinates(f, [rows - u, columns - w], order=1, mode="wrap")

    def slope(f: Any, axis: int) -> Any:
        return (jnp.roll(f, -1, axis) - jnp.roll(f, 1, axis)) / 2

    def step(state: Any, _: Any) -> Any:
        u, w, smoke = state
        u, w = advect(u, u, w), advect(w, u, w)
        divergence = slope(u, 0) + slope(w, 1)

        def sweep(p: Any, _: Any) -> Any:
            around = jnp.roll(p, 1, 0) + jnp.roll(p, -1, 0) + jnp.roll(p, 1, 1) + jnp.roll(p, -1, 1)
            return (around - divergence) / 4, None

        p, _ = jax.lax.scan(sweep, jnp.zeros_like(u), length=sweeps)
        u, w = u - slope(p, 0), w - slope(p, 1)
        return (u, w, advect(smoke, u, w)), None

    (_, _, moved), _ = jax.lax.scan(step, (v["velocity"][0], v["velocity"][1], v["smoke"]), length=steps)
    return jnp.mean((moved - v["goal"]) ** 2)


def elman(v: Values) -> Any:
    def step(h: Any, x: Any) -> Any:
        return jnp.tanh(v["W"] @ h + v["U"] @ x + v["b"]), None

    h, _ = jax.lax.scan(step, jnp.zeros_like(v["b"]), v["xs"])
    return jnp.sum((h - v["goal"]) ** 2) / 2


def lstm(v: Values) -> Any:
    n = v["W"].shape[1]

    def step(state: Any, pair: Any) -> Any:
        h, c = state
        x, following = pair
        z = jnp.reshape(v["W"] @ h + v["U"] @ x + v["b"], (4, n))
        c = jax.nn.sigmoid(z[1]) * c + jax.nn.sigmoid(z[0]) * jnp.tanh(z[2])
        h = jax.nn.sigmoid(z[3]) * jnp.tanh(c)
        return (h, c), jnp.mean((v["V"] @ h - following) ** 2)

    start = (jnp.zeros(n), jnp.zeros(n))
    _, errors = jax.lax.scan(step, start, (v["xs"][:-1], v["xs"][1:]))
    return jnp.mean(errors)


def by_jax(function: Callable[..., Any], values: Values, **sizes: int) -> tuple[Any, Values]:
    given = {k: jnp.asarray(x) for k, x in values.items()}
    return jax.jit(jax.value_and_grad(lambda v: function(v, **sizes)))(given)


# ---- torch -------------------------------------------------------------------------------------------------------


def recurrent(kind: Any, v: Mapping[str, torch.Tensor], xs: Any) -> Any:
    """The states of all turns, by the module of torch with our weights; its second bias is zero."""
    n, m = v["W"].shape[1], v["U"].shape[1]
    module = kind(m, n, dtype=torch.float64)
    weights = {
        "weight_ih_l0": v["U"],
        "weight_hh_l0": v["W"],
        "bias_ih_l0": v["b"],
        "bias_hh_l0": torch.zeros_like(v["b"]),
    }
    states, _ = torch.func.functional_call(module, weights, (xs,))
    return states


def torch_elman(v: Mapping[str, torch.Tensor]) -> Any:
    return ((recurrent(torch.nn.RNN, v, v["xs"])[-1] - v["goal"]) ** 2).sum() / 2


def torch_lstm(v: Mapping[str, torch.Tensor]) -> Any:
    states = recurrent(torch.nn.LSTM, v, v["xs"][:-1])
    return ((states @ v["V"].T - v["xs"][1:]) ** 2).mean()


def by_torch(function: Callable[..., Any], values: Values) -> tuple[Any, Values]:
    given = {
        k: torch.tensor(np.asarray(x), dtype=torch.float64, requires_grad=True) for k, x in values.items()
    }
    value = function(given)
    value.backward()
    return value.item(), {k: None if x.grad is None else x.grad.numpy() for k, x in given.items()}


# ---- comparing ---------------------------------------------------------------------------------------------------


def apart(found: Any, expected: Any) -> float:
    """The largest difference, relative to the largest entry."""
    expected = np.asarray(expected)
    scale = float(np.max(np.abs(expected), initial=0.0))
    return float(np.max(np.abs(np.asarray(found) - expected), initial=0.0)) / (scale or 1.0)


def compared(
    name: str, dims: dict[str, int], peers: Mapping[str, Callable[[Values], tuple[Any, Values]]]
) -> bool:
    program = paramprog.load(programs_dir() / f"{name}.pp", dims=dims)
    point = program.point()
    values = {k: np.asarray(x, np.float64) for k, x in {**point.inputs, **point.params}.items()}
    found = program.grad(wrt=values)
    fine = True
    for peer, evaluate in peers.items():
        value, gradients = evaluate(values)
        worst = max(apart(found.value, value), *(apart(found[k], gradients[k]) for k in values))
        sizes = " ".join(f"{k}={n}" for k, n in dims.items())
        print(f"{name:10}  {sizes:22}  {peer:10}  {worst:.1e}  {'ok' if worst <= TOLERANCE else 'DIFFERS'}")
        fine &= worst <= TOLERANCE
    return fine


def main() -> int:
    done = []
    for n, steps, sweeps in ((6, 2, 3), (16, 8, 10), (32, 20, 10)):
        dims = {"n": n, "steps": steps, "sweeps": sweeps}
        peers = {"jax": lambda v, s=steps, k=sweeps: by_jax(fluid, v, steps=s, sweeps=k)}
        done.append(compared("fluid", dims, peers))
    for t, n, m in ((6, 4, 2), (200, 16, 5)):
        dims = {"t": t, "n": n, "m": m}
        pairs = {"elman_rnn": (elman, torch_elman), "lstm": (lstm, torch_lstm)}
        for name, (in_jax, in_torch) in pairs.items():
            peers = {
                "jax": lambda v, f=in_jax: by_jax(f, v),
                "torch": lambda v, f=in_torch: by_torch(f, v),
            }
            done.append(compared(name, dims, peers))
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
