"""The registry of primitives, and the functions of the language that they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramprog.op.record import Op, Surface

OPS: dict[str, Op] = {}
"""Every primitive by name."""

SURFACES: dict[str, list[tuple[Op, Surface]]] = {}
"""The built-in functions of the language by name; `max(x)` and `max(a, b)` differ by how many values they take."""


def register(op: Op) -> Op:
    """Add a primitive; its name and its surface names must be new. Returns the record."""
    if op.name in OPS:
        raise ValueError(f"a primitive named {op.name!r} exists already")
    given = [op.elementwise, op.signature is not None, op.shape_rule is not None]
    if sum(given) != 1:
        raise ValueError(f"{op.name}: give exactly one of elementwise, signature, shape_rule")
    for surface in op.surfaces:
        if any(len(other.values) == len(surface.values) for _, other in SURFACES.get(surface.name, ())):
            raise ValueError(f"a function {surface.usage} exists already")
    OPS[op.name] = op
    for surface in op.surfaces:
        SURFACES.setdefault(surface.name, []).append((op, surface))
    return op
