"""npz files: an array for each column, all with the same first axis, the rows.

Never pickles. The size of an array is computed from its header and compared with that of its data and with the limits
before memory is asked for. Arrays are unpacked when they are needed; their headers are read at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from paramprog.data.arrays import as_numbers, entry
from paramprog.data.content import MAX_BYTES, MAX_ENTRIES, too_many_entries
from paramprog.data.table import Kind, Table
from paramprog.diagnostics import ProgramError, Span, fail

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True)
class Member:
    """An array in the archive, by its header."""

    info: ZipInfo
    shape: tuple[int, ...]
    columns_first: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def size(self) -> int:
        """In bytes."""
        return prod(self.shape) * self.dtype.itemsize


def read_npz(path: Path, raw: bytes, digest: str) -> NpzTable:
    """The table in the bytes of a file. Raises ProgramError as `read_table` says."""
    members: dict[str, Member] = {}
    with _damage_named(path):
        archive = ZipFile(BytesIO(raw))
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name in members:
                raise fail("data-column", f"`{path}` holds two arrays `{name}`")
            members[name] = _member(path, archive, info, name)
    if sum(prod(m.shape) for m in members.values()) > MAX_ENTRIES:
        raise too_many_entries(path)
    if sum(m.size for m in members.values()) > MAX_BYTES:
        raise fail("data-read", f"`{path}` holds more than {MAX_BYTES >> 30} GiB, the limit for a data file")
    rows = _rows(path, members)
    return NpzTable(path, digest, rows, tuple(members), archive, members)


@dataclass(frozen=True, eq=False)
class NpzTable(Table):
    archive: ZipFile
    members: dict[str, Member]

    def numbers(self, column: str, kind: Kind = "real") -> NDArray[Any]:
        member = self.members.get(column)
        if member is None:
            raise self.missing(column)
        if member.dtype.hasobject:
            hint = "save numbers: `numpy.savez(file, x=array.astype(float))`"
            message = f"`{column}` of `{self.path}` holds pickled Python objects, which are never loaded"
            raise fail("data-read", message, None, hint)
        with _damage_named(self.path), self.archive.open(member.info) as data:
            data.read(member.offset)
            flat = np.frombuffer(data.read(), member.dtype)
        values = flat.reshape(member.shape, order="F" if member.columns_first else "C")
        return as_numbers(self.path, column, values, kind)

    def place(self, row: int, column: str) -> Span:
        return entry(self.path, row, column)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Damage shows in as many ways as zipfile, zlib and NumPy have."""
    try:
        yield
    except (ProgramError, MemoryError):
        raise
    except Exception as error:
        message = f"`{path}` is damaged, or not an npz file ({type(error).__name__})"
        raise fail("data-read", message, None, "write it by `numpy.savez`") from None


def _member(path: Path, archive: ZipFile, info: ZipInfo, name: str) -> Member:
    where = f"`{name}` of `{path}`"
    with archive.open(info) as data:
        version = npy.read_magic(data) if info.filename.endswith(".npy") else None
        if version not in HEADERS:
            raise fail("data-read", f"{where} is not an array of numbers", None, "write it by `numpy.savez`")
        shape, columns_first, dtype = HEADERS[version](data)
        member = Member(info, shape, columns_first, dtype, data.tell())
    if min(shape, default=0) < 0 or not (dtype.hasobject or info.file_size - member.offset == member.size):
        raise fail("data-read", f"{where} is damaged: its size is not that of its shape")
    return member


def _rows(path: Path, members: dict[str, Member]) -> int:
    """The common first axis. Raises ProgramError when there is none, or it is empty."""
    if not members:
        raise fail("data-empty", f"`{path}` holds no array")
    hint = "every array of the file needs one entry for each row; keep others in another file"
    first, *_ = members
    for name, member in members.items():
        if not member.shape:
            message = f"`{name}` of `{path}` is a single number and not an array of rows"
            raise fail("data-ragged", message, None, hint)
        rows, expected = member.shape[0], members[first].shape[0]
        if rows != expected:
            message = f"`{name}` of `{path}` has {rows} rows, and `{first}` has {expected}"
            raise fail("data-ragged", message, None, hint)
    if expected == 0:
        raise fail("data-empty", f"`{path}` holds arrays without rows")
    return expected
