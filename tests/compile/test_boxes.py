"""What stands for arrays whose rows differ in length, and for tapes."""

from __future__ import annotations

import pytest
from compiling import needs_compiler

import paramprog
from paramprog.compile.boxes import boxed, cut, is_row, shown, spelled_out
from paramprog.compile.builder import Builder, NotLowered
from paramprog.compile.heap import room, uses_heap
from paramprog.compile.kernel import Step
from paramprog.compile.source import lower, prepared
from paramprog.compile.tensor import Opened, Padded, View
from paramprog.graph import Graph
from paramprog.transfer.tape import PUSH, TAPE
from paramprog.types import LENGTH, Shape, Size, Type

N, M = Size(), Size()


@pytest.mark.parametrize(
    "shape, first, found",
    [
        ((), 1, None),
        ((3, 4), 1, None),
        ((N, 4), 1, None),
        ((N, 4), 0, 0),
        ((3, N, 4), 1, 1),
        ((N, 3, M), 1, 2),
        ((N, 3, M), 0, 0),
        ((LENGTH,), 1, 0),
        ((N, LENGTH, 2), 1, 1),
        ((LENGTH, LENGTH), 1, 0),
    ],
)
def test_where_blocks_begin(shape: Shape, first: int, found: int | None):
    """At the first size behind the first axis that the run decides, and at tapes; for one row at the first axis too."""
    assert cut(shape, first) == found
    assert shown(Type("real", shape), first) == (
        Type("real", shape) if found is None else Type("int", shape[:found])
    )


def test_one_block():
    """A tape is none: its cells are opened one by one."""
    assert is_row((N, 3)) and not is_row((LENGTH, 3)) and not is_row((3, N)) and not is_row(())


def test_there_and_back():
    """A handle is opened, and the handle of what it opens is itself; several are padded to one array."""
    b = Builder("float64")
    handle = b.copy(b.number(0, "int"))
    array = spelled_out(b, handle, Type("real", (N, 3)))
    assert isinstance(array, Opened) and array.shape == (N, 3)
    assert boxed(b, array, (N, 3), 0) is handle
    handles = b.copy(b.number(0, "int", (4,)))
    wide = spelled_out(b, handles, Type("real", (4, N, 3)))
    assert isinstance(wide, View) and isinstance(wide.of, Padded) and wide.shape == (4, N, 3)
    assert boxed(b, wide, (4, N, 3)).shape == (4,)
    with pytest.raises(NotLowered, match="two sizes known at run time only"):
        spelled_out(b, handles, Type("real", (4, N, M)))


def steps_of(text: str) -> list[Step]:
    built = paramprog.loads(text).compiled().built
    return lower(
        *prepared(list(built.outputs.values()), [*built.inputs.values(), *built.params.values()])
    ).steps


PUSHED = """
function f(x = 0.4, n : int = 5) {
    t = tape(0.0)
    h = x * 1.0
    for i in 0..%s { t = push(t, h); h = sin(h + i) }
    s = 0.0
    for i in 0..%s { t, a = pop(t); s = s * 0.5 + a * h }
    return s
}"""


@needs_compiler
def test_how_much_room_blocks_want():
    """So much that nothing is allocated; not known where the run decides how many are pushed, none without tapes."""
    steps = steps_of((PUSHED % (5, 5)).replace(";", "\n"))
    found = room(steps)
    assert uses_heap(steps) and found is not None and 6 * 40 < found < 1000
    assert room(steps_of((PUSHED % ("n", "n")).replace(";", "\n"))) is None
    assert not uses_heap(steps_of("function f(x = 0.4) { return sin(x) }"))


def test_tapes_do_not_come_out():
    """A result whose length the run decides has no place in C."""
    graph = Graph()
    x = graph.leaf(Type("real", ()))
    with pytest.raises(NotLowered, match="what goes in or comes out"):
        lower([PUSH(TAPE(x), x)], [x])
