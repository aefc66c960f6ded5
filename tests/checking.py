"""Checking and running program texts in tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from oracles import differences

import paramprog
from paramprog.diagnostics import Diagnostic, ProgramError
from paramprog.lang.interpret import interpret
from paramprog.program import Program


def findings(
    text: str, dims: Mapping[str, int] | None = None, function: str | None = None
) -> list[Diagnostic]:
    """What is wrong with a program: its text, and its values at the defaults."""
    try:
        paramprog.loads(text, function, dims).run()
    except ProgramError as error:
        return list(error.diagnostics)
    return []


def told(text: str, dims: Mapping[str, int] | None = None) -> list[tuple[str, str]]:
    """The code and the text under the caret of each finding."""
    return [(d.code, d.span.text if d.span is not None else "") for d in findings(text, dims)]


def code(text: str, dims: Mapping[str, int] | None = None) -> str:
    """The code of the only finding."""
    [(found, _)] = told(text, dims)
    return found


def hint(text: str) -> str | None:
    """The hint of the only finding."""
    [diagnostic] = findings(text)
    return diagnostic.hint


def returning(expression: str, arguments: str = "x = 2.0") -> str:
    """A program of one function that returns this."""
    return f"function f({arguments}) {{ return {expression} }}"


def interpreted(program: Program, inputs: Mapping[str, Any] | None = None) -> list[Any]:
    """The results by the tree interpreter, which never sees the graph."""
    point = program.point(inputs)
    checked = point.compiled.checked
    return interpret(checked.entry, point.inputs, point.params)


def value(text: str, **inputs: Any) -> Any:
    """The result of a program (a tuple of several), which graph and interpreter agree on in value, shape and kind."""
    program = paramprog.loads(text)
    by_graph = list(program.run(inputs).outputs.values())
    by_tree = interpreted(program, inputs)
    for a, b in zip(by_graph, by_tree, strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-13)
    program.compiled().built.graph.check()
    return by_graph[0] if len(by_graph) == 1 else tuple(by_graph)


def computed(expression: str, arguments: str = "x = 2.0", **inputs: Any) -> Any:
    """The value of an expression of these arguments."""
    return value(returning(expression, arguments), **inputs)


def derivatives(text: str, tolerance: float = 1e-7) -> dict[str, Any]:
    """The gradients of a program: both modes agree with one another, and with differences of the interpreter."""
    assert np.shape(value(text)) == ()
    program = paramprog.loads(text)
    reverse, forward = program.grad(), program.grad(mode="forward")
    program.compiled().built.graph.check()
    point = program.point()
    values = {**point.inputs, **point.params}
    for name, found in reverse.gradients.items():

        def moved(x: Any, name: str = name) -> Any:
            given = {**values, name: np.asarray(x)[()]}
            inputs, params = ({k: given[k] for k in names} for names in (point.inputs, point.params))
            return interpret(point.compiled.checked.entry, inputs, params)[0]

        scale = 1 + np.max(np.abs(found), initial=0.0)
        np.testing.assert_allclose(forward[name], found, rtol=1e-10, atol=1e-12 * scale, err_msg=name)
        expected = differences(moved, values[name])
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale, err_msg=name)
    return dict(reverse.gradients)


def messages(text: str) -> list[tuple[str, str, str, str | None]]:
    """Code, text under the caret, message and hint of each finding."""
    return [(d.code, d.span.text if d.span else "", d.message, d.hint) for d in findings(text)]


MANY_PATHS = (
    "alignment",
    "fluid",
    "hyperparameters",
    "kalman_filter",
    "newton_minimum",
    "particle",
    "pendulum",
    "saddle",
)
"""More paths lead through loops of these programs than are enumerated."""
