"""Which columns a text such as `pixel_*`, `a,b,c` or `pixel_0..pixel_63` means.

Parts are separated by commas, and each is, the first that fits:

- the name of a column, whatever characters it has;
- a range `first..last`, both included. If both ends are one word and a number (`pixel_0..pixel_63`), it means the
  columns with the numbers between, each of which must exist; else all columns from the first to the last as they stand
  in the file;
- `*` alone: every column that no other argument takes;
- a glob with `*`, `?` or `[...]`. Its columns stand as in the file, except that those that differ only in a number at
  the end stand by their number: x_2 before x_10.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from fnmatch import translate

from paramprog.data.table import Table
from paramprog.diagnostics import fail

REST = "*"
NUMBERED = re.compile(r"(.*?)([0-9]{1,18})", re.DOTALL)


def select(table: Table, argument: str, text: str, taken: Collection[str] = ()) -> list[str]:
    """The columns that `text` means, in order; `taken` are those that `*` leaves out.

    Raises ProgramError (data-column) when a part means no column, or a column is meant twice.
    """
    if text in table.columns:
        return [text]
    found: list[str] = []
    for part in parts(text):
        if part == REST:
            chosen = by_number([c for c in table.columns if c not in taken])
        else:
            chosen = _part(table, argument, part)
        if not chosen:
            message = f"no column of {table.called} fits `{part}`, to which `{argument}` is bound"
            raise fail("data-column", message, table.header(), table.choice())
        found += chosen
    twice = next((c for c in found if found.count(c) > 1), None) if len(set(found)) < len(found) else None
    if twice is not None:
        message = f"`{argument}` is bound to column `{twice}` twice, by `{text}`"
        raise fail("data-column", message, table.header())
    return found


def by_name(table: Table, argument: str, *, array: bool) -> list[str]:
    """What an argument takes without being told: the column of its name; an array also x_0, x_1, ... or x0, x1, ...

    The numbers begin at 0 or 1 and leave out none, else ProgramError (data-column). Empty if there are no such columns.
    """
    if argument in table.columns:
        return [argument]
    if not array:
        return []
    for stem in (f"{argument}_", argument):
        numbers = {c: n for c in table.columns if (n := _number(c, stem)) is not None}
        if not numbers:
            continue
        names = sorted(numbers, key=lambda c: numbers[c])
        first = numbers[names[0]]
        wrong = next(
            (n for k, n in enumerate(names) if numbers[n] != first + k), names[0] if first > 1 else None
        )
        if wrong is None:
            return names
        message = f"the columns for `{argument}` are not numbered from 0 or 1 without gaps: `{wrong}` is out of order"
        raise fail("data-column", message, table.header(), f"choose them by --bind {argument}='{stem}*'")
    return []


def by_number(names: Sequence[str]) -> list[str]:
    """The names in their order, but those that differ only in a number at the end exchange places by number."""
    groups: dict[str, list[tuple[int, str]]] = {}
    stems: list[str | None] = []
    for name in names:
        match = NUMBERED.fullmatch(name)
        stems.append(match[1] if match else None)
        if match:
            groups.setdefault(match[1], []).append((int(match[2]), name))
    ordered = {stem: iter(sorted(group)) for stem, group in groups.items()}
    return [name if stem is None else next(ordered[stem])[1] for name, stem in zip(names, stems, strict=True)]


def parts(text: str) -> list[str]:
    """What stands between the commas."""
    return [part.strip() for part in text.split(",")]


def _number(name: str, stem: str) -> int | None:
    """The number that follows the stem, if nothing else does."""
    match = NUMBERED.fullmatch(name)
    return int(match[2]) if match and match[1] == stem else None


def _part(table: Table, argument: str, part: str) -> list[str]:
    if part in table.columns:
        return [part]
    first, dots, last = part.partition("..")
    if dots and first and last:
        return _range(table, argument, first.strip(), last.strip())
    if any(c in part for c in "*?["):
        fits = re.compile(translate(part)).match
        return by_number([c for c in table.columns if fits(c)])
    raise table.missing(part, f", to which `{argument}` is bound")


def _range(table: Table, argument: str, first: str, last: str) -> list[str]:
    for end in (first, last):
        if end not in table.columns:
            raise table.missing(end, f", to which `{argument}` is bound")
    low, high = NUMBERED.fullmatch(first), NUMBERED.fullmatch(last)
    if not (low and high and low[1] == high[1]):
        start, stop = table.columns.index(first), table.columns.index(last)
        if start > stop:
            message = f"column `{first}` stands after `{last}`, so `{first}..{last}` is empty"
            raise fail("data-column", message, table.header(), f"write {last}..{first}")
        return list(table.columns[start : stop + 1])
    start, stop = int(low[2]), int(high[2])
    if start > stop:
        raise fail("data-column", f"`{first}..{last}` is empty", table.header(), f"write {last}..{first}")
    numbers = {c: n for c in table.columns if (n := _number(c, low[1])) is not None and start <= n <= stop}
    found = sorted(numbers, key=lambda c: numbers[c])
    absent = next((k for k, c in enumerate(found, start) if numbers[c] != k), None)
    if absent is not None:
        message = f"`{first}..{last}`, to which `{argument}` is bound, needs one column numbered {absent}"
        raise fail("data-column", message, table.header(), table.choice())
    return found
