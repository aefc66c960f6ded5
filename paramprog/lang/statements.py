"""Statements: a block assigns a name once, a function ends with its return; a faulty statement does not hide the next.

What `if`, `for` and `while` do to names is in control.py and turns.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from paramprog.diagnostics import Diagnostic, ProgramError, Report, did_you_mean, fail
from paramprog.lang.calls import results
from paramprog.lang.control import BlockNames, check_if
from paramprog.lang.faults import Poisoned, counted, shape_text
from paramprog.lang.indexing import index_plan
from paramprog.lang.instance import Info
from paramprog.lang.recursion import assigned
from paramprog.lang.replay import Replays
from paramprog.lang.syntax import (
    Assign,
    Block,
    Call,
    Expression,
    For,
    FunctionDecl,
    Identifier,
    If,
    Name,
    Return,
    Slice,
    Statement,
    Target,
    While,
)
from paramprog.lang.turns import check_loop
from paramprog.lang.walk import Walk
from paramprog.types import ShapeError, Type, dims_text, join_kinds

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing


def check_block(typing: Typing, block: Block, function: FunctionDecl) -> Walk[None]:
    """Check the statements of a function's body; sets the results."""
    typing.places |= {formal.name.text: formal.name.span for formal in function.arguments}
    yield check_statements(typing, block, BlockNames())
    if not typing.returned and not typing.doubtful:
        name = function.name
        raise fail(
            "no-return", f"`{name.text}` does not end with `return`", name.span, "the last statement returns"
        )


def check_statements(typing: Typing, block: Block, names: BlockNames) -> Walk[None]:
    """Check the statements of a block, each by itself; `names` are those it assigns."""
    report, function = typing.checker.report, typing.instance.function
    replays = Replays(typing) if function is not None and function.body is block else None
    for statement in block.statements:
        if typing.returned:
            return
        if replays is not None and type(statement) is Assign and replays.typed(statement, names):
            continue
        try:
            yield STATEMENTS[type(statement)](typing, statement, names)
        except Poisoned:
            poison(typing, statement, names)
        except ProgramError as error:
            for diagnostic in error.diagnostics:
                report.add(diagnostic)
            poison(typing, statement, names)


def check_returns(function: FunctionDecl, report: Report) -> None:
    """Report each `return` that is neither the last statement of the function nor of an arm of an `if` that is."""
    pending = [(function.body, True)]
    while pending:
        block, last = pending.pop()
        for i, s in enumerate(block.statements):
            if type(s) is Assign:
                continue
            ends = last and i == len(block.statements) - 1
            if isinstance(s, Return) and not ends:
                message = "`return` is the last statement of a function, or of every arm of an `if` that is"
                report.add(Diagnostic("return-position", message, s.span))
            elif isinstance(s, If):
                pending += [(arm.body, ends) for arm in s.arms]
                pending += [(s.otherwise, ends)] if s.otherwise is not None else []
            elif isinstance(s, For | While):
                pending.append((s.body, False))


def poison(typing: Typing, statement: Statement, names: BlockNames) -> None:
    """The names that a faulty statement would have assigned are known, but nothing is known of them."""
    typing.faulty = True
    typing.doubtful = typing.doubtful or not isinstance(statement, Assign)
    for name, place in assigned(statement).items():
        typing.locals[name] = None
        names.changed.setdefault(name, place)


def _if(typing: Typing, statement: If, names: BlockNames) -> Walk[None]:
    return check_if(typing, statement, names, check_statements)


def _loop(typing: Typing, statement: For | While, names: BlockNames) -> Walk[None]:
    return check_loop(typing, statement, names, check_statements)


def _return(typing: Typing, statement: Return, block_names: BlockNames) -> Walk[None]:
    """The results, which all arms that return agree on up to int and real."""
    infos: list[Info] = []
    for e in statement.values:
        info: Info = yield typing.expression(e)
        infos.append(info)
    names = _result_names(statement.values)
    first, typing.returned = typing.first_return, True
    if first is None:
        typing.first_return = statement
        typing.instance.results, typing.instance.result_names = tuple(infos), names
        return
    if len(infos) != len(first.values):
        message = f"{counted(len(infos), 'result')} here, and {len(first.values)} in line {first.span.line}"
        raise fail("result-count", message, statement.span, "every arm returns as many")
    joined: list[Info] = []
    for e, info, other in zip(statement.values, infos, typing.instance.results, strict=True):
        if info.type.shape != other.type.shape:
            here, there = shape_text(info.type.shape), shape_text(other.type.shape)
            message = f"this result {here}; the one in line {first.span.line} {there}"
            raise fail("shape-mismatch", message, e.span)
        try:
            kind = join_kinds([info.type.kind, other.type.kind])
        except ShapeError:
            message = (
                f"this result is {info.type.kind}; the one in line {first.span.line} is {other.type.kind}"
            )
            raise fail("type-mismatch", message, e.span) from None
        joined.append(Info(Type(kind, info.type.shape)))
    typing.instance.results = tuple(joined)
    if names != typing.instance.result_names:
        known = zip(names, typing.instance.result_names, strict=True)
        typing.instance.result_names = distinct([a if a == b else None for a, b in known])


