"""A training run from beginning to end: settings, task, folder, loop, result.

The order in which files are written lets a run be killed at any moment: the configuration first, a checkpoint before
the first step, then log and checkpoints, a last checkpoint with the figures of the result, the curve, and the params
last. Whether there are params is whether the run is finished; a folder without checkpoint is that of a run which took
no step.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from paramprog.analyses.budget import note
from paramprog.compile.backend import Backend
from paramprog.data import Table
from paramprog.diagnostics import ProgramError, fail, render
from paramprog.fitting import checkpoint as checkpoints
from paramprog.fitting.checkpoint import Checkpoint
from paramprog.fitting.curve import curve
from paramprog.fitting.interrupts import Interrupts
from paramprog.fitting.layout import Layout
from paramprog.fitting.lbfgs import Tape
from paramprog.fitting.lbfgs_loop import LbfgsLoop, tape_arrays, tape_of
from paramprog.fitting.loop import Loop, final_figures
from paramprog.fitting.optimisers import make
from paramprog.fitting.progress import Progress
from paramprog.fitting.recorder import Recorder, Saved
from paramprog.fitting.run_directory import RunDirectory
from paramprog.fitting.scaling import PREFIX, Scaling
from paramprog.fitting.settings import LBFGS, Settings
from paramprog.fitting.state import PARAM, Best, State
from paramprog.fitting.threads import one_thread
from paramprog.program import Program
from paramprog.training import config as record
from paramprog.training.fit import Fit
from paramprog.training.given import (
    Given,
    Programs,
    compiled_as,
    configured,
    source_of,
    start_of,
    table_from,
)
from paramprog.training.task import Task, prepare

OPTIMISER = "optimiser/"
"""Names of the optimiser's state in a checkpoint."""


@dataclass(frozen=True)
class Wishes:
    """What has no influence on the result: the curve (None: if matplotlib is there), progress on stderr."""

    plot: bool | None = None
    progress: bool = False


def begin(program: Programs, data: Any, out: Path | None, given: Given, wishes: Wishes) -> Fit:
    """A new run."""
    settings = configured(program, data, given)
    start = start_of(given, settings)
    made = compiled_as(source_of(program, settings), program, settings)
    task = _prepared(made, table_from(data, settings), settings, start)
    with ExitStack() as stack:
        run = None if out is None else stack.enter_context(RunDirectory.create(out))
        config = record.config_of(task, start)
        if run is not None:
            run.write_config(config)
        return _Fitting(task, run, config, None, wishes).fit()


def resume(path: Path, program: Programs, data: Any, given: Given, wishes: Wishes) -> Fit:
    """A run that was begun, from its last checkpoint; of one that is finished, its result."""
    with RunDirectory.resume(path) as run:
        config = run.read_config()
        settings = record.settings_of(config, run.config)
        record.check_settings(settings, given, run)
        record.check_backend(config, run.path)
        if run.finished and program is None and data is None:
            return _finished(run, config, settings, None, wishes)
        source = source_of(program, settings)
        record.check_program(config, "text", record.text_digest(source), source.name, run.path)
        made = compiled_as(source, program, settings)
        if run.finished and data is None:
            return _finished(run, config, settings, made, wishes)
        table = table_from(data, settings)
        record.check_data(config, table.digest, str(table.path), run.path)
        if run.finished:
            return _finished(run, config, settings, made, wishes)
        found = _resume_point(run, config)
        if found is not None:
            start = _without(PARAM, found.arrays) | _only(PREFIX, found.arrays)
        else:
            start = start_of(given, settings)
            if config["start"] != (record.digest(start) if start else None):
                message = f"the params to start from are not those that the run `{run.path}` began with"
                raise fail("resume-differs", message)
        task = _prepared(made, table, settings, start, record.backend_of(config))
        record.check_program(config, "sha256", task.digest, source.name, run.path)
        task.notes[:] = _version_notes(config)
        if found is None:
            task.notes.append("the run was stopped before its first checkpoint; it starts from the beginning")
        fitting = _Fitting(task, run, config, found, wishes)
        run.truncate_log(fitting.state.records)
        fitting.history = run.read_log()
        return fitting.fit()


def _resume_point(run: RunDirectory, config: record.Config) -> Checkpoint | None:
    """The last checkpoint, if there is one, which is of this run."""
    found = run.resume_point()
    if found is not None:
        checkpoints.require(run.checkpoint, found.meta, record.identity(config))
    return found


def _finished(
    run: RunDirectory, config: record.Config, settings: Settings, program: Program | None, wishes: Wishes
) -> Fit:
    """What a run that is finished came to, from its last checkpoint; nothing is written."""
    found = _resume_point(run, config)
    if found is None or not found.meta["result"]:
        message = f"`{run.params}` is there, but the checkpoint with the result of the run is not"
        raise fail("run-config", message, None, "the params are whole; begin a new run from them: --params")
    shapes = {name: tuple(shape) for name, shape in config["parameters"].items()}
    state = State.restored(Layout(shapes, settings.dtype), found)
    scales = _only(PREFIX, found.arrays)
    scaling = Scaling.from_arrays(scales) if scales else None
    note = f"the run in `{run.path}` is finished; nothing was done"
    Progress(1, 1, quiet=not wishes.progress).note(f"note: {note}")
    return _fit(state, run.read_log(), settings, program, scaling, run, [note])


def _only(prefix: str, arrays: Given) -> dict[str, Any]:
    return {name: array for name, array in arrays.items() if name.startswith(prefix)}


def _without(prefix: str, arrays: Given) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in _only(prefix, arrays).items()}


