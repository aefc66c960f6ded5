"""The kinds of values that settings have: what a value must be, and its canonical form.

A kind is called with a value of whatever type a configuration file, a flag or a caller gave, and returns the canonical
one: str, int, float or a dict of them. Raises ValueError saying what the value has to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isfinite
from numbers import Integral, Real
from typing import Any, TypeAlias

from paramprog.analyses.budget import parse_bytes
from paramprog.diagnostics import did_you_mean

Kind: TypeAlias = Callable[[Any], Any]

LARGEST = 10**18
"""Whole numbers are below it, as those of the command line are."""


def text(value: Any) -> str:
    """A text that can stand in a file: not empty, no NUL, all of it Unicode."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("it is a text")
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise ValueError("it is a text in UTF-8")
    return value


def choice(*names: str) -> Kind:
    """One of these texts."""

    def kind(value: Any) -> str:
        if isinstance(value, str) and value in names:
            return value
        hint = did_you_mean(value, names) if isinstance(value, str) else None
        raise ValueError(f"it is one of {', '.join(names)}" + (f"; {hint}" if hint else ""))

    return kind


def whole(low: int) -> Kind:
    """A whole number from `low` on."""

    def kind(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) < LARGEST:
            raise ValueError(f"it is a whole number from {low} on, below 10^18")
        return int(value)

    return kind


def number(low: float = 0.0, below: float = inf, *, above: bool = False) -> Kind:
    """A finite number from `low` on, or `above` it, and below `below`; a whole number counts."""
    range_ = (f"above {low:g}" if above else f"from {low:g} on") + (
        f", below {below:g}" if below < inf else ""
    )

    def kind(value: Any) -> float:
        if not isinstance(value, bool) and isinstance(value, Real):
            try:
                found = float(value)
            except OverflowError:
                found = inf
            if isfinite(found) and (found > low if above else found >= low) and found < below:
                return found
        raise ValueError(f"it is a finite number {range_}")

    return kind


def size_of_batch(value: Any) -> int | str:
    """A whole number of rows from 1 on, or "full"."""
    if isinstance(value, str) and value == "full":
        return "full"
    try:
        rows: int = whole(1)(value)
    except ValueError:
        raise ValueError('it is a whole number from 1 on, below 10^18, or "full"') from None
    return rows


def amount(value: Any) -> int:
    """An amount of memory, in bytes."""
    try:
        return parse_bytes(value)
    except ValueError:
        raise ValueError('it is an amount of memory, such as "64MB" or "1.5GiB"') from None


def by_name(kind: Kind, example: str, *, dotted: bool = False) -> Kind:
    """An object of names and values of one kind; `file.NAME` is a name if they may be dotted."""

    def table(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError(f"it is a table of names, such as {example}")
        found = {}
        for name, item in value.items():
            parts = name.split(".") if dotted and isinstance(name, str) else [name]
            if len(parts) > 2 or not all(isinstance(part, str) and part.isidentifier() for part in parts):
                raise ValueError(f"it is a table of names, such as {example}; {name!r} is not a name")
            try:
                found[name] = kind(item)
            except ValueError as error:
                raise ValueError(f"of its `{name}`: {error}") from None
        return found

    return table
