"""Characters that may not stand in a program: they make it look different from what it is."""

from __future__ import annotations

import re
import unicodedata

from paramprog.diagnostics import Diagnostic, Report, Source, Span

# Control characters, the marks that change the direction of writing, Unicode's line separators, byte order
# marks, and lone surrogates; a carriage return must belong to a line end.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
    "|\r(?!\n)"
)

_HINTS = {
    "\r": "lines end in LF or in CRLF",
    "\ufeff": "a byte order mark may only be the first character of a file",
}

_LOOK_ALIKES = {
    "\u2212": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u00d7": "*",
    "\u00b7": "*",
    "\u22c5": "*",
    "\u00f7": "/",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "!=",
    "\u2190": "=",
    "\u2192": "->",
    "\u00b2": "**2",
    "\u00b3": "**3",
    "\u2026": "..",
    "\u201c": '"',
    "\u201d": '"',
    "\u201e": '"',
    "\u00a0": " ",
}


def check_characters(source: Source, report: Report) -> set[int]:
    """Report every forbidden character of the text; returns where they stand."""
    found: set[int] = set()
    for match in _FORBIDDEN.finditer(source.text):
        character = match.group()
        found.add(match.start())
        report.add(
            Diagnostic(
                "bad-character",
                f"the character {_described(character)} may not stand in a program",
                Span(source, match.start(), match.end()),
                _HINTS.get(character),
            )
        )
    return found


def outside_ascii(source: Source, offset: int) -> Diagnostic:
    """What is wrong with the character at `offset`, which is not ASCII and not in a comment."""
    text = source.text
    character = text[offset]
    if plain := _LOOK_ALIKES.get(character):
        message = f"the character {_described(character)} may only stand in a comment"
        return Diagnostic("bad-character", message, Span(source, offset, offset + 1), f"write `{plain}`")
    start, end = offset, offset + 1
    while start > 0 and _in_word(text[start - 1]):
        start -= 1
    while end < len(text) and _in_word(text[end]):
        end += 1
    span = Span(source, start, end)
    if _in_word(character):
        message = f"`{text[start:end]}` is no name"
        return Diagnostic("bad-character", message, span, "names are written in A-Z, a-z, 0-9 and _")
    message = f"the character {_described(character)} may only stand in a comment"
    return Diagnostic("bad-character", message, Span(source, offset, offset + 1))


def _in_word(character: str) -> bool:
    return character == "_" or character.isalnum() or unicodedata.combining(character) > 0


def _described(character: str) -> str:
    number = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "")
    return f"{number} ({name.lower()})" if name else number
