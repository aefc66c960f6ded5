"""Value and gradient, compiled to C, side by side with its peers.

    python benchmarks/compiled.py [--only NAME ...] [--rounds 30] [--json FILE]

Each workload runs in a process of its own; in each round every peer takes its turns, in an order drawn anew, and times
the second, which finds in the caches what the first one left there. Results are compared with those of the first peer
before anything is timed. Everything runs on one thread, peers too, unless --threads N. The table has the median time
of each peer, the ratio of ours to it, and how long our first call took (all stages, compiler included, nothing cached).
Peers: `pip install 'paramprog[bench]'`; those that are not there are left out.
"""

from __future__ import annotations

import os
import sys

THREADS = sys.argv[sys.argv.index("--threads") + 1] if "--threads" in sys.argv else "1"
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = THREADS
if THREADS == "1":
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import paramprog

Step = Callable[[], Any]
"""Value and gradients, as a flat sequence of numbers and arrays."""

Make = Callable[[], Step]

KEPT: list[Any] = []
TICKS: dict[str, Callable[[], Any]] = {}
"""What is timed of a peer, where that is not the whole step: results that are read from buffers need no call."""


@dataclass
class Workload:
    """`peers` by name, "ours" first; each is made when its turn comes, and left out when its library is missing."""

    name: str
    peers: dict[str, Make]
    repeat: int = 1
    """Calls in one measurement, for what takes less than the clock can tell."""
    tolerance: float = 1e-9
    first: float = 0.0
    times: dict[str, float] = field(default_factory=dict)


def ours(text: str, values: dict[str, Any], batch: list[str] | None = None, dtype: Any = "float64") -> Make:
    def make() -> Step:
        program = paramprog.loads(text, dtype=dtype)
        fast = program.compile(batch=batch or False, backend="c", **values)
        point = program.many(batch=batch, **values).point if batch else program.point(**values)
        given = {**point.inputs, **point.params}
        arguments = [given[name] if np.ndim(given[name]) else given[name].item() for name in fast.names]
        return partial(fast.call, *arguments)

    return make


def jax_step(loss: Any, arguments: list[Any], wrt: tuple[int, ...]) -> Make:
    """value_and_grad under jit; `loss` is made by a function of jax.numpy."""

    def make() -> Step:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        run = jax.jit(jax.value_and_grad(loss(jax, jnp), wrt))
        given = [jnp.asarray(a) for a in arguments]

        def step() -> Any:
            value, gradients = jax.block_until_ready(run(*given))
            return (value, *gradients)

        return step

    return make


# ---- workloads ---------------------------------------------------------------------------------------------------

RUNNING = """
param W0 : real = 1.0, W1 : real = -1.2, W2 : real = 0.8
function R(P : real, Q : real) {
    B = tanh(W0 * P) * Q
    return sin(W1 * B) * sigmoid(W2 * B)
}
"""


def running_loss(jax: Any, jnp: Any) -> Any:
    def loss(P: Any, Q: Any, W0: Any, W1: Any, W2: Any) -> Any:
        B = jnp.tanh(W0 * P) * Q
        return (jnp.sin(W1 * B) * jax.nn.sigmoid(W2 * B)).mean()

    return loss


def casadi_buffers() -> Step:
    """A function compiled by casadi, called through buffers: the least overhead that it has."""
    import casadi

    P, Q, *W = (casadi.SX.sym(n) for n in ("P", "Q", "W0", "W1", "W2"))
    B = casadi.tanh(W[0] * P) * Q
    R = casadi.sin(W[1] * B) / (1 + casadi.exp(-W[2] * B))
    f = casadi.Function("f", [casadi.vertcat(P, Q, *W)], [R, casadi.gradient(R, casadi.vertcat(*W))])
    folder = Path(tempfile.mkdtemp())
    here = os.getcwd()
    os.chdir(folder)
    f.generate("f.c")
    subprocess.run(["cc", "-O3", "-march=native", "-shared", "-fPIC", "f.c", "-o", "f.so", "-lm"], check=True)
    os.chdir(here)
    g = casadi.external("f", str(folder / "f.so"))
    buffer, run = g.buffer()
    given, value, gradient = np.array([0.3, 0.7, 1.0, -1.2, 0.8]), np.zeros(1), np.zeros(3)
    buffer.set_arg(0, memoryview(given))
    buffer.set_res(0, memoryview(value))
    buffer.set_res(1, memoryview(gradient))

    KEPT.append((g, buffer, given))  # casadi holds pointers only
    TICKS["casadi"] = run

    def step() -> Any:
        run()
        return value, gradient

    return step


