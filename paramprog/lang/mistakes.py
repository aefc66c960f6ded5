"""Hints for the mistakes that people make, most of them habits from other languages."""

from __future__ import annotations

from paramprog.lang.surprise import DECLARATIONS, Surprise
from paramprog.lang.tokens import END

NAME_THE_VALUE = "give the value a name: `y = ...`"

# Words that begin something in another language, seen before or at the token that does not fit.
_WORDS = {
    **dict.fromkeys(["elif", "elseif", "elsif", "elsf"], "write `else if`"),
    **dict.fromkeys(["def", "fn", "fun", "func", "proc", "sub"], "a function is declared with `function`"),
    **dict.fromkeys(["let", "var", "val", "mut", "auto"], "an assignment has no keyword: `x = ...`"),
    "lambda": "declare a `function` and use its name",
    **dict.fromkeys(["break", "continue"], "loops end by their range or condition only"),
    "pass": "a block may be empty: `{ }`",
    **dict.fromkeys(["print", "assert"], "a program computes values; it does nothing else"),
    **dict.fromkeys(["from", "include", "using", "use"], 'files are imported with `import "file.pp"`'),
    **dict.fromkeys(["switch", "match", "case"], "write `if c { } else if d { } else { }`"),
    **dict.fromkeys(
        ["do", "begin", "end", "repeat", "until"], "blocks stand in `{ }`; loops are `for` and `while`"
    ),
    "foreach": "a loop is `for i in a..b { }`",
}

# Infix words of other languages.
_INFIX_WORDS = {
    "mod": "the remainder is `mod(a, b)`",
    "div": "the floored quotient is `a // b`",
    "xor": "for bools write `a != b`",
    "is": "write `==`",
}

_TOKENS = {
    "^": "a power is written `**`",
    "&": "write `and`",
    "&&": "write `and`",
    "|": "write `or`",
    "||": "write `or`",
    "!": "write `not`",
    "%": "the remainder is `mod(a, b)`",
    "?": "a choice is written `if c then a else b`",
    "'": "strings stand in double quotes, and only in `import` and `contract`",
    "\\": "a line goes on inside ( ), inside [ ] and after a comma",
    ".": "there are no attributes; functions are called as `f(x)`",
    ":=": "write `=`",
    "+=": "write `x = x + ...`",
    "-=": "write `x = x - ...`",
    "*=": "write `x = x * ...`",
    "/=": "write `x = x / ...`",
    "<>": "write `!=`",
    "/*": "a comment begins with `#` and ends with its line",
    "===": "write `==`",
    "!==": "write `!=`",
}


def hint_for(surprise: Surprise) -> str | None:
    """The hint for this error, if it looks like a known mistake."""
    token, previous = surprise.token, surprise.previous
    if token.type in ("UNKNOWN", "MISTAKE"):
        return _TOKENS.get(token.value)
    if token.type == END and surprise.innermost is not None:
        return None
    if surprise.is_choice:
        return "write `(if c then a else b)`"
    if surprise.names_reserved_word:
        return "choose another name"
    if token.type == "NAME" and token.value in _INFIX_WORDS and surprise.after_operand:
        return _INFIX_WORDS[token.value]
    for word in (token, previous):
        if word is not None and word.type == "NAME" and word.value in _WORDS:
            return _WORDS[word.value]
    return _operand_hint(surprise) or _block_hint(surprise) or _statement_hint(surprise)


def _operand_hint(surprise: Surprise) -> str | None:
    token, previous = surprise.token, surprise.previous
    if surprise.wants_operand:
        return {
            "PLUS": "there is no unary `+`",
            "LBRACE": "a list is written `[a, b]`",
            "STRING": "strings stand only in `import` and `contract`",
        }.get(token.type)
    if surprise.after_operand:
        if token.type == "COMPARE" and "AND" in surprise.acceptable:
            return "write `a < b and b < c`"
        if token.type == "EQUAL" and "COMPARE" in surprise.acceptable:
            return "`==` compares, `=` assigns"
        if token.type == "IF":
            return "a choice is written `if c then a else b`"
        if surprise.glued_to_number and previous is not None:
            return _number_hint(previous.value, token.value)
    if "ELSE" in surprise.acceptable and token.type != "ELSE":
        return "a choice has both sides: `if c then a else b`"
    return None


def _number_hint(number: str, tail: str) -> str | None:
    if number == "0" and tail[:1] in "xXbBoO":
        return "numbers are decimal"
    if tail.startswith("_"):
        return "the digits of a number stand together: `1000000`, or `1e6` for a real"
    if tail[:1] in "eE":
        return "an exponent has digits: `1e5`"
    return f"a product is written with `*`: `{number} * {tail}`"[:80] if tail[:1].isalpha() else None


def _block_hint(surprise: Surprise) -> str | None:
    token = surprise.token
    if "LBRACE" in surprise.acceptable:
        if token.type in ("COLON", "THEN"):
            return "a block stands in `{ }`"
        if token.type == "_NL" and surprise.block_is_below:
            return "the `{` stands on the line of its statement"
    if surprise.previous is not None and surprise.previous.type == "FOR":
        return "a loop is `for i in a..b { }`"
    if surprise.acceptable == {"EQUAL"} and token.type == "LBRACE":
        return "a base function is one expression: `base f(x) = ...`"
    if "IN" in surprise.acceptable or "RANGE" in surprise.acceptable:
        return "a range is `i in a..b`, half-open"
    return None


def _statement_hint(surprise: Surprise) -> str | None:
    token = surprise.token
    if surprise.after_target:
        if token.type == "COLON":
            return "only declarations and arguments have types"
        if token.type == "COMPARE" and token.value == "==":
            return "`=` assigns, `==` compares"
        return NAME_THE_VALUE
    if surprise.wants_statement:
        if token.type in DECLARATIONS:
            return "declarations stand outside functions"
        if token.type == "ELSE":
            return "`else` follows the `}` of its `if`"
        return NAME_THE_VALUE if token.type not in ("RBRACE", "RPAR", "RSQB") else None
    if surprise.wants_item and token.type not in ("RBRACE", "RPAR", "RSQB"):
        return "a file holds declarations; statements stand in a `function`"
    return None
