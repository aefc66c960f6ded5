"""Compiled libraries on disk, by content: the C text, the flags, the compiler and the CPU.

In the folder of paramprog/cache.py; where that cannot be used, in one that is gone when the process ends. An entry is
written beside its place and moved there, so that nobody sees half of one; its checksum is beside it, and one that does
not fit is made again. When the entries are larger than $PARAMPROG_CACHE_MEGABYTES (256) those that have not been used
for longest are removed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

from paramprog.cache import folder

DEFAULT_MEGABYTES = 256

ENDING = ".so"


def key(*parts: str) -> str:
    """The name of an entry."""
    return sha256("\0".join(parts).encode()).hexdigest()[:32]


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """The library `name`, made by `build(path)` unless it is there and whole."""
    place = folder()
    if place is not None:
        with suppress(OSError):
            return _made(place, name, build)
    place = Path(_own_folder(os.getpid()).name)
    place.mkdir(exist_ok=True)  # a child that was forked removes it when it ends
    return _made(place, name, build)


@cache
def _own_folder(process: int) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="paramprog-")


def _made(place: Path, name: str, build: Callable[[Path], None]) -> Path:
    """The library in this folder. Raises OSError where it cannot be written there."""
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
