"""`Op`: one record per primitive, and everything the system knows about it.

From the record come its value, shape rule, forward and reverse mode, dense Jacobian, adjoint nodes, its spelling in
programs, its row in the documentation and its generated tests. `OPS` is the registry; a primitive is one call of
`register` and nothing elsewhere.

record, registry    the record, and where it is found
linear, symbols     local Jacobians as chains of linear maps; what records operations in place of computing them
kinds, lanes        rules for kinds, and for many lanes at once
"""

from __future__ import annotations

from paramprog.op.kinds import (
    KindRule,
    arithmetic,
    comparison,
    first_kind,
    logical,
    to_int,
    to_real,
    unchanged,
)
from paramprog.op.lanes import BatchRule, Depends, Lanes, Lift, NoLanes, Sets, numbered_axes, trailing_axes
from paramprog.op.linear import NO_ATTRS, Attrs, Chain, Linear, new_linear, pull, push
from paramprog.op.record import INFIX, PREFIX, CText, Jacobian, Op, Sample, ShapeRule, SignatureRule, Surface
from paramprog.op.registry import OPS, SURFACES, register
from paramprog.op.symbols import Emitter, Symbol

__all__ = [
    "INFIX",
    "NO_ATTRS",
    "OPS",
    "PREFIX",
    "SURFACES",
    "Attrs",
    "BatchRule",
    "CText",
    "Chain",
    "Depends",
    "Emitter",
    "Jacobian",
    "KindRule",
    "Lanes",
    "Lift",
    "Linear",
    "NoLanes",
    "Op",
    "Sample",
    "Sets",
    "ShapeRule",
    "SignatureRule",
    "Surface",
    "Symbol",
    "arithmetic",
    "comparison",
    "first_kind",
    "logical",
    "new_linear",
    "numbered_axes",
    "pull",
    "push",
    "register",
    "to_int",
    "to_real",
    "trailing_axes",
    "unchanged",
]
