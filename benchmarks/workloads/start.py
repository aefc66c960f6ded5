"""A small program in a process that is started for it: from nothing to the first gradient."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.peers.paramprog_peer import PROGRAMS
from benchmarks.workload import Peer, Steps, Workload

RUNNING = PROGRAMS.parents[1] / "programs" / "running_example.pp"

OURS = f"""
import json, paramprog
found = paramprog.load({str(RUNNING)!r}).grad()
print(json.dumps([float(found.value), *map(float, found.gradients.values())]))
"""

JAX = """
import json, jax, jax.numpy as jnp
jax.config.update("jax_enable_x64", True)
def loss(W, P, Q):
    B = jnp.tanh(W[0] * P) * Q
    return jnp.sin(W[1] * B) * jax.nn.sigmoid(W[2] * B)
value, gradient = jax.{how}(jax.value_and_grad(loss))(jnp.array([0.5, -1.2, 0.8]), 0.3, 0.7)
print(json.dumps([float(value), *map(float, gradient)]))
"""

AUTOGRAD = """
import json, autograd, autograd.numpy as np
def loss(W, P, Q):
    B = np.tanh(W[0] * P) * Q
    return np.sin(W[1] * B) / (1 + np.exp(-W[2] * B))
value, gradient = autograd.value_and_grad(loss)(np.array([0.5, -1.2, 0.8]), 0.3, 0.7)
print(json.dumps([float(value), *map(float, gradient)]))
"""

TORCH = """
import json, torch
W = torch.tensor([0.5, -1.2, 0.8], dtype=torch.float64, requires_grad=True)
B = torch.tanh(W[0] * 0.3) * 0.7
value = torch.sin(W[1] * B) * torch.sigmoid(W[2] * B)
value.backward()
print(json.dumps([value.item(), *W.grad.tolist()]))
"""


def _process(*words: str) -> Any:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        raise ImportError(said) if said.startswith("ModuleNotFoundError") else RuntimeError(said)
    return json.loads(done.stdout)


def _runs(text: str) -> Peer:
    return Peer(lambda: Steps(lambda: _process("-c", text)), apart=True)


def _command() -> Peer:
    def read(found: Any) -> Any:
        return [found["value"], *found["gradients"].values()]

    return Peer(
        lambda: Steps(lambda: _process("-m", "paramprog", "grad", str(RUNNING), "--json"), read=read),
        apart=True,
    )


def start() -> Workload:
    peers = {
        "ours": _runs(OURS),
        "paramprog grad": _command(),
        "jax.jit": _runs(JAX.replace("{how}", "jit")),
        "jax without jit": _runs(JAX.replace("jax.{how}", "")),
        "autograd": _runs(AUTOGRAD),
        "torch": _runs(TORCH),
    }
    return Workload("small program, process start to first gradient", peers, anew=True)


WORKLOADS: dict[str, Callable[[], Workload]] = {"start": start}
