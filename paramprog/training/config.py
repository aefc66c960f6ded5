"""What determines a run, as `config.json` records it, and whether a run that is resumed is still the same.

    paramprog   the version that began the run      settings   all of them, resolved
    program     file, function, digests             data       file, sha256 and number of rows
    start       the sha256 of params to start from  backend    what computes, and the `toolchain` of C
    parameters  their shapes                        versions   of Python, NumPy and SciPy

Raises ProgramError: run-config when the record cannot be understood; resume-differs, saying what, when something that
is given is not what was recorded.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from paramprog import __version__
from paramprog.compile.backend import Backend
from paramprog.compile.toolchain import NoCompiler, toolchain
from paramprog.diagnostics import ProgramError, Source, fail
from paramprog.fitting.run_directory import RunDirectory
from paramprog.fitting.settings import SPECS, Settings, canonical
from paramprog.fitting.settings_toml import FILES
from paramprog.training.task import Task

Config = dict[str, Any]


def config_of(task: Task, start: Mapping[str, Any]) -> Config:
    """The record of a new run."""
    return {
        "paramprog": __version__,
        "settings": asdict(task.settings),
        "program": {
            "file": task.program.source.name,
            "function": task.program.function,
            "text": text_digest(task.program.source),
            "sha256": task.digest,
        },
        "data": {"file": str(task.table.path), "sha256": task.table.digest, "rows": task.table.rows},
        "start": digest(start) if start else None,
        "backend": task.computing.backend,
        "toolchain": task.computing.toolchain,
        "parameters": {name: list(shape) for name, shape in task.objective.layout.shapes.items()},
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Of what computes."""
    return {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}


def digest(values: Mapping[str, Any]) -> str:
    """The sha256 of arrays by name."""
    found = sha256()
    for name in sorted(values):
        array = np.asarray(values[name])
        found.update(f"{name!r} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    return found.hexdigest()


def text_digest(source: Source) -> str:
    """The sha256 of the program's file, without those that it imports."""
    return sha256(source.text.encode()).hexdigest()


def settings_of(config: Config, path: Path) -> Settings:
    """The settings that were recorded."""
    try:
        return Settings(**config["settings"])
    except (KeyError, TypeError, ProgramError) as error:
        what = str(error).splitlines()[0]
        message = f"`{path}` does not hold the settings of a run of this version of paramprog: {what}"
        raise fail("run-config", message) from None


def check_settings(settings: Settings, given: Mapping[str, Any], run: RunDirectory) -> None:
    """What is given beside the folder is what was recorded; files are compared when they are read."""
    for name, value in given.items():
        if value is None or name in FILES or name not in SPECS:
            continue  # files are compared by their contents
        try:
            new, old = canonical(name, value), getattr(settings, name)
        except ValueError as error:
            raise fail("settings", str(error)) from None
        if isinstance(new, Mapping):
            old = {k: old[k] for k in new if k in old}
        if new != old:
            file = run.params_file()
            params = "" if file is None else f" from its params: --params {file}"
            message = f"`{name}` is {new} here, and {old} in the run `{run.path}`"
            raise fail("resume-differs", message, None, f"leave it out, or begin a new run{params}")


def check_program(config: Config, key: str, digest: str, name: str, run: Path) -> None:
    """The program is, to the last character, the one that the run began with; `key` says which of its digests."""
    if config["program"][key] != digest:
        hint = "put it back as it was, or begin a new run from its params"
        message = f"the program `{name}` has changed since the run `{run}` began"
        raise fail("resume-differs", message, None, hint)


def check_data(config: Config, digest: str, name: str, run: Path) -> None:
    """The data file is, to the last byte, the one that the run began with."""
    if config["data"]["sha256"] != digest:
        hint = "put it back as it was, or begin a new run from its params"
        message = f"the data `{name}` has changed since the run `{run}` began"
        raise fail("resume-differs", message, None, hint)


def backend_of(config: Config) -> Backend:
    """What computed the run, which goes on with it."""
    found = config.get("backend")
    return "c" if found == "c" else "numpy"


def check_backend(config: Config, run: Path) -> None:
    """What computed the run is there: the last bits depend on the back end, and on the compiler that made it."""
    try:
        here = toolchain()
    except NoCompiler:  # $CC is none
        here = None
    old = config.get("backend"), config.get("toolchain", "")
    new = ("c", here.name) if old[0] == "c" and here is not None else ("numpy", "")
    if old != new:
        told = [f"`{name}`{f' of {tool}' if tool else ''}" for name, tool in (old, new)]
        message = f"the run `{run}` was computed by the back end {told[0]}; this one is {told[1]}"
        hint = "go on where there is that compiler, or begin a new run from its params"
        raise fail("resume-differs", message, None, hint)


def identity(config: Config) -> dict[str, Any]:
    """What the checkpoints of a run have in their meta, so that one of another run is not taken for it."""
    settings = config["settings"]
    return {
        "program": config["program"]["sha256"],
        "data": config["data"]["sha256"],
        "parameters": config["parameters"],
        "optimizer": settings["optimizer"],
        "dtype": settings["dtype"],
        "seed": settings["seed"],
        "backend": config["backend"],
        "configuration": sha256(dumps(config, sort_keys=True).encode()).hexdigest(),
    }
