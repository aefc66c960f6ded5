"""A token that does not fit, and what was known when it came."""

from __future__ import annotations

from dataclasses import dataclass

from paramprog.diagnostics import Source, Span
from paramprog.lang.tokens import END, Token

DECLARATIONS = frozenset({"FUNCTION", "DIM", "PARAM", "CONST", "BASE", "NOISE", "IMPORT"})
STATEMENTS = frozenset({"FOR", "IF", "WHILE", "RETURN"})
OPERAND_ENDS = frozenset({"NAME", "NUMBER", "INT", "TRUE", "FALSE", "RPAR", "RSQB"})


@dataclass(frozen=True)
class Surprise:
    """`token` came after `previous`, where only `acceptable` terminals fit; `opened` are the open brackets."""

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
        return "STAR" in self.acceptable and not self.wants_operand

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
    def touches_previous(self) -> bool:
        return self.previous is not None and self.previous.end == self.token.start

    @property
    def ends_line(self) -> bool:
        """Whether it is the end of a line or of the file."""
        return self.token.type == END or (self.token.type == "_NL" and self.token.value != ";")

    @property
    def lacks_closing_brace(self) -> bool:
        """Whether a declaration at the margin follows an open block, so the end of the block must be missing."""
        in_block = any(bracket.type == "LBRACE" for bracket in self.opened)
        at_margin = self.source.text[self.token.start - 1 : self.token.start] in ("", "\n")
        return self.token.type in DECLARATIONS and in_block and at_margin and not self.is_assigned

    @property
    def is_assigned(self) -> bool:
        """Whether `=`, `,` or `[` follow, so that the token was meant as a name."""
        rest = self.source.text[self.token.end : self.token.end + 80].lstrip(" \t")
        return rest.startswith(("=", ",", "[")) and not rest.startswith("==")

    # ---- spans ----

    def span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    @property
    def place(self) -> Span:
        """Where to point: at the token, or if the line ends too early, behind the token before."""
        if self.ends_line and self.previous is not None and self.previous.type != "_NL":
            return Span(self.source, self.previous.end, self.previous.end)
        return self.span(self.token)

    def line_of(self, token: Token) -> int:
        return self.source.position(token.start)[0]
