"""Whole Jacobians: the adjoint graph run for every unit covector, or the tangent graph for every unit tangent.

The entries beside the one of a unit vector are structural zeros, not the number 0: where a local Jacobian is infinite,
0 * infinity would make NaN of entries that have nothing to do with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from paramprog.collector import collector_off
from paramprog.dataflow.semiring import REACH, PathSum
from paramprog.dataflow.solve import solve
from paramprog.diagnostics import fail
from paramprog.gradient import adjoint, tangent
from paramprog.graph import Node, demand, execute
from paramprog.graph.depth import deep_stack
from paramprog.transfer.facts import Masked
from paramprog.types import MAX_ELEMENTS, Type, elements

Mode = Literal["auto", "reverse", "forward"]


@dataclass(frozen=True, eq=False)
class Product:
    """J^T g, or J t, as nodes: the leaf `seed` stands for the vector, `lanes` for where it is no structural zero.

    A node of `results` is None where J is structurally zero.
    """

    seed: Node
    lanes: Node
    results: Sequence[Node | None]


def pullback(output: Node, wrt: Sequence[Node]) -> Product:
    """The vector-Jacobian products J^T g of `output` by each of `wrt`, appended to the graph."""
    seed, lanes = _leaves(output)
    return Product(seed, lanes, adjoint(output, wrt, Masked(seed, lanes)))


def pushforward(output: Node, x: Node) -> Product:
    """The Jacobian-vector product J t of `output` by `x`, appended to the graph; t has the shape of x."""
    seed, lanes = _leaves(x)
    return Product(seed, lanes, [tangent(output, {x: Masked(seed, lanes)})])


def _leaves(like: Node) -> tuple[Node, Node]:
    graph = like.graph
    return graph.leaf(Type("real", like.shape)), graph.leaf(Type("bool", like.shape))


def runs(product: Product, leaves: Mapping[Node, Any]) -> Iterator[list[Any]]:
    """The values of `product.results` for each unit vector in turn; what does not depend on it is computed once."""
    seed, graph = product.seed, product.seed.graph
    live = demand(graph.nodes, [n for n in product.results if n is not None])
    reached = solve(list(live), PathSum(REACH, [seed, product.lanes], lambda edge: True))
    moving = {n: keys for n, keys in live.items() if reached[n]}
    still = {n: keys for n, keys in live.items() if not reached[n]}
    size = elements(seed.shape)
    unit = np.zeros(size, graph.real)
    with np.errstate(all="ignore"), deep_stack():
        env = execute(still, dict(leaves))
        for k in range(size):
            unit[k] = 1.0
            env[seed] = unit.reshape(seed.shape).copy()[()]
            env[product.lanes] = (env[seed] != 0)[()]
            unit[k] = 0.0
            execute(moving, env)
            yield [None if n is None else env[n] for n in product.results]
            for n in moving:
                del env[n]


def by_rows(product: Product, output: Node, wrt: Sequence[Node], leaves: Mapping[Node, Any]) -> list[Any]:
    """The Jacobians of `output` by each of `wrt`, of shape [*output, *x]; None is a structural zero."""
    found = [
        None if n is None else np.zeros((elements(output.shape), *n.shape), n.graph.real)
        for n in product.results
    ]
    if any(n is not None for n in found):
        for k, row in enumerate(runs(product, leaves)):
            for rows, value in zip(found, row, strict=True):
                if rows is not None:
                    rows[k] = value
    return [
        None if rows is None else rows.reshape((*output.shape, *x.shape))
        for rows, x in zip(found, wrt, strict=True)
    ]


def by_columns(product: Product, output: Node, x: Node, leaves: Mapping[Node, Any]) -> Any:
    """The Jacobian of `output` by `x`, of shape [*output, *x]; None is a structural zero."""
    if product.results == [None]:
        return None
    found = np.zeros((*output.shape, elements(x.shape)), output.graph.real)
    for k, (column,) in enumerate(runs(product, leaves)):
        found[..., k] = column
    return found.reshape((*output.shape, *x.shape))


Products = dict[tuple[Node, tuple[Node, ...] | Node], Product]
"""Made before, by the output and what it is differentiated by."""


@dataclass(frozen=True)
class Found:
    """The Jacobians by name, None for a structural zero, and how they were computed."""

    found: Mapping[str, Any]
    mode: Mode


def jacobians(
    output: Node,
    wrt: Mapping[str, Node],
    leaves: Mapping[Node, Any],
    mode: Mode = "auto",
    known: Products | None = None,
) -> Found:
    """d(output)/d(x), of shape [*output, *x], for each x of `wrt`, at the values `leaves` of the leaves.

    Reverse takes a run for each entry of the output, forward one for each entry of all x; "auto" takes the fewer.

    Raises ProgramError when one has more entries than an array may have.
    """
    for name, x in wrt.items():
        if (entries := elements((*output.shape, *x.shape))) > MAX_ELEMENTS:
            message = f"the Jacobian by `{name}` has {entries:,} entries; the limit is {MAX_ELEMENTS:,}"
            raise fail("element-limit", message, x.span)
    nodes, known = tuple(wrt.values()), {} if known is None else known
    if mode == "auto":
        mode = "reverse" if elements(output.shape) <= sum(elements(x.shape) for x in nodes) else "forward"
    with deep_stack(), collector_off():
        if mode == "reverse":
            if (output, nodes) not in known:
                known[output, nodes] = pullback(output, nodes)
            return Found(
                dict(zip(wrt, by_rows(known[output, nodes], output, nodes, leaves), strict=True)), mode
            )
        for x in nodes:
            if (output, x) not in known:
                known[output, x] = pushforward(output, x)
    return Found({name: by_columns(known[output, x], output, x, leaves) for name, x in wrt.items()}, mode)
