"""What a rule is, and the words that the tables of rules are written in."""

from __future__ import annotations

from collections.abc import Callable
from math import copysign
from typing import Any, NamedTuple, Protocol

from paramprog.graph import Node
from paramprog.op import Op
from paramprog.transfer.source import FULL
from paramprog.types import Type


class Emitting(Protocol):
    """What rules need of the graph being made. Everything that they emit is simplified in turn."""

    def __call__(self, op: Op, *args: Node | None, **attrs: Any) -> Node | None:
        """The node of `op`; None when an argument is None, so that a rule reads as its equation."""

    def number(self, value: bool | int | float, like: Type) -> Node:
        """`value` in every entry, in the type of `like`."""

    def certain(self, *nodes: Node) -> bool:
        """Whether computing the nodes can never fault, so that they may be left out."""

    def single(self, node: Node) -> bool:
        """Whether `node` has one use, so that computing it as a part of that use costs nothing."""


Rewrite = Callable[..., Node | None]
"""(graph, *arguments, **attributes) -> the node to use instead, None where the rule does not apply."""


class Rule(NamedTuple):
    """One identity, used from left to right at every node of `op`.

    A rule keeps every bit of every value (but for the payload and the sign of a NaN), and every fault. One that
    `resums` adds the same terms up in another order, or n equal ones by a multiplication: the result may be rounded
    differently, and a sum of nothing but -0.0 may be -0.0 instead of 0.0.
    """

    equation: str
    op: Op
    rewrite: Rewrite
    resums: bool = False


def under(op: Op, x: Node) -> Node | None:
    """The argument of x, if x is a node of `op`."""
    return x.args[0] if x.op is op else None


def is_number(x: Node, c: float) -> bool:
    """Whether every entry of x is the number c; 0.0 and -0.0 are two numbers."""
    if x.op is not FULL:
        return False
    value: float = x.attrs["value"]
    return value == c and (c != 0 or x.kind != "real" or copysign(1.0, value) == copysign(1.0, c))


def is_not_nan(x: Node) -> bool:
    """Whether x is a constant number, infinities among them."""
    return x.op is FULL and x.attrs["value"] == x.attrs["value"]


def is_nonzero(x: Node) -> bool:
    """Whether x is a constant number other than 0."""
    return is_not_nan(x) and x.attrs["value"] != 0


def beside(c: float, x: Node, y: Node) -> Node | None:
    """The other one, if x or y is the number c."""
    return y if is_number(x, c) else x if is_number(y, c) else None


def negated(g: Emitting, c: Node) -> Node | None:
    """-c, if c is a number that has a negative."""
    if c.op is not FULL or c.kind == "bool" or (c.kind == "int" and c.attrs["value"] == -(2**63)):
        return None
    return g.number(-c.attrs["value"], c.type)
