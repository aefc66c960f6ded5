"""From graphs to values (tensor.py): each node by its rule, regions with their bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from paramprog.compile.builder import Builder, NotLowered
from paramprog.compile.mapped import holds_everywhere, over_all_lanes
from paramprog.compile.rules import lowered
from paramprog.compile.tensor import Branch, Carry, Entering, History, Input, Loop, Part, Side, Value
from paramprog.diagnostics import ProgramError
from paramprog.graph import PART, Node, Region, Result, demand
from paramprog.graph.region import TRIPS, Key, Keys, Live
from paramprog.transfer.branches import Branch as BranchOp
from paramprog.transfer.loops import LOOP, REPLAY
from paramprog.transfer.loops import Loop as LoopOp
from paramprog.transfer.source import LEAF
from paramprog.types import Shape, Size

Env = dict[Node, Value]


class Program:
    """A graph as values: `inputs` for the leaves, in the order given, and the `outputs`."""

    def __init__(self, outputs: Sequence[Node], leaves: Sequence[Node]) -> None:
        """Raises NotLowered where a node has no C form."""
        graph = outputs[0].graph
        self.builder = Builder(graph.real)
        self.inputs = [self._input(leaf) for leaf in leaves]
        env: Env = dict(zip(leaves, self.inputs, strict=True))
        self._run(demand(graph.nodes, outputs), env)
        self.outputs = [env[y] for y in outputs]

    def _input(self, leaf: Node, shape: Shape | None = None) -> Input:
        return Input(self.builder.new(), leaf.kind, leaf.shape if shape is None else shape, leaf)

    def _run(self, live: Live, env: Env) -> None:
        """The values of live nodes, in place in `env`; regions are there as their parts."""
        b = self.builder
        parts: dict[tuple[Node, Key], Value] = {}
        for n, keys in live.items():
            if n in env:
                continue
            b.site = n
            if n.op is PART:
                env[n] = parts[n.args[0], n.attrs["of"]]
            elif isinstance(n.op, Region):
                for key, made in self._region(n, keys, env).items():
                    parts[n, key] = made
            elif n.op is LEAF:
                raise NotLowered(f"no value is given for {n!r}")
            else:
                env[n] = lowered(b, n, [env[a] for a in n.args])

    def _region(self, n: Node, keys: Keys, env: Env) -> Mapping[Key, Value]:
        if isinstance(n.op, BranchOp):
            if len(n.attrs["bodies"]) == 1 and holds_everywhere(n.args[0]):
                with suppress(ProgramError):  # of a primitive without a rule for lanes
                    return self._mapped(n, n.op, keys, env)
            return self._branch(n, n.op, keys, env)
        if n.op is LOOP:
            assert isinstance(n.op, LoopOp)
            return self._loop(n, n.op, keys, env)
        why = "it runs turns again to save memory" if n.op is REPLAY else "it is of a kind of its own"
        raise NotLowered(f"a region `{n.op.name}` has no C form: {why}")

    def _part(self, region: Any, n: Node, key: Key) -> Part:
        assert isinstance(n.op, Region)
        type = n.op.part_type(n, key)
        if any(isinstance(size, Size) for size in type.shape[1:]):
            raise NotLowered("what is recorded of a loop inside a loop has rows of different lengths")
        return Part(self.builder.new(), type.kind, type.shape, n, region)

    # ---- loops ---------------------------------------------------------------------------------------------------

    def _loop(self, n: Node, op: LoopOp, keys: Keys, env: Env) -> Mapping[Key, Part]:
        live = op.live(n, keys)
        (body,) = n.attrs["bodies"]
        trips, test = n.attrs["trips"], n.attrs["test"]
        inside: Env = {}
        made = Loop(self.builder.new(), "int", (), n, env[n.args[0]])
        made.reverse, made.static = n.attrs["reverse"], None if isinstance(trips, Size) else int(trips)
        outer = dict(zip(n.attrs["ports"], n.args[1:], strict=True))
        starts: dict[Node, tuple[Input, Value]] = {}
        for p, port in body.ports.items():
            if p not in live:
                continue
            leaf = self._input(p)
            inside[p] = leaf
            if port.kind == "index":
                made.index.append(leaf)
            elif port.kind == "carry":
                starts[p] = (leaf, env[outer[p]])
            else:
                (made.scans if port.kind == "scan" else made.free).append(Entering(leaf, env[outer[p]]))
        self._run(live, inside)
        if test is not None:
            made.test = inside[test]
        self.builder.site = n
        found = {key: self._part(made, n, key) for key in keys}
        for number, (carry, after) in enumerate(n.attrs["next"]):
            if carry in live:
                leaf, start = starts[carry]
                made.carries.append(Carry(leaf, start, inside[after], found.get(Result(number))))
            elif Result(number) in found:
                raise NotLowered("the last value of something that a loop carries but never computes")
        made.histories = [History(inside[k], found[k]) for k in keys if isinstance(k, Node)]
        made.trips = found.get(TRIPS)
        return found

    # ---- comprehensions ------------------------------------------------------------------------------------------

    def _mapped(self, n: Node, op: BranchOp, keys: Keys, env: Env) -> Mapping[Key, Value]:
        """All lanes at once, as part of the values around it."""
        order = list(keys)
        (live,) = op.live(n, keys)
        made, leaves = over_all_lanes(n, live, order)
        inside: Env = {leaf: env[core] for leaf, core in leaves.items()}
        if made.outputs:
            self._run(demand(made.graph.nodes, made.outputs), inside)
        self.builder.site = n
        return {key: inside[y] for key, y in zip(order, made.outputs, strict=True)}

    # ---- branches ------------------------------------------------------------------------------------------------

    def _branch(self, n: Node, op: BranchOp, keys: Keys, env: Env) -> Mapping[Key, Part]:
        made = Branch(self.builder.new(), "int", (), n, env[n.args[0]])
        shared, summed = n.attrs.get("shared", frozenset()), n.attrs.get("summed", frozenset())
        order = list(keys)
        outer = dict(zip(n.attrs["ports"], n.args[1:], strict=True))
        rank = len(n.args[0].shape)
        for which, (body, live) in enumerate(zip(n.attrs["bodies"], op.live(n, keys), strict=True)):
            inside: Env = {}
            side = Side([], [], [])
            for p in body.ports:
                if p not in live:
                    continue
                inside[p] = leaf = self._input(p)
                whole = not rank or p in shared
                (side.shared if whole else side.free).append(Entering(leaf, env[outer[p]]))
            self._run(live, inside)
            results = n.attrs["results"][which]
            for key in order:
                at = results[key.number] if isinstance(key, Result) else key
                side.ends.append(inside.get(at) if isinstance(at, Node) else None)
            made.sides.append(side)
        self.builder.site = n
        found = {key: self._part(made, n, key) for key in order}
        made.parts = list(found.values())
        made.summed = frozenset(
            k for k, key in enumerate(order) if isinstance(key, Result) and key.number in summed
        )
        return found
