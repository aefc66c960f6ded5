"""The ways to a gradient: the adjoint graph, unit tangents, the sum over all paths; and what each use contributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paramprog.analyses.nonfinite import finite, first_adjoint, first_value
from paramprog.analyses.uses import Use, uses
from paramprog.diagnostics import Diagnostic
from paramprog.evaluate import evaluate, trace
from paramprog.gradient import plain_or_none, pulled, pushed
from paramprog.graph import Node
from paramprog.results import Point
from paramprog.transfer.facts import Masked


def reverse(point: Point, target: Node, nodes: Mapping[str, Node]) -> tuple[Any, dict[str, Any]]:
    """Run the adjoint graph."""
    adjoints = point.compiled.gradient(target, tuple(nodes.values()))
    present = [n for n in adjoints if n is not None]
    value, *found = evaluate([target, *present], point.leaves)
    by_node = dict(zip(present, found, strict=True))
    return value, {k: None if n is None else by_node[n] for k, n in zip(nodes, adjoints, strict=True)}


def forward(point: Point, target: Node, nodes: Mapping[str, Node]) -> tuple[Any, dict[str, Any]]:
    """Push the unit tangents one by one along the executed trace."""
    recorded = trace([target], point.leaves, keep=nodes.values())
    out = recorded.of[target]
    found: dict[str, Any] = {}
    for name, node in nodes.items():
        start = recorded.of[node]
        size = int(np.prod(node.shape))
        rows: list[Any] = []
        for k in range(size):
            unit = np.zeros(size, np.asarray(recorded.values[start]).dtype)
            unit[k] = 1.0
            unit = unit.reshape(node.shape)
            # the other entries are structural zeros: an infinite derivative at them is none of this one's business
            facts = pushed(recorded.nodes, recorded.values, {start: Masked(unit, unit != 0)})
            rows.append(plain_or_none(facts.get(out)))
        dependent = any(r is not None for r in rows)
        found[name] = np.reshape([0.0 if r is None else r for r in rows], node.shape) if dependent else None
    return recorded.values[out], found


def by_use(point: Point, target: Node, nodes: Mapping[str, Node]) -> dict[str, list[Use]]:
    """What each use adds, on the executed trace."""
    recorded = trace([target], point.leaves, keep=nodes.values())
    out, of = recorded.of[target], recorded.of
    facts = pulled(recorded.nodes, recorded.values, out, np.ones_like(recorded.values[out]))
    named = {name: of[n] for name, n in point.compiled.built.points.items() if n in of}
    return uses(recorded, {name: of[n] for name, n in nodes.items()}, out, facts, named)


def by_paths(
    point: Point, target: Node, nodes: Mapping[str, Node], max_paths: int
) -> tuple[Any, dict[str, Any]]:
    """Sum over every path the product of its local Jacobians."""
    from paramprog.verify.paths import gradient_by_paths

    recorded = trace([target], point.leaves, keep=nodes.values())
    out = recorded.of[target]
    found = {k: gradient_by_paths(recorded, recorded.of[n], out, max_paths) for k, n in nodes.items()}
    return recorded.values[out], found


def blame(point: Point, target: Node, value: Any, gradients: Mapping[str, Any]) -> list[Diagnostic]:
    """Where values, then adjoints, stop being finite."""
    if finite(value) and all(finite(g) for g in gradients.values()):
        return []
    recorded = trace([target], point.leaves)
    blamed = first_value(recorded.nodes, recorded.values)
    if blamed is None:
        facts = pulled(recorded.nodes, recorded.values, recorded.of[target], np.ones(target.shape))
        plain = {n: plain_or_none(f) for n, f in facts.items()}
        blamed = first_adjoint(recorded.nodes, recorded.values, plain)
    return [] if blamed is None else [blamed]
