"""Where a condition holds, as indices: what `compress` and `expand` of the language gather by.

Sizes are known when a program is compiled, so the number of places that are selected is, too; a run checks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paramprog.graph.region import ValueFault
from paramprog.op import Op, Sample, logical, register, trailing_axes
from paramprog.transfer.spelling import Exact, at_least, trailing
from paramprog.types import Kind, Shape, ShapeError, Type


def _selected(c: Any, *, count: int) -> Any:
    held = np.sum(c, -1)
    if np.any(held != count):
        wrong = int(np.ravel(held)[np.ravel(held) != count][0])
        raise ValueFault("wrong-count", f"the condition holds at {wrong} places, not at {count}")
    return np.argsort(~c, -1, kind="stable")[..., :count].astype(np.int64, copy=False)


def _rule(c: Shape, *, count: int) -> Shape:
    if not c:
        raise ShapeError("takes an array of conditions; this is a scalar")
    if count > c[-1]:
        raise ShapeError(f"a condition with {c[-1]} entries does not hold at {count} places")
    return (*c[:-1], count)


def _kinds(*kinds: Kind) -> tuple[tuple[Kind, ...], Kind]:
    return logical(*kinds)[0], "int"


def _attrs(types: tuple[Type, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    (count,) = trailing(options, "n")
    at_least(0, n=count)
    return {"count": count}


SELECTED: Op = register(
    Op(
        "selected",
        "the places of the `count` entries where c holds, in order, along the last axis",
        _selected,
        shape_rule=_rule,
        lift=trailing_axes,
        kinds=_kinds,
        surfaces=(
            Exact(
                "selected",
                "the n places where c holds, in order, along the last axis; n is checked in each run",
                ("c",),
                attrs=_attrs,
                rest="n",
            ),
        ),
        samples=(
            Sample(((4,),), {"count": 2}, ((0, 1, 0, 1),)),
            Sample(((2, 3),), {"count": 1}, ((0, 0, 1, 1, 0, 0),)),
        ),
    )
)
