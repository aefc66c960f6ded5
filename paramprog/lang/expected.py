"""The words of syntax errors: what was expected, where, and what stands there instead.

The automaton knows which terminals fit; here they become words. Hints for particular mistakes are in mistakes.py.
"""

from __future__ import annotations

from paramprog.diagnostics import Diagnostic, Span
from paramprog.lang.characters import outside_ascii
from paramprog.lang.mistakes import hint_for
from paramprog.lang.newlines import CLOSERS, OPENERS
from paramprog.lang.surprise import DECLARATIONS, STATEMENTS, Surprise
from paramprog.lang.tokens import END, Token

_LONGEST_QUOTE = 30

_BRACKETS = {"LPAR": "(", "LSQB": "[", "LBRACE": "{"}
_CLOSING = {"LPAR": ")", "LSQB": "]", "LBRACE": "}"}
_CLOSER_TYPES = {opener: closer for closer, opener in CLOSERS.items()}

# Terminals that only go on with an expression: together they are "an operator".
_OPERATORS = frozenset(
    {"PLUS", "MINUS", "STAR", "SLASH", "FLOOR", "AT", "POWER", "COMPARE", "AND", "OR", "LSQB", "LPAR"}
)

_WORDS = {
    "COMMA": "`,`",
    "EQUAL": "`=`",
    "COLON": "`:`",
    "TILDE": "`~`",
    "ARROW": "`->`",
    "RANGE": "`..`",
    "LPAR": "`(`",
    "LSQB": "`[`",
    "LBRACE": "`{`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RBRACE": "`}`",
    "IN": "`in`",
    "IF": "`if`",
    "THEN": "`then`",
    "ELSE": "`else`",
    "FOR": "`for`",
    "DERIVATIVE": "`derivative`",
    "STRING": "a string in double quotes",
    "NAME": "a name",
    "_NL": "the end of the line",
    END: "the end of the file",
}
# What is expected is listed in this order; of the rest nothing is said.
_ORDER = list(_WORDS)


def explain(surprise: Surprise) -> Diagnostic:
    """The diagnostic for a token that does not fit."""
    token = surprise.token
    if token.type == "UNKNOWN" and not token.value.isascii():
        return outside_ascii(surprise.source, token.start)
    message, span = _message(surprise)
    return Diagnostic("syntax", message, span, hint_for(surprise))


def _message(surprise: Surprise) -> tuple[str, Span]:
    token = surprise.token
    if token.type == "UNKNOWN":
        return (_open_string if token.value == '"' else _unexpected)(surprise)
    if token.type == "MISTAKE":
        return f"{_quoted(token)} is no operator", surprise.span(token)
    if token.type == END and surprise.innermost is not None:
        opener = surprise.innermost
        return f"`{_BRACKETS[opener.type]}` is never closed", surprise.span(opener)
    if token.type == "COMPARE" and surprise.after_operand and "AND" in surprise.acceptable:
        return "comparisons do not chain", surprise.span(token)
    if _is_reserved_name(surprise):
        return f"{_quoted(token)} is a reserved word", surprise.span(token)
    if surprise.wants_item:
        return _instead_of_item(surprise)
    if surprise.wants_statement:
        return _instead_of_statement(surprise)
    if surprise.after_target and token.type not in ("NAME", "COMPARE", "COLON"):
        return _expression_statement(surprise)
    if surprise.after_operand and (glued := _glued_number(surprise)):
        return glued
    if _bracket_must_close(surprise):
        return _unclosed(surprise)
    if token.type in CLOSERS and not _can_be_expected(surprise):
        return _unexpected(surprise)
    return _expected(surprise)


def _unexpected(surprise: Surprise) -> tuple[str, Span]:
    return f"unexpected {_quoted(surprise.token)}", surprise.span(surprise.token)


def _open_string(surprise: Surprise) -> tuple[str, Span]:
    return "the string is not closed on its line", surprise.span(surprise.token)


# ---- whole statements --------------------------------------------------------------------------------------------


def _instead_of_item(surprise: Surprise) -> tuple[str, Span]:
    token = surprise.token
    if token.type in CLOSERS:
        return _unexpected(surprise)
    if token.type in STATEMENTS:
        return f"{_quoted(token)} outside a function", surprise.span(token)
    if token.type == "NAME":
        return f"expected a declaration, found {_quoted(token)}", surprise.span(token)
    return f"expected a declaration, found {_quoted(token)}", surprise.span(token)


def _instead_of_statement(surprise: Surprise) -> tuple[str, Span]:
    token, opener = surprise.token, surprise.innermost
    if surprise.lacks_closing_brace and opener is not None:
        return f"expected `}}` to close {_opener(surprise, opener)}, found {_quoted(token)}", surprise.span(
            token
        )
    if token.type in DECLARATIONS:
        return f"{_quoted(token)} inside a function", surprise.span(token)
    if token.type in CLOSERS or token.type in ("ELSE", "THEN"):
        return _unexpected(surprise)
    return f"expected a statement, found {_quoted(token)}", surprise.span(token)


def _expression_statement(surprise: Surprise) -> tuple[str, Span]:
    return "an expression is no statement", surprise.place
