"""Programs compiled once for any number of samples: the values of NumPy, faults, arguments, and what is not."""

from __future__ import annotations

import numpy as np
import pytest
from compiling import close, needs_compiler

import paramprog
from paramprog.compile import backend, c_plan, sized_plan, sized_source
from paramprog.compile.merge import NotMerged
from paramprog.diagnostics import ProgramError
from paramprog.graph import Graph
from paramprog.op import OPS
from paramprog.resources import programs_dir
from paramprog.samples import Samples
from paramprog.types import Type

pytestmark = needs_compiler

SIZES = (5, 1, 2, 3, 7, 64, 1000)

NETWORK = """
param W1 : real[8, 6] ~ normal(0, 0.4), b1 : real[8] ~ normal(0, 0.4)
param W2 : real[3, 8] ~ normal(0, 0.4), b2 : real[3] ~ normal(0, 0.1)
function loss(x : real[6] = [i / 6 for i in 0..6], label : int = 1) {
    z = W2 @ relu(W1 @ x + b1) + b2
    return logsumexp(z) - z[label] + 0.01 * sum(W1 * W1)
}
"""

PAIRS = """
param a : real[4] = [0.5, -0.2, 0.3, 0.9], s : real = 0.7
function f(x : real[4] = [0.1, 0.2, 0.3, 0.4]) {
    d = [exp(-s * (x[i] - a[j]) ** 2) for i in 0..4, j in 0..4]
    return sum(d) + sum([if x[i] > 0 then x[i] * a[i] else a[i] for i in 0..4])
}
"""

LOOP = """
param W : real[3, 3] ~ normal(0, 0.4), c : real[3] = [0.1, 0.2, -0.1]
function f(xs : real[6, 3] = [i + j for i in 0..6, j in 0..3]) {
    h = c
    e = 0.0
    for t in 0..6 {
        h = tanh(W @ h + xs[t] + c)
        e = e + sum(h * h)
    }
    return e
}
"""

TURNS = """
param w : real = 0.6
function f(x : real = 2.0) {
    y = x
    while abs(y) > 0.1 {
        y = y * w
    }
    return y * x
}
"""


@pytest.fixture
def built(monkeypatch):
    """The sources that libraries are built from, in order."""
    found = []

    def counted(real):
        def build(source):
            found.append(source)
            return real(source)

        return build

    for module in (c_plan, sized_plan):
        monkeypatch.setattr(module, "build", counted(module.build))
    return found


def samples(leaf, size, rng):
    """Values of an input for so many samples."""
    if leaf.kind == "int":
        return rng.integers(3, size=(size, *leaf.shape))
    return rng.normal(size=(size, *leaf.shape))


def load(text):
    return paramprog.loads(text) if "\n" in text else paramprog.load(programs_dir() / f"{text}.pp")


@pytest.mark.parametrize(
    "text",
    [NETWORK, "running_example", PAIRS, LOOP, TURNS],
    ids=["network", "example", "pairs", "loop", "turns"],
)
def test_one_compilation_for_every_number_of_samples(text, built):
    """One library, whatever comes; value and gradient are those of NumPy for each number."""
    program = load(text)
    inputs = program.point().compiled.built.inputs
    rng = np.random.default_rng(1)
    given = {name: samples(leaf, SIZES[0], rng) for name, leaf in inputs.items()}
    fast = program.compile(batch=list(inputs), backend="c", **given)
    for size in SIZES:
        given = {name: samples(leaf, size, rng) for name, leaf in inputs.items()}
        expected = program.grad(batch=list(inputs), **given)
        value, gradients = fast.value_and_gradient(**given)
        np.testing.assert_allclose(value, expected.value, rtol=1e-12)
        for name, g in gradients.items():
            close(g, expected.gradients[name])
        again = fast.call(*({**given, **program.point().params}[name] for name in fast.names))
        assert again[0] == value
    assert len(built) == 1


def test_single_precision(built):
    """The same in float32."""
    program = paramprog.loads(NETWORK, dtype="float32")
    rng = np.random.default_rng(2)
    fast = program.compile(batch=["x"], x=rng.normal(size=(4, 6)), backend="c")
    for size in (1, 3, 200):
        x = rng.normal(size=(size, 6)).astype(np.float32)
        expected = program.grad(batch=["x"], x=x)
        for name, g in fast.value_and_gradient(x=x)[1].items():
            close(g, expected.gradients[name])
    assert len(built) == 1


def test_values_and_gradients_of_each_sample(built):
    """Results with an axis of samples; chunks of 1024 and a smaller one are computed by one library."""
    program = paramprog.loads(NETWORK)
    rng = np.random.default_rng(3)
    for size in (3, 1030):
        x, label = rng.normal(size=(size, 6)), rng.integers(3, size=size)
        many = [program.many(batch=["x", "label"], x=x, label=label, backend=b) for b in ("c", "numpy")]
        target = many[0].point.compiled.built.outputs
        close(*(next(iter(m.run(target).outputs.values())) for m in many))
        found = [
            program.grad(batch=["x", "label"], x=x, label=label, per_sample=True, wrt=["W2", "x"], backend=b)
            for b in ("c", "numpy")
        ]
        close(found[0].value, found[1].value)
        for name in ("W2", "x"):
            close(found[0].gradients[name], found[1].gradients[name])
    assert len(built) == 2


