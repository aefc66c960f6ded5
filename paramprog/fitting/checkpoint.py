"""Checkpoints: everything from which a run goes on, in one file that is either whole or refused.

A checkpoint is a plain .npz file, which `numpy.load` opens: arrays by name, and `meta`, a JSON object as an array of
uint8, that begins with the format and its version. Its last bytes, the comment of the zip file, are the seal

    paramprog checkpoint 1 sha256 <64 hexadecimal digits>

over every byte before the digits. So a flipped bit or a lost end anywhere is found before anything is read from the
file. The seal guards against accidents; against files made on purpose there are no pickles, and no memory is asked for
beyond the size of the file. The same contents, with `meta` in the same order, give the same bytes.

Numbers in `meta` come back exactly, integers of any length included. NaN and infinities are spelled as Python's
`json` does: a checkpoint is read by this module, and what it holds must come back as it was.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from paramprog.diagnostics import ProgramError, fail
from paramprog.fitting.archive import pack, unpack
from paramprog.fitting.atomic import write_atomically

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

FORMAT = "paramprog checkpoint"
VERSION = 1
META = "meta"

SEAL = re.compile(rb"paramprog checkpoint (\d{1,9}) sha256 ([0-9a-f]{64})\Z")
LONGEST_SEAL = 128
DIGITS = 64
HEAD = 256
"""The first bytes, which hold the beginning of `meta` and so say whose file it is, should the end be lost."""
START, FIRST_NAME, FIRST = b"PK\x03\x04", slice(30, 38), b"meta.npy"
"""How a checkpoint starts, and the name of its first member."""


class Checkpoint(NamedTuple):
    """What `save` was given."""

    arrays: dict[str, NDArray[Any]]
    meta: dict[str, JSON]


def save(path: str | Path, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, JSON]) -> None:
    """Write a checkpoint; at every moment `path` is the previous one or the new one.

    Raises ProgramError (checkpoint-write), with the previous one untouched and no temporary file left, when it cannot
    be written, as on a full disk.
    """
    try:
        write_atomically(Path(path), encode(arrays, meta))
    except OSError as error:
        raise fail("checkpoint-write", f"cannot write `{path}`: {error.strerror or error}") from None


def load(path: str | Path) -> Checkpoint:
    """The contents of a checkpoint; the arrays are writable and their own.

    Raises ProgramError: unreadable-file; checkpoint-foreign for a file that is none or of a newer version;
    checkpoint-damaged for one that is not, to the last bit, as it was written.
    """
    return decode(_read(path), path)


def require(path: str | Path, meta: Mapping[str, JSON], wanted: Mapping[str, JSON]) -> None:
    """Check that a checkpoint is of this run: that its `meta` has these entries.

    Raises ProgramError (checkpoint-foreign) that names the first one in which they differ.
    """
    for key, value in wanted.items():
        if key not in meta:
            raise fail("checkpoint-foreign", f"`{path}` is of another run: it does not say its {key}")
        if meta[key] != value:
            there, here = _short(meta[key]), _short(value)
            raise fail(
                "checkpoint-foreign", f"`{path}` is of another run: its {key} is {there}, here it is {here}"
            )


def encode(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, JSON]) -> memoryview:
    """The bytes of a checkpoint. Raises ValueError for what none can hold."""
    if META in arrays or not meta.keys().isdisjoint(("format", "version")):
        raise ValueError(
            "`meta` is no name for an array, `format` and `version` are none for entries of `meta`"
        )
    text = json.dumps({"format": FORMAT, "version": VERSION, **{k: meta[k] for k in sorted(meta)}})
    members = {META: np.frombuffer(text.encode(), np.uint8), **{k: arrays[k] for k in sorted(arrays)}}
    data = pack(members, comment=b"%b %d sha256 %b" % (FORMAT.encode(), VERSION, b"0" * DIGITS))
    data[-DIGITS:] = sha256(data[:-DIGITS]).hexdigest().encode()
    return data


def decode(data: bytes, name: str | Path) -> Checkpoint:
    """The contents of the bytes of a checkpoint; `name` is for messages. Raises ProgramError as `load` does."""
    _recognise(data[:HEAD], data[-LONGEST_SEAL:], name)
    seal = SEAL.search(data, max(0, len(data) - LONGEST_SEAL))
    if seal is None:
        raise _damaged(name, "its end is missing or was changed")
    if sha256(memoryview(data)[:-DIGITS]).hexdigest().encode() != seal[2]:
        raise _damaged(name, "its contents do not have the sha256 that was written with them")
    if int(seal[1]) != VERSION:
        raise fail(
            "checkpoint-foreign",
            f"`{name}` is a checkpoint of format {int(seal[1])}, and this version of paramprog reads format {VERSION}",
            hint="resume with the version of paramprog that wrote it",
        )
    try:
        arrays = unpack(data)
        meta = json.loads(arrays.pop(META).tobytes())
    except (ValueError, KeyError, RecursionError) as error:
        raise _damaged(name, str(error)) from None
    if (
        not isinstance(meta, dict)
        or meta.pop("format", None) != FORMAT
        or meta.pop("version", None) != VERSION
    ):
        raise _damaged(name, "its description is not that of a checkpoint")
    return Checkpoint(arrays, meta)


def _read(path: str | Path) -> bytes:
    """The bytes of a file; of one that is no checkpoint, however large, only both ends."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for a writer
            raise fail("unreadable-file", f"`{path}` is not a regular file")
        with open(path, "rb") as file:
            head = file.read(HEAD)
            file.seek(-min(LONGEST_SEAL, file.seek(0, os.SEEK_END)), os.SEEK_END)
            _recognise(head, file.read(), path)
            file.seek(0)
            return file.read()
    except FileNotFoundError:
        raise fail("unreadable-file", f"there is no file `{path}`") from None
    except OSError as error:
        raise fail("unreadable-file", f"`{path}` cannot be read: {error.strerror or error}") from None


def _recognise(head: bytes, tail: bytes, name: str | Path) -> None:
    """Refuse what never was a checkpoint. One end is enough to know one."""
    if not head:
        raise _damaged(name, "it is empty")
    cut_short = (
        len(head) < HEAD and head.startswith(START[: len(head)]) and FIRST.startswith(head[FIRST_NAME])
    )
    if not (FORMAT.encode() in head or SEAL.search(tail) or cut_short):
        raise fail("checkpoint-foreign", f"`{name}` is not a checkpoint of paramprog")


def _damaged(name: str | Path, why: str) -> ProgramError:
    return fail("checkpoint-damaged", f"`{name}` is a damaged checkpoint, nothing of it was used: {why}")


def _short(value: JSON) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
