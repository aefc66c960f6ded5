"""`batch` of `Program.run` and `Program.grad`: many samples at once are the samples one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies.programs import programs

import paramprog
from paramprog import many
from paramprog.diagnostics import ProgramError
from paramprog.resources import programs_dir

SIZE = 4


def rows_of(program, seed=0, size=SIZE):
    """Values [size, *shape] around those at the default point, for all inputs."""
    point, rng = program.point(), np.random.default_rng(seed)
    found = {}
    for name, leaf in point.compiled.built.inputs.items():
        each = np.stack([point.inputs[name]] * size)
        found[name] = each + rng.normal(size=each.shape) if leaf.kind == "real" else each
    return found


def one_by_one(program, rows, **options):
    """The gradients of the samples."""
    size = len(next(iter(rows.values())))
    return [program.grad({k: v[i] for k, v in rows.items()}, **options) for i in range(size)]


def close(found, expected):
    scale = max(1.0, float(np.max(np.abs(expected), where=np.isfinite(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * scale)


def check(program, rows, wrt=None):
    """Mean and per-sample gradients against the loop; what is of one sample only has an axis of samples."""
    one = one_by_one(program, rows, wrt=wrt)
    mean = program.grad(rows, batch=rows, wrt=wrt)
    each = program.grad(rows, batch=rows, wrt=wrt, per_sample=True)
    close(each.value, [g.value for g in one])
    close(mean.value, np.mean([g.value for g in one]))
    close(
        program.run(rows, batch=rows, output=next(iter(mean.point.compiled.built.outputs))).outputs.popitem()[
            1
        ],
        [g.value for g in one],
    )
    size = len(each.value)
    for name in one[0].gradients:
        expected = np.stack([g[name] for g in one])
        close(each[name], expected)
        close(mean[name], expected / size if mean[name].shape == expected.shape else expected.mean(0))


SLOW = pytest.mark.slow  # thousands of nodes, over many samples
SHIPPED = [
    pytest.param(path, id=path.stem, marks=[SLOW] if path.stem == "determinant" else [])
    for path in sorted(programs_dir().glob("*.pp"))
]


@pytest.mark.parametrize("path", SHIPPED)
def test_shipped_programs(path):
    """The mean gradient is the mean of the gradients of the samples, and each of these is found by its number."""
    program = paramprog.load(path)
    rows = rows_of(program)
    check(program, rows)
    real = [k for k, v in rows.items() if v.dtype.kind == "f"]
    check(program, rows, wrt=real)


@settings(max_examples=25)
@given(programs(3), st.integers(0, 3))
def test_random_programs(text, seed):
    """So it is for random programs, as far as they have values."""
    with np.errstate(all="ignore"):
        try:
            program = paramprog.loads(text)
            rows = rows_of(program, seed)
            if not rows:
                return
            one_by_one(program, rows)
        except ProgramError:
            return
        check(program, rows)


# ---- which inputs are batched --------------------------------------------------------------------------------------

LINE = """
    dim n
    param w : real[n] ~ ones(), b = 0.5
    function f(x : real[n], t = 1.0) {
        z = dot(w, x) + b
        return (z - t) ** 2
    }
