"""The partials of the primitives: every local Jacobian is the derivative of the operation's own value.

Edge by edge at the actual point, by differences, with the place of each that is wrong. The path sum cannot see a wrong
rule, since every path has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from paramprog.graph.region import ValueFault
from paramprog.transfer.step import STOP
from paramprog.verify.check import Check, undecided
from paramprog.verify.differences import AT_KINK, CANCELLED, FEW, difference_check
from paramprog.verify.dyadic import rounded
from paramprog.verify.edges import edge_entries
from paramprog.verify.factors import TooLargeError
from paramprog.verify.kinks import FLAT, JUMP, STEP
from paramprog.verify.local import Local, Use, few
from paramprog.verify.rationals import MAX_ENTRIES
from paramprog.verify.rows import Entries, Row, through

PARTIALS = "Jacobian = differences"

LINES = 4000
"""Coordinates and directions along which operations are differenced, for one verification."""

NEARBY = 1e-3

Matrices = tuple[Entries, ...] | None
"""A local Jacobian; None is a structural zero."""


class Spot(NamedTuple):
    """What is differenced: the lane of an elementwise operation, or (None) a weighted sum of all entries."""

    lane: int | None
    weights: Any

    @property
    def row(self) -> Row:
        """The weights as a row vector."""
        return Row.of(self.weights) if self.lane is None else Row({self.lane: 1}, 0, True)


def partials(local: Local) -> Check:
    """Undecided where nothing can be: at kinks, and where the values are not finite."""
    lines = sum(min(np.size(local.values[u.node.args[u.port]]), FEW) for u in local.uses)
    part = min(1.0, LINES / max(lines, 1))
    uses = [u for u in local.uses if u.node.op is not STOP and (part == 1 or local.rng.random() < part)]
    found: list[tuple[Use, Check]] = []
    skipped = 0
    with np.errstate(all="ignore"):
        for use in uses:
            try:
                found += [(use, check) for check in _Edge(local, use).checks()]
            except TooLargeError:
                skipped += 1
    return _summary(found, len(uses), len(local.uses) if part < 1 else len(uses), skipped)


def _summary(found: Sequence[tuple[Use, Check]], made: int, of: int, skipped: int) -> Check:
    decided = [(u, c) for u, c in found if c.ok is not None]
    undone = [(u, c) for u, c in found if c.ok is None]
    faults = [f"{u}: {c.detail}" for u, c in found if c.ok is False]
    notes = [f"{made} of {of} edges" if made < of else f"{made} edge{'s' * (made != 1)}"]
    notes += [f"{skipped} too large"] if skipped else []
    if undone:
        at, check = undone[0]
        places = len({u for u, _ in undone})
        notes.append(f"{places} undecided, first {at}: {check.detail}")
    if not decided and undone:
        return undecided(PARTIALS, "", "; ".join(notes))
    worst = max((c for _, c in decided), key=lambda c: (not c.ok, c.error / c.tolerance), default=None)
    error, tolerance = (0.0, 0.0) if worst is None else (worst.error, worst.tolerance)
    return Check(PARTIALS, not faults, error, tolerance, "; ".join([*few(faults), *notes]))


@dataclass
class _Edge:
    local: Local
    use: Use

    def __post_init__(self) -> None:
        values = [np.asarray(self.local.values[a]) for a in self.use.node.args]
        self.narrow = any(x.dtype == np.float32 for x in values)
        self.xs = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in values]

    def checks(self) -> Iterator[Check]:
        """One for each spot. Raises TooLargeError where the local Jacobian is too large.

        What is wrong where the rule jumps is asked again nearby: rules that are right on both sides of a kink need not
        combine to what is right between them, as those of the two ties of max(a, min(a, b)) at a = b. So is what a kink
        leaves open: a wrong rule is wrong there as well. And what is wrong in float32 is asked again in float64: the
        partials of a base function are a whole expression, in which terms may cancel.
        """
        rationals = self.local.rationals
        here = rationals.entries(*self.use) if self.use in rationals.paths.chains else None
        for spot in self._spots():
            found = self._check(self.xs, here, spot)
            if found.ok is False and self._jumps(here, spot):
                moved = self._moved(NEARBY)
                there = self._check(moved, self._matrices(moved), spot)
                found = there if there.ok is False else undecided(PARTIALS, "", f"{AT_KINK}; right nearby")
            elif found.ok is False and self.narrow:
                there = self._check(self.xs, self._matrices(self.xs), spot)
                found = found if there.ok is False else undecided(PARTIALS, "", CANCELLED)
            elif found.ok is None and found.detail.startswith(AT_KINK):
                moved = self._moved(NEARBY)
                there = self._check(moved, self._matrices(moved), spot)
                found = there if there.ok is False else found
            yield found

    def _spots(self) -> Iterator[Spot]:
        node, local = self.use.node, self.local
        if not node.op.elementwise:
            shape = np.shape(local.values[node])
            yield Spot(None, local.rng.choice([-1.75, -1.5, -1.25, -1.0, 1.0, 1.25, 1.5, 1.75], shape))
            return
        for lane in local.chosen(self.xs[self.use.port].size, FEW):
            yield Spot(lane, np.ones(1))

    def _moved(self, step: float) -> list[Any]:
        """The arguments, each entry a little off, none as much as another."""
        normal = self.local.rng.standard_normal
        return [x + step * (1 + np.abs(x)) * normal(x.shape) if x.dtype.kind == "f" else x for x in self.xs]

    def _matrices(self, xs: Sequence[Any]) -> Matrices:
        node, port = self.use
        chain = node.op.local(port, node.op.value(*xs, **node.attrs), *xs, **node.attrs)
        return None if chain is None else edge_entries(chain, xs[port].shape, MAX_ENTRIES)

    def _jumps(self, here: Matrices, spot: Spot) -> bool:
        """Whether the rule gives something else next to the point."""
        a, b = self._claimed(here, spot), self._claimed(self._matrices(self._moved(STEP)), spot)
        return not np.all(np.abs(a - b) <= JUMP * (np.abs(a) + np.abs(b)) + FLAT)

    def _claimed(self, matrices: Matrices, spot: Spot, *, sizes: bool = False) -> Any:
        """weights^T J, for the entries of the argument that are varied."""
        x = self.xs[self.use.port]
        entries = range(x.size) if spot.lane is None else [spot.lane]
        if matrices is None:
            return np.zeros(len(entries))
        row = spot.row
        if sizes:
            row = Row({k: abs(w) for k, w in row.values.items()}, row.power, row.partial)
            matrices = tuple(m.sizes for m in matrices)
        made = through(row, matrices)
        return np.array(
            [np.nan if k in made.lost else rounded(made.values.get(k, 0), made.power) for k in entries]
        )

    def _check(self, xs: Sequence[Any], matrices: Matrices, spot: Spot) -> Check:
        node, port = self.use
        given = xs if spot.lane is None else [x.ravel()[[spot.lane]] for x in xs]
        shape = given[port].shape

        def f(values: dict[str, Any]) -> float:
            try:
                y = node.op.value(*given[:port], values["x"], *given[port + 1 :], **node.attrs)
            except ValueFault as fault:
                raise ValueError(fault.message) from None
            return float(np.sum(spot.weights * y))

        (found,) = difference_check(
            f,
            {"x": given[port]},
            {"x": self._claimed(matrices, spot).reshape(shape)},
            self.local.seed,
            {"x": self.local.tolerance * self._claimed(matrices, spot, sizes=True).reshape(shape)},
        )
        return found