def _prepared(
    program: Program, table: Table, settings: Settings, start: Given, backend: Backend | None = None
) -> Task:
    """The task, prepared with as many threads as the steps are computed with."""
    if settings.optimizer == LBFGS:
        import scipy.optimize  # noqa: F401 - its libraries are to be limited too

    with one_thread():
        return prepare(program, table, settings, start, backend)


def _version_notes(config: record.Config) -> list[str]:
    return [
        f"the run began with {name} {old}, this is {new}: the last digits may differ"
        for name, new in record.versions().items()
        if (old := config["versions"].get(name)) != new
    ]


# ---- the run -----------------------------------------------------------------------------------------------------


class _Fitting:
    """One process's part of a run."""

    def __init__(
        self,
        task: Task,
        run: RunDirectory | None,
        config: record.Config,
        found: Checkpoint | None,
        wishes: Wishes,
    ) -> None:
        self.task, self.run, self.config, self.wishes = task, run, config, wishes
        self.settings, layout = task.settings, task.objective.layout
        self.state = State(layout, task.theta) if found is None else State.restored(layout, found)
        self.found = found
        self._extra: Callable[[], dict[str, Any]] = dict
        """What a checkpoint has beside the params: the state of the optimiser."""
        self.scales = {} if task.scaling is None else task.scaling.to_arrays()
        self.history: list[dict[str, Any]] = []
        """The records of the epochs before; a resumed run has those of its log."""
        self.identity = record.identity(config)

    def fit(self) -> Fit:
        """Raises ProgramError, and Interrupted after a signal."""
        settings, state = self.settings, self.state
        assert settings.epochs is not None
        progress = Progress(
            settings.epochs, self.task.data.size, done=state.epoch, quiet=not self.wishes.progress
        )
        with Interrupts() as stop, progress, one_thread(), np.errstate(all="ignore"):
            recorder = Recorder(
                self.run, state, progress, stop, settings.checkpoint_every, self._saved, self._best
            )
            recorder.history = self.history
            for told in self.task.notes:
                recorder.note(told)
            for line in "\n".join(map(render, self.task.warnings)).splitlines():
                progress.note(line)
            if not state.result:
                loop = self._loop(recorder)
                if self.found is None:
                    recorder.checkpoint()
                loop.run()
                self._conclude(recorder)
        return self._written()

    def _loop(self, recorder: Recorder) -> Loop | LbfgsLoop:
        task, settings, state = self.task, self.settings, self.state
        if settings.optimizer == LBFGS:
            self.tape, self.start = (
                (Tape(), state.theta.copy()) if self.found is None else tape_of(self.found)
            )
            self._extra = lambda: tape_arrays(self.tape, self.start)
            return LbfgsLoop(task.objective, task.data, settings, state, recorder, self.start, self.tape)
        optimiser = make(
            settings.optimizer, task.objective.layout.size, settings.dtype, **settings.hyperparameters
        )
        if self.found is not None:
            optimiser.load(_without(OPTIMISER, self.found.arrays))
        self._extra = lambda: {OPTIMISER + name: array for name, array in optimiser.state().items()}
        return Loop(task.objective, task.data, settings, state, optimiser, recorder)

    def _saved(self) -> Saved:
        return {**self.state.arrays(), **self._extra(), **self.scales}, {**self.identity, **self.state.meta()}

    def _best(self, best: Best) -> Saved:
        """The best params, by name and with their scales, as in params.npz; and which epoch they are of."""
        params = self.task.objective.layout.views(best.theta)
        return {**params, **self.scales}, {**self.identity, "epoch": best.epoch, "loss": best.loss}

    def _conclude(self, recorder: Recorder) -> None:
        """With a patience the result is the best epoch's, else the last one's."""
        state = self.state
        if self.settings.patience is not None and state.best is not None:
            state.theta[:] = state.best.theta
        state.result = final_figures(self.task.objective, self.task.data, state)
        if self.task.objective.fitted is not None:
            recorder.note(note(self.task.objective.fitted))
        recorder.checkpoint()

    def _written(self) -> Fit:
        state, run, task = self.state, self.run, self.task
        if run is not None:
            _draw(run, self.history, task.program.function, self.wishes.plot)
            run.save_params({**state.layout.views(state.theta), **self.scales})
        return _fit(state, self.history, self.settings, task.program, task.scaling, run, task.notes)


def _draw(run: RunDirectory, history: list[dict[str, Any]], title: str, plot: bool | None) -> None:
    """The training curve, as SVG and PNG. Raises ProgramError when it is wanted and cannot be drawn."""
    if plot is False:
        return
    try:
        for suffix in ("svg", "png"):
            curve(history, run.path / f"curve.{suffix}", title=title)
    except ProgramError as error:
        if plot or error.diagnostics[0].code != "matplotlib-missing":
            raise


def _fit(
    state: State,
    history: list[dict[str, Any]],
    settings: Settings,
    program: Program | None,
    scaling: Scaling | None,
    run: RunDirectory | None,
    notes: list[str],
) -> Fit:
    figures = dict(state.result["training"])
    return Fit(
        params={name: view.copy() for name, view in state.layout.views(state.theta).items()},
        loss=figures.pop("loss"),
        figures=figures,
        validation=state.result.get("validation", {}),
        epochs=state.epoch,
        ended=state.ended or "",
        best=0 if state.best is None else state.best.epoch,
        history=history,
        settings=settings,
        scaling=scaling,
        program=program,
        directory=None if run is None else run.path,
        notes=notes,
    )
