"""Overwriting a file as a whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from paramprog.diagnostics import ProgramError, fail


def overwrite(path: str | Path, data: bytes) -> None:
    """Give a file new contents; its permissions stay, and of a link the file that it leads to is meant.

    At every moment the file has either the old contents or all of the new ones. Raises ProgramError, and
    changes nothing, when it cannot be written or is no regular file.
    """
    target = os.path.realpath(path)
    try:
        status = os.stat(target)
        if not stat.S_ISREG(status.st_mode):
            raise _unwritable(path, "it is not a regular file")
        if not os.access(target, os.W_OK):
            raise _unwritable(path, "it is read-only")
        _replace(target, data, status)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from None


def _replace(target: str, data: bytes, status: os.stat_result) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".paramprog-", dir=os.path.dirname(target))
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if hasattr(os, "chown"):
            with suppress(OSError):  # only the superuser may keep another one's file another one's
                os.chown(temporary, status.st_uid, status.st_gid)
        os.chmod(temporary, stat.S_IMODE(status.st_mode))
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _unwritable(path: str | Path, why: str) -> ProgramError:
    return fail("unwritable", f"`{path}` cannot be written: {why}")
