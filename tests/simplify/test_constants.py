"""Constant folding: what evaluation would compute, once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import accepted_kinds, arity
from simplifying import simplified_exactly
from strategies.hard_graphs import HARD

from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.graph import Graph, Node
from paramprog.graph.constant import Constant
from paramprog.op import OPS
from paramprog.simplify import simplify
from paramprog.types import Type


@given(
    st.sampled_from(sorted(n for n, op in OPS.items() if op.elementwise)),
    st.lists(st.sampled_from(HARD), min_size=3, max_size=3),
    st.sampled_from(["float64", "float32"]),
    st.sampled_from([(), (3,), (2, 2)]),
)
def test_elementwise(name: str, values: list[float], real: Any, shape: tuple[int, ...]) -> None:
    """Every elementwise primitive of every kind of numbers, at hard values, in both precisions."""
    op = OPS[name]
    attrs = dict(op.samples[0].attrs) if op.samples else {}
    g = Graph(real=real)
    for kinds in accepted_kinds(op, arity(op)):
        numbers = [_number(v, kind) for v, kind in zip(values, kinds, strict=False)]
        args = [g.constant(v, kind, shape) for v, kind in zip(numbers, kinds, strict=True)]
        node = g.emit(op, *args, **attrs)
        try:
            evaluate([node], {})
        except ProgramError:
            assert simplify([node]).outputs[0].op is op
        else:
            [y] = simplified_exactly([node], {}).outputs
            assert y.op is OPS["full"]


def _number(value: float, kind: str) -> Any:
    """Something of this kind."""
    if kind == "real":
        return value
    return value > 0 if kind == "bool" else int(np.nan_to_num(value, posinf=7, neginf=-3))


def ints(g: Graph, *values: int) -> list[Node]:
    return [g.constant(v) for v in values]


def test_ints_wrap_as_evaluation_does() -> None:
    g = Graph()
    big, two = ints(g, 2**62, 2)
    [y] = simplified_exactly([big * two], {}).outputs
    assert y.attrs["value"] == -(2**63)


@pytest.mark.parametrize("name", ["intdiv", "mod"])
def test_a_fault_is_left_to_evaluation(name: str) -> None:
    g = Graph()
    y = g.emit(OPS[name], *ints(g, 1, 0))
    assert simplify([y]).outputs[0].op is OPS[name]


def test_large_results_are_not_stored() -> None:
    """A constant of many different entries stays an expression; one of equal entries is one number."""
    g = Graph()
    row = g.emit(OPS["array"], value=Constant(np.arange(3.0)), type=Type("real", (3,)))
    large = OPS["exp"](OPS["spread"](row, axes=(0,), sizes=(10_000,)))
    same = OPS["exp"](g.constant(1.0, "real", (10_000, 3)))
    s = simplify([large, same])
    assert s.outputs[0].op is OPS["spread"]
    assert s.outputs[0].args[0].op is OPS["array"]
    assert s.outputs[1].op is OPS["full"]


def test_numbers_are_shared_by_their_bits() -> None:
    """0.0 is not -0.0, 1 is not 1.0; NaN is NaN."""
    g = Graph()
    values = [0.0, -0.0, 1.0, np.nan, float("nan"), 1]
    s = simplify([g.constant(v) for v in values])
    assert len(set(s.outputs)) == 5
    assert s.outputs[3] is s.outputs[4]
    assert [np.signbit(n.attrs["value"]) for n in s.outputs[:2]] == [False, True]


def test_a_number_has_the_precision_of_its_graph() -> None:
    g = Graph(real="float32")
    s = simplify([g.constant(0.1), g.constant(float(np.float32(0.1)))])
    assert s.outputs[0] is s.outputs[1]


def test_equal_arrays_are_one() -> None:
    g = Graph()
    a, b = (g.emit(OPS["array"], value=Constant(np.eye(2)), type=Type("real", (2, 2))) for _ in range(2))
    s = simplify([OPS["exp"](a), OPS["exp"](b)])
    assert s.outputs[0] is s.outputs[1]


def test_sums_of_constants_are_resumed_only_if_allowed() -> None:
    g = Graph()
    row = g.emit(OPS["array"], value=Constant([0.1, 0.2, 0.3]), type=Type("real", (3,)))
    y = OPS["sum"](row, axes=(0,), sizes=(3,))
    assert simplify([y]).outputs[0].op is OPS["full"]
    assert simplify([y], resum=False).outputs[0].op is OPS["sum"]
