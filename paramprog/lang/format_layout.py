"""One logical line as lines of text: the spaces between its words, and where it is broken.

The breaks are the user's, where a newline may stand and a space would. A line that is too long is also broken
after commas inside brackets. What follows a break is aligned with what follows the innermost open bracket, or
indented if that bracket ends its line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from paramprog.lang.format_lines import Gap, Word
from paramprog.lang.format_page import Page

WIDTH = 100
"""Longer lines are broken, if there is a comma to break them at."""

INDENT = 4
LEAST_ROOM = 40
"""A line may be this long however far to the right it begins."""

FARTHEST_ALIGNED = 60
"""What follows a bracket farther to the right is indented instead of aligned with it."""

_ITEM_LISTS = frozenset({"DIM", "PARAM", "NOISE", "CONST"})
_OPENERS = frozenset({"LPAR", "LSQB"})
_CLOSERS = frozenset({"RPAR", "RSQB"})
_OPERANDS = frozenset({"NAME", "NUMBER", "INT", "STRING", "TRUE", "FALSE", "RPAR", "RSQB"})


@dataclass(slots=True)
class Piece:
    """A word with its layout: whether a space or a line break precedes it.

    `operand`: an operand ends here, so a minus that follows is binary. `sign`: a unary minus.
    `level`: the line may be broken after this comma, which has that many brackets around it.
    """

    kind: str
    text: str
    gap: Gap
    operand: bool
    sign: bool
    spaced: bool = False
    broken: bool = False
    level: int | None = None


class Bracket(NamedTuple):
    """An open bracket: the columns of the lines within, and of the closing bracket if it begins a line."""

    content: int
    closer: int


def lay_out(words: Sequence[Word], margin: int, page: Page) -> None:
    """Add a logical line at the column `margin`; the gap before its first word is left to the caller."""
    pieces = _Spacing().pieces(words)
    _Layout(pieces, margin, page).write()


class _Opened(NamedTuple):
    """An open bracket: where it is among the pieces, and whether it is that of an index or a shape."""

    at: int
    kind: str
    indexes: bool


class _Spacing:
    """From words to pieces."""

    def __init__(self) -> None:
        self.made: list[Piece] = []
        self.opened: list[_Opened] = []

    def pieces(self, words: Sequence[Word]) -> list[Piece]:
        made, opened = self.made, self.opened
        items = words[0].kind in _ITEM_LISTS
        previous: Piece | None = None
        moved = False  # a break before a comma comes to stand after it
        for kind, text, _, gap in words:
            operand = previous is not None and previous.operand
            piece = Piece(
                kind,
                "function" if kind == "FUNCTION" else text,
                gap,
                # A name after an operand is the soft word `checkpoint`.
                operand=kind in _OPERANDS and not (kind == "NAME" and operand),
                sign=kind == "MINUS" and not operand,
            )
            if previous is not None:
                newline = moved or gap.newlines > 0
                piece.spaced = self._spaced(previous, piece)
                piece.broken = gap.has_comments or (newline and self._may_break(previous, piece))
                moved = newline and kind == "COMMA" and not piece.broken
                if kind in _CLOSERS:
                    self._close(piece)
                elif kind in _OPENERS:
                    indexes = kind == "LSQB" and (operand or previous.kind == "FUNCTION")
                    opened.append(_Opened(len(made), kind, indexes))
                elif kind == "COMMA" and (not opened[-1].indexes if opened else items):
                    piece.level = len(opened)
            made.append(piece)
            previous = piece
        return made

    def _spaced(self, previous: Piece, piece: Piece) -> bool:
        kind, before = piece.kind, previous.kind
        if before in _OPENERS or kind in _CLOSERS or kind == "COMMA":
            return False
        if before == "COMMA":
            return True
        if kind == "RANGE":
            return previous.text.endswith(".")  # `0. ..n`; in `0...n` there is another range
        if kind == "POWER" or before in ("POWER", "RANGE") or previous.sign:
            return False
        if kind == "COLON" or before == "COLON":
            return not (self.opened and self.opened[-1].kind == "LSQB")
        if kind == "LPAR":
            return not (before == "NAME" and previous.operand)
        if kind == "LSQB":
            return not (previous.operand or before == "FUNCTION")
        return True

    def _may_break(self, previous: Piece, piece: Piece) -> bool:
        """Whether the user's newline between them is kept."""
        if piece.kind in _CLOSERS:
            inside = self.opened[-1].at + 1
            return inside < len(self.made) and self.made[inside].broken
        return previous.kind in _OPENERS or (piece.spaced and "RBRACE" not in (previous.kind, piece.kind))

    def _close(self, piece: Piece) -> None:
        """A comma before a closing bracket goes, unless there is a break between them."""
        self.opened.pop()
        last = self.made[-1]
        if last.kind == "COMMA":
            last.level = None
            if not (piece.broken or last.gap.has_comments):
                self.made.pop()


