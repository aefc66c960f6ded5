"""On how many threads compiled code runs. It decides how fast, never what comes out (chunks.py)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from paramprog.diagnostics import fail

VARIABLE: Final = "PARAMPROG_THREADS"

MOST = 256
"""Threads of a call."""

ONE_BY_ONE: Final = """#ifndef pp_chunks
#define pp_chunks pp_each_chunk
#define pp_workers 1
static void pp_each_chunk(void (*run)(void *, int64_t), void *in, int64_t count) {
    for (int64_t c = 0; c < count; c++) run(in, c);
}
#endif

"""
"""C before the first use of `pp_chunks`: one chunk after the other, unless something else is there (threads.py)."""

_asked: ContextVar[int | None] = ContextVar("threads", default=None)


@contextmanager
def limited(count: int | None) -> Iterator[None]:
    """What is compiled in here runs on at most so many threads; None changes nothing. Raises ValueError below 1."""
    if count is not None and count < 1:
        raise ValueError(f"the number of threads is 1 or more, not {count}")
    before = _asked.set(_asked.get() if count is None else min(count, MOST))
    try:
        yield
    finally:
        _asked.reset(before)


def usable() -> int:
    """What `limited` says, else $PARAMPROG_THREADS, else the CPUs of the process.

    Raises ProgramError "bad-threads" where the variable is no number from 1.
    """
    asked = _asked.get()
    if asked is not None:
        return asked
    said = os.environ.get(VARIABLE, "").strip()
    if said:
        if not (said.isascii() and said.isdecimal() and int(said)):
            message = f"${VARIABLE} is `{said}`, which is no number of threads"
            raise fail("bad-threads", message, None, "a whole number from 1, or nothing for one for each CPU")
        return min(int(said), MOST)
    affinity = getattr(os, "sched_getaffinity", None)
    return min(len(affinity(0)) if affinity is not None else os.cpu_count() or 1, MOST)
