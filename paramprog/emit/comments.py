"""Comments that name the source: which line of the program a statement of the adjoint comes from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePath

from paramprog.diagnostics import Source, Span, printable

MAX_EXCERPT = 48
"""A longer source line is cut."""

COLUMN = 56
"""Comments stand beside the statements if these are shorter; else above them."""

WIDTH = 112


def file_name(source: Source) -> str:
    """The name of the file, without its folder."""
    return safe(PurePath(source.name.replace("\\", "/")).name)


def safe(text: str) -> str:
    """A text of one line that can stand in a comment or a docstring of either language."""
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in printable(text))
    return shown.replace("\\", "/").replace('"', "'")


def place(uses: Sequence[Span], main: Source) -> str:
    """`line 12: B = f0(A, Q)`; the lines alone, if there are several."""
    found = sorted(
        {(u.source is not main, u.source.name, u.line): u for u in uses}.items(), key=lambda i: i[0]
    )
    if not found:
        return ""
    if len(found) == 1:
        return f"{_line(found[0][1], main)}: {_excerpt(found[0][1])}"
    if all(u.source is main for _, u in found):
        return f"lines {_listed([str(u.line) for _, u in found])}"
    return _listed([_line(u, main) for _, u in found])


def _line(span: Span, main: Source) -> str:
    where = "" if span.source is main else f" of {file_name(span.source)}"
    return f"line {span.line}{where}"


def _excerpt(span: Span) -> str:
    return _line_text(span.source, span.line)


@lru_cache(maxsize=1024)
def _line_text(source: Source, line: int) -> str:
    text = safe(source.line(line).lstrip()[: 2 * MAX_EXCERPT].split("#")[0].rstrip())
    return text if len(text) <= MAX_EXCERPT else f"{text[: MAX_EXCERPT - 3].rstrip()}..."


def _listed(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def commented(groups: Sequence[tuple[Sequence[str], int, str]]) -> list[str]:
    """Statements with their comments, aligned beside them where there is room, else above.

    A group is some lines, which of them its comment belongs to, and the comment. A comment that says the same as the
    one before is left out.
    """
    shown: list[tuple[Sequence[str], int, str]] = []
    last = ""
    for lines, at, comment in groups:
        shown.append((lines, at, "" if comment == last else comment))
        last = comment or last
    widths = [len(lines[at]) for lines, at, comment in shown if comment]
    column = max(widths, default=0) + 2
    beside = column <= COLUMN and all(column + len(c) + 2 <= WIDTH for _, _, c in shown)
    out: list[str] = []
    for lines, at, comment in shown:
        made = list(lines)
        if comment and beside:
            made[at] = f"{made[at]:{column}}# {comment}"
        elif comment:
            out.append(f"# {comment}")
        out += made
    return out
