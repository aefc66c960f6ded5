"""A whole file in Python."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from paramprog.emit.declarations import Values, kind_of
from paramprog.emit.entry import BaseText, Entry, Heading
from paramprog.emit.language import Argument, ConstantArray, Function
from paramprog.emit.numbers import array, below
from paramprog.emit.python import Python, parameter
from paramprog.emit.python_functions import FUNCTIONS, mentioned
from paramprog.pipeline import Compiled


def text(compiled: Compiled, entry: Entry, body: Sequence[str], heading: Heading, values: Values) -> str:
    """Imports, constants, functions, and last the function of the value and the gradients."""
    language = entry.language
    assert isinstance(language, Python)
    arguments = _arguments(compiled, language, values)
    converted = [parameter(a, language.real) for a in arguments]
    doc = (
        f"Return {', '.join([entry.results[0], *(f'd{entry.results[0]}/d{name}' for name in heading.wrt)])}."
    )
    functions = [_base(b) for b in entry.bases(partials=False)]
    functions += [language.function(f) for f in entry.writer.functions]
    main = Function(
        entry.name, arguments, [*converted, *([""] if converted else []), *body], entry.results, doc
    )
    functions.append(['@np.errstate(all="ignore")', *language.function(main)])
    constants = [_constant(c, language) for c in language.constants.values()]
    lines = [line for f in functions for line in f] + constants
    helpers = [FUNCTIONS[name] for name in mentioned(lines)]
    used = "\n".join([*lines, *helpers])
    scipy = [name for name in ("linalg", "special") if re.search(rf"(?<![\w.]){name}\.", used)]
    imports = [
        *(["import math", ""] if "math." in used else []),
        "import numpy as np",
        *([f"from scipy import {', '.join(scipy)}"] if scipy else []),
    ]
    parts = [
        f'"""{heading.sentence}, made from {heading.file} by `paramprog grad --emit python`."""',
        "\n".join(imports),
    ]
    head = "\n\n".join([*parts, *(["\n".join(constants)] if constants else [])])
    return "\n\n\n".join([head, *helpers, *("\n".join(f) for f in functions)]) + "\n"


def _arguments(compiled: Compiled, language: Python, values: Values) -> list[Argument]:
    """Inputs, then params, with their values as defaults."""
    found: list[Argument] = []
    for name, leaf in [*compiled.built.inputs.items(), *compiled.built.params.items()]:
        value = values.get(name)
        default = None if value is None else _tuples(np.broadcast_to(value, leaf.shape), language)
        found.append(Argument(language.leaves[name], leaf.type, default))
    return found


def _tuples(value: Any, language: Python) -> str:
    if value.size == 0:
        return f"np.zeros({value.shape})"
    return array(value, lambda x: language.number(x, kind_of(value)).text, "()")


def _constant(declared: ConstantArray, language: Python) -> str:
    value = declared.array
    dtype = f", np.{language.real}" if kind_of(value) == "real" and language.real != "float64" else ""
    if value.size == 0:
        return f"{declared.name} = np.zeros({value.shape}, np.{value.dtype.name})"
    listed = array(value, lambda x: language.number(x, kind_of(value)).text)
    return below(f"{declared.name} = np.array(", f"{listed}{dtype})")


def _base(base: BaseText) -> list[str]:
    arguments = ", ".join(base.arguments)
    result = base.result.text
    if not base.whole:
        shapes = ", ".join(f"np.shape({a})" for a in base.arguments)
        result = f"np.broadcast_to({result}, np.broadcast_shapes({shapes}))[()]"
    return [f"def {base.name}({arguments}):", f"    return {result}"]
