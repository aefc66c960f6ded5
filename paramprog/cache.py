"""Files that can be made again: kept between runs in the user's cache directory, never needed.

`PARAMPROG_CACHE` names another directory; empty, it turns the cache off. What cannot be read, is damaged or cannot be
written is as good as absent.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

_DIGEST = 32


def directory() -> Path | None:
    """`$PARAMPROG_CACHE`, else `$XDG_CACHE_HOME/paramprog`, else `~/.cache/paramprog`; None if there is to be none.

    The places are those of the XDG Base Directory Specification, version 0.8.
    """
    own = os.environ.get("PARAMPROG_CACHE")
    if own is not None:
        return Path(own) if own else None
    shared = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(shared) if Path(shared).is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # no home
        return None
    return base / "paramprog"


def load(name: str) -> bytes | None:
    """What was stored under a name, if all of it is there."""
    place = directory()
    if place is None:
        return None
    try:
        stored = (place / name).read_bytes()
    except OSError:
        return None
    digest, content = stored[:_DIGEST], stored[_DIGEST:]
    return content if sha256(content).digest() == digest else None


def store(name: str, content: bytes) -> None:
    """Keep `content` under a name: all of it or nothing, whoever else writes at the same moment."""
    place = directory()
    if place is None:
        return
    temporary = None
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place)
        with open(handle, "wb") as file:
            file.write(sha256(content).digest() + content)
        os.replace(temporary, place / name)
    except OSError:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