def test_the_last_batch_of_an_epoch(built):
    """A smaller one is computed by what the others are computed by; the losses are those of NumPy."""
    program = paramprog.loads(NETWORK)
    rng = np.random.default_rng(4)
    data = {"x": rng.normal(size=(23, 6)), "label": rng.integers(3, size=23)}
    fits = [
        paramprog.train(program, data, epochs=3, batch=10, val=0, backend=b, seed=5) for b in ("c", "numpy")
    ]
    np.testing.assert_allclose(*([r["loss"] for r in f.history] for f in fits), rtol=1e-12)
    assert len(built) == 1


def test_noise_is_drawn_for_each_row(built):
    """A param that is noise has its own values in each row, also in the smaller batch."""
    program = paramprog.loads(
        "param w : real = 0.3\nnoise m : real ~ normal(1, 0.5)\n"
        "function f(x : real) { return (w * x * m - 1) ** 2 }"
    )
    data = {"x": np.arange(7.0)}
    fits = [
        paramprog.train(program, data, epochs=4, batch=4, val=0, lr=0.01, backend=b) for b in ("c", "numpy")
    ]
    np.testing.assert_allclose(*([r["loss"] for r in f.history] for f in fits), rtol=1e-12)
    assert len(built) == 1


# ---- arguments and faults ----------------------------------------------------------------------------------------

DOT = """
param w : real[2] = [1.0, 2.0]
function f(x : real[2] = [1.0, 1.0], k : int = 0, s : real = 1.0) { return s * (w @ x) + x[k] }
"""


@pytest.fixture
def dot():
    return paramprog.loads(DOT).compile(batch=["x", "s"], x=np.ones((3, 2)), s=np.ones(3), backend="c")


def test_arguments_that_do_not_agree(dot):
    """Both names and both numbers are told, by `call` too; no samples at all are refused."""
    with pytest.raises(ProgramError, match="`x` has 3 samples, and `s` has 4"):
        dot(x=np.ones((3, 2)), s=np.ones(4))
    with pytest.raises(ProgramError, match="`x` has no samples"):
        dot(x=np.ones((0, 2)), s=np.ones(0))
    with pytest.raises(ProgramError, match="batch-axis"):
        dot(s=0.5)
    w = np.ones(2)
    with pytest.raises(TypeError, match="`x` has 3 samples, and `s` has 4"):
        dot.call(np.ones((3, 2)), 0, np.ones(4), w)
    with pytest.raises(TypeError, match="`x` has no samples"):
        dot.call(np.ones((0, 2)), 0, np.ones(0), w)
    for wrong in (2.0, [1.0, 1.0], np.array(1.0)):
        with pytest.raises(TypeError, match="`s` is an array of samples"):
            dot.call(np.ones((2, 2)), 0, wrong, w)
    with pytest.raises(TypeError, match="argument 0"):
        dot.call(np.ones((2, 3)), 0, np.ones(2), w)
    with pytest.raises(TypeError, match="argument 2"):
        dot.call(np.ones((2, 2)), 0, np.ones(2, np.float32), w)
    assert dot.call(np.ones((2, 2)), 0, np.ones(2), w)[0] == 3.0


def test_names_are_those_of_the_program():
    """Two programs with one C text keep their names apart."""
    other = paramprog.loads(DOT.replace("s :", "factor :").replace("s *", "factor *"))
    fast = other.compile(batch=["x", "factor"], x=np.ones((3, 2)), factor=np.ones(3), backend="c")
    with pytest.raises(TypeError, match="`x` has 3 samples, and `factor` has 4"):
        fast.call(np.ones((3, 2)), 0, np.ones(4), np.ones(2))


def test_arrays_of_another_kind_are_converted(dot):
    """Whole numbers, other orders of axes and lists do as well where values are given by name."""
    expected = dot(x=np.ones((4, 2)), s=np.arange(4.0))
    assert dot(x=np.ones((2, 4), order="F").T, s=[0, 1, 2, 3]) == expected
    plan = dot._whole()[0].plan
    assert plan(np.ones((4, 2), int), 0, [0, 1, 2, 3], np.array([1.0, 2.0]))[0] == expected
    with pytest.raises(ValueError, match=r"s has shape \[3\], not \[4\]"):
        plan(np.ones((4, 2)), 0, np.ones(3), np.ones(2))


def test_faults_are_those_of_the_evaluation(dot):
    """The message has the place, for a number of samples that was never there before."""
    with pytest.raises(ProgramError, match="index-range"):
        dot(k=5, x=np.ones((11, 2)), s=np.ones(11))


