"""The settings of `paramprog train` as options; `fitting.settings` says what they mean, and its defaults hold.

A setting that is not given is None, so that a configuration file may give it.
"""

from __future__ import annotations

import argparse
from argparse import Namespace
from typing import Any

from paramprog.cli.data_options import binding
from paramprog.cli.options import BACKENDS, OneEach, memory_option, natural, positive, size, threads_option

OPTIMISERS = ("gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "lbfgs")
"""`fitting.optimisers.OPTIMISERS` and lbfgs, which cannot be imported before they must."""

Group = argparse._ArgumentGroup


def setting_options(parser: argparse.ArgumentParser) -> None:
    """An option for each setting; its `dest` is the setting's name."""
    _of_the_program(parser.add_argument_group("the program"))
    _of_the_data(parser.add_argument_group("the data"))
    _of_the_steps(parser.add_argument_group("the steps"))
    _of_the_optimiser(parser.add_argument_group("the optimizer"))


def settings(arguments: Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    """The settings of these names that are given."""
    found = {name: getattr(arguments, name, None) for name in names}
    found |= {name: dict(value) for name in ("bind", "dims") if (value := found.get(name))}
    return {name: value for name, value in found.items() if value is not None}


def _of_the_program(group: Group) -> None:
    group.add_argument("--function", metavar="F", help="fit this function (default: the last one)")
    group.add_argument("--output", metavar="NAME", help="minimise this output (default: the first one)")
    group.add_argument(
        "--dim", dest="dims", metavar="NAME=SIZE", action=OneEach, type=size, help="a size; repeatable"
    )
    group.add_argument(
        "--params", metavar="FILE", help="values to start from, .npz or .json (default: drawn by their inits)"
    )
    group.add_argument(
        "--dtype", choices=("float64", "float32"), help="how reals are represented (default: float64)"
    )
    group.add_argument("--backend", choices=BACKENDS, help="what computes (default: auto)")
    threads_option(group)
    group.add_argument(
        "--max-nodes", metavar="N", type=positive, help="limit of the flow graph (default: 1000000)"
    )
    memory_option(group)
    group.add_argument(
        "--seed", metavar="N", type=natural, help="of inits, split, order of rows and noise (default: 0)"
    )


def _of_the_data(group: Group) -> None:
    group.add_argument("--data", metavar="FILE", help="the rows: .csv with a header, .npz or .parquet")
    group.add_argument(
        "--bind",
        metavar="ARG=COLUMNS",
        action=OneEach,
        type=binding,
        help="columns of an argument: a name, a,b,c, pixel_0..pixel_63, 'pixel_*' or '*' for the rest "
        "(default: those of its name); repeatable",
    )
    group.add_argument(
        "--loss",
        choices=("squared", "cross_entropy"),
        help="compare the output with --target (default: the output is the loss)",
    )
    group.add_argument("--target", metavar="COLUMNS", help="what the output is compared with")
    group.add_argument(
        "--scale",
        choices=("standard", "minmax"),
        help="scale real inputs; kept with the params (default: no)",
    )
    group.add_argument(
        "--val", metavar="F", type=number, help="share of the rows held back for validation (default: 0.2)"
    )


def _of_the_steps(group: Group) -> None:
    group.add_argument(
        "--epochs",
        metavar="N",
        type=positive,
        help="passes over the rows (default: 30; 1000 if each is one step)",
    )
    group.add_argument("--batch", metavar="N", type=batch, help="rows of a step, or `full` (default: 64)")
    group.add_argument(
        "--patience",
        metavar="N",
        type=positive,
        help="stop after so many epochs without a better validation loss, and keep the best params",
    )
    group.add_argument(
        "--min-delta", metavar="X", type=number, help="by how much it is to be better (default: 0)"
    )
    group.add_argument("--clip", metavar="X", type=number, help="shorten gradients to this norm")
    group.add_argument("--clip-value", metavar="X", type=number, help="limit the entries of gradients")
    group.add_argument(
        "--on-nonfinite",
        choices=("stop", "skip"),
        help="at a loss or gradient that is not finite (default: stop)",
    )
    group.add_argument(
        "--checkpoint-every", metavar="S", type=number, help="seconds between checkpoints (default: 10)"
    )


def _of_the_optimiser(group: Group) -> None:
    group.add_argument("--optimizer", choices=OPTIMISERS, help="the update rule (default: adam)")
    group.add_argument(
        "--lr", metavar="X", type=number, help="learning rate (default: that of the optimizer)"
    )
    for name, text in HYPERPARAMETERS.items():
        group.add_argument(f"--{name}", metavar="X", type=number, help=text)
    group.add_argument(
        "--schedule",
        choices=("constant", "step", "cosine"),
        help="how the rate changes (default: cosine; constant for gd)",
    )
    for name, text in SCHEDULE.items():
        group.add_argument(f"--{name}", metavar="X", type=number, help=text)


HYPERPARAMETERS = {
    "momentum": "share of the velocity kept (momentum, nesterov: 0.9)",
    "rho": "share of the mean square kept (rmsprop: 0.9)",
    "beta1": "share of the mean gradient kept (adam, adamw: 0.9)",
    "beta2": "share of the mean square kept (adam, adamw: 0.999)",
    "epsilon": "added to the root of the mean square (default: 1e-8)",
    "weight-decay": "pull of the params towards 0 (default: 0; adamw: 0.01)",
    "tolerance": "largest entry of the gradient at which lbfgs ends (default: 1e-8)",
}
SCHEDULE = {
    "warmup": "epochs in which the rate grows from 0 (default: 0)",
    "step-every": "epochs from one drop of the rate to the next (step: 10)",
    "step-factor": "what a drop multiplies the rate with (step: 0.5)",
    "floor": "share of the rate that cosine ends with (default: 0)",
}


def number(text: str) -> float:
    """A finite number."""
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if "_" in text or found != found or found in (float("inf"), float("-inf")):
        raise argparse.ArgumentTypeError(f"`{text[:60]}` is not a finite number")
    return found


def batch(text: str) -> int | str:
    """A number of rows, or `full`."""
    return text if text == "full" else positive(text)
