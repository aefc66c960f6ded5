"""Names for what is printed: the user's where possible, and none of them twice."""

from __future__ import annotations

from collections.abc import Iterable

MAX_LENGTH = 255
"""The longest name of the language."""


class Names:
    """The names taken in one scope, beside the `reserved` words; a scope inside another one avoids its names too."""

    def __init__(self, reserved: Iterable[str] = (), around: Names | None = None) -> None:
        self.reserved = frozenset(reserved)
        self.around = around
        self.taken: set[str] = set()
        self._last: dict[str, int] = {}

    def free(self, name: str) -> bool:
        """Whether the name can be given."""
        if name in self.reserved or name in self.taken or len(name) > MAX_LENGTH:
            return False
        return self.around is None or self.around.free(name)

    def take(self, *candidates: str) -> str:
        """The first candidate that is free, else the last one with a number; it is taken now."""
        for name in candidates:
            if self.free(name):
                self.taken.add(name)
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
