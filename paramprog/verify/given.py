"""Derivatives given by hand: each partial of such a base function against differences of its body, at every call.

Whatever the gradient is taken by: a wrong partial is wrong also where no parameter needs it yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from paramprog.evaluate import Trace
from paramprog.graph import Node
from paramprog.transfer.base import BaseOp
from paramprog.verify.check import Check, undecided
from paramprog.verify.differences import difference_check

GIVEN = "given partial = differences"

LANES = 8
"""Entries that are looked at in each call."""


def given_partials(run: Trace, seed: int) -> list[Check]:
    """One check for each argument of each base function whose derivative rests on one given by hand, in float64."""
    found: dict[tuple[BaseOp, int], list[Check]] = {}
    rng = np.random.default_rng(seed)
    for node in run.nodes:
        if isinstance(node.op, BaseOp) and _by_hand(node.op):
            for port in range(len(node.args)):
                with np.errstate(all="ignore"):
                    found.setdefault((node.op, port), []).extend(_call(run, node, port, rng, seed))
    return [_worst(op, port, checks) for (op, port), checks in found.items()]


def _by_hand(op: BaseOp) -> bool:
    """Whether its partials were given by hand, or those of a base function that its body calls."""
    pending, seen = [op], {op}
    while pending:
        one = pending.pop()
        if one.body.given:
            return True
        inner = {n.op for n in one.body.graph.nodes if isinstance(n.op, BaseOp)} - seen
        seen |= inner
        pending += inner
    return False


def _call(run: Trace, node: Node, port: int, rng: np.random.Generator, seed: int) -> list[Check]:
    op = node.op
    assert isinstance(op, BaseOp) and op.body.partials is not None
    xs = [np.ravel(np.asarray(run.values[a], np.float64)) for a in node.args]
    lanes = rng.permutation(xs[port].size)[:LANES]
    return [_lane(op, port, [x[k : k + 1] for x in xs], seed) for k in lanes]


def _lane(op: BaseOp, port: int, xs: Sequence[Any], seed: int) -> Check:
    """One entry of one call."""
    assert op.body.partials is not None
    partial = op.body.partials[port]
    claimed = np.zeros(1) if partial is None else np.asarray(op.body.apply(partial, xs), np.float64)

    def f(values: dict[str, Any]) -> float:
        return float(op.value(*xs[:port], values["x"], *xs[port + 1 :])[0])

    if not np.isfinite(claimed).all():
        (zero,) = difference_check(f, {"x": xs[port]}, {"x": np.zeros(1)}, seed, {"x": np.zeros(1)})
        if zero.ok is not None and np.isfinite(f({"x": xs[port]})):
            detail = f"{claimed[0]:g} where differences are finite"
            return Check(GIVEN, False, float("inf"), zero.tolerance, detail)
        return undecided(GIVEN, "", "not finite at this point")
    (found,) = difference_check(f, {"x": xs[port]}, {"x": claimed}, seed, {"x": 1e-12 * np.abs(claimed)})
    return found


def _worst(op: BaseOp, port: int, checks: Sequence[Check]) -> Check:
    """Of all calls: a failure, else the largest error, else that nothing could be decided."""
    of = f"{op.name}, {op.body.arguments[port].name}"
    wrong = [c for c in checks if c.ok is False]
    right = [c for c in checks if c.ok]
    if not wrong and not right:
        return undecided(GIVEN, of, checks[0].detail if checks else "no entries")
    worst = max(wrong or right, key=lambda c: c.error)
    return Check(GIVEN, not wrong, worst.error, worst.tolerance, worst.detail, of)
