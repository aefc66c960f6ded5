"""`run --data` and `grad --data`."""

from __future__ import annotations

import numpy as np
import pytest

import paramprog
from paramprog import many
from paramprog.resources import programs_dir

LINE = """
dim n
param w : real[n] ~ ones(), b = 0.5
function f(x : real[n], t, label : int = 0) {
    z = dot(w, x) + b
    loss = (z - t) ** 2
    both = [z, 2 * z]
    entry = x[label]
    return z, loss, both, entry
}
"""
CSV = "x_0,x_1,t,label\n1,2,3,0\n4,5,6,1\n7,8,9,1\n"


@pytest.fixture
def line(program, write):
    """The arguments FILE --data D."""
    return program(LINE), "--data", write("d.csv", CSV)


def test_outputs_for_each_row(cli, line):
    """As CSV on stdout, a column for each entry; in the order of the rows; notes on stderr."""
    done = cli("run", *line)
    assert done.out == (
        "z,loss,both_0,both_1,entry\n3.5,0.25,3.5,7.0,1.0\n9.5,12.25,9.5,19.0,5.0\n15.5,42.25,15.5,31.0,8.0\n"
    )
    assert done.err == "note: w has no value; set to ones\n"
    assert cli("run", *line, "--output", "z", "-q").out == "z\n3.5\n9.5\n15.5\n"
    assert cli("run", *line, "--output", "both", "--json").json["value"] == [
        [3.5, 7.0],
        [9.5, 19.0],
        [15.5, 31.0],
    ]


def test_columns_that_are_not_needed(cli, program, write):
    """A prediction needs no target, whether it is bound or not."""
    name, data = program(LINE), write("d.csv", "x_0,x_1\n1,2\n")
    assert cli("run", name, "--data", data, "--output", "z", "-q").out == "z\n3.5\n"
    assert cli("run", name, "--data", data, "--output", "z", "--bind", "t=price", "-q").out == "z\n3.5\n"
    done = cli("run", name, "--data", data)
    assert (done.code, done.out) == (1, "")
    assert "d.csv:1:1: error[data-column]: the file has no column for the argument `t`" in done.err


def test_files(cli, line, tmp_path):
    """--out writes a table by its suffix, and --json says what was written."""
    done = cli("run", *line, "--out", "p.npz", "--json")
    assert done.json == {"schema": 1, "rows": 3, "out": "p.npz"}
    assert "note: 3 rows written to p.npz" in done.err
    np.testing.assert_array_equal(np.load(tmp_path / "p.npz")["both"], [[3.5, 7], [9.5, 19], [15.5, 31]])
    assert cli("run", *line, "--out", "p.csv").out == ""
    assert (tmp_path / "p.csv").read_text() == cli("run", *line).out
    done = cli("run", *line, "--out", "p.txt")
    assert (done.code, list(tmp_path.glob("*.txt"))) == (1, [])
    assert "error[data-format]" in done.err


def test_many_chunks(cli, program, write, monkeypatch):
    """More rows than are evaluated at once, in their order."""
    monkeypatch.setattr(many, "CHUNK", 7)
    data = write("d.csv", "x\n" + "".join(f"{k}\n" for k in range(40)))
    done = cli("run", program("function f(x) { return 2 * x }"), "--data", data)
    assert [float(v) for v in done.out.split()[1:]] == [2.0 * k for k in range(40)]


def test_bindings_and_scales(cli, line, tmp_path):
    """Columns are bound as in training; scales beside the params are applied to rows, and stderr says so."""
    scale = {"scale/x/shift": np.array([1.0, 2.0]), "scale/x/factor": np.array([3.0, 6.0])}
    np.savez(tmp_path / "params.npz", w=np.array([1.0, 10.0]), b=np.array(0.0), **scale)
    done = cli("run", *line, "--bind", "x=x_*", "--params", "params.npz", "--output", "z")
    assert [float(v) for v in done.out.split()[1:]] == [0.0, 6.0, 12.0]
    assert done.err == "note: x is scaled as in training, by scale/x of params.npz\n"
    done = cli("run", *line, "--bind", "x=x_1,x_0", "--params", "params.npz", "--output", "z", "-q")
    assert float(done.out.split()[1]) == pytest.approx(1 / 3 - 10 / 6)


def test_scales_are_for_rows(cli, program, tmp_path):
    """Without --data every command leaves scales alone, and says so."""
    name = program("param w = 2.0\nfunction f(x = 3.0) { return w * x }")
    np.savez(tmp_path / "p.npz", w=5.0, **{"scale/x/shift": 1.0, "scale/x/factor": 2.0})
    for command in ("run", "grad", "jacobian", "verify", "paths", "check"):
        done = cli(command, name, "--params", "p.npz")
        assert done.code == 0, done.err
        assert "note: x was scaled in training; values given here are used as they are" in done.err
    assert cli("run", name, "--params", "p.npz", "-q").out == "out0 = 15.0\n"


