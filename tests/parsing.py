"""Parsing texts in tests."""

from __future__ import annotations

from paramprog.diagnostics import Diagnostic, ProgramError, Source
from paramprog.lang import syntax as s
from paramprog.lang.parse import parse, parse_expression


def module(text: str) -> s.Module:
    return parse(Source("test", text))


def expression(text: str) -> s.Expression:
    return parse_expression(Source("test", text))


def in_function(statements: str) -> str:
    """A file with a function that has these statements, from its second line on."""
    return f"function f(x) {{\n{statements}\nreturn x\n}}\n"


def body(text: str) -> tuple[s.Statement, ...]:
    """The statements of a function body."""
    [function] = module(f"function f() {{\n{text}\n}}").declarations
    assert isinstance(function, s.FunctionDecl)
    return function.body.statements


def errors(text: str) -> tuple[Diagnostic, ...]:
    """What is wrong with a file; nothing if it parses."""
    try:
        module(text)
    except ProgramError as error:
        return error.diagnostics
    return ()
