"""What is known of ints: checks that are left out could never have found anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiling import check, gradients, needs_compiler, outcome
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import paramprog
from paramprog.compile.builder import Builder
from paramprog.compile.ranges import ALL, Range
from paramprog.compile.source import CSource, c_source, lower, prepared
from paramprog.compile.tensor import Value
from paramprog.compile.translate import Program
from paramprog.evaluate import evaluate
from paramprog.graph import Graph, Node
from paramprog.op import OPS
from paramprog.samples import Samples
from paramprog.types import Probe, Type

WHOLE = st.integers(-(2**63), 2**63 - 1)
EDGES = st.sampled_from([-(2**63), -(2**62), -41, -40, -1, 0, 1, 39, 40, 41, 2**62, 2**63 - 40, 2**63 - 1])
INTS = st.one_of(st.integers(-100, 100), EDGES, WHOLE)
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "sub", "mul", "mod", "neg", "clip"]), INTS, INTS), max_size=5
)


@settings(max_examples=200, deadline=None)
@given(INTS, STEPS)
@example(2**63 - 1, [("mod", 40, 0), ("add", 1, 0), ("mod", 40, 0)])
@example(2**63 - 1, [("add", 1, 0), ("mod", 40, 0)])
def test_a_value_lies_in_its_range(x: int, steps: list[tuple[str, int, int]]):
    """After any operations, also where they wrap around; without a compiler, so by what NumPy computes."""
    graph = Graph()
    leaf = graph.leaf(Type("int", ()))
    y = leaf
    for name, a, b in steps:
        numbers = () if name == "neg" else (a,) if name != "clip" else (a, b)
        assume(name != "mod" or a != 0)
        y = OPS[name](y, *(graph.constant(n, "int") for n in numbers)) if numbers else OPS[name](y)
    program = Program([y], [leaf])
    with np.errstate(all="ignore"):
        (value,) = evaluate([y], {leaf: np.int64(x)})
    low, high = program.builder.ranges.of(program.outputs[0])
    assert low <= value <= high


def lookup(index: str, size: int = 12) -> str:
    """Entries at an index, and their derivatives."""
    return (
        f"param w : real[{size}] ~ normal(0, 1)\n"
        f"function f(x = [-7.5, 3.2, 11.9, 5.0], k = 5) {{\n    i = int(floor(x))\n    j = {index}\n"
        f"    return sum(sin(gather(w, j)) * x)\n}}\n"
    )


def source_of(text: str) -> CSource:
    outputs, leaves, _ = gradients(paramprog.loads(text))
    return c_source(lower(*prepared(outputs, leaves)))


@pytest.mark.parametrize(
    "index, checked",
    [
        ("mod(i, 12)", False),
        ("4 * mod(i, 3) + mod(i, 4)", False),
        ("mod(i + 5, 12)", False),
        ("clip(i, 0, 11)", False),
        ("clip(i, 0, 12)", True),
        ("mod(i, 13)", True),
        ("mod(i, -12)", True),
        ("mod(i, k)", True),
        ("4 * mod(i, 3) + mod(i, 5)", True),
        ("mod(i, 12) - 1", True),
        ("mod(i * 4611686018427387904, 3) * 4611686018427387904 * 4", True),
    ],
)
def test_only_what_may_be_out_of_range_is_checked(index: str, checked: bool):
    """In a lookup, and in the sum into its entries; where an int may wrap around nothing is known."""
    source = source_of(lookup(index))
    assert ("< 12u" in "".join(source.kernels)) == checked
    assert ("pp_scatter_add_f64(1, 4, 12, 1, 1," in source.run) == checked


@needs_compiler
@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize(
    "index", ["mod(i, 12)", "mod(i + 5, 12)", "clip(i, 0, 11)", "mod(i, 13)", "mod(i, k) + 8"]
)
def test_lookups(index: str, real: Any):
    """The same as node by node, faults included."""
    check(*gradients(paramprog.loads(lookup(index), dtype=real)))


@needs_compiler
@pytest.mark.parametrize("x", [np.nan, np.inf, 1e300, -9.3e18, 9.2e18])
def test_what_is_no_int_is_found(x: float):
    """Nothing is read out of place on the way to the message."""
    program = paramprog.loads(lookup("mod(i + 5, 12)"))
    values = {"x": [1.0, x, 2.0, 3.0]}
    expected = outcome(lambda: float(program.grad(**values).value))
    found = outcome(lambda: float(program.compile().value_and_gradient(**values)[0]))
    assert found == expected if isinstance(expected, str) else np.isclose(found, expected, rtol=1e-12)


@needs_compiler
@settings(max_examples=40, deadline=None)
@given(st.lists(INTS, min_size=4, max_size=4), st.integers(-100, 100), st.integers(1, 50))
@example([2**63 - 1, 2**63 - 2, -(2**63), 0], 1, 40)
def test_the_remainder_of_what_is_shifted(x: list[int], c: int, m: int):
    """mod(x + c, m) beside mod(x, m), of ints that wrap around and of those that cannot."""
    graph = Graph()
    leaf = graph.leaf(Type("int", (4,)))
    number = [graph.constant(n, "int", (4,)) for n in (c, m, 2**40)]

    def both(y: Node) -> list[Node]:
        return [OPS["mod"](y, number[1]), OPS["mod"](y + number[0], number[1])]

    small = OPS["mod"](leaf, number[2])
    check([*both(leaf), *both(small)], [leaf], [{leaf: np.array(x, np.int64)}])


REALS = st.one_of(
    st.floats(-100, 100),
    st.floats(-(2.0**63), 2.0**63, exclude_max=True),
    st.integers(-(2**52), 2**52).map(float),
)


@needs_compiler
@pytest.mark.parametrize("real", ["float64", "float32"])
@settings(max_examples=40, deadline=None)
@given(
    st.lists(REALS, min_size=4, max_size=4),
    st.one_of(st.integers(1, 50), st.integers(2**20 - 2, 2**20 + 1), st.integers(1, 2**62)),
)
@example([2.0**39 - 2.0**63, 2.0**63 - 2.0**39, -1.0, 0.0], 3)
@example([2.0**39 - 2.0**63, 2.0**63 - 2.0**39, 2.0**53, -(2.0**53) - 2], 2**20 - 1)
@example([2.0**10 - 2.0**63, 2.0**63 - 2.0**10, 2.0**62 + 2.0**10, -(2.0**62)], 2**20 - 1)
@example([-40.0, 40.0, -0.5, 39.99], 40)
def test_the_remainder_of_an_int_of_a_real(real: Any, x: list[float], m: int):
    """By doubles, as far as these reach: the same number as by integers."""
    graph = Graph(real=real)
    leaf = graph.leaf(Type("real", (9,)))
    whole = OPS["int"](leaf)
    entries = np.resize(np.array(x, real), 9)
    assume(np.all(np.abs(entries) < 2.0**63))  # in float32 as well
    check([OPS["mod"](whole, graph.constant(m, "int", (9,)))], [leaf], [{leaf: entries}])


def test_remainders_are_shared_where_nothing_wraps_around():
    """One division for x and x + 1 where x has been a real, two where it may be the largest int."""
    text = "function f(x : real[3]) {\n i = int(floor(x))\n return sum(mod(i, 5) * mod(i + 1, 5))\n}"
    made = Program(*_program(text))
    values = made.builder.ranges.remainders
    assert len(values) == 2 and sum(">=" in v.text for v in values.values() if hasattr(v, "text")) == 1


def _program(text: str) -> tuple[list[Node], list[Node]]:
    built = paramprog.loads(text).compiled().built
    return list(built.outputs.values()), list(built.inputs.values())


def test_what_is_compiled_for_any_number_of_samples_checks_its_indices():
    """Sizes are not what they will be."""
    built = paramprog.loads(lookup("mod(i, 12)")).compiled().built
    (y,) = built.outputs.values()
    for rows, sized in ((4099, False), (Probe(4099), True)):
        samples = Samples(list(built.inputs.values()))
        outputs = [n for n in samples.mean_nodes(y, [], rows) if n is not None]
        leaves = [samples.leaves(rows).get(x, x) for x in (*built.inputs.values(), *built.params.values())]
        assert Program(*prepared(outputs, leaves)).builder.ranges.sized == sized


def test_sizes_that_stand_for_others_prove_nothing():
    """An index that is within a thousand samples may be out of range for ten."""
    b = Builder("float64")
    index: Value = b.number(999, "int")
    assert b.ranges.within(index, 1000) and not b.ranges.within(index, 999)
    b.ranges.sized = True
    assert not b.ranges.within(index, 1000)
    assert Range(*ALL) == b.ranges.of(b.map("int", "{0}", index))
