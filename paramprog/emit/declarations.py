"""What stands in front of the function: params and constants as the source declares them, at the sizes of this run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from paramprog.emit.language import Argument, ConstantArray
from paramprog.emit.numbers import array, below, literal
from paramprog.lang.build import Built
from paramprog.lang.check import Checked
from paramprog.lang.inits import Draw, default_draw
from paramprog.lang.syntax import Boolean, Expression, Formal, Integer, ListLiteral, Negate, Number
from paramprog.types import Kind, Type

WIDTH = 100
"""A longer line of declarations is broken."""


class Values:
    """What the params and inputs are: given, else as the source says."""

    def __init__(self, checked: Checked, given: Mapping[str, Any]) -> None:
        self.checked, self.given = checked, given

    def get(self, name: str) -> Any:
        """The value of a name as an array, None if it has none."""
        if name in self.given:
            return np.asarray(self.given[name])
        if name not in self.checked.values:
            return None
        return np.asarray(self.checked.values[name])

    def text(self, name: str, type: Type, written: Expression | None, *, typed: bool = True) -> str | None:
        """The value as it is written in the source, if that is a literal. `typed` says that its kind need not be."""
        value = self.get(name)
        if value is None:
            return None
        whole = type.kind == "real" and not typed and value.dtype.kind == "i"
        if name not in self.given and written is not None and _is_literal(written):
            return f"{written.span.text}.0" if whole else _unindented(written)
        if value.size == 0:
            return f"zeros({', '.join(map(str, value.shape))})"
        kind = "real" if whole else kind_of(value)
        return array(value, lambda x: literal(x, kind).text)


def params(checked: Checked, values: Values) -> list[str]:
    """The declarations of all params and noise; those of one line stay in one line."""
    lines: list[str] = []
    before: Any = None
    for name, type in checked.params.items():
        item = checked.items[name]
        word = "noise" if item.noise else "param"
        value = values.get(name)
        if value is None or value.shape != type.shape or item.type is not None:
            text = f"{name} : {type}"
        else:
            text = name
        shown = values.text(name, type, item.value)
        if shown is not None:
            text = below(f"{text} = ", shown)
        else:
            text = f"{text} ~ {_draw(checked.inits.get(name, default_draw(type)))}"
        place = (item.name.span.source, item.name.span.line, word)
        if place == before and len(lines[-1]) + len(text) < WIDTH and "\n" not in lines[-1] + text:
            lines[-1] += f", {text}"
        else:
            lines.append(below(f"{word} ", text))
        before = place
    return lines


def _draw(draw: Draw) -> str:
    return f"{draw.init}({', '.join(repr(float(a)) for a in draw.arguments)})"


def arguments(built: Built, formals: Sequence[Formal], values: Values) -> list[Argument]:
    """The arguments of the entry function, with their types and defaults."""
    found = []
    for formal in formals:
        name = formal.name.text
        type = built.inputs[name].type
        value = values.text(name, type, formal.default, typed=bool(type.shape))
        found.append(Argument(name, None if type == Type("real", ()) else type, value))
    return found


def _unindented(written: Expression) -> str:
    """The text of a literal with its further lines as they stand below its first column."""
    column = written.span.column - 1
    first, *rest = written.span.text.replace("\r", "").split("\n")
    return "\n".join(
        [first, *(line[min(column, len(line) - len(line.lstrip())) :].rstrip() for line in rest)]
    )


def _is_literal(e: Expression) -> bool:
    pending = [e]
    if "#" in e.span.text:
        return False
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
