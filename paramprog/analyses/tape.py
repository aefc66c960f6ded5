"""What the pulls of loops keep: histories of the values they read, or a few states between which turns are run again.

bytes(graph) = the histories that live parts take out, all at once, and the most that a single region holds as it runs.
A history of a loop has a row for each turn; a loop that replays holds its states and what a pull of one turn reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from paramprog.evaluate import evaluate
from paramprog.graph import PART, Graph, Node, Region, demand, part
from paramprog.graph.region import TRIPS, Keys, Live
from paramprog.transfer.branches import Branch
from paramprog.transfer.loop_replay import live_in_replay
from paramprog.transfer.loops import REPLAY, Loop
from paramprog.transfer.source import dtype_of
from paramprog.types import Size

Turns = Mapping[Any, int]
"""The numbers of turns that only a run tells, by the `Size` that stands for them."""


class Tape:
    """The bytes that an evaluation of some nodes holds for pulls, and how much of it each loop accounts for."""

    def __init__(self, outputs: Sequence[Node], turns: Turns, states: Mapping[Node, int]) -> None:
        """`states` takes the place of the numbers of states that replaying loops were made with."""
        self.turns, self.states = turns, states
        self.by_loop: dict[Node, int] = {}
        """What would not be held if the loop kept few states; a loop inside another one counts for both."""
        self.replays: dict[Node, Node] = {}
        """The loops that run turns again, and the regions that do it."""
        self.bytes = self._live(demand(outputs[0].graph.nodes, outputs), 1)

    def turns_of(self, loop: Node) -> int:
        trips = loop.attrs["trips"]
        return self.turns.get(trips, 0) if isinstance(trips, Size) else int(trips)

    def _size(self, node: Node) -> int:
        sizes = (self.turns.get(n, 0) if isinstance(n, Size) else int(n) for n in node.shape)
        return prod(sizes) * np.dtype(dtype_of(node.type, node.graph.real)).itemsize

    def _live(self, live: Live, lanes: int) -> int:
        held = 0
        for n in live:
            if n.op is PART and isinstance(n.attrs["of"], Node):
                size = self._size(n) * lanes
                held += size
                for loop in _loops_of(n):
                    self.by_loop[loop] = self.by_loop.get(loop, 0) + size
        inner = (self._region(n, keys, lanes) for n, keys in live.items() if isinstance(n.op, Region))
        return held + max(inner, default=0)

    def _region(self, node: Node, keys: Keys, lanes: int) -> int:
        if node.op is REPLAY:
            return self._replay(node, keys, lanes)
        if isinstance(node.op, Loop):
            return self._live(node.op.live(node, keys), lanes)
        assert isinstance(node.op, Branch)
        lanes *= prod(int(n) for n in node.args[0].shape)
        return max(self._live(side, lanes) for side in node.op.live(node, keys))

    def _replay(self, node: Node, keys: Keys, lanes: int) -> int:
        primal: Node = node.attrs["primal"]
        self.replays[primal] = node
        _, turn, adjoint = live_in_replay(node, keys)
        state = sum(self._size(c) for c, _ in primal.attrs["next"])
        states = min(self.states.get(primal, node.attrs["states"]), self.turns_of(primal))
        read = {m for leaf, m in node.attrs["replayed"].items() if leaf in adjoint and m.op is not PART}
        row = sum(self._size(m) for m in read)
        return lanes * ((1 + states) * state + row) + self._live(turn, lanes) + self._live(adjoint, lanes)


def _loops_of(history: Node) -> Iterator[Node]:
    """The loops whose turns the rows of a history are, the outermost first."""
    while history.op is PART:
        region, key = history.args[0], history.attrs["of"]
        if isinstance(region.op, Loop):
            yield region
        if not isinstance(key, Node):
            return
        history = key


def loops(graph: Graph, roots: Sequence[Node]) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """The loops among what `roots` are made of, in bodies too, each with the regions around it."""
    waiting: list[tuple[Live, tuple[Node, ...]]] = [(demand(graph.nodes, roots), ())]
    while waiting:
        live, around = waiting.pop()
        for n, keys in live.items():
            if isinstance(n.op, Loop):
                yield n, around
                waiting.append((n.op.live(n, keys), (*around, n)))
            elif isinstance(n.op, Branch):
                waiting += [(side, (*around, n)) for side in n.op.live(n, keys)]


def turn_counts(output: Node, leaves: Mapping[Node, Any]) -> dict[Any, int]:
    """The most turns that each loop with no number of turns of its own makes, by a run that records nothing else.

    Raises ProgramError when an operation has no value.
    """
    counts: dict[Any, Node] = {}
    for loop, around in loops(output.graph, [output]):
        if isinstance(loop.attrs["trips"], Size):
            taken = part(loop, TRIPS)
            for region in reversed(around):
                taken = part(region, taken)
            counts[loop.attrs["trips"]] = taken
    found = evaluate(list(counts.values()), leaves)
    return {size: _most(value) for size, value in zip(counts, found, strict=True)}


def _most(value: Any) -> int:
    """Of the entries of a history, which has lists where its rows differ in shape."""
    waiting, most = [value], 0
    while waiting:
        x = waiting.pop()
        if isinstance(x, list):
            waiting += x
        else:
            most = max(most, int(np.max(x, initial=0)))
    return most
