"""Straight-line programs and short runs: from the text to the first gradient, the steady state, the start of a process.

    python benchmarks/straight_line.py [--sizes 10000 100000] [--compile 10000] [--rounds 5]
    python benchmarks/straight_line.py --stages 10000 20000 40000 100000    # where the time goes; it must grow linearly

The peers, casadi and jax, must be installed. casadi gets the same recurrence as scalar symbols (`SX`) from Python. Its
value and gradient are compared with ours before anything is timed. Each round runs both, one after the other in one
process, so that a slow moment of the machine hits both; the report gives medians, and the median of the ratios of the
rounds. The import of libraries and the construction of the parser are not counted, but for the last row, which is about
nothing else.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isclose
from pathlib import Path
from statistics import median
from typing import Any

STAGES = ("parse", "check and build", "adjoint", "evaluate", "first gradient")

X0, W = 0.3, 0.5

EXAMPLE = Path(__file__).resolve().parent.parent / "programs" / "running_example.pp"

JAX_EXAMPLE = """
import jax, jax.numpy as jnp
def R(W0, W1, W2, P, Q):
    B = jnp.tanh(W0 * P) * Q
    return jnp.sin(W1 * B) * jax.nn.sigmoid(W2 * B)
print(jax.grad(R, argnums=(0, 1, 2))(0.5, -1.2, 0.8, 0.3, 0.7))
"""


@dataclass(frozen=True)
class Row:
    """One line of the report: seconds of ours and of the peer in each round, and what their ratio should be."""

    workload: str
    peer: str
    ours: Sequence[float]
    theirs: Sequence[float]
    target: float | None = None

    @property
    def ratio(self) -> float:
        """The median of the ratios of the rounds."""
        return median(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    def __str__(self) -> str:
        target = "" if self.target is None else f"{self.target:.2f}"
        ours, theirs = f"{1e3 * median(self.ours):.3f} ms", f"{1e3 * median(self.theirs):.3f} ms"
        return f"{self.workload:46} {ours:>13} {theirs:>13} {self.ratio:7.2f} {target:>6}  {self.peer}"


# ---- the workload ------------------------------------------------------------------------------------------------


def program(statements: int) -> str:
    """A recurrence written out: each statement reads the two points before it, and the one weight."""
    lines = [f"    x{i + 1} = sin(x{i}) * W + x{max(i - 1, 0)}" for i in range(statements)]
    return "\n".join(
        [f"param W = {W}", f"function f(x0 = {X0}) {{", *lines, f"    return x{statements}", "}"]
    )


class Ours:
    """The gradient by paramprog; `times` are the moments between the stages."""

    def __init__(self, text: str) -> None:
        from paramprog.diagnostics import Source
        from paramprog.pipeline import compile_module, read

        self.times = [time.perf_counter()]
        module = read(Source("straight_line", text))
        self.times.append(time.perf_counter())
        compiled = compile_module(module, None, {})
        self.times.append(time.perf_counter())
        built = compiled.built
        (output,) = built.outputs.values()
        (gradient,) = compiled.gradient(output, (built.params["W"],))
        self.times.append(time.perf_counter())
        assert gradient is not None
        self.nodes, self.leaves = [output, gradient], (built.inputs["x0"], built.params["W"])
        self.first = self()
        self.times.append(time.perf_counter())

    def __call__(self) -> tuple[float, float]:
        """The value and the gradient, node by node."""
        from paramprog.evaluate import evaluate

        value, gradient = evaluate(self.nodes, dict(zip(self.leaves, (X0, W), strict=True)))
        return float(value), float(gradient)


class Casadi:
    """The gradient by casadi, from the recurrence as scalar symbols."""

    def __init__(self, statements: int) -> None:
        import casadi

        weight, start = casadi.SX.sym("W"), casadi.SX.sym("x0")
        points = [start]
        for i in range(statements):
            points.append(casadi.sin(points[i]) * weight + points[max(i - 1, 0)])
        gradient = casadi.gradient(points[-1], weight)
        self.function = casadi.Function("f", [start, weight], [points[-1], gradient])
        self.first = self()

    def __call__(self) -> tuple[float, float]:
        value, gradient = self.function(X0, W)
        return float(value), float(gradient)

    def through_buffers(self) -> Callable[[], object]:
        """The call without conversions: casadi's fastest from Python."""
        import numpy as np

        buffer, call = self.function.buffer()
        self.kept = [np.array(X0), np.array(W), np.zeros(()), np.zeros(())]
        for i, array in enumerate(self.kept):
            (buffer.set_arg if i < 2 else buffer.set_res)(i % 2, memoryview(array))
        self.buffer = buffer
        found: Callable[[], object] = call
        return found


def check(ours: tuple[float, float], theirs: tuple[float, float]) -> None:
    """Raises AssertionError unless value and gradient agree; rounding errors grow along the recurrence."""
    for a, b in zip(ours, theirs, strict=True):
        assert isclose(a, b, rel_tol=1e-9), f"{a} is not {b}"


