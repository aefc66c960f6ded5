"""The parser of the command line."""

from __future__ import annotations

import argparse
from typing import NoReturn

from paramprog.cli import (
    check,
    examples,
    export,
    fmt,
    grad,
    graph,
    hessian,
    jacobian,
    optimise,
    paths,
    run,
    train,
    verify,
)
from paramprog.cli.options import output_options
from paramprog.diagnostics import printable

DESCRIPTION = "Gradients of parameterized programs by dataflow analysis."
EPILOG = "`paramprog COMMAND --help` lists the options of a command."
COMMANDS = {
    "check": check,
    "run": run,
    "grad": grad,
    "jacobian": jacobian,
    "hessian": hessian,
    "verify": verify,
    "paths": paths,
    "train": train,
    "optimise": optimise,
    "graph": graph,
    "fmt": fmt,
    "export": export,
    "examples": examples,
}


class Parser(argparse.ArgumentParser):
    """Long options in full only, and nothing from the command line reaches the terminal raw."""

    def __init__(self, **options: object) -> None:
        super().__init__(allow_abbrev=False, **options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def make_parser() -> argparse.ArgumentParser:
    """The parser; `run` of what it returns is the function of the command chosen."""
    parser = Parser(prog="paramprog", description=DESCRIPTION, epilog=EPILOG)
    output_options(parser, version_only=True)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name, command in COMMANDS.items():
        chosen = commands.add_parser(
            name,
            usage=f"paramprog {name} {command.USAGE}",
            help=command.SUMMARY,
            description=command.DESCRIPTION,
        )
        command.configure(chosen)
    return parser
