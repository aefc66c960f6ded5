"""Histories of a length known at run time only, where arrays have sizes that are known before: they lie on tapes.

t1 = tape(0.0)
while abs(step) > 1e-8 {
    t1 = push(t1, E)                  what the turns compute, the last on top
    ...
}
for k in reversed(0..turns) {
    t1, E_2 = pop(t1)                 and their adjoint takes it off again
    ...
}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from paramprog.diagnostics import ProgramError, fail
from paramprog.emit.code import Code, Suite
from paramprog.emit.names import Names
from paramprog.emit.sites import Site, Term
from paramprog.emit.statements import Statement
from paramprog.emit.written import Written
from paramprog.graph import Node
from paramprog.types import is_tape

if TYPE_CHECKING:
    from paramprog.emit.block import Block
    from paramprog.emit.language import Language


class Rows(NamedTuple):
    """What a body takes off tapes: names for its leaves, and the statements at its start."""

    known: Mapping[Term, Written]
    lines: list[str]


def rows(block: Block, region: Term, site: Site, scope: Names, limit: Written | None, *, up: bool) -> Rows:
    """Tapes that the turns of a loop or the entries of a comprehension, counted `up` or down, take one value off each.

    A tape whose values lie in the other order is turned over first; `limit` is how many there are.
    """
    leaves: dict[Term, list[Node]] = {}
    mentioned = {t for t, _ in block.arms.forms.references(region)}
    for leaf, row in site.rows.items():
        if leaf in site.live and row.array in mentioned and block.language.on_tape(row.array.node.shape):
            if len(row.axes) != max(len(region.node.args[0].shape), 1):
                raise _no_words(region)
            leaves.setdefault(row.array, []).append(leaf)
    known: dict[Term, Written] = {}
    lines: list[str] = []
    for array, found in leaves.items():
        tape = _to_take_off(block, array)
        order = block.writer.orders.get(array)
        if order is None:
            raise _no_words(region)
        if order[0] == up:
            tape = _turned_over(block, region, array, tape, limit)
        hint = next((n.name for n in found if n.name), None) or block.writer.hints.get(array.node)
        name = scope.take(hint) if hint is not None else scope.number("t")
        lines.append(_popped(tape, name))
        known |= {Term(site, leaf): Written(name) for leaf in found}
        block.writer.orders |= {Term(site, leaf): order[1:] for leaf in found if order[1:]}
    return Rows(known, lines)


def check_operands(language: Language, node: Node) -> None:
    """Raises ProgramError for an operation on a whole history that lies on a tape."""
    if any(language.on_tape(a.shape) and not is_tape(a.type) for a in node.args):
        raise _no_words(Term(Site(), node))


def _no_words(what: Term) -> ProgramError:
    message = "the language has no words for what is done here with a history whose length is known at run time only"
    return fail("not-printable", message, what.node.span, "print it in Python: `--emit python`")


def popping(codes: Sequence[Code]) -> list[Code]:
    """Statements in which `x = top(t)` and `s = rest(t)` are one, `s, x = pop(t)`."""
    rests: dict[str, str] = {}
    for code in codes:
        if isinstance(code, str) and (found := _TAKEN.fullmatch(code)) and found["what"] == "rest":
            rests.setdefault(found["of"], found["name"])
    made: list[Code] = []
    done: set[str] = set()
    for code in codes:
        found = _TAKEN.fullmatch(code) if isinstance(code, str) else None
        tops = [c for c in codes if found and isinstance(c, str) and _is_top(c, found["of"])]
        if found is None or found["of"] not in rests or len(tops) != 1:
            made.append(code)
        elif found["of"] not in done:
            done.add(found["of"])
            name = tops[0].partition(" = ")[0]
            made.append(f"{rests[found['of']]}, {name} = pop({found['of']})")
    return made


_TAKEN = re.compile(r"(?P<name>\w+) = (?P<what>top|rest)\((?P<of>\w+(, endless = true)?)\)")


def _is_top(code: str, of: str) -> bool:
    found = _TAKEN.fullmatch(code)
    return found is not None and found["what"] == "top" and found["of"] == of


def _popped(tape: str, name: str) -> str:
    return f"{tape}, {name} = pop({tape})"


def _to_take_off(block: Block, array: Term) -> str:
    """A name for the tape that may be assigned: its own, if nothing else reads it."""
    text = block.get(array).text
    ours = array in block.written.maps[0] and array.site.side is block.side
    if ours and block.reads(array) == 1 and array not in block.kept and not block.is_given(array):
        return text
    name = block.names.take(text)
    block.statements.append(Statement(array, name, [f"{name} = {text}"]))
    return name


def _turned_over(block: Block, region: Term, array: Term, tape: str, limit: Written | None) -> str:
    language, names = block.language, block.names
    if limit is None:
        raise _no_words(region)
    made, inner = names.take(f"{tape}_up"), Names(around=names, turn=True)
    index, value = inner.take("k", "k_"), inner.number("t")
    body = [_popped(tape, value), language.appended(made, Written(value))]
    block.statements.append(
        Statement(
            array,
            made,
            [
                language.assigned(made, language.started(array.node.type)),
                Suite("for", [(language.turns(index, limit), body)]),
            ],
        )
    )
    return made
