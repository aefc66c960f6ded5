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


def folder() -> Path | None:
    """`$PARAMPROG_CACHE`, else `$XDG_CACHE_HOME/paramprog`, else `~/.cache/paramprog`, made if need be.

    None if there is to be none, or it cannot be written, or others may write there: what it holds is run. The places
    are those of the XDG Base Directory Specification, version 0.8.
    """
    own = os.environ.get("PARAMPROG_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if own == "":
        return None
    try:
        base = Path(shared) if Path(shared).is_absolute() else Path.home() / ".cache"
        place = Path(own) if own else base / "paramprog"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = place.stat()
    except (OSError, RuntimeError):  # no home, or no folder
        return None
    if hasattr(os, "getuid") and (about.st_uid != os.getuid() or about.st_mode & 0o022):
        return None
    return place if os.access(place, os.W_OK) else None


def load(name: str) -> bytes | None:
    """What was stored under a name, if all of it is there."""
    place = folder()
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
    place = folder()
    if place is None:
        return
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=place)
        with open(handle, "wb") as file:
            file.write(sha256(content).digest() + content)
        os.replace(temporary, place / name)
    except OSError:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
