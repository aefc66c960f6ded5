"""Types of expressions, and what each operator of them is.

`Typing` annotates one instance. Its methods are generators (`walk.py`), so expressions may nest to any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from paramprog.diagnostics import Span, did_you_mean, fail
from paramprog.lang.calls import call
from paramprog.lang.comprehensions import comprehension
from paramprog.lang.decide import decide, is_constant
from paramprog.lang.faults import Poisoned, check_size, mismatch
from paramprog.lang.indexing import index
from paramprog.lang.instance import Arms, FunctionRef, Info, Instance, Static
from paramprog.lang.interpret import constant_value
from paramprog.lang.operators import chain, compare, negate, not_, power
from paramprog.lang.static import fold
from paramprog.lang.syntax import (
    Arm,
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
    Return,
)
from paramprog.lang.tapes import check_operation
from paramprog.lang.walk import Done, Walk
from paramprog.op import OPS, Op
from paramprog.types import ShapeError, Type, dims_text, join_kinds, join_shapes

if TYPE_CHECKING:
    from paramprog.lang.declarations import Declarations

REAL = Info(Type("real", ()))
INT, BOOL = Type("int", ()), Type("bool", ())


def _noting(method: Callable[[Any, Any], Walk[Info]]) -> Callable[[Any, Any], Walk[Info]]:
    """The method, its result annotated; the most frequent ones do that themselves."""

    def noting(typing: Typing, e: Expression) -> Walk[Info]:
        info: Info = yield method(typing, e)
        return typing.noted(e, info)

    return noting


class Typing:
    """The typing of one instance: `locals` are the names in scope, None for a name whose definition is in error.

    `constant` says what a constant expression is for ("a const"), where params and inputs may not stand; `hidden` are
    the arguments that are told so.
    """

    def __init__(self, checker: Declarations, instance: Instance, *, constant: str | None = None) -> None:
        self.checker, self.instance, self.constant = checker, instance, constant
        self.hidden = checker.hidden
        instance.home = checker
        self.locals: dict[str, Info | None] = {}
        self.places: dict[str, Span] = {}
        """Where the arguments and the names that blocks assign have their first value."""
        self.indices: dict[str, Span] = {}
        """The indices of the loops around what is being typed."""
        self.gone: dict[str, str] = {}
        """Names that were assigned in a loop or an arm, each with the reason why it is not visible elsewhere."""
        self._outer: dict[str, tuple[Info, bool]] = {}
        """The names of the file that were met, and whether they are params."""
        self.found: dict[str, FunctionRef] = {}
        """The functions of the file that were called."""
        self._applied: dict[tuple[object, ...], Info] = {}
        self.first_return: Return | None = None
        self.returned = False
        self.faulty = False
        """A statement is in error, and reported."""
        self.doubtful = False
        """A faulty statement might have returned: nothing is said about a missing return."""

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What is assigned inside is not visible after it."""
        before = self.locals, self.places, self.indices
        self.locals, self.places, self.indices = map(dict, before)  # type: ignore[arg-type]
        try:
            yield
        finally:
            self.locals, self.places, self.indices = before

    @contextmanager
    def part(self) -> Iterator[Instance]:
        """One turn or entry of what is unrolled has annotations of its own."""
        whole = self.instance
        self.instance = whole.part()
        try:
            yield self.instance
        finally:
            whole.mentions = whole.mentions or self.instance.mentions
            whole.differentiates = whole.differentiates or self.instance.differentiates
            self.instance = whole

    def expression(self, e: Expression) -> Walk[Info] | Done[Info]:
        """The type of `e`, annotated in the instance with all its parts. Raises ProgramError or Poisoned."""
        known = self.leaf(e)
        return self.inner(e) if known is None else Done(known)

    def leaf(self, e: Expression) -> Info | None:
        """The type of a literal, or of a name met before, annotated; None for what takes a walk: see `inner`.

        Most expressions are such leaves, and a walk for each takes as long as all the rest of checking.
        """
        info = self.locals.get(e.text) if type(e) is Name else None
        if info is None:
            info = self._leaf(e)
        return None if info is None else self.noted(e, info)

    def inner(self, e: Expression) -> Walk[Info]:
        """The same as `expression`, of what is no leaf."""
        return self.METHODS[type(e)](self, e)

    def noted(self, e: Expression, info: Info) -> Info:
        """The type of `e` is annotated. Raises ProgramError if such an array is too large."""
        if info.type.shape:
            check_size(info.type, e.span)
        self.instance.info[e] = info
        return info

    def whole(self, e: Expression) -> Walk[Info]:
        """The same as a walk in any case, for what is walked by itself."""
        info: Info = yield self.expression(e)
        return info

    def param(self, name: str) -> Info | None:
        """The type of a param that was met before, if no local name or argument is called so."""
        info, param = self._outer.get(name, (None, False))
        return info if param and name not in self.locals and name not in self.instance.functions else None

    def _leaf(self, e: Expression) -> Info | None:
        if type(e) is Name:
            name = e.text
            if name in self.locals:
                info = self.locals[name]
                if info is None:
                    raise Poisoned
                return info
            if name in self._outer and name not in self.instance.functions:
                info, param = self._outer[name]
                if param:
                    self.instance.mentions = self.instance.mentions or e
                return info
            return None
        if type(e) is Number:
            return REAL
        if type(e) is Integer:
            return Info(INT, e.value)
        return Info(BOOL, e.value) if type(e) is Boolean else None

    def static_int(self, e: Expression, what: str) -> Walk[int]:
        """The value of an int that must be known at compile time. Raises ProgramError when it is not."""
        info: Info = yield decide(self, e)
        if info.type != Type("int", ()) or info.static is None:
            found = "changes at run time" if info.type == Type("int", ()) else f"is {info.type}"
            hint = "write `//` for a whole number" if "/" in e.span.text.replace("//", "") else None
            raise fail(
                "not-static", f"{what} must be an int known at compile time; this {found}", e.span, hint
            )
        return int(info.static)

    def option(self, e: Expression, name: str, default: Any) -> Walk[Any]:
        """The value of a static argument such as `axis` or `slope`, of the kind that its default has.

        Raises ProgramError when it depends on params or arguments.
        """
        if not isinstance(default, float | bool):
            whole: int = yield self.static_int(e, f"`{name}`")
            return whole
        info: Info = yield self.expression(e)
        if info.type.shape or (info.type.kind == "bool") != isinstance(default, bool):
            wanted = "true or false" if isinstance(default, bool) else "a number"
            raise fail("type-mismatch", f"`{name}` is {wanted}; this is {info.type}", e.span)
        if not is_constant(self, e):
            raise fail("not-static", f"`{name}` must be known at compile time", e.span)
        value = yield constant_value(self.instance, e)
        return value.item()

    # ---- names ---------------------------------------------------------------------------------------------------

    def _name(self, e: Name) -> Walk[Info]:
        """A name of the file, met for the first time."""
        if e.text in self.instance.functions:
            raise fail("function-as-value", f"`{e.text}` is a function here, not a value", e.span)
        found: Info | None = yield self.checker.value(e, self.constant)
        if found is None:
            raise self.undefined(e)
        param = self.checker.is_param(e.text)
        if param:
            self.instance.mentions = self.instance.mentions or e
        self._outer[e.text] = found, param
        return found

    def undefined(self, e: Name) -> Exception:
        unit = self.checker.unit
        if self.constant == "a type":
            close = did_you_mean(e.text, unit.dims)
            fix = f"declare `dim {e.text} = ...`"
            if e.text in self.checker.open_dims:
                fix += f" or give `--dim {e.text}=8`"
            return fail("dim-unbound", f"the size `{e.text}` has no value", e.span, close or fix)
        if self.constant and e.text in self.hidden:
            return fail("not-constant", f"{self.constant} may not mention the argument `{e.text}`", e.span)
        if self.checker.find(e.text) is not None:
            message = f"`{e.text}` is a function, not a value"
            return fail("function-as-value", message, e.span, f"call it: `{e.text}(...)`")
        if e.text in self.gone:
            return fail("undefined-name", f"`{e.text}` has no value here", e.span, self.gone[e.text])
        hint = did_you_mean(e.text, [*self.locals, *self.checker.value_names(), "pi"])
        if hint is None and e.text[0].isupper():
            hint = f"if it is a weight, declare it: `param {e.text}`"
        return fail("undefined-name", f"there is no value named `{e.text}`", e.span, hint)

    # ---- operators -----------------------------------------------------------------------------------------------

    def apply(
        self, op: Op, infos: Sequence[Info], attrs: Mapping[str, Any], span: Span, hint: str | None = None
    ) -> Info:
        """The type of a primitive on arguments: kinds joined, scalars beside arrays, static ints folded.

        Raises ProgramError where they do not fit.
        """
        if attrs:
            return self._derived(op, infos, attrs, span, hint)
        key = (op, *infos)  # types and static values: most operations are as one before
        known = self._applied.get(key)
        if known is None:
            known = self._applied[key] = self._derived(op, infos, attrs, span, hint)
        return known

    def _derived(
        self, op: Op, infos: Sequence[Info], attrs: Mapping[str, Any], span: Span, hint: str | None
    ) -> Info:
        types = [i.type for i in infos]
        check_operation(op, infos, self.constant, span)
        try:
            kinds, kind = op.kinds(*(t.kind for t in types)) if types else ((), "real")
            if op.elementwise:
                type = Type(kind, join_shapes([t.shape for t in types]))
            else:
                type = op.result(*(Type(k, t.shape) for k, t in zip(kinds, types, strict=True)), **attrs)
        except ShapeError as error:
            raise mismatch(error, span, hint) from None
        return Info(type, fold(op.name, [i.static for i in infos], span))

    # ---- conditionals, lists -------------------------------------------------------------------------------------

    def _conditional(self, e: Conditional) -> Walk[Info]:
        """Conditions known at compile time are decided here; what they cut off is neither typed nor built."""
        arms: list[Arm] = []
        infos: list[Info] = []
        shapes: list[tuple[int, ...]] = []
        otherwise = e.otherwise
        for arm in e.arms:
            condition: Info = yield self.condition(arm.condition)
            if condition.static is False:
                continue
            if condition.static is True:
                otherwise = arm.value
                break
            arms.append(arm)
            shapes.append(condition.type.shape)
            value: Info = yield self.expression(arm.value)
            infos.append(value)
        last: Info = yield self.expression(otherwise)
        self.instance.arms[e] = Arms(tuple(arms), otherwise)
        if not arms:
            return last
        types = [i.type for i in (*infos, last)]
        try:
            return Info(
                Type(join_kinds([t.kind for t in types]), join_shapes([*shapes, *(t.shape for t in types)]))
            )
        except ShapeError as error:
            raise mismatch(error, e.span, "both arms have one type: " + ", ".join(map(str, types))) from None

    def condition(self, e: Expression) -> Walk[Info]:
        """A bool, decided if that can be done now. Raises ProgramError for anything else."""
        info: Info = yield decide(self, e)
        if info.type.kind != "bool":
            raise fail(
                "type-mismatch", f"a condition is bool; this is {info.type}", e.span, "compare it: `!= 0`"
            )
        return info

    def _list(self, e: ListLiteral) -> Walk[Info]:
        infos: list[Info] = []
        for item in e.items:
            info: Info = yield self.expression(item)
            infos.append(info)
            if info.type.shape != infos[0].type.shape:
                found, first = dims_text(info.type.shape), dims_text(infos[0].type.shape)
                message = f"this entry has shape {found}, the first one has {first}"
                raise fail("shape-mismatch", message, item.span)
        return self.apply(OPS["stack"], [Info(i.type) for i in infos], {"axis": 0}, e.span)

    METHODS: ClassVar[dict[type, Callable[[Any, Any], Walk[Info]]]] = {
        Chain: chain,
        Call: call,
        Name: _noting(_name),
        Compare: _noting(compare),
        Negate: _noting(negate),
        Not: _noting(not_),
        Power: _noting(power),
        Conditional: _noting(_conditional),
        ListLiteral: _noting(_list),
        Index: _noting(index),
        Comprehension: _noting(comprehension),
        Fold: _noting(comprehension),
    }


def info_of_static(value: Static) -> Info:
    """An int or bool known at compile time."""
    return Info(Type("bool" if isinstance(value, bool) else "int", ()), value)
