"""Sums over lanes, taken after values are put in their places instead of before.

    sum over l of scatter_add(i_l, v_l)  =  scatter_add(i, v)           all lanes at once
    sum over l of a_l (x) b_l            =  one contraction, over l too
    sum over l of A v_l                  =  A (sum over l of v_l)       A the same in all lanes

What a body reads of an array that all lanes share has a cotangent of the size of the array in each lane. Summed as on
the left, it takes memory for lanes x size; as on the right, for the larger of both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from string import ascii_letters

import numpy as np

from paramprog.graph import Graph, Node, Region
from paramprog.op import Op
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.gather import SCATTER_ADD, moved
from paramprog.transfer.linear import COPY, NEG, SPREAD, SUM
from paramprog.transfer.pair import ADD
from paramprog.transfer.rearrange import RESHAPE, TRANSPOSE
from paramprog.transfer.select import EMBED, SLICE, Cut
from paramprog.transfer.source import ARRAY

UNARY = (COPY, NEG, SPREAD, SUM, RESHAPE, TRANSPOSE, EMBED, SLICE)
"""Linear in their one argument, the same in all lanes."""

GROWING = (EMBED, SPREAD)

Outwards = Callable[[Node], Node]


@dataclass(frozen=True)
class Piece:
    """A node of the body: in each lane, or summed over the lanes."""

    node: Node
    summed: bool


@dataclass
class Term:
    """One summand: what is made of its pieces outside, then the maps around it, the innermost first."""

    pieces: tuple[Piece, ...]
    made: Callable[..., Node]
    maps: tuple[Outwards, ...] = ()


@dataclass
class LaneSum:
    """The sum over the lanes of a node of `body`, of which some maps can be applied outside, in `graph`."""

    body: Graph
    graph: Graph
    terms: list[Term] = field(default_factory=list)
    grown: bool = False
    """Whether something is applied outside that makes arrays larger: then memory is won."""

    @classmethod
    def of(cls, node: Node, graph: Graph) -> LaneSum | None:
        """None where nothing would be won."""
        found = cls(node.graph, graph)
        found._split(node, found._invariant())
        return found if found.grown else None

    @property
    def pieces(self) -> list[Piece]:
        return [p for term in self.terms for p in term.pieces]

    def total(self, values: Sequence[Node]) -> Node:
        """The sum, given the values of the pieces outside."""
        given = iter(values)
        total: Node | None = None
        for term in self.terms:
            node = term.made(*(next(given) for _ in term.pieces))
            for outwards in term.maps:
                node = outwards(node)
            total = node if total is None else self.graph.emit(ADD, total, node)
        assert total is not None
        return total

    def _split(self, root: Node, invariant: set[Node]) -> None:
        pending: list[tuple[Node, tuple[Outwards, ...]]] = [(root, ())]
        while pending:
            n, maps = pending.pop()
            if n.op is ADD:
                pending += [(a, maps) for a in reversed(n.args)]  # in the order in which they stand
            elif n.op in UNARY and n not in invariant:
                self.grown |= n.op in GROWING
                pending.append((n.args[0], (self._map(n.op, n), *maps)))
            elif n.op is SCATTER_ADD and n.args[0] not in invariant:
                self.grown = True
                self.terms.append(self._scattered(n, maps))
            elif n.op is CONTRACT and invariant.isdisjoint(n.args) and self._letters(n):
                self.grown = True
                self.terms.append(self._contracted(n, maps))
            else:
                self.terms.append(Term((Piece(n, True),), lambda summed: summed, maps))

    def _map(self, op: Op, n: Node) -> Outwards:
        return lambda x: self.graph.emit(op, x, **n.attrs)

    def _scattered(self, n: Node, maps: tuple[Outwards, ...]) -> Term:
        i, v = n.args
        rank, axis, size = self.body.lane_rank, n.attrs["axis"], n.attrs["size"]
        counted = self._counted(i)

        def added(places: Node, values: Node) -> Node:
            return self.graph.emit(SCATTER_ADD, places, moved(values, 0, axis, rank), axis=axis, size=size)

        def placed(_: Node, values: Node) -> Node:
            assert counted is not None
            lane, start = counted
            others = tuple(a for a in range(rank) if a != lane)
            if others:
                sizes = tuple(values.shape[a] for a in others)
                values = self.graph.emit(SUM, values, axes=others, sizes=sizes)
            values = moved(values, 0, axis)
            count = values.shape[axis]
            if count == size:
                return values
            return self.graph.emit(EMBED, values, cuts=(Cut(axis, start, count, 1, size),))

        return Term((Piece(i, False), Piece(v, False)), placed if counted else added, maps)

    def _counted(self, i: Node) -> tuple[int, int] | None:
        """The axis of lanes along which an index counts up, being the same along the others, and its first number."""
        port = self.body.ports.get(i)
        if i.shape or port is None or port.kind != "free" or port.outer is None:
            return None
        outer, axes = port.outer, list(range(self.body.lane_rank))
        while outer.op is SPREAD:
            axes = [a for k, a in enumerate(axes) if k not in outer.attrs["axes"]]
            (outer,) = outer.args
        if outer.op is not ARRAY or len(axes) != 1:
            return None
        numbers = outer.attrs["value"].array
        return (axes[0], int(numbers[0])) if numbers.size and np.all(np.diff(numbers) == 1) else None

    def _letters(self, n: Node) -> str:
        """Letters for the lanes; none if there are not so many."""
        free = [c for c in ascii_letters if c not in n.attrs["spec"]]
        rank = self.body.lane_rank
        return "".join(free[:rank]) if len(free) >= rank else ""

    def _contracted(self, n: Node, maps: tuple[Outwards, ...]) -> Term:
        lanes = self._letters(n)
        words, result = n.attrs["spec"].split("->")
        spec = f"{','.join(lanes + word for word in words.split(','))}->{result}"
        a, b = n.args

        def made(x: Node, y: Node) -> Node:
            return self.graph.emit(CONTRACT, x, y, spec=spec, sizes=n.attrs["sizes"])

        return Term((Piece(a, False), Piece(b, False)), made, maps)

    def _invariant(self) -> set[Node]:
        """The nodes of the body that are the same in all lanes."""
        found: set[Node] = set()
        for n in self.body.nodes:
            port = self.body.ports.get(n)
            same = all(a in found for a in n.args) and not isinstance(n.op, Region)
            if port.kind == "shared" if port is not None else same:
                found.add(n)
        return found
