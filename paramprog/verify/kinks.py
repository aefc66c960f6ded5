"""Where a program is not smooth at a point: the operations whose Jacobian jumps there.

Every operation is asked, not a list of names: its arguments are moved a little in a random direction and
back, and it has a kink where its local Jacobian (for operations without one, its value) differs between the
two by more than a smooth function could. At a kink any number between the one-sided derivatives is
defensible, so differences decide nothing there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from paramprog.evaluate import Trace
from paramprog.graph import Node
from paramprog.op import Chain

STEP = 1e-9
JUMP = 1e-3
FLAT = 1e-4
"""A smaller change is none: a derivative that passes through 0 changes by all that it is."""


def kinks(trace: Trace, seed: int = 0) -> list[Node]:
    """The operations of the trace that have a kink at its values, in order."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        return [n for n in trace.nodes if n.args and _jumps(n, trace, rng)]


def _jumps(node: Node, trace: Trace, rng: np.random.Generator) -> bool:
    values = [trace.values[a] for a in node.args]
    moves = [
        STEP * (1.0 + np.abs(v)) * rng.standard_normal(np.shape(v)) if np.asarray(v).dtype.kind == "f" else 0
        for v in values
    ]
    if all(isinstance(m, int) for m in moves):
        return False
    sides = []
    for sign in (1, -1):
        # in float64: a float32 would not move
        xs = [
            v if isinstance(m, int) else np.asarray(v, np.float64) + sign * m
            for v, m in zip(values, moves, strict=True)
        ]
        y = node.op.value(*xs, **node.attrs)
        if node.op.jacobian is None:
            sides.append([y])
        else:
            chains = (node.op.local(port, y, *xs, **node.attrs) for port in range(len(xs)))
            sides.append([f for chain in chains for f in _frozen(chain)])
    return any(_far(a, b) for a, b in zip(*sides, strict=True))


def _frozen(chain: Chain | None) -> list[Any]:
    return [f for lin in chain or () for f in lin.frozen]


def _far(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind != "f":
        return bool(np.any(a != b))
    return bool(np.any(np.abs(a - b) > JUMP * (np.abs(a) + np.abs(b)) + FLAT))
