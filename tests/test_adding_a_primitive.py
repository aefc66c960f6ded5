"""Adding a primitive is one record: everything else follows. `docs/adding_a_primitive.md` shows the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
from oracles import cases, dense, dense_by_pulls, differences

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint, tangent
from paramprog.graph import Graph
from paramprog.graph.region import ValueFault
from paramprog.op import OPS, SURFACES, Op, Sample, Surface
from paramprog.transfer.dependence import moves
from paramprog.transfer.linear import linear
from paramprog.transfer.map import GUARD, RECIP, smooth
from paramprog.types import Signature, Type


@pytest.fixture
def logit() -> Iterator[Op]:
    """log(x / (1 - x)), which the language does not have; removed again after the test."""
    op = smooth(
        "logit",
        "log(x / (1 - x))",
        scipy.special.logit,
        lambda y, x: GUARD(RECIP(x * (1.0 - x)), y),
        domain=((0.1, 0.9),),
    )
    yield op
    _forget(op)


@pytest.fixture
def backwards() -> Iterator[Op]:
    """The entries of a vector from last to first: linear, and its own transpose."""
    op = linear(
        "backwards",
        "the entries of a vector from last to first",
        lambda x: x[::-1],
        lambda lin: lin,
        signature=lambda shape: Signature.of("i->i"),
        depends=moves,
        surfaces=(Surface("backwards", "the entries of a vector from last to first"),),
        samples=(Sample(((3,),)),),
        total=True,
    )
    yield op
    _forget(op)


@pytest.fixture
def cubic_root() -> Iterator[Op]:
    """The real root y of y^3 + a y = b, for a > 0: an iteration, whose derivative is that of the equation."""

    def value(a: Any, b: Any) -> Any:
        if np.any(a <= 0):
            raise ValueFault("several-roots", "there are several roots")
        y = np.cbrt(b)
        for _ in range(60):
            y = y - (y**3 + a * y - b) / (3 * y**2 + a)
        return y

    op = smooth(
        "cubic_root",
        "the real root y of y^3 + a y = b, for a > 0",
        value,
        lambda y, a, b: -y * RECIP(3.0 * y * y + a),
        lambda y, a, b: RECIP(3.0 * y * y + a),
        arguments=("a", "b"),
        domain=((0.5, 2.0), (-2.0, 2.0)),
    )
    yield op
    _forget(op)


def _forget(op: Op) -> None:
    del OPS[op.name]
    for surface in op.surfaces:
        SURFACES[surface.name] = [pair for pair in SURFACES[surface.name] if pair[0] is not op]
        if not SURFACES[surface.name]:
            del SURFACES[surface.name]


def check_generated(op: Op) -> None:
    """What the generated tests check first: the dense Jacobian by both modes against differences."""
    assert cases(op)
    for case in cases(op):
        xs = case.sample()
        J = op.local(0, case.value(*xs), *xs)
        shapes = case.types[0].shape, case.result.shape
        np.testing.assert_allclose(
            dense(J, *shapes), differences(case.of(0, xs), xs[0]), rtol=1e-8, atol=1e-9
        )
        np.testing.assert_allclose(dense_by_pulls(J, *shapes), dense(J, *shapes), rtol=1e-14)


def test_an_elementwise_primitive(logit: Op):
    """Value, dense Jacobian and the generated tests."""
    assert logit(np.float64(0.5)) == 0
    check_generated(logit)


def test_a_linear_primitive(backwards: Op):
    """A value, a transpose and an index signature."""
    np.testing.assert_array_equal(backwards(np.arange(3.0)), [2, 1, 0])
    check_generated(backwards)


def test_both_modes_of_every_order(logit: Op):
    """Adjoint and tangent graphs, and those of the adjoint."""
    g = Graph()
    x = g.leaf(Type("real", ()))
    (d,) = adjoint(logit(x), [x])
    (h,) = adjoint(d, [x])
    t = tangent(logit(x), {x: g.constant(1.0)})
    g.check()
    p = 0.2
    found = evaluate([d, t, h], {x: np.float64(p)})
    np.testing.assert_allclose(found, [1 / (p * (1 - p))] * 2 + [1 / (1 - p) ** 2 - 1 / p**2], rtol=1e-14)


def test_no_gradient_without_a_value(logit: Op):
    """DESIGN section 6: what `guard` in the record is for."""
    g = Graph()
    x = g.leaf(Type("real", ()))
    (d,) = adjoint(logit(x), [x])
    assert np.isnan(evaluate([d], {x: np.float64(2.0)})[0])


def test_use_in_a_program(logit: Op, backwards: Op):
    """The language knows the new functions by the names of their surfaces, and verification covers them."""
    program = paramprog.loads(
        """
        param w : real[3] = [0.2, 0.3, 0.4]
        function f(p : real[3] = [0.9, 0.8, 0.7]) {
            y = sum(logit(w * p) * backwards(w))
            return y
        }
        """
    )
    p = np.array([0.5, 0.6, 0.7])
    w = np.array([0.2, 0.3, 0.4])

    def value(w: Any) -> Any:
        return np.sum(scipy.special.logit(w * p) * w[::-1])

    found = program.grad(inputs={"p": p})
    np.testing.assert_allclose(found.value, value(w), rtol=1e-14)
    np.testing.assert_allclose(found.gradients["w"], differences(value, w), rtol=1e-9)
    assert program.verify().ok


def test_an_implicit_function(cubic_root: Op):
    """Two arguments, both orders by the closed form at b = 10, a = 1, where y = 2; faults at their place."""
    check_generated(cubic_root)
    g = Graph()
    a, b = g.leaf(Type("real", ())), g.leaf(Type("real", ()))
    (da, db) = adjoint(cubic_root(a, b), [a, b])
    (dbb,) = adjoint(db, [b])
    at = {a: np.float64(1.0), b: np.float64(10.0)}
    np.testing.assert_allclose(evaluate([da, db, dbb], at), [-2 / 13, 1 / 13, -12 / 13**3], rtol=1e-14)
    program = paramprog.loads("function f(a = 1.0, b = 10.0) { y = cubic_root(a, b); return y * y }")
    assert program.verify().ok
    with pytest.raises(ProgramError) as caught:
        program(a=-1.0)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("several-roots", "there are several roots")
    assert found.span.source.text[found.span.start : found.span.end] == "cubic_root(a, b)"


def test_what_a_program_with_new_functions_can_do(logit: Op, backwards: Op, tmp_path: Path):
    """From a file: batches, loops, sparse Jacobians, the printed gradient; Python text is refused with the place."""
    path = tmp_path / "odds.pp"
    path.write_text(
        "function f(x : real[3] = [0.2, 0.4, 0.6]) {\n"
        "    y = x\n    for i in 0..3 { y = sigmoid(logit(y) + backwards(x)) }\n    return sum(y)\n}\n"
    )
    program = paramprog.load(path)
    found = program.grad()
    again = paramprog.loads(program.gradient_program())
    np.testing.assert_allclose(again.run().outputs["dx"], found["x"], rtol=1e-14)
    with pytest.raises(ProgramError, match=r"no-lanes.*`backwards` has no rule for many samples at once"):
        program.grad(x=np.array([[0.2, 0.4, 0.6], [0.3, 0.3, 0.3]]), batch=["x"], per_sample=True)
    with pytest.raises(ProgramError, match=r"not-printable.*`logit` cannot be written in Python"):
        program.gradient_program(language="python")
    text = "function f(x : real[3] = [0.2, 0.4, 0.6]) { return logit(backwards(x)) * x }"
    sparse = paramprog.loads(text).jacobian(
        sparse=True
    )  # without a rule for lanes, one product after the other
    assert (sparse["x"].rows.tolist(), sparse["x"].columns.tolist()) == ([0, 0, 1, 2, 2], [0, 2, 1, 0, 2])
    assert sparse.colours == 2
    np.testing.assert_array_equal(sparse["x"].dense(), paramprog.loads(text).jacobian()["x"])


def test_a_name_is_registered_once(logit: Op):
    """As a primitive, and as a function with so many arguments; an unregistered name is unknown to programs."""
    with pytest.raises(ValueError, match="a primitive named 'logit' exists already"):
        smooth("logit", "again", scipy.special.logit, lambda y, x: y)
    with pytest.raises(ValueError, match=r"a function sin\(x\) exists already"):
        smooth("sine", "again", np.sin, lambda y, x: y, surfaces=(Surface("sin", "again"),))
    assert "sine" not in OPS
    with pytest.raises(ProgramError, match="undefined-function"):
        paramprog.loads("function f(x = 1.0) { return sine(x) }").run()


def test_names_are_free_again():
    """The fixtures leave nothing behind."""
    assert not {"logit", "backwards", "cubic_root"} & (set(OPS) | set(SURFACES))
