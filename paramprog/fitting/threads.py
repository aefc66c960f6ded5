"""One thread for everything that is computed: results of BLAS depend on the number of threads, and small products are
faster without them.

Libraries that are loaded later are not limited, so what needs them imports them first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


@contextmanager
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield
