"""`paramprog train`: options, what is printed where, the shipped programs."""

from __future__ import annotations

import argparse
import json
import tomllib

import numpy as np
import pytest
from small_runs import write_files

from paramprog.cli import train
from paramprog.cli.train_options import OPTIMISERS as NAMES
from paramprog.fitting.optimisers import OPTIMISERS
from paramprog.fitting.settings import LBFGS, SPECS, Settings
from paramprog.resources import programs_dir

SQUARED = ("--loss", "squared", "--target", "t")
DATA = programs_dir() / "data"
PIXELS = ("--data", DATA / "digits.csv", "--bind", "x=pixel_*")


@pytest.fixture
def fit(cli, tmp_path):
    """`fit("--epochs", 3)` is `paramprog train p.pp --data d.csv --loss squared --target t --epochs 3`."""
    write_files(tmp_path)
    return lambda *options, data="d.csv": cli(
        "train", "p.pp", "--data", data, *SQUARED, "--no-plot", *options
    )


# ---- options -----------------------------------------------------------------------------------------------------


def options():
    parser = argparse.ArgumentParser()
    train.configure(parser)
    return {action.dest: action for action in parser._actions}


def test_every_setting_has_an_option():
    """With the choices of the setting; the program is FILE."""
    found = options()
    assert set(SPECS) - {"program"} <= set(found)
    assert set(NAMES) == {*OPTIMISERS, LBFGS}
    for name, action in found.items():
        for choice in action.choices or ():
            assert getattr(Settings(**{name: choice}), name) == choice
        assert name not in SPECS or action.default is None


def test_defaults_in_the_help():
    """`(default: X)` is the default, where a setting has one of its own."""
    for name, action in options().items():
        if (
            name in SPECS
            and SPECS[name].default not in (None,)
            and isinstance(SPECS[name].default, str | int | float)
        ):
            shown = (
                f"{SPECS[name].default:g}"
                if isinstance(SPECS[name].default, float)
                else str(SPECS[name].default)
            )
            assert f"(default: {shown})" in action.help.replace(" if each is one step", "")


@pytest.mark.parametrize(
    "given",
    [
        ("--epochs", "0"),
        ("--epochs", "1.5"),
        ("--batch", "0"),
        ("--batch", "most"),
        ("--lr", "fast"),
        ("--lr", "nan"),
        ("--optimizer", "adagrad"),
        ("--loss", "hinge"),
        ("--bind", "x"),
        ("--bind", "=a"),
        ("--dim", "n=-1"),
        ("--seed", "-1"),
        ("--on-nonfinite", "ignore"),
    ],
)
def test_usage_errors(fit, given):
    done = fit(*given)
    assert (done.code, done.out) == (2, "")
    assert f"argument {given[0]}: " in done.err


@pytest.mark.parametrize(
    "given, message",
    [
        (("--lr", "-1"), "`lr` cannot be -1.0"),
        (("--momentum", "0.9"), "`momentum` has no meaning here"),
        (("--optimizer", "gd", "--batch", "8"), "gd uses all rows in each step"),
        (("--val", "1"), "`val` cannot be 1"),
        (("--plot",), "`--plot` draws into the folder of the run"),
        (("--resume", "a", "--out", "b"), "`--out` has no meaning beside it"),
        (("--params", "nix.npz"), "there is no file `nix.npz`"),
        (("--params", "nix.txt"), "neither a .json nor a .npz file"),
        (("--config", "nix.toml"), "there is no file `nix.toml`"),
        (("--bind", "x=nix_*"), "no column of the file fits `nix_*`"),
    ],
)
def test_faults(fit, given, message):
    """Exit 1, one message, nothing on standard output."""
    done = fit(*given)
    assert (done.code, done.out) == (1, "")
    assert message in done.err
    assert done.err.startswith("error[") or ": error[" in done.err.splitlines()[0]


def test_nothing_given(cli, program):
    assert cli("train").err.startswith("error[settings]: there is no program")
    assert cli("train", program("param w = 1.0\nfunction f(x) { return w * x }")).err.startswith(
        "error[settings]: there is no data"
    )


def test_configuration(fit, cli, write):
    """Defaults, then the file, then options; what is shown is a configuration that means the same."""
    write("c.toml", 'epochs = 4\nlr = 0.5\n[bind]\nx = "x_0,x_1"\n')
    shown = fit("--config", "c.toml", "--lr", "0.25", "--dim", "k=3", "--show-config")
    assert (shown.code, shown.err) == (0, "")
    found = tomllib.loads(shown.out)
    assert (found["epochs"], found["lr"], found["batch"], found["data"]) == (4, 0.25, 64, "d.csv")
    assert (found["bind"], found["dims"]) == ({"x": "x_0,x_1"}, {"k": 3})
    write("again.toml", shown.out)
    assert cli("train", "--config", "again.toml", "--show-config").out == shown.out
    assert fit("--config", "c.toml", "--show-config", "--epochs", "7").out.count("epochs = 7") == 1


