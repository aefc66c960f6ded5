"""What goes to the terminal: results to stdout, notes and diagnostics to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

from paramprog.diagnostics import Diagnostic, fail, printable, render


@dataclass(frozen=True)
class Reply:
    """What a command prints on stdout, and its exit code."""

    text: str
    code: int = 0


def deliver(text: str) -> None:
    """Write `text` to stdout. A reader who has gone (`| head`) is no fault.

    Raises ProgramError when it cannot be written, as on a full disk.
    """
    if sys.stdout is None:  # closed by `>&-`
        return
    try:
        sys.stdout.write(_encodable(text, sys.stdout))
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon(sys.stdout)
    except OSError as error:
        _abandon(sys.stdout)
        raise fail("unwritable", f"standard output cannot be written: {error.strerror or error}") from None


def complain(diagnostics: Iterable[Diagnostic]) -> None:
    """Show errors on stderr."""
    for diagnostic in diagnostics:
        say(render(diagnostic, colour=coloured(sys.stderr)))


def remark(notes: Iterable[str], warnings: Iterable[Diagnostic], *, quiet: bool) -> None:
    """Show notes and warnings on stderr, unless they are not wanted."""
    if not quiet:
        for note in notes:
            say(f"note: {printable(note)}")
        complain(warnings)


def say(line: str) -> None:
    """One line on stderr; `line` is printable already."""
    if sys.stderr is not None:
        with suppress(OSError):  # nobody is there to be told
            print(line, file=sys.stderr)


def coloured(stream: TextIO | None) -> bool:
    """Whether to use colours: not if NO_COLOR is set, always if FORCE_COLOR is set, else on a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _encodable(text: str, stream: TextIO) -> str:
    """`text` with escapes for the characters that the encoding of the stream lacks."""
    encoding = stream.encoding or "utf-8"
    return text if text.isascii() else text.encode(encoding, "backslashreplace").decode(encoding)


def _abandon(stream: TextIO) -> None:
    """Send what is still buffered nowhere, lest the interpreter complain when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
