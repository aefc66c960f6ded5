"""Which values get memory, and which loops they share.

Only *stored* values are placed in loops: outputs, reductions, operands of products and of calls. All else is pulled:
computed where it is read, once in each scope. A costly value that is read in two scopes becomes a stored one, and the
placement is made again, until nothing changes. Straight scalar code is stored value by value, which costs a name each,
and is cut into kernels of bounded size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from paramprog.compile.companions import companions
from paramprog.compile.nests import DEAR, LIMIT, Item, Nest, common, cost_of, inside, is_small
from paramprog.compile.reads import (
    MEMORY,
    Read,
    aligned,
    base,
    is_call,
    level,
    places,
    pulled,
    space,
    unviewed,
)
from paramprog.compile.tensor import (
    Alias,
    Assembled,
    Contract,
    Iota,
    Map,
    Number,
    Part,
    Put,
    Reduce,
    Region,
    Take,
    Value,
    View,
    needed,
)

STRAIGHT = 128
"""Statements of a kernel without loops: such kernels share nothing but numbers, so they may be shorter."""

DEEP = 100
"""Operations one inside the other beyond which a value is stored, so that no kernel computes too much in one loop."""

RECENT = 16
"""How many loops back a place is looked for."""


class Schedule:
    """The plan of one body: `items` in order, and for each stored value the loops around it, `path`."""

    def __init__(self, outputs: Sequence[Value]) -> None:
        self.values = needed(outputs)
        self.outputs = set(map(base, outputs))
        self.fixed: set[Value] = set(self.outputs)
        """Those that need memory whatever loops they share."""
        self.stored: set[Value] = {v for v in outputs if not isinstance(v, MEMORY)}
        for v in self.values:
            self._store(v)
        self.kin = companions(self.values)
        self.indices = {v.index for v in self.values if isinstance(v, Take)}
        self.beside: dict[Value, list[Value]] = defaultdict(list)
        """Values that share their work with a stored one, and are made in its loops."""
        while self._placed():
            pass
        self._cut()

    def _store(self, v: Value) -> None:
        """What the kind of v makes a stored value: itself, or what it reads."""
        if is_call(v):
            self.stored.add(v)
            for a in v.args:
                self._in_memory(a)
        elif isinstance(v, Reduce | Put):
            self.stored.add(v)
        elif isinstance(v, Contract):
            self.stored.add(v)
            for a in v.args:
                inner = unviewed(a)
                if not isinstance(inner, (*MEMORY, Number)):
                    self.stored.add(inner)
        elif isinstance(v, (Alias, Take)):
            self._in_memory(v.of)
        if isinstance(v, Map | Take) and not v.shape:
            self.stored.add(v)

    def _in_memory(self, v: Value) -> None:
        if isinstance(v, Alias):
            v = v.of
        if not isinstance(v, MEMORY):
            self.stored.add(v)
        self.fixed.add(v)

    # ---- placing -------------------------------------------------------------------------------------------------

    def _placed(self) -> bool:
        """Place all stored values; whether more were found that should be."""
        self.items: list[Item] = []
        self.path: dict[Value, list[Nest]] = {}
        self.pull: dict[Value, list[Read]] = {}
        self.users: dict[Value, list[Value]] = defaultdict(list)
        where: dict[Value, set[object]] = defaultdict(set)
        for r in sorted(self.stored, key=lambda v: v.id):
            if r not in self.path:
                self._place(r, where)
        return self._more(where) | self._found_beside(where)

    def _place(self, r: Value, where: dict[Value, set[object]], host: Value | None = None) -> None:
        """Place r, in the loops of `host` if there is one, and what is to be made beside it."""
        self.pull[r] = pulled(r, self.stored)
        makers = self._makers(r)
        if is_call(r):
            self.path[r] = []
            self.items.append(r)
        elif host is None:
            self._join(self.items, r, makers, [], bool(space(r).extents) and self._is_dear(r))
        else:
            self.path[r] = self.path[host]
            self.path[host][-1].items.append(r)
        for p, _ in makers:
            self.users[p].append(r)
        for value, index in self.pull[r]:
            if index is None:
                continue
            depth = level(index)
            where[value].add(self.path[r][depth - 1] if depth else None)
            if len({p.axis for p in index if p.axis >= 0}) < depth:
                where[value].add("an outer loop repeats it")
        for v in self.beside[r]:
            if self._fits(v, r):
                self._place(v, where, r)

    def _makers(self, r: Value) -> list[tuple[Value, int]]:
        """The stored values and calls whose results r reads, with how many loops it could share with each."""
        found: list[tuple[Value, int]] = []
        apart = places(r, self.pull[r], self.stored)
        for value, index in self.pull[r]:
            if isinstance(value, Alias):
                value, index = value.of, None
            if isinstance(value, Part):
                found.append((value.region, 0))
            elif isinstance(value, Assembled):
                found += [(p, 0) for p in value.parts]
            elif value in self.stored:
                shared = aligned(r, value, index)
                found.append((value, min(shared, len(space(r).extents) - 1) if value in apart else shared))
        return found

    def _is_dear(self, r: Value) -> bool:
        """Whether something costly is computed in the innermost loop."""
        last = len(space(r).extents) - 1
        costs = [self._own_cost(r)]
        for value, index in self.pull[r]:
            if value not in self.stored and index is not None and any(p.axis == last for p in index):
                costs.append(self._own_cost(value))
        return max(costs) >= DEAR

    @staticmethod
    def _own_cost(v: Value) -> int:
        return cost_of(v.text) if isinstance(v, Map) else 4 if isinstance(v, Take) else 1

    def _more(self, where: dict[Value, set[object]]) -> bool:
        """Store what would be dear to compute in two places, and what is the end of a very long chain."""
        cost: dict[Value, int] = {}
        size: dict[Value, int] = {}
        found: set[Value] = set()
        for v in self.values:
            if v in self.stored or isinstance(v, (*MEMORY, Number, Iota)):
                cost[v], size[v] = 0, 0
                continue
            cost[v] = self._own_cost(v) + sum(cost.get(a, 0) for a in v.args)
            size[v] = 1 + max((size.get(a, 0) for a in v.args), default=0)
            if isinstance(v, View):
                continue
            if (cost[v] >= DEAR and len(where[v]) > 1) or size[v] > DEEP:
                found.add(v)
                cost[v] = size[v] = 0
        self.stored |= found
        return bool(found)

    def _found_beside(self, where: dict[Value, set[object]]) -> bool:
        """Store what shares work with a stored value and is read elsewhere; whether there was any."""
        found = False
        for v, kin in self.kin.items():
            host = next((k for k in kin if k in self.path), v)
            if v is host or v in self.beside[host]:
                continue
            places = {self.path[v][-1]} if v in self.path else where[v]
            if places - {self.path[host][-1]} and self._fits(v, host):
                self.beside[host].append(v)
                self.stored.add(v)
                found = True
        return found

    def _fits(self, v: Value, host: Value) -> bool:
        """Whether v reads nothing that comes after the loops of `host`."""
        self.pull[v] = pulled(v, self.stored)
        before = {p for p, _ in self._makers(host)}
        return all(p in before for p, _ in self._makers(v))

    def _join(
        self, items: list[Item], r: Value, makers: list[tuple[Value, int]], path: list[Nest], dear: bool
    ) -> None:
        """Into the last loop of the right extent that follows all makers, or into a new one at the end.

        Indices go into the first one, before what is looked up there.
        """
        extents, depth = space(r).extents, len(path)
        if depth == len(extents):
            items.append(r)
            self.path[r] = path
            return
        last = depth + 1 == len(extents)
        adds = _adds_in_memory(r) if last else None
        chosen: Nest | None = None
        for item in items[: -RECENT - 1 : -1]:
            inside = [k for p, k in makers if p is item or item in self.path.get(p, ())]
            if isinstance(item, Nest) and item.extent == extents[depth] and all(k > depth for k in inside):
                crowded = dear and any(isinstance(x, Nest) for x in item.items) if last else item.dear
                crowded |= last and adds is not None and not item.adds <= {adds}
                crowded |= item.weight > LIMIT
                if not crowded:
                    chosen = item
                    if r not in self.indices:
                        break
            if inside:
                break
        if chosen is None:
            chosen = Nest(extents[depth])
            items.append(chosen)
        chosen.dear |= dear and last
        chosen.weight += len(self.pull[r])
        if adds is not None:
            chosen.adds.add(adds)
        self._join(chosen.items, r, makers, [*path, chosen], dear)

    # ---- kernels -------------------------------------------------------------------------------------------------

    def _cut(self) -> None:
        """Number the kernels: between calls, and where one would be too long."""
        self.kernel: dict[Value, int] = {}
        number, statements, limit = 0, 0, STRAIGHT
        for item in self.items:
            if not isinstance(item, Nest) and is_call(item):
                number, statements, limit = number + 1, 0, STRAIGHT
                self.kernel[item] = -1
                continue
            found = [item] if not isinstance(item, Nest) else inside(item)
            weight = sum(max(1, len(self.pull[r])) for r in found)
            if isinstance(item, Nest):
                limit = LIMIT
            if statements and statements + weight > limit:
                number, statements = number + 1, 0
                limit = LIMIT if isinstance(item, Nest) else STRAIGHT
            statements += weight
            for r in found:
                self.kernel[r] = number

    def kernel_of(self, item: Item) -> int:
        while isinstance(item, Nest):
            item = item.items[0]
        return self.kernel[item]

    def shared(self, r: Value) -> int:
        """In how many outer loops r lives together with all that read it: those axes need no memory."""
        users = self.users.get(r, [])
        k = 0 if r in self.fixed else min((common(self.path[r], self.path[u]) for u in users), default=0)
        return k if is_small(r.shape[k:]) else 0

    def in_memory(self, r: Value) -> bool:
        """Whether it needs an array that outlives its kernel, or that is not on the stack."""
        if isinstance(r, Put | Region):
            return False
        if r in self.fixed or is_call(r):
            return True
        if any(self.kernel[u] != self.kernel[r] for u in self.users.get(r, [])):
            return True
        return bool(r.shape) and self.shared(r) == 0


def _adds_in_memory(r: Value) -> bool | None:
    """Whether the innermost loop of a sum is an axis of its result; None for what is no sum."""
    if not isinstance(r, Reduce | Contract):
        return None
    extents, axes = space(r)
    return len(extents) - 1 in axes