def test_a_run_from_a_configuration_alone(fit, cli, write):
    """It names program and data too."""
    write("c.toml", fit("--epochs", "3", "--show-config").out)
    assert cli("train", "--config", "c.toml", "-q").out == fit("--epochs", "3", "-q").out


# ---- what is printed ---------------------------------------------------------------------------------------------


def test_text(fit, cli, tmp_path):
    """The result on standard output, progress and notes on standard error."""
    done = fit("--epochs", "3", "--out", "run")
    assert done.code == 0
    first, *rest = done.out.splitlines()
    assert first.startswith("3 epochs; loss █")
    names = [line.partition("=")[0].strip() for line in rest if "=" in line]
    assert names == ["loss", "r2", "val_loss", "val_r2", "W", "b", "v"]
    assert rest[-1] == "params in run/params.npz"
    assert [line.split("  ")[0] for line in done.err.splitlines()] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    again = cli("train", "--resume", "run")
    assert (again.out, again.err) == (done.out, "note: the run in `run` is finished; nothing was done\n")
    assert fit("--epochs", "3", "-q").err == ""


def test_large_params_are_not_printed(cli, shipped):
    """Without --out they are lost, and that is said."""
    done = cli("train", shipped("digits_autoencoder"), *PIXELS, "--epochs", "1", "-q")
    assert done.out.splitlines()[-1] == "the params are not kept: there is no --out"
    assert "W" not in done.out


def test_json(fit, tmp_path):
    """One document; params if they are small."""
    found = fit("--epochs", "3", "--json", "--out", "run").json
    assert found["epochs"] == 3
    assert set(found["validation"]) == {"loss", "r2"}
    assert found["params_file"] == "run/params.npz"
    with np.load(tmp_path / "run" / "params.npz") as params:
        assert found["params"] == {name: params[name].tolist() for name in params}
    assert fit("--epochs", "1", "--json", "-q").json["params_file"] is None


def test_warnings_of_the_program(cli, program, write):
    """A gradient that steps cut is told before the training."""
    write("d.csv", "x\n1\n2\n")
    name = program("param w = 1.5, v = 1.0\nfunction f(x) { return floor(w) * x + v * v }")
    done = cli("train", name, "--data", "d.csv", "--val", "0", "--epochs", "1")
    assert "warning[" in done.err
    assert cli("train", name, "--data", "d.csv", "--val", "0", "--epochs", "1", "-q").err == ""


def test_standard_input(fit, cli, tmp_path):
    """A program that is no file cannot be found again, but be given again."""
    text = (tmp_path / "p.pp").read_bytes()
    done = cli("train", "-", "--data", "d.csv", *SQUARED, "--epochs", "2", "-q", stdin=text)
    assert done.out == fit("--epochs", "2", "-q").out


def test_names_are_escaped(fit, write):
    """Neither a file nor a column sends control sequences to the terminal."""
    write("\x1b[31m.csv", "a\x1b[31m,t\n1,2\n")
    done = fit(data="\x1b[31m.csv")
    assert done.code == 1
    assert "\x1b" not in done.err


# ---- the shipped programs ----------------------------------------------------------------------------------------


def test_digits(cli, shipped, tmp_path):
    """More than 97% of the images held back, with the defaults."""
    scores = ("--function", "scores", "--loss", "cross_entropy", "--target", "label")
    found = cli("train", shipped("digits_classifier"), *PIXELS, *scores, "--json", "-q").json
    assert found["validation"]["accuracy"] > 0.97
    assert found["metrics"]["accuracy"] > 0.99


def test_the_loss_of_the_program_is_the_cross_entropy(cli, shipped):
    """Both functions of the classifiers, trained on the same rows, come to the same loss."""
    cancer = ("--data", DATA / "breast_cancer.csv", "--scale", "standard", "--val", "0", "--json", "-q")
    scores = ("--function", "scores", "--loss", "cross_entropy", "--target", "malignant", "--bind", "x=*")
    one = cli("train", shipped("breast_cancer"), *cancer, *scores).json
    two = cli(
        "train", shipped("breast_cancer"), *cancer, "--bind", "x=mean_radius..worst_fractal_dimension"
    ).json
    assert one["loss"] == pytest.approx(two["loss"], rel=1e-6)
    assert one["metrics"]["accuracy"] > 0.97


