"""The ways to a gradient: the adjoint graph, unit tangents, the sum over all paths; and what each use contributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from paramprog.analyses.nonfinite import finite, first_adjoint, first_value
from paramprog.analyses.uses import Use, uses
from paramprog.compile.backend import Backend
from paramprog.compile.backend import choose as plan_for
from paramprog.diagnostics import Diagnostic
from paramprog.evaluate import evaluate, trace
from paramprog.gradient import plain_or_none, pulled, pushed
from paramprog.graph import Node
from paramprog.jacobian import Mode as JacobianMode
from paramprog.jacobian import jacobians
from paramprog.results import Hessian, Jacobian, Point
from paramprog.scalars import scalar_adjoint
from paramprog.sparse import sparse_jacobians
from paramprog.transfer.facts import Masked


def values(point: Point, nodes: Sequence[Node], backend: Backend) -> Sequence[Any]:
    """The values of nodes, once, so only "c" compiles them."""
    leaves = point.leaves
    if backend == "c":
        return plan_for(nodes, list(leaves), backend="c").plan(*leaves.values())
    return evaluate(nodes, leaves)


def reverse(
    point: Point,
    target: Node,
    nodes: Mapping[str, Node],
    adjoints: Sequence[Node | None] | None = None,
    backend: Backend = "numpy",
) -> tuple[Any, dict[str, Any]]:
    """Run the adjoint graph, unless told otherwise that of the program as it is; once, so only "c" compiles it.

    Straight lines of scalars are differentiated on numbers (scalars.py): the same, to the bit, without that graph.
    """
    if adjoints is None and backend != "c":
        at_once = scalar_adjoint(target, tuple(nodes.values()), point.leaves)
        if at_once is not None:
            return at_once[0], dict(zip(nodes, at_once[1], strict=True))
    if adjoints is None:
        adjoints = point.compiled.gradient(target, tuple(nodes.values()))
    present = [n for n in adjoints if n is not None]
    value, *gradients = values(point, [target, *present], backend)
    by_node = dict(zip(present, gradients, strict=True))
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


def hessian(point: Point, target: Node, nodes: Mapping[str, Node], mode: JacobianMode) -> Hessian:
    """The Jacobians of the adjoints: by the tangents of the adjoint graph, or by the adjoints of the adjoint graph."""
    value, gradients = reverse(point, target, nodes)
    adjoints = point.compiled.gradient(target, tuple(nodes.values()))
    blocks: dict[str, dict[str, Any]] = {}
    zeros: list[tuple[str, str]] = []
    for a, g in zip(nodes, adjoints, strict=True):
        found: Mapping[str, Any] = {}
        if g is not None:
            way: JacobianMode = "forward" if mode == "auto" else mode
            found = jacobians(g, nodes, point.leaves, way, point.compiled.products).found
        zeros += [(a, b) for b in nodes if found.get(b) is None]
        blocks[a] = {
            b: found[b] if found.get(b) is not None else _zeros(target, nodes[a], x) for b, x in nodes.items()
        }
    full = {k: _zeros(nodes[k]) if v is None else np.asarray(v)[()] for k, v in gradients.items()}
    whole = {f"{a} and {b}": block for a, row in blocks.items() for b, block in row.items()}
    warnings = blame(point, target, value, full | whole)
    plain = {a: {b: np.asarray(block)[()] for b, block in row.items()} for a, row in blocks.items()}
    return Hessian(value, full, plain, zeros, point, warnings)


def _zeros(*shaped: Node) -> Any:
    """What has no derivative: of the shapes of these nodes, one after the other."""
    return np.zeros([n for node in shaped for n in node.shape], shaped[0].graph.real)[()]


def sparse_jacobian(point: Point, target: Node, nodes: Mapping[str, Node], mode: JacobianMode) -> Jacobian:
    """In coordinates, from a product for each colour. Raises ProgramError when there are too many entries."""
    made = sparse_jacobians(target, nodes, point.leaves, mode, point.compiled.directions)
    value = evaluate([target], point.leaves)[0]
    warnings = blame(point, target, value, {k: v.values for k, v in made.found.items()})
    zeros = [k for k, v in made.found.items() if not v.nnz]
    return Jacobian(value, dict(made.found), zeros, point, made.mode, warnings, made.colours)


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
