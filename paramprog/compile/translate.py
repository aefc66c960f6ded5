"""From graphs to values (tensor.py): each node by its rule, regions with their bodies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from paramprog.compile.array_rules import remainder, scattered
from paramprog.compile.boxes import boxed, cut, is_row, lowered_rows, opened, shown
from paramprog.compile.builder import Builder, NotLowered
from paramprog.compile.mapped import holds_everywhere, over_all_lanes
from paramprog.compile.pieces import Pieces
from paramprog.compile.recomputed import Again, keys_of, recomputed
from paramprog.compile.reduction_rules import shares
from paramprog.compile.region_values import Branch, Carry, Entering, History, Loop, Replay, Side
from paramprog.compile.rules import lowered
from paramprog.compile.tensor import Input, Part, Region, Value
from paramprog.diagnostics import ProgramError
from paramprog.graph import PART, Graph, Node, Result, cone, copied, demand
from paramprog.graph import Region as RegionOp
from paramprog.graph.region import NO_KEYS, TRIPS, Key, Keys, Live, in_order
from paramprog.simplify import simplify
from paramprog.transfer.base import BaseOp
from paramprog.transfer.branches import Branch as BranchOp
from paramprog.transfer.loop_replay import live_in_replay
from paramprog.transfer.loops import LOOP, REPLAY
from paramprog.transfer.loops import Loop as LoopOp
from paramprog.transfer.regions import is_summed
from paramprog.transfer.source import LEAF
from paramprog.types import Size, Type, UnknownSize, is_open

Env = dict[Node, Value]


class Program:
    """A graph as values: `inputs` for the leaves, in the order given, and the `outputs`."""

    def __init__(self, outputs: Sequence[Node], leaves: Sequence[Node]) -> None:
        """Raises NotLowered where a node has no C form."""
        graph = outputs[0].graph
        self.builder = Builder(graph.real)
        self.builder.ranges.sized = any(is_open(n) for leaf in leaves for n in leaf.shape)
        self.pieces = Pieces(self.builder)
        self.again: dict[Node, Again] = {}
        """Of loops backwards: what they compute again."""
        self.parts: dict[tuple[Node, Key], Value] = {}
        """The results of regions."""
        self.inputs = [self._input(leaf) for leaf in leaves]
        env: Env = dict(zip(leaves, self.inputs, strict=True))
        self._run(demand(graph.nodes, outputs), env, outputs)
        self.outputs = [env[y] for y in outputs]

    def _input(self, leaf: Node, like: Type | None = None) -> Input:
        kind, shape = leaf.type if like is None else like
        return Input(self.builder.new(), kind, shape, leaf)

    def _run(self, live: Live, env: Env, ends: Collection[Node] = ()) -> None:
        """The values of live nodes, in place in `env`; regions are there as their parts. `ends` leave the body."""
        b = self.builder
        alone = _read_once(live) - set(ends)
        inner = {a for n in live if n.op.elementwise for a in n.args if a in alone}
        again = recomputed(live, ends)
        self.again |= again
        for n, keys in live.items():
            if n in env:
                continue
            b.site = n
            if n.op is PART:
                if (n.args[0], n.attrs["of"]) in self.parts:  # or it is computed again
                    env[n] = self.parts[n.args[0], n.attrs["of"]]
            elif isinstance(n.op, RegionOp):
                for key, made in self._region(n, keys_of(n, keys, again), env).items():
                    self.parts[n, key] = made
            elif isinstance(n.op, BaseOp):
                env[n] = self._base(n, n.op, env)
            elif n.op is LEAF:
                raise NotLowered("leaf", leaf=repr(n))
            else:
                args = [env[a] for a in n.args]
                in_blocks = any(cut(x.shape) is not None for x in (n, *n.args))
                shared = scattered(b, n, args, alone) or remainder(b, n, args) or shares(b, n, args)
                try:
                    env[n] = shared or (lowered_rows if in_blocks else lowered)(b, n, args)
                except UnknownSize:
                    raise NotLowered("size", op=n.op.spelled) from None
                b.ranges.note(n, env[n], args)
                if n.op.elementwise and n.shape:
                    self.pieces.note(env[n])
                    if n not in inner:
                        env[n] = self.pieces.of(env[n])

    def _base(self, n: Node, op: BaseOp, env: Env) -> Value:
        """A call of a base function: its body, on arrays."""
        graph = Graph(real=self.builder.real)
        leaves = [graph.leaf(a.type) for a in n.args]
        with graph.at(n.span):
            y = op.body.apply(op.body.result, leaves)
        inside = {leaf: env[a] for leaf, a in zip(leaves, n.args, strict=True)}
        self._run(demand(graph.nodes, [y]), inside, [y])
        return inside[y]

    def _region(self, n: Node, keys: Keys, env: Env) -> Mapping[Key, Value]:
        if isinstance(n.op, BranchOp):
            if len(n.attrs["bodies"]) == 1 and holds_everywhere(n.args[0]):
                with suppress(ProgramError):  # of a primitive without a rule for lanes
                    return self._mapped(n, n.op, keys, env)
            return self._branch(n, n.op, keys, env)
        if n.op is LOOP:
            assert isinstance(n.op, LoopOp)
            return self._loop(n, n.op, keys, env)
        if n.op is REPLAY:
            return self._replay(n, keys, env)
        raise NotLowered("region", op=n.op.name)

    # ---- what enters and leaves bodies ---------------------------------------------------------------------------

    def _outside(self, a: Node, env: Env, *, row: bool = False) -> Value:
        """What stands for a node outside of a body, as it enters: as one row, or as it is."""
        return boxed(self.builder, env[a], a.shape, 0 if row else 1)

    def _entering(self, leaf: Node, outer: Value, of: Node, axes: int, inside: Env) -> Input:
        """The input of a body for what stands outside for `of`, without its first axes; opened if it is one block."""
        made = self._input(leaf, Type(outer.kind, outer.shape[axes:]))
        inside[leaf] = made
        if len(outer.shape) == axes and is_row(of.shape[axes:]):
            self.builder.site = leaf
            inside[leaf] = opened(self.builder, made, Type(of.kind, of.shape[axes:]))
        return made

    def _leaving(self, at: Node, env: Env) -> Value:
        """What stands for one row of a body's node outside."""
        self.builder.site = at
        return boxed(self.builder, env[at], at.shape, 0)

    def _part(self, region: Region, n: Node, key: Key) -> Part:
        """The result of a region; a single array whose size is known at run time only comes as one row."""
        type, rows = self._type(n, key)
        kind, shape = shown(type, int(rows))
        return Part(self.builder.new(), kind, shape, n, region)

    @staticmethod
    def _type(n: Node, key: Key) -> tuple[Type, bool]:
        """The type of a part, and whether it has an axis of turns or lanes in front."""
        assert isinstance(n.op, RegionOp)
        type = n.op.part_type(n, key)
        if isinstance(n.op, BranchOp):
            return type, bool(n.args[0].shape) and not is_summed(n, key)
        return type, isinstance(key, Node)

    def _results(self, n: Node, parts: Mapping[Key, Part]) -> Mapping[Key, Value]:
        """What stands for the parts around the region."""
        found: dict[Key, Value] = {}
        for key, part in parts.items():
            type, rows = self._type(n, key)
            single = not rows and is_row(type.shape)
            found[key] = opened(self.builder, part, type) if single else part
        return found

    def _enter(
        self, ports: Mapping[Node, Node], body: Graph, live: Live, env: Env, skip: Mapping[Node, Node]
    ) -> dict[Node, Value]:
        """What stands outside for what enters a body of a loop; made before the loop is."""
        return {
            p: self._outside(ports[p], env, row=port.kind == "carry")
            for p, port in body.ports.items()
            if p in live and p in ports and p not in skip
        }

    def _entered(
        self,
        made: Loop | Replay,
        ports: Mapping[Node, Node],
        outer: Mapping[Node, Value],
        body: Graph,
        live: Live,
        inside: Env,
    ) -> dict[Node, tuple[Input, Value]]:
        """The inputs of a body; of its carries with what they begin with."""
        starts: dict[Node, tuple[Input, Value]] = {}
        for p, port in body.ports.items():
            if p not in live:
                continue
            if port.kind == "index":
                inside[p] = leaf = self._input(p)
                made.index.append(leaf)
            elif p in outer:
                scan = port.kind == "scan"
                leaf = self._entering(p, outer[p], ports[p], int(scan), inside)
                if port.kind == "carry":
                    starts[p] = leaf, outer[p]
                else:
                    (made.scans if scan else made.free).append(Entering(leaf, outer[p]))
        return starts

    # ---- loops ---------------------------------------------------------------------------------------------------

    def _loop(self, n: Node, op: LoopOp, keys: Keys, env: Env) -> Mapping[Key, Value]:
        b, live = self.builder, op.live(n, keys)
        (body,) = n.attrs["bodies"]
        trips, test = n.attrs["trips"], n.attrs["test"]
        ports = dict(zip(n.attrs["ports"], n.args[1:], strict=True))
        again = self.again.get(n)
        dropped = {p: again.dropped[a] for p, a in ports.items() if again and a in again.dropped}
        outer = self._enter(ports, body, live, env, dropped)
        inside: Env = {}
        made = Loop(self.builder.new(), "int", (), n, env[n.args[0]])
        made.reverse, made.static = n.attrs["reverse"], None if isinstance(trips, Size) else int(trips)
        starts = self._entered(made, ports, outer, body, live, inside)
        brought = self._brought(again, made) if again else {}
        if test is None:  # a turn begins without a fault, so all rows are there
            for scan in made.scans:
                b.ranges.enter(scan.inside, scan.outside)
        if again:
            self._run(dict.fromkeys(again.order, NO_KEYS), brought)
            inside |= {p: brought[of] for p, of in dropped.items() if p in live}
        recorded = [key for key in in_order(n, keys) if isinstance(key, Node)]
        self._run(live, inside, {*recorded, *(m for _, m in n.attrs["next"])})
        if test is not None:
            made.test = inside[test]
        rows = {key: self._leaving(key, inside) for key in recorded}
        after = {c: self._leaving(m, inside) for c, m in n.attrs["next"] if c in live}
        b.site = n
        found = {key: self._part(made, n, key) for key in in_order(n, keys)}
        for key, row in rows.items():
            b.ranges.record(found[key], row)
        for number, (carry, _) in enumerate(n.attrs["next"]):
            if carry in live:
                made.carries.append(Carry(*starts[carry], after[carry], found.get(Result(number))))
        made.histories = [History(row, found[key]) for key, row in rows.items()]
        made.trips = found.get(TRIPS)
        made.hands_on = _handles([*rows, *after])
        return self._results(n, found)

    def _brought(self, again: Again, made: Loop) -> Env:
        """The rows of another loop from which this one computes others again."""
        found: Env = {}
        for at in again.recorded:
            rows = self.parts[again.primal, at]
            leaf = next((e.inside for e in made.scans if e.outside is rows), None)
            if leaf is None:
                leaf = self._input(at)
                made.scans.append(Entering(leaf, rows))
            found[at] = leaf
        return found

    def _replay(self, n: Node, keys: Keys, env: Env) -> Mapping[Key, Value]:
        """A turn of the primal body and one of the adjoint body are one body here."""
        primal: Node = n.attrs["primal"]
        trips, replayed = n.attrs["trips"], n.attrs["replayed"]
        (body,), (old,) = n.attrs["bodies"], primal.attrs["bodies"]
        forward, turn, adjoint = live_in_replay(n, keys)
        both = forward | turn | {c: frozenset() for c, _ in primal.attrs["next"]}
        adjoint |= {c: frozenset() for c, _ in n.attrs["next"]}
        count = 1 + len(n.attrs["ports"])
        ports = dict(zip(n.attrs["ports"], n.args[1:count], strict=True))
        primal_ports = dict(zip(primal.attrs["ports"], n.args[count:], strict=True))
        outer = self._enter(ports, body, adjoint, env, replayed)
        primal_outer = self._enter(primal_ports, old, both, env, {})
        inside: Env = {}
        made = Replay(self.builder.new(), "int", (), n, env[n.args[0]], n.attrs["states"])
        made.reverse, made.static = primal.attrs["reverse"], None if isinstance(trips, Size) else int(trips)
        kept = self._entered(made, primal_ports, primal_outer, old, both, inside)
        states = [m for _, m in primal.attrs["next"]]
        ahead = self._simplified(cone(old.nodes, states), inside, states, {})
        made.kept = [Carry(*kept[c], m, None) for (c, _), m in zip(primal.attrs["next"], ahead, strict=True)]
        starts = self._entered(made, ports, outer, body, adjoint, inside)
        carries, recorded = dict(n.attrs["next"]), [key for key in in_order(n, keys) if isinstance(key, Node)]
        ends = [*carries.values(), *recorded]
        used = {leaf: m for leaf, m in replayed.items() if leaf in adjoint}
        nodes = [*cone(old.nodes, used.values()), *cone(body.nodes, ends)]
        made_of = self._simplified(nodes, inside, ends, used)
        next = dict(zip(carries, made_of, strict=False))
        rows = dict(zip(recorded, made_of[len(carries) :], strict=True))
        self.builder.site = n
        found = {key: self._part(made, n, key) for key in in_order(n, keys)}
        made.carries = [Carry(*starts[c], m, found.get(Result(k))) for k, (c, m) in enumerate(next.items())]
        made.histories = [History(row, found[key]) for key, row in rows.items()]
        made.hands_on = _handles([*rows, *next, *states])
        return self._results(n, found)

    def _simplified(
        self, nodes: Sequence[Node], given: Env, ends: Sequence[Node], same: Mapping[Node, Node]
    ) -> list[Value]:
        """What stands for rows of `ends`, made of `nodes` of bodies; the leaves `same` are what earlier nodes are."""
        graph = Graph(real=self.builder.real)
        copies: dict[Node, Node] = {}
        for n in nodes:
            if n in same:
                copies[n] = copies[same[n]]
            else:
                copied([n], copies, graph)
        made = simplify([copies[y] for y in ends], inline_bases=True)
        inside = {made.of[copies[n]]: v for n, v in given.items() if n in copies and copies[n] in made.of}
        self._run(demand(made.graph.nodes, made.outputs), inside, made.outputs)
        return [self._leaving(y, inside) for y in made.outputs]

    # ---- comprehensions ------------------------------------------------------------------------------------------

    def _mapped(self, n: Node, op: BranchOp, keys: Keys, env: Env) -> Mapping[Key, Value]:
        """All lanes at once, as part of the values around it."""
        order = in_order(n, keys)
        (live,) = op.live(n, keys)
        made, leaves = over_all_lanes(n, live, order)
        inside: Env = {leaf: env[core] for leaf, core in leaves.items()}
        if made.outputs:
            self._run(demand(made.graph.nodes, made.outputs), inside, made.outputs)
        self.builder.site = n
        return {key: inside[y] for key, y in zip(order, made.outputs, strict=True)}

    # ---- branches ------------------------------------------------------------------------------------------------

    def _branch(self, n: Node, op: BranchOp, keys: Keys, env: Env) -> Mapping[Key, Value]:
        shared, order = n.attrs.get("shared", frozenset()), in_order(n, keys)
        ports = dict(zip(n.attrs["ports"], n.args[1:], strict=True))
        rank = len(n.args[0].shape)
        lives = op.live(n, keys)
        outer = {p: self._outside(a, env) for p, a in ports.items() if any(p in live for live in lives)}
        made = Branch(self.builder.new(), "int", (), n, env[n.args[0]])
        for which, (body, live) in enumerate(zip(n.attrs["bodies"], lives, strict=True)):
            inside: Env = {}
            side = Side([], [], [])
            for p in body.ports:
                if p in live:
                    whole = not rank or p in shared
                    leaf = self._entering(p, outer[p], ports[p], 0 if whole else rank, inside)
                    (side.shared if whole else side.free).append(Entering(leaf, outer[p]))
            results = n.attrs["results"][which]
            leaving = {results[k.number] for k in order if isinstance(k, Result)}
            self._run(live, inside, leaving | {k for k in order if isinstance(k, Node)})
            for key in order:
                at = results[key.number] if isinstance(key, Result) else key
                side.ends.append(self._leaving(at, inside) if at in inside else None)
            made.sides.append(side)
        self.builder.site = n
        found = {key: self._part(made, n, key) for key in order}
        made.parts = list(found.values())
        made.summed = frozenset(k for k, key in enumerate(order) if is_summed(n, key))
        if any(found[order[k]].shape != self._type(n, order[k])[0].shape for k in made.summed):
            raise NotLowered("lanes")
        return self._results(n, found)


def _handles(rows: Sequence[Node]) -> bool:
    """Whether what stands for some of these is handles."""
    return any(cut(n.shape, 0) is not None for n in rows)


def _read_once(live: Live) -> set[Node]:
    """The nodes that one node reads, once."""
    count = Counter(a for n in live for a in n.args)
    return {a for a, reads in count.items() if reads == 1}
