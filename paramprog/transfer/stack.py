"""The value of a tape: a stack that does not change (see tape.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np


class Tape:
    """A stack that does not change. `below` lies under its first value, without end."""

    __slots__ = ("below", "first", "length", "others")

    def __init__(self, below: Any, first: Any = None, others: Tape | None = None) -> None:
        self.below, self.first, self.others = below, first, others
        self.length: int = 0 if others is None else 1 + others.length

    def push(self, x: Any) -> Tape:
        return Tape(self.below, x, self)

    @property
    def top(self) -> Any:
        return self.below if self.others is None else self.first

    @property
    def rest(self) -> Tape:
        return self if self.others is None else self.others

    @property
    def is_empty(self) -> bool:
        return self.others is None

    def mapped(self, f: Callable[[Any], Any]) -> Tape:
        """The tape of f of each value."""
        made = Tape(f(self.below))
        for x in reversed(list(self)):
            made = made.push(f(x))
        return made

    def __iter__(self) -> Iterator[Any]:
        """The values, from the top."""
        t = self
        while t.others is not None:
            yield t.first
            t = t.others

    def __len__(self) -> int:
        return self.length

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Elementwise, counted from the top: the meet of facts is a sum, or whether any holds."""
        if method != "__call__" or options or not all(isinstance(x, Tape) for x in inputs):
            return NotImplemented
        # one that is nothing but zeros leaves the other as it is
        return together(ufunc, inputs, absorbing=ufunc in (np.add, np.logical_or))


def together(f: Callable[..., Any], tapes: Sequence[Tape], *, absorbing: bool) -> Tape:
    """The tape of f of the values of all, counted from the top; with `absorbing`, f(x, 0) is x."""
    below = f(*(t.below for t in tapes))
    found: list[Any] = []
    while not all(t.is_empty for t in tapes):
        if absorbing and any(_is_zero(t) for t in tapes):
            break
        found.append(f(*(t.top for t in tapes)))
        tapes = [t.rest for t in tapes]
    made = next((t for t in tapes if not t.is_empty), Tape(below))
    for x in reversed(found):
        made = made.push(x)
    return made


def _is_zero(x: Any) -> bool:
    return x.is_empty and _is_zero(x.below) if isinstance(x, Tape) else not np.any(x)
