"""What the formatter writes on: lines, which may not become too many."""

from __future__ import annotations

from collections.abc import Iterable

from paramprog.diagnostics import Source, Span, fail
from paramprog.lang.format_lines import Comment
from paramprog.lang.read import MAX_SOURCE


class Page:
    """The lines so far."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.lines: list[str] = []
        self._room = MAX_SOURCE

    def add(self, line: str) -> None:
        """One more line. Raises ProgramError when the text becomes longer than a program may be."""
        self._take(len(line) + 1)
        self.lines.append(line)

    def add_blanks(self, number: int) -> None:
        for _ in range(number):
            self.add("")

    def trail(self, comment: str) -> None:
        """The comment at the end of the last line; nothing if it is empty."""
        if comment:
            self._take(len(comment) + 2)
            self.lines[-1] += f"  {comment}"

    def add_comments(self, comments: Iterable[Comment], column: int, most_blanks: int) -> None:
        """Each on a line of its own, with the empty lines above it, but not more than `most_blanks`."""
        for comment in comments:
            self.add_blanks(min(comment.blanks, most_blanks))
            self.add(" " * column + comment.text)

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    def _take(self, length: int) -> None:
        self._room -= length
        if self._room < 0:
            message = f"the formatted program would be longer than {MAX_SOURCE // 2**20} MiB"
            raise fail(
                "source-limit", message, Span(self.source, 0, 0), "divide it into files and import them"
            )
