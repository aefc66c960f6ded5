"""Branches: a region that runs one of two bodies, or, per lane, each body on the lanes where its side holds.

What is not selected does not exist: it is not evaluated, and its cotangent is a structural zero. How it runs is in
branch_run.py, its derivative in branch_derivative.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paramprog.graph import ArrayLanes, Graph, Node, Region, Result, demand, part
from paramprog.graph.region import Key, Keys, Live, make_region
from paramprog.op import Op, register
from paramprog.transfer.branch_derivative import BranchDerivative
from paramprog.transfer.branch_run import run_branch, run_branch_lanes
from paramprog.transfer.regions import Host
from paramprog.types import Shape, Type, join_shapes


class Branch(Region):
    """args = (condition, one value per port); `results` holds one tuple of body nodes for each of the two bodies.

    With a condition of shape s that is not scalar, the bodies speak of one lane and every port has shape [*s, ...]:
    each body runs on its lanes only. Then `shared` is the set of the ports that are the same for all lanes, and
    `summed` that of the numbers of results that are sums over the lanes: the cotangents of what is shared.

    A condition that holds in all lanes may have one body only: `mapped`, a comprehension.
    """

    def part_type(self, node: Node, key: Key) -> Type:
        if isinstance(key, Result):
            return node.results[key.number]
        assert isinstance(key, Node)
        lanes = node.args[0].shape
        return Type(key.kind, (*lanes, *key.shape))

    def live(self, node: Node, keys: Keys) -> list[Live]:
        """For each body, what `keys` need of it."""
        known: Any = node.graph.lives
        if (node, keys) not in known:
            known[node, keys] = self._live(node, keys)
        found: list[Live] = known[node, keys]
        return found

    @staticmethod
    def _live(node: Node, keys: Keys) -> list[Live]:
        found = []
        for body, results in zip(node.attrs["bodies"], node.attrs["results"], strict=True):
            roots: list[Any] = [results[k.number] if isinstance(k, Result) else k for k in keys]
            found.append(demand(body.nodes, [r for r in roots if r.graph is body]))
        return found

    def uses(self, node: Node, keys: Keys) -> list[Node]:
        live = self.live(node, keys)
        needed = {n for nodes in live for n in nodes}
        ports = zip(node.attrs["ports"], node.args[1:], strict=True)
        return [node.args[0], *(a for p, a in ports if p in needed)]

    def run(self, node: Node, args: Sequence[Any], keys: Keys) -> Mapping[Key, Any]:
        return run_branch(node, args, keys, self.live(node, keys))

    def run_lanes(
        self, node: Node, args: Sequence[Any], flags: Sequence[bool], keys: Keys, lanes: ArrayLanes
    ) -> Mapping[Key, Any]:
        return run_branch_lanes(node, args, flags, keys, lanes, self.live(node, keys))

    def copy(self, node: Node, args: Sequence[Node], graph: Graph) -> Node:
        """Of a branch of one lane on arrays, a branch per lane: where an argument has grown, all grow with it."""
        grown = [a.shape for a, old in zip(args, node.args, strict=True) if a.shape != old.shape]
        if grown and not node.args[0].shape:
            lanes = join_shapes(grown)
            args = [a if a.shape == lanes else graph.spread(a, lanes) for a in args]
        types = node.results
        if grown:
            types = tuple(Type(n.kind, (*args[0].shape, *n.shape)) for n in node.attrs["results"][0])
        return graph.append(self, tuple(args), node.attrs, types)

    def derivative(self, node: Node, analysis: Host, fact: Any) -> Any:
        """Backward: {key: fact} -> the facts of the arguments. Forward: facts of the arguments -> (key -> fact)."""
        made = BranchDerivative(node, analysis, _BRANCH)
        return made.pull(fact) if analysis.backward else made.push(fact)


_BRANCH = Branch(
    "branch",
    "one of two bodies by a condition, lane by lane if it is an array; the other is not evaluated",
    lambda *args: None,
    shape_rule=lambda *shapes: shapes[0],
)
BRANCH: Op = register(_BRANCH)


def branch(
    graph: Graph,
    condition: Node,
    bodies: tuple[Graph, Graph],
    results: tuple[tuple[Node, ...], tuple[Node, ...]],
) -> list[Node]:
    """The results of a branch between two bodies, given their result nodes.

    Result k of both bodies has the same type; with an array condition, that of one lane.
    """
    types = [Type(n.kind, (*condition.shape, *n.shape)) for n in results[0]]
    made = make_region(_BRANCH, graph, condition, bodies, types, results=results)
    return [part(made, Result(k)) for k in range(len(types))]


def mapped(graph: Graph, lanes: Shape, body: Graph, results: Sequence[Node]) -> list[Node]:
    """`[*lanes, *shape]` for each result of a body that speaks of one entry; the entries are computed all at once.

    The body was made with `lane_rank = len(lanes)` and `shared`: values enter as they are, and those of one entry (such
    as its indices) through ports of the kind "free", for arrays `[*lanes, ...]`.
    """
    ends = tuple(body.own(n) for n in results)
    types = [Type(n.kind, (*lanes, *n.shape)) for n in ends]
    everywhere = graph.constant(True, "bool", lanes)
    made = make_region(_BRANCH, graph, everywhere, (body,), types, results=(ends,))
    return [part(made, Result(k)) for k in range(len(types))]
