"""Printing gradients in tests, and running what was printed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import paramprog
from paramprog.diagnostics import Source
from paramprog.emit.adjoint import gradient
from paramprog.emit.declarations import constant
from paramprog.emit.entry import Entry
from paramprog.emit.language import Argument, Function
from paramprog.emit.python_functions import FUNCTIONS, mentioned
from paramprog.emit.source import Spelling, new_language
from paramprog.graph import Node
from paramprog.graph.depth import deep_stack
from paramprog.lang.build import Built
from paramprog.program import Program


def agree(found: Any, expected: Any, tolerance: float = 1e-12) -> bool:
    """Whether two values have one shape and agree, measured against the largest entry; NaN agrees with NaN."""
    a, b = np.asarray(found), np.asarray(expected)
    scale = 1.0 + np.max(np.abs(b[np.isfinite(b)]), initial=0.0)
    return a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True)


def by_python(program: Program, wrt: Sequence[str] | None = None, **given: Any) -> list[Any]:
    """What the printed Python function returns at the point of `program`."""
    text = program.gradient_program(wrt=wrt, language="python", **given)
    namespace: dict[str, Any] = {}
    exec(compile(text, "<printed>", "exec"), namespace)
    point = program.point(**given)
    function = next(v for k, v in reversed(namespace.items()) if k.endswith("_gradient"))
    names = function.__wrapped__.__code__.co_varnames if hasattr(function, "__wrapped__") else ()
    values = [*point.inputs.values(), *point.params.values()]
    return list(function(**dict(zip(names, values, strict=False))))


def by_program(text: str, program: Program, **given: Any) -> list[Any]:
    """What a printed program returns at the point of `program`."""
    point = program.point(**given)
    return list(paramprog.loads(text).run(point.inputs, point.params).outputs.values())


def check(program: Program, wrt: Sequence[str] | None = None, tolerance: float = 1e-12, **given: Any) -> str:
    """Print the gradient in both languages, run both, compare; returns the program."""
    expected = program.grad(wrt=wrt, **given)
    wanted = [expected.value, *expected.gradients.values()]
    text = program.gradient_program(wrt=wrt, **given)
    for found in (by_program(text, program, **given), by_python(program, wrt, **given)):
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            assert agree(a, b, tolerance), f"{a} is not {b}:\n{text}"
    return text


def again(text: str, wrt: Sequence[str] | None = None) -> str:
    """The gradient of the value of a printed gradient, by the same names, printed."""
    program = paramprog.loads(text)
    value = next(iter(program.compiled().built.outputs))
    return program.gradient_program(wrt=wrt, output=value)


def statements(text: str) -> list[str]:
    """The lines of a program without comments, margins and repeated endings of the function's name."""
    text = re.sub(r",\n\s*", ", ", re.sub("#.*", "", text))
    lines = (re.sub(r"(_gradient)+", "_gradient", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def defaults(program: Program) -> Mapping[str, Any]:
    """The values at which a program is evaluated when nothing is given."""
    point = program.point()
    return {**point.inputs, **point.params}


def printed_graph(output: Node, leaves: Sequence[Node], language: Spelling) -> str:
    """A function of leaves that returns an output of a graph and its gradients, as a program."""
    named = {leaf.name or "": leaf for leaf in leaves}
    built = Built(output.graph, named, {}, {}, {"value": output}, [])
    made = new_language(list(named), language, output.graph.real)
    with deep_stack():
        found = gradient(built, "value", named, contracts=made.has_lists)
        entry = Entry(made, found, list(named), "f")
        body = entry.body(Source("graph", ""))
    arguments = [Argument(made.leaves[name], leaf.type) for name, leaf in named.items()]
    functions = [*entry.writer.functions, Function(entry.name, arguments, body, entry.results)]
    lines = [line for f in functions for line in made.function(f)]
    if language == "pp":
        return "\n".join([*map(constant, made.constants.values()), *lines]) + "\n"
    constants = [f"{c.name} = np.array({c.array.tolist()})" for c in made.constants.values()]
    helpers = [FUNCTIONS[name] for name in mentioned(lines)]
    imports = ["import math", "import numpy as np", "from scipy import special"]
    return "\n".join([*imports, *constants, *helpers, *lines]) + "\n"
