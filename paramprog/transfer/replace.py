"""`x[a:b] = v`: static entries replaced. Linear in x and in v.

J in x keeps the other entries, and what is overwritten is a structural zero; J in v puts v in its place among zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from paramprog.op import Chain, Linear, Op, Sample, register, unchanged
from paramprog.transfer.linear import MASK
from paramprog.transfer.select import EMBED, SLICE, Cut, Cuts, lifted_cuts, where
from paramprog.types import Shape, ShapeError, dims_text


def _replace(x: Any, v: Any, *, cuts: Cuts) -> Any:
    out = np.array(x)
    out[where(out.ndim, cuts)] = v
    return out


def _replace_rule(x: Shape, v: Shape, *, cuts: Cuts) -> Shape:
    wanted = SLICE.shape(x, cuts=cuts)
    if v != wanted:
        raise ShapeError(f"the entries put there have shape {dims_text(wanted)}, not {dims_text(v)}")
    return x


def _replace_jacobian(port: int, y: Any, x: Any, v: Any, *, cuts: Cuts) -> Chain:
    if port == 1:
        return (Linear(EMBED, attrs={"cuts": cuts}),) if cuts else ()
    others = np.ones(tuple(x.shape), np.bool_)
    others[where(others.ndim, cuts)] = False
    return (Linear(MASK, 1, (others,)),)


REPLACE: Op = register(
    Op(
        "replace",
        "x with the entries of static indices and ranges replaced by v; `x[i, a:b] = v`",
        _replace,
        shape_rule=_replace_rule,
        lift=lifted_cuts,
        kinds=unchanged,
        jacobian=_replace_jacobian,
        samples=(
            Sample(((5,), ()), {"cuts": (Cut(0, 3, None, 1, 5),)}),
            Sample(((5, 3), (2,)), {"cuts": (Cut(0, 1, 2, 2, 5), Cut(1, 0, None, 1, 3))}),
        ),
        total=True,
    )
)
