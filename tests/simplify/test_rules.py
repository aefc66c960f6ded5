"""Every rule: it fires, it gives what its equation says, and it keeps every bit at the values where it could not."""

from __future__ import annotations

import numpy as np
import pytest
from rule_cases import CASES, At, Build, Case, cut
from simplifying import simplified_exactly

import paramprog.simplify.rewriter as rewriter
from paramprog.evaluate import evaluate
from paramprog.op import OPS
from paramprog.simplify import simplify, tapes


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.equation)
def test_rule(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides are one graph, only because of the rule, and have the same values."""
    a, b = At(), At()
    left, right = case.left(a), case.right(b)
    simplified_exactly([left], a.values)
    after = simplify([left])
    expected = simplify([right])
    assert str(after.graph) == str(expected.graph)
    monkeypatch.setattr(rewriter, "RULES", [r for r in rewriter.RULES if r.equation != case.equation])
    assert str(simplify([left]).graph) != str(expected.graph)


def test_every_rule_has_a_case() -> None:
    others = {r.equation for r in tapes.RULES}  # tests/transfer/test_tapes.py
    assert {r.equation for r in rewriter.RULES} - others == {c.equation for c in CASES}


REFUSED = {
    "x + 0.0 is 0.0 at -0.0": lambda a: a.add(a.x, 0.0),
    "x - -0.0 is 0.0 at -0.0": lambda a: a.sub(a.x, -0.0),
    "0 * x is NaN at infinities": lambda a: a.mul(0.0, a.x),
    "x - x is NaN at infinities": lambda a: a.sub(a.x, a.x),
    "x / x is NaN at 0": lambda a: a.div(a.x, a.x),
    "-(x - y) is -0.0 at x = y": lambda a: a.neg(a.sub(a.x, a.y)),
    "0.0 - x is 0.0 at 0.0": lambda a: a.sub(0.0, a.x),
    "x == x is false at NaN": lambda a: a.equal(a.x, a.x),
    "not x < y is true at NaN": lambda a: a.not_(a.less(a.x, a.y)),
    "mask(c, -0.0) is 0.0 where c does not hold": lambda a: a.mask(a.c, a.const(-0.0, a.x)),
    "guard(x, NaN) is NaN": lambda a: a.guard(a.x, np.nan),
    "the gradient of x ** 1 is NaN at NaN": lambda a: a.pow(a.x, 1.0),
    "xdivy(0, y) is NaN at NaN": lambda a: a.xdivy(0.0, a.y),
    "-(-2^63 * n) has no negative factor": lambda a: a.neg(a.mul(-(2**63), a.n)),
    "a sum of -x may be 0.0, never -0.0": lambda a: a.over(a.neg(a.A), 0),
    "gather at 2, 1, 0 turns around": lambda a: a.gather(
        a.A, a.graph.array(np.array([2, 1, 0])), axis=1, size=3
    ),
    "gather at 0, 1, 1 repeats": lambda a: a.gather(a.A, a.graph.array(np.array([0, 1, 1])), axis=1, size=3),
}


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED.keys())
def test_what_looks_like_a_rule_and_is_none(build: Build) -> None:
    """The operation stays, because it is no identity."""
    a = At()
    before = build(a)
    after = simplified_exactly([before], a.values).outputs[0]
    assert after.op is before.op


def test_what_may_fault_stays() -> None:
    """x ** 0 = 1, but computing x has to report the index that is out of range."""
    a = At()
    index = a.leaf("i", np.int64(7))
    chosen = a.gather(a.v, index, axis=0, size=3)
    for y in (
        a.pow(chosen, 0.0),
        a.mask(a.const(False, a.greater(chosen, 0.0)), chosen),
        a.div0(chosen, 0.0),
    ):
        assert chosen in simplify([y]).of
    joined = a.slice(a.stack(chosen, a.s, axis=0), cuts=(cut(0, 1, None, 2),))
    assert simplify([joined]).outputs[0].op is joined.op
    sure = a.slice(a.stack(a.exp(a.s), a.s, axis=0), cuts=(cut(0, 1, None, 2),))
    assert simplify([sure]).outputs[0].name == "s"


def test_products_used_twice_are_computed_once() -> None:
    """A contraction that is needed as it is does not become a part of another one too."""
    a = At()
    product_ = a.einsum("bi,bj->bij", a.A, a.B)
    summed, kept = a.over(product_, 0), a.exp(product_)
    s = simplify([summed, kept])
    assert [n.op.name for n in s.graph.nodes].count("contract") == 1


def test_spread_moves_outward() -> None:
    """Elementwise primitives of spread scalars and numbers are computed once."""
    a = At()
    x = a.along(a.s, 0, sizes=(1000,))
    y = a.exp(a.add(a.mul(x, 2.0), a.const(1.0, x)))
    after = simplified_exactly([y], a.values).outputs[0]
    assert after.op is OPS["spread"]
    assert after.args[0].op is OPS["exp"]
    assert not after.args[0].shape


def test_a_spread_to_nothing_stays_inside() -> None:
    """No entry, no fault: an int divided by zero does not exist in an empty array."""
    a = At()
    zero = a.leaf("z", np.int64(0))
    empty = a.along(zero, 0, sizes=(0,))
    y = a.intdiv(a.const(1, empty), empty)
    s = simplify([y])
    assert evaluate(s.outputs, s.inputs(a.values))[0].shape == (0,)
