"""Expressions to canonical text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from paramprog.lang import syntax as s
from paramprog.lang.walk import Walk

# How tightly an expression binds. An operand below the level that its place asks for gets parentheses.
_ANY, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _UNARY, _POWER, _PRIMARY = range(10)

_CHAIN_LEVELS = {"or": _OR, "and": _AND, "+": _SUM, "-": _SUM}
_LEVELS: dict[type, int] = {
    s.Conditional: _ANY,
    s.Not: _NOT,
    s.Compare: _COMPARE,
    s.Negate: _UNARY,
    s.Power: _POWER,
}


def _level(node: Any) -> int:
    if isinstance(node, s.Chain):
        return _CHAIN_LEVELS.get(node.links[0].operator, _PRODUCT)
    if isinstance(node, s.Number | s.Integer) and _is_negative(node):
        return _UNARY
    return _LEVELS.get(type(node), _PRIMARY)


def _is_negative(node: s.Number | s.Integer) -> bool:
    """True of no tree that was parsed, but of trees made from values."""
    return math.copysign(1, node.value) < 0


class ExpressionPrinter:
    """Appends the text to `parts`; every method that goes into the tree is a `Walk`."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.write = self.parts.append
        self.writers: dict[type, Callable[[Any], Walk[None]]] = {
            s.Name: self._leaf,
            s.Number: self._number,
            s.Integer: self._integer,
            s.Boolean: self._boolean,
            s.Text: self._string,
            s.OperatorName: self._leaf,
            s.Chain: self._chain,
            s.Compare: self._compare,
            s.Negate: self._negate,
            s.Not: self._not,
            s.Power: self._power,
            s.Conditional: self._conditional,
            s.Argument: self._argument,
            s.Call: self._call,
            s.Slice: self._slice,
            s.Index: self._index,
            s.ListLiteral: self._list,
            s.Comprehension: self._comprehension,
            s.Clause: self._clause,
            s.Fold: self._fold,
        }

    def node(self, node: Any, least: int = _ANY) -> Walk[None]:
        """Any node; in parentheses if it binds less tightly than `least`."""
        writer = self.writers[type(node)]
        if _level(node) >= least:
            return writer(node)
        return self._parenthesised(writer(node))

    def _parenthesised(self, inner: Walk[None]) -> Walk[None]:
        self.write("(")
        yield inner
        self.write(")")

    def _separated(self, nodes: Iterable[Any]) -> Walk[None]:
        between = ""
        for node in nodes:
            self.write(between)
            yield self.node(node)
            between = ", "

    def _leaf(self, node: s.Name | s.OperatorName) -> Walk[None]:
        self.write(node.text)
        yield from ()

    def _number(self, node: s.Number) -> Walk[None]:
        if not math.isfinite(node.value):
            raise ValueError(f"there is no literal for {node.value}")
        self.write(repr(node.value))
        yield from ()

    def _integer(self, node: s.Integer) -> Walk[None]:
        self.write(str(node.value))
        yield from ()

    def _boolean(self, node: s.Boolean) -> Walk[None]:
        self.write("true" if node.value else "false")
        yield from ()

    def _string(self, node: s.Text) -> Walk[None]:
        self.write(f'"{node.value}"')
        yield from ()

    def _chain(self, node: s.Chain) -> Walk[None]:
        least = _level(node) + 1
        yield self.node(node.first, least)
        for link in node.links:
            self.write(f" {link.operator} ")
            yield self.node(link.operand, least)

    def _compare(self, node: s.Compare) -> Walk[None]:
        yield self.node(node.left, _SUM)
        self.write(f" {node.operator} ")
        yield self.node(node.right, _SUM)

    def _negate(self, node: s.Negate) -> Walk[None]:
        self.write("-")
        yield self.node(node.operand, _UNARY)

    def _not(self, node: s.Not) -> Walk[None]:
        self.write("not ")
        yield self.node(node.operand, _NOT)

    def _power(self, node: s.Power) -> Walk[None]:
        yield self.node(node.base, _PRIMARY)
        self.write("**")
        yield self.node(node.exponent, _UNARY)

    def _conditional(self, node: s.Conditional) -> Walk[None]:
        for arm in node.arms:
            self.write("if ")
            yield self.node(arm.condition)
            self.write(" then ")
            yield self.node(arm.value)
            self.write(" else ")
        # A conditional here would be read as one arm more.
        yield self.node(node.otherwise, _OR)

    def _call(self, node: s.Call) -> Walk[None]:
        self.write(f"{node.function.text}(")
        yield self._separated(node.arguments)
        self.write(")")

    def _argument(self, node: s.Argument) -> Walk[None]:
        if node.name is not None:
            self.write(f"{node.name.text} = ")
        yield self.node(node.value)

    def _index(self, node: s.Index) -> Walk[None]:
        yield self.node(node.base, _PRIMARY)
        yield self._bracketed(node.items)

    def _bracketed(self, nodes: Iterable[Any]) -> Walk[None]:
        self.write("[")
        yield self._separated(nodes)
        self.write("]")

    def _slice(self, node: s.Slice) -> Walk[None]:
        if node.start is not None:
            yield self.node(node.start)
        self.write(":")
        if node.stop is not None:
            yield self.node(node.stop)
        if node.step is not None:
            self.write(":")
            yield self.node(node.step)

    def _list(self, node: s.ListLiteral) -> Walk[None]:
        yield self._bracketed(node.items)

    def _comprehension(self, node: s.Comprehension) -> Walk[None]:
        self.write("[")
        yield self._with_clauses(node.body, node.clauses)
        self.write("]")

    def _fold(self, node: s.Fold) -> Walk[None]:
        self.write(f"{node.function.text}(")
        yield self._with_clauses(node.body, node.clauses)
        self.write(")")

    def _with_clauses(self, body: s.Expression, clauses: tuple[s.Clause, ...]) -> Walk[None]:
        yield self.node(body)
        self.write(" for ")
        yield self._separated(clauses)

    def _clause(self, node: s.Clause) -> Walk[None]:
        self.write(f"{node.name.text} in ")
        yield self._range(node.lower, node.upper)

    def _range(self, lower: s.Expression, upper: s.Expression) -> Walk[None]:
        yield self.node(lower, _SUM)
        self.write("..")
        yield self.node(upper, _SUM)
