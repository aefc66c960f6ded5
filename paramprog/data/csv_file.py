"""CSV files after RFC 4180: commas, quotes, lines that end in LF or CRLF; UTF-8, with or without a byte order mark.

The first line names the columns. A column without a name (as row numbers are often written) cannot be asked for. Empty
lines at the end of the file are not rows; anywhere else they are faults. Cells are found without a loop: commas and
line feeds separate wherever an even number of quotes stands before them. What each cell says is left to `cells`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.data.cells import BLANKS, NUMBER, convert, fault
from paramprog.data.content import MAX_ENTRIES, too_many_entries
from paramprog.data.table import NOTHING_DROPPED, Kind, Row, Table, further
from paramprog.diagnostics import Diagnostic, ProgramError, Span, fail

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
COMMA, QUOTE, LF, CR = b',"\n\r'

OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read_csv(path: Path, raw: bytes, digest: str) -> CsvTable:
    """The table in the bytes of a file. Raises ProgramError as `read_table` says."""
    text = Text(path, raw.removeprefix(BYTE_ORDER_MARK).rstrip(b"\r\n"))
    _check_characters(text, raw)
    if not text.raw.strip():
        raise fail("data-empty", f"`{path}` is empty", None, "a header line and rows of numbers belong in it")
    quotes = np.flatnonzero(text.bytes == QUOTE)
    _check_quotes(text, quotes)
    ends = _table_of(text, _separators(text, quotes))
    names = _header(text, ends[0])
    if len(ends) == 1:
        hint = (
            "a file with ends of lines as on old Macs is one line; save it with LF"
            if CR in text.raw
            else None
        )
        raise fail("data-empty", "the file has a header and no row", text.span(0, int(ends[0, -1])), hint)
    positions = {name: k for k, name in enumerate(names) if name}
    return CsvTable(path, digest, len(ends) - 1, tuple(positions), text, ends, positions)


@dataclass(frozen=True, eq=False)
class Text:
    """The bytes of the file without a byte order mark and without empty lines at its end."""

    path: Path
    raw: bytes

    @property
    def bytes(self) -> NDArray[np.uint8]:
        return np.frombuffer(self.raw, np.uint8)

    def span(self, start: int, end: int) -> Span:
        """The bytes start:end as a place in the line in which they begin."""
        first = self.raw.rfind(b"\n", 0, start) + 1
        last = self.raw.find(b"\n", start)
        line = self.raw[first : last if last >= 0 else len(self.raw)]
        source = Row(str(self.path), _decoded(line).rstrip("\r"), self.raw.count(b"\n", 0, first) + 1)
        return Span(source, len(_decoded(line[: start - first])), len(_decoded(line[: end - first])))

    def content(self, start: int, end: int) -> str:
        """What a cell says, without its quotes."""
        cell = self.raw[start:end]
        if cell.startswith(b'"'):
            cell = cell[1:-1].replace(b'""', b'"')
        return cell.decode()


@dataclass(frozen=True, eq=False)
class CsvTable(Table):
    """`ends` [1 + rows, columns] is where each cell ends, the header first; the next one starts one byte later."""

    text: Text
    ends: NDArray[np.int64]
    positions: dict[str, int]

    def numbers(self, column: str, kind: Kind = "real") -> NDArray[Any]:
        starts, ends = self._cells(column)
        data = self.text.bytes
        quoted = (ends > starts) & (data[np.minimum(starts, len(data) - 1)] == QUOTE)
        values = convert(self.text.raw, starts + quoted, ends - quoted, kind)
        if values is None:
            raise self._fault(column, kind)
        return values

    def line(self, row: int) -> int:
        return self.text.raw.count(b"\n", 0, int(self.ends[row, -1]) + 1) + 1

    def place(self, row: int, column: str) -> Span:
        starts, ends = self._cells(column, slice(row, row + 1))
        return self.text.span(int(starts[0]), int(ends[0]))

    def header(self) -> Span:
        return self.text.span(0, 0)

    def unusual(self) -> str | None:
        return _other_separator(self.columns)

    def _cells(self, column: str, rows: slice = slice(None)) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the cells of a column start and end, in these rows."""
        if column not in self.positions:
            raise self.missing(column)
        k, width = self.positions[column], self.ends.shape[1]
        flat = self.ends.ravel()
        starts = flat[width + k - 1 : -1 : width][rows] + 1
        ends = flat[width + k :: width][rows]
        if k == width - 1:
            ends = ends - (self.text.bytes[ends - 1] == CR)
        return starts, ends

    def _fault(self, column: str, kind: Kind) -> ProgramError:
        """The error for a column that has bad cells."""
        starts, ends = self._cells(column)
        first: Diagnostic | None = None
        row, count = 0, 0
        for k, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            found = fault(self.text.content(start, end), kind, column)
            if found is not None:
                count += 1
                if first is None:
                    first, row = found, k
        assert first is not None, "a column that cannot be converted has a bad cell"
        message = first.message + further(count - 1)
        hint = self.unusual() or first.hint
        return ProgramError([replace(first, message=message, span=self.place(row, column), hint=hint)])