def test_through_ctypes(monkeypatch):
    """Where the layouts of Python are other ones, the values are the same."""
    monkeypatch.setattr(sized_plan, "layouts_hold", lambda: False)
    program = paramprog.loads(DOT)
    slow = program.compile(batch=["x", "s"], x=np.ones((3, 2)), s=np.ones(3), backend="c")
    for size in (1, 6):
        given = {"x": np.random.default_rng(size).normal(size=(size, 2)), "s": np.arange(size) + 1.0}
        expected = program.grad(batch=["x", "s"], **given)
        value, gradients = slow.value_and_gradient(**given)
        np.testing.assert_allclose(value, expected.value, rtol=1e-12)
        np.testing.assert_allclose(gradients["w"], expected.gradients["w"], rtol=1e-12)


def shares(entries):
    """The sum over samples of x times a constant array, as a function of the number of samples."""

    def make(size):
        graph = Graph()
        x = graph.leaf(Type("real", (size, 3)), "x")
        c = graph.array(np.array(entries(size)))
        wide = c if c.shape[0] == size else OPS["spread"](c, axes=(0,), sizes=(size,))
        return [OPS["sum"](x * wide, axes=(0,), sizes=(size,))], [x]

    return make


def test_constant_arrays_may_be_shares_of_a_mean():
    """Their entries are then made in each call; others with an entry for each sample are refused."""
    plan = sized_plan.SizedPlan(shares(lambda n: [1 / n, 0.0, 2.5 / n]))
    for n in (1, 4, 300):
        x = np.random.default_rng(n).normal(size=(n, 3))
        close(plan(x)[0], x.sum(0) * [1 / n, 0, 2.5 / n])
    with pytest.raises(NotMerged):
        sized_source.sized_source(shares(lambda n: np.sin(np.arange(3.0 * n)).reshape(n, 3)))


# ---- what is not for any number ----------------------------------------------------------------------------------


def test_where_sources_do_not_merge_each_number_is_compiled(built, monkeypatch):
    """Silently, and right."""

    def never(make):
        raise NotMerged("the operations depend on the number of samples")

    monkeypatch.setattr(sized_plan, "sized_source", never)
    program = paramprog.loads(DOT)
    fast = program.compile(batch=["x"], x=np.ones((3, 2)), backend="c")
    for size in (3, 4, 3):
        x = np.random.default_rng(size).normal(size=(size, 2))
        np.testing.assert_allclose(fast(x=x), program.grad(batch=["x"], x=x).value, rtol=1e-12)
        fast.value_and_gradient(x=x)
    assert fast.backend == "c" and len(built) == 4  # value, value and gradient, for two numbers


def test_a_size_of_the_program_may_be_a_probe(built):
    """An axis as long as the first number of samples that is tried: then others are."""
    size = sized_source.PROBES[0][0]
    program = paramprog.loads(
        f"param w : real[{size}] ~ zeros()\nfunction f(x : real = 1.0) {{ return sum(w * x + x) / {size} }}"
    )
    fast = program.compile(batch=["x"], x=np.ones(3), backend="c")
    for n in (3, 5):
        x = np.arange(n) + 1.0
        value, gradients = fast.value_and_gradient(x=x)
        assert value == pytest.approx(x.mean(), rel=1e-12)
        np.testing.assert_allclose(gradients["w"], np.full(size, x.mean() / size), rtol=1e-12)
    assert len(built) == 1


def test_loops_with_a_budget_depend_on_the_number_of_samples(built):
    """How many states fit into memory does: nothing is said to be for any number of samples."""
    program = paramprog.loads(LOOP)
    for size in (2, 3):
        xs = np.random.default_rng(size).normal(size=(size, 6, 3))
        found = program.grad(batch=["xs"], xs=xs, memory="1MB", backend="c")
        close(found.gradients["W"], program.grad(batch=["xs"], xs=xs).gradients["W"])
    assert len(built) == 2


def test_numpy_stays_numpy():
    """Without the C back end nothing is tried out."""
    chosen = backend.choose([], [], backend="numpy", over=lambda size: pytest.fail("not asked for"))
    assert chosen.backend == "numpy" and not chosen.for_any


def over_samples(name):
    """For a shipped program over samples of its real inputs: what makes mean and gradient for a number of them."""
    point = paramprog.load(programs_dir() / f"{name}.pp").point()
    built = point.compiled.built
    rows = Samples([leaf for leaf in built.inputs.values() if leaf.kind == "real"])
    y = next(iter(built.outputs.values()))

    def make(size):
        found = rows.mean_nodes(y, list(built.params.values()), size)
        wide = rows.leaves(size)
        leaves = [wide.get(leaf, leaf) for leaf in (*built.inputs.values(), *built.params.values())]
        return [n for n in found if n is not None], leaves

    return make


@pytest.mark.parametrize("name", ["lstm", "bundle_adjustment", "hyperparameters", "saddle", "alignment"])
def test_sources_are_the_same_every_time(name):
    """Making a program twice gives one text, so that comparing texts compares sizes alone; and so it merges."""
    make = over_samples(name)
    sources = [c_plan.c_source(c_plan.lower(*c_plan.prepared(*make(5)))).text() for _ in range(3)]
    assert len(set(sources)) == 1
    assert "samples" in sized_source.sized_source(make).run
