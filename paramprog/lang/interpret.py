"""The tree interpreter: runs the typed tree on arrays, and never sees the graph.

It is the independent oracle of verification (its differences prove the transfer functions) and computes constants and
defaults. It shares with the compiled side the parser, the checker and the values of primitives, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from paramprog.diagnostics import ProgramError, Span, fail
from paramprog.graph.region import ValueFault
from paramprog.lang.instance import Arms, BaseCall, Inlined, Instance, Primitive
from paramprog.lang.lazy import Holes, by_lanes, first_fault, nothing
from paramprog.lang.syntax import (
    Assign,
    Boolean,
    Call,
    Chain,
    Compare,
    Conditional,
    Expression,
    If,
    Index,
    Integer,
    ListLiteral,
    Name,
    Negate,
    Not,
    Number,
    Power,
    Return,
    Statement,
    Target,
)
from paramprog.lang.walk import Walk, walk
from paramprog.op import OPS, Op
from paramprog.transfer.source import DTYPES
from paramprog.types import Kind

Values = Mapping[str, Any]

MAX_REMEMBERED = 128
"""Calls are remembered if none of their arguments has more entries."""


def interpret(entry: Instance, inputs: Values, params: Values) -> list[Any]:
    """The results of the entry function in float64, for the values of all its arguments and of the params.

    Raises ProgramError, with the place, when an operation has no value.
    """
    with np.errstate(all="ignore"):
        return walk(_Frame(entry, params, dict(inputs)).results())


def constant_value(instance: Instance, e: Expression) -> Walk[Any]:
    """The value of a constant expression that has been typed."""
    with np.errstate(all="ignore"):
        value = yield _Frame(instance, {}, {}).expression(e)
    return value


def convert(value: Any, kind: Kind) -> Any:
    """A value as `kind`; reals are float64 here."""
    if isinstance(value, Holes):
        return value if value.value is None else replace(value, value=convert(value.value, kind))
    return np.asarray(value).astype(np.float64 if kind == "real" else DTYPES[kind])[()]


class _Frame:
    """One call: the values of its locals. In a base function, typed on scalars, they all have shape `lanes`.

    `lazy` holds inside an arm of a conditional that selects lane by lane: faults become `Holes`. `calls` are those made
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
    ) -> None:
        self.instance, self.params, self.scope = instance, params, scope
        self.lanes, self.lazy = lanes, lazy
        self.calls: dict[Any, list[Any]] = {} if calls is None else calls

    def results(self) -> Walk[list[Any]]:
        assert self.instance.function is not None
        found: list[Any] = yield self.block(self.instance.function.body.statements)
        kinds = [i.type.kind for i in self.instance.results]
        return [convert(v, k) for v, k in zip(found, kinds, strict=True)]

    def block(self, statements: tuple[Statement, ...]) -> Walk[list[Any]]:
        for s in statements:
            if isinstance(s, Return):
                values: list[Any] = []
                for e in s.values:
                    value = yield self.expression(e)
                    values.append(value)
                return values
            if isinstance(s, If):
                chosen = self.instance.chosen[s]
                returned: list[Any] = yield self.block(chosen.statements if chosen is not None else ())
                if returned:
                    return returned
            if isinstance(s, Assign):
                yield self.assign(s)
        return []

    def assign(self, s: Assign) -> Walk[None]:
        values: list[Any] = []
        for e in s.values:
            if isinstance(e, Call) and len(s.targets) > len(s.values):
                several: list[Any] = yield self.call(e)
                values.extend(several)
            else:
                value = yield self.expression(e)
                values.append(value)
        for target, value in zip(s.targets, values, strict=True):
            if target.indices is None:
                self.scope[target.name.text] = value
            else:
                yield self.update(target, value)

    def update(self, target: Target, value: Any) -> Walk[None]:
        """A copy of the array with some entries replaced, by plain NumPy indexing."""
        name, plan = target.name.text, self.instance.indices[target]
        items: list[Any] = []
        for _, item in plan.run_time:
            i = yield self.expression(item)
            items.append(i)
        if (missing := first_fault([self.scope[name], value, *items])) is not None:
            self.scope[name] = nothing(missing)
            return
        array = np.array(self.scope[name])
        where: list[Any] = [slice(None)] * array.ndim
        for cut in plan.cuts:
            where[cut.axis] = cut.where()
        view = array[tuple(where)] if plan.run_time else array
        at: list[Any] = [slice(None)] * view.ndim if plan.run_time else where
        for (axis, item), i in zip(plan.run_time, items, strict=True):
            if not 0 <= i < view.shape[axis]:
                message = f"index {i} is out of range for {view.shape[axis]} entries"
                error = fail("index-range", message, item.span)
                if not self.lazy:
                    raise error
                self.scope[name] = nothing(error)
                return
            at[axis] = i
        view[tuple(at)] = convert(value, self.instance.info[target].type.kind)
        self.scope[name] = array

    # ---- expressions ---------------------------------------------------------------------------------------------

    def expression(self, e: Expression) -> Walk[Any]:
        static = self.instance.info[e].static
        if static is not None:
            return np.bool_(static) if isinstance(static, bool) else np.int64(static)
        if type(e) in self.LEAVES:
            return self.LEAVES[type(e)](self, e)
        value = yield self.METHODS[type(e)](self, e)
        return value

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
        kinds = tuple(_kind(v) for v in values)
        if values:
            values = [
                convert(v, k) if k != h else v
                for v, k, h in zip(values, op.kinds(*kinds)[0], kinds, strict=True)
            ]
        try:
            found = op.value(*values, **attrs)
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

    def conditional(self, e: Conditional) -> Walk[Any]:
        """Lane by lane for array conditions: an arm that no lane selects is not evaluated."""
        plan, info = self.instance.arms[e], self.instance.info[e]
        kind, shape = info.type.kind, info.type.shape or self.lanes
        if not plan.arms or not shape:
            value = yield self._one_of(plan)
            return convert(value, kind)
        sides = [(arm.condition, arm.value) for arm in plan.arms]
        open_lanes: Any = np.ones(shape, np.bool_)
        out: Any = convert(np.zeros(shape), kind)
        bad: Any = np.zeros(shape, np.bool_)
        fault: ProgramError | None = None
        for condition, side in (*sides, (None, plan.otherwise)):
            if not np.any(open_lanes):
                break
            chosen: Any = np.True_
            if condition is not None:
                chosen = yield self.expression(condition)
            if isinstance(chosen, Holes):
                bad, fault = bad | open_lanes & chosen.bad, chosen.fault
                open_lanes = open_lanes & ~chosen.bad
                chosen = np.False_ if chosen.value is None else chosen.value
            chosen = open_lanes & chosen
            open_lanes = open_lanes & ~chosen
            if not np.any(chosen):
                continue
            value = yield self.lazily(side)
            if isinstance(value, Holes):
                bad, fault = bad | chosen & value.bad, value.fault
                value = out if value.value is None else value.value
            out = np.where(chosen, convert(value, kind), out)
        if fault is None or not np.any(bad):
            return out
        if not self.lazy:
            raise fault
        return Holes(out, bad, fault)

    def _one_of(self, plan: Arms) -> Walk[Any]:
        """A conditional of one lane."""
        for arm in plan.arms:
            condition = yield self.expression(arm.condition)
            if isinstance(condition, Holes):
                return condition
            if condition:
                value = yield self.expression(arm.value)
                return value
        value = yield self.expression(plan.otherwise)
        return value

    def lazily(self, e: Expression) -> Walk[Any]:
        """The value of an arm of which some lanes are selected."""
        before, self.lazy = self.lazy, True
        try:
            value = yield self.expression(e)
        finally:
            self.lazy = before
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
        for _, item in plan.run_time:
            i = yield self.expression(item)
            items.append(i)
        if (missing := first_fault([value, *items])) is not None:
            return nothing(missing)
        where: list[Any] = [slice(None)] * np.ndim(value)
        for cut in plan.cuts:
            where[cut.axis] = cut.where()
        value = value[tuple(where)]
        at: list[Any] = [slice(None)] * np.ndim(value)
        for (axis, item), i in zip(plan.run_time, items, strict=True):
            if not 0 <= i < value.shape[axis]:
                message = f"index {i} is out of range for {value.shape[axis]} entries"
                if not self.lazy:
                    raise fail("index-range", message, item.span)
                return nothing(fail("index-range", message, item.span))
            at[axis] = i
        return value[tuple(at)]

    def one_call(self, e: Call) -> Walk[Any]:
        found: list[Any] = yield self.call(e)
        return found[0]

    def call(self, e: Call) -> Walk[list[Any]]:
        target = self.instance.targets[e]
        if isinstance(target, Inlined):
            values: list[Any] = yield self.inlined(target)
            return values
        values = []
        for operand in target.operands:
            value = yield self.expression(operand)
            values.append(value)
        if isinstance(target, Primitive):
            return [self.apply(target.op, values, e.span, target.attrs)]
        assert isinstance(target, BaseCall)
        if (missing := first_fault([v for v in values if _plain(v) is None])) is not None:
            return [nothing(missing)]
        shape = np.broadcast_shapes(*(np.shape(_plain(v)) for v in values))
        names = [a.text for a in target.base.arguments]
        scope = {n: _spread(convert(v, "real"), shape) for n, v in zip(names, values, strict=True)}
        frame = _Frame(target.instance, {}, scope, shape, lazy=self.lazy, calls=self.calls)
        value = yield frame.expression(target.base.body)
        return [_spread(convert(value, "real"), shape)]

    def inlined(self, target: Inlined) -> Walk[list[Any]]:
        inner = target.instance
        sizes = {k: np.int64(n) for k, n in inner.dims.items()}
        frame = _Frame(inner, self.params, sizes, self.lanes, lazy=self.lazy, calls=self.calls)
        for formal, operand in zip(inner.formals(), target.operands, strict=True):
            name = formal.name.text
            if name in inner.functions:
                continue
            if operand is not None:
                value = yield self.expression(operand)
            else:
                assert formal.default is not None
                value = yield frame.expression(formal.default)
            frame.scope[name] = convert(value, inner.arguments[name].type.kind)
        key = (inner, self.lanes, self.lazy, *map(_key, frame.scope.values()))
        if None in key:
            results: list[Any] = yield frame.results()
            return results
        if key not in self.calls:
            self.calls[key] = yield frame.results()
        return self.calls[key]

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
        Conditional: conditional,
        ListLiteral: stacked,
        Index: index,
        Call: one_call,
    }


def _kind(value: Any) -> Kind:
    code = np.asarray(value).dtype.kind
    return "bool" if code == "b" else "int" if code == "i" else "real"


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Holes) else value


def _key(value: Any) -> tuple[str, tuple[int, ...], bytes] | None:
    """What equal values have in common; None for one that is not worth remembering."""
    if isinstance(value, Holes) or np.size(value) > MAX_REMEMBERED:
        return None
    return value.dtype.str, value.shape, value.tobytes()


def _spread(value: Any, shape: tuple[int, ...]) -> Any:
    """A scalar as an array; an array has the shape already."""
    return value if isinstance(value, Holes) else np.broadcast_to(value, shape)[()]
