"""Tapes in the trace: what is taken from one is what was pushed, so that no path goes through a tape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from paramprog.graph import Node
from paramprog.transfer.linear import COPY
from paramprog.transfer.pair import ADD
from paramprog.transfer.stack import Tape
from paramprog.transfer.tape import DEEPER, LONE, PUSH, REST, TOP
from paramprog.types import is_tape

if TYPE_CHECKING:
    from paramprog.recorder.recorder import Recorder

EMPTY = Tape(None)


class Tapes:
    """For each tape of the trace the nodes that lie on it."""

    def __init__(self, run: Recorder) -> None:
        self.run = run
        self._known: dict[Node, Tape] = {}

    def operation(self, n: Node, args: Sequence[Node]) -> Node:
        """The operation `n` of the program on nodes of the trace; some of them, or the result, are tapes."""
        if n.op is TOP and not self._on(args[0]).is_empty:
            found: Node = self.run.emit(COPY, self._on(args[0]).top)
            return found
        made = self.run.emit(n.op, *args, **n.attrs)
        if n.op is PUSH:
            self._known[made] = self._on(args[0]).push(args[1])
        elif n.op is REST:
            self._known[made] = self._on(args[0]).rest
        elif n.op is LONE:
            self._known[made] = EMPTY.push(args[0])
        elif n.op is DEEPER:
            zero = self.run.zeros(made, made.shape[1:])
            self._known[made] = self._on(args[0]).push(zero)
        elif n.op is ADD:
            self._known[made] = self._sum(*map(self._on, args))
        return made

    def _on(self, tape: Node) -> Tape:
        while tape.op is COPY:
            (tape,) = tape.args
        return self._known.get(tape, EMPTY)

    def _sum(self, a: Tape, b: Tape) -> Tape:
        """Both counted from the top."""
        found: list[Node] = []
        while not (a.is_empty or b.is_empty):
            found.append(self._added(a.top, b.top))
            a, b = a.rest, b.rest
        made = b if a.is_empty else a
        for x in reversed(found):
            made = made.push(x)
        return made

    def _added(self, x: Node, y: Node) -> Node:
        made = self.run.emit(ADD, x, y)
        if is_tape(made.type):
            self._known[made] = self._sum(self._on(x), self._on(y))
        return made