def test_breast_cancer(cli, shipped):
    """Logistic regression on scaled columns: more than 95% of the tumours held back."""
    given = ("--data", DATA / "breast_cancer.csv", "--bind", "x=*", "--scale", "standard")
    scores = ("--function", "scores", "--loss", "cross_entropy", "--target", "malignant")
    assert (
        cli("train", shipped("breast_cancer"), *given, *scores, "--json", "-q").json["validation"]["accuracy"]
        > 0.95
    )


def test_running_example(cli, shipped):
    """R(P, Q), fitted to a table made by known weights: they are found."""
    given = (
        "--data",
        DATA / "running_example.csv",
        "--loss",
        "squared",
        "--target",
        "R",
        "--optimizer",
        "lbfgs",
    )
    found = cli("train", shipped("running_example"), *given, "--json", "-q").json
    assert found["loss"] < 1e-10
    assert found["validation"]["loss"] < 1e-10
    assert found["params"] == pytest.approx({"W0": 0.9, "W1": -0.7, "W2": 1.6}, rel=1e-6)


def test_autoencoder(cli, shipped):
    """Encoder and decoder share their weights; a fifth of the variance is left."""
    found = cli("train", shipped("digits_autoencoder"), *PIXELS, "--json", "-q").json
    pixels = np.loadtxt(DATA / "digits.csv", delimiter=",", skiprows=1)[:, :-1] / 16
    assert found["validation"]["loss"] < 0.2 * pixels.var(axis=0).mean()


def test_the_table_of_the_running_example():
    """It is what the script beside it says."""
    text = (DATA / "README.md").read_text(encoding="utf-8")
    script = text[text.index("import numpy as np\n\nrng") :].partition("```")[0]
    before, _, loop = script.partition("with open")
    names: dict[str, object] = {}
    exec(before, names)
    written = np.loadtxt(DATA / "running_example.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(written, np.stack([names["P"], names["Q"], names["R"]], axis=1), rtol=1e-15)
    assert loop
    assert json


@pytest.mark.parametrize(
    "argv, message",
    [
        (
            ("train", "p.pp", "--data", "d.csv", "--bind", "x=t", "--bind", "x=x_0,x_1"),
            "--bind: `x` is given twice",
        ),
        (
            ("run", "p.pp", "--data", "d.csv", "--bind", "x=t", "--bind", "x = t"),
            "--bind: `x` is given twice",
        ),
        (("train", "p.pp", "--data", "d.csv", "--dim", "n=1", "--dim", "n=2"), "--dim: `n` is given twice"),
        (("grad", "p.pp", "--dim", "n=1", "--dim", "n=1"), "--dim: `n` is given twice"),
        (
            ("optimise", "p.pp", "--wrt", "x", "--bounds", "x=0,1", "--bounds", "x=,2"),
            "--bounds: `x` is given twice",
        ),
    ],
)
def test_a_name_given_twice(cli, argv, message):
    """It is an error of usage: either might be meant."""
    done = cli(*argv)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_files_of_a_configuration(fit, cli, tmp_path):
    """Are found beside it; an option is relative to the current directory."""
    fit("--epochs", "1")
    (tmp_path / "sub").mkdir()
    text = 'program = "../p.pp"\ndata = "../d.csv"\nloss = "squared"\ntarget = "t"\nepochs = 1\n'
    (tmp_path / "sub" / "train.toml").write_text(text)
    by_file = cli("train", "--config", "sub/train.toml", "--json", "-q")
    by_option = cli("train", "p.pp", "--config", "sub/train.toml", "--data", "d.csv", "--json", "-q")
    assert by_file.code == by_option.code == 0
    assert json.loads(by_file.out) == json.loads(by_option.out)


def test_memory(cli, program, write):
    """Training with few states kept gives the same params; how they are kept is told, and what is too little."""
    name = program(
        "param w = 0.3\nfunction f(x) { h = x\n for i in 0..50 { h = sin(h + w) }\n return (h - 0.5) ** 2 }"
    )
    data = write("rows.csv", "x\n" + "".join(f"{k / 20}\n" for k in range(20)))
    given = ("train", name, "--data", data, "--epochs", "2", "--batch", "10", "--val", "0", "--json")
    plain, kept = cli(*given), cli(*given, "--memory", "1kB")
    assert kept.json["params"]["w"] == pytest.approx(plain.json["params"]["w"], rel=1e-12)
    assert "loops hold 960 B of 1 kB" in kept.err
    assert "error[memory-too-small]" in cli(*given, "--memory", "9B").err
