"""The words of syntax errors: what was expected, where, and what stands there instead.

The automaton knows which terminals fit; here they become words. Hints for particular mistakes are in
mistakes.py.
"""

from __future__ import annotations

from paramprog.diagnostics import Diagnostic, Span
from paramprog.lang.characters import outside_ascii
from paramprog.lang.mistakes import hint_for
from paramprog.lang.newlines import CLOSERS
from paramprog.lang.surprise import DECLARATIONS, STATEMENTS, Surprise
from paramprog.lang.tokens import END, Token

_LONGEST_QUOTE = 30

_CLOSER_OF = {opener: closer for closer, opener in CLOSERS.items()}

# Terminals that go on with an expression; together they are "an operator".
_OPERATORS = frozenset(
    {"PLUS", "MINUS", "STAR", "SLASH", "FLOOR", "AT", "POWER", "COMPARE", "AND", "OR", "LSQB", "LPAR"}
)

# What can be expected besides expressions and operators, in the order in which it is listed.
_WORDS = {
    "NAME": "a name",
    "STRING": "a string in double quotes",
    "EQUAL": "`=`",
    "COLON": "`:`",
    "TILDE": "`~`",
    "IN": "`in`",
    "IF": "`if`",
    "THEN": "`then`",
    "ELSE": "`else`",
    "RANGE": "`..`",
    "ARROW": "`->`",
    "LPAR": "`(`",
    "LBRACE": "`{`",
    "COMMA": "`,`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RBRACE": "`}`",
    "_NL": "the end of the line",
    END: "the end of the file",
}

# Said only if there is nothing else to say: where a line may end, so may a block and a file.
_IMPLIED_BY_LINE_END = frozenset({"COMMA", "RBRACE", END})


def explain(surprise: Surprise) -> Diagnostic:
    """The diagnostic for a token that does not fit."""
    token = surprise.token
    if token.type == "UNKNOWN" and not token.value.isascii():
        return outside_ascii(surprise.source, token.start)
    message, span = _explanation(surprise)
    return Diagnostic("syntax", message, span, hint_for(surprise))


def _explanation(surprise: Surprise) -> tuple[str, Span]:
    """Message and place: the first case that applies."""
    token = surprise.token
    if token.type == "UNKNOWN":
        return "the string is not closed" if token.value == '"' else _unexpected(token), surprise.span(token)
    if token.type == "MISTAKE":
        return f"`{token.value}` is no operator", surprise.span(token)
    if token.type == END and surprise.innermost is not None:
        return f"`{surprise.innermost.value}` is never closed", surprise.span(surprise.innermost)
    if token.type == "COMPARE" and surprise.after_operand and "AND" in surprise.acceptable:
        return "comparisons do not chain", surprise.span(token)
    if surprise.is_choice:
        return "an `if` behind an operator stands in parentheses", surprise.span(token)
    if surprise.names_reserved_word:
        return f"`{token.value}` is a reserved word", surprise.span(token)
    if surprise.wants_item or surprise.wants_statement:
        return _instead_of_statement(surprise), surprise.span(token)
    if surprise.after_target and token.type not in ("NAME", "COMPARE", "COLON"):
        return "an expression is no statement", surprise.place
    if surprise.glued_to_number and surprise.previous is not None:
        both = Span(surprise.source, surprise.previous.start, token.end)
        return f"`{_shortened(both.text)}` is no number", both
    if surprise.ends_in_bracket and surprise.innermost is not None:
        return _unclosed(surprise, surprise.innermost), surprise.place
    if token.type in CLOSERS and not surprise.closes_innermost and not surprise.wants_operand:
        return _unexpected(token), surprise.span(token)
    return _expected(surprise), surprise.place


def _unexpected(token: Token) -> str:
    return f"unexpected {_quoted(token)}"


def _instead_of_statement(surprise: Surprise) -> str:
    token = surprise.token
    if surprise.lacks_closing_brace and surprise.innermost is not None:
        return _unclosed(surprise, surprise.innermost)
    if token.type in CLOSERS or token.type in ("ELSE", "THEN"):
        return _unexpected(token)
    if surprise.wants_item:
        outside = token.type in STATEMENTS
        return (
            f"`{token.value}` outside a function"
            if outside
            else f"expected a declaration, found {_quoted(token)}"
        )
    if token.type in DECLARATIONS:
        return f"`{token.value}` inside a function"
    return f"expected a statement, found {_quoted(token)}"


def _unclosed(surprise: Surprise, opener: Token) -> str:
    line = surprise.source.position(opener.start)[0]
    closer = _WORDS[_CLOSER_OF[opener.type]]
    return f"expected {closer} to close the `{opener.value}` of line {line}, found {_quoted(surprise.token)}"


def _expected(surprise: Surprise) -> str:
    previous = surprise.previous
    visible = previous is not None and previous.type != "_NL" and previous.value
    after = f" after {_quoted(previous)}" if previous is not None and visible else ""
    return f"expected {_wanted(surprise)}{after}, found {_quoted(surprise.token)}"


def _wanted(surprise: Surprise) -> str:
    """What fits, in words."""
    if surprise.wants_operand:
        return "an expression"
    if surprise.after_target:
        return "`=`"
    rest = set(surprise.acceptable)
    operators = surprise.after_operand and surprise.begins_operand
    if surprise.after_operand:
        rest -= _OPERATORS | {"EQUAL"}
    if surprise.ends_line and "LBRACE" in rest:
        rest.discard("ARROW")
    if "LBRACE" in rest:
        rest.discard("NAME")  # the soft word `checkpoint`
    if "_NL" in rest:
        rest -= _IMPLIED_BY_LINE_END
    words = ["an operator"] if operators else []
    words += [word for kind, word in _WORDS.items() if kind in rest]
    if not words:
        return "something else"
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _quoted(token: Token) -> str:
    """A token as the reader sees it."""
    if token.type == END:
        return "the end of the file"
    if token.type == "_NL" and token.value != ";":
        return "the end of the line"
    return f"`{_shortened(token.value)}`"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 3]}..."
