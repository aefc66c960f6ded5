"""Nodes that are written as another one, because they are equal."""

from __future__ import annotations

from collections.abc import Sequence
from math import frexp

from paramprog.graph import Node, Region
from paramprog.transfer.base import BaseOp
from paramprog.transfer.contract import CONTRACT
from paramprog.transfer.linear import MUL
from paramprog.transfer.pair import ADD, DIV
from paramprog.transfer.source import FULL, LEAF

MIN_FACTOR, MAX_FACTOR = 2.0**-16, 2.0**16
"""Beyond, a product with a power of two may well overflow."""


def equal_calls(nodes: Sequence[Node]) -> dict[Node, Node]:
    """For nodes that compute what a call of a base function computes, that call: sigmoid(D) is F for F = f2(D)."""
    calls: dict[object, Node] = {}
    for n in nodes:
        if isinstance(n.op, BaseOp):
            result, at = n.op.body.result, dict(zip(n.op.body.arguments, n.args, strict=True))
            if result.args and all(a in at for a in result.args):
                calls.setdefault((result.op, tuple(at[a] for a in result.args), str(result.attrs)), n)
    found = {n: calls.get((n.op, n.args, str(n.attrs))) for n in nodes if calls and n.op is not LEAF}
    return {n: call for n, call in found.items() if call is not None and call is not n}


def equal_multiples(nodes: Sequence[Node]) -> dict[Node, Node]:
    """For nodes that are once another one, that one: 2 * x * 0.5, and x / 2 + x / 2, are x.

    Products with powers of two are exact, short of overflow and underflow.
    """
    known: dict[Node, tuple[float, Node]] = {}
    for n in nodes:
        known[n] = (1.0, n)
        if isinstance(n.op, Region) or n.kind != "real":
            continue
        if n.op is ADD and known[n.args[0]] == known[n.args[1]]:
            known[n] = _times(2.0, known[n.args[0]], n)
        elif n.op is MUL or (n.op is CONTRACT and _is_scaling(n)):
            for c, x in (n.args, n.args[::-1]):
                if is_power_of_two(c) and x.shape == n.shape:
                    known[n] = _times(c.attrs["value"], known[x], n)
                    break
        elif n.op is DIV and is_power_of_two(n.args[1]):
            known[n] = _times(1.0 / n.args[1].attrs["value"], known[n.args[0]], n)
    return {n: x for n, (factor, x) in known.items() if factor == 1.0 and x is not n}


def _times(c: float, multiple: tuple[float, Node], n: Node) -> tuple[float, Node]:
    factor = c * multiple[0]
    return (factor, multiple[1]) if MIN_FACTOR <= abs(factor) <= MAX_FACTOR else (1.0, n)


def _is_scaling(n: Node) -> bool:
    """Whether a contraction multiplies an array by a scalar."""
    words, result = n.attrs["spec"].split("->")
    return words in (f",{result}", f"{result},")


def is_power_of_two(c: Node) -> bool:
    """Whether a node is a constant by which products are exact."""
    if c.op is not FULL or c.kind != "real":
        return False
    value: float = c.attrs["value"]
    return MIN_FACTOR <= abs(value) <= MAX_FACTOR and abs(frexp(value)[0]) == 0.5
