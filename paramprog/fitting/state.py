"""Where a training run stands: all that a checkpoint keeps, and nothing that could be computed again.

In a checkpoint the arrays are `param/NAME`, `best/NAME` (the best params so far) and what the optimiser adds; the
counters and sums are in its `meta`, where numbers come back exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Any, cast

from numpy.typing import NDArray

from paramprog.fitting.checkpoint import JSON, Checkpoint
from paramprog.fitting.layout import Layout, Vector

Figures = dict[str, float]
"""Loss and metrics by name."""

PARAM, BEST = "param/", "best/"


@dataclass
class Best:
    """The epoch with the lowest monitored loss so far, and the params after it."""

    epoch: int
    loss: float
    theta: Vector


@dataclass
class State:
    """`theta` are the params. `epoch` counts complete epochs, `step` steps since the start, `position` those of the
    epoch that is under way; `total` and `seen` are the sum of its losses and the rows they are of, `skipped` the steps
    left out in it. `waited` counts epochs since the best one, `records` lines of the log.
    """

    layout: Layout
    theta: Vector
    epoch: int = 0
    step: int = 0
    position: int = 0
    total: float = 0.0
    seen: int = 0
    skipped: int = 0
    waited: int = 0
    records: int = 0
    best: Best | None = None
    ended: str | None = None
    """Why no epoch will follow, once that is known."""
    result: dict[str, Figures] = field(default_factory=dict)
    """The figures of the final params, by the part of the rows; empty until the run is finished."""

    def judge(self, loss: float, min_delta: float) -> None:
        """Compare the monitored loss of the epoch that just ended with the best so far; NaN is never better."""
        best = self.best
        if best is None or loss < best.loss - min_delta or (isnan(best.loss) and not isnan(loss)):
            self.best = Best(self.epoch, loss, self.theta.copy())
            self.waited = 0
        else:
            self.waited += 1

    def begin_epoch(self) -> None:
        """Set what counts within an epoch back."""
        self.position = self.seen = self.skipped = 0
        self.total = 0.0

    # ---- checkpoints ---------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of a checkpoint; views of the params."""
        found = {PARAM + name: view for name, view in self.layout.views(self.theta).items()}
        if self.best is not None:
            found |= {BEST + name: view for name, view in self.layout.views(self.best.theta).items()}
        return found

    def meta(self) -> dict[str, JSON]:
        """The rest of it."""
        found: dict[str, JSON] = {name: getattr(self, name) for name in COUNTERS}
        found["best"] = None if self.best is None else {"epoch": self.best.epoch, "loss": self.best.loss}
        found["ended"] = self.ended
        found["result"] = cast(JSON, self.result)
        return found

    @classmethod
    def restored(cls, layout: Layout, checkpoint: Checkpoint) -> State:
        """The state that gave this checkpoint."""
        meta: Mapping[str, Any] = checkpoint.meta
        state = cls(layout, _vector(layout, PARAM, checkpoint), **{name: meta[name] for name in COUNTERS})
        if meta["best"] is not None:
            state.best = Best(meta["best"]["epoch"], meta["best"]["loss"], _vector(layout, BEST, checkpoint))
        state.ended, state.result = meta["ended"], meta["result"]
        return state


COUNTERS = ("epoch", "step", "position", "total", "seen", "skipped", "waited", "records")


def _vector(layout: Layout, prefix: str, checkpoint: Checkpoint) -> Vector:
    return layout.vector({name: checkpoint.arrays[prefix + name] for name in layout.shapes})
