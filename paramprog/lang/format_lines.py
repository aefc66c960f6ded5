"""The words of a text in logical lines, with the comments and newlines between them, for the formatter.

A logical line is a simple statement or declaration, or the head of a block up to its `{`; a `}` begins one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from paramprog.lang.automaton import grammar
from paramprog.lang.newlines import Newlines
from paramprog.lang.tokens import END, Token


class Comment(NamedTuple):
    """Its text from `#` on, without what is blank at its end; `blanks` is the number of empty lines above it."""

    text: str
    start: int
    blanks: int


class Gap(NamedTuple):
    """What stands before a word, spaces and semicolons apart.

    `trailing` is a comment on the line of the word before, `own` are those on lines of their own, and
    `newlines` are counted from the last of these (or the word before) on.
    """

    trailing: str
    own: tuple[Comment, ...]
    newlines: int

    @property
    def has_comments(self) -> bool:
        return bool(self.trailing or self.own)

    @property
    def blanks(self) -> int:
        """The number of empty lines just before the word."""
        return max(0, self.newlines - 1)


class Word(NamedTuple):
    """A token that is no newline, and the gap before it."""

    kind: str
    text: str
    start: int
    gap: Gap


_NOTHING = Gap("", (), 0)
_BLANK = " \t\r"
_STRING_OR_COMMENT = re.compile(r'"[^"\n]*"|#[^\n]*')


def logical_lines(text: str) -> Iterator[list[Word]]:
    """All words of a text that parses; the last line is a word of kind END with what stands before the end."""
    tokens = list(grammar().scan(text))
    ends = _statement_ends(tokens)
    line: list[Word] = []
    for word in _words(text, tokens):
        if line and _begins_line(line[-1], word, ends):
            yield line
            line = []
        line.append(word)
    yield line


def comments(text: str) -> list[str]:
    """The comments of a text that parses, in order, without what is blank at their ends."""
    return [found.rstrip(_BLANK) for found in _STRING_OR_COMMENT.findall(text) if found[0] == "#"]


def _statement_ends(tokens: Iterable[Token]) -> set[int]:
    """Where the last words of statements and declarations start."""
    ends = set()
    previous = -1
    for token in Newlines().process(tokens):
        if token.type == "_NL":
            ends.add(previous)
        else:
            previous = token.start
    return ends


def _begins_line(previous: Word, word: Word, ends: set[int]) -> bool:
    if previous.kind == "LBRACE":
        return word.kind != "RBRACE" or word.gap.has_comments
    if word.kind in ("RBRACE", END):
        return True
    if previous.kind == "RBRACE":
        return word.kind != "ELSE" or word.gap.has_comments
    return previous.start in ends


def _words(text: str, tokens: Iterable[Token]) -> Iterator[Word]:
    at = newlines = 0
    trailing = ""
    own: list[Comment] = []
    first = True
    for kind, value, start in chain(tokens, [Token(END, "", len(text))]):
        # Between two tokens there are spaces and at most one comment, which a newline ends.
        if start > at and (found := text.find("#", at, start)) >= 0:
            comment = text[found:start].rstrip(_BLANK)
            if newlines or first:
                own.append(Comment(comment, found, max(0, newlines - 1)))
            else:
                trailing = comment
            newlines = 0
        at = start + len(value)
        if kind == "_NL":
            newlines += value != ";"
            continue
        bare = not (newlines or trailing or own)
        yield Word(kind, value, start, _NOTHING if bare else Gap(trailing, tuple(own), newlines))
        newlines = 0
        trailing = ""
        own = []
        first = False
