"""One training step of the digits network (64-128-10), side by side with its peers, in one interleaved run.

    python benchmarks/training_step.py [--rounds 200] [--json FILE]

Loss and gradients of a batch (64 rows, and all 1,797), in float64 and float32: the NumPy back end, NumPy written
by hand, jax.jit, torch and autograd. All results are compared before anything is timed. Everything runs on one thread.
Each round has every peer take two steps, in an order drawn anew, and times the second, which finds in the caches what
the first one left there, as in training. The table shows medians and the ratio of paramprog to each peer. All run under
one `np.errstate`, as in training.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import paramprog
from paramprog.data import read_table
from paramprog.fitting.objective import Objective
from paramprog.resources import programs_dir
from paramprog.types import Real

HIDDEN = 128
PROGRAM = f"""
dim d = 64, h = {HIDDEN}, c = 10
param W1 : real[h, d] ~ glorot(), b1 : real[h] ~ zeros()
param W2 : real[c, h] ~ glorot(), b2 : real[c] ~ zeros()
function loss(x : real[d], label : int = 0) {{
    z = W2 @ tanh(W1 @ (x / 16) + b1) + b2
    return logsumexp(z) - z[label]
}}
"""

DTYPES: tuple[Real, ...] = ("float64", "float32")

Step = Callable[[], tuple[Any, ...]]
"""Loss, then the gradients of W1, b1, W2, b2."""


def data(rows: int, dtype: Real) -> tuple[Any, Any]:
    table = read_table(programs_dir() / "data" / "digits.csv")
    pixels = [c for c in table.columns if c.startswith("pixel_")]
    x = np.column_stack([table.numbers(c, "real") for c in pixels])[:rows].astype(dtype)
    return np.ascontiguousarray(x), np.asarray(table.numbers("label", "int"))[:rows]


def ours(x: Any, labels: Any, params: dict[str, Any], dtype: Real) -> Step:
    program = paramprog.loads(PROGRAM, dtype=dtype)
    objective = Objective(program.compiled(), ["x", "label"], {})
    theta, rows = objective.layout.vector(params), {"x": x, "label": labels}
    _, gradient = objective.value_and_gradient(theta, rows)  # always the same vector
    gradients = objective.layout.views(gradient).values()

    def step() -> tuple[Any, ...]:
        value, _ = objective.value_and_gradient(theta, rows)
        return (value, *gradients)

    return step


def by_hand(x: Any, labels: Any, params: dict[str, Any], dtype: Real) -> Step:
    W1, b1, W2, b2 = params.values()
    rows = np.arange(len(labels))

    def step() -> tuple[Any, ...]:
        scaled = x / 16
        h = np.tanh(scaled @ W1.T + b1)
        z = h @ W2.T + b2
        z -= z.max(1, keepdims=True)
        e = np.exp(z)
        s = e.sum(1, keepdims=True)
        value = (np.log(s[:, 0]) - z[rows, labels]).mean()
        dz = e / s
        dz[rows, labels] -= 1
        dz /= len(labels)
        dh = (dz @ W2) * (1 - h * h)
        return value, dh.T @ scaled, dh.sum(0), dz.T @ h, dz.sum(0)

    return step


def by_jax(x: Any, labels: Any, params: dict[str, Any], dtype: Real) -> Step:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(ps: Any, x: Any, labels: Any) -> Any:
        W1, b1, W2, b2 = ps
        z = jnp.tanh(x / 16 @ W1.T + b1) @ W2.T + b2
        return (jax.nn.logsumexp(z, 1) - jnp.take_along_axis(z, labels[:, None], 1)[:, 0]).mean()

    run = jax.jit(jax.value_and_grad(loss))
    ps, xs, ls = [jnp.asarray(p) for p in params.values()], jnp.asarray(x), jnp.asarray(labels)

    def step() -> tuple[Any, ...]:
        value, gradients = jax.block_until_ready(run(ps, xs, ls))
        return (value, *gradients)

    return step


def by_torch(x: Any, labels: Any, params: dict[str, Any], dtype: Real) -> Step:
    import torch

    torch.set_num_threads(1)
    ps = [torch.tensor(p, requires_grad=True) for p in params.values()]
    xs, ls = torch.tensor(x), torch.tensor(labels)

    def step() -> tuple[Any, ...]:
        W1, b1, W2, b2 = ps
        z = torch.tanh(xs / 16 @ W1.T + b1) @ W2.T + b2
        value = torch.nn.functional.cross_entropy(z, ls)
        return (value, *torch.autograd.grad(value, ps))

    return step


def by_autograd(x: Any, labels: Any, params: dict[str, Any], dtype: Real) -> Step:
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    rows = np.arange(len(labels))

    def loss(ps: Any) -> Any:
        W1, b1, W2, b2 = ps
        z = anp.dot(anp.tanh(anp.dot(x / 16, W1.T) + b1), W2.T) + b2
        return anp.mean(logsumexp(z, axis=1) - z[rows, labels])

    run, ps = autograd.value_and_grad(loss), list(params.values())

    def step() -> tuple[Any, ...]:
        value, gradients = run(ps)
        return (value, *gradients)

    return step


PEERS = {"NumPy by hand": by_hand, "jax.jit": by_jax, "torch": by_torch, "autograd": by_autograd}


def measure(rows: int, dtype: Real, rounds: int) -> dict[str, Any]:
    """Medians in microseconds by name, after all results were found equal."""
    x, labels = data(rows, dtype)
    program = paramprog.loads(PROGRAM, dtype=dtype)
    params = {k: np.asarray(v) for k, v in program.point(x=x[0]).params.items()}
    steps: dict[str, Step] = {"paramprog": ours(x, labels, params, dtype)}
    for name, make in PEERS.items():
        try:
            steps[name] = make(x, labels, params, dtype)
        except ImportError:
            print(f"{name} is not installed")
    expected = [np.asarray(v) for v in by_hand(x, labels, params, dtype)()]
    tolerance = 1e-10 if dtype == "float64" else 1e-4
    for name, step in steps.items():
        for found, e in zip(step(), expected, strict=True):
            found = found.detach() if hasattr(found, "detach") else found
            np.testing.assert_allclose(np.asarray(found), e, rtol=tolerance, atol=tolerance, err_msg=name)
    times: dict[str, list[float]] = {name: [] for name in steps}
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        for _ in range(rounds):
            for name in rng.permutation(list(steps)):
                steps[name]()
                start = time.perf_counter()
                steps[name]()
                times[name].append(time.perf_counter() - start)
    return {name: 1e6 * float(np.median(t)) for name, t in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    report: dict[str, Any] = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "rounds": arguments.rounds,
    }
    print(f"| rows | dtype | {' | '.join(['paramprog', *PEERS])} | ratios |")
    print(f"|{'---|' * (4 + len(PEERS))}")
    for rows in (64, 1797):
        for dtype in DTYPES:
            found = measure(rows, dtype, arguments.rounds if rows == 64 else max(arguments.rounds // 8, 5))
            report[f"{rows} {dtype}"] = found
            mine = found["paramprog"]
            cells = [f"{found[n]:,.0f} us" if n in found else "-" for n in ["paramprog", *PEERS]]
            ratios = ", ".join(f"{mine / found[n]:.2f}" if n in found else "-" for n in PEERS)
            print(f"| {rows} | {dtype} | {' | '.join(cells)} | {ratios} |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