"""
X = np.arange(6.0).reshape(3, 2)


def test_sizes_are_those_of_one_sample():
    """An open dim is bound by the values without their first axis; the same program takes other sizes next."""
    program = paramprog.loads(LINE)
    assert program.grad(x=X, batch=["x"])["w"].shape == (2,)
    assert program.grad(x=X.T, batch=["x"])["w"].shape == (3,)
    assert program(x=X, batch=True).shape == (3,)


def test_true_finds_the_inputs_by_their_axes():
    """Those with one axis more than declared are batched, the others are the same for all samples."""
    program = paramprog.loads(LINE)
    found = program.grad(x=X, t=[1.0, 2.0, 3.0], batch=True)
    assert found.point.batch == ("x", "t")
    assert found.value == program.grad(x=X, t=[1.0, 2.0, 3.0], batch=("x", "t")).value
    same = program.grad(x=X, t=2.0, batch=True)
    assert same.point.batch == ("x",)
    assert same.value == program.grad(x=X, t=[2.0] * 3, batch="x,t").value
    only_t = program.grad(x=X[0], t=[1.0, 2.0, 3.0], batch=True)
    assert only_t.point.batch == ("t",)


def test_defaults_that_are_arrays():
    """An input without a type has the axes of its default, whatever sizes are open."""
    program = paramprog.loads("dim n\nfunction f(y : real[n], x = [1.0, 2.0]) { return dot(x, x) + sum(y) }")
    assert program(x=np.ones((3, 2)), y=np.ones((3, 5)), batch=True).tolist() == [7.0] * 3
    assert program(x=np.ones(2), y=np.ones((3, 5)), batch=True).tolist() == [7.0] * 3


# ---- what is differentiated ----------------------------------------------------------------------------------------


def test_points_that_differ_from_sample_to_sample():
    """d(mean)/dX has an axis of samples where X has: batched inputs and what is computed from them."""
    program = paramprog.loads(LINE)
    mean = program.grad(x=X, batch=True, wrt="w,x,z,t")
    assert {k: g.shape for k, g in mean.gradients.items()} == {"w": (2,), "x": (3, 2), "z": (3,), "t": ()}
    each = program.grad(x=X, batch=True, wrt="w,x,z,t", per_sample=True)
    assert {k: g.shape for k, g in each.gradients.items()} == {"w": (3, 2), "x": (3, 2), "z": (3,), "t": (3,)}
    np.testing.assert_allclose(3 * mean["x"], each["x"])
    np.testing.assert_allclose(mean["t"], each["t"].mean())


def test_structural_zeros():
    """They are listed, and are zeros of the shape of the gradient."""
    program = paramprog.loads("param w = 1.0, v : real[2] ~ ones()\nfunction f(x, y = 1.0) { return w * x }")
    found = program.grad(x=X[:, 0], y=X[:, 1], batch=True, wrt="w,v,y")
    assert found.structural_zero == ["v", "y"]
    assert (found["v"].tolist(), found["y"].tolist()) == ([0, 0], [0, 0, 0])
    found = program.grad(x=X[:, 0], batch=True, wrt="v", per_sample=True)
    assert found["v"].tolist() == [[0, 0]] * 3


def test_results_are_copies():
    """The next call leaves them as they are."""
    program = paramprog.loads(LINE)
    mean, each = program.grad(x=X, batch=True), program.grad(x=X, batch=True, per_sample=True)
    value = program(x=X, batch=True)
    kept = mean["w"].copy(), each["w"].copy(), value.copy()
    program.grad(x=-3 * X, batch=True), program.grad(x=-3 * X, batch=True, per_sample=True)
    program(x=-3 * X, batch=True)
    for now, before in zip((mean["w"], each["w"], value), kept, strict=True):
        np.testing.assert_array_equal(now, before)


def test_chunks(monkeypatch):
    """Cut into chunks of two, five samples give what they give at once."""
    program, rows = paramprog.loads(LINE), {"x": np.arange(10.0).reshape(5, 2), "t": np.arange(5.0)}
    whole = program.grad(rows, batch=True, wrt="w,b,x"), program.grad(rows, batch=True, per_sample=True)
    monkeypatch.setattr(many, "CHUNK", 2)
    parts = program.grad(rows, batch=True, wrt="w,b,x"), program.grad(rows, batch=True, per_sample=True)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a.value, b.value, rtol=1e-15)
        for name in a.gradients:
            np.testing.assert_allclose(a[name], b[name], rtol=1e-14)


def test_what_is_kept_is_bounded():
    """Calls with ever new numbers of samples do not pile up plans and graphs, and their results are right."""
    program = paramprog.loads(LINE)
    nodes = []
    for size in range(1, 60):
        x = np.ones((size, 2)) * np.arange(size)[:, None]
        found = program.grad(x=x, batch=True, t=-0.5)
        assert found.value == pytest.approx(np.mean((2 * np.arange(size) + 1) ** 2))
        nodes.append(len(found.point.compiled.built.graph.nodes))
    assert max(nodes) <= many.SIZES * nodes[0]


def test_float32():
    """Values and gradients have the dtype of the program."""
    program = paramprog.loads(LINE, dtype="float32")
    for found in (program.grad(x=X, batch=True), program.grad(x=X, batch=True, per_sample=True)):
        assert {found.value.dtype, found["w"].dtype} == {np.dtype("float32")}


def test_outputs():
    """Each has an axis of samples; `output` chooses one, and inputs that it does not need may be missing."""
    program = paramprog.loads("function f(x : real[2], k : int) { s = x[k]\n d = [2 * x, x]\n return s, d }")
    found = program.run(x=X, k=[0, 1, 0], batch=True).outputs
    assert (found["s"].tolist(), found["d"].shape) == ([0.0, 3.0, 4.0], (3, 2, 2))
    assert list(program.run(x=X, batch=True, output="d").outputs) == ["d"]
    assert list(program.run(x=X[0], output="d").outputs) == ["d"]
    with pytest.raises(ProgramError, match="missing-input"):
        program.run(x=X, batch=True)


# ---- faults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, batch, code, message",
    [
        ({"x": X, "t": [1.0, 2.0]}, True, "batch-size", "`x` has 3 samples, and `t` has 2"),
        ({"x": X[:0]}, True, "batch-size", "`x` has no samples"),
        ({"x": X[0], "t": 1.0}, True, "batch-axis", "no value that is given has one axis more"),
        ({"x": X[0]}, ["x"], "batch-axis", "an array with 2 axes, the samples first, is needed; the given value has"),
        ({"x": X, "t": 1.0}, ["x", "t"], "batch-axis", "an array with 1 axis, the samples first, is needed"),
        ({"x": [[1.0], [1.0, 2.0]]}, ["x"], "batch-axis", "is not rectangular"),
        ({"x": X}, [], "batch-axis", "names no input"),
        ({"x": X}, ["x", "t"], "batch-axis", "no values are given for it"),
        ({"x": X}, ["xx"], "unknown-input", "`xx`, in `batch`, is not an input"),
        ({"x": X}, ["w"], "unknown-input", "inputs are x, t"),
        ({"x": X, "w": np.ones(3)}, ["x"], "dim-conflict", "n = "),
        ({"x": X, "t": [[1.0]] * 3}, ["x"], "input-shape", "`t` is real"),
    ],
)  # fmt: skip
def test_values_that_are_no_samples(values, batch, code, message):
    """Refused, with the input named."""
    with pytest.raises(ProgramError) as caught:
        paramprog.loads(LINE).grad(values, batch=batch)
    [found] = caught.value.diagnostics
    assert found.code == code
    assert message in found.message + (found.hint or "")


@pytest.mark.parametrize("options", [{"mode": "forward"}, {"mode": "paths"}, {"by_use": True}])
def test_other_modes_are_for_one_sample(options):
    """Refused; so is `per_sample` without `batch`."""
    program = paramprog.loads(LINE)
    with pytest.raises(ProgramError, match="batch-mode"):
        program.grad(x=X, batch=True, **options)
    with pytest.raises(ProgramError, match="batch-mode"):
        program.grad(x=X[0], per_sample=True)


def test_the_sample_without_a_value_is_named(monkeypatch):
    """Also in the second chunk."""
    monkeypatch.setattr(many, "CHUNK", 2)
    program = paramprog.loads("param w : real[2] ~ ones()\nfunction f(k : int) { return w[k] }")
    for call in (program.grad, program.run):
        with pytest.raises(ProgramError, match="index 5 is out of range for 2 entries, in sample 3"):
            call(k=[0, 1, 1, 5, 7], batch=True)


@pytest.mark.parametrize("chunk", [2, 100])
def test_the_first_sample_that_is_not_finite_is_named(monkeypatch, chunk):
    """A warning says where the value, or else the gradient, stops being finite, and in which sample."""
    monkeypatch.setattr(many, "CHUNK", chunk)
    program = paramprog.loads("param w = 1.0\nfunction f(x) {\n    y = sqrt(w * x)\n    return y\n}")
    x = [1.0, 4.0, 1.0, 0.0, 1.0, -1.0]
    for options in ({}, {"per_sample": True}):
        [warning] = program.grad(x=x[:5], batch=True, **options).warnings
        assert "in sample 3" in warning.message
        assert warning.span.line == 3
        [warning] = program.grad(x=x[4:], batch=True, **options).warnings
        assert "in sample 1" in warning.message
    [warning] = program.run(x=x, batch=True).warnings
    assert "NaN here, in sample 5" in warning.message


@pytest.mark.parametrize("kept, memory", [("", 900), ("checkpoint 4", None)])
def test_gradients_of_each_sample_keep_few_states(kept, memory):
    """By params, by inputs with and without samples, by points of either kind; as those of one after the other."""
    program = paramprog.loads(f"""
        param w = [0.3, 0.8], v = 2.0
        function f(x : real[2], c = 0.5) {{
            a = v * 3
            b = sin(x) * a
            k = 1.0 * 2
            h = b
            for i in 0..40 {kept} {{ h = sin(w * h + c) + k * x }}
            return sum(h) * a
        }}
    """)
    xs = np.random.default_rng(0).standard_normal((3, 2))
    names = ["w", "x", "c", "a", "b", "v"]
    for wrt in (names, ["w"], ["x", "w"], ["k"]):
        found = program.grad(x=xs, batch="x", per_sample=True, wrt=wrt, memory=memory)
        assert (found.memory is None) == (memory is None)
        if memory is not None:
            assert found.memory.predicted <= memory < found.memory.recorded
        for k, x in enumerate(xs):
            one = program.grad(x=x, wrt=wrt)
            np.testing.assert_allclose(found.value[k], one.value, rtol=1e-13)
            for name in wrt:
                np.testing.assert_allclose(found[name][k], one[name], rtol=1e-11, atol=1e-12, err_msg=name)
