"""casadi: a function that it prints as C, called through buffers, which is the least overhead that it has."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from benchmarks.workload import Peer, Step, Steps

FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")


def casadi(expressions: Callable[[Any, Any], tuple[Any, Any]], at: Sequence[float]) -> Peer:
    """`expressions(casadi, x)` are value and gradient in a column of symbols, of which `at` has the values."""

    def make() -> Steps:
        import casadi

        x = casadi.SX.sym("x", len(at))
        value, gradient = expressions(casadi, x)

        def step(*outputs: Any) -> tuple[Step, list[Any]]:
            run, rooms = _buffered(casadi, casadi.Function("f", [x], list(outputs)), at)
            return run, rooms

        run, rooms = step(value, gradient)
        return Steps(run, lambda: step(value)[0], read=lambda _: (rooms[0], *rooms[1].flat))

    return Peer(make, ("casadi",))


KEPT: list[Any] = []
"""casadi holds pointers only."""


def _buffered(casadi: Any, function: Any, at: Sequence[float]) -> tuple[Step, list[Any]]:
    folder = Path(mkdtemp())
    code = casadi.CodeGenerator("f.c")
    code.add(function)
    code.generate(f"{folder}/")
    library = folder / "f.so"
    subprocess.run(["cc", *FLAGS, str(folder / "f.c"), "-o", str(library), "-lm"], check=True)
    compiled = casadi.external("f", str(library))
    buffer, run = compiled.buffer()
    given: Any = np.array(at, np.float64)
    rooms: list[Any] = [np.zeros(compiled.size_out(k)) for k in range(compiled.n_out())]
    buffer.set_arg(0, memoryview(given))
    for k, room in enumerate(rooms):
        buffer.set_res(k, memoryview(room))
    KEPT.append((compiled, buffer, given))
    return run, rooms
