"""What stands in front of the function: params and constants as the source declares them, at the sizes of this run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paramprog.emit.language import Argument, ConstantArray
from paramprog.emit.numbers import array, below, literal
from paramprog.lang.build import Built
from paramprog.lang.check import Checked
from paramprog.lang.inits import Draw
from paramprog.lang.syntax import Boolean, Expression, Integer, ListLiteral, Negate, Number
from paramprog.types import Kind, Type

WIDTH = 100
"""A longer line of declarations is broken."""


def params(checked: Checked) -> list[str]:
    """The declarations of all params and noise; those of one line stay in one line."""
    lines: list[str] = []
    before: Any = None
    for name, type in checked.params.items():
        item = checked.items[name]
        word = "noise" if item.noise else "param"
        shown = type if item.type is not None or not _has_shape(checked, name, type) else None
        text = f"{name} : {shown}" if shown is not None else name
        value = default(checked, name, type.kind, item.value)
        if value is not None:
            text = below(f"{text} = ", value)
        else:
            text = f"{text} ~ {_draw(checked.inits[name])}"
        place = (item.name.span.source, item.name.span.line, word)
        if place == before and len(lines[-1]) + len(text) < WIDTH and "\n" not in lines[-1] + text:
            lines[-1] += f", {text}"
        else:
            lines.append(below(f"{word} ", text))
        before = place
    return lines


def _has_shape(checked: Checked, name: str, type: Type) -> bool:
    """Whether the value says which shape the param has."""
    return name in checked.values and np.shape(checked.values[name]) == type.shape


def _draw(draw: Draw) -> str:
    return f"{draw.init}({', '.join(repr(float(a)) for a in draw.arguments)})"


def arguments(checked: Checked, built: Built) -> list[Argument]:
    """The arguments of the entry function, with their types and defaults."""
    found = []
    for formal in checked.entry.formals():
        name = formal.name.text
        type = built.inputs[name].type
        value = default(checked, name, type.kind, formal.default, typed=bool(type.shape))
        found.append(Argument(name, None if type == Type("real", ()) else type, value))
    return found


def default(
    checked: Checked, name: str, kind: Kind, written: Expression | None, *, typed: bool = True
) -> str | None:
    """The value of a param or the default of an argument; as it was written, if that is a literal."""
    if name not in checked.values:
        return None
    value = np.asarray(checked.values[name])
    if written is not None and _is_literal(written) and "#" not in written.span.text:
        whole = kind == "real" and not typed and value.dtype.kind == "i"
        return f"{written.span.text}.0" if whole else _unindented(written)
    if value.size == 0:
        return f"zeros({', '.join(map(str, value.shape))})"
    return array(value, lambda x: literal(x, kind_of(value)).text)


def _unindented(written: Expression) -> str:
    """The text of a literal with its further lines as they stand below its first column."""
    column = written.span.column - 1
    first, *rest = written.span.text.replace("\r", "").split("\n")
    return "\n".join(
        [first, *(line[min(column, len(line) - len(line.lstrip())) :].rstrip() for line in rest)]
    )


def _is_literal(e: Expression) -> bool:
    pending = [e]
    while pending:
        part = pending.pop()
        if isinstance(part, ListLiteral):
            pending += part.items
        elif isinstance(part, Negate):
            pending.append(part.operand)
        elif not isinstance(part, Number | Integer | Boolean):
            return False
    return True


def kind_of(value: Any) -> Kind:
    """The kind of the entries of an array."""
    kinds: Mapping[str, Kind] = {"f": "real", "i": "int", "b": "bool"}
    return kinds[value.dtype.kind]


def constant(declared: ConstantArray) -> str:
    """The declaration of a constant array."""
    value = declared.array
    if value.size == 0:
        return f"const {declared.name} = zeros({', '.join(map(str, value.shape))})"
    kind = kind_of(value)
    return below(f"const {declared.name} = ", array(value, lambda x: literal(x, kind).text))
