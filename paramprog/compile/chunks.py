"""Long loops in chunks of a fixed size, each with sums of its own, which are then added in the order of the chunks.

Where the cuts are depends on the program and its sizes alone. So several threads may compute the chunks, and the
result is the same, to the bit, for any number of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil

from paramprog.compile.kernel import (
    AddProduct,
    At,
    Buf,
    Chunks,
    Fill,
    Fold,
    For,
    Kernel,
    Let,
    Load,
    Multiply,
    Product,
    Replays,
    Start,
    Statement,
    Step,
    Store,
    Turns,
    bodies,
)
from paramprog.compile.nests import cost_of
from paramprog.compile.tensor import How, Place
from paramprog.types import Dim, Kind, Shape, is_open

WORK = 1 << 18
"""What a chunk computes at least, in additions: 10 to 20 microseconds in a vectorised loop."""

PAYS = 8 * WORK
"""What a loop computes at least that is cut."""

MOST = 256
"""Chunks of a loop."""

LINE = 64
"""Turns of a chunk are a multiple of it: chunks begin at whole vectors and cache lines then."""

STACK = 1 << 15
"""Bytes of sums that lie on the stack of a kernel, for all chunks."""

ENTRIES = 1 << 17
"""Entries of sums that are arrays, for all chunks."""

UNKNOWN = 32
"""What the extent of an inner loop is taken to be that is not known."""

Rooms = Callable[[Kind, Shape], Buf]


def cut(kernel: Kernel, room: Rooms) -> None:
    """Decide of each outermost loop of a kernel whether and how it is cut; `room` makes memory for arrays of sums."""
    starts = {s.name: s for s in kernel.body if isinstance(s, Start)}
    for s in kernel.body:
        if isinstance(s, For):
            s.chunks = _chunks(s, kernel, starts, room)


def rows_of(extent: int, chunks: Chunks) -> int:
    """Turns of a chunk, of a loop with `extent`; the generated code computes the same."""
    if extent < chunks.least:
        return extent
    rows = -(-extent // chunks.most)
    return max(-(-rows // chunks.line) * chunks.line, chunks.rows)


def work(body: Sequence[Statement]) -> int:
    """Of statements, in additions."""
    return sum(map(_work, body))


def work_of_steps(steps: Sequence[Step]) -> int:
    """Of a program, in additions."""
    found = 0
    for step in steps:
        if isinstance(step, Kernel):
            found += work(step.body)
        elif isinstance(step, Product):
            found += step.shape.batch * _size(step.shape.m) * _size(step.shape.n) * _size(step.shape.k) // 8
        else:
            turns = (step.static or UNKNOWN) if isinstance(step, Turns | Replays) else 1
            found += turns * sum(map(work_of_steps, bodies(step)))
    return found


def _size(n: Dim) -> int:
    return UNKNOWN if is_open(n) else int(n)


def _work(s: Statement) -> int:
    if isinstance(s, For):
        return _size(s.extent) * work(s.body)
    if isinstance(s, Let):
        return cost_of(s.text)
    if isinstance(s, Fill):
        return UNKNOWN if any(map(is_open, s.buf.shape)) else s.buf.size
    return 1


def _chunks(loop: For, kernel: Kernel, starts: dict[str, Start], room: Rooms) -> Chunks | None:
    each = max(work(loop.body), 1)
    least = max(ceil(PAYS / each), 2)
    if not is_open(loop.extent) and int(loop.extent) < least:
        return None
    found = _Found(starts)
    found.walk(loop.body)
    if not found.independent():
        return None
    entries = sum(b.size for b, _ in found.arrays.values())
    most = min(MOST, ENTRIES // max(entries, 1), STACK // (16 * max(len(found.sums) + len(kernel.checks), 1)))
    if most < 2:
        return None
    rows = max(WORK // each, 16 * entries // each, 1)
    line = LINE if rows >= LINE else 1
    made = Chunks(least, -(-rows // line) * line, line, most, found.sums)
    for b, how in found.arrays.values():
        made.arrays[b] = partial = room(b.kind, (most, *b.shape)), how
        kernel.bufs[partial[0]] = True
    return made


Way = tuple[int, int, int]
"""How an entry moves with the outermost counter: which axis, by how much, from where."""


def _way(at: At) -> Way | None:
    for k, place in enumerate(at):
        if isinstance(place, Place) and place.axis == 0 and place.coef:
            return k, place.coef, place.offset
    return None


@dataclass
class _Found:
    """What the statements of a loop do that other turns of it may see."""

    starts: dict[str, Start]
    sums: list[Start] = field(default_factory=list)
    arrays: dict[str, tuple[Buf, How]] = field(default_factory=dict)
    """By their text, arrays to which each turn adds."""
    own: set[str] = field(default_factory=set)
    """Arrays that live in one turn."""
    loads: list[tuple[str, Way | None]] = field(default_factory=list)
    stores: list[tuple[str, Way | None]] = field(default_factory=list)
    unclear: bool = False

    def walk(self, body: Sequence[Statement]) -> None:
        for s in self._all(body):
            if isinstance(s, Fold | Multiply):
                self._sum(s.name)
            elif isinstance(s, Load):
                self.loads.append((s.buf.text, _way(s.at)))
            elif isinstance(s, Fill):
                self.own.add(s.buf.text)
                self.unclear |= not s.local
            elif isinstance(s, AddProduct):
                self._store(s.buf, s.at, "+")
            elif isinstance(s, Store):
                self._store(s.buf, s.at, s.how)

    def _all(self, body: Sequence[Statement]) -> Iterator[Statement]:
        for s in body:
            yield s
            if isinstance(s, For):
                yield from self._all(s.body)

    def _sum(self, name: str) -> None:
        start = self.starts.get(name)
        if start is not None and start not in self.sums:
            self.sums.append(start)

    def _store(self, buf: Buf, at: At, how: How | None) -> None:
        way, text = _way(at), buf.text
        if way is not None or text in self.own:
            self.stores.append((text, way))
            self.loads += [] if how is None else [(text, way)]
        elif how is None or any(map(is_open, buf.shape)) or self.arrays.get(text, (buf, how))[1] != how:
            self.unclear = True
        else:
            self.arrays.setdefault(text, (buf, how))

    def independent(self) -> bool:
        """Whether turns may run in any order: none reads what another one writes, and what all write are sums."""
        if self.unclear or self.arrays.keys() & {text for text, _ in (*self.loads, *self.stores)}:
            return False
        written: dict[str, set[Way | None]] = {}
        for text, way in self.stores:
            written.setdefault(text, set()).add(way)
        return all(text in self.own or written.get(text, {way}) == {way} for text, way in self.loads)
