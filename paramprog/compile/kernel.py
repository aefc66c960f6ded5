"""The intermediate form: kernels, which are loops over statements on scalars, and the steps that a program is.

A name of a scope inside k loops depends on the counters i0, ..., i(k-1). An index is one `Place` for each axis of a
buffer, in terms of these counters, or the name of a number known at run time only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from paramprog.compile.contract import Gemm
from paramprog.compile.tensor import How, Place
from paramprog.graph import Node
from paramprog.types import Dim, Kind, Shape, Size

At = tuple[Place | str, ...]


@dataclass(eq=False)
class Buf:
    """Memory: at `address`, a C expression, if somebody else provides it; else in the arena, or on the heap.

    Memory whose size is known at run time only is on the heap.
    """

    name: str
    kind: Kind
    shape: Shape
    address: str | None = None

    @property
    def text(self) -> str:
        return self.address or self.name

    @property
    def grows(self) -> bool:
        return any(isinstance(n, Size) for n in self.shape)

    @property
    def row(self) -> int:
        """Entries of all axes but the first."""
        size = 1
        for n in self.shape[1:]:
            size *= n
        return size

    @property
    def size(self) -> int:
        """Entries; of memory that grows, of one row."""
        if not self.shape:
            return 1
        return self.row if isinstance(self.shape[0], Size) else self.row * self.shape[0]


# ---- statements of kernels ---------------------------------------------------------------------------------------


class Let(NamedTuple):
    """A name for an expression."""

    name: str
    kind: Kind
    text: str


class Load(NamedTuple):
    name: str
    buf: Buf
    at: At


class Store(NamedTuple):
    """The value, or with `how` what becomes of it and of the entry that is there."""

    buf: Buf
    at: At
    value: str
    how: How | None = None


class Start(NamedTuple):
    """An accumulator, before its loops."""

    name: str
    kind: Kind
    how: How


class Fold(NamedTuple):
    """One more entry; of an index, `counter` is that of the entry."""

    name: str
    kind: Kind
    how: How
    value: str
    counter: str = ""


class Multiply(NamedTuple):
    """The product a b, added to an accumulator."""

    name: str
    kind: Kind
    a: str
    b: str


class AddProduct(NamedTuple):
    """The product a b, added to an entry in memory."""

    buf: Buf
    at: At
    a: str
    b: str


class Finish(NamedTuple):
    """An accumulator, after its loops."""

    name: str
    kind: Kind
    how: How


class Check(NamedTuple):
    """A condition under which the operation with this number has no value."""

    name: str
    condition: str


class Fill(NamedTuple):
    """All entries of a buffer, on the stack if `local`, before they accumulate; without `how` it is only room."""

    buf: Buf
    how: How | None
    local: bool


@dataclass(eq=False)
class Chunks:
    """How an outermost loop is cut, if it has at least `least` turns: `most` chunks of at least `rows` turns.

    The number of turns is a multiple of `line`. Each chunk has its own of `sums`, and of `arrays`, to which it adds: a
    row of memory for all chunks. See chunks.py.
    """

    least: int
    rows: int
    line: int
    most: int
    sums: list[Start]
    arrays: dict[Buf, tuple[Buf, How]] = field(default_factory=dict)


@dataclass(eq=False)
class For:
    depth: int
    extent: Dim
    body: list[Statement]
    sums: list[tuple[str, Kind, How]] = field(default_factory=list)
    """What its statements accumulate."""
    chunks: Chunks | None = None


Statement = Let | Load | Store | Start | Fold | Multiply | AddProduct | Finish | Check | Fill | For


# ---- steps -------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Kernel:
    """A C function of its own: `restrict` and memory that is used again do not mix in one function."""

    name: str
    body: list[Statement]
    bufs: dict[Buf, bool] = field(default_factory=dict)
    """What it uses, and whether it writes it."""
    checks: dict[str, int] = field(default_factory=dict)
    """Names of its checks, and the numbers of their operations."""
    weight: int = 0
    lines: dict[int, Node] = field(default_factory=dict)
    """Operations of the program that it computes, for comments."""


class Product(NamedTuple):
    """A call of `pp_gemm` (gemm.py)."""

    shape: Gemm
    a: Buf
    b: Buf
    out: Buf


class Call(NamedTuple):
    """A routine; `site` is the number of its operation, if it may fail. With `heap` it uses the heap."""

    function: str
    numbers: Sequence[Dim]
    args: Sequence[Buf]
    out: Buf
    scratch: Buf | None
    site: int
    heap: bool = False


class Open(NamedTuple):
    """A pointer to the rows of the block of a handle, and the number of these rows."""

    to: Buf
    handle: Buf


class Pad(NamedTuple):
    """The rows of the blocks of several handles, beside each other; zeros where one has fewer than the longest."""

    to: Buf
    handles: Buf


class Ensure(NamedTuple):
    """Room for the entries of memory that grows."""

    buf: Buf


class Copy(NamedTuple):
    """`entries` of `to`, from the address."""

    to: Buf
    source: str


class Zero(NamedTuple):
    buf: Buf


class AddTo(NamedTuple):
    """All entries of `value` added to those of `to`; of bools, whether any holds."""

    to: Buf
    value: Buf


class Carried(NamedTuple):
    """`pointer` is at `start` before the first turn, and at `next` after each."""

    pointer: str
    start: Buf
    next: str
    spare: Buf | None
    result: Buf | None


@dataclass(eq=False)
class Turns:
    """A loop over steps. `counter` is the number of the turn in the order of running, `at` in that of the rows."""

    counter: str
    at: str
    limit: Buf
    static: int | None
    reverse: bool
    carries: list[Carried]
    body: list[Step]
    outside: list[Buf]
    index: list[str] = field(default_factory=list)
    grows: list[Buf] = field(default_factory=list)
    test: list[Step] = field(default_factory=list)
    holds: Buf | None = None
    trips: Buf | None = None
    size: Size | None = None
    releases: bool = False
    """Whether blocks that a turn makes are of no use after it."""


@dataclass(eq=False)
class Replays:
    """The turns of a loop backwards, run again from states on a shelf (transfer/loop_replay.py).

    `advance` makes of the `states` before turn `turn` those before the next one, `body` is the turn of the backward
    loop; `at` is the number of the turn in the order of the rows. `shelf` has rows for each of `states`, `kept` the
    turns before which the states on it are.
    """

    turn: str
    at: str
    limit: Buf
    most: int
    static: int | None
    reverse: bool
    states: list[Carried]
    shelf: list[Buf]
    kept: Buf
    carries: list[Carried]
    advance: list[Step]
    body: list[Step]
    outside: list[Buf]
    index: list[str]
    grows: list[Buf]
    size: Size | None
    releases: bool


@dataclass(eq=False)
class Choice:
    """One of two lists of steps; with `lanes`, for each lane, whose number is `lane`."""

    condition: Buf
    lanes: Shape
    lane: str
    sides: list[list[Step]]
    outside: list[Buf]


Step = Kernel | Product | Call | Open | Pad | Ensure | Copy | Zero | AddTo | Turns | Replays | Choice


def outside(step: Step) -> list[Buf]:
    """The memory that a step uses, but for that of steps in it."""
    if isinstance(step, Kernel):
        return list(step.bufs)
    if isinstance(step, Product):
        return [step.a, step.b, step.out]
    if isinstance(step, Call):
        return [*step.args, step.out, *([] if step.scratch is None else [step.scratch])]
    if isinstance(step, Ensure | Zero):
        return [step.buf]
    if isinstance(step, Copy):
        return [step.to]
    if isinstance(step, AddTo):
        return [step.to, step.value]
    if isinstance(step, Open):
        return [step.handle]
    if isinstance(step, Pad):
        return [step.to, step.handles]
    return step.outside


def bodies(step: Step) -> list[list[Step]]:
    """The lists of steps in a step."""
    if isinstance(step, Turns):
        return [step.test, step.body]
    if isinstance(step, Replays):
        return [step.advance, step.body]
    return step.sides if isinstance(step, Choice) else []
