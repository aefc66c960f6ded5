"""The workloads by name, as `--only` takes them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from benchmarks.workload import Workload
from benchmarks.workloads import (
    fluid,
    mixtures,
    networks,
    recurrent,
    running_example,
    start,
    straight_line,
    training,
)

WORKLOADS: dict[str, Callable[[], Workload]] = {
    **running_example.WORKLOADS,
    **networks.WORKLOADS,
    **recurrent.WORKLOADS,
    **mixtures.WORKLOADS,
    **fluid.WORKLOADS,
    **start.WORKLOADS,
    **straight_line.WORKLOADS,
    **training.WORKLOADS,
}


ASKED_FOR = ("straight-100k",)
"""Measured only if they are named: compiling takes minutes."""


def find(name: str) -> Callable[[], Workload]:
    """A workload by its name, or one from elsewhere: `module:function`. Raises ValueError if there is none."""
    if name in WORKLOADS:
        return WORKLOADS[name]
    module, _, function = name.partition(":")
    try:
        found: Callable[[], Workload] = getattr(import_module(module), function)
    except (ImportError, ValueError, AttributeError):
        raise ValueError(f"no workload {name}; there are {', '.join(WORKLOADS)}") from None
    return found
