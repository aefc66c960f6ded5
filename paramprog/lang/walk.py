"""Recursion without Python's stack: nested generators run by an explicit one.

A function over the tree is written as a generator that *yields* its recursive calls:

    def depth(self, node: Expression) -> Walk[int]:
        ...
        inner = yield self.depth(node.operand)
        return inner + 1

    walk(self.depth(node))

It reads like the recursive function, but the pending calls are on a list, so a tree of any depth is fine. What is known
without any work (a name, a literal) is yielded as `Done`, which costs no generator.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Generic, TypeAlias, TypeVar

T = TypeVar("T")


class Done(Generic[T]):
    """A result that is known already."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


Walk: TypeAlias = Generator["Walk[Any] | Done[Any]", Any, T]
"""A computation of a `T` that yields the computations it needs and is sent their results."""


def walk(task: Walk[T]) -> T:
    """The result of `task`, having run every computation it yields, to any depth.

    An exception raised in a yielded computation is raised at the `yield` that asked for it, as with a plain
    call; `try`, `with` and `finally` therefore work across levels. Each level costs a constant.
    """
    waiting: list[Walk[Any]] = []
    current: Any = task
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
            if type(child) is Done:
                resume, value = current.send, child.value
                continue
            waiting.append(current)
            current = child
            resume, value = current.send, None
