"""What is measured: a workload has peers, a peer makes steps.

A workload is made in every process that takes part in it, so it must be the same each time: random data are seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Step = Callable[[], Any]


class Steps(NamedTuple):
    """What a peer does again and again.

    `gradient` computes value and gradients; `primal()` makes the step that computes the value alone. `read` turns what
    `gradient` returns into value and gradients, nested as they may be. `source` is the code that runs, if it is known.
    """

    gradient: Step
    primal: Callable[[], Step] | None = None
    read: Callable[[Any], Any] = lambda found: found
    source: Callable[[], str] = lambda: ""


@dataclass(frozen=True)
class Peer:
    """`make` is called, in a process of its own, once `libraries` are imported: what it takes is the first call."""

    make: Callable[[], Steps]
    libraries: tuple[str, ...] = ()
    checked: bool = True
    """A floor, such as the bare matrix products, has no results to compare."""
    apart: bool = False
    """Whether each step is a process, so that memory is looked for there."""


@dataclass(frozen=True)
class Workload:
    """`peers` by name, of which "ours" is one."""

    title: str
    peers: Mapping[str, Peer]
    tolerance: float = 1e-9
    """Of the largest entry, for the value and for each gradient."""
    anew: bool = False
    """Whether each step does everything anew, as the first call does; it is not repeated to tell how long it takes."""


def flat(found: Any) -> list[NDArray[np.float64]]:
    """Value and gradients as arrays, in order, whatever library they come from."""
    if isinstance(found, (tuple, list)):
        return [array for part in found for array in flat(part)]
    if hasattr(found, "detach"):
        found = found.detach()
    return [np.asarray(found, np.float64)]
