"""The folder of a run: one run, one process, and nothing lost or doubled when it is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from full_disk import fails_at
from hypothesis import given
from hypothesis import strategies as st

from paramprog.data.values import read_values
from paramprog.diagnostics import ProgramError
from paramprog.fitting.checkpoint import load
from paramprog.fitting.run_directory import RunDirectory

ARRAYS = {"theta": np.arange(4.0)}


@pytest.fixture
def run(tmp_path):
    with RunDirectory.create(tmp_path / "run") as run:
        yield run


def begun(path):
    """A folder of a run with a configuration, three records, a checkpoint after two of them."""
    with RunDirectory.create(path) as run:
        run.write_config({"seed": 1})
        for epoch in (1, 2):
            run.append_log({"epoch": epoch})
        run.save_checkpoint(ARRAYS, {"records": 2})
        run.append_log({"epoch": 3})
    return path


# ---- who may use it ----------------------------------------------------------------------------------------


def test_create_makes_parents(tmp_path):
    """The folder and its parents are made; a folder with other files, or of a run that never began, is taken."""
    with RunDirectory.create(tmp_path / "a" / "b" / "run") as run:
        assert run.path.is_dir()
        (run.path / "notes.txt").touch()
    with RunDirectory.create(run.path):
        assert sorted(os.listdir(run.path)) == ["lock", "notes.txt"]


@pytest.mark.parametrize(
    "name", ["config.json", "log.jsonl", "checkpoint.npz", "best.npz", "params.npz", "curve.svg", "curve.png"]
)
def test_a_run_is_never_overwritten(tmp_path, name):
    """A folder with any file of a run is refused by name, untouched, and is not locked afterwards."""
    (tmp_path / name).write_text("old")
    for _ in range(2):
        with pytest.raises(
            ProgramError, match=rf"\[run-exists\]: `.*` already holds a run \(`{name}`\)\n.*--resume"
        ):
            RunDirectory.create(tmp_path)
    assert (tmp_path / name).read_text() == "old"


def test_a_file_is_no_folder(tmp_path):
    """A file where the folder should be is an error with the cause."""
    (tmp_path / "run").touch()
    with pytest.raises(ProgramError, match=r"\[unwritable\]: cannot write `.*run`: File exists"):
        RunDirectory.create(tmp_path / "run")
    with pytest.raises(ProgramError, match=r"\[unwritable\]: cannot write `.*run/under`: Not a directory"):
        RunDirectory.create(tmp_path / "run" / "under")


def test_nothing_to_resume(tmp_path):
    """Only a folder with a configuration can be resumed; nothing is made where there is none."""
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(ProgramError, match=r"\[run-missing\]: there is no run in `"):
            RunDirectory.resume(path)
    assert os.listdir(tmp_path) == []


def test_locked(tmp_path):
    """A second user is refused, with the number of the first, until the first is done."""
    begun(tmp_path / "run")
    with RunDirectory.resume(tmp_path / "run") as first:
        with pytest.raises(
            ProgramError, match=rf"\[run-locked\]: .* process {os.getpid()} is training into it"
        ):
            RunDirectory.resume(tmp_path / "run")
        with pytest.raises(ProgramError, match=r"\[run-locked\]"):
            RunDirectory.create(tmp_path / "run")
        first.close()
        RunDirectory.resume(tmp_path / "run").close()


HOLDER = """
import sys, time
from paramprog.fitting.run_directory import RunDirectory
run = RunDirectory.resume(sys.argv[1])
print("locked", flush=True)
time.sleep(60)
"""


def test_a_killed_process_holds_no_lock(tmp_path):
    """The lock is released by the system when its holder is killed, and what it left half written is removed."""
    begun(tmp_path / "run")
    process = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "run"], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        with pytest.raises(ProgramError, match=rf"process {process.pid} is training"):
            RunDirectory.resume(tmp_path / "run")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    (tmp_path / "run" / f".checkpoint.npz.{process.pid}.tmp").touch()
    with RunDirectory.resume(tmp_path / "run") as run:
        assert sorted(os.listdir(run.path)) == ["checkpoint.npz", "config.json", "lock", "log.jsonl"]


# ---- the configuration -------------------------------------------------------------------------------------


def test_config(run):
    """The configuration comes back; what JSON lacks is spelled as strings."""
    run.write_config(
        {"seed": np.int64(3), "lr": 1e-3, "clip": float("inf"), "sizes": (1, 2), "out": run.path}
    )
    expected = {"seed": 3, "lr": 1e-3, "clip": "Infinity", "sizes": [1, 2], "out": str(run.path)}
    assert run.read_config() == expected
    assert list(run.read_config()) == list(expected)


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000])
def test_damaged_config(run, text):
    """A configuration that is not a JSON object is refused by name."""
    run.config.write_bytes(text)
    with pytest.raises(ProgramError, match=r"\[run-config\]: `.*config.json` is damaged"):
        run.read_config()


def test_no_config(run):
    """A missing configuration is named."""
    with pytest.raises(
        ProgramError, match=r"\[unreadable-file\]: `.*config.json` cannot be read: No such file"
    ):
        run.read_config()


# ---- the log -----------------------------------------------------------------------------------------------


def test_log_lines(run):
    """One strict JSON object a line, at once in the file."""
    run.append_log(
        {"epoch": 1, "loss": np.float32(0.5), "val_loss": float("nan"), "limits": [-np.inf, np.inf]}
    )
    run.append_log({"epoch": np.int64(2), "grads": np.array([1.0, np.nan])})

    def refuse(word):
        raise AssertionError(word)

    lines = run.log.read_text().splitlines()
    assert [json.loads(line, parse_constant=refuse) for line in lines] == run.read_log()
    assert run.read_log() == [
        {"epoch": 1, "loss": 0.5, "val_loss": "NaN", "limits": ["-Infinity", "Infinity"]},
        {"epoch": 2, "grads": [1.0, "NaN"]},
    ]


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 200))
def test_each_epoch_once(tmp_path_factory, known, later, torn):
    """Killed at any moment after the checkpoint and resumed, the log is that of an uninterrupted run."""
    path = tmp_path_factory.mktemp("run")
    records = [{"epoch": e, "loss": 1 / (e + 1)} for e in range(known + later)]
    with RunDirectory.create(path) as run:
        for record in records:
            run.append_log(record)
        whole = run.log.read_bytes() if records else b""
        kept = sum(map(len, whole.splitlines(keepends=True)[:known]))
        if records:
            os.truncate(run.log, kept + min(torn, len(whole) - kept))
        run.truncate_log(known)
        assert run.read_log() == records[:known]
        for record in records[known:]:
            run.append_log(record)
        assert (run.log.read_bytes() if records else b"") == whole


def test_records_lost(tmp_path):
    """A log that has fewer records than the checkpoint knows of is refused, and left as it is."""
    with RunDirectory.resume(begun(tmp_path / "run")) as run:
        before = run.log.read_bytes()
        with pytest.raises(ProgramError, match=r"\[run-log\]: .* has 3 complete lines, .* was made after 4"):
            run.truncate_log(4)
        assert run.log.read_bytes() == before
        run.log.unlink()
        with pytest.raises(ProgramError, match="has 0 complete lines"):
            run.truncate_log(1)
        run.truncate_log(0)
        assert run.read_log() == []


@pytest.mark.parametrize("line", [b"{", b"3", b"\xff", b'{"epoch":\r2}x', b""])
def test_damaged_log(run, line):
    """A damaged line is named, unless it is one that is cut off anyway."""
    run.append_log({"epoch": 1})
    with open(run.log, "ab") as file:
        file.write(line + b"\n")
    for read in (run.read_log, lambda: run.truncate_log(2)):
        with pytest.raises(
            ProgramError, match=r"\[run-log\]: `.*log.jsonl` is damaged: line 2 is not a JSON object"
        ):
            read()
    run.truncate_log(1)
    assert run.read_log() == [{"epoch": 1}]


@pytest.mark.parametrize("partial", [False, True])
def test_log_on_a_full_disk(run, monkeypatch, partial):
    """A record that does not fit is an error with file and cause, and no part of it stays."""
    run.append_log({"epoch": 1})
    for turn in range(2):
        with monkeypatch.context() as patch:
            fails_at(patch, turn, partial=partial)
            with pytest.raises(ProgramError, match=r"cannot write `.*log.jsonl`: No space left on device"):
                run.append_log({"epoch": 2})
        assert run.log.read_bytes() == b'{"epoch": 1}\n'


# ---- checkpoints and the result ----------------------------------------------------------------------------


def test_resume_point(tmp_path):
    """The last checkpoint; none before the first: then there is only the configuration."""
    with RunDirectory.create(tmp_path / "new") as run:
        run.write_config({})
    with RunDirectory.resume(tmp_path / "new") as run:
        assert run.resume_point() is None
    with RunDirectory.resume(begun(tmp_path / "run")) as run:
        arrays, meta = run.resume_point()
        assert meta == {"records": 2} and np.array_equal(arrays["theta"], ARRAYS["theta"])


def test_a_checkpoint_that_is_gone(tmp_path):
    """The log shows that there was one; the best params, if there are any, are pointed at."""
    with RunDirectory.resume(begun(tmp_path / "run")) as run:
        assert run.params_file() == run.checkpoint
        run.checkpoint.unlink()
        with pytest.raises(
            ProgramError, match=r"\[run-missing\].* has a log, and no `checkpoint.npz`"
        ) as caught:
            run.resume_point()
        assert caught.value.diagnostics[0].hint == "put it back, or begin a new run"
        assert run.params_file() is None
        run.save_best(ARRAYS, {"records": 1})
        assert run.params_file() == run.best
        with pytest.raises(ProgramError, match=r"run-missing[^\n]*\n  hint: .*--params .*best.npz"):
            run.resume_point()
        run.save_params(ARRAYS)
        assert run.params_file() == run.params


def test_damaged_checkpoint(tmp_path):
    """A damaged checkpoint is refused by name; the best one is pointed at and never taken in its place."""
    with RunDirectory.resume(begun(tmp_path / "run")) as run:
        run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:-10])
        with pytest.raises(ProgramError, match=r"\[checkpoint-damaged\]: `.*/checkpoint.npz`") as caught:
            run.resume_point()
        assert "best" not in str(caught.value)
        run.save_best(ARRAYS, {"records": 1})
        with pytest.raises(
            ProgramError, match=r"checkpoint-damaged[^\n]*\n  hint: `.*/best.npz` may be whole"
        ):
            run.resume_point()


def test_full_disk(tmp_path, monkeypatch):
    """At whichever call the disk is full while a checkpoint is saved, the run can be resumed from the one before."""
    with RunDirectory.resume(begun(tmp_path / "run")) as run:
        files = sorted(os.listdir(run.path))
        for turn in range(6):  # the log: open, fsync; the checkpoint: open, write, fsync, replace
            with monkeypatch.context() as patch:
                fails_at(patch, turn)
                with pytest.raises(ProgramError, match=r"cannot write `.*`: No space left on device"):
                    run.save_checkpoint(ARRAYS, {"records": 3})
            assert sorted(os.listdir(run.path)) == files
            assert run.resume_point().meta == {"records": 2}
        run.save_checkpoint(ARRAYS, {"records": 3})
        assert run.resume_point().meta == {"records": 3}


def test_params(run):
    """The result is read by `--params`, which knows arrays only; writing it ends the run; the bytes are its own."""
    assert not run.finished
    arrays = {"W": np.ones((2, 3)), "scale/x/shift": np.float32([0.5])}
    run.save_params(arrays)
    first = run.params.read_bytes()
    found = read_values(run.params)
    assert found.keys() == arrays.keys() and all(np.array_equal(found[n], arrays[n]) for n in arrays)
    run.save_params(dict(reversed(arrays.items())))
    assert run.finished and run.params.read_bytes() == first
    with pytest.raises(ProgramError, match="checkpoint-foreign"):
        load(run.params)


def test_result_on_a_full_disk(run, monkeypatch):
    """A result or configuration that cannot be written is an error with file and cause, and no file."""
    for turn in range(4):
        with monkeypatch.context() as patch:
            fails_at(patch, turn, partial=True)
            with pytest.raises(
                ProgramError, match=r"\[unwritable\]: cannot write `.*params.npz`: No space left"
            ):
                run.save_params(ARRAYS)
    assert os.listdir(run.path) == ["lock"] and not run.finished
