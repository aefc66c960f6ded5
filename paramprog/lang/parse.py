"""Text to syntax tree.

The parser goes on after a syntax error at the next statement or declaration, so that one run shows several
errors. It stays silent where an error would only be an echo of the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, cast

from paramprog.collector import collector_off
from paramprog.diagnostics import Report, Source
from paramprog.lang import syntax
from paramprog.lang.automaton import Grammar, Run, Start, grammar
from paramprog.lang.characters import check_characters
from paramprog.lang.expected import explain
from paramprog.lang.forms import forms
from paramprog.lang.newlines import CLOSERS, Newlines
from paramprog.lang.read import MAX_SOURCE, source_too_long
from paramprog.lang.surprise import DECLARATIONS, Surprise
from paramprog.lang.tokens import END, STATEMENT, Token, new_token

MAX_RECOVERIES = 1_000
MAX_TOKENS_AFTER_ERROR = 100_000
"""Together these bound the time that a text with errors takes, also if most are echoes and unreported."""


MANY_LINES = 200
"""So many lines are worth looking for statements of one form."""


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
    forbidden = check_characters(source, report)
    ready = grammar()
    with ready.lock, collector_off():
        ready.builder.begin(source, report)
        tree = None
        try:
            with report.isolating():
                tree = _Parser(source, start, ready, report, forbidden).parse()
        finally:
            ready.builder.finish()
    report.raise_if_errors()
    return tree


class _Parser:
    """One text on its way through lexer, filter and automaton."""

    def __init__(
        self, source: Source, start: Start, ready: Grammar, report: Report, forbidden: set[int]
    ) -> None:
        self.source = source
        self.report = report
        self.forbidden = forbidden
        self.run = Run(ready.tables[start], source)
        self.newlines = Newlines()
        self.end = Token(END, "", len(source.text))
        self.scan = ready.scan
        self.unread: Iterator[Token] = chain(self._words(), [self.end])
        self.put_back: list[Token] = []
        self.tokens = self._all_tokens()
        self.resumed_at: Token | None = None
        self.unclosed: list[str] = []
        self.known_to = 0
        self.recoveries = 0

    def parse(self) -> Any:
        """The value of the start symbol, or None after errors, which are in the report then."""
        while (token := self.run.advance(self.tokens)) is not None:
            if not self._recover(token):
                return None
        return self.run.values[-1] if self.run.values else None

    def _words(self) -> Iterator[Token]:
        """The tokens of the text, but one for each statement of a known form, which has a line of its own."""
        text, run, start = self.source.text, self.run, 0
        if text.count("\n") < MANY_LINES:
            yield from self.newlines.process(self.scan(text))
            return
        while True:
            before: int | None = None
            for token in self.newlines.process(self.scan(text, start)):
                yield token
                if token.type != "_NL" or self.recoveries or not run.awaits_statement():
                    continue
                if before is not None and "\n" not in (line := text[before : token.start]):
                    forms().learn(line, run.table, run.states[-1])
                before = start = token.end
                yield from self._known(start)
                if self.known_to > start:
                    start = self.known_to
                    break
            else:
                return

    def _known(self, start: int) -> Iterator[Token]:
        """The lines from `start` on that are statements of known forms; `known_to` is where the next one begins.

        Not the last of them: the line after it may begin with a word that goes on with the statement.
        """
        source, text, find, self.known_to = self.source, self.source.text, forms().find, start
        line, found = start, None
        while (end := text.find("\n", line)) >= 0:
            following = find(text[line : end - (text[end - 1] == "\r")])
            if found is not None:
                form, words = found
                if following is None:
                    return
                statement = form.statement(source, words, self.known_to, line - self.known_to)
                yield new_token((STATEMENT, statement, self.known_to))
                yield new_token(("_NL", "\n", line - 1))
                self.known_to = line
            if following is None:
                return
            found, line = following, end + 1

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
        self.recoveries += 1
        if self.recoveries == 1:
            self.unread = islice(self.unread, MAX_TOKENS_AFTER_ERROR)
            self.tokens = self._all_tokens()
        surprise = Surprise(self.source, token, run.previous, run.acceptable(), run.open_brackets())
        if not self._is_echo(surprise):
            self.report.add(explain(surprise))
        if token.type == END or self.recoveries >= MAX_RECOVERIES:
            return False
        if "LBRACE" in surprise.acceptable and self._go_on_at_block(surprise):
            return True
        if surprise.lacks_closing_brace:
            del self.newlines.brackets[:]
            run.cut_back_to("item")
            return self._resume(_line_end(token), token)
        self.unclosed += [bracket.type for bracket in self.newlines.leave_brackets(but=token)]
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
        """Whether the error follows from the last one.

        Either the character was reported before, or nothing fitted since, not one token of what was to be the
        next statement (unless that is a mistake of its own), or the token closes a bracket that was taken for
        unclosed.
        """
        if surprise.token.start in self.forbidden:
            return True
        opener = CLOSERS.get(surprise.token.type)
        if opener in self.unclosed:
            self.unclosed.remove(opener)
            return True
        if surprise.token.type in DECLARATIONS or surprise.names_reserved_word:
            return False
        return surprise.previous is not None and surprise.previous is self.resumed_at

    def _go_on_at_block(self, surprise: Surprise) -> bool:
        """A header is followed by something else than its block: go on with the block if there is one."""
        token = passed = surprise.token
        while passed.type not in ("_NL", "LBRACE", "RBRACE", END):
            passed = next(self.tokens, self.end)
        if passed.type == "LBRACE":
            return self._resume(passed)
        if passed is not token:
            self._resume(passed)
        if token.type != "_NL":
            return False
        if surprise.block_is_below:
            return self._resume()
        opener = Token("LBRACE", "", token.start)
        self.newlines.brackets.append(opener)
        return self._resume(opener, token)

    def _skip(self, token: Token, in_block: bool) -> Token:
        """The token that ends the statement (in a block) or declaration of `token`, blocks skipped."""
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
            token = next(self.tokens, self.end)
        return token

    def _in_parentheses(self) -> bool:
        brackets = self.newlines.brackets
        return bool(brackets) and brackets[-1].type != "LBRACE"


def _line_end(token: Token) -> Token:
    """A statement end before `token` that does not stand in the text."""
    return Token("_NL", "", token.start)
