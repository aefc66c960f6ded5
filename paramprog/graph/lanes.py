"""Running a body for many lanes at once: what has lanes has one axis more, in front; what all lanes share has not."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from paramprog.diagnostics import fail
from paramprog.graph.node import Node
from paramprog.graph.region import PART, Live, Region, ValueFault
from paramprog.types import Dim


class ArrayLanes(NamedTuple):
    """Lanes of arrays; see `op.Lanes`."""

    size: Dim

    def widen(self, x: Any) -> Any:
        return np.broadcast_to(x, (self.size, *np.shape(x)))


def execute_lanes(live: Live, env: dict[Node, Any], lanes: ArrayLanes, wide: set[Node]) -> None:
    """Compute the live nodes in order, in place in `env`, for all lanes; adds those that have lanes to `wide`.

    Raises ProgramError, with the place, when an operation has no value in some lane.
    """
    for n, keys in live.items():
        if n in env:
            continue
        flags = [a in wide for a in n.args]
        try:
            if not any(flags):
                if isinstance(n.op, Region):
                    env[n] = n.op.run(n, [env.get(a) for a in n.args], keys)
                else:
                    env[n] = n.op.value(*[env[a] for a in n.args], **n.attrs)
                continue
            if isinstance(n.op, Region):
                env[n] = n.op.run_lanes(n, [env.get(a) for a in n.args], flags, keys, lanes)
            elif n.op is PART:
                env[n] = n.op.value(env[n.args[0]], **n.attrs)
            else:
                env[n] = n.op.over_lanes(lanes, flags, *[env[a] for a in n.args], **n.attrs)
        except ValueFault as fault:
            raise fail(fault.code, fault.message, n.span) from None
        wide.add(n)