def one_sample() -> Workload:
    at = {"P": 0.3, "Q": 0.7}
    jax_at = [0.3, 0.7, 1.0, -1.2, 0.8]
    peers = {
        "ours": ours(RUNNING, at),
        "casadi": casadi_buffers,
        "jax": jax_step(running_loss, jax_at, (2, 3, 4)),
    }
    return Workload("running example, one sample", peers, repeat=1000)


def many_samples() -> Workload:
    rng = np.random.default_rng(0)
    P, Q = rng.normal(size=10**6), rng.normal(size=10**6)

    def torch_step() -> Step:
        import torch

        torch.set_num_threads(int(THREADS))
        weights = [torch.tensor(w, dtype=torch.float64, requires_grad=True) for w in (1.0, -1.2, 0.8)]
        p, q = torch.tensor(P), torch.tensor(Q)

        @torch.compile
        def loss(w0: Any, w1: Any, w2: Any) -> Any:
            B = torch.tanh(w0 * p) * q
            return (torch.sin(w1 * B) * torch.sigmoid(w2 * B)).mean()

        def step() -> Any:
            value = loss(*weights)
            return (value.detach(), *torch.autograd.grad(value, weights))

        return step

    peers = {
        "ours": ours(RUNNING, {"P": P, "Q": Q}, ["P", "Q"]),
        "jax": jax_step(running_loss, [P, Q, 1.0, -1.2, 0.8], (2, 3, 4)),
        "torch.compile": torch_step,
    }
    return Workload("running example, 10^6 samples", peers)


def network(sizes: list[int]) -> str:
    """A tanh network with softmax cross-entropy, for one sample."""
    lines, x = [], "x"
    for k, (m, n) in enumerate(pairwise(sizes), 1):
        lines.append(f"param W{k} : real[{n}, {m}] ~ glorot(), b{k} : real[{n}] ~ zeros()")
    lines.append(f"function loss(x : real[{sizes[0]}], label : int = 0) {{")
    for k in range(1, len(sizes)):
        z = f"W{k} @ {x} + b{k}"
        lines.append(f"    h{k} = {f'tanh({z})' if k < len(sizes) - 1 else z}")
        x = f"h{k}"
    return "\n".join([*lines, f"    return logsumexp({x}) - {x}[label]", "}"])


def network_workload(name: str, sizes: list[int], rows: int, dtype: str) -> Workload:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, sizes[0])).astype(dtype)
    labels = rng.integers(0, sizes[-1], rows)
    params = {}
    for k, (m, n) in enumerate(pairwise(sizes), 1):
        params[f"W{k}"] = (rng.normal(size=(n, m)) * (2 / (m + n)) ** 0.5).astype(dtype)
        params[f"b{k}"] = np.zeros(n, dtype)

    def loss(jax: Any, jnp: Any) -> Any:
        def run(x: Any, labels: Any, *ps: Any) -> Any:
            h = x
            for k in range(0, len(ps), 2):
                h = h @ ps[k].T + ps[k + 1]
                h = jnp.tanh(h) if k + 2 < len(ps) else h
            return (jax.nn.logsumexp(h, 1) - jnp.take_along_axis(h, labels[:, None], 1)[:, 0]).mean()

        return run

    wrt = tuple(range(2, 2 + len(params)))
    peers = {
        "ours": ours(network(sizes), {"x": x, "label": labels, **params}, ["x", "label"], dtype),
        "jax": jax_step(loss, [x, labels, *params.values()], wrt),
    }
    return Workload(name, peers, tolerance=1e-9 if dtype == "float64" else 1e-3)


RNN = """
dim T = 200, h = 32, d = 8
param W : real[h, h] ~ glorot(), U : real[h, d] ~ glorot(), b : real[h] ~ zeros(), v : real[h] ~ normal(0, 1)
function loss(x : real[T, d], y : real[T]) {
    s = zeros(h)
    total = 0.0
    for t in 0..T {
        s = tanh(W @ s + U @ x[t] + b)
        total = total + square(v @ s - y[t])
    }
    return total / T
}
"""


