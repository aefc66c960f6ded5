"""Where a node stands that is written: in the graph itself, on one side of a branch, or in a body that is repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from paramprog.graph import PART, Node, Result
from paramprog.graph.region import Keys
from paramprog.transfer.source import ARRAY
from paramprog.types import Shape


@dataclass(eq=False)
class Side:
    """What is computed here must stay here: the side `which` of a condition, or a turn or an entry (no condition).

    `around` is the side that the region itself is on, None for no side.
    """

    around: Side | None
    condition: Term | None = None
    which: int = 0

    def holding(self, condition: Term, which: int) -> Side | None:
        """This side, or the one around it, where `condition` is known to have this outcome."""
        side: Side | None = self
        while side is not None and (side.condition, side.which) != (condition, which):
            side = side.around
        return side

    def repeated(self) -> bool:
        """Whether it is inside a loop or a comprehension."""
        side: Side | None = self
        while side is not None and side.condition is not None:
            side = side.around
        return side is not None


class Row(NamedTuple):
    """What a leaf stands for in a turn or an entry: what `array` holds at the indices of these axes of the region.

    The first index counts from `lower` on.
    """

    array: Term
    axes: tuple[int, ...]
    lower: int = 0


class Index(NamedTuple):
    """A leaf that is the index of an axis of the region, plus a number."""

    axis: int
    lower: int


@dataclass(eq=False)
class Site:
    """A graph (or a body) being written."""

    side: Side | None = None
    leaves: dict[Node, Term] = field(default_factory=dict)
    """The terms outside that leaves stand for."""
    rows: dict[Node, Row] = field(default_factory=dict)
    indices: dict[Node, Index] = field(default_factory=dict)
    numbers: dict[Node, Node] = field(default_factory=dict)
    """Constants that hold the same number in every row of a leaf."""
    names: Sequence[str] = ()
    """What the indices of the region are called, while it is written."""
    origins: dict[Node, Term] = field(default_factory=dict)
    """For leaves that are rows of a history, what the history is of, in a site that is written again here."""
    again: bool = False
    """Whether the site is the body of one region written inside another one."""
    lanes: Shape = ()
    """The shape of the condition, if the body speaks of one lane."""
    live: Mapping[Node, Keys] = field(default_factory=dict)
    """What is needed of the graph, and which keys of its regions."""
    sites: dict[Any, Site] = field(default_factory=dict)
    """The sites of the bodies of regions here, made once."""


class Term(NamedTuple):
    """A node, and where it stands."""

    site: Site
    node: Node


def index_of(node: Node, axes: Sequence[int]) -> Index | None:
    """The index that an array over these axes holds: 2, 3, 4, ... along one of them."""
    if node.op is not ARRAY or node.kind != "int" or len(node.shape) != len(axes):
        return None
    value = node.attrs["value"].array
    if not value.size:
        return None
    lower = int(value.flat[0])
    for k, n in enumerate(node.shape):
        wanted = lower + np.arange(n).reshape([-1 if k == a else 1 for a in range(len(axes))])
        if np.array_equal(value, np.broadcast_to(wanted, value.shape)):
            return Index(axes[k], lower)
    return None


def order(node: Node) -> tuple[int, ...]:
    """Where a node stands in its graph; parts of a region stand where what they take out does."""
    found: tuple[int, ...] = ()
    key: Any = node
    while isinstance(key, Node) and key.op is PART:
        region, key = key.args[0], key.attrs["of"]
        body = region.attrs["bodies"].index(key.graph) if isinstance(key, Node) else -1
        found += (region.id, body)
    return (*found, key.id if isinstance(key, Node) else key.number if isinstance(key, Result) else -1)
