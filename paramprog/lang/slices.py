"""The statements of a block that a name at some place in it is made of: all others need not be run to know it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from paramprog.lang.recursion import assigned, parts
from paramprog.lang.syntax import Assign, Call, Name, Statement


@lru_cache(maxsize=4096)
def made_of(statements: tuple[Statement, ...], e: Call, name: str) -> Sequence[Statement]:
    """The statements up to the one in which `e` stands, without those that `name` does not depend on there.

    All of them if `e` stands in none.
    """
    last = next((k for k, s in enumerate(statements) if any(part is e for part in parts(s))), None)
    if last is None:
        return statements
    end = statements[last]
    alone = isinstance(end, Assign) and end.values == (e,)
    needed = {name} if alone else _read(end)
    kept = [end]
    for s in reversed(statements[:last]):
        if needed & assigned(s).keys():
            kept.append(s)
            needed |= _read(s)
    return kept[::-1]


def _read(s: Statement) -> set[str]:
    """The names that a statement mentions, or makes new versions of."""
    return {part.text for part in parts(s) if isinstance(part, Name)} | assigned(s).keys()
