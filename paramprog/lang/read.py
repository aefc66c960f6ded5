"""Reading a program from a file or from standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from paramprog.diagnostics import ProgramError, Source, Span, fail

MAX_SOURCE = 16 * 2**20
"""The longest program that is accepted, in bytes."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_source(path: str | Path) -> Source:
    """The text of a file, or of standard input for `-`; a byte order mark at its start is dropped.

    Raises ProgramError if the file cannot be read, is too long, or is not UTF-8.
    """
    name = "<stdin>" if path == "-" else str(path)
    data = _read(path, name)
    if len(data) > MAX_SOURCE:
        raise source_too_long(Source(name, ""))
    data = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        return Source(name, data.decode())
    except UnicodeDecodeError as error:
        raise _not_utf8(name, data, error.start) from None


def source_too_long(source: Source) -> ProgramError:
    """The error for a program above the limit."""
    message = f"the program is longer than {MAX_SOURCE // 2**20} MiB"
    return fail("source-limit", message, Span(source, 0, 0), "divide it into files and import them")


def _read(path: str | Path, name: str) -> bytes:
    """The bytes of the file; of one that is too long, just enough to know it."""
    try:
        if path == "-":
            return sys.stdin.buffer.read(MAX_SOURCE + 1)
        with Path(path).open("rb") as file:
            return file.read(MAX_SOURCE + 1)
    except FileNotFoundError:
        raise fail("unreadable-file", f"there is no file `{name}`") from None
    except IsADirectoryError:
        raise fail("unreadable-file", f"`{name}` is a directory") from None
    except OSError as error:
        raise fail("unreadable-file", f"`{name}` cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise fail("unreadable-file", f"`{name}` is no name of a file") from None


def _not_utf8(name: str, data: bytes, at: int) -> ProgramError:
    offset = len(data[:at].decode())
    source = Source(name, data.decode(errors="replace"))
    hint = "it looks like UTF-16; save it as UTF-8" if data.startswith(_UTF_16) else "save the file as UTF-8"
    message = f"the program is not UTF-8: byte 0x{data[at]:02X} cannot stand here"
    return fail("not-utf8", message, Span(source, offset, offset + 1), hint)
