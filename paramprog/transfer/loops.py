"""Loops: a region whose body runs once for each turn. It stays rolled, and so do its derivatives.

How it runs is in loop_run.py, its derivative in loop_derivative.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from paramprog.graph import ArrayLanes, Graph, Node, Region, Result, demand
from paramprog.graph.region import TRIPS, Key, Keys, Live, make_region
from paramprog.op import Op, register
from paramprog.transfer.loop_derivative import LinearLoop
from paramprog.transfer.loop_replay import Replayed, replay_lanes
from paramprog.transfer.loop_run import run_loop, run_loop_lanes
from paramprog.transfer.regions import Host
from paramprog.transfer.source import FULL
from paramprog.types import Size, Type

ENDLESS = 2**62
"""The limit of a `while`."""


class Loop(Region):
    """args = (limit, one outer value per port). Turns happen while fewer than `limit` have and `test` holds.

    Attributes: `next`, pairs of a carry port and the body node that is its value in the next turn; `test`, a bool body
    node or None, computed from the carries before each turn; `reverse`, to count down, with rows of scans taken and
    histories kept from the last to the first; `trips`, the number of turns, or a `Size`.
    """

    def part_type(self, node: Node, key: Key) -> Type:
        if key is TRIPS:
            return Type("int", ())
        if isinstance(key, Result):
            return node.results[key.number]
        assert isinstance(key, Node)
        return Type(key.kind, (node.attrs["trips"], *key.shape))

    def live(self, node: Node, keys: Keys) -> Live:
        """What `keys` need of the body; a carry needs what it becomes."""
        known: Any = node.graph.lives
        if (node, keys) not in known:
            known[node, keys] = self._live(node, keys)
        found: Live = known[node, keys]
        return found

    @staticmethod
    def _live(node: Node, keys: Keys) -> Live:
        (body,) = node.attrs["bodies"]
        next, test = node.attrs["next"], node.attrs["test"]
        roots: set[Node] = {test} if test is not None else set()
        for k in keys:
            if isinstance(k, Result):
                roots.update(next[k.number])
            elif isinstance(k, Node):
                roots.add(k)
        becomes = dict(next)
        while True:
            live = demand(body.nodes, roots)
            more = {becomes[leaf] for leaf in live if leaf in becomes} - roots
            if not more:
                return live
            roots |= more

    def uses(self, node: Node, keys: Keys) -> list[Node]:
        live = self.live(node, keys)
        return [
            node.args[0],
            *(a for p, a in zip(node.attrs["ports"], node.args[1:], strict=True) if p in live),
        ]

    def run(self, node: Node, args: Sequence[Any], keys: Keys) -> Mapping[Key, Any]:
        return run_loop(node, args, keys, self.live(node, keys))

    def run_lanes(
        self, node: Node, args: Sequence[Any], flags: Sequence[bool], keys: Keys, lanes: ArrayLanes
    ) -> Mapping[Key, Any]:
        return run_loop_lanes(node, args, flags, keys, lanes, self.live(node, keys))

    def copy(self, node: Node, args: Sequence[Node], graph: Graph) -> Node:
        return graph.append(self, tuple(args), node.attrs, node.results)

    # ---- derivatives ---------------------------------------------------------------------------------------------

    def derivative(self, node: Node, analysis: Host, fact: Any) -> Any:
        """Backward: {key: fact} -> the facts of the arguments. Forward: facts of the arguments -> (key -> fact)."""
        return LinearLoop(node, analysis, fact, loop, replay).result()


class Replay(Loop):
    """The adjoint loop of a loop that keeps few states: `plain` with the rows of some ports computed again.

    args = those of the loop `plain`, then the ports of the loop `primal`. `replayed` maps ports of the body to the
    nodes of the primal body whose histories they are in `plain`; these histories are not used. `states` is how many
    states are kept. Its own derivative is that of `plain`, which does record.
    """

    def uses(self, node: Node, keys: Keys) -> list[Node]:
        ports, count = node.attrs["ports"], 1 + len(node.attrs["ports"])
        own = [a for p, a in zip(ports, node.args[1:count], strict=True) if p not in node.attrs["replayed"]]
        return [node.args[0], *own, *node.args[count:]]

    def run(self, node: Node, args: Sequence[Any], keys: Keys) -> Mapping[Key, Any]:
        return Replayed(node, args).run(keys)

    def run_lanes(
        self, node: Node, args: Sequence[Any], flags: Sequence[bool], keys: Keys, lanes: ArrayLanes
    ) -> Mapping[Key, Any]:
        return replay_lanes(node, args, flags, keys, lanes)

    def derivative(self, node: Node, analysis: Host, fact: Any) -> Any:
        plain: Node = node.attrs["plain"]
        count = len(plain.args)
        if analysis.backward:
            return [*_LOOP.derivative(plain, analysis, fact), *[None] * (len(node.args) - count)]
        return _LOOP.derivative(plain, analysis, fact[:count])


_LOOP = Loop(
    "loop",
    "its body once for each turn, with values carried from turn to turn",
    lambda *args: None,
    shape_rule=lambda *shapes: shapes[0],
)
LOOP: Op = register(_LOOP)


_REPLAY = Replay(
    "replay",
    "the adjoint of a loop that keeps few states and runs its turns again",
    lambda *args: None,
    shape_rule=lambda *shapes: shapes[0],
)
REPLAY: Op = register(_REPLAY)


def replay(
    plain: Node, primal: Node, entering: Sequence[Node], replayed: Mapping[Node, Node], states: int
) -> Node:
    """The region that computes the last values of `plain` without the histories of `primal`.

    `entering` are what the ports of `primal` get, as nodes of the graph of `plain`.
    """
    attrs = {**plain.attrs, "plain": plain, "primal": primal, "replayed": replayed, "states": states}
    return plain.graph.append(_REPLAY, (*plain.args, *entering), attrs, plain.results)


def loop(
    graph: Graph,
    limit: Node | None,
    body: Graph,
    next: Iterable[tuple[Node, Node]],
    test: Node | None = None,
    *,
    reverse: bool = False,
    trips: int | None = None,
    checkpoint: int | None = None,
) -> Node:
    """The region; `part(region, Result(k))` is the last value of the k-th carry of `next`.

    `next` pairs carry ports of `body` with nodes of it of the same type. Without a limit `test` alone ends the loop.
    With `checkpoint` its adjoint keeps at most so many states, and runs turns again instead.
    """
    pairs = tuple((leaf, body.own(node)) for leaf, node in next)
    if trips is None:
        static = test is None and limit is not None and limit.op is FULL
        trips = max(int(limit.attrs["value"]), 0) if static and limit is not None else Size()
    if limit is None:
        limit = graph.constant(ENDLESS, "int")
    types = [leaf.type for leaf, _ in pairs]
    attrs: dict[str, Any] = {"next": pairs, "test": test, "reverse": reverse, "trips": trips}
    if checkpoint is not None:
        attrs["checkpoint"] = checkpoint
    return make_region(_LOOP, graph, limit, (body,), types, **attrs)
