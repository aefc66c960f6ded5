"""Room on Python's stack for regions inside regions.

Whatever depends on the nesting of the text is written without recursion. Regions run, and are differentiated, inside
one another; how deep is bounded by the limit of nesting, but not by Python's default limit of frames.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

MAX_REGION_DEPTH = 500
"""Regions inside regions: an `else if` chain of this length, or as many nested loops."""

FRAMES_PER_REGION = 40

_lock = Lock()
_users = 0
_before = 0


@contextmanager
def deep_stack() -> Iterator[None]:
    """While inside, calls may nest as deep as MAX_REGION_DEPTH regions need."""
    global _users, _before
    with _lock:
        if _users == 0:
            _before = sys.getrecursionlimit()
            sys.setrecursionlimit(max(_before, 2000 + FRAMES_PER_REGION * MAX_REGION_DEPTH))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                sys.setrecursionlimit(_before)
