"""`paramprog verify`."""

from __future__ import annotations

import dataclasses

import pytest

from paramprog.program import Program
from paramprog.resources import programs_dir


@pytest.mark.parametrize("path", sorted(programs_dir().glob("*.pp")), ids=lambda path: path.stem)
def test_shipped_programs(cli, path):
    """All checks agree: exit 0, and a table."""
    done = cli("verify", path, "-q")
    assert (done.code, done.err) == (0, "")
    assert "FAILED" not in done.out


def test_json(cli, shipped):
    """The keys of the contract; the running example has two paths from W0 and one from each other param."""
    found = cli("verify", shipped("running_example"), "--json").json
    assert (found["ok"], found["paths"]) == (True, 4)
    assert all({"name", "ok", "error", "tolerance"} <= set(check) for check in found["checks"])
    assert cli("verify", shipped("running_example"), "--wrt", "W0", "--json").json["paths"] == 2


def test_disagreement_is_exit_1(cli, shipped, monkeypatch):
    """The table is printed, and the exit code tells."""
    honest = Program.verify

    def dishonest(*arguments, **options):
        return dataclasses.replace(honest(*arguments, **options), ok=False)

    monkeypatch.setattr(Program, "verify", dishonest)
    done = cli("verify", shipped("square_plus"))
    assert done.code == 1
    assert done.out
    assert cli("verify", shipped("square_plus"), "--json").json["ok"] is False


def test_arrays_can_be_verified(cli, program):
    """An output that is not scalar is weighed with a covector."""
    done = cli("verify", program("function f(x : real[3] = [1.0, 2.0, 3.0]) { y = tanh(x)\n return y }"))
    assert done.code == 0, done.err


def test_notes(cli, shipped):
    """They say what was drawn; -q silences them."""
    assert "note: W1 has no value" in cli("verify", shipped("residual_block")).err
    assert cli("verify", shipped("residual_block"), "-q").err == ""


def test_errors(cli, shipped):
    """Unknown points and outputs are errors."""
    assert "error[unknown-point]" in cli("verify", shipped("square_plus"), "--wrt", "z").err
    assert "error[unknown-output]" in cli("verify", shipped("square_plus"), "--output", "z").err


def test_kinks(cli, tmp_path):
    """A table after that of the checks, and a key of the document; the exit code is that of the checks."""
    path = tmp_path / "jump.pp"
    path.write_text("function f(x = 0.5) { return if x > 2 then x + 1 else relu(x) }\n")
    done = cli("verify", path, "--kinks")
    assert done.code == 0
    shown = done.out.partition("\n\n")[2].splitlines()
    assert shown[0] == "kinks: the nearest 2, of 2 operations"
    assert [line.split("  ")[0].rpartition("jump.pp:")[2] for line in shown[2:]] == ["1:55", "1:33"]
    assert shown[2].endswith("a kink")
    assert shown[3].endswith("a jump, which the gradient does not see")
    found = cli("verify", path, "--kinks", "1", "--json").json
    assert found["ok"] is True
    assert found["kinks"]["count"] == 2
    [nearest] = found["kinks"]["nearest"]
    assert (nearest["line"], nearest["col"], nearest["what"]) == (1, 55, "relu(x)")
    assert (nearest["margin"], nearest["distance"], nearest["verdict"]) == (0.5, 0.5, "kink")


def test_smooth_programs_have_no_kinks(cli, shipped):
    assert cli("verify", shipped("running_example"), "--kinks").out.splitlines()[-1] == (
        "kinks: none; nothing that was computed changes its piece with what is varied"
    )
    assert "kinks" not in cli("verify", shipped("running_example"), "--json").json


def test_kinks_is_a_number(cli, shipped):
    assert cli("verify", shipped("running_example"), "--kinks", "0").code == 2
