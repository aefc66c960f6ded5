"""What the entry function of a program takes from a data file, known before its sizes are.

A size is known if it is a number, a const that is one, or a dim in `fixed`; the data may bind the other dims, also
those with a default. An argument without a type is as its default is, else a real scalar.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from paramprog.data import Kind
from paramprog.fitting.columns import Wanted
from paramprog.lang.arguments import open_dims
from paramprog.lang.syntax import Expression, FunctionDecl, Integer, Name
from paramprog.lang.unit import Unit
from paramprog.types import Type


def wanted(
    unit: Unit, entry: FunctionDecl, fixed: Mapping[str, int], defaults: Mapping[str, Type]
) -> tuple[dict[str, Wanted], dict[str, int | None]]:
    """(the arguments by name, the dims that data may bind with their defaults), as `columns.bind` takes them.

    `fixed` are the dims that are given; `defaults` the types of arguments, as far as they are known, for those that
    declare none.
    """
    free = open_dims(unit, entry) - fixed.keys()
    found = {}
    for formal in entry.arguments:
        name, has_default = formal.name.text, formal.default is not None
        if formal.type is not None:
            dims = tuple(_size(unit, d, fixed, free) for d in formal.type.dims)
            found[name] = Wanted(cast(Kind, formal.type.kind.text), dims, has_default)
        else:
            known = defaults.get(name, Type("real", ()))
            found[name] = Wanted(known.kind, tuple(known.shape), has_default)
    return found, {name: _number(unit, name) for name in free}


def _size(unit: Unit, size: Expression, fixed: Mapping[str, int], free: set[str]) -> int | str | None:
    """A number, the name of a dim that is free, or None for an expression that only the compiler can evaluate."""
    if isinstance(size, Integer):
        return size.value
    if not isinstance(size, Name):
        return None
    if size.text in fixed:
        return fixed[size.text]
    return size.text if size.text in free else _number(unit, size.text)


def _number(unit: Unit, name: str) -> int | None:
    """The value of a dim or const if it is written as a number."""
    item = unit.dims.get(name) or unit.consts.get(name)
    value = None if item is None else item.value
    return value.value if isinstance(value, Integer) else None
