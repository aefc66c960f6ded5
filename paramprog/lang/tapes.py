"""Where tapes may stand: they are carried, passed on, pushed and taken apart, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from paramprog.diagnostics import ProgramError, Span, fail
from paramprog.graph import Graph
from paramprog.lang.instance import Info
from paramprog.op import Op
from paramprog.transfer.pair import ADD
from paramprog.transfer.tape import TAPES
from paramprog.types import is_tape

HINT = "take its values off first: `t, x = pop(t)`"


def refuse_tape(info: Info, span: Span, what: str) -> None:
    """Raises ProgramError if `what`, which must be a value, is a tape."""
    if is_tape(info.type):
        raise fail("tape-use", f"{what} is {info.type}", span, HINT)


def check_operation(op: Op, infos: Sequence[Info], constant: str | None, span: Span) -> None:
    """Raises ProgramError for an operation on tapes that is none of theirs, or one of theirs where none may stand."""
    if op in TAPES:
        if constant:
            raise fail("tape-use", f"{constant} is made without tapes", span)
        return
    tapes = [i for i in infos if is_tape(i.type)]
    if not tapes or (op is ADD and len(tapes) == len(infos) and tapes[0].type == tapes[1].type):
        return
    raise fail("tape-use", f"`{op.spelled}` does not take {tapes[0].type}", span, HINT)


def check_place(op: Op, graph: Graph, span: Span) -> None:
    """Raises ProgramError for a tape among the entries of a comprehension, which are computed all at once."""
    if op in TAPES and _in_lanes(graph):
        raise _in_entries(span)


def _in_lanes(graph: Graph | None) -> bool:
    while graph is not None:
        if graph.lane_rank:
            return True
        graph = graph.outer
    return False


def _in_entries(span: Span) -> ProgramError:
    message = "a tape in the entries of a comprehension cannot be compiled yet"
    return fail("not-built", message, span, "fill an array in a loop: `for i in 0..n { y[i] = ... }`")
