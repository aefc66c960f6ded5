"""Lines of code, and suites of them under a head: `for`, `while`, `if`.

The body of a loop computes what its carried names are in the next turn under names of their own, and assigns all of
them at its end. `settled` writes the carried names themselves where nothing reads the old values any more:

    for t in 0..4 {                     for t in 0..4 {
        z = W @ h + x[t]                    z = W @ h + x[t]
        h_next = tanh(z)         ->         h = tanh(z)
        h = h_next                      }
    }
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Suite(NamedTuple):
    """`kind` is the word that begins it; of an `if`, one arm for each condition, and None for `else`."""

    kind: str
    arms: Sequence[tuple[str | None, Sequence[Code]]]


Code = str | Suite
"""A statement of one or more lines, or a suite."""

MARK = "\u01c2"
"""A letter that is in no name: names of the next turn begin with it until they are settled."""


class Next(NamedTuple):
    """What a carried name is in the next turn: an expression, or (`marked`) a name that may become `stem`_next."""

    name: str
    value: str
    stem: str
    marked: bool


def settled(codes: Sequence[Code], nexts: Sequence[Next], fresh: Callable[[str], str]) -> list[Code]:
    """The body of a loop with the assignments of its carried names; `fresh` makes names for those of the next turn."""
    body, left = list(codes), [n for n in nexts if n.name != n.value]
    for n in reversed(left):
        others = [m.value for m in left if m is not n]
        if not n.marked or any(_mentions(v, n.name) or _mentions(v, n.value) for v in others):
            continue
        if not _conflict(body, n.name, n.value, written=False)[1]:
            body = _without_nothing(_renamed(body, {n.value: n.name}))
            left.remove(n)
    if left and isinstance(body[-1] if body else None, str):
        # the last one of them is computed where it is assigned
        name, equals, value = str(body[-1]).partition(" = ")
        if equals and [n.value for n in left].count(name) == 1 and not _is_tuple(name):
            body.pop()
            left = [n._replace(value=value, marked=False) if n.value == name else n for n in left]
    names = {n.value: fresh(f"{n.stem}_next") for n in left if n.marked}
    values = [names.get(n.value, n.value) for n in left]
    body = _renamed(body, names)
    return [*body, f"{', '.join(n.name for n in left)} = {', '.join(values)}"] if left else body


def _is_tuple(text: str) -> bool:
    return "," in text or "[" in text


def _token(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")


def _mentions(text: str, name: str) -> bool:
    return _token(name).search(text) is not None


def _conflict(codes: Sequence[Code], old: str, new: str, *, written: bool) -> tuple[bool, bool]:
    """Whether `new` is another value than `old` after these, and whether anything reads `old` when it is."""
    conflict = False
    for code in codes:
        if isinstance(code, str):
            conflict |= written and _mentions(code, old)
            written |= _mentions(code, new) and code not in (f"{new} = {old}", f"{new} = np.array({old})")
            continue
        before = written
        for head, body in code.arms:
            conflict |= before and head is not None and _mentions(head, old)
            after, inside = _conflict(body, old, new, written=before)
            conflict |= inside
            written |= after
            if code.kind != "if" and after and not before:  # as the next turn finds it
                conflict |= (head is not None and _mentions(head, old)) or _conflict(
                    body, old, new, written=True
                )[1]
    return written, conflict


def _renamed(codes: Sequence[Code], names: Mapping[str, str]) -> list[Code]:
    for old, new in names.items():
        pattern = _token(old)
        codes = [_replaced(code, pattern, new) for code in codes]
    return list(codes)


def _replaced(code: Code, pattern: re.Pattern[str], new: str) -> Code:
    if isinstance(code, str):
        return pattern.sub(new, code)
    arms = [
        (None if head is None else pattern.sub(new, head), [_replaced(c, pattern, new) for c in body])
        for head, body in code.arms
    ]
    return Suite(code.kind, arms)


def _without_nothing(codes: Sequence[Code]) -> list[Code]:
    """Without `x = x`."""
    found: list[Code] = []
    for code in codes:
        if isinstance(code, Suite):
            arms = [(head, _without_nothing(body)) for head, body in code.arms]
            if code.kind == "if" and not arms[-1][1] and arms[-1][0] is None:
                arms.pop()
            found.append(Suite(code.kind, arms))
            continue
        name, _, value = code.partition(" = ")
        if name != value:
            found.append(code)
    return found


def flat(codes: Sequence[Code]) -> list[Code]:
    """An `if` that is all there is in the `else` of another one goes on with its arms."""
    found: list[Code] = []
    for code in codes:
        if isinstance(code, Suite) and code.kind == "if":
            head, last = code.arms[-1]
            if head is None and len(last) == 1 and isinstance(last[0], Suite) and last[0].kind == "if":
                code = Suite("if", [*code.arms[:-1], *last[0].arms])
        found.append(code)
    return found
