"""`paramprog.train`: what is fitted, to which rows, how it is told, and what is refused before the first step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_runs import KINDS, ROWS, SQUARED, contents, table, write_csv, write_files

import paramprog
from paramprog.diagnostics import ProgramError, fail
from paramprog.fitting import checkpoint
from paramprog.fitting.optimisers import OPTIMISERS
from paramprog.fitting.split import shuffled, split

LINE = "param w = 0.0, b = 0.0\nfunction y(x) { return w * x + b }\n"


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


def refused(*arguments, **options):
    """The first of the diagnostics that training ends with."""
    with pytest.raises(ProgramError) as caught:
        paramprog.train(*arguments, **options)
    return caught.value.diagnostics[0]


# ---- what is computed --------------------------------------------------------------------------------------------


def test_gd_is_the_lectures():
    """w <- w - rate * d(mean of (y - t)^2)/dw, where the factor -2/N is in the gradient: by hand, ten steps."""
    x = np.array([0.0, 1.0, 2.0, 5.0])
    t = 3 * x - 1
    w = b = 0.0
    losses = []
    for _ in range(10):
        losses.append(np.mean((w * x + b - t) ** 2))
        error = t - (w * x + b)
        w, b = w - 0.05 * (-2 / 4) * np.sum(error * x), b - 0.05 * (-2 / 4) * np.sum(error)
    fit = paramprog.train(
        paramprog.loads(LINE), {"x": x, "t": t}, **SQUARED, optimizer="gd", lr=0.05, epochs=10, val=0
    )
    assert fit.params["w"] == pytest.approx(w, rel=1e-13)
    assert fit.params["b"] == pytest.approx(b, rel=1e-13)
    assert [r["loss"] for r in fit.history] == pytest.approx(losses, rel=1e-13)
    assert fit.loss == pytest.approx(np.mean((w * x + b - t) ** 2), rel=1e-13)


def test_batches_of_an_epoch():
    """SGD sees the rows in the order of the seed and the epoch, the last batch being smaller: by hand."""
    columns = table(10)
    program = paramprog.loads(LINE)
    x, t = columns["x_0"], columns["t"]
    rows, _ = split(10, 0.2, 5)
    w = b = 0.0
    losses = []
    for epoch in range(3):
        order = rows[shuffled(8, 5, epoch)]
        total = 0.0
        for part in (order[:3], order[3:6], order[6:]):
            error = w * x[part] + b - t[part]
            total += np.sum(error**2)
            w, b = w - 0.1 * 2 * np.mean(error * x[part]), b - 0.1 * 2 * np.mean(error)
        losses.append(total / 8)
    given = {"optimizer": "sgd", "lr": 0.1, "schedule": "constant", "batch": 3, "epochs": 3, "seed": 5}
    fit = paramprog.train(program, {"x": x, "t": t}, **SQUARED, **given)
    assert (fit.params["w"], fit.params["b"]) == pytest.approx((w, b), rel=1e-12)
    assert [r["loss"] for r in fit.history] == pytest.approx(losses, rel=1e-12)


@pytest.mark.parametrize("optimizer", [*OPTIMISERS, "lbfgs"])
def test_every_optimiser_fits_a_line(optimizer):
    """Two params, exact data, the default rate (for rmsprop ten times that): the loss falls to a thousandth."""
    x = np.linspace(-1, 1, 40)
    given = {"optimizer": optimizer, "epochs": 300, "weight_decay": 0.0 if optimizer == "adamw" else None}
    given["batch"] = None if optimizer in ("gd", "lbfgs") else 8
    given["lr"] = 0.03 if optimizer == "rmsprop" else None
    fit = paramprog.train(paramprog.loads(LINE), {"x": x, "t": 2 * x + 1}, **SQUARED, **given)
    assert fit.loss < 1e-3 * np.mean((2 * x + 1) ** 2)
    assert fit.figures["r2"] > 0.99


def test_the_loss_of_the_program_and_its_metrics():
    """Without `loss` the first output is minimised; further real scalars are told as means."""
    fit = paramprog.train("loss.pp", "d.csv", epochs=5)
    wrapped = paramprog.train("p.pp", "d.csv", **SQUARED, epochs=5)
    assert fit.loss == wrapped.loss
    assert list(fit.figures) == ["out1"]
    assert list(wrapped.figures) == ["r2"]
    rows, held = split(ROWS, 0.2, 0)
    columns = table()
    x = np.stack([columns["x_0"], columns["x_1"]], axis=1)
    y = fit.params["v"] @ np.tanh(fit.params["W"] @ x.T + fit.params["b"][:, None])
    for part, found in ((rows, {"loss": fit.loss, **fit.figures}), (held, fit.validation)):
        error = (y - columns["t"])[part]
        assert found == pytest.approx({"loss": np.mean(error**2), "out1": np.mean(np.abs(error))}, rel=1e-12)


def test_another_output():
    """`output` chooses what is minimised."""
    fit = paramprog.train("loss.pp", "d.csv", output="out1", epochs=3)
    assert list(fit.figures) == ["out0"]
    assert fit.loss**2 < fit.figures["out0"]


def test_cross_entropy():
    """Loss and accuracy of classes, by hand; the split has each label's share."""
    fit = paramprog.train("classes.pp", "d.csv", loss="cross_entropy", target="label", epochs=60, lr=0.1)
    columns = table()
    rows, held = split(ROWS, 0.2, 0, columns["label"])
    z = np.stack([columns["x_0"], columns["x_1"]], axis=1) @ fit.params["W"].T + fit.params["b"]
    logp = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    each = -logp[np.arange(ROWS), columns["label"]]
    right = z.argmax(axis=1) == columns["label"]
    assert (fit.loss, fit.figures["accuracy"]) == pytest.approx((each[rows].mean(), right[rows].mean()))
    assert fit.validation == pytest.approx({"loss": each[held].mean(), "accuracy": right[held].mean()})
    assert fit.figures["accuracy"] > 0.9


