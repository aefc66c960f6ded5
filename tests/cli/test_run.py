"""`paramprog run`, and how values are given and printed."""

from __future__ import annotations

import json

import numpy as np
import pytest

SEVERAL = """function f(x = 2.0, i : int = 3, v : real[2] = [1.0, 2.0], b : bool = true) {
    y = x * x
    on = [b, x < 0.0]
    return y, v * x, on, i
}
"""


def test_all_outputs(cli, program):
    """`name = value`, aligned; bools as the language writes them."""
    done = cli("run", program(SEVERAL))
    assert (done.code, done.err) == (0, "")
    assert done.out == "y    = 4.0\nout1 = [2. 4.]\non   = [true false]\ni    = 3\n"


def test_json(cli, program, shipped):
    """`value` is the value of a single output, else an object."""
    assert cli("run", shipped("square_plus"), "--json").json == {"schema": 1, "value": 306.0}
    name = program(SEVERAL)
    value = {"y": 4.0, "out1": [2.0, 4.0], "on": [True, False], "i": 3}
    assert cli("run", name, "--json").json["value"] == value


def test_output(cli, program):
    """--output chooses one, of any kind; an unknown one gets a hint."""
    name = program(SEVERAL)
    assert cli("run", name, "--output", "i").out == "i = 3\n"
    assert cli("run", name, "--output", "on", "--json").json["value"] == [True, False]
    done = cli("run", name, "--output", "out")
    assert done.code == 1
    assert "did you mean `out1`?" in done.err


def test_scalars_have_all_their_digits(cli, program):
    """float64 prints 17 digits where needed, float32 as many as it has."""
    name = program("function f(x = 0.1) { y = x + 0.2\n return y }")
    assert cli("run", name).out == "y = 0.30000000000000004\n"
    found = cli("run", name, "--dtype", "float32")
    assert found.out == f"y = {np.float32(0.1) + np.float32(0.2)!s}\n"
    assert cli("run", name, "--dtype", "float32", "--json").json["value"] == float(
        np.float32(0.1) + np.float32(0.2)
    )


def test_arrays_of_several_lines_are_indented(cli, program):
    """They start on the next line; a long vector too."""
    name = program("function f(A = [[1.0, 2.0], [3.0, 4.0]]) { B = A * -0.0\n return A, B }")
    assert cli("run", name).out == "A =\n  [[1. 2.]\n   [3. 4.]]\nB =\n  [[0. 0.]\n   [0. 0.]]\n"


def test_big_arrays_are_summarised(cli, program):
    """In text, not in JSON."""
    name = program("function f(x : real[100, 100]) { return x }")
    done = cli("run", name)
    assert "..." in done.out
    assert done.out.count("\n") < 20
    assert all(len(line) <= 80 for line in done.out.splitlines())
    assert np.shape(cli("run", name, "--json").json["value"]) == (100, 100)


# ---- values --------------------------------------------------------------


@pytest.mark.parametrize(
    "text, value",
    [
        ("2", 2.0),
        ("-2.5", -2.5),
        (".5", 0.5),
        ("+1e-3", 1e-3),
        ("1e400", "Infinity"),
        ("-inf", "-Infinity"),
        ("NaN", "NaN"),
        (" 3 ", 3.0),
        (str(10**30), 1e30),
    ],
)
def test_numbers_given_by_at(cli, program, text, value):
    """A real takes every spelling of a number."""
    name = program("function f(x) { return x }")
    assert cli("run", name, "--at", f"x={text}", "--json").json["value"] == value


def test_other_kinds_given_by_at(cli, program):
    """Ints, bools and lists; repeated, the last one wins; NAME may be that of an option."""
    name = program("function f(i : int, b : bool, A : real[2, 2], seed : bool[2]) { return i, b, A, seed }")
    done = cli(
        "run",
        name,
        "--json",
        *("--at", "i=7", "--at", "i=-8", "--at", "b=true", "--at", "A=[[1, 2], [3, 4.5]]"),
        *("--at", "seed=[false, true]"),
    )
    value = {"i": -8, "b": True, "A": [[1.0, 2.0], [3.0, 4.5]], "seed": [False, True]}
    assert done.json["value"] == value


@pytest.mark.parametrize(
    "text",
    ["P", "=1", "P=", "1P=2", "P=abc", "P=[1", "P={}", 'P="x"', "P=null", "P=1_000", "P=" + "[" * 100_000]
    + ["P=" + "9" * 5000, "P-Q=3", "P=1,2", "P=+-3"],
)
def test_bad_syntax_of_at_is_a_usage_error(cli, shipped, text):
    """Exit 2, and the message names the option."""
    done = cli("run", shipped("running_example"), "--at", text)
    assert (done.code, done.out) == (2, "")
    assert "argument --at: " in done.err
    assert len(done.err) < 500


