"""Programs without loops, of many statements: the first gradient from the text, and gradients from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.casadi_peer import KEPT
from benchmarks.peers.paramprog_peer import ours
from benchmarks.straight_line import program
from benchmarks.workload import Peer, Steps, Workload

AT = {"x0": 0.3}
W = 0.5


def _casadi_function(casadi: Any, statements: int) -> Any:
    """What `program` says, made from Python: (x0, W) -> value, d value / dW."""
    x0, weight = casadi.SX.sym("x0"), casadi.SX.sym("W")
    xs = [x0]
    for i in range(statements):
        xs.append(casadi.sin(xs[i]) * weight + xs[max(i - 1, 0)])
    return casadi.Function("f", [x0, weight], [xs[-1], casadi.gradient(xs[-1], weight)])


def from_text(statements: int) -> Workload:
    """Each step makes everything anew."""
    text = program(statements)

    def mine() -> Steps:
        import paramprog

        def step() -> Any:
            found = paramprog.loads(text).grad(x0=AT["x0"])
            return found.value, found["W"]

        return Steps(step)

    def theirs() -> Steps:
        import casadi

        return Steps(lambda: [float(x) for x in _casadi_function(casadi, statements)(AT["x0"], W)])

    peers = {"ours": Peer(mine, ("paramprog.program",)), "casadi SX": Peer(theirs, ("casadi",))}
    return Workload(
        f"straight line, {statements:,} statements, first gradient from the text", peers, anew=True
    )


def again_and_again(statements: int) -> Workload:
    """Steps of a function that is made once: ours is compiled to C, casadi's runs in its virtual machine.

    Rounding grows with the statements, so what is allowed does too.
    """

    def theirs() -> Steps:
        import casadi

        function = _casadi_function(casadi, statements)
        buffer, run = function.buffer()
        arrays: list[Any] = [np.array([AT["x0"]]), np.array([W]), np.zeros(1), np.zeros(1)]
        for k in range(2):
            buffer.set_arg(k, memoryview(arrays[k]))
            buffer.set_res(k, memoryview(arrays[2 + k]))
        KEPT.append((function, buffer))
        return Steps(run, read=lambda _: arrays[2:])

    text = program(statements)
    peers = {
        "ours": ours(text, AT, buffers=True),
        "casadi SX": Peer(theirs, ("casadi",)),
        "our NumPy back end": ours(text, AT, backend="numpy"),
    }
    return Workload(
        f"straight line, {statements:,} statements, again and again", peers, tolerance=1e-13 * statements
    )


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "straight-10k-text": lambda: from_text(10_000),
    "straight-100k-text": lambda: from_text(100_000),
    "straight-10k": lambda: again_and_again(10_000),
    "straight-100k": lambda: again_and_again(100_000),
}
