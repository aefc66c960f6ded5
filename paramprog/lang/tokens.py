"""Tokens: the words of a text, found by the terminals of the grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple, Protocol

from lark.lexer import TerminalDef

END = "$END"
"""The type of the token after the last one."""


class Token(NamedTuple):
    """A terminal's name, the text that matched, and the offset where it starts."""

    type: str
    value: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.value)


new_token = partial(tuple.__new__, Token)
"""A token from its three fields as a tuple: half of the time of `Token(...)`, and there are many."""

STATEMENT = "$STATEMENT"
"""The type of what stands for a whole statement whose tree is known: see forms.py."""


class Scanner(Protocol):
    """The tokens of a text from an offset on."""

    def __call__(self, text: str, start: int = 0) -> Iterator[Token]: ...


def scanner(terminals: list[TerminalDef], ignored: list[str]) -> Scanner:
    """A function from a text to its tokens, the ignored ones left out.

    Terminals are tried in the order of Lark's basic lexer. That lexer is not used itself because it also
    counts lines and fills eight fields per token, which takes as long as all the rest of parsing.
    """
    terminals = sorted(
        terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name)
    )
    skipped = "|".join(t.pattern.to_regexp() for t in terminals if t.name in ignored)
    kept = "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in terminals if t.name not in ignored)
    # `*+` never gives back what it skipped, and the end of the text matches too: what is ignored there stays
    # ignored.
    pattern = re.compile(rf"(?:{skipped})*+(?:{kept}|\Z)")

    def scan(text: str, start: int = 0) -> Iterator[Token]:
        for match in pattern.finditer(text, start):
            if kind := match.lastgroup:
                yield new_token((kind, match[kind], match.start(kind)))

    return scan
