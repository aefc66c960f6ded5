"""Where text is, what is wrong with it, and the one renderer that shows both.

A `Diagnostic` is rendered as `file:line:col: error[code]: message`, the source line, a caret under the exact
text, and a hint where one could be guessed. Everything that came from a program passes `printable` on its way
to a terminal, so a program cannot send control sequences to it.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, partial
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]

MAX_DIAGNOSTICS = 100
"""At most this many diagnostics are kept for one program (DESIGN section 7)."""

EXCERPT_WIDTH = 120
"""A longer source line is shown around its caret only."""


@dataclass(frozen=True, eq=False)
class Source:
    """A named text. `line_starts` makes offset -> line a binary search, so spans can stay two integers."""

    name: str
    text: str

    @cached_property
    def line_starts(self) -> list[int]:
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """The 1-based (line, column) of an offset; columns count code points."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of the 1-based line, without its end."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


class Span(NamedTuple):
    """The half-open range [start, end) of offsets in a source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of the other."""
        return Span(self.source, self.start, other.end)

    def __repr__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


new_span = partial(tuple.__new__, Span)
"""A span from its three fields as a tuple: half of the time of `Span(...)`, and a tree has many."""


@dataclass(frozen=True)
class Diagnostic:
    """One finding: `code` has an entry in docs/errors.md, `span` is the exact text it is about."""

    code: str
    message: str
    span: Span | None = None
    hint: str | None = None
    severity: Severity = "error"


class ProgramError(Exception):
    """The program, its data or its arguments are at fault; carries every diagnostic found."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        """All of them, rendered: only here, since most errors are collected and shown once."""
        return "\n".join(render(d) for d in self.diagnostics)


def fail(code: str, message: str, span: Span | None = None, hint: str | None = None) -> ProgramError:
    """The exception for a single error; `raise fail(...)` where analysis cannot go on."""
    return ProgramError([Diagnostic(code, message, span, hint)])


class TooManyDiagnostics(ProgramError):
    """Raised by `Report.add` when the limit of diagnostics is reached; analysis stops there."""


@dataclass
class Report:
    """Collects diagnostics, so that one run shows several independent errors.

    `with report.isolating():` turns a ProgramError of one statement into entries and goes on after it.
    """

    diagnostics: list[Diagnostic] = field(default_factory=list)
    _seen: set[tuple[str, str, Span | None]] = field(default_factory=set)

    def add(self, diagnostic: Diagnostic) -> None:
        """Record it once: a function checked for several calls repeats its findings."""
        key = (diagnostic.code, diagnostic.message, diagnostic.span)
        if key in self._seen:
            return
        if len(self.diagnostics) >= MAX_DIAGNOSTICS:
            raise TooManyDiagnostics(self.diagnostics)
        self._seen.add(key)
        self.diagnostics.append(diagnostic)

    def forget(self, count: int) -> None:
        """Take back all but the first `count` diagnostics, as if they had not been found."""
        for d in self.diagnostics[count:]:
            self._seen.discard((d.code, d.message, d.span))
        del self.diagnostics[count:]

    @contextmanager
    def isolating(self) -> Iterator[None]:
        try:
            yield
        except TooManyDiagnostics:
            raise
        except ProgramError as error:
            for diagnostic in error.diagnostics:
                self.add(diagnostic)

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self.diagnostics if d.severity == "error"]

    def raise_if_errors(self) -> None:
        if self.errors:
            raise ProgramError(in_source_order(self.diagnostics))


def in_source_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sorted by position within each file; findings without a position come last."""
    files: dict[Source, int] = {}
    found = list(diagnostics)
    for d in found:
        if d.span is not None:
            files.setdefault(d.span.source, len(files))
    return sorted(found, key=lambda d: (files[d.span.source], d.span.start) if d.span else (len(files), 0))


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint naming the closest known name, if one is close; swapped letters are the closest of all."""
    names = list(dict.fromkeys(known))
    swapped = [k for k in names if k != name and sorted(k) == sorted(name)]
    close = swapped or get_close_matches(name, names, n=1, cutoff=0.7)
    return f"did you mean `{close[0]}`?" if close else None


def printable(text: str) -> str:
    """`text` with control, format and surrogate characters shown as escapes; a tab becomes a space."""
    return "".join(_safe(c) for c in text)


def _safe(c: str) -> str:
    if c == "\t":
        return " "
    if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return c.encode("unicode_escape", "surrogatepass").decode()
    return c


def render(diagnostic: Diagnostic, *, colour: bool = False) -> str:
    """The diagnostic as text for a terminal or a log, ending without a newline."""
    paint = _painter(colour)
    tone = "red" if diagnostic.severity == "error" else "yellow"
    label = paint(f"{diagnostic.severity}[{diagnostic.code}]", tone)
    message = f"{label}: {printable(diagnostic.message)}"
    lines = [message]
    if diagnostic.span is not None:
        span = diagnostic.span
        line, column = span.source.position(span.start)
        lines = [f"{printable(span.source.name)}:{line}:{column}: {message}"]
        lines += _excerpt(span, line, column, lambda text: paint(text, tone))
    if diagnostic.hint:
        lines.append(f"  {paint('hint', 'cyan')}: {printable(diagnostic.hint)}")
    return "\n".join(lines)


def _excerpt(span: Span, line: int, column: int, paint: Callable[[str], str]) -> list[str]:
    text = span.source.line(line)
    start = min(column - 1, len(text))
    end = max(start, min(start + span.end - span.start, len(text)))
    first = (
        max(0, min(start - EXCERPT_WIDTH // 3, len(text) - EXCERPT_WIDTH)) if len(text) > EXCERPT_WIDTH else 0
    )
    last = min(len(text), first + EXCERPT_WIDTH)
    before, marked = printable(text[first:start]), printable(text[start : min(end, last)])
    dots, tail = ("..." if first else ""), ("..." if last < len(text) else "")
    number = str(line)
    caret = "^" * max(1, _width(marked))
    return [
        f"  {number} | {dots}{printable(text[first:last])}{tail}",
        f"  {' ' * len(number)} | {' ' * (len(dots) + _width(before))}{paint(caret)}",
    ]


def _width(text: str) -> int:
    """Terminal columns: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


_ANSI = {"red": "\x1b[1;31m", "yellow": "\x1b[1;33m", "cyan": "\x1b[1;36m"}


def _painter(colour: bool) -> Callable[[str, str], str]:
    return (lambda text, tone: f"{_ANSI[tone]}{text}\x1b[0m") if colour else (lambda text, tone: text)
