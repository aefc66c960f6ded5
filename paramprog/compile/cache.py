"""Compiled libraries on disk, by content: the C text, the flags, the compiler and the CPU.

In $PARAMPROG_CACHE, else $XDG_CACHE_HOME/paramprog, else ~/.cache/paramprog. An entry is written beside its place and
moved there, so that nobody sees half of one; its checksum is beside it, and one that does not fit is made again. When
the entries are larger than $PARAMPROG_CACHE_MEGABYTES (256) those that have not been used for longest are removed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

DEFAULT_MEGABYTES = 256

ENDING = ".so"


def folder() -> Path | None:
    """The folder of the cache, made if need be; None where it cannot be trusted or written.

    What is loaded from it is run, so nobody else may write there.
    """
    own = os.environ.get("PARAMPROG_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        place = Path(own) if own else (Path(base) if base else Path.home() / ".cache") / "paramprog"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = place.stat()
    except (OSError, RuntimeError):
        return None
    if hasattr(os, "getuid") and (about.st_uid != os.getuid() or about.st_mode & 0o022):
        return None
    return place if os.access(place, os.W_OK) else None


def key(*parts: str) -> str:
    """The name of an entry."""
    return sha256("\0".join(parts).encode()).hexdigest()[:32]


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """The library `name`, made by `build(path)` unless it is there and whole."""
    place = folder()
    if place is None:
        place = Path(tempfile.mkdtemp(prefix="paramprog-"))
    path = place / f"{name}{ENDING}"
    if is_whole(path):
        with suppress(OSError):
            os.utime(path)
        return path
    handle, part = tempfile.mkstemp(dir=place, prefix="part-", suffix=ENDING)
    os.close(handle)
    try:
        build(Path(part))
        checksum = Path(f"{part}.sum")
        checksum.write_text(_sum(Path(part)))
        os.replace(checksum, _beside(path))
        os.replace(part, path)
    finally:
        for left in (part, f"{part}.sum"):
            with suppress(OSError):
                os.unlink(left)
    _shrink(place, path)
    return path


def is_whole(path: Path) -> bool:
    """Whether the entry is there, and is what was written."""
    try:
        return _beside(path).read_text() == _sum(path)
    except (OSError, UnicodeDecodeError):
        return False


def _beside(path: Path) -> Path:
    return path.with_suffix(".sum")


def _sum(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _limit() -> int:
    try:
        return int(float(os.environ.get("PARAMPROG_CACHE_MEGABYTES", DEFAULT_MEGABYTES)) * 2**20)
    except ValueError:
        return DEFAULT_MEGABYTES * 2**20


def _shrink(place: Path, keep: Path) -> None:
    """Remove the oldest entries beyond the limit. Others may do the same at the same time."""
    entries = []
    for path in place.glob(f"*{ENDING}"):
        with suppress(OSError):
            about = path.stat()
            entries.append((about.st_mtime, about.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= _limit():
            return
        if path != keep and not path.name.startswith("part-"):
            with suppress(OSError):
                path.unlink()
            with suppress(OSError):
                _beside(path).unlink()
            total -= size
