"""From values to steps: kernels, products, routines, and loops and branches over steps (regions.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from paramprog.compile.builder import Builder, NotLowered
from paramprog.compile.chunks import cut
from paramprog.compile.contract import gemm
from paramprog.compile.kernel import Buf, Call, Ensure, Kernel, Open, Pad, Product, Step
from paramprog.compile.nests import Item, Nest
from paramprog.compile.reads import base, is_call
from paramprog.compile.region_values import Branch, Loop, Replay
from paramprog.compile.regions import branch_steps, loop_steps
from paramprog.compile.replays import replay_steps
from paramprog.compile.schedule import Schedule
from paramprog.compile.tensor import (
    Assembled,
    Contract,
    Input,
    Number,
    Opened,
    Padded,
    Part,
    Put,
    Routine,
    Table,
    Value,
)
from paramprog.compile.writer import KernelWriter
from paramprog.graph import Node
from paramprog.types import Kind, Shape, Size


class Lowering:
    """Names, memory, constant arrays and operations of one program."""

    def __init__(self, builder: Builder, prefix: str = "") -> None:
        self.builder, self.real, self._prefix = builder, builder.real, prefix
        self._names = count(1)
        self.memory: list[Buf] = []
        """What the arena, or the heap, must hold."""
        self.tables: dict[Table, Buf] = {}
        self.sites: list[Node] = []
        """Operations that may have no value; their numbers are their places here, from 1."""
        self._numbers: dict[Node, int] = {}
        self.sizes: dict[Size, str] = {}
        """The variables that hold sizes known at run time only."""
        self.heap = False
        """Whether something lies in blocks."""

    def fresh(self, letter: str = "v") -> str:
        return f"{self._prefix}{letter}{next(self._names)}"

    def number(self, site: Node | None) -> int:
        assert site is not None
        if site not in self._numbers:
            self.sites.append(site)
            self._numbers[site] = len(self.sites)
        return self._numbers[site]

    def buf(self, kind: Kind, shape: Shape) -> Buf:
        """New memory."""
        found = Buf(self.fresh(), kind, shape)
        for n in shape:
            if isinstance(n, Size):
                self.sizes.setdefault(n, self.fresh("z"))
        if any(isinstance(n, Size) for n in shape[1:]):
            raise NotLowered("sizes", op="array")
        self.memory.append(found)
        return found

    def table(self, t: Table) -> Buf:
        if t not in self.tables:
            self.tables[t] = Buf(self.fresh("c"), t.kind, t.shape)
        return self.tables[t]

    def body(self, outputs: Sequence[tuple[Value, Buf]], known: Mapping[Value, Buf]) -> list[Step]:
        """The steps that compute `outputs` into their buffers, given the memory of inputs."""
        bufs = dict(known)
        made: list[Value] = []
        for value, to in outputs:
            target = value
            if isinstance(base(value), Input | Table | Number | Opened) or base(value) in bufs:
                self.builder.site = value.site
                target = self.builder.copy(value)
            bufs[base(target)] = (
                to
                if target.shape == base(target).shape
                else Buf(to.name, to.kind, base(target).shape, to.address)
            )
            made.append(target)
        return _BodyLowering(self, Schedule(made), bufs).steps()


class _BodyLowering:
    """One body: its schedule, item by item."""

    def __init__(self, lowering: Lowering, schedule: Schedule, bufs: dict[Value, Buf]) -> None:
        self.lowering, self.schedule, self.bufs = lowering, schedule, bufs
        self.owner: dict[Put, Assembled] = {}
        self.made: list[Step] = []
        self.ensured: set[Buf] = set()
        for v in schedule.values:
            if isinstance(v, Assembled):
                self.owner |= dict.fromkeys(v.parts, v)
            if isinstance(v, Table):
                bufs[v] = lowering.table(v)
            elif isinstance(v, Opened):
                bufs[v] = self._opened(v)
            elif v not in bufs and self._wants_memory(v):
                bufs[v] = lowering.buf(v.kind, v.shape)
        for v in schedule.values:
            self._leave_unread(v)

    def _leave_unread(self, v: Value) -> None:
        """What a region makes and nobody reads, such as rows of no turns: a loop does not keep it."""
        if isinstance(v, Loop | Replay):
            v.histories = [h for h in v.histories if h.rows in self.bufs]
            v.carries = [c if c.result in self.bufs else c._replace(result=None) for c in v.carries]
        if isinstance(v, Loop) and v.trips not in self.bufs:
            v.trips = None
        if isinstance(v, Branch):
            for part in v.parts:
                if part not in self.bufs:
                    self.bufs[part] = self.lowering.buf(part.kind, part.shape)

    def _wants_memory(self, v: Value) -> bool:
        if isinstance(v, Assembled | Part):
            return True
        return v in self.schedule.stored and self.schedule.in_memory(v)

    def _opened(self, v: Opened) -> Buf:
        """The memory of a block: where it lies is known at run time only."""
        name, self.lowering.heap = self.lowering.fresh("p"), True
        for n in v.shape:
            if isinstance(n, Size):
                self.lowering.sizes.setdefault(n, self.lowering.fresh("z"))
        return Buf(name, v.kind, v.shape, name)

    def steps(self) -> list[Step]:
        run: list[Item] = []
        number = 0
        for item in self.schedule.items:
            call = not isinstance(item, Nest) and is_call(item)
            now = self.schedule.kernel_of(item)
            if run and (call or now != number):
                self._kernel(run)
                run = []
            if call:
                assert isinstance(item, Value)
                self._call(item)
            else:
                number = now
                run.append(item)
        if run:
            self._kernel(run)
        return self.made

    def _kernel(self, items: Sequence[Item]) -> None:
        kernel: Kernel = KernelWriter(self.lowering, self.schedule, self.bufs, self.owner, items).kernel
        cut(kernel, self.lowering.buf)
        for buf, written in kernel.bufs.items():
            if written:
                self._ensure(buf)
        self.made.append(kernel)

    def _ensure(self, buf: Buf) -> None:
        if buf.grows and buf.address is None and buf not in self.ensured:
            self.ensured.add(buf)
            self.made.append(Ensure(buf))

    def memory(self, v: Value) -> Buf:
        """The buffer of a stored value, in the shape of v."""
        buf = self.bufs[base(v)]
        return buf if buf.shape == v.shape else Buf(buf.name, buf.kind, v.shape, buf.address)

    def _call(self, v: Value) -> None:
        if isinstance(v, Routine):
            site = self.lowering.number(v.site) if v.fault else 0
            scratch = self.lowering.buf(v.kind, (v.scratch,)) if v.scratch else None
            args = [self.memory(a) for a in v.of]
            self.lowering.heap |= v.heap
            self.made.append(Call(v.function, v.numbers, args, self.bufs[v], scratch, site, v.heap))
        elif isinstance(v, Opened):
            self.made.append(Open(self.bufs[v], self.memory(v.of)))
        elif isinstance(v, Padded):
            self.lowering.heap = True
            self.made.append(Pad(self.bufs[v], self.memory(v.of)))
        elif isinstance(v, Contract):
            shape = gemm(v)
            assert shape is not None
            self._ensure(self.bufs[v])
            self.made.append(Product(shape, self.memory(v.a), self.memory(v.b), self.bufs[v]))
        elif isinstance(v, Loop):
            self.made += loop_steps(self.lowering, v, self.memory, self.bufs)
        elif isinstance(v, Replay):
            self.made += replay_steps(self.lowering, v, self.memory, self.bufs)
        else:
            assert isinstance(v, Branch)
            self.made += branch_steps(self.lowering, v, self.memory, self.bufs)
