"""Regions: nodes with bodies. Which of their values anyone wants, and how to run a graph with them.

A region computes several results and has a history of every node in its bodies; `part(region, key)` is the node that
takes one of them out, and the only consumer of a region. Nothing is recorded that no live `part` demands: that backward
liveness is the tape.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from paramprog.diagnostics import fail
from paramprog.graph.graph import Graph, bodies
from paramprog.graph.node import Node
from paramprog.op import Op, register
from paramprog.types import Type


class Result(NamedTuple):
    """The key of a region's `number`-th result."""

    number: int


class Trips(NamedTuple):
    """The key of the number of turns that a loop made."""


TRIPS = Trips()

Key = Result | Trips | Node
"""What a `part` takes out: a result, the number of turns, or the history of a body node."""

Keys = frozenset[Key]
NO_KEYS: Keys = frozenset()
Live = dict[Node, Keys]
"""The nodes that are needed, in order; for a region, also which keys of it."""


class ValueFault(Exception):
    """An operation has no value at these arguments (an index out of range); `execute` adds the place."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Region(Op):
    """A primitive with bodies: args = (limit or condition, one outer value per port).

    Attributes of its nodes: `bodies`, and `ports`, the leaves of the bodies in the order of the
    arguments after the first.
    """

    def part_type(self, node: Node, key: Key) -> Type:
        """The type of what `part(node, key)` takes out."""
        raise TypeError(f"{self.name} does not say what its parts are")

    def uses(self, node: Node, keys: Keys) -> list[Node]:
        """The arguments that a demand for `keys` demands."""
        raise TypeError(f"{self.name} does not say what it uses")

    def run(self, node: Node, args: Sequence[Any], keys: Keys) -> Mapping[Key, Any]:
        """The values of `keys`, given the values of the arguments (None for those not in `uses`)."""
        raise TypeError(f"{self.name} does not run")

    def run_lanes(
        self, node: Node, args: Sequence[Any], flags: Sequence[bool], keys: Keys, lanes: Any
    ) -> Mapping[Key, Any]:
        """`run` for many lanes at once: arguments with a flag have an axis of lanes in front, the results all have."""
        raise TypeError(f"{self.name} does not run in lanes")

    def copy(self, node: Node, args: Sequence[Node], graph: Graph) -> Node:
        """The same region on other arguments; see `replay`."""
        raise TypeError(f"{self.name} cannot be copied")

    def derivative(self, node: Node, analysis: Any, fact: Any) -> Any:
        """The transfer function of the whole region, for `gradient.Derivative` (see transfer/branches.py)."""
        raise TypeError(f"{self.name} has no derivative")


def _take(results: Mapping[Key, Any], *, of: Key) -> Any:
    return results[of]


PART = register(
    Op(
        "part",
        "one result of a region, or the history of a node of its body",
        _take,
        shape_rule=lambda *shapes, of: shapes[0],
    )
)


def part(region: Node, key: Key) -> Node:
    """The node that takes `key` out of `region`; one per key."""
    assert isinstance(region.op, Region)
    known = region.graph.parts
    if (region, key) not in known:
        known[region, key] = region.graph.append(
            PART, (region,), {"of": key}, (region.op.part_type(region, key),)
        )
    return known[region, key]


def make_region(
    op: Region, graph: Graph, head: Node, bodies: Sequence[Graph], types: Sequence[Type], **attrs: Any
) -> Node:
    """A region node whose ports are all ports of its bodies, in order."""
    fed = [
        (leaf, port.outer) for body in bodies for leaf, port in body.ports.items() if port.outer is not None
    ]
    args = (graph.own(head), *(graph.own(outer) for _, outer in fed))
    attrs |= {"bodies": tuple(bodies), "ports": tuple(leaf for leaf, _ in fed)}
    shared = frozenset(leaf for leaf, _ in fed if leaf.graph.ports[leaf].kind == "shared")
    if shared:
        attrs["shared"] = shared
    return graph.append(op, args, attrs, tuple(types))


def replay(nodes: Iterable[Node], env: dict[Node, Node], graph: Graph) -> dict[Node, Node]:
    """Copy `nodes` into `graph`, in place in `env`, which holds what their leaves stand for.

    The copies may have more axes than the originals where all primitives are elementwise: a body that speaks of one
    lane becomes one that speaks of arrays, its branches become branches per lane. Copies share the bodies of regions.
    """
    for n in nodes:
        if n in env:
            continue
        args = [env[a] for a in n.args]
        with graph.at(n.span):
            if n.op is PART:
                env[n] = part(args[0], n.attrs["of"])
            elif isinstance(n.op, Region):
                env[n] = n.op.copy(n, args, graph)
            else:
                env[n] = graph.emit(n.op, *args, **n.attrs)
        if env[n].name is None:
            env[n].name = n.name
    return env


def copied(nodes: Iterable[Node], env: dict[Node, Node], graph: Graph) -> None:
    """Copy `nodes` into `graph` with the shapes they have, in place in `env`, which holds what leaves stand for."""
    for n in nodes:
        if n not in env:
            with graph.at(n.span):
                env[n] = copied_node(n, [env[a] for a in n.args], graph)
            env[n].name = env[n].name or n.name


def copied_node(n: Node, args: Sequence[Node], graph: Graph) -> Node:
    """The same operation on other arguments of the same shapes; copies share the bodies of regions."""
    return (
        part(args[0], n.attrs["of"]) if n.op is PART else graph.append(n.op, tuple(args), n.attrs, n.results)
    )


def in_order(region: Node, keys: Iterable[Key]) -> list[Key]:
    """Keys in an order that is the same in every process: results, the number of turns, histories as in the bodies."""

    def place(key: Key) -> tuple[int, int, int]:
        if isinstance(key, Result):
            return 0, key.number, 0
        return (2, bodies(region).index(key.graph), key.id) if isinstance(key, Node) else (1, 0, 0)

    return sorted(keys, key=place)


def demand(nodes: Iterable[Node], roots: Iterable[Node]) -> Live:
    """Backward liveness: what `roots` need of `nodes` (in topological order), in order."""
    needed = set(roots)
    keys: dict[Node, Keys] = {}  # of regions
    found: list[Node] = []
    for n in reversed(list(nodes)):
        if n not in needed:
            continue
        found.append(n)
        op = n.op
        if isinstance(op, Region):
            needed.update(op.uses(n, keys.get(n, NO_KEYS)))
        elif op is PART:
            region = n.args[0]
            needed.add(region)
            keys[region] = keys.get(region, NO_KEYS) | {n.attrs["of"]}
        else:
            needed.update(n.args)
    live = dict.fromkeys(reversed(found), NO_KEYS)
    live.update((region, wanted) for region, wanted in keys.items() if region in live)
    return live


def cone(nodes: Iterable[Node], roots: Iterable[Node]) -> list[Node]:
    """All that `roots` are made of among `nodes` (in topological order), in order.

    A copy needs them all; running needs only what `demand` finds.
    """
    needed = set(roots)
    order = list(nodes)
    for n in reversed(order):
        if n in needed:
            needed.update(n.args)
    return [n for n in order if n in needed]


OPERATORS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.true_divide: operator.truediv,
}
"""On two NumPy scalars of one kind the operators do what NumPy's functions do, in a tenth of the time."""

