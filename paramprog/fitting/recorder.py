"""What happens beside the steps: progress, the log, checkpoints when they are due, and the end by a signal.

The clock decides only when a checkpoint is written. So that the log never has an epoch twice, a checkpoint counts its
lines, and a resumed run cuts off what was written after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from signal import Signals
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.diagnostics import Diagnostic, ProgramError
from paramprog.fitting.checkpoint import JSON
from paramprog.fitting.interrupts import Interrupts
from paramprog.fitting.progress import Progress
from paramprog.fitting.run_directory import RunDirectory
from paramprog.fitting.state import Best, State

Saved = tuple[dict[str, NDArray[Any]], dict[str, JSON]]
"""What goes into a checkpoint: arrays and meta."""


class Interrupted(KeyboardInterrupt):
    """A signal ended the training between two steps; what a run folder holds is complete."""


@dataclass(eq=False)
class Recorder:
    """Records a run in its folder (None: nowhere). `saved` gives the contents of a checkpoint at this moment."""

    run: RunDirectory | None
    state: State
    progress: Progress
    stop: Interrupts
    every: float
    """Seconds from one checkpoint to the next."""
    saved: Callable[[], Saved]
    best: Callable[[Best], Saved]
    """What `best.npz` holds of the best epoch."""
    clock: Callable[[], float] = monotonic
    history: list[dict[str, Any]] = field(default_factory=list)
    """The records of the log."""
    _last: float = field(init=False)
    _best: int = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.clock()
        self._best = self.state.best.epoch if self.state.best is not None else 0

    def step(self, rows: int, loss: float) -> None:
        """After each step. Raises Interrupted when a signal has arrived."""
        self.progress.step(rows, loss)
        self.pause()

    def pause(self) -> None:
        """The state is one from which the run can go on: write it if it is time, or the end."""
        if self.stop.requested is not None:
            self._end(Signals(self.stop.requested).name)
        if self.run is not None and self.clock() - self._last >= self.every:
            self.checkpoint()

    def epoch(self, record: Mapping[str, Any], seconds: float) -> None:
        """An epoch is complete, and the state knows it."""
        self.history.append(dict(record))
        if self.run is not None:
            self.run.append_log({**record, "seconds": round(seconds, 6)})
        self.state.records += 1
        shown = {k: v for k, v in record.items() if isinstance(v, float) and k != "rate"}
        self.progress.epoch(self.state.epoch, shown)

    def checkpoint(self) -> None:
        """Write the best params, if there are better ones, and the state. Raises ProgramError when they cannot be.

        Params that are not finite never replace the last good ones: a run that goes on from those gets there again.
        """
        if self.run is None or not np.isfinite(self.state.theta).all():
            return
        best = self.state.best
        if best is not None and best.epoch != self._best:
            self.run.save_best(*self.best(best))
            self._best = best.epoch
        self.run.save_checkpoint(*self.saved())
        self._last = self.clock()

    def failed(self, fault: Diagnostic) -> ProgramError:
        """The error that ends the run at this fault; what was good before it is kept, and said to be."""
        faults = [fault]
        if self.run is not None:
            try:
                self.checkpoint()
            except ProgramError as error:
                faults += error.diagnostics
            if self.run.checkpoint.is_file():
                kept = f"the last good params are in `{self.run.checkpoint}`"
                self.note(f"{kept}; --params {self.run.checkpoint} begins a new run from them")
        return ProgramError(faults)

    def note(self, line: str) -> None:
        """Something to be said between two steps."""
        self.progress.note(f"note: {line}")

    def _end(self, signal: str) -> None:
        where = f"epoch {self.state.epoch + 1}, after step {self.state.step}"
        if self.run is None:
            self.note(f"{signal} in {where}; nothing is kept without --out")
        else:
            self.checkpoint()
            self.note(f"{signal} in {where}; go on with `paramprog train --resume {self.run.path}`")
        raise Interrupted
