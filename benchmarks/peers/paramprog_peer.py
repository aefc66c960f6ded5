"""Programs of the language, compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.workload import Peer, Step, Steps

PROGRAMS = Path(__file__).parents[1] / "programs"


def ours(
    program: str | Path,
    values: Mapping[str, Any],
    batch: Sequence[str] | None = None,
    dtype: Any = "float64",
    dims: Mapping[str, int] | None = None,
    backend: Literal["c", "numpy"] = "c",
    buffers: bool = False,
) -> Peer:
    """Value and gradients of all params (of all inputs, where there is no param); means, with `batch`.

    With `buffers` a call finds its arguments in arrays and leaves its results in arrays, as casadi's do.
    """

    def compiled(made: Any, wrt: Sequence[str] | None) -> Any:
        return made.compile(wrt=wrt, batch=batch or False, backend=backend, **values)

    def step(fast: Any) -> Step:
        if buffers:
            run: Step = fast.bound().run
            return run
        given = {**fast.point.inputs, **fast.point.params}
        return partial(fast.call, *[given[n] if np.ndim(given[n]) else given[n].item() for n in fast.names])

    def make() -> Steps:
        import paramprog

        if isinstance(program, Path):
            made = paramprog.load(program, dims=dims, dtype=dtype)
        else:
            made = paramprog.loads(program, dims=dims, dtype=dtype)
        fast = compiled(made, None)
        if not buffers:
            return Steps(step(fast), lambda: step(compiled(made, [])), source=lambda: fast.source)
        bound = fast.bound()
        found = [bound.value, *bound.gradients.values()]
        return Steps(bound.run, lambda: step(compiled(made, [])), lambda _: found, lambda: fast.source)

    return Peer(make, ("paramprog.program", "paramprog.compiled", "paramprog.compile.c_plan"))
