"""The matrix product of NumPy's own BLAS, for generated code: no second library, no second pool of threads."""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import import_module
from typing import NamedTuple

from paramprog.types import Real

MODULE = "numpy._core._multiarray_umath"
"""NumPy's own compiled module."""

LETTER = {"float64": "d", "float32": "s"}

NAMES = (("scipy_cblas_{}gemm64_", 8), ("cblas_{}gemm64_", 8), ("scipy_cblas_{}gemm", 4), ("cblas_{}gemm", 4))
"""Names under which NumPy links it, with the bytes of its integers."""

THREADS = (
    "scipy_openblas_{}_num_threads64_",
    "openblas_{}_num_threads64_",
    "scipy_openblas_{}_num_threads",
    "openblas_{}_num_threads",
)


QUIET = (ctypes.c_int64 * 3)()
"""What all compiled code of the process shares: while any of it runs, the BLAS has one thread (library.py)."""


class Blas(NamedTuple):
    """Addresses: of gemm, and of the functions that set and get the number of threads (0 if there are none)."""

    gemm: int
    width: int
    set_threads: int
    get_threads: int


@cache
def blas(real: Real) -> Blas | None:
    """What NumPy has, found through its own module; None if it hides it."""
    try:
        library = ctypes.CDLL(str(import_module(MODULE).__file__))
    except (ImportError, OSError):
        return None
    for name, width in NAMES:
        gemm = _address(library, name.format(LETTER[real]))
        if gemm:
            for threads in THREADS:
                found = [_address(library, threads.format(how)) for how in ("set", "get")]
                if all(found):
                    return Blas(gemm, width, *found)
            return Blas(gemm, width, 0, 0)
    return None


def _address(library: ctypes.CDLL, name: str) -> int:
    try:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
    except AttributeError:
        return 0
