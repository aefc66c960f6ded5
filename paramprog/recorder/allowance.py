"""How much a recorder may run: of a program that may never end, the part that is affordable."""

from __future__ import annotations

from dataclasses import dataclass

from paramprog.diagnostics import Span, fail
from paramprog.graph import Node
from paramprog.types import elements

ENTRIES = 1_000
"""So many entries of an array count as one more operation."""


@dataclass
class Allowance:
    """Limits of the recording of a run, spent as it goes on."""

    operations: int
    """How many more operations, weighed by their size, and turns of loops may be recorded."""
    turns: int | None = None
    """After so many turns any loop is left, as if it ended there."""
    cut: bool = False
    """Whether a loop was left before its end."""

    def spend(self, count: int, span: Span | None) -> None:
        """Raises ProgramError beyond the limit."""
        self.operations -= count
        if self.operations < 0:
            raise fail("endless-loop", "more operations have been executed than were allowed", span)

    def another_turn(self, made: int, span: Span | None) -> bool:
        """Whether a loop that has made so many turns may make one more."""
        if self.turns is not None and made >= self.turns:
            self.cut = True
            return False
        self.spend(1, span)
        return True


def weight(node: Node) -> int:
    """What recording an operation spends; on a tape, by the size of what lies on top."""
    return 1 + elements(node.shape) // ENTRIES
