"""Compiled functions with arrays for their arguments and results: a call converts nothing and makes nothing."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from paramprog.compile.c_plan import built_in, layouts_hold

if TYPE_CHECKING:
    from paramprog.compile.c_plan import CPlan
    from paramprog.compile.sized_plan import SizedPlan

Arrays = Sequence[NDArray[Any]]


def bound(plan: CPlan | SizedPlan, arguments: Arrays, results: Arrays, samples: int) -> Callable[[], None]:
    """What computes `results` from `arguments`, in place: contiguous arrays of the kinds and shapes that the plan has.

    It raises ArithmeticError with the number of an operation that has no value. The arrays are kept alive.
    """
    everything = (*arguments, *results)
    places = np.array([*(a.ctypes.data for a in everything), samples, plan.threads], np.intp)
    if layouts_hold():
        run: Callable[[], None] = built_in(
            plan.library, plan.real, "pp_bound_method", Places(places, everything)
        )
        return run
    return _through_ctypes(plan, places, everything, samples)


class Places(np.ndarray[Any, Any]):
    """Addresses, with what lies there, so that it stays."""

    kept: Arrays

    def __new__(cls, places: NDArray[Any], kept: Arrays) -> Places:
        made = places.view(cls)
        made.kept = kept
        return made


def _through_ctypes(
    plan: CPlan | SizedPlan, places: NDArray[Any], kept: Arrays, samples: int
) -> Callable[[], None]:
    entry = ctypes.CDLL(str(plan.library.path)).pp_entry
    entry.restype = ctypes.c_int64
    entry.argtypes = [ctypes.c_void_p, ctypes.c_int64] if samples else [ctypes.c_void_p]
    given = (places.ctypes.data, samples) if samples else (places.ctypes.data,)
    alive = (places, kept)

    def run() -> None:
        if plan.threads > 1:
            plan.library.handle.pp_use_threads(ctypes.c_int64(plan.threads))
        fault = entry(*given)
        if fault:
            raise ArithmeticError(f"{fault}")

    run.__dict__["alive"] = alive
    return run
