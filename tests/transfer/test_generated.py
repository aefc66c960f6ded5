"""The tests that every primitive gets from its record: none is named here, except where a rule speaks of it.

Elementwise primitives are sampled in their `domain` at three shapes, the others at their `samples`. A new
primitive is tested by being registered.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from oracles import (
    CASES,
    Case,
    accepted_kinds,
    apply,
    apply_transposed,
    arity,
    cases,
    computes,
    dense,
    dense_by_pulls,
    differences,
)

from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate, trace
from paramprog.gradient import adjoint, plain_or_none, pulled, pushed, tangent
from paramprog.graph import Graph, Node
from paramprog.op import OPS, SURFACES, Op, pull, push
from paramprog.transfer.source import dtype_of
from paramprog.transfer.step import STOP
from paramprog.transfer.tape import TAPES
from paramprog.types import ShapeError, Type

every_primitive = pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
every_case = pytest.mark.parametrize("case", CASES, ids=str)
differentiable = pytest.mark.parametrize(
    "case", [c for c in CASES if c.op.jacobian is not None and c.real_ports], ids=str
)
elementwise = pytest.mark.parametrize(
    "case", [c for c in CASES if c.op.elementwise and c.types[0].shape == ()], ids=str
)

PLAIN = {"float64": 1e-12, "float32": 1e-5}
"""How near two ways of computing the same sum must be, relative to the size of its terms."""

NUMERIC = 1e-8
"""How near extrapolated differences come."""


@pytest.fixture(autouse=True)
def _silence():
    with np.errstate(all="ignore"):
        yield


def close(a: Any, b: Any, tolerance: float) -> None:
    scale = 1.0 + np.max(np.abs(b), initial=0.0)
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


def at_sample(case: Case) -> tuple[list[Any], Any]:
    xs = case.sample()
    return xs, case.value(*xs)


def chain(case: Case, port: int, xs: list[Any], y: Any) -> Any:
    return case.op.local(port, y, *xs, **case.attrs)


# ---- the record --------------------------------------------------------------------------------------------


@every_primitive
def test_is_documented(op: Op):
    """A primitive has a doc line, and so has each of its spellings, whose usage begins with its name."""
    assert op.doc
    for surface in op.surfaces:
        assert surface.doc
        assert surface.usage.startswith(f"{surface.name}(")


@every_primitive
def test_is_tested(op: Op):
    """A primitive that computes has cases here: `samples`, with hashable attributes, or it is elementwise."""
    assert bool(cases(op)) == computes(op)
    for case in cases(op):
        hash(tuple(case.attrs.items()))


@every_primitive
def test_a_linear_primitive_has_a_jacobian(op: Op):
    """What can be transposed is what appears in the chains of Jacobians, so it has one of its own."""
    assert op.transpose is None or op.jacobian is not None


# ---- values ------------------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("real", ["float64", "float32"])
def test_value_has_the_type_that_the_rules_say(case: Case, real: Any):
    """Shape and kind follow the rules; reals stay in the precision of the program."""
    y = np.asarray(case.value(*case.sample(dtype=real)))
    assert y.shape == case.result.shape
    assert y.dtype == dtype_of(case.result, real)


@every_case
def test_value_has_the_kind_that_the_rule_says(case: Case):
    """For every kind of argument that is taken as it is, such as + of ints."""
    for kinds in accepted_kinds(case.op, len(case.types)):
        types = [Type(k, t.shape) for k, t in zip(kinds, case.types, strict=True)]
        if any(s.kind not in ("real", t.kind) for s, t in zip(case.types, types, strict=True)):
            continue  # an index or a condition: its values belong to the sample
        xs = [
            np.ceil(np.abs(x)).astype(dtype_of(t, "float64")) if t.kind != "real" and s.kind == "real" else x
            for x, t, s in zip(case.sample(), types, case.types, strict=True)
        ]
        result = case.op.result(*types, **case.attrs)
        assert np.asarray(case.value(*xs)).dtype == dtype_of(result, "float64"), kinds


@every_case
def test_value_does_not_change_its_arguments(case: Case):
    """Arrays are shared between nodes."""
    xs = case.sample()
    before = [x.copy() for x in xs]
    case.value(*xs)
    for x, b in zip(xs, before, strict=True):
        np.testing.assert_array_equal(x, b)


@every_case
def test_arguments_that_do_not_fit_are_refused(case: Case):
    """The shape rule raises ShapeError for elementwise arguments that differ, and for axes of other sizes."""
    shapes = [t.shape for t in case.types]
    if case.op.elementwise and len(shapes) > 1:
        with pytest.raises(ShapeError):
            case.op.shape((9, 9), *shapes[1:], **case.attrs)
    if "sizes" in case.attrs and case.attrs["sizes"] and case.op.transpose is None:
        with pytest.raises(ShapeError):
            case.op.shape(*[tuple(n + 1 for n in s) for s in shapes], **case.attrs)


# ---- the local Jacobian ------------------------------------------------------------------------------------


@every_case
def test_jacobian_is_that_of_the_value(case: Case):
    """The dense Jacobian is what differences of the value say; without one, the value is constant.

    `stop` is the exception by definition.
    """
    xs, y = at_sample(case)
    for port in case.real_ports:
        if case.result.kind != "real" or case.op is STOP:
            assert chain(case, port, xs, y) is None
            continue
        J = dense(chain(case, port, xs, y), case.types[port].shape, case.result.shape)
        close(J, differences(case.of(port, xs), xs[port]), NUMERIC)


@differentiable
def test_pull_is_the_transpose_of_push(case: Case):
    """<J t, g> = <t, J^T g>, and the dense matrices of both agree."""
    xs, y = at_sample(case)
    rng = np.random.default_rng(1)
    for port in case.real_ports:
        J = chain(case, port, xs, y)
        argument, result = case.types[port].shape, case.result.shape
        close(dense_by_pulls(J, argument, result), dense(J, argument, result), PLAIN["float64"])
        t, g = rng.standard_normal(argument), rng.standard_normal(result)
        if J is not None:
            close(np.sum(g * push(J, t)), np.sum(t * pull(J, g)), PLAIN["float64"])


def as_graph(case: Case, real: Any = "float64") -> tuple[Graph, list[Node], Node, Node]:
    """A graph of one primitive, its leaves, its node, and a leaf for the cotangent."""
    graph = Graph(real=real)
    leaves = [graph.leaf(t, f"x{k}") for k, t in enumerate(case.types)]
    y = graph.emit(case.op, *leaves, **case.attrs)
    assert y.type == case.result
    return graph, leaves, y, graph.leaf(y.type, "g")


@differentiable
@pytest.mark.parametrize("real", ["float64", "float32"])
def test_both_modes_on_nodes_and_on_numbers_are_the_dense_jacobian(case: Case, real: Any):
    """J^T g and J t, by adjoint and tangent graphs and by the analysis on numbers; None where J is None.

    In single precision nothing becomes double on the way.
    """
    xs = case.sample(dtype=real)
    wide = case.sample(dtype=real)
    wide = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in wide]
    graph, leaves, y, seed = as_graph(case, real)
    rng = np.random.default_rng(2)
    g = np.asarray(rng.standard_normal(y.shape), real)
    inputs = {**dict(zip(leaves, xs, strict=True)), seed: g}
    ports = case.real_ports
    ran = trace([y], inputs)
    back = pulled(ran.nodes, ran.values, y, g)
    adjoints = adjoint(y, [leaves[p] for p in ports], seed)
    for port, node in zip(ports, adjoints, strict=True):
        J = chain(case, port, wide, case.value(*wide))
        t = np.asarray(rng.standard_normal(case.types[port].shape), real)
        direction = graph.leaf(leaves[port].type, "t")
        pushed_node = tangent(y, {leaves[port]: direction})
        forth = plain_or_none(pushed(ran.nodes, ran.values, {leaves[port]: t})[y])
        if J is None:
            assert node is None
            assert pushed_node is None
            assert plain_or_none(back[leaves[port]]) is None
            assert forth is None
            continue
        matrix = dense(J, case.types[port].shape, y.shape)
        results = {
            "reverse graph": (evaluate([node], inputs)[0], apply_transposed(matrix, g)),
            "reverse": (plain_or_none(back[leaves[port]]), apply_transposed(matrix, g)),
            "forward graph": (evaluate([pushed_node], {**inputs, direction: t})[0], apply(matrix, t)),
            "forward": (forth, apply(matrix, t)),
        }
        for found, expected in results.values():
            close(found, expected, PLAIN[real])
            assert np.shape(found) == np.shape(expected)
            assert np.asarray(found).dtype == real
    graph.check()


def total_of(x: Node) -> Node:
    return OPS["sum"](x, axes=tuple(range(len(x.shape))), sizes=x.shape)


@differentiable
def test_second_order_in_all_four_mixes_of_modes(case: Case):
    """d/ds <g, J(x + s t) w>: reverse and forward, of reverse and of forward, against differences."""
    graph, leaves, y, seed = as_graph(case)
    ports = case.real_ports
    weights = [graph.leaf(leaves[p].type, "w") for p in ports]
    directions = [graph.leaf(leaves[p].type, "t") for p in ports]
    found = adjoint(y, [leaves[p] for p in ports], seed)
    by_reverse = [total_of(a * w) for a, w in zip(found, weights, strict=True) if a is not None]
    by_forward = tangent(y, dict(zip((leaves[p] for p in ports), weights, strict=True)))
    rng = np.random.default_rng(3)
    inputs = dict(zip(leaves, case.sample(), strict=True))
    for leaf in (seed, *weights, *directions):
        inputs[leaf] = rng.standard_normal(leaf.shape)
    scalar_of = {"reverse": sum(by_reverse[1:], by_reverse[0]), "forward": total_of(by_forward * seed)}

    expected = 0.0
    for port, direction in zip(ports, directions, strict=True):
        leaf = leaves[port]
        gradient = differences(
            lambda x, leaf=leaf: evaluate([scalar_of["reverse"]], {**inputs, leaf: x})[0], inputs[leaf]
        )
        expected += np.sum(gradient * inputs[direction])

    along = dict(zip((leaves[p] for p in ports), directions, strict=True))
    for inner, scalar in scalar_of.items():
        adjoints = adjoint(scalar, [leaves[p] for p in ports])
        products = [total_of(a * d) for a, d in zip(adjoints, directions, strict=True) if a is not None]
        outer = {
            "reverse": sum(products[1:], products[0]) if products else None,
            "forward": tangent(scalar, along),
        }
        for mode, node in outer.items():
            value = 0.0 if node is None else evaluate([node], inputs)[0]
            assert abs(value - expected) <= NUMERIC * (1 + abs(expected)), f"{mode} over {inner}"
    graph.check()


# ---- hard points -------------------------------------------------------------------------------------------

SPECIAL = np.array([-np.inf, -1e3, -2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 1e3, np.inf, np.nan])


def grid(count: int, points: Any = SPECIAL) -> list[Any]:
    """All combinations of special points, one flat array per argument."""
    return [np.array(column) for column in zip(*product(points, repeat=count), strict=True)]


def partial(case: Case, port: int, xs: list[Any], y: Any) -> Any:
    """The diagonal of the Jacobian of an elementwise primitive."""
    return np.broadcast_to(apply_diagonal(chain(case, port, xs, y), xs[port]), xs[port].shape)


def apply_diagonal(J: Any, like: Any) -> Any:
    return push(J, np.ones_like(like))


def is_affine(values: Any, port: int, count: int) -> bool:
    """Whether a partial is the same wherever its own argument is finite."""
    rows = np.moveaxis(values.reshape((len(SPECIAL),) * count), port, 0)[np.isfinite(SPECIAL)]
    return all(np.array_equal(row, rows[0], equal_nan=True) for row in rows)


@elementwise
def test_a_nan_value_never_carries_a_finite_gradient(case: Case):
    """DESIGN section 6, rule 2, for NaN arguments and for points outside the domain.

    A primitive that is linear in an argument is the exception there: d(x + y)/dx is 1 and knows neither.
    """
    if any(t.kind != "real" for t in case.types) or case.result.kind != "real":
        return
    xs = grid(len(case.types))
    y = case.value(*xs)
    for port in case.real_ports:
        if chain(case, port, xs, y) is None:
            continue
        d = partial(case, port, xs, y)
        if not is_affine(d, port, len(xs)):
            wrong = np.isnan(y) & np.isfinite(d)
            assert not wrong.any(), [x[wrong][:3] for x in xs]


@every_case
@pytest.mark.parametrize("size", [1e3, 1e308])
def test_a_total_primitive_is_finite_everywhere(case: Case, size: float):
    """At zeros and at finite points far out, value and Jacobian are finite.

    At the largest floats they may overflow, but never become NaN in an elementwise primitive.
    """
    if not case.op.total or not case.real_ports:
        return
    if size > 1e300 and not case.op.elementwise:
        return
    points = [-size, -1.0, -1 / size, -0.0, 0.0, 1 / size, 1.0, size]
    rng = np.random.default_rng(4)
    sound = np.isfinite if size < 1e300 else lambda v: ~np.isnan(v)
    for attempt in range(40):
        xs = [
            (np.full(x.shape, points[attempt]) if attempt < len(points) else rng.choice(points, x.shape))
            if x.dtype.kind == "f"
            else x
            for x in case.sample()
        ]
        xs = [np.asarray(x) for x in xs]
        y = case.value(*xs)
        assert np.all(sound(y)), xs
        if case.result.kind == "real" and case.op.jacobian is not None:
            for port in case.real_ports:
                J = chain(case, port, xs, y)
                if case.op.elementwise:
                    assert J is None or np.all(sound(apply_diagonal(J, xs[port]))), (xs, port)
                else:
                    assert np.all(sound(dense(J, case.types[port].shape, case.result.shape))), (xs, port)


# ---- spellings ---------------------------------------------------------------------------------------------

GIVEN: dict[str, list[tuple[list[tuple[int, ...]], dict[str, Any]]]] = {
    "contract": [([(2, 3), (3,)], {"spec": "ij,j->i"}), ([(2, 3), (4,)], {"spec": "ij,k->kj"})],
    "@": [([(2, 3), (3,)], {}), ([(3,), (3, 2)], {}), ([(2, 3), (3, 2)], {}), ([(3,), (3,)], {})],
    "dot": [([(3,), (3,)], {})],
    "outer": [([(3,), (2,)], {})],
    "polygamma": [([(3,)], {"k": 2})],
    "reshape": [([(2, 3)], {"rest": (3, 2)}), ([(4,)], {"rest": (2, 2)})],
    "transpose": [([(2, 3, 4)], {"rest": (1, 2, 0)}), ([(2, 3)], {"rest": ()})],
    "spread": [([(3,)], {"rest": (2,)}), ([(3,)], {"rest": (2,), "axis": 1})],
    "full": [([()], {"rest": (2, 3)}), ([()], {"rest": ()})],
    "pad": [([(3,)], {"rest": (1, 2)}), ([(2, 3)], {"rest": (0, 4), "axis": 1})],
    "embed": [([(3,)], {"rest": (1, 9), "step": 3}), ([(2, 3)], {"rest": (2, 4), "axis": 1, "step": -1})],
    "embed_at": [([()], {"rest": (1, 3)}), ([(2, 3)], {"rest": (0, 4), "axis": 2})],
    "roll": [([(3,)], {"rest": (7,)}), ([(2, 3)], {"rest": (-1,), "axis": 1})],
    "diag": [([(3,)], {}), ([(3, 3)], {})],
    "trace": [([(3, 3)], {})],
    "solve": [([(3, 3), (3,)], {}), ([(3, 3), (3, 2)], {"transposed": True})],
    "solve_triangular": [([(3, 3), (3,)], {"upper": True}), ([(2, 2), (2, 4)], {"transposed": True})],
    "inverse": [([(3, 3)], {})],
    "logdet": [([(3, 3)], {})],
    "cholesky": [([(3, 3)], {})],
    "symmetric": [([(3, 3)], {})],
    "half_tril": [([(3, 3)], {})],
    "tril": [([(2, 3)], {})],
    "triu": [([(3, 3)], {})],
    "cross": [([(3,), (3,)], {})],
    "conv": [([(2, 3, 2), (2, 2, 2, 1)], {}), ([(1, 2, 3), (1, 1, 2, 2)], {"stride": 2, "pad": 2})],
    "conv_input": [([(2, 2, 2), (2, 2, 2, 1)], {"rest": (3, 2)})],
    "conv_kernel": [([(2, 3, 2), (2, 2, 2)], {"rest": (2, 1)})],
    "put": [([(5,), (), ()], {}), ([(5, 6), (2,), (5, 2)], {"axis": 1})],
    "spared": [([(2,)], {"rest": (3,)}), ([()], {"rest": (2,)})],
    "places": [([(2, 3)], {"rest": (4,)})],
    "selected": [([(4,)], {"rest": (3,)})],  # three of the four conditions that are drawn hold
    "scatter_add": [([(4,), (4,)], {"rest": (6,)}), ([(), (2,)], {"rest": (3,), "axis": 1})],
    "gather": [([(5,), (2,)], {}), ([(5, 6), ()], {"axis": 1})],
    "zeros": [([], {"rest": (2, 3)}), ([], {"rest": ()})],
    "ones": [([], {"rest": (2,)})],
    "eye": [([], {"rest": (3,)})],
    "concat": [([(2, 3), (4, 3)], {}), ([(2, 1), (2, 2), (2, 3)], {"axis": 1})],
}
"""Calls that fit, for the spellings whose shapes or static arguments are bound to one another."""


def calls(op: Op, surface: Any) -> list[tuple[list[tuple[int, ...]], dict[str, Any]]]:
    if surface.name in GIVEN:
        return GIVEN[surface.name]
    count = len(surface.values)
    found: list[Any] = [([(2, 3)] * count, {})]
    if "axis" in surface.options:
        found = [([(2, 3)] * count, {"axis": 0}), ([(2, 3)] * count, {"axis": 1}), ([(4,)] * count, {})]
    return found


@pytest.mark.parametrize(
    "op, surface",
    [pair for pairs in SURFACES.values() for pair in pairs if pair[0] not in TAPES],
    ids=lambda value: getattr(value, "usage", None),
)
def test_a_spelling_gives_attributes_that_fit(op: Op, surface: Any):
    """The attributes computed from a call are hashable and fit, and the value has the shape they say."""
    if surface.name not in GIVEN:
        assert surface.rest is None
        assert surface.leading is None
    if op.elementwise:
        assert len(surface.values) == arity(op)
    for shapes, options in calls(op, surface):
        kinds = accepted_kinds(op, len(shapes))[0] if shapes else ()
        types = tuple(map(Type, kinds, shapes))
        attrs = dict(surface.attrs(types, {**surface.options, "rest": (), **options}))
        hash(tuple(attrs.items()))
        graph = Graph()
        leaves = [graph.leaf(t) for t in types]
        node = graph.emit(op, *leaves, **attrs)
        xs = Case(op, types, attrs).sample() if shapes else []
        try:
            (y,) = evaluate([node], dict(zip(leaves, xs, strict=True)))
        except ProgramError:
            pytest.fail("the sample has no value")
        assert np.shape(y) == node.shape
        graph.check()