def test_a_vector_and_its_target():
    """The target of a vector is as many columns; `*` is what they leave."""
    program = paramprog.loads("param W : real[2, 1] ~ zeros()\nfunction f(x : real[1]) { return W @ x }")
    x = np.linspace(-1, 1, 30)
    data = {"a": x, "y_0": 2 * x, "y_1": -x}
    fit = paramprog.train(program, data, loss="squared", target="y_*", bind={"x": "*"}, optimizer="lbfgs")
    np.testing.assert_allclose(fit.params["W"], [[2.0], [-1.0]], atol=1e-7)
    stacked = {"x": x[:, None], "y": np.stack([2 * x, -x], axis=1)}
    again = paramprog.train(program, stacked, loss="squared", target="y", optimizer="lbfgs")
    np.testing.assert_array_equal(again.params["W"], fit.params["W"])


def test_sizes_come_from_the_data():
    """A dim without a value, and one whose default does not fit."""
    program = paramprog.loads(
        "dim n\nparam w : real[n] ~ ones()\nfunction f(x : real[n]) { return dot(w, x) ** 2 }"
    )
    fit = paramprog.train(program, {"x": np.ones((6, 5))}, epochs=1, val=0)
    assert fit.params["w"].shape == (5,)
    other = paramprog.loads(
        "dim n = 3\nparam w : real[n] ~ ones()\nfunction f(x : real[n] = [1.0, 1.0, 1.0]) { return dot(w, x) ** 2 }"
    )
    assert paramprog.train(other, {"x": np.ones((6, 5))}, epochs=1, val=0).params["w"].shape == (5,)


def test_float32():
    """Params of the dtype asked for; the figures agree with float64 to its precision."""
    single = paramprog.train("p.pp", "d.csv", **SQUARED, epochs=5, dtype="float32", scale="standard")
    double = paramprog.train("p.pp", "d.csv", **SQUARED, epochs=5, scale="standard")
    assert {v.dtype for v in single.params.values()} == {np.dtype("float32")}
    assert single.loss == pytest.approx(double.loss, rel=1e-4)


def test_noise_is_not_fitted():
    """It is drawn anew at each step, the same in each run."""
    program = paramprog.loads(
        "param w = 1.0\nnoise e : real ~ normal(0, 0.1)\nfunction f(x) { return (w * x + e) ** 2 }"
    )
    one, two = (paramprog.train(program, {"x": np.ones(20)}, epochs=3, batch=4) for _ in range(2))
    assert list(one.params) == ["w"]
    assert one.history == two.history


