"""Random layouts of a text: other spaces, line breaks, semicolons and comments between the same words."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from paramprog.lang.automaton import grammar
from paramprog.lang.newlines import CONTINUATIONS, Newlines
from paramprog.lang.tokens import END, Token

SPACES = ["", "", " ", " ", "  ", "\t", " \t "]
COMMENTS = [
    "#",
    "# c",
    "#c ",
    "# x = 1; {",
    '# "',
    "# \u00e9\u4e2d\U0001f600\t.",
    "##  two",
    "# fmt: off",
    "# fmt: on",
]


def layouts(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The texts in other layouts, with comments."""
    return st.builds(scrambled, texts, st.integers(0, 2**32))


def scrambled(text: str, seed: int) -> str:
    """A text of the same words, in another layout."""
    random = Random(seed)
    comments = random.choice([0.0, 0.1, 0.5])
    newlines = random.choice([0.1, 0.5])

    def line_end() -> str:
        comment = random.choice(COMMENTS) if random.random() < comments else ""
        return random.choice(SPACES) + comment + random.choice(["\n", "\n", "\r\n"])

    def lines(least: int) -> str:
        number = max(least, random.choice([0, 1, 1, 2, 4]))
        return "".join(line_end() for _ in range(number)) + random.choice(SPACES)

    def between(before: Token, token: Token) -> str:
        """What may stand between two words of one statement."""
        free = bool(brackets) or before.type == "COMMA" or token.type in CONTINUATIONS
        if free and random.random() < newlines:
            return lines(1)
        space = random.choice(SPACES)
        joined = [t[:2] for t in grammar().scan(before.value + token.value)]
        return space or ("" if joined == [before[:2], token[:2]] else " ")

    parts = [lines(0)]
    brackets: list[Token] = []
    before: Token | None = None
    ended = False
    for token in [*Newlines().process(grammar().scan(text)), Token(END, "", len(text))]:
        if token.type == "_NL":
            ended = True
            continue
        if before is not None and (token.type == END or before.type == "LBRACE" or token.type == "RBRACE"):
            parts.append(random.choice([";", "", lines(1)]) if random.random() < 0.5 else lines(0))
        elif before is not None and ended:
            parts.append(random.choice([";", lines(0) + ";" + lines(0), lines(1)]))
        elif before is not None:
            parts.append(between(before, token))
        if token.type in ("LPAR", "LSQB"):
            brackets.append(token)
        elif token.type in ("RPAR", "RSQB"):
            brackets.pop()
        value = "Function" if token.type == "FUNCTION" and random.random() < 0.5 else token.value
        parts.append(value)
        before, ended = token, False
    return "".join(parts)