def rnn() -> Workload:
    rng = np.random.default_rng(0)
    T, h, d = 200, 32, 8
    W, U, b, v = rng.normal(size=(h, h)) * 0.2, rng.normal(size=(h, d)) * 0.3, np.zeros(h), rng.normal(size=h)
    x, y = rng.normal(size=(T, d)), rng.normal(size=T)

    def loss(jax: Any, jnp: Any) -> Any:
        def run(x: Any, y: Any, W: Any, U: Any, b: Any, v: Any) -> Any:
            def turn(s: Any, row: Any) -> Any:
                s = jnp.tanh(W @ s + U @ row[0] + b)
                return s, (v @ s - row[1]) ** 2

            return jax.lax.scan(turn, jnp.zeros(h), (x, y))[1].mean()

        return run

    values = {"x": x, "y": y, "W": W, "U": U, "b": b, "v": v}
    peers = {"ours": ours(RNN, values), "jax scan": jax_step(loss, list(values.values()), (2, 3, 4, 5))}
    return Workload("RNN, 200 turns, 32 units", peers)


GMM = """
dim d, k
param alpha : real[k], m : real[k, d], q : real[k, d]
function loss(x : real[d]) {
    z = [ alpha[j] + sum(q[j]) - 0.5 * sum(square(exp(q[j]) * (x - m[j]))) for j in 0..k ]
    return logsumexp(z) - logsumexp(alpha)
}
"""


def gmm(n: int = 1000, d: int = 10, k: int = 25) -> Workload:
    """Diagonal covariances: the log likelihood of a mixture."""
    rng = np.random.default_rng(0)
    alpha, m, q, x = (rng.normal(size=s) for s in ((k,), (k, d), (k, d), (n, d)))
    q *= 0.1

    def loss(jax: Any, jnp: Any) -> Any:
        def run(x: Any, alpha: Any, m: Any, q: Any) -> Any:
            scaled = jnp.exp(q)[None] * (x[:, None] - m[None])
            z = alpha + q.sum(1) - 0.5 * (scaled**2).sum(2)
            return (jax.nn.logsumexp(z, 1) - jax.nn.logsumexp(alpha)).mean()

        return run

    peers = {
        "ours": ours(GMM, {"x": x, "alpha": alpha, "m": m, "q": q}, ["x"]),
        "jax": jax_step(loss, [x, alpha, m, q], (1, 2, 3)),
    }
    return Workload(f"Gaussian mixture, {n} points, d {d}, k {k}", peers)


def fluid(n: int = 40, steps: int = 20, sweeps: int = 10) -> Workload:
    """programs/fluid.pp: advection by interpolation at run-time indices, sweeps of a pressure solver."""
    rng = np.random.default_rng(0)
    velocity = rng.normal(size=(2, n, n)) * 0.5
    smoke = np.repeat([[1.0], [0.0]], n // 2, 0) * np.ones((1, n))

    def mine() -> Step:
        path = Path(__file__).parents[1] / "programs" / "fluid.pp"
        sizes = {"n": n, "steps": steps, "sweeps": sweeps}
        fast = paramprog.load(path, dims=sizes).compile(velocity=velocity, backend="c")
        point = fast.point
        return partial(fast.call, *[{**point.inputs, **point.params}[name] for name in fast.names])

    def loss(jax: Any, jnp: Any) -> Any:
        row, column = jnp.meshgrid(jnp.arange(n), jnp.arange(n), indexing="ij")

        def advect(f: Any, u: Any, v: Any) -> Any:
            x, y = row - u, column - v
            i, j = jnp.floor(x).astype(int), jnp.floor(y).astype(int)
            a, b = x - i, y - j
            cell = lambda i, j: f.reshape(-1)[n * (i % n) + j % n]
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

        def run(velocity: Any, smoke: Any, goal: Any) -> Any:
            def step(state: Any, _: Any) -> Any:
                u, v, moved = state
                u, v = project(advect(u, u, v), advect(v, u, v))
                return (u, v, advect(moved, u, v)), None

            start = (velocity[0], velocity[1], smoke)
            moved = jax.lax.scan(step, start, None, length=steps)[0][2]
            return ((moved - goal) ** 2).mean()

        return run

    return Workload(
        f"fluid {n} x {n}, {steps} steps",
        {"ours": mine, "jax scan": jax_step(loss, [velocity, smoke, smoke.T], (0,))},
    )


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "one-sample": one_sample,
    "many-samples": many_samples,
    "digits-64-f32": lambda: network_workload(
        "digits 64-128-10, batch 64, f32", [64, 128, 10], 64, "float32"
    ),
    "digits-64-f64": lambda: network_workload(
        "digits 64-128-10, batch 64, f64", [64, 128, 10], 64, "float64"
    ),
    "digits-full-f32": lambda: network_workload(
        "digits 64-128-10, 1797 rows, f32", [64, 128, 10], 1797, "float32"
    ),
    "digits-full-f64": lambda: network_workload(
        "digits 64-128-10, 1797 rows, f64", [64, 128, 10], 1797, "float64"
    ),
    "wide-f32": lambda: network_workload(
        "784-1024-1024-10, batch 256, f32", [784, 1024, 1024, 10], 256, "float32"
    ),
    "rnn": rnn,
    "gmm": gmm,
    "gmm-32": lambda: gmm(1000, 32),
    "gmm-10k": lambda: gmm(10_000),
    "fluid": fluid,
}