class _Layout:
    """Writes pieces, keeping the column and the open brackets."""

    def __init__(self, pieces: list[Piece], margin: int, page: Page) -> None:
        self.pieces = pieces
        self.margin = margin
        self.page = page
        self.brackets: list[Bracket] = []
        first = pieces[0]
        self.continuation = margin + (len(first.text) + 1 if first.kind in _ITEM_LISTS else INDENT)

    def write(self) -> None:
        start = 0
        column = self.margin
        while True:
            end = self._line_end(start, column)
            self._line(start, end, column)
            if end == len(self.pieces):
                return
            column = self._break(self.pieces[end - 1], self.pieces[end])
            start = end

    def _line_end(self, start: int, column: int) -> int:
        """Where the next line begins: at the next break, or if that is too far at the best comma before.

        That is the last one of those within the fewest brackets; or else the first one after.
        """
        pieces = self.pieces
        limit = max(WIDTH, column + LEAST_ROOM)
        best: int | None = None
        fewest = len(pieces)
        for i in range(start, len(pieces)):
            piece = pieces[i]
            if piece.broken and i > start:
                return i
            column += len(piece.text) + (piece.spaced and i > start)
            if column > limit and best is not None:
                return best
            if piece.level is not None and i + 1 < len(pieces) and not pieces[i + 1].broken:
                if column > limit:
                    return i + 1
                if piece.level <= fewest:
                    best, fewest = i + 1, piece.level
        return len(pieces)

    def _line(self, start: int, end: int, margin: int) -> None:
        parts = [" " * margin]
        column = margin
        for i in range(start, end):
            piece = self.pieces[i]
            if piece.spaced and i > start:
                parts.append(" ")
                column += 1
            if piece.kind in _OPENERS:
                hangs = self.pieces[i + 1].broken
                self.brackets.append(_bracket(column, margin, hangs))
            elif piece.kind in _CLOSERS:
                self.brackets.pop()
            parts.append(piece.text)
            column += len(piece.text)
        self.page.add("".join(parts))

    def _break(self, previous: Piece, piece: Piece) -> int:
        """Write what stands between them when there is a break; returns the column of the piece."""
        page, gap = self.page, piece.gap
        content = self.brackets[-1].content if self.brackets else self.continuation
        closes = piece.kind in _CLOSERS
        opened = previous.kind in _OPENERS
        page.trail(gap.trailing)
        for comment in gap.own:
            page.add_comments([comment], content, most_blanks=0 if opened else 1)
            opened = False
        page.add_blanks(0 if opened or closes else min(gap.blanks, 1))
        return self.brackets[-1].closer if closes else content


def _bracket(column: int, margin: int, hangs: bool) -> Bracket:
    """The bracket at `column` of a line that begins at `margin`."""
    if hangs or column >= FARTHEST_ALIGNED:
        return Bracket(margin + INDENT, margin)
    return Bracket(column + 1, column)
