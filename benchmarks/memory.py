"""How much memory a process holds, and has held at most. Peaks are of resident memory (Linux: VmHWM; else max RSS)."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _status(name: str) -> int:
    """Bytes of a line in /proc/self/status, 0 where there is none."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


def resident() -> int:
    """Bytes that are in memory now (where that is not told, at most so far)."""
    return _status("VmRSS") or peak()


def peak() -> int:
    """The most since the start, or since `forget`."""
    return _status("VmHWM") or _usage(resource.RUSAGE_SELF)


def peak_of_children() -> int:
    """The most that any one process started here has held."""
    return _usage(resource.RUSAGE_CHILDREN)


def forget() -> None:
    """Peaks count from here on, where the system lets them."""
    with suppress(OSError):
        RESET.write_text("5")


def _usage(who: int) -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(who).ru_maxrss * unit
