"""What a caller gives: settings, a program, data and params to start from, each in one of several forms.

Raises ProgramError: settings when something is missing or does not go together; resume-differs when a program is not
the one that a run began with; whatever reading the files raises.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from paramprog.data import Table, read_table, table_of
from paramprog.data.values import read_values
from paramprog.diagnostics import Source, fail
from paramprog.fitting.settings import Settings
from paramprog.fitting.settings_toml import from_toml
from paramprog.lang.build import MAX_NODES
from paramprog.lang.read import read_source
from paramprog.program import Program

Given: TypeAlias = Mapping[str, Any]
Programs: TypeAlias = Program | str | Path | None
"""A program or the file of one; None where it is recorded."""

FILE_OR_ARRAYS = "the name of a file, or arrays by name"

LONGEST_SHOWN = 60
"""Characters of a value that a message shows."""


def configured(program: Programs, data: Any, given: Given) -> Settings:
    """The settings, resolved: those of a configuration file, `config`, with what is given in their place."""
    rest = {name: value for name, value in given.items() if name != "config" and value is not None}
    if isinstance(rest.get("params"), Mapping):
        del rest["params"]  # arrays: recognised by their digest, not recorded
    elif "params" in rest:
        rest["params"] = str(as_path("params", rest["params"], FILE_OR_ARRAYS))
    base = from_toml(as_path("config", given["config"])) if given.get("config") is not None else Settings()
    if isinstance(program, Program):
        rest = {"dtype": program.dtype, "function": program.function, **rest}
        dims = rest.get("dims", {})
        rest["dims"] = {**program.dims, **dims} if isinstance(dims, Mapping) else dims
    files = {
        "program": str(program) if isinstance(program, str | PathLike) else None,
        "data": str(data) if isinstance(data, str | PathLike) else None,
    }
    return base.merged({**rest, **files}).resolved()


def source_of(program: Programs, settings: Settings) -> Source:
    """The text of the program."""
    if isinstance(program, Program):
        return program.source
    file = program if program is not None else settings.program
    if file is None:
        raise fail("settings", "there is no program to fit", None, "give the file of one")
    if isinstance(file, str) and "\n" in file:
        hint = "`paramprog.loads(text)` makes a program of a text"
        raise fail("settings", "the program is the name of a file or a Program, not a text", None, hint)
    return read_source("-" if file == "-" else as_path("program", file))


def compiled_as(source: Source, program: Programs, settings: Settings) -> Program:
    """The program with the sizes, the function and the reals of the settings."""
    limit = program.max_nodes if isinstance(program, Program) else settings.max_nodes or MAX_NODES
    return Program(source, settings.function, settings.dims, settings.dtype, limit)


def table_from(data: Any, settings: Settings) -> Table:
    """A file, a table, or arrays by name (also a data frame)."""
    file = data if data is not None else settings.data
    if file is None:
        raise fail("settings", "there is no data to fit to", None, "give a file: --data FILE")
    if isinstance(file, str | PathLike):
        return read_table(Path(file))
    return file if isinstance(file, Table) else table_of(file)


def start_of(given: Given, settings: Settings) -> dict[str, Any]:
    """The params to start from: arrays by name that are given, or those in the file that is given or recorded."""
    params = given.get("params")
    if isinstance(params, Mapping):
        return {str(name): as_numbers(str(name), value) for name, value in params.items()}
    file = settings.params if params is None else params
    return {} if file is None else read_values(as_path("params", file, FILE_OR_ARRAYS))


def as_path(name: str, value: Any, kind: str = "the name of a file") -> Path:
    """A file or folder that a caller names. Raises ProgramError (settings) for what is no name of one."""
    if isinstance(value, str | PathLike):
        path = os.fspath(value)
        if isinstance(path, str) and path and "\0" not in path:
            return Path(path)
    shown = repr(value)
    shown = shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 3]}..."
    raise fail("settings", f"`{name}` cannot be {shown}: it is {kind}")


def as_numbers(name: str, value: Any) -> NDArray[Any]:
    """A value as an array. Raises ProgramError (input-value) for what is not made of numbers."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        message = f"the value of `{name}` is not a rectangular array: its rows differ in length"
        raise fail("input-value", message) from None
    if array.dtype.kind not in "biuf":
        raise fail("input-value", f"the value of `{name}` is not made of numbers")
    return array