def test_scaling_is_kept_and_applied():
    """Inputs are scaled as the training rows are; `predict` scales what it is given."""
    columns = table()
    columns["x_0"] = 1000 + 50 * columns["x_0"]
    fit = paramprog.train("p.pp", columns, **SQUARED, scale="standard", epochs=40)
    rows, _ = split(ROWS, 0.2, 0)
    x = np.stack([columns["x_0"], columns["x_1"]], axis=1)
    np.testing.assert_allclose(fit.scaling.shift["x"], x[rows].mean(axis=0))
    np.testing.assert_allclose(fit.scaling.factor["x"], x[rows].std(axis=0))
    y = fit.predict(x=x[rows])
    assert np.mean((y - columns["t"][rows]) ** 2) == pytest.approx(fit.loss, rel=1e-9)


def test_params_to_start_from():
    """As arrays or a file; those of a run bring their scales, and sizes."""
    first = paramprog.train("p.pp", "d.csv", **SQUARED, scale="standard", epochs=5, out="first", plot=False)
    second = paramprog.train("p.pp", "d.csv", **SQUARED, params="first/params.npz", epochs=1, lr=1e-12)
    assert second.loss == pytest.approx(first.loss, rel=1e-6)
    np.testing.assert_array_equal(second.scaling.shift["x"], first.scaling.shift["x"])
    line = paramprog.train(
        paramprog.loads(LINE),
        {"x": [1.0, 2.0], "t": [1.0, 2.0]},
        **SQUARED,
        val=0,
        params={"w": 1.0, "b": 0.0},
        epochs=3,
    )
    assert line.history[0]["loss"] == 0.0
    assert refused("p.pp", "d.csv", **SQUARED, params={"w": 1.0}).code == "unknown-input"


def test_patience_keeps_the_best():
    """It stops after so many epochs without a better validation loss; the params are the best epoch's."""
    fit = paramprog.train("p.pp", "d.csv", **SQUARED, epochs=400, lr=0.3, schedule="constant", patience=5)
    course = [r["val_loss"] for r in fit.history]
    assert fit.epochs == len(course) == fit.best + 5 < 400
    assert fit.validation["loss"] == min(course) == course[fit.best - 1]
    assert fit.ended == "no better validation loss in 5 epochs"


def test_without_patience_the_last_params_are_the_result():
    """best.npz has the others."""
    given = {"epochs": 30, "lr": 0.5, "schedule": "constant"}
    fit = paramprog.train("p.pp", "d.csv", **SQUARED, **given, out="run", plot=False)
    assert fit.validation["loss"] == fit.history[-1]["val_loss"]
    best = checkpoint.load("run/best.npz")
    assert fit.best == best.meta["epoch"] < 30
    assert best.meta["loss"] == min(r["val_loss"] for r in fit.history)
    assert {"W", "b", "v"} == set(best.arrays)


def test_more_than_one_gradient_is_clipped():
    """A tiny limit moves the params by at most rate * limit in a step of sgd."""
    fit = paramprog.train(
        "p.pp", "d.csv", **SQUARED, optimizer="sgd", lr=1.0, clip=1e-3, epochs=1, batch="full", val=0
    )
    start = paramprog.load("p.pp").point(x=[0.0, 0.0]).params
    moved = np.concatenate([(fit.params[k] - start[k]).ravel() for k in start])
    assert np.linalg.norm(moved) == pytest.approx(1e-3)


# ---- the folder of a run -----------------------------------------------------------------------------------------


def test_what_a_run_leaves():
    """Params, scales, log, configuration with versions and digests, checkpoints."""
    fit = paramprog.train(
        "p.pp", "d.csv", **SQUARED, scale="minmax", epochs=4, seed=3, out="a/run", plot=False
    )
    names = {"best.npz", "checkpoint.npz", "config.json", "lock", "log.jsonl", "params.npz"}
    assert set(os.listdir("a/run")) == names
    with np.load("a/run/params.npz") as params:
        assert set(params) == {"W", "b", "v", "scale/x/shift", "scale/x/factor"}
        np.testing.assert_array_equal(params["W"], fit.params["W"])
    config = json.loads(Path("a/run/config.json").read_text())
    assert config["settings"]["lr"] == 0.02
    assert config["settings"]["seed"] == 3
    assert config["data"]["rows"] == ROWS
    assert config["backend"] == "numpy"
    assert config["versions"]["numpy"] == np.__version__
    log = [json.loads(line) for line in Path("a/run/log.jsonl").read_text().splitlines()]
    assert [r["epoch"] for r in log] == [1, 2, 3, 4]
    assert set(log[0]) == {"epoch", "loss", "val_loss", "val_r2", "rate", "seconds"}
    assert refused("p.pp", "d.csv", **SQUARED, out="a/run").code == "run-exists"


