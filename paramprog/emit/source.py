"""The gradient as a program: a value and its gradients, in the language itself or in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from paramprog.emit import pp_file, python_file
from paramprog.emit.adjoint import gradient
from paramprog.emit.declarations import Values
from paramprog.emit.entry import Entry, Heading
from paramprog.emit.language import Language
from paramprog.emit.names import Names
from paramprog.emit.pp import FUNCTION_NAMES, Pp
from paramprog.emit.pp import RESERVED as PP_RESERVED
from paramprog.emit.python import RESERVED as PYTHON_RESERVED
from paramprog.emit.python import Python
from paramprog.graph import Node
from paramprog.graph.depth import deep_stack
from paramprog.pipeline import Compiled
from paramprog.types import Real

Spelling = Literal["pp", "python"]
"""The languages that gradients are printed in."""


def gradient_source(
    compiled: Compiled,
    function: str,
    output: str,
    wrt: Mapping[str, Node],
    language: Spelling = "pp",
    given: Mapping[str, Any] | None = None,
) -> str:
    """The text of a program that computes an output, a real scalar, and its gradients by `wrt`.

    Names are the user's; `dA` is the adjoint of A. The program has the same inputs, params and defaults, those `given`
    instead of them. In the language itself it returns the output and the gradients in the order of `wrt`, draws the
    same initial values, and can be differentiated again. In Python it is a function of the inputs and params that needs
    NumPy only, and SciPy for special functions.

    Raises ProgramError for an operation that cannot be written.
    """
    leaves = [*compiled.built.params, *compiled.built.inputs]
    made = new_language(leaves, language, compiled.built.graph.real)
    with deep_stack():
        found = gradient(compiled.built, output, wrt, contracts=made.has_lists)
        entry = Entry(made, found, list(wrt), function)
        body = entry.body(compiled.checked.unit.module.source)
        heading = Heading(entry.value, list(wrt), compiled.checked.unit.module.source)
        values = Values(compiled.checked, given or {})
        if isinstance(made, Python):
            return python_file.text(compiled, entry, body, heading, values)
        return pp_file.text(compiled, entry, body, heading, values)


def new_language(leaves: Sequence[str], language: Spelling, real: Real) -> Language:
    """A language in which nothing has been said but the names of params and inputs."""
    if language == "python":
        names = Names(PYTHON_RESERVED)
        made: Language = Python(names, names, real)
    elif language == "pp":
        made = Pp(Names(PP_RESERVED), Names(PP_RESERVED | FUNCTION_NAMES), real)
    else:
        raise ValueError(f"the language is pp or python, not {language!r}")
    for name in leaves:
        made.leaves[name] = made.names.take(name, f"{name}_")
    return made
