"""The tree interpreter: runs the typed tree on arrays, and never sees the graph.

It is the independent oracle of verification (its differences prove the transfer functions) and computes constants and
defaults. It shares with the compiled side the parser, the checker and the values of primitives, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

import numpy as np

from paramprog.diagnostics import Span, fail
from paramprog.graph.region import ValueFault
from paramprog.lang.instance import BaseCall, Inlined, Instance, Primitive
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
)
from paramprog.lang.walk import Walk, walk
from paramprog.op import OPS, Op
from paramprog.transfer.source import DTYPES
from paramprog.types import Kind

Values = Mapping[str, Any]


class Program(Protocol):
    """What the interpreter needs of a checked program."""

    @property
    def dims(self) -> Mapping[str, int]: ...
    @property
    def consts(self) -> Mapping[str, Any]: ...
    @property
    def bases(self) -> Mapping[str, Any]: ...


def interpret(program: Program, entry: Instance, inputs: Values, params: Values) -> list[Any]:
    """The results of the entry function in float64, for the values of all its arguments and of the params.

    Raises ProgramError, with the place, when an operation has no value.
    """
    with np.errstate(all="ignore"):
        return walk(_Frame(program, entry, params, dict(inputs)).results())


def constant_value(program: Program, instance: Instance, e: Expression) -> Walk[Any]:
    """The value of a constant expression that has been typed."""
    with np.errstate(all="ignore"):
        value = yield _Frame(program, instance, {}, {}).expression(e)
    return value


def convert(value: Any, kind: Kind) -> Any:
    """A value as `kind`; reals are float64 here."""
    return np.asarray(value).astype(np.float64 if kind == "real" else DTYPES[kind])[()]


class _Frame:
    """One call: the values of its locals. In a base function, typed on scalars, they all have shape `lanes`."""

    def __init__(
        self,
        program: Program,
        instance: Instance,
        params: Values,
        scope: dict[str, Any],
        lanes: tuple[int, ...] = (),
    ) -> None:
        self.program, self.instance, self.params, self.scope = program, instance, params, scope
        self.lanes = lanes

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
            self.scope[target.name.text] = value

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
        if e.text in self.params:
            return self.params[e.text]
        if e.text in self.program.consts:
            return self.program.consts[e.text].value
        return np.int64(self.program.dims[e.text]) if e.text in self.program.dims else np.float64(np.pi)

    def apply(self, op: Op, values: list[Any], span: Span, attrs: Mapping[str, Any]) -> Any:
        kinds = tuple(_kind(v) for v in values)
        if values:
            values = [
                convert(v, k) if k != h else v
                for v, k, h in zip(values, op.kinds(*kinds)[0], kinds, strict=True)
            ]
        try:
            return op.value(*values, **attrs)
        except ValueFault as fault:
            raise fail(fault.code, fault.message, span) from None

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
        open_lanes: Any = np.ones(shape, np.bool_)
        out: Any = convert(np.zeros(shape), kind) if shape else None
        for arm in plan.arms:
            if not np.any(open_lanes):
                return out
            condition = yield self.expression(arm.condition)
            chosen = open_lanes & condition
            if np.any(chosen):
                value = yield self.expression(arm.value)
                if not shape:
                    return convert(value, kind)
                out = np.where(chosen, convert(value, kind), out)
            open_lanes = open_lanes & ~np.asarray(condition)
        if np.any(open_lanes):
            value = yield self.expression(plan.otherwise)
            out = np.where(open_lanes, convert(value, kind), out)[()] if shape else convert(value, kind)
        return out

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
        where: list[Any] = [slice(None)] * np.ndim(value)
        for cut in plan.cuts:
            where[cut.axis] = cut.where()
        value = value[tuple(where)]
        at: list[Any] = [slice(None)] * np.ndim(value)
        for axis, item in plan.run_time:
            i = yield self.expression(item)
            if not 0 <= i < value.shape[axis]:
                raise fail(
                    "index-range", f"index {i} is out of range for {value.shape[axis]} entries", item.span
                )
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
        base = self.program.bases[target.base.name.text]
        shape = np.broadcast_shapes(*(np.shape(v) for v in values))
        reals = [np.broadcast_to(convert(v, "real"), shape)[()] for v in values]
        names = [a.text for a in target.base.arguments]
        frame = _Frame(self.program, base.instance, {}, dict(zip(names, reals, strict=True)), shape)
        value = yield frame.expression(target.base.body)
        return [np.broadcast_to(convert(value, "real"), shape)[()]]

    def inlined(self, target: Inlined) -> Walk[list[Any]]:
        inner = target.instance
        frame = _Frame(
            self.program, inner, self.params, {k: np.int64(n) for k, n in inner.dims.items()}, self.lanes
        )
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
        results: list[Any] = yield frame.results()
        return results

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