# ---- rows --------------------------------------------------------------------------------------------------------


def first_gradient(statements: int, rounds: int, target: float | None) -> Row:
    """From the text to the first gradient, and from Python loops to casadi's."""
    text = program(statements)
    check(Ours(program(300)).first, Casadi(300).first)  # and the parser and the libraries are ready
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        gc.collect()
        mine, seconds = timed(lambda: Ours(text))
        ours.append(seconds)
        gc.collect()
        peer, seconds = timed(lambda: Casadi(statements))
        theirs.append(seconds)
        check(mine.first, peer.first)
    return Row(f"{statements} statements: first gradient", "casadi SX from Python", ours, theirs, target)


def steady_state(statements: int, rounds: int) -> Row:
    """Value and gradient again and again, node by node."""
    mine, peer = Ours(program(statements)), Casadi(statements)
    check(mine.first, peer.first)
    call = peer.through_buffers()
    pairs = [(timed(mine)[1], timed(call)[1]) for _ in range(rounds)]
    return Row(
        f"{statements} statements: steady, interpreted", "casadi SX, buffers", *zip(*pairs, strict=True)
    )


def compiled_steady_state(statements: int, rounds: int) -> tuple[float, Row]:
    """The seconds that compiling takes, and then value and gradient again and again."""
    from paramprog import loads

    loaded, peer = loads(program(statements)), Casadi(statements)
    compiled, seconds = timed(lambda: loaded.compile(backend="c"))
    value, gradients = compiled.value_and_gradient(x0=X0)
    check((float(value), float(gradients["W"])), peer.first)
    direct, theirs = compiled.call, peer.through_buffers()
    pairs = [(timed(lambda: direct(X0, W))[1], timed(theirs)[1]) for _ in range(rounds)]
    row = Row(
        f"{statements} statements: steady, compiled", "casadi SX, buffers", *zip(*pairs, strict=True), 1.0
    )
    return seconds, row


def process_start(rounds: int) -> Row:
    """From the start of a process to the gradient of the running example, with bytecode written as when installed."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def run(*words: str) -> float:
        command = [sys.executable, *words]
        return timed(lambda: subprocess.run(command, env=environment, check=True, capture_output=True))[1]

    mine, peer = ("-m", "paramprog", "grad", str(EXAMPLE)), ("-c", JAX_EXAMPLE)
    pairs = [(run(*mine), run(*peer)) for _ in range(rounds + 1)][1:]  # the first writes bytecode
    return Row("running example: process start to gradient", "jax", *zip(*pairs, strict=True), 0.5)


def timed(f: Callable[[], Any]) -> tuple[Any, float]:
    """What `f` returns, and the seconds that it takes."""
    start = time.perf_counter()
    found = f()
    return found, time.perf_counter() - start


def stages(sizes: Sequence[int], rounds: int) -> Iterator[str]:
    """The seconds of each stage for each size, and how often the smallest goes into the largest."""
    Ours(program(300))
    found: dict[int, list[list[float]]] = {n: [] for n in sizes}
    for _ in range(rounds):
        for n in sizes:
            gc.collect()
            spans = [b - a for a, b in pairwise(Ours(program(n)).times)]
            found[n].append([*spans, sum(spans)])
    small, large = min(sizes), max(sizes)
    yield f"{'statements':>18}" + "".join(f"{n:>12}" for n in sizes) + f"{f'{large}/{small}':>16}"
    for k, stage in enumerate(STAGES):
        times = [median(r[k] for r in found[n]) for n in sizes]
        ratio = median(b[k] / a[k] for a, b in zip(found[small], found[large], strict=True))
        yield f"{stage:>18}" + "".join(f"{t:>12.3f}" for t in times) + f"{ratio:>15.2f}x"


def rows(sizes: Sequence[int], compile_sizes: Sequence[int], rounds: int) -> Iterator[Row | str]:
    """All rows, each when it is known, and a line with the time that compiling takes."""
    for n in sizes:
        yield first_gradient(n, rounds, 1.0 if n <= 10_000 else 3.0)
        yield steady_state(n, rounds)
        if n in compile_sizes:
            seconds, row = compiled_steady_state(n, rounds)
            yield row
            yield f"{'':46} {seconds:.1f} s to compile, {1e3 * seconds / (3 * n):.2f} ms an operation"
    yield process_start(rounds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument(
        "--compile", type=int, nargs="*", default=[10_000], help="the sizes to be compiled too"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--stages", type=int, nargs="+", help="only the stages, for these sizes, without peers"
    )
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {options.rounds} rounds, medians")
    if options.stages:
        print(*stages(options.stages, options.rounds), sep="\n")
        return
    print(f"{'':46} {'paramprog':>13} {'peer':>13} {'ratio':>7} {'target':>6}")
    for row in rows(options.sizes, options.compile, options.rounds):
        print(row, flush=True)


if __name__ == "__main__":
    main()
