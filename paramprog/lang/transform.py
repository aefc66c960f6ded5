"""Reductions of the grammar into the syntax tree: one method per rule or alias of grammars/paramprog.lark.

The parser calls the methods bottom-up while it reads, with the children of the reduction: tokens, and values
of other methods. Those for expressions are in transform_expressions.py.
"""

from __future__ import annotations

from typing import NamedTuple

from paramprog.diagnostics import Diagnostic
from paramprog.lang import syntax as s
from paramprog.lang.tokens import Token
from paramprog.lang.transform_expressions import Children, ExpressionBuilder, Sequence


class Turned(NamedTuple):
    """The bounds of `reversed(a..b)`."""

    bounds: Sequence


class TreeBuilder(ExpressionBuilder):
    """The methods for statements, declarations and files."""

    # ---- statements ----

    def block(self, children: Children) -> s.Block:
        return s.Block(tuple(children[1:-1]), self.span(children[0], children[-1]))

    def assign(self, children: Children) -> s.Assign:
        targets, values = children
        return s.Assign(targets, values, self.span(targets[0], values[-1]))

    def targets(self, children: Children) -> Sequence:
        return tuple(children[::2])

    def target(self, children: Children) -> s.Target:
        name, _, indices, end = children
        identifier = self.identifier(name)
        return s.Target(identifier, indices, self.span(name, end) if end else identifier.span)

    def for_loop(self, children: Children) -> s.For:
        start, name, _, turns, word, checkpoint, body = children
        backwards = isinstance(turns, Turned)
        lower, upper = turns.bounds if isinstance(turns, Turned) else turns
        if word is not None:
            self._soft_word(word, "checkpoint", "after the range of a `for` stands `{` or `checkpoint N {`")
        return s.For(self.identifier(name), lower, upper, backwards, checkpoint, body, self.span(start, body))

    def turned(self, children: Children) -> Turned:
        word, _, bounds, _ = children
        self._soft_word(word, "reversed", "a loop runs over `a..b` or over `reversed(a..b)`")
        return Turned(bounds)

    def _soft_word(self, token: Token, wanted: str, hint: str) -> None:
        if token.value != wanted:
            message = f"expected `{wanted}`, found `{token.value}`"
            self.report.add(Diagnostic("syntax", message, self.reach(token), hint))

    def while_loop(self, children: Children) -> s.While:
        start, condition, body = children
        return s.While(condition, body, self.span(start, body))

    def if_block(self, children: Children) -> s.If:
        # if C B (else if C B)* [else B]
        arms = tuple(s.Guarded(c, b) for c, b in zip(children[1:-2:4], children[2:-2:4], strict=True))
        otherwise = children[-1]
        return s.If(arms, otherwise, self.span(children[0], otherwise or arms[-1].body))

    def return_values(self, children: Children) -> s.Return:
        start, values = children
        return s.Return(values, self.span(start, values[-1]))

    # ---- declarations ----

    def dim_decl(self, children: Children) -> s.DimDecl:
        items = tuple(children[1::2])
        last = items[-1].value or items[-1].name
        return s.DimDecl(items, self.span(children[0], last))

    def dim_item(self, children: Children) -> s.DimItem:
        name, value = children
        return s.DimItem(self.identifier(name), value)

    def param_decl(self, children: Children) -> s.ParamDecl:
        return s.ParamDecl(False, tuple(children[1::2]), self.span(children[0], children[-1]))

    def noise_decl(self, children: Children) -> s.ParamDecl:
        return s.ParamDecl(True, tuple(children[1::2]), self.span(children[0], children[-1]))

    def declarator(self, children: Children) -> s.Declarator:
        name, annotation, given = children
        span = self.span(name, given or annotation or name)
        init = given if isinstance(given, s.Init) else None
        value = None if init else given
        return s.Declarator(self.identifier(name), annotation, value, init, span)

    def init(self, children: Children) -> s.Init:
        _, name, _, arguments, end = children
        return s.Init(self.identifier(name), arguments or (), self.span(name, end))

    def const_decl(self, children: Children) -> s.ConstDecl:
        items = tuple(children[1::2])
        return s.ConstDecl(items, self.span(children[0], items[-1].value))

    def const_item(self, children: Children) -> s.ConstItem:
        name, annotation, value = children
        return s.ConstItem(self.identifier(name), annotation, value)

    def base_decl(self, children: Children) -> s.BaseDecl:
        start, name, arguments, _, body, given = children
        partials, end = given or (None, body)
        return s.BaseDecl(self.identifier(name), arguments, body, partials, self.span(start, end))

    def partials(self, children: Children) -> Sequence:
        return children[2], children[3]

    def names(self, children: Children) -> Sequence:
        return tuple(self.identifier(token) for token in children[1:-1:2])

    def import_decl(self, children: Children) -> s.ImportDecl:
        start, path = children
        return s.ImportDecl(self.string(path), self.span(start, path))

    def function_decl(self, children: Children) -> s.FunctionDecl:
        start, name, formals, _, results, body = children
        return s.FunctionDecl(self.identifier(name), formals, results, body, self.span(start, body))

    def signature(self, children: Children) -> Sequence:
        return children[1] or ()

    def formals(self, children: Children) -> Sequence:
        return tuple(children[::2])

    def formal(self, children: Children) -> s.Formal:
        name, annotation, default = children
        return s.Formal(
            self.identifier(name), annotation, default, self.span(name, default or annotation or name)
        )

    def types(self, children: Children) -> Sequence:
        return tuple(children[::2])

    def type(self, children: Children) -> s.TypeExpr:
        kind, _, dims, end = children
        return s.TypeExpr(self.identifier(kind), dims or (), self.span(kind, end or kind))

    # ---- files ----

    def module(self, children: Children) -> s.Module:
        return s.Module(self.source, tuple(children))

    def lone_expression(self, children: Children) -> s.Expression:
        return children[0]  # type: ignore[no-any-return]