def _decoded(line: bytes) -> str:
    return line.decode(errors="replace")


def _check_characters(text: Text, raw: bytes) -> None:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = f"`{text.path}` is not encoded in UTF-8 but in UTF-16"
        raise fail("data-read", message, None, "save it as CSV UTF-8")
    try:
        text.raw.decode()
    except UnicodeDecodeError as error:
        message = f"the file is not encoded in UTF-8: there is a byte {text.raw[error.start]:#04x}"
        raise fail(
            "data-read", message, text.span(error.start, error.start + 1), "save it as UTF-8"
        ) from None
    at = text.raw.find(b"\0")
    if at >= 0:
        raise fail("data-read", "the file is not a text: there is a byte 0", text.span(at, at + 1))


def _check_quotes(text: Text, quotes: NDArray[np.int64]) -> None:
    """Quotes stand around a whole cell; inside, each is written twice."""
    if len(quotes) == 0:
        return
    edge = np.array([LF], np.uint8)
    around = np.concatenate([edge, text.bytes, edge])
    opens, closes = quotes[0::2], quotes[1::2]
    before, after = around[opens], around[closes + 2]
    ends_line = (after == CR) & (around[np.minimum(closes + 3, len(around) - 1)] == LF)
    bad = [
        *opens[~np.isin(before, (COMMA, LF, QUOTE))][:1].tolist(),
        *closes[~(np.isin(after, (COMMA, LF, QUOTE)) | ends_line)][:1].tolist(),
    ]
    hint = "quotes stand around a whole cell, and a quote inside of it is written twice"
    if bad:
        at = min(bad)
        inside = at in opens
        message = "this quote is in the middle of a cell" if inside else "the cell goes on after this quote"
        raise fail("data-quote", message, text.span(at, at + 1), hint)
    if len(quotes) % 2:
        at = int(quotes[-1])
        raise fail("data-quote", "this quote is never closed", text.span(at, at + 1), hint)


def _separators(text: Text, quotes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where cells end, the end of the text included."""
    data = text.bytes
    separates = (data == COMMA) | (data == LF)
    if len(quotes):
        separates &= np.bitwise_xor.accumulate((data == QUOTE).view(np.uint8)) == 0
    if np.count_nonzero(separates) >= MAX_ENTRIES:
        raise too_many_entries(text.path)
    return np.append(np.flatnonzero(separates), len(data))


def _table_of(text: Text, ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ends of cells as [lines, columns]. Raises ProgramError at the first row that is longer or shorter."""
    lasts = np.append(np.flatnonzero(text.bytes[ends[:-1]] == LF), len(ends) - 1)
    lengths = np.diff(lasts, prepend=-1)
    width = int(lengths[0])
    wrong = np.flatnonzero(lengths != width)
    if len(wrong) == 0:
        return ends.reshape(-1, width)
    row = int(wrong[0])
    count, last = int(lengths[row]), int(lasts[row])
    first = last - count + 1
    start = int(ends[first - 1]) + 1
    end = int(ends[last])
    if not text.raw[start:end].strip():
        message, span = "this line is empty", text.span(start, end)
        hint = "only lines at the end of the file may be empty"
    else:
        cells = f"{count} {'cell' if count == 1 else 'cells'}"
        message = (
            f"this row has {cells}, and the header names {width} {'column' if width == 1 else 'columns'}"
        )
        at = int(ends[first + width - 1]) + 1 if count > width else end
        span = text.span(at, end)
        hint = "a comma inside a cell needs quotes around the cell" if count > width else NOTHING_DROPPED
    if width == 1:
        hint = _other_separator((text.raw[: int(ends[lasts[0]])].decode(),)) or hint
    others = len(wrong) - 1
    if others:
        message += f" ({others} more {'row differs' if others == 1 else 'rows differ'} too)"
    raise fail("data-ragged", message, span, hint)


def _header(text: Text, ends: NDArray[np.int64]) -> list[str]:
    """The names of the columns, empty for those without one. Raises ProgramError when one stands twice or all lack."""
    names: list[str] = []
    seen: dict[str, int] = {}
    start = 0
    for k, end in enumerate(ends.tolist()):
        stop = end - (k == len(ends) - 1 and text.raw[end - 1 : end] == b"\r")
        name = text.content(start, stop).strip(BLANKS)
        if name and seen.setdefault(name, k) != k:
            message = f"the header names `{name}` twice, as columns {seen[name] + 1} and {k + 1}"
            raise fail("data-column", message, text.span(start, stop), "give one of them another name")
        names.append(name)
        start = end + 1
    if all(NUMBER.fullmatch(name) for name in names if name):
        message = "the file has no header: its first line names no columns"
        hint = "the first line gives each column a name, as in x_0,x_1,label"
        raise fail("data-empty", message, text.span(0, int(ends[-1])), hint)
    return names


def _other_separator(names: tuple[str, ...]) -> str | None:
    """What to say of a file whose only column looks like several."""
    for separator, what in OTHER_SEPARATORS.items():
        if len(names) == 1 and separator in names[0]:
            return f"the cells of the file seem to be separated by {what}; separate them by commas"
    return None
