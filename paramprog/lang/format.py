"""The formatter: a text in its canonical layout, with all its comments.

It works on the words of the text and not on its tree, so that comments, parentheses, the spelling of numbers
and the line breaks of the user stay. Between a comment `# fmt: off` on a line of its own and `# fmt: on` (or
the end of the block) everything stays as it is.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from paramprog.collector import collector_off
from paramprog.diagnostics import ProgramError, Source
from paramprog.lang import syntax as s
from paramprog.lang.format_layout import INDENT, lay_out
from paramprog.lang.format_lines import Comment, Word, comments, logical_lines
from paramprog.lang.format_page import Page
from paramprog.lang.parse import parse
from paramprog.lang.tokens import END

OFF, ON = "# fmt: off", "# fmt: on"

MOST_BLANKS_OUTSIDE, MOST_BLANKS_INSIDE = 2, 1
"""How many empty lines in a row are kept outside of functions and inside."""


def format_source(source: Source) -> str:
    """The text of a program in its canonical layout; formatting that again changes nothing.

    It has the same tree and the same comments. Raises ProgramError when the program has syntax errors.
    """
    with collector_off():
        tree = parse(source)
        text = _Formatter(source).text()
        _confirm(source, tree, text)
    return text


class _Formatter:
    """Goes through the logical lines; `depth` is the number of open blocks."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.page = Page(source)
        self.depth = 0
        self.opened = True  # a block, or the file: no empty line may follow
        self.raw: int | None = None
        self.raw_depth = 0

    def text(self) -> str:
        for line in logical_lines(self.source.text):
            self._line(line)
        return self.page.text()

    def _line(self, line: list[Word]) -> None:
        first = line[0]
        if self.raw is None:
            self.page.trail(first.gap.trailing)
        for comment in first.gap.own:
            self._comment(comment)
        closes = first.kind == "RBRACE"
        if self.raw is not None and self.depth == self.raw_depth and (closes or first.kind == END):
            self._end_raw(first.start)
        self.depth -= closes
        if self.raw is None and first.kind != END:
            if not (closes or self.opened):
                self.page.add_blanks(min(first.gap.blanks, self._most_blanks()))
            lay_out(line, self.depth * INDENT, self.page)
        self.opened = line[-1].kind == "LBRACE"
        self.depth += sum((word.kind == "LBRACE") - (word.kind == "RBRACE") for word in line) + closes

    def _comment(self, comment: Comment) -> None:
        """A comment on a line of its own."""
        if self.raw is not None:
            if comment.text != ON or self.depth != self.raw_depth:
                return
            self._end_raw(comment.start)
        most_blanks = 0 if self.opened else self._most_blanks()
        if comment.text == OFF:
            self.page.add_blanks(min(comment.blanks, most_blanks))
            self.raw, self.raw_depth = comment.start, self.depth
        else:
            self.page.add_comments([comment], self.depth * INDENT, most_blanks)
        self.opened = False

    def _end_raw(self, end: int) -> None:
        """Write what stands as it is up to there; only ends of lines are made alike."""
        raw = self.source.text[self.raw : end].replace("\r\n", "\n").rstrip(" \t\n")
        first, *more = raw.split("\n")
        self.page.add(self.depth * INDENT * " " + first)
        for line in more:
            self.page.add(line)
        self.raw = None

    def _most_blanks(self) -> int:
        return MOST_BLANKS_INSIDE if self.depth else MOST_BLANKS_OUTSIDE


# ---- what must hold ------------------------------------------------------------------------------------------


_PARTS: dict[type, tuple[str, ...]] = {
    kind: tuple(f.name for f in fields(kind) if f.name not in ("span", "operator_span", "source"))
    for kind in vars(s).values()
    if isinstance(kind, type) and is_dataclass(kind)
}
"""What the nodes of a class consist of, apart from where they stand."""


def _confirm(source: Source, tree: s.Module, text: str) -> None:
    """Raise RuntimeError unless the formatted text has the same tree and the same comments."""
    try:
        formatted = parse(Source(source.name, text))
    except ProgramError as error:
        raise RuntimeError(f"the formatted program does not parse: {error}") from None
    if not same_tree(tree, formatted):
        raise RuntimeError("formatting would change the program")
    if comments(source.text) != comments(text):
        raise RuntimeError("formatting would change the comments")


def same_tree(a: Any, b: Any) -> bool:
    """Whether two trees are equal, spans and the two spellings of `function` apart; of any depth."""
    pending = [(a, b)]
    while pending:
        a, b = pending.pop()
        kind = type(a)
        if kind is not type(b):
            return False
        if kind is tuple:
            if len(a) != len(b):
                return False
            pending += zip(a, b, strict=True)
        elif kind is s.Identifier:
            if a.text != b.text and {a.text, b.text} != {"function", "Function"}:
                return False
        elif parts := _PARTS.get(kind):
            pending += [(getattr(a, name), getattr(b, name)) for name in parts]
        elif a != b:
            return False
    return True
