"""Training: params fitted to the rows of a data file. `train` is `paramprog.train`; `paramprog train` calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from paramprog.diagnostics import fail
from paramprog.training.fit import Fit
from paramprog.training.given import Programs, as_path
from paramprog.training.run import Wishes, begin
from paramprog.training.run import resume as go_on

__all__ = ["Fit", "train"]

FOLDER = "the name of a folder"


def train(
    program: Programs = None,
    data: Any = None,
    *,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    progress: bool = False,
    plot: bool | None = None,
    **settings: Any,
) -> Fit:
    """Fit the params of a program to data, and return them with how well they fit.

    The loss is the mean over the rows of the first output (or `output`) of the program, a real scalar; with
    `loss="squared"` or `"cross_entropy"` and `target="COLUMN"` it is that loss of the output against a column.

    program    a file, or a `Program`
    data       a file (.csv, .npz, .parquet), or arrays by name, a row for each entry of their first axis
    out        a folder for the run: params, log, configuration, checkpoints, curve; it must not hold a run yet
    resume     the folder of a run to go on with, bit for bit; everything else is recorded there
    progress   show it on stderr
    plot       whether to draw the training curve into `out`; None: if matplotlib is installed
    settings   those of `fitting.settings.Settings`, such as optimizer, lr, epochs, batch, val, seed, scale, bind={"x":
               "pixel_*"}; `config` names a file of them; `params` are a file or arrays to start from

    Raises ProgramError when the program, the data or the settings are at fault, and KeyboardInterrupt after SIGINT or
    SIGTERM, when the step under way is done and the checkpoint is written.
    """
    wishes = Wishes(plot, progress)
    folder = None if out is None else as_path("out", out, FOLDER)
    if resume is not None:
        if folder is not None:
            raise fail("settings", "a run that is resumed stays in its folder: give `resume` or `out`")
        return go_on(as_path("resume", resume, FOLDER), program, data, settings, wishes)
    return begin(program, data, folder, settings, wishes)
