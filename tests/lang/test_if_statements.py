"""`if` statements that are decided at run time: names are merged, what is not taken is not evaluated."""

from __future__ import annotations

import pytest
from checking import code, derivatives, messages, value

import paramprog
from paramprog.transfer.branches import Branch


def function(body: str, arguments: str = "x = 2.0") -> str:
    return f"function f({arguments}) {{\n{body}\n}}"


# ---- values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "y = 1.0\nif x > 1 { y = x * x }\nreturn y",
        "y = 1.0\nif x > 1 { y = x * x } else { y = -x }\nreturn y",
        "if x > 1 { y = x * x } else { y = -x }\nreturn y",
        "if x > 1 { a, b = x, 2 * x } else { a = 3 * x; b = x * x }\nreturn a - b",
        "if x > 5 { y = 1 } else if x > 1 { y = x } else if x > 0 { y = sin(x) } else { y = 0 }\nreturn y",
        "y = 3\nif x > 1 { y = y * 2 }\nif x > 1.5 { y = y + x }\nreturn y",
        "y = x\nif x > 1 { if x > 1.5 { y = x * x } else { y = 1 }; z = y } else { z = 0 }\nreturn y + z",
        "y = 0\nif x > 1 { z = x * x\ny = z + 1 }\nreturn y",
        "v = [x, 1.0, 3.0]\nif x > 1 { v[0] = 5.0 * x; v[1] = v[0] } else { v[2] = 0 }\nreturn sum(v * v)",
        "if x > 1 { return x * x } else { return x }",
        "if x > 1 { y = x * x\nreturn sin(y) } else if x > 0 { return 1 } else { return x }",
        "k = 1\nif x > 1 { k = 2 }\nreturn [x, 2 * x, 3 * x][k]",
        "if x > 1 and true { k = 2 } else { k = 1 }\nreturn x ** k",
        "y = x\nif x > 1 { }\nreturn y",
        "y = x\nif x > 1 { z = 3 }\nreturn y",
        "y = x\nif x > 1 { y = y }\nreturn y",
        "b = x > 1\nif b { c = not b } else { c = true }\nreturn if c then x else 2 * x",
        "if 2 > 1 { if x > 1 { y = x } else { y = 2 * x } }\nreturn y",
        "if 1 > 2 { y = nonsense } else if x > 1 { y = x } else { y = 2 * x }\nreturn y",
        "if x > 1 { y = x } else if 2 > 1 { y = 2 * x } else { y = nonsense }\nreturn y",
    ],
)
@pytest.mark.parametrize("x", [2.5, 1.25, 0.5, -1.0])
def test_values_are_those_of_python(body, x):
    """On either side, by graph and interpreter; and the derivatives are those of the interpreter."""
    arguments = f"x = {x}"
    python = body.replace("else if", "elif").replace("true", "True").replace("nonsense", "0")
    python = python.replace("if x > 1 and True", "if (x > 1)")
    expected = run(python, x)
    assert value(function(body, arguments)) == pytest.approx(expected, rel=1e-14)
    derivatives(function(body, arguments))


def run(body: str, x: float) -> float:
    """The statements as Python, with braces turned into blocks."""
    lines, level = [], 1
    text = body.replace("{", "{\n").replace("}", "\n}\n").replace(";", "\n")
    text = text.replace("}\n else", "} else").replace("}\n\nelse", "} else")
    for line in (part.strip() for part in text.split("\n")):
        if line.startswith("}"):
            level -= 1
            line = line[1:].strip()
        if not line:
            continue
        if line.endswith("{"):
            lines += [" " * level + line[:-1].rstrip() + ":", " " * (level + 1) + "pass"]
            level += 1
        else:
            lines.append(" " * level + by_numpy(line))
    names = {"x": x}
    exec("import numpy as np\nfrom numpy import sin, sum\ndef f(x):\n" + "\n".join(lines), names)
    return float(names["f"](x))  # type: ignore[operator]


def by_numpy(line: str) -> str:
    line = line.replace("v = [x, 1.0, 3.0]", "v = np.array([x, 1.0, 3.0])")
    if " then " in line:
        line = "return x if c else 2 * x"
    return line


def test_several_results_by_arms():
    """They have one name where all arms agree, and each is real if it is real in one arm."""
    body = "y = x\nif x > 1 { z = 2 * x; return y, z } else { w = 3; return y, w }"
    program = paramprog.loads(function(body))
    assert {k: float(v) for k, v in program.run().outputs.items()} == {"y": 2.0, "out1": 4.0}
    assert {k: float(v) for k, v in program.run({"x": 0.0}).outputs.items()} == {"y": 0.0, "out1": 3.0}


def test_what_is_not_taken_is_not_evaluated():
    """Neither an index out of range, nor an infinite derivative."""
    body = "y = 0.0\nif k < 2 { y = v[k] }\nif x > 0 { y = y + log(x) + sqrt(x) }\nreturn y"
    for k, x in ((1, 2.0), (7, 2.0), (7, -1.0)):
        found = derivatives(function(body, f"v = [3.0, 4.0], k = {k}, x = {x}"))
        assert found["v"].tolist() == [0.0, 1.0 if k == 1 else 0.0]
    assert paramprog.loads(function(body, "v = [3.0], k = 0, x = 0.0")).grad()["x"] == 0


def test_one_branch_for_all_names():
    """A statement is one region, whose results are the names it changes; names of an arm are its own."""
    body = "a = x\nb = 2 * x\nif x > 1 { t = a * b; a = t; b = t + 1 } else { s = 3 }\nreturn a + b"
    built = paramprog.loads(function(body)).compiled().built
    assert sum(isinstance(n.op, Branch) for n in built.graph.nodes) == 1
    assert list(built.points) == ["a", "b"]
    assert built.points["a"].op.name == "part"


