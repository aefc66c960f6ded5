"""Bodies being run by the interpreter, so that they can be run again with some points perturbed.

A point is a name and how often it had been assigned in a run of a body: the body of a function, or one turn of a loop.
A second run makes the same turns and assignments, as duals have the values of what they perturb.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from paramprog.lang.duals import Dual, Tag
from paramprog.lang.instance import Instance
from paramprog.lang.syntax import Call, For, Statement, While


@dataclass(eq=False)
class Run:
    """One run of a body, from `scope` on; `key` is that of the first run of which this is a repetition.

    `loop` is the loop that it is a turn of, `carried` what that carries, `around` the run of the body around it.
    """

    statements: Sequence[Statement]
    scope: Mapping[str, Any]
    instance: Instance
    loop: For | While | None = None
    carried: Mapping[str, Any] = field(default_factory=dict)
    around: Run | None = None
    key: object = None
    assigned: dict[str, int] = field(default_factory=dict)
    """How often each name has been assigned so far."""

    def __post_init__(self) -> None:
        self.key = self.key or object()


class Mark(NamedTuple):
    """A point to be perturbed: a name of the run `key` when it has been assigned for the `nth` time, 0 at its begin."""

    key: object
    name: str
    nth: int
    tag: Tag
    tangent: Any

    def on(self, value: Any) -> Any:
        return Dual(self.tag, value, self.tangent)


class Stop(NamedTuple):
    """What a second run is made for: the point `output`, where it comes to an operator in the run `key`."""

    operator: Call
    output: str
    key: object


def owner(run: Run, name: str) -> Run:
    """The run that the current point of a name belongs to; that of the function for its arguments and for params."""
    while run.around is not None and name not in run.carried and not run.assigned.get(name):
        run = run.around
    return run


def route(inner: Run, outer: Run) -> list[Run]:
    """The runs inside `outer` that lead to `inner`, from the outermost on."""
    found: list[Run] = []
    run: Run | None = inner
    while run is not None and run is not outer:
        found.append(run)
        run = run.around
    return found[::-1]


def depth(run: Run) -> int:
    """How many runs are around it."""
    return 0 if run.around is None else 1 + depth(run.around)
