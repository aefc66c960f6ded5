"""The filter between lexer and parser: which newlines end a statement.

A newline does, except inside ( ) and [ ], after a comma, and before `else`, `then`, `derivative`, `->`, none
of which can begin a statement. A semicolon always does. A run of newlines and semicolons becomes a single
token.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from paramprog.lang.tokens import Token

CONTINUATIONS = frozenset({"ELSE", "THEN", "DERIVATIVE", "ARROW"})
OPENERS = frozenset({"LPAR", "LSQB", "LBRACE"})
CLOSERS = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}


class Newlines:
    """Filters one stream; `brackets` are the brackets that are open after the token yielded last.

    The parser may change `brackets` when it recovers from an error, and the stream goes on accordingly.
    """

    def __init__(self) -> None:
        self.brackets: list[Token] = []

    def process(self, stream: Iterable[Token]) -> Iterator[Token]:
        """The tokens that the grammar sees."""
        brackets = self.brackets
        pending: Token | None = None
        ends_for_certain = after_comma = False
        for token in stream:
            kind = token.type
            if kind == "_NL":
                if token.value == ";":
                    pending, ends_for_certain = pending or token, True
                elif not after_comma and (not brackets or brackets[-1].type == "LBRACE"):
                    pending = pending or token
                continue
            if pending is not None:
                if ends_for_certain or kind not in CONTINUATIONS:
                    yield pending
                pending, ends_for_certain = None, False
            if kind in OPENERS:
                brackets.append(token)
            elif kind in CLOSERS:
                self._close(kind)
            after_comma = kind == "COMMA"
            yield token
        if pending is not None:
            yield pending

    def _close(self, closer: str) -> None:
        """A brace closes its block with all that is open inside; the others a ( or [, mostly their own."""
        brackets = self.brackets
        if closer == "RBRACE":
            while brackets and brackets.pop().type != "LBRACE":
                pass
        elif brackets and brackets[-1].type != "LBRACE":
            brackets.pop()

    def leave_brackets(self, but: Token) -> list[Token]:
        """Forget the ( and [ that stand open in this block, so that newlines count again; returns them.

        The bracket `but` stays.
        """
        brackets = self.brackets
        kept = [brackets.pop()] if brackets and brackets[-1] is but else []
        left = []
        while brackets and brackets[-1].type != "LBRACE":
            left.append(brackets.pop())
        brackets += kept
        return left
