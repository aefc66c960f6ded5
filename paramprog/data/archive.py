"""The arrays in an .npz file, for all that read one: never pickles, and no header is believed.

`members` reads the headers only, and compares the size that each of them claims with that of its data; so limits can
be checked before memory is asked for. `contents` reads one array. What is wrong with a member is an `ArchiveFault`;
what is wrong with the file shows in as many exceptions as zipfile, zlib and NumPy have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, Literal
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}

NUMBERS = "biuf"
"""The kinds of arrays of numbers and bools."""


class ArchiveFault(Exception):
    """What is wrong with the member `name`; `what` goes on after its name."""

    def __init__(self, name: str, fault: Literal["twice", "format", "size"], what: str) -> None:
        super().__init__(f"`{name}` {what}")
        self.name, self.fault, self.what = name, fault, what


@dataclass(frozen=True)
class Member:
    """An array in the archive, by its header."""

    info: ZipInfo
    name: str
    shape: tuple[int, ...]
    columns_first: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def count(self) -> int:
        """How many entries it has."""
        return prod(self.shape)

    @property
    def size(self) -> int:
        """In bytes."""
        return self.count * self.dtype.itemsize


def members(archive: ZipFile) -> Iterator[Member]:
    """The arrays, of any dtype, in the order of the file. Raises ArchiveFault."""
    names = set()
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in names:
            raise ArchiveFault(name, "twice", "is there twice")
        names.add(name)
        yield _member(archive, info, name)


def contents(archive: ZipFile, member: Member) -> NDArray[Any]:
    """The entries of an array that has no objects; it cannot be written to."""
    with archive.open(member.info) as data:
        data.read(member.offset)
        flat = np.frombuffer(data.read(), member.dtype)
    return flat.reshape(member.shape, order="F" if member.columns_first else "C")


def _member(archive: ZipFile, info: ZipInfo, name: str) -> Member:
    if not info.filename.endswith(".npy"):
        raise ArchiveFault(name, "format", "is not an array")
    with archive.open(info) as data:
        header = HEADERS.get(npy.read_magic(data))
        if header is None:
            raise ArchiveFault(name, "format", "is not an array of numbers")
        shape, columns_first, dtype = header(data)
        member = Member(info, name, shape, columns_first, dtype, data.tell())
    known = not dtype.hasobject  # a pickle has any size
    if min(shape, default=0) < 0 or (known and info.file_size - member.offset != member.size):
        raise ArchiveFault(name, "size", "is damaged: its size is not that of its shape")
    return member
