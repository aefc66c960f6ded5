"""C by hand, with the compiler and flags that are best for it, -ffast-math included."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.workload import Peer, Steps

SOURCES = Path(__file__).parents[1] / "c"
FLAGS = ("-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-shared", "-fPIC")


def by_hand(
    source: str, given: Sequence[NDArray[Any]], shapes: Sequence[tuple[int, ...]], sizes: Sequence[int]
) -> Peer:
    """`step(sizes..., inputs..., results...)` of c/`source`: the value, then gradients of these shapes."""

    def make() -> Steps:
        library = Path(mkdtemp()) / "by_hand.so"
        subprocess.run(["cc", *FLAGS, str(SOURCES / source), "-o", str(library), "-lm"], check=True)
        run = ctypes.CDLL(str(library)).step
        run.restype = None
        inputs = [np.ascontiguousarray(a) for a in given]
        arrays = [*inputs, np.zeros(1), *(np.zeros(shape) for shape in shapes)]
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in arrays]
        arguments = [*map(ctypes.c_int64, sizes), *pointers]
        return Steps(lambda: run(*arguments), read=lambda _: arrays[len(inputs) :])

    return Peer(make)
