"""A body that runs for every lane of a condition that holds everywhere, as operations on all lanes at once.

So what it computes is scheduled with everything else, instead of lane by lane. Axes of lanes are added one by one,
the last one first; a value that is only repeated along an axis does not get it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from paramprog.batch import Batching
from paramprog.batch_regions import NodeLanes, Wide
from paramprog.dataflow.solve import solve
from paramprog.graph import Graph, Node, Result, cone
from paramprog.graph.region import Key, Live
from paramprog.op import OPS
from paramprog.simplify import Simplified, simplify
from paramprog.transfer.linear import SPREAD
from paramprog.transfer.regions import is_summed
from paramprog.transfer.source import ARRAY, FULL
from paramprog.types import Size, Type


def holds_everywhere(condition: Node) -> bool:
    """Whether a condition with lanes is known to hold in all of them."""
    if not condition.shape or any(isinstance(n, Size) for n in condition.shape):
        return False
    while condition.op is SPREAD:
        (condition,) = condition.args
    if condition.op is ARRAY:
        return bool(np.all(condition.attrs["value"].array))
    return condition.op is FULL and bool(condition.attrs["value"])


class _Entering(NamedTuple):
    """What a port gets: the lanes that it really has, in `core`, a node outside."""

    core: Node
    axes: frozenset[int]


def _entering(outer: Node, rank: int, *, shared: bool) -> _Entering:
    """The outer value without the axes of lanes along which it is only repeated."""
    if shared:
        return _Entering(outer, frozenset())
    axes = list(range(rank))
    while outer.op is SPREAD and axes:
        repeated = outer.attrs["axes"]
        if any(a >= len(axes) for a in repeated):
            break
        axes = [a for k, a in enumerate(axes) if k not in repeated]
        (outer,) = outer.args
    if outer.op is ARRAY:
        outer, axes = _less_repeated(outer, axes)
    return _Entering(outer, frozenset(axes))


def _less_repeated(constant: Node, axes: Sequence[int]) -> tuple[Node, list[int]]:
    """A constant array, whose first axes are `axes`, without those along which it is repeated."""
    array, kept = constant.attrs["value"].array, list[int]()
    for a in axes:
        at = len(kept)
        first = array.take([0], at) if array.shape[at] else array
        if array.shape[at] > 1 and np.array_equal(np.broadcast_to(first, array.shape), array):
            array = first.squeeze(at)
        else:
            kept.append(a)
    if len(kept) == len(axes):
        return constant, kept
    graph = Graph(real=constant.graph.real)
    return (graph.array(array) if array.ndim else graph.constant(array.item(), constant.kind)), kept


class Mapped(NamedTuple):
    """What the keys of a region are, simplified; `leaves` says for nodes of it whose values they have, outside."""

    made: Simplified
    leaves: Mapping[Node, Node]


def over_all_lanes(node: Node, live: Live, keys: Sequence[Key]) -> Mapped:
    """Each key over all lanes, [*lanes, *shape], or its sum.

    Raises ProgramError where a primitive has no rule for lanes.
    """
    sizes = node.args[0].shape
    shared = node.attrs.get("shared", frozenset())
    entering = {
        p: _entering(a, len(sizes), shared=p in shared)
        for p, a in zip(node.attrs["ports"], node.args[1:], strict=True)
        if p in live
    }
    (results,) = node.attrs["results"]
    ends: list[Node] = []
    for key in keys:
        end = results[key.number] if isinstance(key, Result) else key
        assert isinstance(end, Node)  # the number of turns belongs to loops
        ends.append(end)
    summed = [is_summed(node, key) for key in keys]
    nodes = list(live)
    known: dict[Node, _Entering] = dict(entering)
    for axis in reversed(range(len(sizes))):
        graph = Graph(real=node.graph.real)
        given: dict[Node, Wide] = {}
        after: dict[Node, _Entering] = {}
        for leaf, e in known.items():
            new = _leaf(graph, leaf, e, axis, sizes)
            given[leaf] = Wide(new, axis in e.axes)
            after[new] = e
        step = _Axis(NodeLanes(graph, sizes[axis]), nodes, given)
        ends = [step.total(n) if add else step.all(n) for n, add in zip(ends, summed, strict=True)]
        nodes, known = cone(graph.nodes, ends), {n: e for n, e in after.items() if not _is_constant(n)}
    made = simplify(ends, inline_bases=True)
    return Mapped(made, {made.of[leaf]: e.core for leaf, e in known.items() if leaf in made.of})


def _is_constant(n: Node) -> bool:
    return n.op is FULL or n.op is ARRAY


def _leaf(graph: Graph, leaf: Node, e: _Entering, axis: int, sizes: Sequence[int]) -> Node:
    """The leaf with this axis too, if it has it; a constant that has all of its axes, so that rules can see it."""
    shape = (sizes[axis], *leaf.shape) if axis in e.axes else leaf.shape
    if _is_constant(e.core) and e.core.shape == shape:
        return graph.append(e.core.op, (), e.core.attrs, e.core.results)
    return graph.leaf(Type(leaf.kind, shape), leaf.name)


class _Axis:
    """One axis of lanes for all of `nodes`."""

    def __init__(self, lanes: NodeLanes, nodes: Sequence[Node], given: Mapping[Node, Wide]) -> None:
        self.lanes = lanes
        facts: Mapping[Node, Any] = solve(list(nodes), Batching(lanes, dict(given), stay=False))
        self.facts: Mapping[Node, Wide] = facts

    def all(self, n: Node) -> Node:
        """n in every lane."""
        return self.lanes.widened(self.facts[n])

    def total(self, n: Node) -> Node:
        """The sum of n over the lanes; of bools, whether any holds."""
        wide = self.all(n)
        found: Node = (
            OPS["any"](wide, axes=(0,))
            if n.kind == "bool"
            else OPS["sum"](wide, axes=(0,), sizes=(self.lanes.size,))
        )
        return found
