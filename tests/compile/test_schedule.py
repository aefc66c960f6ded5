"""What is stored and which loops are shared: seen in the C text, which is what the machine gets."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import paramprog
from paramprog.compile.kernel import Buf, Zero
from paramprog.compile.memory import LINE, arena
from paramprog.compile.source import CSource, c_source, lower, prepared
from paramprog.gradient import adjoint
from paramprog.graph import Graph
from paramprog.op import OPS
from paramprog.samples import Samples
from paramprog.types import Type, item_size


def source_of_gradient(text: str, rows: int) -> CSource:
    """The mean over so many samples and its gradients, not compiled."""
    compiled = paramprog.loads(text).compiled()
    built = compiled.built
    samples = Samples(list(built.inputs.values()))
    (y,) = built.outputs.values()
    outputs = [n for n in samples.mean_nodes(y, list(built.params.values()), rows) if n is not None]
    leaves = [samples.leaves(rows).get(x, x) for x in (*built.inputs.values(), *built.params.values())]
    return c_source(lower(*prepared(outputs, leaves)))


def loops(source: CSource) -> int:
    return sum(k.count("for (int64_t i0") for k in source.kernels if "_far(" not in k.splitlines()[0])


def test_an_elementwise_gradient_is_one_loop():
    """Over a thousand samples, with four sums in registers and no array in the arena."""
    text = """
    param a : real = 1.0, b : real = 2.0
    function f(x : real, y : real) { h = exp(a * x) * y  return h / (1 + b * h) }
    """.replace("  return", "\n return")
    source = source_of_gradient(text, 1000)
    assert loops(source) == 1 and source.arena < LINE


def test_places_are_made_before_what_is_looked_up():
    """In a loop of their own where they are stored, here for the adjoint: all in one, and all lookups in one."""
    text = """
    param w : real[40] ~ normal(0, 1)
    function f(x : real[40]) {
        i = int(floor(x))
        a = gather(w, mod(i, 40))
        b = gather(w, mod(i + 1, 40))
        return sum(a * b * x)
    }
    """
    compiled = paramprog.loads(text).compiled().built
    (y,) = compiled.outputs.values()
    leaves = [*compiled.inputs.values(), *compiled.params.values()]
    (d,) = (d for d in adjoint(y, list(compiled.params.values())) if d is not None)
    kernels = "".join(c_source(lower(*prepared([y, d], leaves))).kernels)
    first, second, *_ = kernels.split("for (int64_t i0 = 0; i0 < 40; i0++)")[1:]
    places = r"= a\d+\[v\d+\];"
    assert len(re.findall(r"pp_remainder_i64|>= 39 \?", first)) == 2 and not re.search(places, first)
    assert len(re.findall(places, second)) == 2


def test_a_mixture_is_one_nest():
    """A comprehension over components, in a mean over samples, never makes an array of samples x components x axes."""
    text = """
    param m : real[5, 4] ~ normal(0, 1)
    function f(x : real[4]) { return logsumexp([sum(square(x - m[j])) for j in 0..5]) }
    """
    source = source_of_gradient(text, 300)
    assert source.arena < 8 * 300 * 5 * 4
    assert "pp_scatter_add" not in source.run


def test_long_straight_code_is_cut():
    """No function is longer than compilers like, and time and text grow linearly."""
    graph = Graph()
    x = graph.leaf(Type("real", ()))
    sizes = []
    y = x
    for k in range(3000):
        y = OPS["sin"](y) * 0.5 + x
        if k in (1499, 2999):
            sizes.append(c_source(lower(*prepared([y, *adjoint(y, [x])], [x]))))
    longest = max(k.count("\n") for s in sizes for k in s.kernels)
    assert longest < 1000
    assert len(sizes[1].text()) < 2.2 * len(sizes[0].text())


def test_a_long_chain_of_arrays_is_cut():
    """However long the chain, no loop computes more than some operations one inside the other."""
    graph = Graph()
    x = graph.leaf(Type("real", (100,)))
    y = x
    for _ in range(1000):
        y = OPS["sin"](y) + x
    source = c_source(lower(*prepared([y], [x])))
    assert max(len(re.findall("pp_sin_near", k)) for k in source.kernels) < 300


TWO_LAYERS = """
param W : real[40, 30] ~ normal(0, 0.2), V : real[20, 40] ~ normal(0, 0.2)
function f(x : real[30]) {{
    h = {first}(W @ x)
    return sum(square(V @ h))
}}
"""

KIN = [("tanh", "pp_tanh", "pp_sech2"), ("sigmoid", "pp_sigmoid", "pp_sigmoid"), ("sin", "pp_sin", "pp_cos")]
KIN += [
    ("cos", "pp_cos", "pp_sin"),
    ("sinh", "pp_sinh", "pp_cosh"),
    ("softplus", "pp_softplus", "pp_sigmoid"),
]


@pytest.mark.parametrize("first, ours, slope", KIN)
def test_what_shares_work_is_made_in_one_loop(first, ours, slope):
    """The slope of a layer's function, read after products that come between, is computed where the function is."""
    source = source_of_gradient(TWO_LAYERS.format(first=first), 50)
    calling = [k for k in source.kernels if slope in k]
    assert calling and all(ours in k and k.count(slope) + k.count(ours) >= 2 for k in calling)
    assert len({k.splitlines()[0].split("(")[0].replace("_far", "") for k in calling}) == 1


