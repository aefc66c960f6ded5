"""Reading .npz files: only arrays of numbers, never pickles; sizes are checked before memory is asked for."""

from __future__ import annotations

from math import prod
from typing import Any, BinaryIO
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

from paramprog.diagnostics import fail

MAX_ELEMENTS = 2**28
"""The numbers in one file (DESIGN section 7)."""

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_archive(path: str, file: BinaryIO) -> dict[str, Any]:
    """The arrays by name.

    Raises ProgramError for members that are no arrays of numbers or bools, and whatever zipfile and NumPy
    raise when the file is damaged.
    """
    found: dict[str, Any] = {}
    room = MAX_ELEMENTS
    with ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            where = f"`{name}` in `{path}`"
            if name in found:
                raise fail("values-file", f"`{path}` gives `{name}` twice")
            found[name] = _array(archive, member, where, room)
            room -= found[name].size
    return found


def _array(archive: ZipFile, member: ZipInfo, where: str, room: int) -> Any:
    with archive.open(member) as data:
        if not member.filename.endswith(".npy"):
            raise fail("values-file", f"{where} is not an array")
        header = HEADERS.get(npy.read_magic(data))
        if header is None:
            raise fail("values-file", f"{where} is not an array of numbers")
        shape, columns_first, dtype = header(data)
        if dtype.hasobject:
            raise fail("values-file", f"{where} holds Python objects, which are not loaded")
        if dtype.kind not in "biuf":
            raise fail("values-file", f"{where} is not an array of numbers but of {dtype}")
        count = prod(shape)
        if min(shape, default=0) < 0 or count > room:
            raise fail("values-file", f"{where}: more than {MAX_ELEMENTS} numbers in one file")
        size = count * dtype.itemsize
        if member.file_size - data.tell() != size:
            raise fail("values-file", f"{where} is damaged: its size is not that of its shape")
        flat = np.frombuffer(data.read(), dtype)
    return flat.reshape(shape, order="F" if columns_first else "C")
