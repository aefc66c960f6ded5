"""The transposes of the primitives, edge by edge at the actual point, with the place of each that is wrong.

`pull` of every unit vector is a row, `push` a column of the local Jacobian as a matrix. That the matrix is the
derivative of the operation is what partials.py checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from paramprog.diagnostics import printable
from paramprog.graph import Node
from paramprog.op import pull, push
from paramprog.types import Real
from paramprog.verify.check import Check, undecided
from paramprog.verify.differences import FEW
from paramprog.verify.dyadic import rounded, ulps
from paramprog.verify.factors import TooLargeError, condition
from paramprog.verify.rationals import Rationals
from paramprog.verify.rows import Entries, Row, through

TRANSPOSES = "pull, push = Jacobian (ulps)"

ULPS = 4.0
"""A local Jacobian is a chain of a few maps, each of which rounds once."""

MIXED = 4096.0
"""For long sums and products of frozen numbers: 1e-12."""

TOUCHED = 5 * 10**6
"""Numbers touched at most to check all rows, or all columns, of one matrix; of larger ones a part is."""

SHOWN = 3
"""So many faults are named."""


class Use(NamedTuple):
    """The value of args[port] of `node`."""

    node: Node
    port: int

    def __str__(self) -> str:
        """`` `f0` (B) at running_example.pp:18:9, argument 1``."""
        node = self.node
        named = f" ({node.name})" if node.name is not None else ""
        place = "" if node.span is None else f" at {printable(repr(node.span))}"
        argument = f", argument {self.port + 1}" if len(node.args) > 1 else ""
        return f"`{node.op.spelled}`{named}{place}{argument}"


class _Compared(NamedTuple):
    """Some unit vectors, whether they are a part, the worst gap, and what it is."""

    vectors: int
    part: bool
    gap: float
    text: str


@dataclass
class Local:
    """The uses on the way from `starts` to the output, and what is found about them."""

    rationals: Rationals
    starts: Sequence[Node]
    real: Real
    tolerance: float
    seed: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.values = self.rationals.paths.trace.values
        self.uses = list(self._uses())

    def _uses(self) -> Iterator[Use]:
        """Those in which a real value that varies with `starts` enters a real value that the output needs."""
        nodes = self.rationals.paths.trace.nodes
        needed, varies = {self.rationals.paths.output}, set(self.starts)
        for n in reversed(nodes):
            if n in needed:
                needed.update(n.args)
        for n in nodes:
            if any(a in varies for a in n.args):
                varies.add(n)
            if n in needed and n.kind == "real":
                for port, a in enumerate(n.args):
                    if a in varies and a.kind == "real":
                        yield Use(n, port)

    def chosen(self, count: int, most: int) -> Sequence[int]:
        """All of `count` numbers, or a random part."""
        if count <= most:
            return range(count)
        found: list[int] = sorted(self.rng.choice(count, most, replace=False).tolist())
        return found

    # ---- transposes ----------------------------------------------------------------------------------------

    def transposes(self) -> Check:
        """Undecided where no local Jacobian is finite.

        Where an entry is more than a few numbers multiplied, as for a recurrence, errors are in units of the
        largest entry of its row or column, and more are allowed; for systems of equations as their condition says.
        """
        worst, at, skipped, part, vectors, edges, mixed = 0.0, "", 0, False, 0, 0, 0.0
        faults: list[str] = []
        for use in self.uses:
            if use not in self.rationals.paths.chains:
                continue
            matrices = self._matrices(use)
            if matrices is None:
                skipped += 1
                continue
            edges += 1
            plain = all(m.plain for m in matrices)
            allowed = ULPS if plain else MIXED + condition(self.rationals.paths.chains[use])
            for found in self._compared(use, matrices, plain):
                vectors += found.vectors
                part |= found.part
                if not plain:
                    mixed = max(mixed, found.gap)
                elif found.gap > worst:
                    worst, at = found.gap, str(use)
                if not found.gap <= allowed:
                    faults.append(f"{use}: {found.text}")
                    worst = max(worst, found.gap)
                    break
        if not edges and skipped:
            return undecided(TRANSPOSES, "", "no local Jacobian is finite and small enough")
        notes = [f"{edges} edge{'s' * (edges != 1)}, {vectors:,} unit vectors"]
        notes += ["a random part of those of large matrices"] if part else []
        notes += [f"{skipped} not finite or too large"] if skipped else []
        notes += [f"{mixed:.2g} of the largest entries of recurrences and the like"] if mixed else []
        notes += [f"worst at {at}"] if at and not faults else []
        return Check(TRANSPOSES, not faults, worst, ULPS, "; ".join([*few(faults), *notes]))

    def _matrices(self, use: Use) -> tuple[Entries, ...] | None:
        """None where they are too large, or not finite."""
        try:
            matrices = self.rationals.entries(*use)
        except TooLargeError:
            return None
        return None if any(m.bad for m in matrices) else matrices

    def _compared(self, use: Use, matrices: tuple[Entries, ...], plain: bool) -> Iterator[_Compared]:
        """The rows, then the columns."""
        chain = self.rationals.paths.chains[use]
        into, out = self.values[use.node.args[use.port]], self.values[use.node]
        columns = tuple(m.transposed for m in reversed(matrices))
        for name, apply, given, exact in (("pull", pull, out, matrices), ("push", push, into, columns)):
            shape, size = np.shape(given), np.size(given)
            chosen = self.chosen(size, max(FEW, TOUCHED // max(np.size(into) + np.size(out), 1)))
            worst, text = 0.0, ""
            unit = np.zeros(size, np.asarray(given).dtype)
            for k in chosen:
                unit[k] = 1
                found = np.ravel(apply(chain, unit.reshape(shape).copy()[()]))
                unit[k] = 0
                row = through(Row({k: 1}, 0, True), exact)
                gap, entry = self._worst(found, row, plain)
                if gap > worst:
                    place = (k, entry) if name == "pull" else (entry, k)
                    wanted = rounded(row.values.get(entry, 0), row.power)
                    worst = gap
                    text = f"{name} gives {found[entry]:.8g} in entry {place}, not {wanted:.8g}"
            yield _Compared(len(chosen), len(chosen) < size, worst, text)

    def _worst(self, found: Any, row: Row, plain: bool) -> tuple[float, int]:
        """The worst gap, and the entry that has it."""
        worst, at = 0.0, 0
        largest = max(map(abs, row.values.values()), default=0)
        for k in {*np.flatnonzero(found).tolist(), *row.values}:
            unit = None if plain or not largest else abs(largest).bit_length() + row.power
            gap = ulps(float(found[k]), row.values.get(k, 0), row.power, self.real, unit)
            if gap > worst:
                worst, at = gap, k
        return worst, at


def few(faults: Iterable[str]) -> list[str]:
    """The first faults, and how many more there are."""
    faults = list(faults)
    more = len(faults) - SHOWN
    return faults[:SHOWN] + ([f"and {more} more"] if more > 0 else [])
