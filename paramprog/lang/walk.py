"""Recursion without Python's stack: nested generators run by an explicit one.

A function over the tree is written as a generator that *yields* its recursive calls:

    def depth(self, node: Expression) -> Walk[int]:
        ...
        inner = yield self.depth(node.operand)
        return inner + 1

    walk(self.depth(node))

It reads like the recursive function, but the pending calls are on a list, so a tree of any depth is fine.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Walk: TypeAlias = Generator["Walk[Any]", Any, T]
"""A computation of a `T` that yields the computations it needs and is sent their results."""


def walk(task: Walk[T]) -> T:
    """The result of `task`, having run every computation it yields, to any depth.

    An exception raised in a yielded computation is raised at the `yield` that asked for it, as with a plain
    call; `try`, `with` and `finally` therefore work across levels. Each level costs a constant.
    """
    waiting: list[Walk[Any]] = []
    current: Walk[Any] = task
    resume = current.send
    value: Any = None
    while True:
        try:
            child = resume(value)
        except StopIteration as stop:
            if not waiting:
                result: T = stop.value
                return result
            current = waiting.pop()
            resume, value = current.send, stop.value
        except BaseException as error:
            if not waiting:
                raise
            current = waiting.pop()
            resume, value = current.throw, error
        else:
            waiting.append(current)
            current = child
            resume, value = current.send, None