Step = tuple[Node, Callable[..., Any], tuple[Node, ...], Mapping[str, Any], "Keys | None"]
"""A node to be run: what to call on its arguments, and for a region which keys."""


def steps(live: Live) -> list[Step]:
    """Live nodes as steps, for what runs many times; leaves are not among them."""
    found: list[Step] = []
    for n, keys in live.items():
        if isinstance(n.op, Region):
            found.append((n, n.op.run, n.args, {}, keys))
        elif n.args or n.op.name != "leaf":
            found.append((n, n.op.value, n.args, n.attrs, None))
    return found


def run_steps(made: list[Step], env: dict[Node, Any]) -> None:
    """Compute the steps in order, in place in `env`. Raises ProgramError, with the place."""
    for n, f, args, attrs, keys in made:
        try:
            if keys is None:
                env[n] = f(*[env[a] for a in args], **attrs)
            else:
                env[n] = f(n, [env.get(a) for a in args], keys)
        except ValueFault as fault:
            raise fail(fault.code, fault.message, n.span) from None
        except ValueError as problem:
            env[n] = _uneven(n, env, problem)


def execute(live: Live, env: dict[Node, Any]) -> dict[Node, Any]:
    """Compute the live nodes in order, in place in `env`, which holds the leaves (and may hold more).

    Raises ProgramError, with the place, when an operation has no value.
    """
    for n, keys in live.items():
        if n in env:
            continue
        op = n.op
        try:
            if isinstance(op, Region):
                env[n] = op.run(n, [env.get(a) for a in n.args], keys)
                continue
            args = [env[a] for a in n.args]
            if op.value in OPERATORS and type(args[0]) is type(args[1]) is np.float64:
                env[n] = OPERATORS[op.value](args[0], args[1])
            else:
                env[n] = op.value(*args, **n.attrs)
        except ValueFault as fault:
            raise fail(fault.code, fault.message, n.span) from None
        except ValueError as problem:
            env[n] = _uneven(n, env, problem)
    return env


def _uneven(n: Node, env: Mapping[Node, Any], problem: ValueError) -> Any:
    """What NumPy has no value for: an elementwise operation on histories, lists, whose turns have different shapes.

    Raises ProgramError, with the place, for other operations on such, and `problem` where there are none.
    """
    args = [env.get(a) for a in n.args]
    if isinstance(n.op, Region) or not any(isinstance(a, list) for a in args):
        raise problem
    if not n.op.elementwise:
        what = "a derivative of loops in a loop that make another number of turns each time"
        raise fail("not-built", f"{what} cannot be computed here yet", n.span) from None
    return _by_turn(n, args)


def _by_turn(n: Node, args: Sequence[Any]) -> Any:
    if not any(isinstance(a, list) for a in args):
        return n.op.value(*args, **n.attrs)
    return [_by_turn(n, turn) for turn in zip(*args, strict=True)]