def test_the_curve():
    """Drawn if matplotlib is there; asked for without it, that is said, before the params are written."""
    pytest.importorskip("matplotlib")
    paramprog.train("p.pp", "d.csv", **SQUARED, epochs=2, out="run")
    assert {"curve.svg", "curve.png"} < set(os.listdir("run"))


def test_no_matplotlib(monkeypatch):
    """Without it nothing is drawn, unless it was asked for: then it is an error, and can be made good."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    assert paramprog.train("p.pp", "d.csv", **SQUARED, epochs=1, out="quiet").epochs == 1
    assert refused("p.pp", "d.csv", **SQUARED, epochs=1, out="run", plot=True).code == "matplotlib-missing"
    paramprog.train(resume="run")
    assert "params.npz" in os.listdir("run")


def test_a_fault_leaves_nothing():
    """What is wrong with the data is found before a folder is made."""
    assert refused("p.pp", "d.csv", loss="squared", target="nix", out="run").code == "data-column"
    assert not os.path.exists("run")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bytes_again(kind, tmp_path):
    """A second run with the same seed leaves the same files, another seed other params."""
    for name, seed in (("one", 0), ("two", 0), ("other", 1)):
        paramprog.train("p.pp", "d.csv", **SQUARED, **KINDS[kind], out=name, seed=seed, plot=False)
    one, two, other = (contents(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    assert one["params.npz"] != other["params.npz"]


def test_the_same_bytes_in_any_environment(tmp_path):
    """Hash seed, locale and threads of BLAS change nothing. The product is large enough to be divided among threads."""
    n = 20_000
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "big.npz", x=rng.normal(size=(n, 2)), t=rng.normal(size=n))
    code = (
        "import paramprog, sys; paramprog.train('p.pp', 'big.npz', loss='squared', target='t', batch='full', "
        "epochs=2, out=sys.argv[1], plot=False)"
    )
    environments = [
        {"PYTHONHASHSEED": "1", "LANG": "C", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        {"PYTHONHASHSEED": "77", "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"},
    ]
    running = [
        subprocess.Popen([sys.executable, "-c", code, f"run{k}"], env={**os.environ, **e}, cwd=tmp_path)
        for k, e in enumerate(environments)
    ]
    assert [process.wait() for process in running] == [0, 0]
    assert contents(tmp_path / "run0") == contents(tmp_path / "run1")


# ---- what is refused ---------------------------------------------------------------------------------------------


def test_a_label_out_of_range():
    """At its cell, by the name of its column, with the other rows and the place in the program."""
    columns = table()
    columns["label"][[4, 9]] = 3
    write_csv(Path("bad.csv"), columns)
    found = refused("classes.pp", "bad.csv", loss="cross_entropy", target="label", out="run")
    assert found.code == "index-range"
    assert repr(found.span) == f"bad.csv:6:{found.span.column}"
    assert found.span.text == "3"
    assert found.message.startswith("`label` is 3: index 3 is out of range for 3 entries (at classes.pp:4:")
    assert found.message.endswith("; so it is at bad.csv:11")
    assert not os.path.exists("run")


@pytest.mark.parametrize(
    "given, code, message",
    [
        ({}, "loss-fit", "minimises a real scalar, and `out0` is real[3]"),
        ({"loss": "squared", "target": "t"}, "data-width", "one column, `t`, cannot be a target for real[3]"),
        ({"loss": "cross_entropy", "target": "t"}, "data-number", "is not a whole number"),
        ({"loss": "cross_entropy", "target": "x_*"}, "data-number", "is not a whole number"),
        ({"loss": "cross_entropy"}, "settings", "`loss` is given without `target`"),
        ({"loss": "cross_entropy", "target": "nix"}, "data-column", "nix"),
        (
            {"loss": "cross_entropy", "target": "label", "val": 0.001},
            "data-split",
            "leave none for validation",
        ),
        ({"loss": "cross_entropy", "target": "label", "output": "nix"}, "unknown-output", "nix"),
        ({"loss": "cross_entropy", "target": "label", "function": "nix"}, "no-entry", "nix"),
        ({"loss": "cross_entropy", "target": "label", "bind": {"y": "t"}}, "unknown-input", "`y`"),
        ({"loss": "cross_entropy", "target": "label", "bind": {"x": "t"}}, "data-width", "`x` is real[2]"),
        ({"loss": "cross_entropy", "target": "label", "dims": {"n": 2}}, "undefined-name", "`n`"),
        ({"loss": "cross_entropy", "target": "label", "max_nodes": 1}, "graph-limit", "more than 1 nodes"),
        ({"learning_rate": 1.0}, "settings", "no setting `learning_rate`"),
        ({"lr": -1.0}, "settings", "`lr` cannot be -1.0"),
    ],
)
def test_what_does_not_go_together(given, code, message):
    found = refused("classes.pp", "d.csv", **given)
    assert found.code == code
    assert message in found.message


def test_no_params():
    program = paramprog.loads("function f(x) { return x * x }")
    assert refused(program, {"x": [1.0, 2.0]}, val=0).code == "no-params"


def test_no_program_no_data():
    assert refused().code == "settings"
    assert refused("p.pp").message == "there is no data to fit to"
    assert "stays in its folder" in refused(resume="a", out="b").message


@pytest.mark.parametrize(
    "given, code, message",
    [
        (
            {"data": np.ones((3, 2))},
            "data-format",
            "the data are an array of shape [3, 2], without names of columns",
        ),
        ({"data": [1.0, 2.0]}, "data-format", "the data are of type list, without names of columns"),
        ({"data": 3}, "data-format", "the data are of type int"),
        (
            {"data": {"x_0": [[1.0], [1.0, 2.0]], "t": [1.0, 2.0]}},
            "data-ragged",
            "`x_0` is not a rectangular array",
        ),
        ({"program": 3}, "settings", "`program` cannot be 3: it is the name of a file"),
        ({"program": "param w\nfunction f(x) { return w * x }"}, "settings", "not a text"),
        ({"out": 3}, "settings", "`out` cannot be 3: it is the name of a folder"),
        ({"out": "a\0b"}, "settings", "it is the name of a folder"),
        ({"resume": 3}, "settings", "`resume` cannot be 3: it is the name of a folder"),
        ({"config": 3}, "settings", "`config` cannot be 3: it is the name of a file"),
        (
            {"params": [1, 2]},
            "settings",
            "`params` cannot be [1, 2]: it is the name of a file, or arrays by name",
        ),
        ({"params": {"b": [[1.0], [1.0, 2.0]]}}, "input-value", "`b` is not a rectangular array"),
        ({"dims": 3}, "settings", "`dims` cannot be 3"),
        ({"bind": ["x=a"]}, "settings", "`bind` cannot be ['x=a']"),
        ({"batch": np.array([1, 2])}, "settings", "`batch` cannot be [1 2]: it is a whole number from 1 on"),
    ],
)
def test_what_a_caller_gives_wrong(given, code, message):
    """A diagnostic, whatever the type of the value."""
    settings = {} if "resume" in given else SQUARED
    found = refused(**{"program": "p.pp", "data": "d.csv", **settings, **given})
    assert found.code == code
    assert message in found.message


@pytest.mark.parametrize(
    "inputs, code, message",
    [
        ([1.0], "input-value", "the inputs are not arrays by name"),
        ({"x": "a"}, "input-value", "`x` is not made of numbers"),
        ({"x": [[1.0], [1.0, 2.0]]}, "input-value", "its rows differ in length"),
        ({"x": [1.0, 2.0]}, "input-shape", "was scaled in training as [n, 2], and the value given is [2]"),
        (
            {"x": np.ones((4, 3))},
            "input-shape",
            "was scaled in training as [n, 2], and the value given is [4, 3]",
        ),
        ({"x": 1.0}, "input-shape", "was scaled in training as [n, 2], and the value given is scalar"),
        ({"y": [1.0]}, "batch-axis", "no value that is given"),
    ],
)
def test_what_is_given_wrong_to_predict(inputs, code, message):
    """A diagnostic, also where inputs are scaled first."""
    fit = paramprog.train("p.pp", "d.csv", **SQUARED, scale="standard", epochs=1)
    with pytest.raises(ProgramError) as caught:
        fit.predict(inputs)
    found = caught.value.diagnostics[0]
    assert found.code == code
    assert message in found.message


def test_params_of_a_configuration_file():
    """They are those to start from, as if they had been given beside it."""
    np.savez("start.npz", b=np.full(3, 7.0))
    os.mkdir("sub")
    Path("sub/train.toml").write_text('params = "../start.npz"\ndata = "../d.csv"\nprogram = "../p.pp"\n')
    fit = paramprog.train(config="sub/train.toml", **SQUARED, epochs=1, lr=1e-300, out="run", plot=False)
    np.testing.assert_array_equal(fit.params["b"], np.full(3, 7.0))
    assert json.loads(Path("run/config.json").read_text())["start"] is not None


def test_arguments_that_keep_their_default_are_told():
    """It may not be what was meant."""
    program = paramprog.loads("param w = 1.0\nfunction f(x, k = 2.0) { return (w * x - k) ** 2 }")
    fit = paramprog.train(program, {"x": [1.0, 2.0]}, val=0, epochs=1)
    assert fit.notes == ["k keeps its default in all rows; --bind k=COLUMNS gives it columns"]


# ---- losses that are not finite ----------------------------------------------------------------------------------

LOG = "param w = 1.0\nfunction f(x) {\n    y = log(w * x)\n    return y * y\n}\n"
BAD = {"x": np.array([1.0, 2.0, -1.0, 3.0, -4.0, 2.0])}


def test_stop():
    """Epoch, step, rows, and the point of the program to blame; the last checkpoint stays."""
    found = refused(paramprog.loads(LOG, name="log.pp"), BAD, val=0, out="run")
    assert found.code == "non-finite"
    assert repr(found.span) == "log.pp:3:9"
    assert found.message == "epoch 1, step 1: the loss is NaN, for the rows <arrays>:3, 5; `y` gives NaN here"
    assert "params.npz" not in os.listdir("run")


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_what_was_good_is_kept(optimizer, capsys):
    """The params before the step that failed, and the best ones, from which a new run begins; going on fails alike."""
    columns = {"x": np.array([1.0, 2.0, 0.5, 3.0]), "t": np.full(4, -10.0)}
    text = "param w = 3.0\nfunction f(x) { return log(w * x - 0.4) }"
    Path("f.pp").write_text(text)
    write_csv(Path("f.csv"), columns)
    given = {**SQUARED, "val": 0, "optimizer": optimizer} | (
        {"lr": 0.2, "batch": 1, "epochs": 40, "schedule": "constant"} if optimizer == "adam" else {}
    )
    if optimizer == "lbfgs":
        Path("f.pp").write_text(text.replace("3.0", "0.1"))
    found = refused("f.pp", "f.csv", **given, out="run", progress=True, plot=False)
    assert found.code == "non-finite"
    assert (
        "note: the last good params are in `run/checkpoint.npz`; --params run/chec" in capsys.readouterr().err
    )
    kept = checkpoint.load("run/checkpoint.npz")
    log = Path("run/log.jsonl").read_text().splitlines() if optimizer == "adam" else []
    assert (kept.meta["epoch"], kept.meta["records"]) == (len(log), len(log))
    assert np.isfinite(kept.arrays["param/w"])
    if optimizer == "adam":
        epoch, step = (int(part.split()[-1]) for part in found.message.split(":")[0].split(","))
        assert (kept.meta["epoch"], kept.meta["step"]) == (epoch - 1, step - 1) != (0, 0)
        assert checkpoint.load("run/best.npz").meta["epoch"] == kept.meta["best"]["epoch"]
    assert refused(resume="run").message == found.message
    start = paramprog.train(
        "f.pp", {"x": [9.0], "t": [1.0]}, **SQUARED, val=0, params="run/checkpoint.npz", epochs=1
    )
    assert start.history[0]["loss"] == pytest.approx((np.log(9 * kept.arrays["param/w"] - 0.4) - 1) ** 2)


def test_a_full_disk_beside_a_loss_that_is_not_finite(monkeypatch):
    """Both are told: neither hides the other."""
    real = checkpoint.save

    def save(path, arrays, meta):
        if os.path.exists("run/checkpoint.npz"):
            raise fail("checkpoint-write", f"cannot write `{path}`: No space left on device")
        real(path, arrays, meta)

    monkeypatch.setattr(checkpoint, "save", save)
    with pytest.raises(ProgramError) as caught:
        paramprog.train(paramprog.loads(LOG, name="log.pp"), BAD, val=0, out="run")
    assert [d.code for d in caught.value.diagnostics] == ["non-finite", "checkpoint-write"]


def test_skip():
    """Such steps change neither params nor the optimiser; they are counted in the log."""
    program = paramprog.loads(LOG)
    given = {"val": 0, "batch": 1, "epochs": 3, "on_nonfinite": "skip", "schedule": "constant"}
    fit = paramprog.train(program, BAD, **given)
    assert [r["skipped"] for r in fit.history] == [2, 2, 2]
    assert np.isfinite(fit.params["w"])
    assert np.isnan(fit.loss)
    none = refused(program, {"x": BAD["x"] * 0 - 1}, **given)
    assert none.code == "non-finite"
    assert none.message.startswith(
        "epoch 1, step 6, left out like all steps of this epoch: the loss is NaN, for "
    )


@pytest.mark.parametrize("batch", [1, 2, "full"])
def test_skipped_gradients(batch):
    """If it is the gradient that is not finite, that is what is said when every step of an epoch is left out."""
    program = paramprog.loads("param w = 0.0\nfunction f(x) {\n    return sqrt(w * x)\n}\n", name="root.pp")
    found = refused(program, {"x": [1.0, 2.0]}, val=0, batch=batch, epochs=2, on_nonfinite="skip")
    assert (
        "left out like all steps of this epoch: the gradient is not finite, for the row <arrays>:"
        in found.message
    )
    assert found.hint == "a smaller --lr, or --clip, may prevent it"
    assert repr(found.span) == "root.pp:3:12"


def test_a_gradient_that_is_not_finite():
    """The loss is, the local Jacobian of sqrt at 0 is not."""
    program = paramprog.loads("param w = 0.0\nfunction f(x) {\n    return sqrt(w * x)\n}\n", name="root.pp")
    found = refused(program, {"x": [1.0, 2.0]}, val=0)
    assert found.message.startswith("epoch 1, step 1: the gradient is not finite, for the row <arrays>:1; ")
    assert repr(found.span) == "root.pp:3:12"


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_params_that_are_not_finite(policy):
    """A last step that leads there is not passed off as a result."""
    program = paramprog.loads("param w = 1.0\nfunction f(x) { return w * x }", name="f.pp")
    given = {"val": 0, "optimizer": "sgd", "lr": 1e308, "epochs": 1, "on_nonfinite": policy}
    found = refused(program, {"x": [1e3, 1e3]}, **given, out="run")
    assert (found.code, found.message) == (
        "non-finite",
        "epoch 1, after its last step: the param `w` is -inf",
    )
    assert repr(found.span) == "f.pp:1:7"
    assert checkpoint.load("run/checkpoint.npz").arrays["param/w"] == 1.0


def test_lbfgs_at_a_start_that_is_not_finite():
    found = refused(paramprog.loads(LOG, name="log.pp"), BAD, val=0, optimizer="lbfgs")
    assert found.message == "at the start: the loss is NaN, for the rows <arrays>:3, 5; `y` gives NaN here"


def test_a_program_that_takes_no_column(tmp_path):
    """A program without arguments has nothing to do with the rows."""
    program = paramprog.loads("param w = 1.0\nfunction f() { return w * w }")
    with pytest.raises(ProgramError) as raised:
        paramprog.train(program, {"x": np.ones(3)})
    assert raised.value.diagnostics[0].code == "data-column"


def test_a_number_too_large_for_float32(tmp_path):
    """It is a fault of its cell, before the first step, whatever is done with losses that are not finite."""
    (tmp_path / "d.csv").write_text("x,y\n1,2\n1e39,3\n2,4\n")
    program = paramprog.loads("param w = 1.0\nfunction f(x, y) { return square(w * x - y) }")
    with pytest.raises(ProgramError) as raised:
        paramprog.train(program, tmp_path / "d.csv", dtype="float32", on_nonfinite="skip", val=0.0)
    (found,) = raised.value.diagnostics
    assert found.code == "data-nonfinite"
    assert found.span is not None
    assert found.span.line == 3


def test_the_best_params_can_be_given(tmp_path):
    """best.npz is a checkpoint, and its params are read like those of params.npz."""
    program = paramprog.loads("param w = 1.0\nfunction f(x, y) { return square(w * x - y) }")
    data = {"x": np.arange(1.0, 9.0), "y": 2.0 * np.arange(1.0, 9.0)}
    paramprog.train(program, data, epochs=3, out=tmp_path / "run")
    from paramprog.data.values import read_values

    assert set(read_values(tmp_path / "run" / "best.npz")) == {"w"}
