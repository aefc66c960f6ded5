"""Types, joining rules and index signatures."""

from __future__ import annotations

import pytest

from paramprog.types import (
    KindError,
    ShapeError,
    Signature,
    Type,
    dims_text,
    elements,
    join_kinds,
    join_shapes,
)


def test_text():
    """As a program writes them."""
    assert str(Type("real", (2, 3))) == "real[2, 3]"
    assert str(Type("int", ())) == "int"
    assert dims_text(()) == "scalar"


def test_elements():
    """A scalar has one entry, an empty array none."""
    assert [elements(s) for s in ((), (2, 3), (2, 0))] == [1, 6, 0]


@pytest.mark.parametrize(
    "kinds, joined",
    [(("int", "int"), "int"), (("int", "real"), "real"), (("bool",), "bool"), (("bool", "bool"), "bool")],
)
def test_kinds_join(kinds: tuple, joined: str):
    """An int joins real; bool joins itself."""
    assert join_kinds(kinds) == joined


@pytest.mark.parametrize("kinds", [("bool", "int"), ("real", "bool")])
def test_bool_never_converts(kinds: tuple):
    """A bool beside a number is an error that speaks of kinds."""
    with pytest.raises(KindError, match="not a number"):
        join_kinds(kinds)


def test_shapes_join():
    """Equal shapes, or a scalar with anything; nothing else broadcasts, not even one entry."""
    assert join_shapes([(), (2, 3), (), (2, 3)]) == (2, 3)
    assert join_shapes([(), ()]) == ()
    assert join_shapes([]) == ()
    for other in ((3,), (1, 3), (3, 2)):
        with pytest.raises(ShapeError, match="differ"):
            join_shapes([(2, 3), other])


@pytest.mark.parametrize(
    "text, shapes, result",
    [
        ("ij,j->i", [(2, 3), (3,)], (2,)),
        ("i,j->ji", [(2,), (3,)], (3, 2)),
        (",ij->ji", [(), (2, 3)], (3, 2)),
        ("->", [()], ()),
        ("i->", [(0,)], ()),
    ],
)
def test_signatures(text: str, shapes: list, result: tuple):
    """The shape of the result, by letters; an empty word is a scalar."""
    assert Signature.of(text).shape(shapes) == result


def test_sizes_of_letters_without_an_argument():
    """A letter of the result alone has its size given, and a given size is checked against the arguments."""
    assert Signature.of("i->ij", {"j": 4}).shape([(2,)]) == (2, 4)
    with pytest.raises(ShapeError, match="4 and 2"):
        Signature.of("i->i", {"i": 4}).shape([(2,)])


@pytest.mark.parametrize(
    "shapes, message",
    [([(2, 3)], "takes 2"), ([(2,), (3,)], "expects 2 axes"), ([(2, 3), (4,)], "sizes 3 and 4 differ")],
)
def test_arguments_that_do_not_fit(shapes: list, message: str):
    """Number of arguments, ranks and sizes."""
    with pytest.raises(ShapeError, match=message):
        Signature.of("ij,j->i").shape(shapes)
