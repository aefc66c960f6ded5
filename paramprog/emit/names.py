"""Names for what is printed: the user's where possible, and none of them twice."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LENGTH = 255
"""The longest name of the language."""


def is_number_name(name: str) -> bool:
    """Whether a name is one of those that are given to what has none: t3, dt3, s1, t3_all."""
    return re.fullmatch(r"d*[ts](\d|_all)(\d|_all|_\d)*", name) is not None


class Names:
    """The names taken in one scope, beside the `reserved` words; a scope inside another one avoids its names too.

    Names of the body of a loop (`turn`) can be those of another loop, but are not given anew around it.
    """

    def __init__(
        self, reserved: Iterable[str] = (), around: Names | None = None, *, turn: bool = False
    ) -> None:
        self.reserved = frozenset(reserved)
        self.around, self.turn = around, turn
        self.taken: set[str] = set()
        self.inside: set[str] = set()
        """The names in the bodies of loops."""
        self._last: dict[str, int] = {}

    def free(self, name: str) -> bool:
        """Whether the name can be given."""
        if len(name) > MAX_LENGTH or name in self.inside:
            return False
        scope: Names | None = self
        while scope is not None:
            if name in scope.reserved or name in scope.taken:
                return False
            scope = scope.around
        return True

    def take(self, *candidates: str) -> str:
        """The first candidate that is free, else the last one with a number; it is taken now."""
        for name in candidates:
            if self.free(name):
                self.taken.add(name)
                scope: Names | None = self
                while scope is not None and scope.turn and scope.around is not None:
                    scope = scope.around
                    scope.inside.add(name)
                return name
        stem = candidates[-1][: MAX_LENGTH - 12].rstrip("_")
        k = self._last.get(stem, 1) + 1
        while not self.free(f"{stem}_{k}"):
            k += 1
        self._last[stem] = k
        return self.take(f"{stem}_{k}")

    def number(self, stem: str) -> str:
        """The first of stem1, stem2, ... that is free; it is taken now."""
        k = self._last.get(stem, 0) + 1
        while not self.free(f"{stem}{k}"):
            k += 1
        self._last[stem] = k
        return self.take(f"{stem}{k}")
