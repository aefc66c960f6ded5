"""Nodes of the trace that stand for many lanes at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from paramprog.graph import Node
from paramprog.transfer.linear import SPREAD

if TYPE_CHECKING:
    from paramprog.recorder.recorder import Recorder


class Recorded(NamedTuple):
    """A node of the trace, and whether its first axis is that of the lanes being recorded."""

    node: Node
    wide: bool


@dataclass
class Lanes:
    """So many lanes are recorded at once; `wide` are the nodes of the program that have an axis for them."""

    recorder: Recorder
    size: int
    wide: set[Node] = field(default_factory=set)

    def widen(self, x: Any) -> Any:
        return self.recorder.emit(SPREAD, x, axes=(0,), sizes=(self.size,))
