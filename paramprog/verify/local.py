"""The rules of the primitives, edge by edge at the actual point, with the place of each that is wrong.

transposes   `pull` of every unit vector is a row, `push` a column of the local Jacobian as a matrix
partials     the local Jacobian is the derivative of the operation's own value, by differences

The path sum cannot see a wrong rule, since every path has it; together with it, these two are the whole proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from paramprog.diagnostics import printable
from paramprog.evaluate import Trace
from paramprog.graph import Node
from paramprog.graph.region import ValueFault
from paramprog.op import pull, push
from paramprog.transfer.step import STOP
from paramprog.types import Real
from paramprog.verify.check import Check, undecided
from paramprog.verify.differences import FEW, difference_check
from paramprog.verify.dyadic import rounded, ulps
from paramprog.verify.edges import edge_entries
from paramprog.verify.factors import TooLargeError
from paramprog.verify.kinks import kinks
from paramprog.verify.rationals import MAX_ENTRIES, Rationals
from paramprog.verify.rows import Entries, Row, through

TRANSPOSES, PARTIALS = "pull, push = Jacobian (ulps)", "Jacobian = differences"

ULPS = 4.0
"""A local Jacobian is a chain of a few maps, each of which rounds once."""

MIXED = 4096.0
"""For long sums and products of frozen numbers: 1e-12."""

TOUCHED = 5 * 10**6
"""Numbers touched at most to check all rows, or all columns, of one matrix; of larger ones a part is."""

LINES = 4000
"""Coordinates and directions along which operations are differenced, for one verification."""

NEARBY = 1e-3

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
        return f"`{node.op.name}`{named}{place}{argument}"


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

    def _chosen(self, count: int, most: int) -> Sequence[int]:
        """All of `count` numbers, or a random part."""
        if count <= most:
            return range(count)
        found: list[int] = sorted(self.rng.choice(count, most, replace=False).tolist())
        return found

    # ---- transposes ----------------------------------------------------------------------------------------

    def transposes(self) -> Check:
        """Undecided where no local Jacobian is finite.

        Where an entry is more than a few numbers multiplied, as for a recurrence, errors are in units of the
        largest entry of its row or column, and more are allowed.
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
            for found in self._compared(use, matrices, plain):
                vectors += found.vectors
                part |= found.part
                if not plain:
                    mixed = max(mixed, found.gap)
                elif found.gap > worst:
                    worst, at = found.gap, str(use)
                if not found.gap <= (ULPS if plain else MIXED):
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
        return Check(TRANSPOSES, not faults, worst, ULPS, "; ".join([*_few(faults), *notes]))

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
            chosen = self._chosen(size, max(FEW, TOUCHED // (np.size(into) + np.size(out))))
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

    # ---- partials ------------------------------------------------------------------------------------------

    def partials(self) -> Check:
        """Undecided where nothing can be: at kinks, and where the values are not finite."""
        found: list[tuple[Use, Check]] = []
        lines = sum(min(np.size(self.values[u.node.args[u.port]]), FEW) for u in self.uses)
        part = min(1.0, LINES / max(lines, 1))
        uses = [u for u in self.uses if u.node.op is not STOP and (part == 1 or self.rng.random() < part)]
        skipped = 0
        with np.errstate(all="ignore"):
            for use in uses:
                try:
                    found += [(use, check) for check in self._differences(use)]
                except TooLargeError:
                    skipped += 1
        decided = [(u, c) for u, c in found if c.ok is not None]
        undone = [(u, c) for u, c in found if c.ok is None]
        faults = [f"{u}: {c.detail}" for u, c in found if c.ok is False]
        notes = [f"{len(uses)} of {len(self.uses)} edges" if part < 1 else f"{len(uses)} edges"]
        notes += [f"{skipped} too large"] if skipped else []
        if undone:
            at, check = undone[0]
            places = len({u for u, _ in undone})
            notes.append(f"{places} edge{'s' * (places != 1)} undecided, as {at}: {check.detail}")
        if not decided and undone:
            return undecided(PARTIALS, "", "; ".join(notes))
        worst = max((c for _, c in decided), key=lambda c: (not c.ok, c.error / c.tolerance), default=None)
        error, tolerance = (0.0, 0.0) if worst is None else (worst.error, worst.tolerance)
        return Check(PARTIALS, not faults, error, tolerance, "; ".join([*_few(faults), *notes]))

    def _differences(self, use: Use) -> Iterator[Check]:
        """For an elementwise operation lane by lane, else for a weighted sum of the entries of the result.

        What is wrong at a kink is asked again nearby: rules that are right on both sides, such as those of the two
        ties of max(a, min(a, b)) at a = b, need not combine to one between them.

        Raises TooLargeError where the local Jacobian is too large.
        """
        node, port = use
        xs = [np.asarray(self.values[a]) for a in node.args]
        xs = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in xs]
        matrices = self.rationals.entries(*use) if use in self.rationals.paths.chains else None
        for found in self._by_lane(use, xs, matrices):
            if found.ok is not False or not kinks(Trace([node], self.values, {}), self.seed):
                yield found
                continue
            moved = [x + NEARBY * (1 + np.abs(x)) * self._signs(x) if x.dtype.kind == "f" else x for x in xs]
            chain = node.op.local(port, node.op.value(*moved, **node.attrs), *moved, **node.attrs)
            there = None if chain is None else edge_entries(chain, xs[port].shape, MAX_ENTRIES)
            wrong = [c for c in self._by_lane(use, moved, there) if c.ok is False]
            yield wrong[0] if wrong else undecided(PARTIALS, "", "at a kink; right nearby")

    def _signs(self, x: Any) -> Any:
        return self.rng.choice([-1.0, 1.0], x.shape)

    def _by_lane(self, use: Use, xs: list[Any], matrices: tuple[Entries, ...] | None) -> Iterator[Check]:
        node, port = use
        n = xs[port].size
        if not node.op.elementwise:
            shape = np.shape(self.values[node])
            weights = self.rng.choice([-1.75, -1.5, -1.25, -1.0, 1.0, 1.25, 1.5, 1.75], shape)
            yield self._difference(use, xs, matrices, weights, Row.of(weights), np.arange(n))
            return
        for k in self._chosen(n, FEW):
            lane = np.array([k])
            mine = [x.ravel()[lane] for x in xs]
            yield self._difference(use, mine, matrices, np.ones(1), Row({k: 1}, 0, True), lane)

    def _difference(
        self,
        use: Use,
        xs: list[Any],
        matrices: tuple[Entries, ...] | None,
        weights: Any,
        row: Row,
        entries: Any,
    ) -> Check:
        """weights^T J against differences of weights^T value; `entries` are those of the whole argument."""
        node, port = use
        claimed = size = np.zeros(entries.size)
        if matrices is not None:  # else a structural zero
            claimed = _floats(through(row, matrices), entries)
            sizes = Row({k: abs(x) for k, x in row.values.items()}, row.power, row.partial)
            size = _floats(through(sizes, [m.sizes for m in matrices]), entries)

        def f(given: dict[str, Any]) -> float:
            try:
                y = node.op.value(*xs[:port], given["x"], *xs[port + 1 :], **node.attrs)
            except ValueFault as fault:
                raise ValueError(fault.message) from None
            return float(np.sum(weights * y))

        (found,) = difference_check(
            f,
            {"x": xs[port]},
            {"x": claimed.reshape(xs[port].shape)},
            self.seed,
            {"x": self.tolerance * size.reshape(xs[port].shape)},
        )
        return found


def _floats(row: Row, entries: Any) -> Any:
    """Some entries of a row, NaN where they are not finite."""
    return np.array(
        [np.nan if k in row.lost else rounded(row.values.get(k, 0), row.power) for k in entries.tolist()]
    )


def _few(faults: Iterable[str]) -> list[str]:
    """The first faults, and how many more there are."""
    faults = list(faults)
    more = len(faults) - SHOWN
    return faults[:SHOWN] + ([f"and {more} more"] if more > 0 else [])
