"""`paramprog check`."""

from __future__ import annotations

import pytest

from paramprog.resources import programs_dir


@pytest.mark.parametrize("path", sorted(programs_dir().glob("*.pp")), ids=lambda path: path.stem)
def test_shipped_programs_are_ok(cli, path):
    """All of them pass, in text and as JSON."""
    done = cli("check", path)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("\nok\n")
    assert cli("check", path, "--json").json["ok"] is True


def test_signature_and_shapes(cli, shipped):
    """The signature, then each param and named point with its type, aligned."""
    assert cli("check", shipped("relu_layer")).out == (
        "function layer(x : real[2]) -> real\n"
        "param  W : real[3, 2]\n"
        "param  b : real[3]\n"
        "point  z : real[3]\n"
        "point  y : real\n"
        "ok\n"
    )


def test_json(cli, shipped):
    """The keys of the contract, shapes as lists."""
    found = cli("check", shipped("digits_mlp"), "--json").json
    assert found == {
        "schema": 1,
        "ok": True,
        "function": "loss",
        "inputs": {"x": {"kind": "real", "shape": [64]}, "label": {"kind": "int", "shape": []}},
        "params": {
            "W1": {"kind": "real", "shape": [32, 64]},
            "b1": {"kind": "real", "shape": [32]},
            "W2": {"kind": "real", "shape": [10, 32]},
            "b2": {"kind": "real", "shape": [10]},
        },
        "output": {"out0": {"kind": "real", "shape": []}},
        "diagnostics": [],
    }


def test_all_errors_are_shown(cli, program):
    """Several independent errors, each with its place, and nothing on stdout."""
    done = cli("check", program("function f(x) {\n    a = u\n    b = v\n    return x\n}\n"))
    assert (done.code, done.out) == (1, "")
    assert done.err.count("error[undefined-name]") == 2


def test_errors_as_json(cli, program):
    """With --json, stdout has a document that is not ok and lists the diagnostics, which stderr shows too."""
    done = cli("check", program("function f(x) {\n    a = u\n    return x\n}\n"), "--json")
    assert done.code == 1
    assert "program.pp:2:9: error[undefined-name]" in done.err
    assert done.json["ok"] is False
    (found,) = done.json["diagnostics"]
    assert (found["code"], found["severity"]) == ("undefined-name", "error")
    assert (found["file"], found["line"], found["column"]) == ("program.pp", 2, 9)
    assert cli("check", "missing.pp", "--json").json["diagnostics"][0]["line"] is None


def test_function(cli, shipped):
    """--function chooses the entry function; an unknown one gets a hint."""
    assert (
        "function guarded(x : real) -> real\n"
        in cli("check", shipped("guarded_log"), "--function", "guarded").out
    )
    done = cli("check", shipped("guarded_log"), "--function", "totl")
    assert done.code == 1
    assert "did you mean `total`?" in done.err


def test_sizes(cli, program):
    """--dim, data files and --at bind sizes; without them, or against each other, it is an error."""
    name = program("dim n\nfunction f(x : real[n]) { return sum(x) }\n")
    done = cli("check", name)
    assert done.code == 1
    assert "error[dim-unbound]" in done.err
    assert "--dim n=8" in done.err
    assert "x : real[3]" in cli("check", name, "--dim", "n=3").out
    assert "x : real[2]" in cli("check", name, "--at", "x=[1, 2]").out
    done = cli("check", name, "--at", "x=[1, 2]", "--dim", "n=3")
    assert done.code == 1
    assert "error[dim-conflict]" in done.err
    assert "there is no dim `m`" in cli("check", name, "--dim", "m=3").err


def test_unknown_names(cli, shipped):
    """Also `check` refuses values for names that do not exist, and unknown outputs."""
    assert "error[unknown-input]" in cli("check", shipped("logistic"), "--at", "v=1").err
    assert "error[unknown-output]" in cli("check", shipped("logistic"), "--output", "v").err


def test_a_program_without_points(cli, program):
    """Then there is only the signature."""
    assert cli("check", program("function f(x) { return x }")).out == "function f(x : real) -> real\nok\n"


JUMPS = """param w = 1.5, v = 1.0
function f() { return if w > 1 then w + 2 else w }
"""


def test_warnings(cli, tmp_path):
    """They are no errors: exit 0; --quiet leaves them out, JSON lists them."""
    (tmp_path / "jumps.pp").write_text(JUMPS)
    done = cli("check", tmp_path / "jumps.pp")
    assert done.code == 0
    assert [line.split(": ")[1] for line in done.err.splitlines() if ": warning[" in line] == [
        "warning[unused-parameter]", "warning[branch-jump]",
    ]  # fmt: skip
    assert cli("check", tmp_path / "jumps.pp", "-q").err == ""
    found = cli("check", tmp_path / "jumps.pp", "--json").json
    assert found["ok"] is True
    assert [(d["code"], d["severity"], d["line"], d["column"]) for d in found["diagnostics"]] == [
        ("unused-parameter", "warning", 1, 16),
        ("branch-jump", "warning", 2, 26),
    ]
