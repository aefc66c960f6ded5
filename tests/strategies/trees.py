"""Random syntax trees: what some text parses to, up to spans, without regard to scopes and types."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import strategies as st

from paramprog.diagnostics import Source, Span
from paramprog.lang import syntax as s

NOWHERE = Span(Source("nowhere", ""), 0, 0)

WORDS = ["a", "B", "x1", "_", "real", "axis", "lambda", "reversed", "checkpoint", "iffy", "Functions", "e5"]

words = st.sampled_from(WORDS)
identifiers = st.builds(s.Identifier, words, st.just(NOWHERE))


def build(node: type, *parts: Any) -> st.SearchStrategy[Any]:
    """Nodes of one class with the given fields, the span left out."""
    return st.builds(node, *parts, st.just(NOWHERE))


def tuples_of(strategy: st.SearchStrategy[Any], least: int = 1, most: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


leaves = st.one_of(
    build(s.Number, st.floats(min_value=0, allow_infinity=False, allow_nan=False).map(abs)),
    build(s.Integer, st.integers(0, 2**63 - 1)),
    build(s.Boolean, st.booleans()),
    build(s.Name, words),
)


def _links(operators: list[str], operands: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return tuples_of(st.builds(s.Link, st.sampled_from(operators), st.just(NOWHERE), operands))


def _compound(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Expressions one level above `inner`."""
    chains = [
        build(s.Chain, inner, _links(operators, inner))
        for operators in (["+", "-"], ["*", "/", "//", "@"], ["or"], ["and"])
    ]
    clauses = tuples_of(build(s.Clause, identifiers, inner, inner))
    return st.one_of(
        *chains,
        build(s.Compare, st.sampled_from(["==", "!=", "<=", ">=", "<", ">"]), inner, inner),
        build(s.Negate, inner),
        build(s.Not, inner),
        build(s.Power, inner, inner),
        build(s.Conditional, tuples_of(st.builds(s.Arm, inner, inner)), inner),
        build(s.Call, identifiers, arguments(inner)),
        build(s.Index, inner, indices(inner)),
        build(s.ListLiteral, tuples_of(inner)),
        build(s.Comprehension, inner, clauses),
        build(s.Fold, identifiers, inner, clauses),
    )


def arguments(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    texts = build(s.Text, st.text("abij,-> ", max_size=8))
    operators = build(s.OperatorName, st.sampled_from(["+", "*"]))
    positional = build(s.Argument, st.none(), st.one_of(inner, texts, operators))
    return tuples_of(st.one_of(positional, build(s.Argument, identifiers, inner)), least=0)


def indices(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    optional = st.none() | inner
    return tuples_of(inner | build(s.Slice, optional, optional, optional))


expressions = st.recursive(leaves, _compound, max_leaves=12)
small = st.recursive(leaves, _compound, max_leaves=3)

targets = build(s.Target, identifiers, st.none() | indices(small))
simple_statements = st.one_of(
    build(s.Assign, tuples_of(targets), tuples_of(expressions)),
    build(s.Return, tuples_of(expressions)),
)


def _statements(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    blocks = build(s.Block, tuples_of(inner, least=0))
    arms = tuples_of(st.builds(s.Guarded, small, blocks))
    return st.one_of(
        build(s.For, identifiers, small, small, st.booleans(), st.none() | small, blocks),
        build(s.While, small, blocks),
        build(s.If, arms, st.none() | blocks),
    )


statements = st.recursive(simple_statements, _statements, max_leaves=4)

types = st.one_of(
    build(s.TypeExpr, identifiers, tuples_of(small, least=0)),
    build(s.TypeExpr, build(s.Identifier, st.just("function")), st.just(())),
)
optional_types = st.none() | types
inits = build(s.Init, identifiers, arguments(small))
declarators = st.one_of(
    build(s.Declarator, identifiers, optional_types, st.none() | small, st.none()),
    build(s.Declarator, identifiers, optional_types, st.none(), inits),
)
formals = tuples_of(build(s.Formal, identifiers, optional_types, st.none() | small), least=0)
function_bodies = build(s.Block, tuples_of(statements, least=0))

declarations = st.one_of(
    build(s.DimDecl, tuples_of(st.builds(s.DimItem, identifiers, st.none() | small))),
    build(s.ParamDecl, st.booleans(), tuples_of(declarators)),
    build(s.ConstDecl, tuples_of(st.builds(s.ConstItem, identifiers, optional_types, small))),
    build(s.BaseDecl, identifiers, tuples_of(identifiers), expressions, st.none() | tuples_of(small)),
    build(s.ImportDecl, build(s.Text, st.sampled_from(["a.pp", "dir/b.pp"]))),
    build(s.FunctionDecl, identifiers, formals, st.none() | tuples_of(types), function_bodies),
)

modules = st.builds(s.Module, st.just(NOWHERE.source), tuples_of(declarations, least=0))


def same_tree(left: Any, right: Any) -> bool:
    """Whether two trees are equal but for their spans; of any depth."""
    pending = [(left, right)]
    while pending:
        a, b = pending.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, Span | Source):
            continue
        if isinstance(a, tuple):
            if len(a) != len(b):
                return False
            pending += zip(a, b, strict=True)
        elif dataclasses.is_dataclass(a):
            pending += [(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a)]
        elif a != b:
            return False
    return True
