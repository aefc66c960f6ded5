"""Training by batches: the steps of all epochs, from wherever the state is.

    for each epoch:  for each batch of the shuffled rows:  theta <- optimiser(theta, dL/dtheta of the batch)

Batches and order are functions of the seed and the epoch, the learning rate is one of the index of the step, and
nothing else is carried from step to step than `State` and the optimiser. So a run that is stopped between any two steps
and goes on from its checkpoint computes, bit for bit, what it would have computed.

The loss of an epoch is the mean of the losses of its batches, each at the params of its step, weighted by rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.diagnostics import Diagnostic, render
from paramprog.fitting.clipping import clip_by_norm, clip_by_value
from paramprog.fitting.faults import SMALLER, Places, not_finite, not_finite_param
from paramprog.fitting.layout import Vector
from paramprog.fitting.objective import Objective, Rows
from paramprog.fitting.optimisers import Optimiser
from paramprog.fitting.recorder import Recorder
from paramprog.fitting.schedules import Schedule
from paramprog.fitting.settings import Settings
from paramprog.fitting.split import shuffled
from paramprog.fitting.state import Figures, State


@dataclass(eq=False)
class Data:
    """The rows of both parts, of the dtypes that the objective computes with; `places` are those for training."""

    training: Rows
    validation: Rows | None
    places: Places

    @property
    def size(self) -> int:
        """How many rows are for training."""
        return len(self.places.rows)

    def batch(self, rows: NDArray[np.int64] | None) -> Rows:
        """These rows for training; None: all of them, as they stand."""
        return self.training if rows is None else {name: a[rows] for name, a in self.training.items()}


@dataclass(eq=False)
class Loop:
    """The settings are resolved, and the optimiser is not lbfgs."""

    objective: Objective
    data: Data
    settings: Settings
    state: State
    optimiser: Optimiser
    recorder: Recorder

    def __post_init__(self) -> None:
        n, batch = self.data.size, self.settings.batch
        assert self.settings.epochs is not None and self.settings.lr is not None
        self.epochs, self.base = self.settings.epochs, self.settings.lr
        self.rows = min(n, batch) if isinstance(batch, int) else n
        self.steps = -(-n // self.rows)
        self.schedule: Schedule = self.settings.learning_schedule(self.steps)

    def run(self) -> None:
        """All epochs that are left. Raises ProgramError (non-finite), Interrupted, and what the recorder raises."""
        self.recorder.pause()
        while not ended(self.state, self.settings):
            self._epoch()

    def _epoch(self) -> None:
        state, n, rows = self.state, self.data.size, self.rows
        begun = perf_counter()
        order = shuffled(n, self.settings.seed, state.epoch) if rows < n else None
        while state.position < self.steps:
            first = state.position * rows
            self._step(None if order is None else order[first : first + rows])
        if state.skipped == self.steps:
            raise self.recorder.failed(self._nothing_left(None if order is None else order[-rows:]))
        fault = not_finite_param(self.objective, state.theta, f"epoch {state.epoch + 1}, after its last step")
        if fault is not None:
            raise self.recorder.failed(fault)
        rate = self.schedule.rate(self.base, state.step - 1)
        record = {"loss": state.total / state.seen, "rate": rate}
        if state.skipped:
            record["skipped"] = state.skipped
        close_epoch(self.objective, self.data, self.settings, state, self.recorder, record, begun)

    def _step(self, chosen: NDArray[np.int64] | None) -> None:
        state, objective = self.state, self.objective
        batch = self.data.batch(chosen)
        size = self.data.size if chosen is None else len(chosen)
        loss, g = objective.value_and_gradient(state.theta, batch, state.step)
        if isfinite(loss) and np.isfinite(g).all():
            self._update(g)
            state.total += loss * size
            state.seen += size
        else:
            at = f"epoch {state.epoch + 1}, step {state.step + 1}"
            fault = self._fault(chosen, loss, batch, at, state.step)
            if self.settings.on_nonfinite == "stop":
                raise self.recorder.failed(fault)
            self.recorder.note(f"left out: {render(fault).splitlines()[0]}")
            state.skipped += 1
        state.step += 1
        state.position += 1
        self.recorder.step(size, loss)

    def _update(self, g: Vector) -> None:
        if self.settings.clip is not None:
            clip_by_norm(g, self.settings.clip)
        if self.settings.clip_value is not None:
            clip_by_value(g, self.settings.clip_value)
        self.optimiser.step(self.state.theta, g, self.schedule.rate(self.base, self.state.step))

    def _nothing_left(self, chosen: NDArray[np.int64] | None) -> Diagnostic:
        """What was wrong at the last step of an epoch all of whose steps were left out; `chosen` are its rows."""
        state, batch = self.state, self.data.batch(chosen)
        loss, _ = self.objective.value_and_gradient(state.theta, batch, state.step - 1)
        at = f"epoch {state.epoch + 1}, step {state.step}, left out like all steps of this epoch"
        return replace(self._fault(chosen, loss, batch, at, state.step - 1), hint=SMALLER)

    def _fault(
        self, chosen: NDArray[np.int64] | None, loss: float, batch: Rows, at: str, step: int
    ) -> Diagnostic:
        all_rows = self.data.places
        places = all_rows if chosen is None else Places(all_rows.bound, all_rows.rows[chosen])
        return not_finite(self.objective, self.state.theta, batch, step, loss, at, places)


def ended(state: State, settings: Settings) -> bool:
    """Whether no epoch is to follow; `state.ended` then says why."""
    if state.ended is None and settings.patience is not None and state.waited >= settings.patience:
        state.ended = f"no better validation loss in {settings.patience} epochs"
    if state.ended is None and state.epoch >= (settings.epochs or 0):
        state.ended = f"{state.epoch} epochs"
    return state.ended is not None


def close_epoch(
    objective: Objective,
    data: Data,
    settings: Settings,
    state: State,
    recorder: Recorder,
    record: dict[str, Any],
    begun: float,
) -> None:
    """The epoch's steps are done: measure the validation rows, keep the best, write the log."""
    figures: dict[str, Any] = {"loss": record.pop("loss")}
    if data.validation is not None:
        figures |= {f"val_{k}": v for k, v in objective.measure(state.theta, data.validation).items()}
    state.epoch += 1
    state.judge(figures.get("val_loss", figures["loss"]), settings.min_delta or 0.0)
    recorder.epoch({"epoch": state.epoch, **figures, **record}, perf_counter() - begun)
    state.begin_epoch()
    recorder.pause()


def final_figures(objective: Objective, data: Data, state: State) -> dict[str, Figures]:
    """Loss and metrics of the params over all rows of each part."""
    found = {"training": objective.measure(state.theta, data.training)}
    if data.validation is not None:
        found["validation"] = objective.measure(state.theta, data.validation)
    return found
