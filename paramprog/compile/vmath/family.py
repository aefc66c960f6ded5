"""The form in which a family of functions is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from paramprog.types import Real


@dataclass(frozen=True)
class Family:
    """C functions, separated by empty lines: those written once for both formats, and those of one of them.

    `$NAME` in `generic` is the constant of that name; constants of all families are known to all.
    """

    generic: str = ""
    float64: str = ""
    float32: str = ""
    constants: Mapping[Real, Mapping[str, str]] = field(default_factory=dict)
