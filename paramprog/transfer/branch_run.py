"""Running branches: one of two bodies, or each body on the lanes where its side holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from paramprog.graph import ArrayLanes, Node, Result, execute, execute_lanes
from paramprog.graph.region import Key, Keys, Live
from paramprog.transfer.linear import SPREAD
from paramprog.transfer.regions import is_summed
from paramprog.transfer.source import dtype_of


def targets(node: Node, which: int, keys: Iterable[Key]) -> Iterable[tuple[Key, Node]]:
    """Each key with the node of one side that it is about."""
    results = node.attrs["results"][which]
    found: list[Any] = [(k, results[k.number] if isinstance(k, Result) else k) for k in keys]
    return found


def run_branch(node: Node, args: Sequence[Any], keys: Keys, live: Sequence[Live]) -> Mapping[Key, Any]:
    """The values of `keys`; `live` is what they need of each body."""
    condition = np.asarray(args[0])
    ports = dict(zip(node.attrs["ports"], args[1:], strict=True))
    if condition.ndim:
        shared = node.attrs.get("shared", frozenset())
        summed = node.attrs.get("summed", frozenset())
        return _run_lanes(node, condition, ports, shared, keys, summed, live)
    which = 0 if condition else 1
    nodes = live[which]
    env = {p: a for p, a in ports.items() if p in nodes}
    execute(nodes, env)
    return {k: env[at] if at in env else _nothing(at) for k, at in targets(node, which, keys)}


def run_branch_lanes(
    node: Node,
    args: Sequence[Any],
    flags: Sequence[bool],
    keys: Keys,
    lanes: ArrayLanes,
    live: Sequence[Live],
) -> Mapping[Key, Any]:
    """`run_branch` in each lane; arguments with a flag have an axis of lanes in front, and so has all that is found."""
    ports = dict(zip(node.attrs["ports"], args[1:], strict=True))
    wide = {p for p, flag in zip(ports, flags[1:], strict=True) if flag}
    inner = node.args[0].shape
    if not inner and not flags[0]:
        which = 0 if args[0] else 1
        return _run_wide(node, which, ports, wide, keys, lanes, live[which])
    shared = node.attrs.get("shared", frozenset())
    if not inner:
        return _run_lanes(node, args[0], ports, frozenset(ports) - wide, keys, frozenset(), live)
    condition = args[0] if flags[0] else lanes.widen(args[0])
    for p, a in ports.items():
        if a is None or (p in shared and p not in wide):
            continue
        if p in shared:  # the same in all lanes of the branch, not in all of these
            axes = tuple(range(1, 1 + len(inner)))
            ports[p] = SPREAD(a, axes=axes, sizes=inner)
        elif p not in wide:
            ports[p] = lanes.widen(a)
    found = dict(_run_lanes(node, condition, ports, shared - wide, keys, frozenset(), live))
    for k in keys:
        if is_summed(node, k):
            over = np.any if found[k].dtype.kind == "b" else np.sum
            found[k] = over(found[k], axis=tuple(range(1, 1 + len(inner))))
    return found


def _run_wide(
    node: Node,
    which: int,
    ports: Mapping[Node, Any],
    wide: set[Node],
    keys: Keys,
    lanes: ArrayLanes,
    live: Live,
) -> Mapping[Key, Any]:
    """One side, taken by all lanes."""
    env = {p: a for p, a in ports.items() if p in live}
    execute_lanes(live, env, lanes, wide)
    found = {}
    for k, at in targets(node, which, keys):
        value = env[at] if at in env else _nothing(at)
        found[k] = value if at in wide else lanes.widen(value)
    return found


def _run_lanes(
    node: Node,
    condition: Any,
    ports: Mapping[Node, Any],
    shared: Collection[Node],
    keys: Keys,
    summed: Collection[int],
    live: Sequence[Live],
) -> Mapping[Key, Any]:
    """Each side on its lanes: compress, run, expand (or sum)."""
    out: dict[Key, Any] = {}
    rank = condition.ndim
    for which, nodes in enumerate(live):
        lanes = condition if which == 0 else ~condition
        count = int(np.count_nonzero(lanes))
        if not count:
            continue
        if count == lanes.size:
            lanes = ...  # all of them: no copies
        env: dict[Node, Any] = {}
        wide: set[Node] = set()
        for p, a in ports.items():
            if p not in nodes:
                continue
            if p in shared:
                env[p] = a
                continue
            each = a if np.shape(a)[:rank] == condition.shape else np.broadcast_to(a, condition.shape)
            env[p] = each.reshape(count, *each.shape[rank:]) if lanes is ... else each[lanes]
            wide.add(p)
        execute_lanes(nodes, env, ArrayLanes(count), wide)
        for k, at in targets(node, which, keys):
            if at not in env:
                continue
            value = env[at]
            if isinstance(k, Result) and k.number in summed:
                total = _over_lanes(value, count, at in wide)
                out[k] = total if k not in out else out[k] | total if at.kind == "bool" else out[k] + total
                continue
            shape = np.shape(value)[1:] if at in wide else np.shape(value)
            if lanes is ... and at in wide:
                out[k] = np.reshape(value, (*condition.shape, *shape))
                continue
            if k not in out:
                out[k] = np.zeros((*condition.shape, *shape), np.asarray(value).dtype)
            out[k][lanes] = value
    for k, at in targets(node, 0, keys):
        if k not in out:
            outer = () if isinstance(k, Result) and k.number in summed else condition.shape
            out[k] = np.zeros((*outer, *at.shape), dtype_of(at.type, at.graph.real))
    return out


def _over_lanes(value: Any, count: int, wide: bool) -> Any:
    """The sum over the lanes of one value each, or of the same value in all; of bools, whether any holds."""
    if np.asarray(value).dtype.kind == "b":
        return np.any(value, axis=0) if wide else value
    return np.sum(value, axis=0) if wide else value * np.asarray(count, np.asarray(value).dtype)


def _nothing(node: Node) -> Any:
    """What the history of a node holds when its side was not taken; nothing selected ever reads it."""
    return np.zeros(node.shape, dtype_of(node.type, node.graph.real))
