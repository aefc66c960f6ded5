"""Nested generators run like nested calls, to any depth."""

from __future__ import annotations

import pytest

from paramprog.lang.walk import Done, Walk, walk


def depth(n: int) -> Walk[int]:
    if n == 0:
        return 0
    inner = yield depth(n - 1)
    return inner + 1


def failing(n: int) -> Walk[int]:
    if n == 0:
        raise ValueError("at the bottom")
    result = yield failing(n - 1)
    return result


def test_any_depth():
    """A million levels are no recursion."""
    assert walk(depth(1_000_000)) == 1_000_000


def test_exceptions_pass_through_all_levels():
    """An exception reaches the caller of `walk`."""
    with pytest.raises(ValueError, match="bottom"):
        walk(failing(100_000))


def test_exceptions_are_raised_at_the_yield():
    """`try`, `finally` and several calls in a row work as in a plain function."""
    events: list[str] = []

    def guarded() -> Walk[int]:
        try:
            yield failing(10)
        except ValueError:
            events.append("caught")
        finally:
            events.append("finally")
        first = yield depth(3)
        second = yield depth(4)
        return first + second

    assert walk(guarded()) == 7
    assert events == ["caught", "finally"]


def test_what_is_known_costs_no_generator():
    """A yielded `Done` is its value, also right after an exception was caught."""

    def fails() -> Walk[int]:
        yield from ()
        raise ValueError

    def task() -> Walk[list[int]]:
        found = [(yield Done(1))]
        try:
            yield fails()
        except ValueError:
            found.append((yield Done(2)))
        found.append((yield Done(3)))
        return found

    assert walk(task()) == [1, 2, 3]
