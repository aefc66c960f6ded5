"""From a schedule to the statements of one kernel.

What a stored value reads is computed in the outermost scope that has its loops, once in each scope.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramprog.compile.builder import literal
from paramprog.compile.kernel import (
    AddProduct,
    At,
    Buf,
    Check,
    Fill,
    Finish,
    Fold,
    For,
    Kernel,
    Let,
    Load,
    Multiply,
    Start,
    Statement,
    Store,
)
from paramprog.compile.nests import Item, Nest
from paramprog.compile.reads import MEMORY, base, begin, level, reads, space
from paramprog.compile.schedule import Schedule
from paramprog.compile.tensor import (
    Assembled,
    Contract,
    How,
    Index,
    Iota,
    Map,
    Number,
    Place,
    Put,
    Reduce,
    Take,
    Value,
    View,
)
from paramprog.types import Kind

if TYPE_CHECKING:
    from paramprog.compile.lower import Lowering


@dataclass(eq=False)
class _Scope:
    out: list[Statement] = field(default_factory=list)
    names: dict[tuple[Value, Index], str] = field(default_factory=dict)
    after: list[Callable[[], None]] = field(default_factory=list)
    """What is to be done after the next loop in this scope."""


class KernelWriter:
    """`bufs` is the memory of values; `owner` is the assembled array to which a part belongs."""

    def __init__(
        self,
        lowering: Lowering,
        schedule: Schedule,
        bufs: Mapping[Value, Buf],
        owner: Mapping[Put, Assembled],
        items: Sequence[Item],
    ) -> None:
        self.fresh, self.real = lowering.fresh, lowering.real
        self.number = lowering.number
        self.schedule, self.bufs, self.owner = schedule, bufs, owner
        self.scopes = [_Scope()]
        self.sums: list[list[tuple[str, Kind, How]]] = []
        self.local: dict[Value, tuple[Buf, int]] = {}
        self.checked: dict[int, str] = {}
        self.kernel = Kernel(self.fresh("k"), self.scopes[0].out)
        self._walk(items)

    def _put(self, at: int, statement: Statement) -> None:
        self.kernel.weight += 1
        self.scopes[at].out.append(statement)

    def _walk(self, items: Sequence[Item]) -> None:
        for item in items:
            if not isinstance(item, Nest):
                self._root(item)
                continue
            self.scopes.append(_Scope())
            self.sums.append([])
            self._walk(item.items)
            scope = self.scopes.pop()
            loop = For(len(self.scopes) - 1, item.extent, scope.out, self.sums.pop())
            self.scopes[-1].out.append(loop)
            pending, self.scopes[-1].after = self.scopes[-1].after, []
            for act in pending:
                act()

    # ---- memory --------------------------------------------------------------------------------------------------

    def _memory(self, v: Value, *, written: bool = False) -> tuple[Buf, int]:
        """The buffer of a stored value, and how many of its axes are loops that it lives in."""
        if v in self.local:
            return self.local[v]
        buf = self.bufs[base(v)]
        self.kernel.bufs[buf] = self.kernel.bufs.get(buf, False) or written
        if v.shape != buf.shape:
            return Buf(buf.name, buf.kind, v.shape, buf.address), 0
        return buf, 0

    def _has_memory(self, v: Value) -> bool:
        return v in self.local or base(v) in self.bufs

    # ---- pulling -------------------------------------------------------------------------------------------------

    def _pull(self, v: Value, index: Index) -> str:
        """A name for the entry of v."""
        if isinstance(v, Number):
            return literal(v.value, v.kind, self.real)
        depth, key = level(index), (v, index)
        for scope in self.scopes[: depth + 1]:
            if key in scope.names:
                return scope.names[key]
        if isinstance(v, View) and v not in self.schedule.stored:
            (read,) = reads(v, index)
            assert read.at is not None
            return self._pull(read.value, read.at)
        name = self.fresh()
        if isinstance(v, MEMORY) or v in self.schedule.stored:
            buf, skip = self._memory(v)
            self._put(depth, Load(name, buf, index[skip:]))
        else:
            depth = self._computed(v, index, name, depth)
        self.scopes[depth].names[key] = name
        return name

    def _computed(self, v: Value, index: Index, name: str, depth: int) -> int:
        """Statements that give the entry its name; in which scope they are."""
        if isinstance(v, Iota):
            self._put(depth, Let(name, "int", _counter(index[v.axis])))
        elif isinstance(v, Take):
            self._take(v, index, name, depth)
        else:
            assert isinstance(v, Map)
            self._map(v, index, name, depth)
        return depth

    def _map(self, v: Map, index: Index, name: str, depth: int) -> None:
        names = [self._pull(a, index) for a in v.of]
        if v.fault is not None:
            self._check(depth, v, v.fault.format(*names))
        self._put(depth, Let(name, v.kind, v.text.format(*names)))
        self._note(v)

    def _take(self, v: Take, index: Index, name: str, depth: int) -> None:
        rank, size = len(v.index.shape), v.of.shape[v.axis]
        i = self._pull(v.index, index[v.axis : v.axis + rank])
        self._note(v)
        inside = i
        if not v.within:
            self._check(depth, v, f"(uint64_t){i} >= {size}u")
            inside = self.fresh()
            self._put(depth, Let(inside, "int", f"(uint64_t){i} < {size}u ? {i} : 0"))
        if size == 0:
            self._put(depth, Let(name, v.kind, "0"))
            return
        buf, _ = self._memory(v.of)
        at: At = (*index[: v.axis], inside, *index[v.axis + rank :])
        self._put(depth, Load(name, buf, at))

    def _check(self, depth: int, v: Value, condition: str) -> None:
        site = self.number(v.site)
        if site not in self.checked:
            self.checked[site] = name = self.fresh("f")
            self.kernel.checks[name] = site
        name = self.checked[site]
        self._put(depth, Check(name, condition))
        if depth and depth == len(self.scopes) - 1 and (name, "int", "or") not in self.sums[-1]:
            self.sums[-1].append((name, "int", "or"))

    def _note(self, v: Value) -> None:
        if v.site is not None and v.site.span is not None:
            self.kernel.lines.setdefault(v.site.span.line, v.site)

    # ---- stored values -------------------------------------------------------------------------------------------

    def _root(self, r: Value) -> None:
        """The statements of a stored value, in its loops."""
        extents, kept = space(r)
        depth, k = len(extents), self.schedule.shared(r)
        leading = kept == tuple(range(len(kept)))
        here = tuple(Place(i) for i in kept)
        if not isinstance(r, Put) and r not in self.bufs and (k < len(kept) or not leading):
            buf = Buf(self.fresh(), r.kind, r.shape[k:])
            self.local[r] = buf, k
            self._put(k, Fill(buf, self._how(r), local=True))
        self._note(r)
        for value, index in self.schedule.pull[r]:  # in order, so that pulling never goes deep
            if value is r or index is None or isinstance(value, View):
                continue
            if value not in self.schedule.stored and not isinstance(value, (*MEMORY, Number)):
                self._pull(value, index)
        if isinstance(r, Put):
            self._part(r)
        elif isinstance(r, Reduce | Contract):
            self._accumulated(r, depth, kept, here)
        else:
            self._plain(r, depth, here)

    def _how(self, r: Value) -> How | None:
        return r.how if isinstance(r, Reduce) else "+" if isinstance(r, Contract) else None

    def _part(self, r: Put) -> None:
        (read, *_) = begin(r)
        assert read.at is not None
        value = self._pull(read.value, read.at)
        whole = self.owner[r]
        buf, _ = self._memory(whole, written=True)
        self._put(len(r.shape), Store(buf, r.places, value))

    def _plain(self, r: Value, depth: int, here: Index) -> None:
        """An elementwise value, or a view that is copied."""
        if isinstance(r, Number):
            name = literal(r.value, r.kind, self.real)
        elif isinstance(r, View):
            (read,) = reads(r, here)
            assert read.at is not None
            name = self._pull(read.value, read.at)
        else:
            name = self.fresh()
            self._computed(r, here, name, depth)
        self.scopes[depth].names[r, here] = name
        if self._has_memory(r):
            buf, skip = self._memory(r, written=True)
            self._put(depth, Store(buf, here[skip:], name))

    def _accumulated(self, r: Reduce | Contract, depth: int, kept: tuple[int, ...], here: Index) -> None:
        how = self._how(r)
        assert how is not None
        values = [self._pull(read.value, read.at) for read in begin(r) if read.at is not None]
        at = max((i + 1 for i in kept), default=0)
        if at == depth:
            self._into_memory(r, how, depth, here, values)
            return
        name = self.fresh("s")
        self._put(at, Start(name, r.of.kind if isinstance(r, Reduce) else r.kind, how))
        if isinstance(r, Contract):
            self._put(depth, Multiply(name, r.kind, *values))
        else:
            counter = f"i{depth - 1}"
            kind: Kind = r.of.kind
            self._put(depth, Fold(name, kind, how, values[0], counter))
        self.sums[-1].append((name, r.of.kind if isinstance(r, Reduce) else r.kind, how))
        if isinstance(r, Reduce):
            self.scopes[at].after.append(lambda: self._put(at, Finish(name, r.of.kind, how)))
        leading = kept == tuple(range(len(kept)))
        if leading:
            self.scopes[at].names[r, here] = name
        if self._has_memory(r):
            buf, skip = self._memory(r, written=True)
            if not leading:
                self._clear_first(r, buf, how)
            store = Store(buf, here[skip:], name, None if leading else how)
            self.scopes[at].after.append(lambda: self._put(at, store))

    def _into_memory(
        self, r: Reduce | Contract, how: How, depth: int, here: Index, values: Sequence[str]
    ) -> None:
        """The innermost loop is an axis of the result: entries are added where they lie."""
        buf, skip = self._memory(r, written=True)
        self._clear_first(r, buf, how)
        if isinstance(r, Contract) and r.kind == "real":
            self._put(depth, AddProduct(buf, here[skip:], *values))
            return
        value = values[0]
        if isinstance(r, Contract):
            value = self.fresh()
            self._put(depth, Let(value, "int", f"pp_mul_i64({values[0]}, {values[1]})"))
        self._put(depth, Store(buf, here[skip:], value, how))

    def _clear_first(self, r: Value, buf: Buf, how: How) -> None:
        if r not in self.local:
            self.kernel.body.insert(0, Fill(buf, how, local=False))


def _counter(p: Place) -> str:
    """The number of a place."""
    if p.axis < 0:
        return str(p.offset)
    text = f"i{p.axis}" if p.coef == 1 else f"{p.coef} * i{p.axis}"
    return f"{text} + {p.offset}" if p.offset else text
