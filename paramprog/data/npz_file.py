"""npz files: an array for each column, all with the same first axis, the rows.

Arrays are unpacked when they are needed; their headers are read at once, and compared with the limits (`archive`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from numpy.typing import NDArray

from paramprog.data.archive import ArchiveFault, Member, contents, members
from paramprog.data.arrays import as_numbers, entry
from paramprog.data.content import MAX_BYTES, MAX_ENTRIES, too_many_entries
from paramprog.data.table import Kind, Table
from paramprog.diagnostics import Span, fail


def read_npz(path: Path, raw: bytes, digest: str) -> NpzTable:
    """The table in the bytes of a file. Raises ProgramError as `read_table` says."""
    with _damage_named(path):
        archive = ZipFile(BytesIO(raw))
        found = {member.name: member for member in members(archive)}
    if sum(m.count for m in found.values()) > MAX_ENTRIES:
        raise too_many_entries(path)
    if sum(m.size for m in found.values()) > MAX_BYTES:
        raise fail("data-read", f"`{path}` holds more than {MAX_BYTES >> 30} GiB, the limit for a data file")
    rows = _rows(path, found)
    return NpzTable(path, digest, rows, tuple(found), archive, found)


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
        with _damage_named(self.path):
            values = contents(self.archive, member)
        return as_numbers(self.path, column, values, kind)

    def place(self, row: int, column: str) -> Span:
        return entry(self.path, row, column)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Damage shows in as many ways as zipfile, zlib and NumPy have."""
    try:
        yield
    except MemoryError:
        raise
    except ArchiveFault as fault:
        if fault.fault == "twice":
            raise fail("data-column", f"`{path}` holds two arrays `{fault.name}`") from None
        hint = "write it by `numpy.savez`" if fault.fault == "format" else None
        raise fail("data-read", f"`{fault.name}` of `{path}` {fault.what}", None, hint) from None
    except Exception as error:
        message = f"`{path}` is damaged, or not an npz file ({type(error).__name__})"
        raise fail("data-read", message, None, "write it by `numpy.savez`") from None


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
