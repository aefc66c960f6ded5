"""Statements: names are assigned once, a function ends with its return; a faulty statement does not hide the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from paramprog.diagnostics import Diagnostic, ProgramError, Report, did_you_mean, fail
from paramprog.lang.calls import results
from paramprog.lang.faults import Poisoned, counted, not_built
from paramprog.lang.indexing import index_plan
from paramprog.lang.instance import Info
from paramprog.lang.syntax import (
    Assign,
    Block,
    Call,
    Expression,
    For,
    FunctionDecl,
    If,
    Name,
    Return,
    Slice,
    Statement,
    Target,
    While,
)
from paramprog.lang.walk import Walk
from paramprog.types import Type, dims_text

if TYPE_CHECKING:
    from paramprog.lang.typing import Typing


def check_block(typing: Typing, block: Block, function: FunctionDecl) -> Walk[None]:
    """Check the statements of a function's body (or of a block chosen at compile time); sets the results."""
    assigned: dict[str, Target] = {}
    yield _statements(typing, block.statements, assigned)
    if not typing.returned and not typing.doubtful:
        name = function.name
        raise fail(
            "no-return", f"`{name.text}` does not end with `return`", name.span, "the last statement returns"
        )


def _statements(typing: Typing, statements: Sequence[Statement], assigned: dict[str, Target]) -> Walk[None]:
    report = typing.checker.report
    for statement in statements:
        if typing.returned:
            return
        try:
            yield _statement(typing, statement, assigned)
        except Poisoned:
            poison(typing, statement)
        except ProgramError as error:
            for diagnostic in error.diagnostics:
                report.add(diagnostic)
            poison(typing, statement)


def check_returns(function: FunctionDecl, report: Report) -> None:
    """Report each `return` that is neither the last statement of the function nor of an arm of an `if` that is."""
    pending = [(function.body, True)]
    while pending:
        block, last = pending.pop()
        for i, s in enumerate(block.statements):
            ends = last and i == len(block.statements) - 1
            if isinstance(s, Return) and not ends:
                message = "`return` is the last statement of a function, or of every arm of an `if` that is"
                report.add(Diagnostic("return-position", message, s.span))
            elif isinstance(s, If):
                pending += [(arm.body, ends) for arm in s.arms]
                pending += [(s.otherwise, ends)] if s.otherwise is not None else []
            elif isinstance(s, For | While):
                pending.append((s.body, False))


def poison(typing: Typing, statement: Statement) -> None:
    """The names that a faulty statement would have assigned are known, but nothing is known of them."""
    typing.faulty = True
    typing.doubtful = typing.doubtful or not isinstance(statement, Assign)
    pending = [statement]
    while pending:
        s = pending.pop()
        if isinstance(s, Assign):
            typing.locals |= {target.name.text: None for target in s.targets}
        elif isinstance(s, For | While):
            pending += s.body.statements
        elif isinstance(s, If):
            blocks = [*(arm.body for arm in s.arms), *([s.otherwise] if s.otherwise is not None else [])]
            pending += [inner for block in blocks for inner in block.statements]


def _statement(typing: Typing, statement: Statement, assigned: dict[str, Target]) -> Walk[None]:
    if isinstance(statement, Assign):
        yield _assign(typing, statement, assigned)
    elif isinstance(statement, Return):
        typing.returned = True
        infos: list[Info] = []
        for e in statement.values:
            info: Info = yield typing.expression(e)
            infos.append(info)
        typing.instance.results = tuple(infos)
        typing.instance.result_names = _result_names(statement.values)
    elif isinstance(statement, If):
        yield _if(typing, statement, assigned)
    else:
        what = "`for` loops" if isinstance(statement, For) else "`while` loops"
        raise ProgramError([not_built(what, statement.span)])


def _result_names(values: Sequence[Expression]) -> tuple[str, ...]:
    """The names returned, else `out0`, `out1`; no two are equal."""
    names: dict[str, None] = {}
    taken = {e.text for e in values if isinstance(e, Name)}
    for k, e in enumerate(values):
        name = e.text if isinstance(e, Name) else f"out{k}"
        if name in names or (not isinstance(e, Name) and name in taken):
            name = f"out{k}"
            while name in names or name in taken:
                name += "_"
        names[name] = None
    return tuple(names)


def _assign(typing: Typing, statement: Assign, assigned: dict[str, Target]) -> Walk[None]:
    infos: list[Info] = []
    if len(statement.values) == 1 and len(statement.targets) > 1 and isinstance(statement.values[0], Call):
        several: tuple[Info, ...] = yield results(typing, statement.values[0])
        infos.extend(several)
    else:
        for e in statement.values:
            info: Info = yield typing.expression(e)
            infos.append(info)
    if len(infos) != len(statement.targets):
        message = f"{counted(len(statement.targets), 'name')} for {counted(len(infos), 'value')}"
        raise fail("assign-count", message, statement.span)
    for target, info in zip(statement.targets, infos, strict=True):
        name = target.name
        if target.indices is not None:
            typing.locals[name.text] = yield _update(typing, target, target.indices, info)
            continue
        if name.text in assigned:
            line = assigned[name.text].span.line
            message = f"`{name.text}` is already assigned in line {line}"
            raise fail("assigned-twice", message, name.span, "each name is assigned once; use a new name")
        if name.text in typing.instance.arguments or name.text in typing.instance.functions:
            raise fail("assigned-twice", f"`{name.text}` is an argument and cannot be assigned", name.span)
        assigned[name.text] = target
        typing.locals[name.text] = info


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


def _if(typing: Typing, statement: If, assigned: dict[str, Target]) -> Walk[None]:
    """An `if` whose conditions are known at compile time is the block chosen."""
    block = statement.otherwise
    for arm in statement.arms:
        condition: Info = yield typing.condition(arm.condition)
        if condition.static is None:
            raise ProgramError([not_built("`if` statements that are decided at run time", statement.span)])
        if condition.static:
            block = arm.body
            break
    typing.instance.chosen[statement] = block
    if block is not None:
        yield _statements(typing, block.statements, assigned)
