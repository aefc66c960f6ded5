"""Drawings: every operation once, arrows where uses are, clusters that nest, and nothing unescaped."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given
from strategies.graphs import Drawn, graphs

import paramprog
from paramprog.diagnostics import ProgramError
from paramprog.explain import picture
from paramprog.explain.dot import dot
from paramprog.explain.drawing import Close, Drawing, Open, Subject, draw, levels
from paramprog.explain.mermaid import mermaid
from paramprog.explain.render import to_json
from paramprog.explain.text import text
from paramprog.graph import PART, Region, cone
from paramprog.program import Program
from paramprog.resources import programs_dir

HOSTILE = 'a"]; evil -> x; // \\N <b>&#35;`end`\n\x1b[31m\u202e.pp'
has_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def subject_of(drawn: Drawn) -> Subject:
    """A random graph as a program without a text."""
    nodes = cone(drawn.graph.nodes, [drawn.output])
    return Subject("random", nodes, {}, [drawn.output], drawn.leaves)


def subject(program: Program, *, values: bool = False, grads: bool = False) -> Subject:
    point = program.point()
    return program.subject(
        point.compiled, point if values or grads else None, values=values, grads=grads, output=None
    )


def example(name: str) -> Program:
    return paramprog.load(programs_dir() / f"{name}.pp")


@given(graphs())
def test_every_operation_is_drawn_once_and_clusters_nest(drawn: Drawn) -> None:
    """Keys are unique, names too, arrows join what is drawn; regions vanish, their bodies are clusters."""
    found: Drawing = draw(subject_of(drawn))
    keys = [v.key for v in found.vertices]
    assert len(set(keys)) == len(keys)
    assert len({v.name for v in found.vertices}) == len(keys)
    assert all(a.start in keys and a.end in keys for a in found.arrows)
    depth = 0
    for before, item in zip([None, *found.items], found.items, strict=False):
        depth += isinstance(item, Open) - isinstance(item, Close)
        assert depth >= 0
        assert not (isinstance(before, Open) and isinstance(item, Close)), "an empty cluster"
    assert depth == 0
    assert not any(isinstance(v.node.op, Region) for v in found.vertices)
    for v in found.vertices:
        if v.node.op is not PART and v.node.args:
            carried = 2 * (
                v.node.op.name == "leaf"
            )  # of a loop: from its first value, and from the turn before
            assert sum(a.end == v.key for a in found.arrows) <= len(v.node.args) + carried


@given(graphs())
def test_all_formats_take_any_graph(drawn: Drawn) -> None:
    """Braces and subgraphs are balanced."""
    found = draw(subject_of(drawn))
    schedule = levels(found.subject)
    for text_of in (text, dot, mermaid):
        assert text_of(found, schedule).endswith("\n")
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', dot(found))
    assert bare.count("{") == bare.count("}")
    lines = [line.strip() for line in mermaid(found).splitlines()]
    assert sum(line.startswith("subgraph ") for line in lines) == lines.count("end")


def test_the_running_example() -> None:
    """Twelve vertices, and formulas as a reader would write them."""
    found = draw(subject(example("running_example")))
    assert {v.name: v.text for v in found.vertices if v.kind in ("operation", "output")} == dict(
        [("A", "W0 * P"), ("B", "f0(A, Q)"), ("C", "W1 * B"), ("D", "W2 * B")]
        + [("E", "f1(C)"), ("F", "f2(D)"), ("R", "f3(E, F)")]
    )
    kinds = {v.name: v.kind for v in found.vertices}
    assert (kinds["P"], kinds["W0"], kinds["A"], kinds["R"]) == ("input", "param", "operation", "output")
    names = {v.key: v.name for v in found.vertices}
    assert {(names[a.start], names[a.end]) for a in found.arrows} == {
        *{("W0", "A"), ("P", "A"), ("A", "B"), ("Q", "B"), ("W1", "C"), ("B", "C"), ("W2", "D")},
        *{("B", "D"), ("C", "E"), ("D", "F"), ("E", "R"), ("F", "R")},
    }


def test_formulas() -> None:
    """Slices, products, numbers in their place, comparisons."""
    program = paramprog.loads("""
    function f(A : real[3, 4], v : real[4], i : int = 1) {
        s = A[0:2, 1]
        p = A @ v
        c = contract("ij,j->ij", A, v)
        n = -2 * p
        g = A[i]
        y = sum(n) + sum(s) + sum(c) + sum(g) / 3
        return y
    }""")
    found = {v.name: v.text for v in draw(subject(program)).vertices}
    assert found["s"] == "A[0:2, 1]"
    assert found["p"] == "A @ v"
    assert found["c"] == 'contract("ij,j->ij", A, v)'
    assert found["n"] == "-2 * p"
    assert "gather(A, i)" in found.values()


def test_a_branch_is_two_clusters() -> None:
    """The condition, the sides, and what is taken."""
    program = paramprog.loads("""
    function f(x = 2.0) {
        y = if x > 1 then (if x > 3 then x * x else sin(x)) else exp(x)
        return y
    }""")
    found = draw(subject(program))
    opened = [item.label for item in found.items if isinstance(item, Open)]
    assert opened == ["if %1", "if %2", "else, not %2", "else, not %1"]
    names = {v.key: v.name for v in found.vertices}
    into = [(names[a.start], a.label) for a in found.arrows if names[a.end] == "y"]
    assert [label for _, label in into] == ["if", "then", "else"]


def test_what_a_side_takes_from_outside_has_no_cluster() -> None:
    """A number, or a point as it is."""
    found = draw(subject(example("guarded_log")))
    assert [item.label for item in found.items if isinstance(item, Open)] == ["if %4", "if %9", "if %14"]
    assert any(v.text == "if %4 then %5 else 0.0" for v in found.vertices)


def test_names_repeated_by_inlined_functions_are_numbered() -> None:
    """The points of the entry function keep theirs."""
    found = [v.name for v in draw(subject(example("recurrence"))).vertices]
    assert {"next", "next#2", "next#3", "h1", "h2", "h3", "loss"} <= set(found)


def test_a_run() -> None:
    """Without regions: the side taken, with all values and adjoints."""
    made = subject(example("guarded_log"), values=True, grads=True)
    found = draw(made)
    assert not any(isinstance(item, Open) for item in found.items)
    assert made.values is not None
    assert made.adjoints is not None
    by_name = {v.name: v.node for v in found.vertices}
    assert made.adjoints[by_name["a"]] == 0.5
    assert made.adjoints[by_name["b"]] is None
    rows = text(found).splitlines()
    assert rows[2].split() == ["point", "type", "line", "value", "adjoint", "used", "by"]
    assert any(row.split()[:6] == ["a", "(input)", "real", "16", "2", "0.5"] for row in rows)
    assert any(row.split()[:6] == ["b", "(input)", "real", "16", "-1", "-"] for row in rows)


def test_the_schedule() -> None:
    """Level by level, forwards and backwards."""
    made = subject(example("running_example"))
    lines = text(draw(made), levels(made)).splitlines()
    first = lines.index("forward: 12 points in 6 levels, up to 5 at once")
    assert lines[first + 1 : first + 7] == [
        *("  0  P, Q, W0, W1, W2", "  1  A", "  2  B", "  3  C, D", "  4  E, F", "  5  R")
    ]
    assert "backward: 12 points in 6 levels, up to 3 at once" in lines


def test_json() -> None:
    """Names, formulas, places, operands; levels by name."""
    found = to_json(subject(example("running_example"), values=True, grads=True), levels=True)
    node = next(n for n in found["nodes"] if n["name"] == "A")
    assert node == {
        "name": "A",
        "formula": "W0 * P",
        "kind": "operation",
        "type": "real",
        "line": 16,
        "col": 9,
        "uses": ["W0", "P"],
        "value": pytest.approx(0.15),
        "adjoint": pytest.approx(-0.44150611672305607),
    }
    assert found["levels"]["forward"][3] == ["C", "D"]
    assert found["levels"]["backward"][0] == ["R"]


def test_tapes() -> None:
    """A tape shows how much lies on it, in text and in JSON, also where it is an adjoint."""
    program = paramprog.loads("""function f(x = 3.0) {
    t = push(push(tape(7.0), x), x * x)
    s, a = pop(t)
    u, b = pop(s)
    v, c = pop(u, endless = true)
    return a * b * c
}""")
    drawn = subject(program, values=True, grads=True)
    values = {n["name"]: n["value"] for n in to_json(drawn)["nodes"]}
    assert [values[k] for k in "tsuv"] == ["tape of 2", "tape of 1", "tape of 0", "tape of 0"]
    adjoints = {n["name"]: n["adjoint"] for n in to_json(drawn)["nodes"]}
    assert (adjoints["a"], adjoints["u"]) == (21.0, "tape of 1")
    assert re.search(r"^t = push\(.*  a tape of real  2 +tape of 2 ", text(draw(drawn)), re.MULTILINE)


# ---- escaping ----------------------------------------------------------------------------------------------


def hostile() -> Drawing:
    """A program whose file name and source excerpts are full of markup."""
    entry = "function f(A : real[2, 2] = [[1, 2], [3, 4]])"
    source = entry + ' {\n y = sum(contract("ij,j->i", A, A[0]))  # "]\n return y\n}'
    program = paramprog.loads(source, name=HOSTILE)
    return draw(subject(program))


def test_mermaid_escapes() -> None:
    """Inside labels only letters, digits, and harmless signs; the rest as codes."""
    for line in mermaid(hostile()).splitlines():
        label = re.fullmatch(r'\s*v\d+\("(.*)"\):::\w+', line)
        if label:
            plain = label[1].replace("<br/>", "\n")
            assert re.fullmatch(r"(?:[A-Za-z0-9 .,:+\-/=()\[\]_\n]|#\d+;)*", plain)
    assert "evil" not in mermaid(hostile())


def test_text_escapes() -> None:
    """No control characters reach a terminal."""
    found = text(hostile())
    assert "\x1b" not in found
    assert "\u202e" not in found


@has_dot
def test_dot_escapes() -> None:
    """Graphviz reads back as many nodes as were drawn, and the name of the file as a text."""
    found = hostile()
    source = dot(found)
    assert "\x1b" not in source
    done = subprocess.run(["dot", "-Tplain"], input=source.encode(), capture_output=True, check=True)
    nodes = [line.split()[1] for line in done.stdout.decode().splitlines() if line.startswith("node ")]
    assert sorted(nodes) == sorted(v.key for v in found.vertices)


# ---- pictures ----------------------------------------------------------------------------------------------


@has_dot
@pytest.mark.parametrize("path", sorted(programs_dir().glob("*.pp")), ids=lambda path: path.stem)
def test_pictures(path: Any) -> None:
    """An SVG of every shipped program, with the schedule; a PNG of one."""
    if path.stem == "determinant":
        pytest.skip("takes Graphviz long")
    graph = paramprog.load(path).graph
    assert "</svg>" in str(graph.draw("svg", levels=True))
    if path.stem == "guarded_log":
        made = graph.draw("png", values=True, grads=True)
        assert isinstance(made, bytes)
        assert made.startswith(b"\x89PNG")


def test_without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says how to get it, and what works without."""
    monkeypatch.setattr(picture.shutil, "which", lambda name: None)
    with pytest.raises(ProgramError) as error:
        example("running_example").draw("svg")
    assert error.value.diagnostics[0].code == "graphviz-missing"
    assert "apt-get install graphviz" in str(error.value.diagnostics[0].hint)
    assert "--format dot" in str(error.value.diagnostics[0].hint)


def test_a_failing_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said is passed on; too large a graph is refused before it starts."""
    monkeypatch.setattr(picture.shutil, "which", lambda name: "dot")

    def fails(*_: Any, **__: Any) -> Any:
        return subprocess.CompletedProcess([], 1, b"", b"Error: out of ink\n")

    monkeypatch.setattr(picture.subprocess, "run", fails)
    with pytest.raises(ProgramError, match="out of ink"):
        picture.picture("digraph {}", "svg", 1)
    with pytest.raises(ProgramError, match="a picture can show"):
        picture.picture("digraph {}", "svg", 10**6)


def test_an_unknown_format() -> None:
    """Is a fault of the caller."""
    with pytest.raises(ValueError, match="format is one of text, dot"):
        example("running_example").draw("jpg")  # type: ignore[arg-type]
