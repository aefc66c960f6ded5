"""What a schedule is made of: loops in loops around stored values, and what an entry costs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from paramprog.compile.tensor import Value
from paramprog.types import Dim, Shape, Size

LIMIT = 400
"""Statements of one kernel: compilers take more than linear time for a function."""

DEAR = 8
"""From this cost on a value is better stored than computed twice, and wants a loop without loops in it."""

SCRATCH = 4096
"""Entries of an array that lives on the stack of a kernel."""

CALLED = re.compile(r"\bpp_(\w+)\(")
CHEAP = frozenset(
    {"fabs", "sqrt", "floor", "ceil", "rint", "add_i64", "sub_i64", "mul_i64", "neg_i64", "clip"}
)


def cost_of(text: str) -> int:
    """Of an expression, in additions."""
    calls = sum(1 if f in CHEAP else 20 for f in CALLED.findall(text))
    return 1 + calls + 5 * text.count("/")


@dataclass(eq=False)
class Nest:
    """A loop; `dear` if it is to be vectorised, so that no loops come into it."""

    extent: Dim
    items: list[Value | Nest] = field(default_factory=list)
    dear: bool = False
    weight: int = 0
    """Operations in it, about."""
    adds: set[bool] = field(default_factory=set)
    """Of the sums in it, innermost, whether they are kept in memory. Both kinds in one loop are not vectorised."""


Item = Value | Nest


def inside(nest: Nest) -> list[Value]:
    """The stored values in a loop and the loops in it."""
    found: list[Value] = []
    for item in nest.items:
        found += inside(item) if isinstance(item, Nest) else [item]
    return found


def is_small(shape: Shape) -> bool:
    size = 1
    for n in shape:
        if isinstance(n, Size):
            return False
        size *= n
    return size <= SCRATCH


def common(a: Sequence[Nest], b: Sequence[Nest]) -> int:
    k = 0
    while k < min(len(a), len(b)) and a[k] is b[k]:
        k += 1
    return k