@pytest.mark.parametrize(
    "text, code, message",
    [
        ("x=[[1, 2]]", "input-shape", "`x` is real[3]; the given value has shape [1, 2]"),
        ("x=1", "input-shape", "is a scalar"),
        ("x=[[1], [1, 2]]", "values-file", "--at x is not a rectangular array"),
        ('x=["a", 1, 2]', "values-file", "--at x holds a string"),
        ("x=[null, 1, 2]", "values-file", "--at x holds null"),
        ("x=[true, 1, 2]", "values-file", "--at x mixes bools with numbers"),
        ("x=" + "[" * 40 + "]" * 40, "values-file", "more than 32 axes"),
        ("x=[1" + "0" * 400 + ", 1, 2]", "values-file", "too large"),
        ("x=[true, true, false]", "input-value", "the given value is bool"),
        ("xx=1", "unknown-input", "`xx` is neither an input nor a param"),
    ],
)
def test_values_that_do_not_fit(cli, shipped, text, code, message):
    """Exit 1, with what is wrong."""
    done = cli("run", shipped("logistic"), "--at", text)
    assert (done.code, done.out) == (1, "")
    assert f"error[{code}]" in done.err
    assert message in done.err


def test_ints_and_bools_must_be_given(cli, program):
    """They are never drawn; what is given must be whole, or a bool."""
    name = program("function f(i : int, b : bool) { return i }")
    done = cli("run", name, "--at", "b=true")
    assert done.code == 1
    assert "error[missing-input]" in done.err
    assert "--at i=..." in done.err
    assert "error[input-value]" in cli("run", name, "--at", "i=1.5", "--at", "b=true").err
    assert "error[input-value]" in cli("run", name, "--at", "i=1", "--at", "b=1").err


def test_notes_say_what_was_drawn(cli, shipped):
    """On stderr, unless -q; another seed draws other values."""
    done = cli("run", shipped("running_example_lecture"))
    assert done.err.splitlines() == [
        "note: P has no value; drawn from normal(0, 1) with seed 0",
        "note: Q has no value; drawn from normal(0, 1) with seed 0",
    ]
    quiet = cli("run", shipped("running_example_lecture"), "-q")
    assert (quiet.out, quiet.err) == (done.out, "")
    assert cli("run", shipped("running_example_lecture"), "--seed", "1").out != done.out
    given = cli("run", shipped("running_example_lecture"), "--at", "P=0.3", "--at", "Q=0.7")
    assert (given.out, given.err) == (cli("run", shipped("running_example")).out, "")


def test_values_that_are_not_finite(cli, program):
    """A warning with the place on stderr (not with -q), the word in text and as a string in JSON, exit 0."""
    name = program("function f(x = -1.0) {\n    y = log(x)\n    return y\n}\n")
    done = cli("run", name)
    assert (done.code, done.out) == (0, "y = NaN\n")
    assert "program.pp:2:9: warning[non-finite]" in done.err
    assert cli("run", name, "--json").json["value"] == "NaN"
    assert cli("run", name, "-q").err == ""
    infinite = "function f(x = 0.0) { return [log(x), 1 / x, 1.0] }"
    assert cli("run", program(infinite), "--json").json["value"] == ["-Infinity", "Infinity", 1.0]


def test_precedence(cli, program, write):
    """--at over --params over --inputs; either file may name inputs and params."""
    name = program("param w = 1.0\nfunction f(x = 1.0, y = 1.0) { return [w, x, y] }")
    write("i.json", '{"w": 2, "x": 2, "y": 2}')
    write("p.json", '{"w": 3, "x": 3}')
    done = cli("run", name, "--inputs", "i.json", "--params", "p.json", "--at", "w=4", "--json")
    assert done.json["value"] == [4.0, 3.0, 2.0]


def test_sizes_from_data(cli, program, write):
    """The shape of a value in a file binds an open dim."""
    name = program("dim n\nparam w : real[n] ~ ones()\nfunction f(x : real[n]) { return dot(w, x) }")
    done = cli("run", name, "--inputs", write("x.json", json.dumps({"x": [1, 2, 3]})))
    assert (done.code, done.out) == (0, "out0 = 6.0\n")


def test_limit_of_nodes(cli, shipped):
    """--max-nodes bounds the graph, and the message names it."""
    done = cli("run", shipped("digits_mlp"), "--max-nodes", "5")
    assert done.code == 1
    assert "--max-nodes" in done.err
