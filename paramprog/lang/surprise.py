"""A token that does not fit, and what was known when it came."""

from __future__ import annotations

import re
from dataclasses import dataclass

from paramprog.diagnostics import Source, Span
from paramprog.lang.newlines import CLOSERS
from paramprog.lang.tokens import END, Token

DECLARATIONS = frozenset({"FUNCTION", "DIM", "PARAM", "CONST", "BASE", "NOISE", "IMPORT"})
STATEMENTS = frozenset({"FOR", "IF", "WHILE", "RETURN"})
# What cannot stand inside ( ) or [ ] at all.
_STRUCTURE = DECLARATIONS | STATEMENTS | {"_NL", "LBRACE", "RBRACE", "RPAR", "RSQB"}
_OPERAND_BEGINNINGS = frozenset({"NAME", "NUMBER", "INT", "TRUE", "FALSE", "LPAR", "LSQB", "NOT", "STRING"})

_BLOCK_BELOW = re.compile(r"\s*(?:#[^\n]*\n\s*)*\{")


@dataclass(frozen=True)
class Surprise:
    """`token` came after `previous`, where only `acceptable` terminals fit; `opened` brackets are open."""

    source: Source
    token: Token
    previous: Token | None
    acceptable: set[str]
    opened: list[Token]

    @property
    def innermost(self) -> Token | None:
        """The bracket opened last."""
        return self.opened[-1] if self.opened else None

    # ---- what could have come ----

    @property
    def wants_operand(self) -> bool:
        """Whether an expression was about to begin."""
        return "INT" in self.acceptable

    @property
    def after_operand(self) -> bool:
        """Whether an expression could have gone on or ended here."""
        return ("STAR" in self.acceptable or "AND" in self.acceptable) and not self.wants_operand

    @property
    def wants_item(self) -> bool:
        """Whether a declaration was about to begin."""
        return "BASE" in self.acceptable

    @property
    def wants_statement(self) -> bool:
        return "RETURN" in self.acceptable

    @property
    def after_target(self) -> bool:
        """Whether the token follows what would have to be the left side of an assignment."""
        return {"COMMA", "EQUAL"} <= self.acceptable <= {"COMMA", "EQUAL", "LSQB"}

    @property
    def begins_operand(self) -> bool:
        return self.token.type in _OPERAND_BEGINNINGS

    # ---- where it stands ----

    @property
    def begins_statement(self) -> bool:
        return self.previous is None or self.previous.type in ("_NL", "LBRACE")

    @property
    def begins_line(self) -> bool:
        """Whether it is the first token of its line."""
        before = self.previous.end if self.previous else 0
        return "\n" in self.source.text[before : self.token.start]

    @property
    def ends_line(self) -> bool:
        """Whether it is the end of a line or of the file."""
        return self.token.type == END or (self.token.type == "_NL" and self.token.value != ";")

    @property
    def lacks_closing_brace(self) -> bool:
        """Whether it begins a declaration at the margin inside a block, so that a `}` must be missing."""
        in_block = any(bracket.type == "LBRACE" for bracket in self.opened)
        at_margin = self.source.text[self.token.start - 1 : self.token.start] in ("", "\n")
        return self.token.type in DECLARATIONS and in_block and at_margin and not self.is_assigned

    @property
    def is_assigned(self) -> bool:
        """Whether `=`, `,` or `[` follow, so that the token was meant as a name."""
        rest = self.source.text[self.token.end : self.token.end + 80].lstrip(" \t")
        return rest.startswith(("=", ",", "[")) and not rest.startswith("==")

    @property
    def block_is_below(self) -> bool:
        """Whether the next thing after this end of a line is a `{`."""
        return _BLOCK_BELOW.match(self.source.text, self.token.start) is not None

    # ---- what kind of slip it is ----

    @property
    def is_choice(self) -> bool:
        """Whether it is the `if` of a choice behind an operator."""
        return (
            self.token.type == "IF" and self.wants_operand and not self.is_assigned and not self.begins_line
        )

    @property
    def names_reserved_word(self) -> bool:
        """Whether a reserved word stands where a name was meant."""
        kind = self.token.type
        if kind == "NAME" or not self.token.value.isidentifier() or "NAME" not in self.acceptable:
            return False
        if self.is_choice:
            return False
        if self.wants_statement:
            return self.is_assigned
        if self.wants_operand:
            # `and`, `then` and the like rather show that an operand is missing; so does what begins the next
            # line.
            return kind in DECLARATIONS | STATEMENTS | {"IN", "DERIVATIVE"} and not self.begins_line
        return "LBRACE" not in self.acceptable

    @property
    def glued_to_number(self) -> bool:
        """Whether it stands right behind a number: `2x`, `0x1F`, `1.2.3`."""
        previous = self.previous
        return (
            previous is not None
            and previous.type in ("INT", "NUMBER")
            and previous.end == self.token.start
            and (self.token.type in ("INT", "NUMBER") or self.token.value.isidentifier())
        )

    @property
    def ends_in_bracket(self) -> bool:
        """Whether a ( or [ should have been closed before it."""
        opener = self.innermost
        if opener is None or opener.type == "LBRACE" or self.wants_operand:
            return False
        closes = {"LPAR": "RPAR", "LSQB": "RSQB"}[opener.type] in self.acceptable
        return closes and (self.begins_line or self.ends_line or self.token.type in _STRUCTURE)

    @property
    def closes_innermost(self) -> bool:
        """Whether it closes the innermost open bracket, only too early."""
        return self.innermost is not None and CLOSERS.get(self.token.type) == self.innermost.type

    # ---- where to point ----

    def span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    @property
    def place(self) -> Span:
        """The token; or the end of the token before, if the fault is that the line ended there."""
        previous = self.previous
        early = self.ends_line or (self.begins_line and (self.ends_in_bracket or self.token.type == "RBRACE"))
        if early and previous is not None and previous.type != "_NL":
            return Span(self.source, previous.end, previous.end)
        return self.span(self.token)
