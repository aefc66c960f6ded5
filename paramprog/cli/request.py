"""From parsed options to a `Program` and the values it is to be run on."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from paramprog.cli.terminal import remark
from paramprog.diagnostics import fail

if TYPE_CHECKING:
    from paramprog.diagnostics import Source
    from paramprog.program import Program

COMPILED = ("run", "grad", "train")
"""Commands that compiled code can do."""

SCALE = "scale/"
"""How the names of scales begin: `fitting.scaling.PREFIX`, which cannot be imported before it must."""


def source(arguments: Namespace) -> Source:
    """The text of FILE. Raises ProgramError."""
    from paramprog.lang.read import read_source

    if arguments.file == "-" and sys.stdin is None:
        raise fail("unreadable-file", "standard input is closed")
    return read_source(arguments.file)


def program(arguments: Namespace) -> Program:
    """The program in FILE. Raises ProgramError."""
    if arguments.backend == "c" and arguments.command not in COMPILED:
        message = f"`--backend c` computes {', '.join(COMPILED)}; `{arguments.command}` is computed by NumPy"
        raise fail("no-c-backend", message)
    from paramprog.lang.build import MAX_NODES
    from paramprog.program import Program

    return Program(
        source(arguments),
        arguments.function,
        dict(arguments.dim),
        arguments.dtype,
        MAX_NODES if arguments.max_nodes is None else arguments.max_nodes,
    )


def values(arguments: Namespace) -> dict[str, Any]:
    """What `--inputs`, `--params` and `--at` give, the later of them winning. Raises ProgramError.

    The scales of inputs that training stores beside params are left alone: they are for rows of a file.
    """
    found, scales = values_and_scales(arguments)
    names = dict.fromkeys(name.split("/")[1] for name in scales)
    if names:
        note = f"{', '.join(names)} was scaled in training; values given here are used as they are"
        remark([note], [], quiet=arguments.quiet)
    return found


def values_and_scales(arguments: Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of inputs and params, and the arrays `scale/...` in the same files. Raises ProgramError."""
    from paramprog.data.values import as_array, read_values

    found: dict[str, Any] = {}
    for path in (arguments.inputs, arguments.params):
        if path is not None:
            found |= read_values(path)
    scales = {name: found.pop(name) for name in list(found) if name.startswith(SCALE)}
    return found | {name: as_array(value, f"--at {name}") for name, value in arguments.at}, scales


def wrt(arguments: Namespace) -> list[str] | None:
    """The names of all `--wrt`; None when there is none."""
    given: list[list[str]] | None = getattr(arguments, "wrt", None)
    return None if given is None else list(dict.fromkeys(name for some in given for name in some))
