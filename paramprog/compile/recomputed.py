"""What a loop backwards computes again instead of reading it from a history.

A history costs memory and two passes over it, an addition next to nothing. So of what the backward turn reads only a
minimum cut is recorded: of all sets of values of the turn from which the rest follows by cheap elementwise operations,
the one with the fewest bytes. Of several, the one that leaves least to be computed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Final

from paramprog.compile.nests import cost_of
from paramprog.compile.rules import RULES
from paramprog.graph import PART, Node
from paramprog.graph.region import Keys, Live
from paramprog.simplify.cut import minimum_cut
from paramprog.transfer.loops import LOOP
from paramprog.types import Size, is_open, item_size

LEAST = 16
"""Entries of a value from which on computing it again is cheaper than reading it."""

CHEAP = 6
"""Of an operation: less than that of a division and a call (nests.cost_of)."""

MOST = 2000
"""Operations of a turn that are looked at."""

EACH = 8
"""Operations that one history less may cost."""

NEVER: Final = 1 << 48
"""The cost of what cannot be recorded."""


@dataclass
class Again:
    """For a loop backwards: what it does not read but compute."""

    primal: Node
    dropped: dict[Node, Node]
    """Histories that are not recorded, and the nodes of the primal body that they were of."""
    recorded: list[Node]
    """Nodes of the primal body from whose rows the others are computed."""
    order: list[Node]
    """What is to be computed of them, in order."""


def recomputed(live: Live, ends: Iterable[Node]) -> dict[Node, Again]:
    """For each loop among the nodes that reads histories of another one: what it should rather compute again."""
    readers: dict[Node, dict[Node, None]] = defaultdict(dict)
    for n in live:
        for a in n.args:
            readers[a][n] = None
    wanted: dict[tuple[Node, Node], dict[Node, Node]] = defaultdict(dict)
    outside = set(ends)
    for p in live:
        if (
            p.op is not PART
            or not isinstance(p.attrs["of"], Node)
            or p in outside
            or p.args[0].op is not LOOP
        ):
            continue
        loop = next(iter(readers[p])) if len(readers[p]) == 1 else None
        if loop is not None and _scans(loop, p) and _is_large(p.attrs["of"]):
            wanted[p.args[0], loop][p] = p.attrs["of"]
    found: dict[Node, Again] = {}
    for (primal, loop), parts in wanted.items():
        if loop not in found:
            again = _again(primal, live[primal], parts)
            if again is not None:
                found[loop] = again
    return found


def keys_of(primal: Node, keys: Keys, found: Mapping[Node, Again]) -> Keys:
    """What the primal loop records now."""
    here = [again for again in found.values() if again.primal is primal]
    dropped = frozenset(n for again in here for n in again.dropped.values())
    recorded = frozenset(
        n for again in here for n in again.recorded
    )  # by one loop, though another dropped it
    return (keys - dropped) | recorded


def _scans(loop: Node, rows: Node) -> bool:
    """Whether the loop reads the rows turn by turn, and nothing else of them."""
    if loop.op is not LOOP or loop.attrs["test"] is not None:
        return False
    (body,) = loop.attrs["bodies"]
    entering = [p for p, a in zip(loop.attrs["ports"], loop.args[1:], strict=True) if a is rows]
    return rows is not loop.args[0] and {body.ports[p].kind for p in entering} == {"scan"}


def _is_large(n: Node) -> bool:
    return _is_sized(n) and (prod(n.shape) >= LEAST or any(map(is_open, n.shape)))


def _is_sized(n: Node) -> bool:
    """Whether its number of entries is known."""
    return not any(isinstance(extent, Size) for extent in n.shape)


def _is_cheap(n: Node) -> bool:
    """Whether it is better computed again than read."""
    if not n.op.elementwise or n.op in RULES or n.op.c is None or n.op.c_fault or not _is_large(n):
        return False
    text = n.op.c.get(n.args[0].kind) if isinstance(n.op.c, Mapping) else n.op.c
    return isinstance(text, str) and cost_of(text) < CHEAP


def _again(primal: Node, keys: Keys, parts: dict[Node, Node]) -> Again | None:
    goals = set(parts.values())
    kept = {k for k in keys if isinstance(k, Node)} - goals
    cone = _cone(goals, kept)
    if cone is None:
        return None
    cut = _cut(cone, goals, kept)
    if cut is None or sum(map(_bytes, cut)) >= sum(map(_bytes, goals)):
        return None
    known, needed = cut | kept, goals - cut
    for n in reversed(cone):
        if n in needed and n not in known:
            needed.update(n.args)
    order = [n for n in cone if n in needed and n not in known]
    if sum(bool(n.args) for n in order) > EACH * max(1, len(goals) - len(cut)):
        return None
    dropped = {p: n for p, n in parts.items() if n not in cut}
    return Again(primal, dropped, [n for n in cone if n in cut or (n in kept and n in needed)], order)


def _cone(goals: set[Node], kept: set[Node]) -> list[Node] | None:
    """All from which the goals may be computed, in order; down to what has to be recorded."""
    found: set[Node] = set()
    todo = list(goals)
    while todo:
        n = todo.pop()
        if n in found:
            continue
        found.add(n)
        if len(found) > MOST:
            return None
        if n not in kept and _is_cheap(n):
            todo += n.args
    return sorted(found, key=lambda n: n.id)


def _is_constant(n: Node) -> bool:
    return not n.args and n not in n.graph.ports


def _bytes(n: Node) -> int:
    return item_size(n.kind, n.graph.real) * prod(n.shape)


def _cut(cone: list[Node], goals: set[Node], kept: set[Node]) -> set[Node] | None:
    """The nodes to record: every way from what is not cheap to a goal leads over one, and they have fewest bytes.

    None if it leads over what no turn computes, or over what is as long as only the run tells.
    """
    costs = {n: _cost(n) for n in cone if n not in kept and not _is_constant(n)}
    cheap = dict.fromkeys(n for n in costs if _is_cheap(n))
    arcs = [(a, n) for n in cheap for a in n.args if a in costs]
    found = minimum_cut(costs, arcs, [n for n in costs if n not in cheap], [n for n in costs if n in goals])
    return None if any(costs[n] == NEVER for n in found) else set(found)


def _cost(n: Node) -> int:
    port = n.graph.ports.get(n)
    steady = port is not None and port.kind not in ("carry", "scan")
    return _bytes(n) if _is_sized(n) and not steady else NEVER