# ---- measuring ---------------------------------------------------------------------------------------------------


def flat(found: Any) -> Any:
    return np.concatenate([np.ravel(np.asarray(x, np.float64)) for x in found])


def measure(workload: Workload, rounds: int) -> None:
    steps: dict[str, Step] = {}
    for name, make in workload.peers.items():
        start = time.perf_counter()
        try:
            step = make()
            found = flat(step())
        except ImportError as missing:
            print(f"{name} is left out: {missing}", file=sys.stderr)
            continue
        if name == "ours":
            workload.first, expected = time.perf_counter() - start, found
        scale = np.max(np.abs(expected))
        error = np.max(np.abs(found - expected)) / scale
        assert error <= workload.tolerance, f"{name} differs by {error:.1e}"
        steps[name] = step
    samples: dict[str, list[float]] = {name: [] for name in steps}
    rng = np.random.default_rng()
    for _ in range(rounds):
        for name in rng.permutation(list(steps)):
            step = TICKS.get(name, steps[name])
            step()
            start = time.perf_counter()
            for _ in range(workload.repeat):
                step()
            samples[name].append((time.perf_counter() - start) / workload.repeat)
    workload.times = {name: median(values) for name, values in samples.items()}


def one(name: str, rounds: int) -> None:
    """Measure one workload, and print it as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PARAMPROG_CACHE"] = folder
        workload = WORKLOADS[name]()
        measure(workload, rounds)
    print(json.dumps({"name": workload.name, "first": workload.first, "times": workload.times}))


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--one", choices=WORKLOADS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.one, arguments.rounds)
        return
    from paramprog.compile.toolchain import toolchain

    tool = toolchain()
    print(
        f"{cpu()}, {os.cpu_count()} CPUs, {THREADS} thread(s); "
        f"{tool.name if tool else 'no compiler'}; NumPy {np.__version__}"
    )
    print("\n| workload | ours | first call | peer | time | ours / peer |\n|---|---|---|---|---|---|")
    found = []
    for name in arguments.only:
        words = [
            sys.executable,
            __file__,
            "--one",
            name,
            "--rounds",
            str(arguments.rounds),
            "--threads",
            THREADS,
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
            print(f"| {name} | failed: {said[-1]} | | | | |")
            continue
        made = json.loads(done.stdout.splitlines()[-1])
        found.append(made)
        mine = made["times"]["ours"]
        for peer, seconds in made["times"].items():
            if peer != "ours":
                times = f"{mine * 1e6:.3g} us | {made['first']:.2f} s | {peer} | {seconds * 1e6:.3g} us"
                print(f"| {made['name']} | {times} | {mine / seconds:.3f} |", flush=True)
    if arguments.json:
        Path(arguments.json).write_text(
            json.dumps({"cpu": cpu(), "threads": THREADS, "workloads": found}, indent=1)
        )


if __name__ == "__main__":
    main()
