"""Training by L-BFGS on all rows: an epoch is an iteration, with as many evaluations as its line search takes.

A resumed run replays the recorded evaluations (see `lbfgs`); the iterates before the checkpoint are passed over. SciPy
is to be imported before the number of threads is limited, or its libraries would not be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.diagnostics import fail
from paramprog.fitting.checkpoint import Checkpoint
from paramprog.fitting.faults import not_finite
from paramprog.fitting.lbfgs import Iterate, Tape, minimise
from paramprog.fitting.loop import Data, close_epoch, ended
from paramprog.fitting.objective import Objective
from paramprog.fitting.recorder import Recorder
from paramprog.fitting.settings import Settings
from paramprog.fitting.state import State

PREFIX = "tape/"
START = "start"
"""The params at the start, from which the evaluations are replayed."""


@dataclass(eq=False)
class LbfgsLoop:
    """`start` are the params before the first iteration; those of the state, unless the run is resumed."""

    objective: Objective
    data: Data
    settings: Settings
    state: State
    recorder: Recorder
    start: NDArray[Any]
    tape: Tape
    _begun: float = field(default_factory=perf_counter)

    def run(self) -> None:
        """All iterations that are left. Raises as `Loop.run`, and ProgramError (resume-differs)."""
        self.recorder.pause()
        if ended(self.state, self.settings):
            return
        assert self.settings.epochs is not None and self.settings.tolerance is not None
        minimum = minimise(
            self._evaluate,
            self.start,
            max_iterations=self.settings.epochs,
            tolerance=self.settings.tolerance,
            callback=self._iterated,
            tape=self.tape,
        )
        if not (isfinite(minimum.iterate.value) and np.isfinite(minimum.iterate.gradient).all()):
            theta = self.state.theta
            at, loss = "at the start", minimum.iterate.value
            fault = not_finite(self.objective, theta, self.data.training, 0, loss, at, self.data.places)
            raise self.recorder.failed(fault)
        if self.state.ended is None:
            self.state.ended = minimum.reason

    def _evaluate(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[Any]]:
        self.recorder.pause()  # the evaluations before this one are on the tape
        found = self.objective.value_and_gradient(theta.astype(self.state.theta.dtype), self.data.training)
        self.state.step += 1
        return found

    def _iterated(self, iterate: Iterate) -> bool:
        state = self.state
        if iterate.number <= state.epoch:  # replayed
            return iterate.number == state.epoch and ended(state, self.settings)
        state.theta[:] = iterate.theta
        close_epoch(
            self.objective,
            self.data,
            self.settings,
            state,
            self.recorder,
            {"loss": iterate.value},
            self._begun,
        )
        self._begun = perf_counter()
        return ended(state, self.settings)


def tape_arrays(tape: Tape, start: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """What a checkpoint has beside the state."""
    return {PREFIX + name: array for name, array in tape.to_arrays().items()} | {PREFIX + START: start}


def tape_of(checkpoint: Checkpoint) -> tuple[Tape, NDArray[Any]]:
    """The tape and the start. Raises ProgramError (checkpoint-foreign) for a checkpoint that has none."""
    found = {k.removeprefix(PREFIX): v for k, v in checkpoint.arrays.items() if k.startswith(PREFIX)}
    try:
        start = found.pop(START)
        return Tape.from_arrays(found), start
    except (KeyError, ValueError) as error:
        raise fail("checkpoint-foreign", f"the checkpoint is not one of lbfgs: {error}") from None
