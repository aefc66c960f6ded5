"""Arrays by name as the bytes of an .npz file, and back.

The same arrays give the same bytes, on any machine and at any time: members in the order given, uncompressed, with
fixed dates, little-endian, C order. `unpack` takes nothing on trust (`data.archive`), and asks for no memory
beyond the size of the file. Arrays are of bool, integers or floats (kinds b, i, u
and f of up to 8 bytes an element).
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from paramprog.data.archive import NUMBERS, Member, contents, members

LONGEST_NAME = 1000


def pack(arrays: Mapping[str, NDArray[Any]], *, comment: bytes = b"") -> memoryview:
    """The bytes of an .npz file of these arrays; `comment` is the last of them.

    Raises ValueError for a name or an array that such a file cannot hold.
    """
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        archive.comment = comment
        for name, value in arrays.items():
            array = _portable(name, np.asarray(value))
            member = ZipInfo(_checked(name) + ".npy")
            member.create_system = 3  # or the file would say where it was written
            member.external_attr = 0o644 << 16
            member.file_size = array.nbytes  # tells zipfile whether 4 GiB are enough
            with archive.open(member, "w") as file:
                npy.write_array(file, array, version=(1, 0), allow_pickle=False)
    return buffer.getbuffer()


def unpack(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file that `pack` wrote, in its order. Raises ValueError saying what is wrong with it."""
    try:
        with ZipFile(BytesIO(data)) as archive:
            if sum(m.file_size for m in archive.infolist()) > len(data):  # compressed, or overlapping
                raise ValueError("its members are longer than the file")
            return {member.name: _array(archive, member) for member in members(archive)}
    except MemoryError:
        raise
    except Exception as error:  # zipfile and NumPy raise a dozen kinds of exceptions for bad bytes
        raise ValueError(str(error) or type(error).__name__) from None


def _array(archive: ZipFile, member: Member) -> NDArray[Any]:
    if member.dtype.kind not in NUMBERS or member.columns_first:
        raise ValueError(f"`{member.name}` is not an array of numbers that was written here")
    return contents(archive, member).astype(member.dtype.newbyteorder("="))


def _portable(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in NUMBERS or array.itemsize > 8:
        raise ValueError(f"`{name}` is of {array.dtype}, which is not kept in files")
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C")


def _checked(name: str) -> str:
    if not (name and len(name) <= LONGEST_NAME and name.isascii() and name.isprintable()):
        raise ValueError(f"{name!r} is no name for an array in a file")
    return name
