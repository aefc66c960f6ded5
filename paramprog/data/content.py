"""The bytes of a data file, read once: what is hashed is what is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from paramprog.diagnostics import ProgramError, fail

MAX_BYTES = 2**31
"""The size of a data file, and of what is unpacked from it."""

MAX_ENTRIES = 2**28
"""The cells of one table (DESIGN section 7: elements of one tensor)."""


@contextmanager
def opened(path: str | Path, code: str) -> Iterator[BinaryIO]:
    """The file, open for reading. Raises ProgramError of this code, naming it, when it cannot be opened or read."""
    try:
        with Path(path).open("rb") as file:
            yield file
    except FileNotFoundError:
        raise fail(code, f"there is no file `{path}`") from None
    except IsADirectoryError:
        raise fail(code, f"`{path}` is a directory") from None
    except OSError as error:
        raise fail(code, f"`{path}` cannot be read: {error.strerror or error}") from None
    except ValueError:  # a NUL in the name
        raise fail(code, f"`{path}` is no name of a file") from None


def read_bytes(path: Path, file: BinaryIO) -> bytes:
    """All of an open file. Raises ProgramError when it is too large, and OSError when it cannot be read."""
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        message = f"`{path}` is larger than {MAX_BYTES >> 30} GiB, the limit for a data file"
        raise fail("data-read", message, None, "divide it, or leave out columns that are not needed")
    return data


def too_many_entries(path: Path) -> ProgramError:
    """The error for a table beyond `MAX_ENTRIES`."""
    return fail(
        "data-read", f"`{path}` holds more than {MAX_ENTRIES} (2^28) entries, the limit for one table"
    )
