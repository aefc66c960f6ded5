"""Statements, and what writes those of regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from paramprog.emit.arms import Arms
from paramprog.emit.code import MARK, Code
from paramprog.emit.language import Function, Language
from paramprog.emit.sites import Term
from paramprog.emit.terms import Terms
from paramprog.emit.written import Written
from paramprog.graph import Node

if TYPE_CHECKING:
    from paramprog.emit.block import Block


@dataclass(frozen=True)
class Statement:
    """Some code that gives a name to a term, or for a region (with no name) to its parts."""

    term: Term
    name: str
    codes: Sequence[Code]


class Regions(Protocol):
    """What writes regions."""

    def write(self, block: Block, region: Term) -> None:
        """Write the statements of a region, which give all its parts their names."""

    def collected(self, block: Block, part: Term) -> Written:
        """A part of a comprehension as an expression."""

    def start(self, block: Block, part: Term) -> Term | None:
        """What a loop starts with, for the last value of something that it carries."""

    def leaf(self, block: Block, term: Term) -> Written:
        """A leaf of the body of a loop or comprehension."""


@dataclass(eq=False)
class Writer:
    """What the blocks of one program share: the language, and the functions that arms became."""

    terms: Terms
    language: Language
    arms: Arms
    regions: Regions
    hints: Mapping[Node, str]
    """Names that nodes had where they come from, for those that need one."""
    functions: list[Function] = field(default_factory=list)
    marks: int = 0
    """How many names of the next turn there are."""
    orders: dict[Term, tuple[bool, ...]] = field(default_factory=dict)
    """For histories that lie on a tape, whether the last turn is on top; and on tapes that lie there in turn."""
    _made: dict[Term, tuple[str, list[Term]]] = field(default_factory=dict)

    def mark(self) -> str:
        """A name for what a carried value is in the next turn, for a while."""
        self.marks += 1
        return f"{MARK}{self.marks}"

    def word(self, term: Term) -> str:
        """A name for a term that needs one."""
        hint = self.hints.get(term.node, "t")
        return "t" if hint.startswith("arm") else hint
