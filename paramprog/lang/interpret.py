"""The tree interpreter: runs the typed tree on arrays, and never sees the graph.

It is the independent oracle of verification (its differences prove the transfer functions) and computes constants and
defaults. It shares with the compiled side the parser, the checker and the values of primitives, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np

from paramprog.diagnostics import ProgramError, Span, fail
from paramprog.graph.region import ValueFault
from paramprog.lang.instance import Instance, Primitive
from paramprog.lang.interpret_calls import one_call
from paramprog.lang.interpret_lanes import by_lane, comprehension, conditional
from paramprog.lang.interpret_statements import block
from paramprog.lang.interpret_values import convert, entries, kind_of
from paramprog.lang.lazy import Holes, by_lanes, first_fault, nothing
from paramprog.lang.runs import Mark, Run, Stop
from paramprog.lang.syntax import (
    Boolean,
    Call,
    Chain,
    Compare,
    Comprehension,
    Conditional,
    Expression,
    Fold,
    Index,
    Integer,
    ListLiteral,
    Name,
    Negate,
    Not,
    Number,
    Power,
)
from paramprog.lang.walk import Done, Walk, walk
from paramprog.op import OPS, Op
from paramprog.transfer.tape import TAPES
from paramprog.types import Kind

Values = Mapping[str, Any]


@dataclass
class Turns:
    """How many turns of `while` loops a run has made, and how many it may make."""

    made: int = 0
    most: int | None = None

    def another(self, span: Span) -> None:
        """Raises ProgramError beyond the limit."""
        self.made += 1
        if self.most is not None and self.made > self.most:
            raise fail("endless-loop", f"more than {self.most} turns have been made", span)


def interpret(entry: Instance, inputs: Values, params: Values, turns: Turns | None = None) -> list[Any]:
    """The results of the entry function in float64, for the values of all its arguments and of the params.

    Raises ProgramError, with the place, when an operation has no value, and when `turns` allows no more.
    """
    with np.errstate(all="ignore"):
        return walk(Frame(entry, params, dict(inputs), turns=turns).results())


def constant_value(instance: Instance, e: Expression) -> Walk[Any]:
    """The value of a constant expression that has been typed."""
    with np.errstate(all="ignore"):
        value = yield Frame(instance, {}, {}).expression(e)
    return value


@cache
def _wanted(op: Op, kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """What kinds a primitive converts arguments of these kinds to."""
    return op.kinds(*kinds)[0] if kinds else ()


class Frame:
    """One call: the values of its locals. In a base function, typed on scalars, they all have shape `lanes`.

    `lazy` holds inside an arm of a conditional that selects lane by lane: faults become `Holes`. `wanted` are the lanes
    that it selects of what is being evaluated, None where there are no such lanes. `calls` are those made
    so far in this run: a function called again with equal values (not necessarily the same points) is not run again.
    """

    def __init__(
        self,
        instance: Instance,
        params: Values,
        scope: dict[str, Any],
        lanes: tuple[int, ...] = (),
        *,
        lazy: bool = False,
        calls: dict[Any, list[Any]] | None = None,
        turns: Turns | None = None,
    ) -> None:
        self.turns = turns or Turns()
        self.instance, self.params, self.scope = instance, params, scope
        self.lanes, self.lazy = lanes, lazy
        self.wanted: Any = None
        self.calls: dict[Any, list[Any]] = {} if calls is None else calls
        self.run: Run | None = None
        """The body that is being run, where there are derivative operators."""
        self.root: Run | None = None
        """The body that this frame began with."""
        self.marks: Sequence[Mark] = ()
        """The points that are perturbed in this run, those of `fresh` for the first time."""
        self.fresh: Sequence[Mark] = ()
        self.stop: Stop | None = None
        self.path: list[Run] = []
        """The turns of loops that lead to it."""

    def call(
        self, instance: Instance, scope: dict[str, Any], params: Values, lanes: tuple[int, ...]
    ) -> Frame:
        """A call made here."""
        return Frame(instance, params, scope, lanes, lazy=self.lazy, calls=self.calls, turns=self.turns)

    def results(self) -> Walk[list[Any]]:
        assert self.instance.function is not None
        statements = self.instance.function.body.statements
        if self.instance.differentiates:
            self.run = self.root = Run(statements, dict(self.scope), self.instance)
        found: list[Any] = yield block(self, statements)
        kinds = [i.type.kind for i in self.instance.results]
        return [convert(v, k) for v, k in zip(found, kinds, strict=True)]

    def statements(self) -> Walk[None]:
        """Run the body that the frame begins with."""
        assert self.root is not None
        yield block(self, self.root.statements)

    def assign(self, name: str, value: Any) -> None:
        """A new point of this name, perturbed if that is asked for."""
        run = self.run
        while run is not None:
            count = run.assigned[name] = run.assigned.get(name, 0) + 1
            for mark in self.marks:
                if mark.key is run.key and mark.name == name and mark.nth == count:
                    value = mark.on(value)
            run = run.around if run is not self.root else None
        self.scope[name] = value

    @contextmanager
    def turn(self, run: Run | None) -> Iterator[None]:
        """A turn of a loop, where there are derivative operators."""
        before, self.run = self.run, run
        try:
            yield
        finally:
            self.run = before

    @contextmanager
    def inside(self, names: Mapping[str, Any], instance: Instance | None = None) -> Iterator[None]:
        """Names assigned inside are not visible after it; `instance` is a typing of this part alone."""
        before = self.scope, self.instance
        self.scope = {**self.scope, **names}
        self.instance = instance or self.instance
        try:
            yield
        finally:
            self.scope, self.instance = before

    # ---- expressions ---------------------------------------------------------------------------------------------

    def expression(self, e: Expression) -> Walk[Any] | Done[Any]:
        static = self.instance.info[e].static
        if static is not None:
            return Done(np.bool_(static) if isinstance(static, bool) else np.int64(static))
        if type(e) in self.LEAVES:
            return Done(self.LEAVES[type(e)](self, e))
        if self.wanted is None or by_lane(self, e):
            return self.METHODS[type(e)](self, e)
        return self.selecting(None, e, lazy=self.lazy)

    def literal(self, e: Number | Integer | Boolean) -> Any:
        return np.asarray(e.value)[()]

    def name(self, e: Name) -> Any:
        if e.text in self.scope:
            return self.scope[e.text]
        owner = self.instance.home.owner(e.text)
        if owner is None:
            return np.float64(np.pi)
        if e.text in owner.params:
            return self.params[e.text]
        return owner.consts[e.text].value if e.text in owner.consts else np.int64(owner.dims[e.text])

    def apply(self, op: Op, values: list[Any], span: Span, attrs: Mapping[str, Any]) -> Any:
        holes = [v for v in values if isinstance(v, Holes)]
        if holes:
            if not op.elementwise or any(h.value is None for h in holes):
                return nothing(holes[0].fault)
            values = [v.value if isinstance(v, Holes) else v for v in values]
        kinds = tuple(map(kind_of, values))
        wanted = _wanted(op, kinds)
        if wanted != kinds:
            values = [convert(v, k) if k != h else v for v, k, h in zip(values, wanted, kinds, strict=True)]
        try:
            # what is on a tape may be a dual, the tape itself is none
            found = op.value(*values, **attrs) if op in TAPES else op(*values, **attrs)
        except ValueFault as fault:
            error = fail(fault.code, fault.message, span)
            if not self.lazy:
                raise error from None
            found = by_lanes(op, values, attrs, error) if op.elementwise else nothing(error)
        for h in holes:
            if not isinstance(found, Holes):
                found = Holes(found, h.bad, h.fault)
            elif found.value is not None:
                found = replace(found, bad=found.bad | h.bad)
        return found

    def chain(self, e: Chain) -> Walk[Any]:
        value = yield self.expression(e.first)
        for link in e.links:
            target = self.instance.targets.get(link)
            if target is None:
                continue  # decided at compile time
            assert isinstance(target, Primitive)
            right = yield self.expression(link.operand)
            value = self.apply(target.op, [value, right], link.operator_span, target.attrs)
        return value

    def operator(self, e: Compare | Negate | Not | Power) -> Walk[Any]:
        target = self.instance.targets[e]
        assert isinstance(target, Primitive)
        parts = {Compare: ("left", "right"), Power: ("base", "exponent")}.get(type(e), ("operand",))
        values: list[Any] = []
        for part in parts:
            value = yield self.expression(getattr(e, part))
            values.append(value)
        return self.apply(target.op, values, e.span, target.attrs)

    def selecting(self, wanted: Any, e: Expression, *, lazy: bool) -> Walk[Any]:
        """The value of `e`, of which some lanes are wanted (None: all of them)."""
        before = self.wanted, self.lazy
        self.wanted, self.lazy = wanted, lazy
        try:
            value = yield self.expression(e)
        finally:
            self.wanted, self.lazy = before
        return value

    def stacked(self, e: ListLiteral) -> Walk[Any]:
        values: list[Any] = []
        for item in e.items:
            value = yield self.expression(item)
            values.append(value)
        return self.apply(OPS["stack"], values, e.span, {"axis": 0})

    def index(self, e: Index) -> Walk[Any]:
        """Plain NumPy indexing of the entries that the plan names."""
        value = yield self.expression(e.base)
        plan = self.instance.indices[e]
        items: list[Any] = []
        for item in plan.run_time:
            i = yield self.expression(item.start)
            items.append(i)
        if (missing := first_fault([value, *items])) is not None:
            return nothing(missing)
        where: list[Any] = [slice(None)] * np.ndim(value)
        for cut in plan.cuts:
            where[cut.axis] = cut.where()
        value = value[tuple(where)]
        at: list[Any] = [slice(None)] * np.ndim(value)
        for item, i in zip(plan.run_time, items, strict=True):
            try:
                at[item.axis] = entries(item, i, value.shape[item.axis])
            except ProgramError as fault:
                if not self.lazy:
                    raise
                return nothing(fault)
        return value[tuple(at)]

    LEAVES: ClassVar[dict[type, Callable[[Any, Any], Any]]] = {
        Number: literal,
        Integer: literal,
        Boolean: literal,
        Name: name,
    }
    METHODS: ClassVar[dict[type, Callable[[Any, Any], Walk[Any]]]] = {
        Chain: chain,
        Compare: operator,
        Negate: operator,
        Not: operator,
        Power: operator,
        ListLiteral: stacked,
        Index: index,
        Conditional: conditional,
        Comprehension: comprehension,
        Fold: comprehension,
        Call: one_call,
    }