def test_calls_made_in_an_arm_are_its_own():
    """A call with the same points after the `if` is made again; one made before is used inside."""
    text = "function g(x) { return exp(x) }\n"
    text += function("if x > 1 { y = g(x) } else { y = 1 }\nreturn y + g(x)", "x = 0.5")
    derivatives(text)
    graph = paramprog.loads(text).compiled().built.graph
    assert sum(n.op.name == "exp" for n in graph.nodes) == 1
    text = text.replace("if x > 1", "z = g(x)\nif x > 1")
    graph = paramprog.loads(text).compiled().built.graph
    assert len([n for n in graph.nodes if n.op.name == "exp"]) == 1
    assert sum(len(b.nodes) for n in graph.nodes for b in n.attrs.get("bodies", ())) < 4


def test_long_chains_and_deep_nests():
    chain = "".join(f"if x > {k} {{ y = {k} * x }} else " for k in range(300, 0, -1))
    assert value(function(f"{chain} {{ y = 0 }}\nreturn y")) == 2.0
    nest = "y = 0\n" + "".join(f"if x > -{k} {{ " for k in range(100)) + "y = x" + "}" * 100 + "\nreturn y"
    assert value(function(nest)) == 2.0
    deep = "".join(f"if x > {k} {{ y = {k} }} else " for k in range(600)) + "{ y = 0 }\nreturn y"
    assert code(function(deep)) == "nesting-limit"


# ---- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body, expected",
    [
        (
            "if x > 1 { y = x }\nreturn y",
            (
                "undefined-name",
                "y",
                "`y` has no value here",
                "it is assigned in only one arm of the `if` in line 2; give it a value before, or in every arm",
            ),
        ),
        (
            "if x > 3 { y = x } else if x > 1 { y = 1 }\nreturn y",
            (
                "undefined-name",
                "y",
                "`y` has no value here",
                "it is assigned in some arms only of the `if` in line 2; give it a value before, or in every arm",
            ),
        ),
        (
            "if x > 3 { y = x } else { y = [x, x] }\nreturn y",
            (
                "undefined-name",
                "y",
                "`y` has no value here",
                "it is a scalar in one arm of the `if` in line 2, and has shape [2] in another",
            ),
        ),
        (
            "if x > 3 { y = x } else { y = true }\nreturn y",
            (
                "undefined-name",
                "y",
                "`y` has no value here",
                "it is a bool in one arm of the `if` in line 2, and a number in another",
            ),
        ),
        (
            "y = x\nif x > 3 { y = [x, x] }\nreturn y",
            (
                "shape-mismatch",
                "y",
                "`y` is a scalar in line 2, here it has shape [2]",
                "a name that is carried by a loop or changed in an arm keeps its shape",
            ),
        ),
        (
            "y = x\nif x > 3 { y = true }\nreturn y",
            ("type-mismatch", "y", "`y` is real in line 2, here it is bool", None),
        ),
        (
            "y = x\nif [x, x] > 3 { y = 1 }\nreturn y",
            (
                "type-mismatch",
                "[x, x] > 3",
                "the condition of an `if` statement is one bool; this is bool[2]",
                "`if c then a else b` selects entry by entry",
            ),
        ),
        (
            "if x > 1 { x = 2 }\nreturn x",
            ("assigned-twice", "x", "`x` is an argument and cannot be assigned", None),
        ),
        (
            "if x > 1 { y = 1 } else { y = 2 }\ny = 3\nreturn y",
            (
                "assigned-twice",
                "y",
                "`y` is already assigned in line 2",
                "each name is assigned once; use a new name",
            ),
        ),
        (
            "if x > 1 { return x } else { y = x }",
            (
                "no-return",
                "{ y = x }",
                "an arm of this `if` ends with `return`, and this one does not",
                "the last statement returns, or every arm of an `if` that is last",
            ),
        ),
        (
            "if x > 1 { return x }",
            (
                "no-return",
                "if x > 1 { return x }",
                "an arm of this `if` ends with `return`, and it has no `else` that does",
                "the last statement returns, or every arm of an `if` that is last",
            ),
        ),
        (
            "if x > 1 { return x } else { return x, x }",
            ("result-count", "return x, x", "2 results here, and 1 in line 2", "every arm returns as many"),
        ),
        (
            "if x > 1 { return x } else { return [x] }",
            ("shape-mismatch", "[x]", "this result has shape [1]; the one in line 2 is a scalar", None),
        ),
        (
            "if x > 1 { return x } else { return true }",
            ("type-mismatch", "true", "this result is bool; the one in line 2 is real", None),
        ),
    ],
)
def test_what_is_wrong_is_said(body, expected):
    assert messages(function(body)) == [expected]


def test_a_fault_in_one_arm_hides_nothing_else():
    """Names of the faulty statement are known after the `if`."""
    body = "if x > 1 { y = nonsense } else { y = 1; z = other }\nreturn y"
    assert [m[:2] for m in messages(function(body))] == [
        ("undefined-name", "nonsense"),
        ("undefined-name", "other"),
    ]


def test_no_run_time_if_in_a_base_function():
    """It is applied to arrays entry by entry; the conditional expression is for that."""
    text = "function g(x) { y = x\nif x > 1 { y = 1 }\nreturn y }\nbase b(x) = g(x)\n"
    [(found, at, message, hint)] = messages(text + function("return b(x)"))
    assert (found, at) == ("base-not-scalar", "if x > 1 { y = 1 }")
    assert (
        message
        == "a base function is an expression: it has no loops, comprehensions or run-time `if` statements"
    )
    assert hint == "write a `function` instead"
