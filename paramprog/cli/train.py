"""`paramprog train`: params fitted to the rows of a data file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paramprog.cli.document import document
from paramprog.cli.layout import Row, values_text
from paramprog.cli.options import output_options
from paramprog.cli.terminal import Reply
from paramprog.cli.train_options import setting_options, settings
from paramprog.diagnostics import fail, printable

if TYPE_CHECKING:
    from paramprog.training import Fit

USAGE = "FILE --data DATA [options]"
SUMMARY = "fit the params of a program to data"
DESCRIPTION = (
    "Fit the params of a program to the rows of a data file: the mean over the rows of its output, or of a loss of it, "
    "is minimised."
)

SMALL = 200
"""Params with more numbers than that are not printed."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="the program; `-` is standard input")
    setting_options(parser)
    group = parser.add_argument_group("the run")
    group.add_argument("--out", metavar="DIR", help="a new folder for params, log, checkpoints and curve")
    group.add_argument(
        "--resume", metavar="DIR", help="go on with the run in this folder; it holds everything else"
    )
    group.add_argument("--config", metavar="FILE", help="settings in TOML; options win")
    group.add_argument("--show-config", action="store_true", help="print the settings, and do nothing")
    group.add_argument(
        "--plot",
        action=BooleanOptionalAction,
        default=None,
        help="draw the training curve into --out (default: if matplotlib is there)",
    )
    output_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """The figures of the result, and small params; progress is on stderr. Raises ProgramError, KeyboardInterrupt."""
    _check(arguments)
    from paramprog.fitting.settings import NAMES
    from paramprog.training import train

    given = settings(arguments, NAMES)
    data = given.pop("data", None)
    if arguments.config is not None:
        given["config"] = arguments.config
    if arguments.show_config:
        return Reply(_config(arguments, data, given))
    fit = train(
        arguments.file,
        data,
        out=arguments.out,
        resume=arguments.resume,
        progress=not arguments.quiet,
        plot=arguments.plot,
        **given,
    )
    return Reply(document(**_entries(fit)) if arguments.json else _text(fit))


def _check(arguments: Namespace) -> None:
    """What cannot be, before anything is imported."""
    if arguments.file == "-" and sys.stdin is None:
        raise fail("unreadable-file", "standard input is closed")
    if arguments.resume is not None:
        for option in ("out", "config", "show_config"):
            if getattr(arguments, option):
                message = f"`--resume` goes on with a run as it was begun, so `--{option.replace('_', '-')}`"
                raise fail("settings", f"{message} has no meaning beside it")
    elif arguments.plot and arguments.out is None:
        raise fail("settings", "`--plot` draws into the folder of the run", None, "give one: --out DIR")


def _config(arguments: Namespace, data: str | None, given: dict[str, Any]) -> str:
    from paramprog.fitting.settings_toml import to_toml
    from paramprog.training.given import configured

    return to_toml(configured(arguments.file, data, given))


def _params_file(fit: Fit) -> Path | None:
    return None if fit.directory is None else fit.directory / "params.npz"


def _small(fit: Fit) -> dict[str, Any]:
    """The params, if they are few enough to be printed."""
    return fit.params if sum(value.size for value in fit.params.values()) <= SMALL else {}


def _entries(fit: Fit) -> dict[str, Any]:
    file = _params_file(fit)
    return {
        "epochs": fit.epochs,
        "loss": fit.loss,
        "metrics": fit.figures,
        "validation": fit.validation,
        "best_epoch": fit.best,
        "ended": fit.ended,
        "params": _small(fit),
        "params_file": None if file is None else str(file),
    }


def _text(fit: Fit) -> str:
    from paramprog.fitting.progress import sparkline

    figures = {"loss": fit.loss, **fit.figures, **{f"val_{k}": v for k, v in fit.validation.items()}}
    course = [float(record["loss"]) for record in fit.history]
    line = f"{fit.ended}; loss {sparkline(course, stream=sys.stdout)}\n"
    rows = [Row(name, value) for name, value in {**figures, **_small(fit)}.items()]
    file = _params_file(fit)
    if file is not None:
        kept = f"params in {printable(str(file))}\n"
    elif _small(fit):
        kept = ""
    else:
        kept = "the params are not kept: there is no --out\n"
    return line + values_text(rows) + kept