def test_mean_gradient(cli):
    """Over a file it is that of the Python interface, and that of each row with --per-sample."""
    path, data = programs_dir() / "digits_mlp.pp", programs_dir() / "data" / "digits.csv"
    done = cli("grad", path, "--data", data, "--bind", "x=pixel_*", "--wrt", "b2", "--json", "-q").json
    table = np.genfromtxt(data, delimiter=",", skip_header=1)
    expected = paramprog.load(path).grad(x=table[:, :64], label=table[:, 64], batch=True, wrt="b2")
    assert done["rows"] == len(table) == 1797
    assert list(done["gradients"]) == ["b2"]
    np.testing.assert_allclose(done["value"], expected.value, rtol=1e-12)
    np.testing.assert_allclose(done["gradients"]["b2"], expected["b2"], rtol=1e-10, atol=1e-14)
    assert done["inputs"] == {}
    assert set(done["params"]) == {"W1", "b1", "W2", "b2"}


def test_gradient_text_and_files(cli, line, tmp_path):
    """As without --data; --out writes `value` and `gradient/NAME`."""
    done = cli("grad", *line, "--output", "loss", "-q")
    assert done.out == "loss     = 18.25\ndloss/dw = [40. 47.]\ndloss/db = 7.0\n"
    done = cli("grad", *line, "--output", "loss", "--wrt", "b,x", "--per-sample", "--out", "g.npz", "-q")
    assert (done.code, done.out) == (0, "")
    with np.load(tmp_path / "g.npz") as found:
        assert sorted(found) == ["gradient/b", "gradient/x", "value"]
        assert found["value"].tolist() == [0.25, 12.25, 42.25]
        assert found["gradient/b"].tolist() == [1, 7, 13]
        assert found["gradient/x"].shape == (3, 2)


@pytest.mark.parametrize(
    "options, code",
    [
        (["run", "--bind", "x=a"], "no-data"),
        (["run", "--out", "p.csv"], "no-data"),
        (["grad", "--per-sample"], "no-data"),
        (["grad", "--data", "d.csv", "--output", "loss", "--mode", "paths"], "batch-mode"),
        (["grad", "--data", "d.csv", "--output", "loss", "--by-use"], "batch-mode"),
        (["grad", "--data", "d.csv", "--output", "loss", "--emit", "pp"], "batch-mode"),
        (["grad", "--data", "d.csv", "--output", "loss", "--out", "g.csv"], "data-format"),
        (["grad", "--data", "d.csv"], "which-output"),
        (["run", "--data", "none.csv"], "data-read"),
        (["run", "--data", "d.csv", "--bind", "y=t"], "unknown-input"),
    ],
)
def test_what_does_not_go_together(cli, line, options, code):
    """A diagnostic, exit 1, and nothing on stdout."""
    command, *rest = options
    done = cli(command, line[0], *rest)
    assert (done.code, done.out) == (1, "")
    assert f"error[{code}]" in done.err


def test_bad_syntax_of_bind(cli, line):
    """A usage error."""
    for text in ("x", "=a", "x=", "1=a"):
        assert cli("run", *line, "--bind", text).code == 2


def test_faults_are_shown_in_the_file(cli, program, write):
    """file:line:col of the cell, for cells that are no numbers and for labels out of range."""
    name = program(LINE)
    done = cli("run", name, "--data", write("a.csv", CSV.replace("5", "five")))
    assert done.code == 1
    assert 'a.csv:3:3: error[data-number]: column `x_1` holds "five"' in done.err
    done = cli("grad", name, "--output", "entry", "--data", write("b.csv", CSV.replace("9,1", "9,4")))
    assert done.code == 1
    assert "b.csv:4:7: error[index-range]: `label` is 4: index 4 is out of range for 2 entries" in done.err


def test_rows_that_are_not_finite(cli, program, write):
    """A warning with the place in the program and the line of the file; exit 0."""
    name, data = program("function f(x) {\n    return sqrt(x)\n}"), write("d.csv", "x\n1\n0\n-1\n")
    done = cli("run", name, "--data", data)
    assert (done.code, done.out) == (0, "out0\n1.0\n0.0\nNaN\n")
    assert "program.pp:2:12: warning[non-finite]" in done.err
    assert "for d.csv:4" in done.err
    done = cli("grad", name, "--data", data)
    assert (done.code, "for d.csv:3" in done.err) == (0, True)
