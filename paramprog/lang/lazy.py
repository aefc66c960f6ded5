"""Values with faults, for conditionals that select lane by lane: a fault where nothing is selected does not exist.

Inside an arm of such a conditional the interpreter cannot tell which lanes of an intermediate array will be wanted. So
an operation without a value there gives `Holes` instead of an error, holes pass through further operations, and the
conditional raises the fault only if a lane that it selects has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paramprog.diagnostics import ProgramError
from paramprog.graph.region import ValueFault
from paramprog.op import Attrs, Op


@dataclass(frozen=True, eq=False)
class Holes:
    """An array that has no entries where `bad` holds, because of `fault`; `value` holds anything there.

    `value` is None if there is no entry at all.
    """

    value: Any
    bad: Any
    fault: ProgramError


def nothing(fault: ProgramError) -> Holes:
    """A value that does not exist, of whatever shape."""
    return Holes(None, np.True_, fault)


def first_fault(values: Sequence[Any]) -> ProgramError | None:
    """The fault of the first value that has one."""
    return next((v.fault for v in values if isinstance(v, Holes)), None)


def by_lanes(op: Op, values: Sequence[Any], attrs: Attrs, fault: ProgramError) -> Holes:
    """An elementwise operation on each lane where it has a value; `fault` is what it said to all of them."""
    shape = np.broadcast_shapes(*(np.shape(v) for v in values))
    arrays = [np.broadcast_to(v, shape) for v in values]
    bad = np.zeros(shape, np.bool_)
    found: dict[tuple[int, ...], Any] = {}
    for at in np.ndindex(shape):
        try:
            found[at] = op.value(*(a[at] for a in arrays), **attrs)
        except ValueFault:
            bad[at] = True
    if not found:
        return nothing(fault)
    out = np.zeros(shape, np.asarray(next(iter(found.values()))).dtype)
    for at, value in found.items():
        out[at] = value
    return Holes(out, bad, fault)
