"""A disk that is full at the n-th system call of a write, by replacing the calls of `os`."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

CALLS = ("open", "write", "fsync", "replace")


def no_space(*_: object) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fails_at(monkeypatch: pytest.MonkeyPatch, turn: int, *, partial: bool = False) -> Callable[[], int]:
    """Let the call number `turn`, from 0, and all writes after it, find no space; gives the count of calls so far.

    With `partial`, a write first takes half of what it is given, as systems do when the disk fills up.
    """
    calls = 0

    def wrap(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls - 1 == turn or (calls - 1 > turn and name == "write"):
                if partial and name == "write" and calls - 1 == turn and len(arguments[1]) > 1:
                    return real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                raise no_space()
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, call)

    for name in CALLS:
        wrap(name)
    return lambda: calls
