"""Settings as TOML: `--config FILE` reads it, `--show-config` prints it.

A file has the names of `Settings` at the top, those of `[bind]` and `[dims]` in tables; all may be left out. The names
of files in it (`FILES`) are relative to its folder, so that it can stay beside them. What is printed has each setting
that is given, in the order of `Settings`, with its meaning; in a file in the current directory it gives the same
settings.

Raises ProgramError (settings), pointing into the file, for what is no TOML, and for each unknown name and each value of
the wrong kind; (unreadable-file) if the file cannot be read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paramprog.data.content import opened
from paramprog.diagnostics import Diagnostic, ProgramError, Source, Span, fail
from paramprog.fitting.settings import SPECS, Settings, canonical, unknown_setting

FILES = ("program", "params", "data")
"""Settings that name files."""

MAX_CONFIG = 2**20
"""The longest configuration file, in bytes."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_LINE = re.compile(r"[ \t]*(?:\[[ \t]*(?P<table>[^\[\]\n]+?)[ \t]*\]|(?P<key>[^\s=#\[][^=\n]*?)[ \t]*=)")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def from_toml(path: str | Path) -> Settings:
    """The settings in a file."""
    source = _read(path)
    values = _parsed(source)
    places = _places(source)
    faults: list[Diagnostic] = []
    for name, value in values.items():
        span = places.get(name, Span(source, 0, 0))
        if name not in SPECS:
            unknown = unknown_setting(name)
            faults.append(Diagnostic(unknown.code, unknown.message, span, unknown.hint))
            continue
        try:
            canonical(name, value)
        except ValueError as error:
            faults.append(Diagnostic("settings", str(error), span))
    if faults:
        raise ProgramError(faults)
    folder = Path(path).parent
    return Settings().merged(values | {k: _within(folder, values[k]) for k in FILES if k in values})


def to_toml(settings: Settings) -> str:
    """The settings that are given, as text."""
    lines, tables = [], []
    for name, spec in SPECS.items():
        value = getattr(settings, name)
        if isinstance(value, Mapping):
            if value:
                tables += ["", f"[{name}]  # {spec.metadata['doc']}"]
                tables += [f"{_key(key)} = {_value(item)}" for key, item in value.items()]
        elif value is not None:
            lines.append(f"{name} = {_value(value)}  # {spec.metadata['doc']}")
    return "\n".join([*lines, *tables]) + "\n"


def _within(folder: Path, name: str) -> str:
    """A file named beside the configuration, as it is named from the current directory; `-` is standard input."""
    return name if name == "-" or folder == Path() else str(folder / name)


def _read(path: str | Path) -> Source:
    name = str(path)
    with opened(path, "unreadable-file") as file:
        data = file.read(MAX_CONFIG + 1)
    if len(data) > MAX_CONFIG:
        raise fail(
            "settings", f"`{name}` is longer than {MAX_CONFIG // 2**20} MiB, so it is no configuration"
        )
    try:
        return Source(name, data.removeprefix(_BYTE_ORDER_MARK).decode())
    except UnicodeDecodeError:
        raise fail("settings", f"`{name}` is not UTF-8", None, "save the file as UTF-8") from None


def _parsed(source: Source) -> dict[str, Any]:
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
    except RecursionError:
        message = "Nested too deeply"
    except ValueError:  # a whole number of thousands of digits, which Python does not read
        message = "A number is too long"
    at = _POSITION.search(message)
    offset = 0
    if at is not None:
        message = message[: at.start()]
        offset = source.line_starts[int(at[1]) - 1] + int(at[2]) - 1 if at[1] else len(source.text)
    raise fail("settings", f"this is not TOML: {message}", Span(source, offset, offset))


def _places(source: Source) -> dict[str, Span]:
    """Where each name at the top is first set; TOML's parser does not tell."""
    found: dict[str, Span] = {}
    table = ""
    for start in source.line_starts:
        match = _LINE.match(source.text, start)
        if match is None:
            continue
        part = "table" if match["table"] else "key"
        name = match[part].partition(".")[0].strip().strip("\"'")
        if part == "table":
            table = name
        elif table:
            continue
        found.setdefault(name, Span(source, match.start(part), match.end(part)))
    return found


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: str | int | float) -> str:
    """In TOML. Python writes numbers as TOML does; texts are escaped, so that one is one line."""
    if not isinstance(value, str):
        return repr(value)
    return '"' + "".join(_escaped(c) for c in value) + '"'


def _escaped(c: str) -> str:
    if c in '"\\':
        return "\\" + c
    return c if c.isprintable() else f"\\U{ord(c):08X}"
