"""Text to syntax tree.

The parser goes on after a syntax error at the next statement or declaration, so that one run shows several errors. It
stays silent where an error would only be an echo of the one before.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, cast

from paramprog.diagnostics import Report, Source, Span, fail
from paramprog.lang import syntax
from paramprog.lang.automaton import Grammar, Run, Start, grammar
from paramprog.lang.characters import check_characters
from paramprog.lang.expected import DECLARATIONS, Surprise, explain
from paramprog.lang.newlines import OPENERS, Newlines
from paramprog.lang.tokens import END, Token

MAX_SOURCE = 16 * 2**20
"""The longest text that is accepted, in bytes."""


def parse(source: Source) -> syntax.Module:
    """The tree of a whole file. Raises ProgramError with every finding, in the order of the text."""
    return cast(syntax.Module, _parse(source, "module"))


def parse_expression(source: Source) -> syntax.Expression:
    """The tree of a text that is a single expression. Raises ProgramError."""
    return cast(syntax.Expression, _parse(source, "lone_expression"))


def _parse(source: Source, start: Start) -> Any:
    if len(source.text) > MAX_SOURCE:
        raise source_too_long(source)
    report = Report()
    check_characters(source, report)
    report.raise_if_errors()
    ready = grammar()
    with ready.lock, _collector_off():
        ready.builder.begin(source, report)
        try:
            tree = _Parser(source, start, ready, report).parse()
        finally:
            ready.builder.finish()
    report.raise_if_errors()
    return tree


def source_too_long(source: Source) -> Exception:
    """The error for a text above the limit."""
    limit = f"the limit is {MAX_SOURCE // 2**20} MiB"
    return fail("source-limit", f"the program is too long; {limit}", Span(source, 0, 0))


@contextmanager
def _collector_off() -> Iterator[None]:
    """A tree of many nodes and no garbage: collecting would only walk it again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Parser:
    """One text on its way through lexer, filter and automaton."""

    def __init__(self, source: Source, start: Start, ready: Grammar, report: Report) -> None:
        self.source = source
        self.report = report
        self.run = Run(ready.tables[start], source)
        self.newlines = Newlines()
        end = Token(END, "", len(source.text))
        self.unread: Iterator[Token] = chain(self.newlines.process(ready.scan(source.text)), [end])
        self.put_back: list[Token] = []
        self.tokens = self._all_tokens()
        self.resumed_at: Token | None = None

    def parse(self) -> Any:
        """The value of the start symbol, or None after errors, which are in the report then."""
        while (token := self.run.advance(self.tokens)) is not None:
            if not self._recover(token):
                return None
        return self.run.values[-1] if self.run.values else None

    def _all_tokens(self) -> Iterator[Token]:
        def first() -> Iterator[Token]:
            while self.put_back:
                yield self.put_back.pop(0)

        return chain(first(), self.unread)

    def _resume(self, *tokens: Token) -> bool:
        """Go on with these tokens and the unread ones."""
        self.put_back[:0] = tokens
        self.tokens = self._all_tokens()
        return True

    def _recover(self, token: Token) -> bool:
        """Report that `token` does not fit, and find a place to go on; False if there is none."""
        run = self.run
        opened = [value for value in run.values if isinstance(value, Token) and value.type in OPENERS]
        surprise = Surprise(self.source, token, run.previous, run.acceptable(), opened)
        if not self._is_echo(surprise):
            self.report.add(explain(surprise))
        if token.type == END:
            return False
        if "LBRACE" in surprise.acceptable and self._go_on_at_block(token):
            return True
        if surprise.lacks_closing_brace:
            del self.newlines.brackets[:]
            run.cut_back_to("item")
            return self._resume(_line_end(token), token)
        self.newlines.leave_brackets(but=token)
        place = run.cut_back_to("statement", "item")
        if place is None:
            return False
        if surprise.begins_line and not surprise.begins_statement and token.type != "RBRACE":
            # The newline before it was inside brackets that someone forgot to close.
            self.resumed_at = _line_end(token)
            return self._resume(self.resumed_at, token)
        token = self._skip(token, in_block=place == "statement")
        self.resumed_at = token
        return self._resume(token)

    def _is_echo(self, surprise: Surprise) -> bool:
        """Whether nothing fitted since the last error: not one token of the line that was to be the next statement."""
        return surprise.previous is not None and surprise.previous is self.resumed_at

    def _go_on_at_block(self, token: Token) -> bool:
        """A header is followed by something else than its block: go on with the block if there is one."""
        passed = token
        while passed.type not in ("_NL", "LBRACE", "RBRACE", END):
            passed = next(self.tokens)
        if passed.type == "LBRACE":
            return self._resume(passed)
        if passed is not token:
            self._resume(passed)
        if token.type != "_NL":
            return False
        if _BLOCK_BELOW.match(self.source.text, token.start):
            return self._resume()
        opener = Token("LBRACE", "", token.start)
        self.newlines.brackets.append(opener)
        return self._resume(opener, token)

    def _skip(self, token: Token, in_block: bool) -> Token:
        """The next token that ends the statement (in a block) or declaration that `token` is in, blocks skipped."""
        depth = 0
        while token.type != END:
            if token.type == "LBRACE":
                depth += 1
            elif token.type == "RBRACE":
                if depth == 0 and in_block:
                    break
                depth = max(0, depth - 1)
            elif token.type == "_NL" and depth == 0 and not self._in_parentheses():
                break
            token = next(self.tokens)
        return token

    def _in_parentheses(self) -> bool:
        brackets = self.newlines.brackets
        return bool(brackets) and brackets[-1].type != "LBRACE"


_BLOCK_BELOW = re.compile(r"\s*(?:#[^\n]*\n\s*)*\{")


def _line_end(token: Token) -> Token:
    """A statement end before `token` that does not stand in the text."""
    return Token("_NL", "", token.start)
