"""Runs that are stopped and go on: bit for bit the same as if they had not been, whatever stopped them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from compiling import needs_compiler
from full_disk import fails_at
from small_runs import KINDS, SQUARED, contents, table, write_csv, write_files

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.fitting import checkpoint
from paramprog.fitting.recorder import Recorder
from paramprog.training import config

HERE = Path(__file__).parent


FROM_THE_BEGINNING = "the run was stopped before its first checkpoint; it starts from the beginning"


class Stopped(Exception):
    """Raised in the middle of a run by a test."""


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


def train(out, **options):
    return paramprog.train("p.pp", "d.csv", **SQUARED, **options, out=out, plot=False)


def stop_after(monkeypatch, pauses):
    """A run ends by an exception at its pause with this number; its checkpoints come with every pause."""
    with monkeypatch.context() as patch:
        real, count = Recorder.pause, iter(range(pauses))

        def pause(self):
            real(self)
            if next(count, None) is None:
                raise Stopped

        patch.setattr(Recorder, "pause", pause)
        yield


def refused(**options):
    """The diagnostic with which a run is not resumed."""
    with pytest.raises(ProgramError) as caught:
        paramprog.train(**options)
    return caught.value.diagnostics[0]


@pytest.fixture
def stopped(monkeypatch):
    """`stopped("run", 5, ...)` is a run that stands where it was at its fifth pause."""

    def begin(out, pauses, **options):
        for _ in stop_after(monkeypatch, pauses):
            with pytest.raises(Stopped):
                train(out, **options)
        return Path(out)

    return begin


# ---- kills -------------------------------------------------------------------------------------------------------


def kill(folder, trials, kind, seed=0):
    environment = {**os.environ, "PYTHONPATH": str(HERE), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / "killed_runs.py"), str(seed), str(trials), kind]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= trials // 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked")
@pytest.mark.parametrize("kind", KINDS)
def test_runs_that_are_killed(kind, files):
    """SIGKILL at random moments and at random system calls, 24 runs in all: every file is as if nothing had been."""
    kill(files, 6, kind)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked")
@pytest.mark.parametrize("kind", KINDS)
def test_many_runs_that_are_killed(kind, files):
    """The same, 200 runs in all."""
    kill(files, 50, kind, seed=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pauses", [0, 9])
def test_a_checkpoint_at_each_pause(kind, pauses, stopped, files):
    """Before the first step, within an epoch, between two: what follows is the same."""
    given = {**KINDS[kind], "checkpoint_every": 0.0}
    train("whole", **given)
    stopped("run", pauses, **given)
    fit = paramprog.train(resume="run", plot=False)
    assert contents(files / "run") == contents(files / "whole")
    assert [r["epoch"] for r in fit.history] == list(range(1, fit.epochs + 1))


# ---- signals -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals(number, files):
    """The command checkpoints, says how to go on, and exits with 130 within seconds; the result is the same."""
    given = ["p.pp", "--data", "d.csv", "--loss", "squared", "--target", "t", "--no-plot", "--batch", "4"]
    command = [sys.executable, "-m", "paramprog", "train", *given, "--epochs", "300", "--out"]
    process = subprocess.Popen([*command, "run"], stderr=subprocess.PIPE, encoding="utf-8")
    while process.poll() is None and not (files / "run" / "log.jsonl").exists():
        time.sleep(0.01)
    sent = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - sent < 5
    assert f"{signal.Signals(number).name} in epoch" in err
    assert "paramprog train --resume run" in err
    assert err.endswith("interrupted\n")
    assert not (files / "run" / "params.npz").exists()
    assert 0 < checkpoint.load("run/checkpoint.npz").meta["step"] < 300 * 10
    paramprog.train(resume="run", plot=False)
    train("whole", epochs=300, batch=4)
    assert contents(files / "run") == contents(files / "whole")


# ---- a full disk -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [0, 1, 2, 4, 5, 9, 13, 17, 22, 40, 77, 120])
def test_a_full_disk(turn, monkeypatch, files):
    """The file and the cause are named, no temporary file is left, the last checkpoint loads, and the run goes on."""
    given = {**KINDS["adam"], "epochs": 4, "checkpoint_every": 0.0}
    train("whole", **given)
    run = files / "run"
    with monkeypatch.context() as patch:
        fails_at(patch, turn, partial=True)
        with pytest.raises(ProgramError) as caught:
            train("run", **given)
    [found] = caught.value.diagnostics
    assert found.code in ("unwritable", "checkpoint-write")
    assert "`run" in found.message
    assert found.message.endswith("No space left on device")
    assert not list(run.glob(".*.tmp"))
    if (run / "checkpoint.npz").exists():
        checkpoint.load(run / "checkpoint.npz")
    if (run / "config.json").exists():
        paramprog.train(resume="run", plot=False)
    else:
        train("run", **given)
    assert contents(run) == contents(files / "whole")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of the size of a file")
def test_a_file_that_may_not_grow(files):
    """A limit that the system enforces: exit 1, no temporary file, and what was there before stays."""
    code = (
        "import resource, signal, sys; from paramprog.cli import main; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)); "
        "sys.exit(main('train p.pp --data d.csv --loss squared --target t --epochs 3 --out run --no-plot -q'.split()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    assert "error[checkpoint-write]: cannot write `run/checkpoint.npz`: File too large" in done.stderr
    assert sorted(os.listdir("run")) == ["best.npz", "checkpoint.npz", "config.json", "lock", "log.jsonl"]
    assert checkpoint.load("run/checkpoint.npz").meta["step"] == 0
    paramprog.train(resume="run", plot=False)


# ---- what is refused ---------------------------------------------------------------------------------------------


def test_a_finished_run(files):
    """Nothing is done, its result is told, even if the data are gone; what is given beside it must still agree."""
    fit = train("run", **KINDS["nesterov"])
    before = {
        p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in (files / "run").iterdir() if p.name != "lock"
    }
    (files / "d.csv").unlink()
    again = paramprog.train(resume="run")
    assert (again.loss, again.validation, again.epochs) == (fit.loss, fit.validation, fit.epochs)
    assert again.history == [
        {**r, "seconds": s["seconds"]} for r, s in zip(fit.history, again.history, strict=True)
    ]
    np.testing.assert_array_equal(again.params["W"], fit.params["W"])
    np.testing.assert_array_equal(again.scaling.shift["x"], fit.scaling.shift["x"])
    assert again.notes == ["the run in `run` is finished; nothing was done"]
    after = {
        p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in (files / "run").iterdir() if p.name != "lock"
    }
    assert before == after
    assert refused(resume="run", lr=7.0).code == "resume-differs"
    assert refused(resume="run", program="loss.pp").code == "resume-differs"
    with pytest.raises(ProgramError, match="its program is not known"):
        again.predict(x=[[1.0, 2.0]])
    known = paramprog.train(resume="run", program="p.pp")
    np.testing.assert_array_equal(known.predict(x=[[1.0, 2.0]]), fit.predict(x=[[1.0, 2.0]]))


def test_settings_that_differ(stopped):
    """They are named, with both values; those that agree may be given."""
    stopped("run", 4, epochs=6)
    found = refused(resume="run", seed=3)
    assert found.message == "`seed` is 3 here, and 0 in the run `run`"
    params = "run/checkpoint.npz"
    assert found.hint == f"leave it out, or begin a new run from its params: --params {params}"
    new = paramprog.train("p.pp", "d.csv", **SQUARED, params=params, epochs=1, lr=1e-300)
    np.testing.assert_array_equal(new.params["W"], checkpoint.load(params).arrays["param/W"])
    assert refused(resume="run", optimizer="sgd").message.startswith("`optimizer` is sgd here, and adam")
    assert refused(resume="run", epochs=60).code == "resume-differs"
    assert refused(resume="run", bind={"x": "a,b"}).code == "resume-differs"
    assert paramprog.train("p.pp", "d.csv", resume="run", epochs=6, plot=False, **SQUARED).epochs == 6


@pytest.mark.parametrize("pauses", [0, 4])
def test_a_program_that_changed(pauses, stopped):
    """By any character, before it is even parsed."""
    stopped("run", pauses, epochs=6, checkpoint_every=0.0)
    text = Path("p.pp").read_text()
    Path("p.pp").write_text(text + "# a remark\n(")
    found = refused(resume="run")
    assert (found.code, found.message) == (
        "resume-differs",
        "the program `p.pp` has changed since the run `run` began",
    )
    Path("p.pp").write_text(text)
    assert paramprog.train(resume="run", plot=False).epochs == 6


def test_an_import_that_changed(files):
    """The digest is of all files of the program."""
    (files / "lib.pp").write_text("function f(x) { return tanh(x) }\n")
    (files / "main.pp").write_text('import "lib.pp"\nparam w = 0.5\nfunction loss(x) { return f(w * x) }\n')
    paramprog.train("main.pp", {"x": [1.0, 2.0]}, val=0, epochs=2, out="run", plot=False)
    os.remove("run/params.npz")
    (files / "lib.pp").write_text("function f(x) { return sin(x) }\n")
    found = refused(resume="run", data={"x": [1.0, 2.0]})
    assert found.code == "resume-differs"
    assert "the program `main.pp` has changed" in found.message


def test_data_that_changed(stopped, files):
    """By any byte."""
    stopped("run", 4, epochs=6)
    write_csv(files / "d.csv", table(51))
    assert refused(resume="run").message == "the data `d.csv` has changed since the run `run` began"


def test_another_back_end(stopped):
    stopped("run", 4, epochs=6)
    recorded = json.loads(Path("run/config.json").read_text())
    Path("run/config.json").write_text(json.dumps({**recorded, "backend": "c"}))
    assert "was computed by the back end `c`" in refused(resume="run").message


def test_start_params_that_changed(stopped):
    """They are read again only if there is no checkpoint yet."""
    np.savez("start.npz", b=np.zeros(3))
    early = stopped("early", 0, epochs=3, params="start.npz")
    stopped("late", 0, epochs=3, params="start.npz")
    (early / "checkpoint.npz").unlink()
    np.savez("start.npz", b=np.ones(3))
    assert "params to start from are not those" in refused(resume="early").message
    assert paramprog.train(resume="late", plot=False).epochs == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_that_is_missing(kind, stopped, files):
    """A run killed before its first one starts from the beginning, and says so; one that lost it is an error."""
    train("whole", **KINDS[kind])
    run = stopped("run", 0, **KINDS[kind])
    (run / "checkpoint.npz").unlink()
    assert paramprog.train(resume="run", plot=False).notes[-1] == FROM_THE_BEGINNING
    assert contents(run) == contents(files / "whole")
    (run / "params.npz").unlink()
    (run / "checkpoint.npz").unlink()
    before = contents(run)
    found = refused(resume="run")
    assert found.code == "run-missing"
    assert found.hint == "put it back, or begin a new run from the best params so far: --params run/best.npz"
    assert contents(run) == before


def test_arrays_must_be_given_again(stopped, monkeypatch):
    """What was not a file is not recorded, but recognised."""
    for _ in stop_after(monkeypatch, 3):
        with pytest.raises(Stopped):
            paramprog.train("p.pp", table(), **SQUARED, epochs=3, out="run")
    assert refused(resume="run").message == "there is no data to fit to"
    assert "has changed" in refused(resume="run", data=table(49)).message
    assert paramprog.train(resume="run", data=table(), plot=False).epochs == 3


@pytest.mark.parametrize(
    "spoil, code",
    [
        (lambda data: data[:-7], "checkpoint-damaged"),
        (lambda data: data[:900] + bytes([data[900] ^ 4]) + data[901:], "checkpoint-damaged"),
        (lambda data: b"", "checkpoint-damaged"),
        (lambda data: b"PK is not enough", "checkpoint-foreign"),
    ],
)
def test_a_spoilt_checkpoint(spoil, code, stopped):
    """Refused by name; nothing else is taken in its place, and nothing is written."""
    run = stopped("run", 12, epochs=6, batch=8, checkpoint_every=0.0)
    (run / "checkpoint.npz").write_bytes(spoil((run / "checkpoint.npz").read_bytes()))
    before = (run / "log.jsonl").read_bytes()
    found = refused(resume="run")
    assert found.code == code
    assert "run/checkpoint.npz" in found.message
    assert (run / "log.jsonl").read_bytes() == before


@pytest.mark.parametrize("other", [{"seed": 4}, {"lr": 0.7}, {"optimizer": "lbfgs"}])
def test_a_checkpoint_of_another_run(other, stopped):
    """It is recognised by what determines a run."""
    stopped("one", 4, epochs=6, checkpoint_every=0.0)
    stopped("two", 4, epochs=6, checkpoint_every=0.0, **other)
    shutil.copy("two/checkpoint.npz", "one/checkpoint.npz")
    assert refused(resume="one").code == "checkpoint-foreign"


def test_other_versions_are_told(stopped, monkeypatch):
    """The last digits may differ then."""
    stopped("run", 4, epochs=6, checkpoint_every=0.0)
    now = config.versions()
    monkeypatch.setattr(config, "versions", lambda: {**now, "numpy": "99.0"})
    fit = paramprog.train(resume="run", plot=False)
    assert fit.notes == [
        f"the run began with numpy {np.__version__}, this is 99.0: the last digits may differ"
    ]


def test_what_is_carried_from_step_to_step(stopped):
    """A checkpoint within an epoch has the position in it."""
    run = stopped("run", 4, epochs=6, batch=8, checkpoint_every=0.0)
    meta = checkpoint.load(run / "checkpoint.npz").meta
    assert (meta["epoch"], meta["step"], meta["position"], meta["seen"]) == (0, 4, 4, 32)


@needs_compiler
def test_a_compiled_run_goes_on_compiled(stopped, monkeypatch):
    """Bit for bit as one that was not stopped; the record names back end and compiler; another is refused."""
    whole = train("whole", epochs=6, backend="c")
    run = stopped("run", 4, epochs=6, backend="c")
    recorded = json.loads((run / "config.json").read_text())
    assert recorded["backend"] == "c" and recorded["toolchain"]
    resumed = paramprog.train(resume="run", plot=False)
    for name, value in whole.params.items():
        np.testing.assert_array_equal(resumed.params[name], value)
    stopped("other", 4, epochs=6, backend="c")
    path = Path("other/config.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "toolchain": "another compiler 1.0"}))
    assert "another compiler 1.0" in refused(resume="other").message
