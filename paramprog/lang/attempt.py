"""Typing that may be taken back: a loop is typed again when the kind of a name has grown, or when it is unrolled."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramprog.lang.declarations import Declarations
    from paramprog.lang.typing import Typing


class Attempt:
    """What has been found out about errors so far, to come back to with `undo`."""

    def __init__(self, typing: Typing) -> None:
        self.typing = typing
        self.found = len(typing.checker.report.diagnostics)
        self.faulty, self.doubtful = typing.faulty, typing.doubtful
        self.broken = {checker: set(checker.broken) for checker in _in_use(typing)}

    @property
    def failed(self) -> bool:
        """Whether errors have been found since."""
        more = len(self.typing.checker.report.diagnostics) > self.found
        return more or (self.typing.faulty and not self.faulty)

    def undo(self) -> None:
        """As if nothing had been typed since."""
        self.typing.checker.report.forget(self.found)
        self.typing.faulty, self.typing.doubtful = self.faulty, self.doubtful
        for checker in _in_use(self.typing):
            checker.broken &= self.broken.get(checker, set())


def _in_use(typing: Typing) -> list[Declarations]:
    """The files whose functions and values can be reached from here."""
    found: dict[Declarations, None] = {}
    pending = [typing.checker, *(f.home for f in typing.instance.functions.values() if f.home is not None)]
    while pending:
        checker = pending.pop()
        if checker not in found:
            found[checker] = None
            pending += checker.family()
            pending += [checker.made_prelude] if checker.made_prelude is not None else []
    return list(found)
