"""Lines of known forms, whose trees are made when somebody looks at them.

Of the thousands of lines of a generated program nobody may ever do: the checker and the builder replay what they did
for a line of the same form (replay.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from paramprog.diagnostics import Source

if TYPE_CHECKING:
    from paramprog.lang.forms import Form


class Line:
    """A statement of `form` with these words, at the offset `start` of `source`; `complete` once it has a tree."""

    __slots__ = ("complete", "form", "source", "start", "words")

    def __init__(self, source: Source, form: Form, words: Sequence[str], start: int) -> None:
        self.source, self.form, self.words, self.start = source, form, words, start
        self.complete = False

    def ends(self) -> list[int]:
        """Where the line starts, moved by the lengths of the first words, of which there are none, one, two ..."""
        return list(accumulate(map(len, self.words), initial=self.start))


class Deferred:
    """Base of a class of the tree: its parts may be made later, from its `line`, None if they were there at once."""

    __slots__ = ("line",)
    line: Line | None

    def __getattr__(self, field: str) -> Any:
        """What is not there yet: all of the parts are made."""
        if field == "line":
            return None
        if self.line is None or self.line.complete:
            raise AttributeError(field)
        self.line.form.complete(self, self.line)
        return getattr(self, field)
