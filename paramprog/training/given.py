"""What a caller gives: settings, a program, data and params to start from, each in one of several forms.

Raises ProgramError: settings when something is missing or does not go together; resume-differs when a program is not
the one that a run began with; whatever reading the files raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

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


def configured(program: Programs, data: Any, given: Given) -> Settings:
    """The settings, resolved: those of a configuration file, `config`, with what is given in their place."""
    rest = {name: value for name, value in given.items() if name != "config" and value is not None}
    base = from_toml(given["config"]) if given.get("config") is not None else Settings()
    if isinstance(program, Program):
        rest = {"dtype": program.dtype, "function": program.function, **rest}
        rest["dims"] = {**program.dims, **rest.get("dims", {})}
    files = {
        "program": str(program) if isinstance(program, str | Path) else None,
        "data": str(data) if isinstance(data, str | Path) else None,
    }
    return base.merged({**rest, **files}).resolved()


def source_of(program: Programs, settings: Settings) -> Source:
    """The text of the program."""
    if isinstance(program, Program):
        return program.source
    file = program if program is not None else settings.program
    if file is None:
        raise fail("settings", "there is no program to fit", None, "give the file of one")
    return read_source(file)


def compiled_as(source: Source, program: Programs, settings: Settings) -> Program:
    """The program with the sizes, the function and the reals of the settings."""
    limit = program.max_nodes if isinstance(program, Program) else settings.max_nodes or MAX_NODES
    return Program(source, settings.function, settings.dims, settings.dtype, limit)


def table_from(data: Any, settings: Settings) -> Table:
    """A file, a table, or arrays by name (also a data frame)."""
    file = data if data is not None else settings.data
    if file is None:
        raise fail("settings", "there is no data to fit to", None, "give a file: --data FILE")
    if isinstance(file, str | Path):
        return read_table(file)
    return file if isinstance(file, Table) else table_of(dict(file.items()))


def start_of(given: Given) -> tuple[dict[str, Any], dict[str, Any]]:
    """(params to start from, the other settings): `params` may be arrays instead of the name of a file."""
    params = given.get("params")
    if isinstance(params, Mapping):
        arrays = {str(name): np.asarray(value) for name, value in params.items()}
        return arrays, {name: value for name, value in given.items() if name != "params"}
    return read_start(params), dict(given)


def read_start(path: str | Path | None) -> dict[str, Any]:
    """The params in a file; none without one."""
    return {} if path is None else read_values(path)