@pytest.mark.parametrize("first", [f for f, *_ in KIN])
def test_what_shares_work_has_the_gradient_of_its_nodes(first):
    """Computed beside the function or not: the gradient is that of the evaluation node by node."""
    program = paramprog.loads(TWO_LAYERS.format(first=first))
    x = np.random.default_rng(1).normal(size=(7, 30))
    compiled = program.compile(batch=["x"], x=x).value_and_gradient()[1]
    expected = program.grad(batch=["x"], x=x).gradients
    for name, g in expected.items():
        np.testing.assert_allclose(compiled[name], g, rtol=0, atol=1e-12 * np.abs(g).max())


def test_what_shares_work_waits_for_its_argument():
    """Where -u is an array of its own, made later, sigmoid(-u) follows it."""
    text = """
    param W : real[30, 30] ~ normal(0, 0.2)
    function f(x : real[30]) {
        u = W @ x
        h = W @ sigmoid(u)
        v = -u
        return sum(W @ v * sigmoid(v) * h)
    }
    """
    program = paramprog.loads(text)
    x = np.random.default_rng(1).normal(size=30)
    value, gradients = program.compile(x=x).value_and_gradient()
    expected = program.grad(x=x)
    np.testing.assert_allclose(value, expected.value, rtol=1e-12)
    np.testing.assert_allclose(gradients["W"], expected.gradients["W"], rtol=1e-9, atol=1e-12)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 500),
            st.sampled_from(["real", "int", "bool"]),
            st.integers(0, 9),
            st.integers(0, 9),
        )
    )
)
def test_arrays_that_live_together_lie_apart(drawn):
    """Two arrays of the arena overlap only if no step needs both; all begin at a line of the cache."""
    bufs = [Buf(f"v{k}", kind, (n,)) for k, (n, kind, _, _) in enumerate(drawn)]
    spans = [tuple(sorted((a, b))) for _, _, a, b in drawn]
    steps = [
        Zero(b) for t in range(10) for b, (low, high) in zip(bufs, spans, strict=True) if t in (low, high)
    ]
    places, size = arena(bufs, steps, "float64")
    used = [s.buf for s in steps]
    for k, a in enumerate(bufs):
        end = places[a] + a.size * item_size(a.kind, "float64")
        assert end <= size and (a.size == 1 or places[a] % LINE == 0)
        first, last = used.index(a), len(used) - 1 - used[::-1].index(a)
        for b in bufs[:k]:
            low, high = used.index(b), len(used) - 1 - used[::-1].index(b)
            apart = end <= places[b] or places[b] + b.size * item_size(b.kind, "float64") <= places[a]
            assert apart or last < low or high < first


def test_numbers_are_exact():
    """A literal in C is the number, to the bit; floats are rounded once."""
    from paramprog.compile.builder import literal

    for x in (0.1, -0.0, 1e300, 5e-324, 3.0, 123456.789):
        text = literal(x, "real", "float64").strip("()").removeprefix("T)").strip("()")
        found = float.fromhex(text) if "0x" in text else float(text)
        assert np.float64(found).tobytes() == np.float64(x).tobytes()
    assert float.fromhex(literal(0.1, "real", "float32").removeprefix("(T)")) == float(np.float32(0.1))