def _result_names(values: Sequence[Expression]) -> tuple[str, ...]:
    """The names returned, else `out0`, `out1`; no two are equal."""
    return distinct([e.text if isinstance(e, Name) else None for e in values])


def distinct(found: Sequence[str | None]) -> tuple[str, ...]:
    """These names, and `out0`, `out1` where there is none or the name was there before."""
    names: dict[str, None] = {}
    taken = {name for name in found if name is not None}
    for k, given in enumerate(found):
        name = given or f"out{k}"
        if name in names or (given is None and name in taken):
            name = f"out{k}"
            while name in names or name in taken:
                name += "_"
        names[name] = None
    return tuple(names)


def _assign(typing: Typing, statement: Assign, names: BlockNames) -> Walk[None]:
    infos: list[Info] = []
    if len(statement.values) == 1 and len(statement.targets) > 1 and isinstance(statement.values[0], Call):
        several: tuple[Info, ...] = yield results(typing, statement.values[0])
        infos.extend(several)
    else:
        for e in statement.values:
            info: Info = typing.leaf(e) or (yield typing.inner(e))
            infos.append(info)
    if len(infos) != len(statement.targets):
        message = f"{counted(len(statement.targets), 'name')} for {counted(len(infos), 'value')}"
        raise fail("assign-count", message, statement.span)
    for target, info in zip(statement.targets, infos, strict=True):
        name = target.name
        if target.indices is None:
            _check_assignable(typing, name, names)
            _check_kept(typing, name, info)
            names.assigned[name.text] = name.span
        else:
            info = yield _update(typing, target, target.indices, info)
        names.changed.setdefault(name.text, name.span)
        typing.places.setdefault(name.text, name.span)
        typing.locals[name.text] = info


def _check_assignable(typing: Typing, name: Identifier, names: BlockNames) -> None:
    """Raises ProgramError for an argument, an index, and a name that this block has assigned."""
    if name.text in names.assigned:
        line = names.assigned[name.text].line
        message = f"`{name.text}` is already assigned in line {line}"
        raise fail("assigned-twice", message, name.span, "each name is assigned once; use a new name")
    if name.text in typing.indices:
        line = typing.indices[name.text].line
        message = f"`{name.text}` is the index of the loop in line {line} and cannot be assigned"
        raise fail("assigned-twice", message, name.span)
    if name.text in typing.instance.arguments or name.text in typing.instance.functions:
        raise fail("assigned-twice", f"`{name.text}` is an argument and cannot be assigned", name.span)


def _check_kept(typing: Typing, name: Identifier, info: Info) -> None:
    """A name of an enclosing block keeps its shape, and stays a number or a bool."""
    old = typing.locals.get(name.text)
    if name.text not in typing.places or old is None:
        return
    line = typing.places[name.text].line
    if info.type.shape != old.type.shape:
        before, here = shape_text(old.type.shape), shape_text(info.type.shape)
        message = f"`{name.text}` {before} in line {line}, here it {here}"
        hint = "a name that is carried by a loop or changed in an arm keeps its shape"
        raise fail("shape-mismatch", message, name.span, hint)
    if (info.type.kind == "bool") != (old.type.kind == "bool"):
        message = f"`{name.text}` is {old.type.kind} in line {line}, here it is {info.type.kind}"
        raise fail("type-mismatch", message, name.span)


def _update(typing: Typing, target: Target, indices: Sequence[Expression | Slice], value: Info) -> Walk[Info]:
    """`x[i, a:b] = e` makes a new version of the local array x; the type stays, the value may be a scalar."""
    name = target.name
    if name.text not in typing.locals:
        message = f"`{name.text}` is no array of this function; only such can be updated"
        hint = f"copy it first: `mine = {name.text}`" if typing.checker.owner(name.text) is not None else None
        raise fail("undefined-name", message, name.span, hint or did_you_mean(name.text, typing.locals))
    old = typing.locals[name.text]
    if old is None:
        raise Poisoned
    plan, shape = yield index_plan(typing, old.type.shape, indices, name.text, target.span)
    if value.type.shape not in ((), shape):
        wanted = f"has shape {dims_text(shape)}" if shape else "is a scalar"
        message = f"this part of `{name.text}` {wanted}, the value has shape {dims_text(value.type.shape)}"
        raise fail("shape-mismatch", message, target.span)
    if value.type.kind != old.type.kind and (value.type.kind, old.type.kind) != ("int", "real"):
        message = f"`{name.text}` holds {old.type.kind}, the value is {value.type.kind}"
        raise fail("type-mismatch", message, target.span)
    typing.instance.indices[target] = plan
    typing.instance.info[target] = Info(Type(old.type.kind, shape))
    return Info(old.type)


STATEMENTS: dict[type, Callable[[Typing, Any, BlockNames], Walk[None]]] = {
    Assign: _assign,
    Return: _return,
    If: _if,
    For: _loop,
    While: _loop,
}
