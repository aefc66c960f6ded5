"""A primitive with its attributes as a call: which surface, and which static arguments, mean these attributes.

The attributes of a surface are computed from its options, so the options are found by trying those that the
attributes suggest: a primitive that is added needs nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from paramprog.op import Attrs, Op, Surface
from paramprog.types import Type


class Spelling(NamedTuple):
    """A call of `surface`: what stands before and after the values, and the options that are given by name."""

    surface: Surface
    before: tuple[str, ...]
    after: tuple[str, ...]
    options: Mapping[str, Any]


def spelling(op: Op, types: tuple[Type, ...], attrs: Attrs) -> Spelling | None:
    """How `op` with these attributes is written for arguments of these types; None where no surface can say it."""
    wanted = {k: v for k, v in attrs.items() if k != "real"}
    for surface in op.surfaces:
        count = len(surface.values)
        if count != len(types) and not (surface.variadic and len(types) >= count):
            continue
        if not surface.name.isidentifier():
            continue
        for options in _candidates(surface, types, wanted):
            if _means(surface, types, options, wanted):
                return _spelled(surface, options)
    return None


def _candidates(surface: Surface, types: tuple[Type, ...], attrs: Attrs) -> Iterator[dict[str, Any]]:
    choices: dict[str, list[Any]] = {}
    for name, default in surface.options.items():
        choices[name] = [default]
        if name in attrs:
            choices[name].append(attrs[name])
        if name == "axis" and len(attrs.get("axes", ())) == 1:
            choices[name].append(attrs["axes"][0])
    if surface.leading is not None:
        choices[surface.leading] = [v for v in attrs.values() if isinstance(v, str | int)]
    if surface.rest is not None:
        choices["rest"] = [()]
        for v in attrs.values():
            if isinstance(v, tuple) and all(isinstance(n, int) for n in v):
                choices["rest"].append(v)
            elif isinstance(v, int):
                choices["rest"].append((v,))
    for values in product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def _means(surface: Surface, types: tuple[Type, ...], options: Mapping[str, Any], attrs: Attrs) -> bool:
    try:
        found = dict(surface.attrs(types, options))
    except (ValueError, TypeError, IndexError, KeyError):
        return False
    return found == dict(attrs)


def _spelled(surface: Surface, options: Mapping[str, Any]) -> Spelling:
    before = (static(options[surface.leading]),) if surface.leading is not None else ()
    given = {k: options[k] for k, default in surface.options.items() if options[k] != default}
    return Spelling(surface, before, tuple(map(static, options.get("rest", ()))), given)


def static(value: Any) -> str:
    """A static argument as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)
