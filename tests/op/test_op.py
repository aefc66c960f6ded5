"""The record of a primitive, the registry, chains of linear maps, kind rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import paramprog.transfer  # fills OPS
from paramprog.graph import Graph
from paramprog.op import (
    OPS,
    SURFACES,
    Linear,
    Op,
    Surface,
    arithmetic,
    comparison,
    first_kind,
    logical,
    pull,
    push,
    register,
    to_int,
    to_real,
    unchanged,
)
from paramprog.types import ShapeError, Signature, Type

assert paramprog.transfer


# ---- chains ------------------------------------------------------------------------------------------------


def test_a_chain_is_applied_left_to_right_and_transposed_right_to_left():
    """J = B A with A: R^2 -> R^3, B: sum. push(J, t) = sum(A t), pull(J, g) = A^T spread(g)."""
    A = np.arange(6.0).reshape(3, 2)
    attrs = {"spec": "ij,j->i", "sizes": ()}
    chain = (Linear(OPS["contract"], 1, (A,), attrs), Linear(OPS["sum"], attrs={"axes": (0,), "sizes": (3,)}))
    t = np.array([1.0, -2.0])
    assert push(chain, t) == np.sum(A @ t)
    np.testing.assert_array_equal(pull(chain, np.float64(2.0)), 2 * A.sum(axis=0))


def test_the_empty_chain_is_the_identity():
    """Not a structural zero, which is None."""
    x = object()
    assert push((), x) is x
    assert pull((), x) is x


def test_the_hole_may_be_anywhere():
    """Frozen arguments keep their order around it."""
    seen = Op("seen", "", lambda *xs: xs, elementwise=True)
    assert Linear(seen, 1, (10, 30))(20) == (10, 20, 30)
    assert Linear(seen, 0, (20, 30))(10) == (10, 20, 30)
    assert Linear(seen, 2, (10, 20))(30) == (10, 20, 30)


def test_what_has_no_transpose_says_so():
    """An operation that is not linear cannot be pulled through."""
    with pytest.raises(TypeError, match="exp has no transpose"):
        _ = Linear(OPS["exp"]).T


# ---- calling -----------------------------------------------------------------------------------------------


def test_a_call_computes_on_arrays_and_records_on_nodes():
    """Each rule is written once for both."""
    assert OPS["mul"](np.float64(2.0), 3.0) == 6.0
    g = Graph()
    x = g.leaf(Type("real", ()))
    node = OPS["mul"](x, 3.0)
    assert node.op is OPS["mul"]
    assert node.graph is g


def test_a_call_records_in_the_innermost_graph():
    """A value of an outer graph enters the body through a port, whichever argument it is."""
    g = Graph()
    x = g.leaf(Type("real", ()))
    body = Graph(g)
    inside = body.own(x)
    for node in (inside * x, x * inside):
        assert node.graph is body
        assert node.args == (inside, inside)


def test_records_are_short_in_print():
    """A record holds functions; its print is its name."""
    assert repr(OPS["exp"]) == "Op(exp)"


# ---- the registry ------------------------------------------------------------------------------------------


def record(**changes: Any) -> Op:
    return Op(**{"name": "test_only", "doc": "a test", "value": np.negative, "elementwise": True} | changes)


def test_names_are_unique():
    """A primitive, or a function with as many arguments, cannot be registered twice."""
    with pytest.raises(ValueError, match="named 'exp' exists"):
        register(record(name="exp"))
    with pytest.raises(ValueError, match=r"exp\(x\) exists"):
        register(record(surfaces=(Surface("exp", "again"),)))
    assert "test_only" not in OPS


@pytest.mark.parametrize(
    "changes",
    [
        {"elementwise": False},
        {"signature": lambda *shapes: Signature.of("i->i")},
        {"shape_rule": lambda *shapes: ()},
    ],
)
def test_the_shape_is_said_exactly_once(changes: dict):
    """One of elementwise, signature and shape_rule."""
    with pytest.raises(ValueError, match="exactly one"):
        register(record(**changes))


def test_one_name_may_have_several_primitives():
    """max(x) reduces, max(a, b) compares: they differ by the number of arguments."""
    assert {op.name for op, _ in SURFACES["max"]} == {"max", "maximum"}


def test_usage():
    """How documentation shows a call."""
    found = {s.usage for pairs in SURFACES.values() for _, s in pairs}
    assert {"exp(x)", "max(x, axis)", "zeros(m, ...)", "polygamma(k, x)", 'contract("spec", a, b)'} <= found
    assert "concat(a, b, ..., axis = 0)" in found


# ---- shapes and kinds --------------------------------------------------------------------------------------


def test_elementwise_shapes_are_equal():
    """Spreading a scalar is the graph's business, and an explicit node."""
    assert OPS["add"].shape((2, 3), (2, 3)) == (2, 3)
    with pytest.raises(ShapeError, match=r"\[2, 3\] and \[3\] differ"):
        OPS["add"].shape((2, 3), (3,))


@pytest.mark.parametrize(
    "rule, kinds, expected",
    [
        (to_real, ("int", "real"), (("real", "real"), "real")),
        (arithmetic, ("int", "int"), (("int", "int"), "int")),
        (arithmetic, ("int", "real"), (("real", "real"), "real")),
        (comparison, ("int", "real"), (("real", "real"), "bool")),
        (logical, ("bool", "bool"), (("bool", "bool"), "bool")),
        (to_int, ("real",), (("real",), "int")),
        (unchanged, ("bool", "bool"), (("bool", "bool"), "bool")),
        (unchanged, ("int", "real"), (("real", "real"), "real")),
        (first_kind, ("real", "int"), (("real", "int"), "real")),
    ],
)
def test_kind_rules(rule: Any, kinds: tuple, expected: tuple):
    """What arguments are converted to, and what comes out."""
    assert rule(*kinds) == expected


@pytest.mark.parametrize(
    "rule, kinds",
    [
        (to_real, ("bool",)),
        (arithmetic, ("bool", "bool")),
        (comparison, ("bool", "bool")),
        (to_int, ("bool",)),
    ]
    + [(logical, ("int", "bool")), (unchanged, ("bool", "real"))],
)
def test_kinds_that_do_not_join(rule: Any, kinds: tuple):
    """bool never converts, and nothing converts to bool."""
    with pytest.raises(ShapeError):
        rule(*kinds)
