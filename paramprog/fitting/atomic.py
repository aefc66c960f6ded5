"""Writing a file as a whole or not at all, also when the disk is full or the process is killed.

At every moment `path` has either its old contents or all of the new ones: they go to the temporary file
`.NAME.PID.tmp` in the same folder, to the disk (fsync), and get their name by one rename, which is then brought to
the disk as well. Only a process killed between the two leaves a temporary file; `remove_leftovers` is for those.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from glob import escape
from pathlib import Path

UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM}
"""What systems say that cannot open, or bring to the disk, a folder."""


def write_atomically(path: Path, data: bytes | memoryview) -> None:
    """Give `path` the contents `data`.

    Raises OSError, with the old file untouched and no temporary file left, when it cannot be written. (Only if the
    last step fails, which brings the new name to the disk, is it the new file that stands there, whole.)
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _write(temporary, data)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def write_all(file: int, data: bytes | memoryview) -> None:
    """Write to an open file all of `data`; the system may take it in parts. Raises OSError."""
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[os.write(file, rest) :]


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files that killed processes left of `path`; nobody else may be writing it now."""
    for temporary in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        with suppress(OSError):
            temporary.unlink()


def _write(path: Path, data: bytes | memoryview) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    file = os.open(path, flags, 0o666)
    try:
        write_all(file, data)
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder(folder: Path) -> None:
    try:
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
