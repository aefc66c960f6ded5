"""`paramprog optimise`: inputs or params that make the output smallest or largest."""

from __future__ import annotations

import argparse
import math
from argparse import ArgumentParser, Namespace
from typing import Any

from paramprog.cli import request
from paramprog.cli.document import document
from paramprog.cli.layout import Row, values_text
from paramprog.cli.options import (
    OneEach,
    memory_option,
    output_options,
    positive,
    program_options,
    wrt_option,
)
from paramprog.cli.terminal import Reply, remark, say
from paramprog.cli.train_options import OPTIMISERS

USAGE = "FILE --wrt X [options]"
SUMMARY = "find inputs that make the output smallest or largest"
DESCRIPTION = (
    "Change inputs (or params) from their values at one point until a real scalar output is smallest, or with "
    "--maximise largest, within bounds. All that is not named by --wrt stays as it is given."
)


def configure(parser: ArgumentParser) -> None:
    program_options(parser)
    group = parser.add_argument_group("the search")
    wrt_option(group, "over these inputs or params")
    group.add_argument("--maximise", action="store_true", help="seek the largest value")
    group.add_argument(
        "--bounds",
        metavar="X=LO,HI",
        action=OneEach,
        type=bounds,
        default=[],
        help="limits for all entries of X; either may be left out; repeatable",
    )
    group.add_argument("--optimizer", choices=OPTIMISERS, default="lbfgs", help="default: lbfgs")
    group.add_argument("--steps", metavar="N", type=positive, default=1000, help="at most (default: 1000)")
    group.add_argument("--lr", metavar="RATE", type=above_zero, help="learning rate; lbfgs has none")
    group.add_argument(
        "--tolerance",
        metavar="T",
        type=above_zero,
        default=1e-8,
        help="end when no entry of the gradient exceeds it (default: 1e-8)",
    )
    memory_option(group)
    group.add_argument(
        "--out", metavar="FILE", help="write what was found to a .npz file, as --inputs takes it"
    )
    output_options(parser)
    parser.set_defaults(run=run)


def bounds(text: str) -> tuple[str, tuple[float | None, float | None]]:
    """`X=LO,HI`, `X=LO,` or `X=,HI`."""
    name, equals, limits = (part.strip() for part in text.partition("="))
    low, comma, high = (part.strip() for part in limits.partition(","))
    try:
        found = tuple(float(part) if part else None for part in (low, high))
    except ValueError:
        found = (math.nan,)
    if not (equals and comma and name.isidentifier()) or any(f is not None and math.isnan(f) for f in found):
        raise argparse.ArgumentTypeError(f"`{text[:60]}` is not of the form X=LO,HI, two numbers")
    return name, (found[0], found[1])


def above_zero(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"`{text[:60]}` is not a number above 0")
    return value


def run(arguments: Namespace) -> Reply:
    """`y = value`, then `x = ...` for each X. Raises ProgramError."""
    from paramprog.analyses.budget import note, to_json
    from paramprog.cli import tables
    from paramprog.fitting.archive import pack

    if arguments.out is not None:
        tables.check_suffix(arguments.out, (".npz",))
    program = request.program(arguments)
    given = request.values(arguments)
    from paramprog.fitting.threads import one_thread

    with one_thread():
        found = program.optimise(
            request.wrt(arguments),
            given,
            maximise=arguments.maximise,
            bounds=dict(arguments.bounds),
            optimizer=arguments.optimizer,
            steps=arguments.steps,
            lr=arguments.lr,
            tolerance=arguments.tolerance,
            seed=arguments.seed,
            output=arguments.output,
            watch=None if arguments.quiet else show,
            memory=arguments.memory,
        )
    checked = found.point.compiled.checked.report.diagnostics
    steps = "1 step" if found.steps == 1 else f"{found.steps} steps"
    ended = f"{'ended' if found.converged else 'stopped'} after {steps}: {found.reason}"
    kept = [] if found.memory is None else [note(found.memory)]
    remark([*found.point.notes, ended, *kept], [*checked, *found.warnings], quiet=arguments.quiet)
    if arguments.out is not None:
        tables.write_file(arguments.out, pack(found.found))
    if arguments.json:
        params = found.point.params
        entries: dict[str, Any] = {
            "function": program.function,
            "value": found.value,
            "inputs": {k: v for k, v in found.found.items() if k not in params},
            "params": {k: v for k, v in found.found.items() if k in params},
            "steps": found.steps,
            "converged": found.converged,
            "reason": found.reason,
        }
        if found.memory is not None:
            entries["memory"] = to_json(found.memory)
        return Reply(document(**entries))
    output = arguments.output or next(iter(found.point.compiled.built.outputs))
    return Reply(values_text([Row(output, found.value), *(Row(k, v) for k, v in found.found.items())]))


def show(step: int, value: float) -> None:
    """A line on stderr, at steps further and further apart: 0, 1, 2, 5, 10, 20, 50, 100, ..."""
    if step == 0 or step in (f * 10 ** (len(str(step)) - 1) for f in (1, 2, 5)):
        say(f"step {step:>5}  value {value:.8g}")
