"""Reductions into expressions: one method per rule or alias of the grammar's second half.

Spans are exact. A node in parentheses keeps its own span; the parentheses belong to whatever contains it,
which `reach` looks up.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from paramprog.diagnostics import Diagnostic, Report, Source, Span, new_span
from paramprog.lang import syntax as s
from paramprog.lang.tokens import Token

MAX_NAME = 255
MAX_INT = 2**63 - 1

Children = list[Any] | tuple[Any, ...]
Sequence = tuple[Any, ...]


class ExpressionBuilder:
    """The methods for expressions, and what all methods share."""

    source: Source
    report: Report
    parentheses: dict[Any, Span]

    def begin(self, source: Source, report: Report) -> None:
        """Make ready for one text."""
        self.source, self.report, self.parentheses = source, report, {}

    def finish(self) -> None:
        """Let go of the text."""
        del self.source, self.report, self.parentheses

    # ---- spans ----

    def span(self, first: Any, last: Any) -> Span:
        """From the start of the first child to the end of the last; either is a token or a node."""
        around = self.parentheses.get
        start = first[2] if first.__class__ is Token else (around(first) or first.span)[1]
        end = last[2] + len(last[1]) if last.__class__ is Token else (around(last) or last.span)[2]
        return new_span((self.source, start, end))

    def reach(self, child: Any) -> Span:
        """The span of a child with the parentheses around it."""
        if child.__class__ is Token:
            return new_span((self.source, child.start, child.start + len(child.value)))
        return self.parentheses.get(child) or child.span

    def parenthesised(self, children: Children) -> s.Expression:
        start, node, end = children
        self.parentheses[node] = self.span(start, end)
        return node  # type: ignore[no-any-return]

    # ---- leaves ----

    def identifier(self, token: Token) -> s.Identifier:
        return s.Identifier(token.value, self._name_span(token))

    def name(self, children: Children) -> s.Name:
        token = children[0]
        return s.Name(token.value, self._name_span(token))

    def _name_span(self, token: Token) -> Span:
        _, text, start = token
        span = new_span((self.source, start, start + len(text)))
        if len(text) > MAX_NAME:
            message = f"a name of {len(text)} characters; at most {MAX_NAME} are allowed"
            self.report.add(Diagnostic("name-too-long", message, span))
        return span

    def number(self, children: Children) -> s.Number:
        token = children[0]
        value = float(token.value)
        if math.isinf(value):
            self._out_of_range(token, "larger than the largest real, about 1.8e308")
        elif value == 0 and token.value.lower().partition("e")[0].strip("0."):
            self._out_of_range(token, "not zero, but too small for a real, so it would become zero")
        return s.Number(value, self.reach(token))

    def integer(self, children: Children) -> s.Integer:
        token = children[0]
        digits = token.value.lstrip("0") or "0"
        # Longer texts are not converted: that takes quadratic time.
        value = int(digits) if len(digits) <= 19 else MAX_INT + 1
        if value > MAX_INT:
            hint = f"write `{digits}.0` for a real" if len(digits) < 25 else None
            self._out_of_range(token, f"larger than the largest int, {MAX_INT}", hint)
        return s.Integer(value, self.reach(token))

    def _out_of_range(self, token: Token, why: str, hint: str | None = None) -> None:
        text = token.value if len(token.value) <= 30 else f"{token.value[:20]}..."
        self.report.add(Diagnostic("number-range", f"`{text}` is {why}", self.reach(token), hint))

    def true(self, children: Children) -> s.Boolean:
        return s.Boolean(True, self.reach(children[0]))

    def false(self, children: Children) -> s.Boolean:
        return s.Boolean(False, self.reach(children[0]))

    def string(self, token: Token) -> s.Text:
        return s.Text(token.value[1:-1], self.reach(token))

    # ---- operators ----

    def chain(self, children: Children) -> s.Chain:
        source = self.source
        links: list[s.Link] = []
        for k in range(1, len(children), 2):
            _, text, start = children[k]
            links.append(s.Link(text, new_span((source, start, start + len(text))), children[k + 1]))
        return s.Chain(children[0], tuple(links), self.span(children[0], children[-1]))

    disjunction = conjunction = sum = product = chain

    def compare(self, children: Children) -> s.Compare:
        left, operator, right = children
        return s.Compare(operator.value, left, right, self.span(left, right))

    def not_(self, children: Children) -> s.Not:
        return s.Not(children[1], self.span(children[0], children[1]))

    def negate(self, children: Children) -> s.Negate:
        return s.Negate(children[1], self.span(children[0], children[1]))

    def power_(self, children: Children) -> s.Power:
        base, _, exponent = children
        return s.Power(base, exponent, self.span(base, exponent))

    def conditional(self, children: Children) -> s.Conditional:
        # if C then V (else if C then V)* else V
        arms = tuple(s.Arm(c, v) for c, v in zip(children[1::5], children[3::5], strict=True))
        return s.Conditional(arms, children[-1], self.span(children[0], children[-1]))

    # ---- brackets ----

    def postfix(self, children: Children) -> s.Index:
        node = children[0]
        start = self.reach(node)[1]
        for i in range(1, len(children), 3):
            end = self.reach(children[i + 2])[2]
            node = s.Index(node, children[i + 1], Span(self.source, start, end))
        return node  # type: ignore[no-any-return]

    def indices(self, children: Children) -> Sequence:
        return tuple(children[::2])

    def slice(self, children: Children) -> s.Slice:
        start, colon, stop, second_colon, step = children
        present = [child for child in (start, colon, stop, second_colon, step) if child is not None]
        return s.Slice(start, stop, step, self.span(present[0], present[-1]))

    def list_literal(self, children: Children) -> s.ListLiteral:
        return s.ListLiteral(tuple(children[1:-1:2]), self.span(children[0], children[-1]))

    def comprehension(self, children: Children) -> s.Comprehension:
        start, body, clauses, end = children
        return s.Comprehension(body, clauses, self.span(start, end))

    def fold(self, children: Children) -> s.Fold:
        name, _, body, clauses, end = children
        return s.Fold(self.identifier(name), body, clauses, self.span(name, end))

    def clauses(self, children: Children) -> Sequence:
        return tuple(children)

    def clause(self, children: Children) -> s.Clause:
        name, (lower, upper) = children
        return s.Clause(self.identifier(name), lower, upper, self.span(name, upper))

    def range(self, children: Children) -> Sequence:
        return tuple(children)

    # ---- calls ----

    def call(self, children: Children) -> s.Call:
        name, _, arguments, end = children
        return s.Call(self.identifier(name), arguments or (), self.span(name, end))

    def arguments(self, children: Children) -> Sequence:
        return tuple(children[::2])

    def positional(self, children: Children) -> s.Argument:
        return s.Argument(None, children[0], self.reach(children[0]))

    def keyword(self, children: Children) -> s.Argument:
        name, _, value = children
        return s.Argument(self.identifier(name), value, self.span(name, value))

    def operator(self, children: Children) -> s.Argument:
        text: Literal["+", "*"] = children[0].value
        span = self.reach(children[0])
        return s.Argument(None, s.OperatorName(text, span), span)

    def text(self, children: Children) -> s.Argument:
        text = self.string(children[0])
        return s.Argument(None, text, text.span)

    def exprs(self, children: Children) -> Sequence:
        return tuple(children[::2])
