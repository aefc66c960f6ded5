"""`--data` and what goes with it, for commands that evaluate a program on the rows of a file."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from paramprog.cli import request
from paramprog.cli.options import OneEach
from paramprog.cli.terminal import remark
from paramprog.diagnostics import fail

if TYPE_CHECKING:
    from paramprog.program import Program
    from paramprog.tabular import Rows


def data_options(parser: argparse.ArgumentParser, out: str) -> None:
    """`out` says what --out is for."""
    group = parser.add_argument_group("the rows of a file")
    group.add_argument("--data", metavar="FILE", help="evaluate on each row of a .csv, .npz or .parquet file")
    group.add_argument(
        "--bind",
        metavar="ARG=COLUMNS",
        action=OneEach,
        type=binding,
        default=[],
        help="columns of an argument: a name, a,b,c, pixel_0..pixel_63 or 'pixel_*' (default: those of its "
        "name); repeatable",
    )
    group.add_argument("--out", metavar="FILE", help=out)


def binding(text: str) -> tuple[str, str]:
    """`ARG=COLUMNS`."""
    name, equals, columns = (part.strip() for part in text.partition("="))
    if not (equals and columns and name.isidentifier()):
        raise argparse.ArgumentTypeError(f"`{text[:60]}` is not of the form ARG=COLUMNS")
    return name, columns


def need_data(arguments: Namespace, *options: str) -> None:
    """Raise ProgramError if one of these options, or --bind or --out, is given, which mean nothing without --data."""
    for option in ("bind", "out", *options):
        if getattr(arguments, option):
            message = f"`--{option.replace('_', '-')}` is about the rows of a file, and there is no `--data`"
            raise fail("no-data", message, None, "give it: `--data FILE`")


def read_rows(arguments: Namespace, program: Program) -> tuple[Rows, dict[str, Any]]:
    """The rows of --data as inputs, and the values of everything else. Says which inputs are scaled."""
    from paramprog import tabular
    from paramprog.data import read_table
    from paramprog.fitting.scaling import Scaling

    given, scales = request.values_and_scales(arguments)
    scaling = Scaling.from_arrays(scales)
    table = read_table(arguments.data)
    rows = tabular.rows(program, table, given, arguments.bind, arguments.output, scaling)
    remark(_remarks(rows, scales, arguments), [], quiet=arguments.quiet)
    return rows, given


def _remarks(rows: Rows, scales: Mapping[str, Any], arguments: Namespace) -> list[str]:
    file = arguments.params or arguments.inputs
    notes = [f"{name} is scaled as in training, by scale/{name} of {file}" for name in rows.scaled]
    return notes + [f"{name} keeps its default in all rows" for name in rows.bound.defaulted]
