"""Branches in the trace: the side taken, or each side on the lanes where it holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from paramprog.graph import Node, Result
from paramprog.graph.region import Key, Live
from paramprog.recorder.crossing import Crossing
from paramprog.recorder.lanes import Lanes, Recorded
from paramprog.transfer.branches import Branch
from paramprog.transfer.linear import SPREAD, SUM
from paramprog.transfer.max import ANY
from paramprog.transfer.pair import ADD
from paramprog.transfer.regions import is_summed
from paramprog.transfer.step import OR

if TYPE_CHECKING:
    from paramprog.recorder.recorder import Recorder


def branch(
    run: Recorder, node: Node, args: Sequence[Recorded | None], keys: Collection[Key], lanes: Lanes | None
) -> dict[Key, Recorded]:
    """The operations of the side taken, or of each side on its lanes; what `keys` became."""
    op = node.op
    assert isinstance(op, Branch)
    condition = args[0]
    assert condition is not None
    live = op.live(node, frozenset(keys))
    inner = node.args[0].shape
    ports = dict(zip(node.attrs["ports"], args[1:], strict=True))
    if not inner and not condition.wide:
        which = 0 if run.values[condition.node] else 1
        return _one_side(run, node, which, ports, keys, live[which], lanes)
    head = condition.node if condition.wide or lanes is None else lanes.widen(condition.node)
    shared = node.attrs.get("shared", frozenset())
    entering: dict[Node, Recorded] = {}
    """What enters, and whether it has an entry for each lane of the branch."""
    for p, a in ports.items():
        if a is None:
            continue
        if lanes is None:
            entering[p] = Recorded(a.node, p not in shared)
        elif not a.wide and (p in shared or not inner):
            entering[p] = Recorded(a.node, False)
        elif p in shared:
            axes = tuple(range(1, 1 + len(inner)))
            entering[p] = Recorded(run.emit(SPREAD, a.node, axes=axes, sizes=inner), True)
        else:
            entering[p] = Recorded(a.node if a.wide else lanes.widen(a.node), True)
    summed = {k for k in keys if is_summed(node, k)} if lanes is None else set()
    found = _sides(run, node, head, entering, keys, live, summed)
    for k in keys:
        if lanes is not None and is_summed(node, k):
            axes = tuple(range(1, 1 + len(inner)))
            total = found[k]
            found[k] = (
                run.emit(ANY, total, axes=axes)
                if total.kind == "bool"
                else run.emit(SUM, total, axes=axes, sizes=inner)
            )
    return {k: Recorded(n, lanes is not None) for k, n in found.items()}


def _one_side(
    run: Recorder,
    node: Node,
    which: int,
    ports: Mapping[Node, Recorded | None],
    keys: Collection[Key],
    live: Live,
    lanes: Lanes | None,
) -> dict[Key, Recorded]:
    env: dict[Node, Any] = {}
    for p, a in ports.items():
        if p in live and a is not None:
            env[p] = a.node
            if a.wide and lanes is not None:
                lanes.wide.add(p)
    run.inline(live, env, lanes)
    wide = lanes.wide if lanes is not None else ()
    found: dict[Key, Recorded] = {}
    for k, at in _targets(
        node, which, keys
    ).items():  # the history of the other side has rows, which nothing reads
        found[k] = Recorded(env[at], at in wide) if at in env else Recorded(run.zeros(at, at.shape), False)
    return found


def _sides(
    run: Recorder,
    node: Node,
    condition: Node,
    entering: Mapping[Node, Recorded],
    keys: Collection[Key],
    live: Sequence[Live],
    summed: Collection[Key],
) -> dict[Key, Node]:
    """Each side on its lanes; the results of both together."""
    value = run.values[condition]
    sides = [bool(np.any(value)), not np.all(value)] if np.size(value) else [True, False]
    parts: dict[Key, list[Node]] = {k: [] for k in keys}
    for which, nodes in enumerate(live):
        if not sides[which]:
            continue
        crossing = Crossing(run, condition, which, both=all(sides), plain=_elementwise(nodes))
        inside = Lanes(run, crossing.count)
        env: dict[Node, Any] = {}
        for p, a in entering.items():
            if p in nodes:
                env[p] = crossing.enter(a.node) if a.wide else a.node
                if a.wide:
                    inside.wide.add(p)
        run.inline(nodes, env, None if crossing.plain else inside)
        for k, at in _targets(node, which, keys).items():
            if at not in env:
                continue
            wide = crossing.plain or at in inside.wide
            if k not in summed:
                parts[k].append(crossing.leave(env[at], wide))
                continue
            n = env[at]
            if at not in inside.wide and not (crossing.plain and n.shape):
                n = inside.widen(n)
            # a plain body ran on whole arrays of numbers, so all axes are of lanes
            axes = tuple(range(len(n.shape))) if crossing.plain else (0,)
            sizes = n.shape[: len(axes)]
            total = (
                run.emit(ANY, n, axes=axes) if n.kind == "bool" else run.emit(SUM, n, axes=axes, sizes=sizes)
            )
            parts[k].append(total)
    found = {k: _together(run, nodes) for k, nodes in parts.items() if nodes}
    for k in keys:
        if k not in found:  # the history of a side without lanes, which nothing reads
            assert isinstance(k, Node)
            found[k] = run.zeros(k, (*np.shape(value), *k.shape))
    return found


def _targets(node: Node, which: int, keys: Collection[Key]) -> dict[Key, Node]:
    """The node of one side that each key is about."""
    results = node.attrs["results"][which]
    found: dict[Any, Any] = {k: results[k.number] if isinstance(k, Result) else k for k in keys}
    return found


def _elementwise(live: Live) -> bool:
    """Whether a body computes numbers entry by entry, so that it may as well run on whole arrays."""
    return all(not n.shape and (not n.args or n.op.elementwise) for n in live)


def _together(run: Recorder, nodes: Sequence[Node]) -> Node:
    """The lanes of both sides together: each holds zeros (or false) where the other has its lanes."""
    return nodes[0] if len(nodes) == 1 else run.emit(OR if nodes[0].kind == "bool" else ADD, *nodes)
